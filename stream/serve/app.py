"""The FastAPI application: routes, page, documentation, and what stands before them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, JSONResponse
from starlette.staticfiles import StaticFiles

from infra.settings import Settings
from stream.serve import problems
from stream.serve.limits import Gate, Guard
from stream.serve.routes import brands, labels, live, spikes, system

FOLDER = Path(__file__).parent
PAGE = FOLDER / "page"
DOCS = FOLDER / "docs"
API_VERSION = "1"
_ABOUT = """\
Labels of tweets, and the reputation of brands made from them, live.

Times are ISO 8601 in UTC. *Now* is event time: the watermark up to which windows are closed, so that a replay of an old
file shows its own time. Errors are problem details (RFC 9457). `docs/api.md` is the guide.
"""


def create_app(settings: Settings) -> FastAPI:
    """An application without its services: whoever runs it puts them into ``app.state.services``. Raises UsageError."""
    gate = Gate.of(settings)
    app = FastAPI(
        title="Barometer",
        version=API_VERSION,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=lambda route: route.name,
        separate_input_output_schemas=False,
    )
    problems.install(app)
    for part in (brands, spikes, live, labels, system):
        app.include_router(part.router)
    app.include_router(_documents(app))
    app.mount("/static", StaticFiles(directory=PAGE, check_dir=False), name="static")
    if DOCS.is_dir():
        app.mount("/docs", StaticFiles(directory=DOCS, html=True), name="docs")
    app.add_middleware(Guard, gate=gate)
    if origins := [origin.strip() for origin in settings.serve_cors_origins.split(",") if origin.strip()]:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
        )
    return app


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of ``app``: what ``/openapi.json`` answers, and what ``docs/openapi.json`` holds."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for path in document["paths"].values():
        for operation in path.values():
            # FastAPI's own answer to a bad request is replaced everywhere.
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and "application/problem+json" in answer.get("content", {}):
                    answer["content"].pop("application/json", None)
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "Where the server asks for keys."}
    }
    document["security"] = [{}, {"key": []}]
    return document


def _documents(app: FastAPI) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html", media_type="text/html")

    @router.get("/openapi.json")
    async def document() -> Response:
        if app.openapi_schema is None:
            app.openapi_schema = openapi(app)
        return JSONResponse(app.openapi_schema)

    return router
