"""Every error of the API as problem details (RFC 9457)."""

from __future__ import annotations

import http
import logging
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from stream.fields import broken_rule
from stream.serve.answers import FieldProblem, Problem

MEDIA_TYPE = "application/problem+json"
_MOST_FIELDS = 20
_PLACES = ("body", "query", "path", "header", "one", "several")
"""Parts of a place that say nothing to whoever has sent the request."""

log = logging.getLogger(__name__)


class ProblemError(Exception):
    """Ends a request with an error that its caller can act on."""

    def __init__(
        self, status: int, detail: str, *, retry_after_s: float | None = None, fields: Sequence[FieldProblem] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {} if retry_after_s is None else {"Retry-After": str(max(1, math.ceil(retry_after_s)))}
        self.fields = list(fields)


class ProblemResponse(JSONResponse):
    """Problem details as they go out."""

    media_type = MEDIA_TYPE


def response(
    path: str,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    fields: Sequence[FieldProblem] = (),
) -> ProblemResponse:
    """The response that tells of a problem at ``path``."""
    problem = Problem(
        title=http.HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=path[:500],
        errors=list(fields) or None,
    )
    return ProblemResponse(problem.model_dump(exclude_none=True), status_code=status, headers=dict(headers or {}))


def install(app: FastAPI) -> None:
    """Let ``app`` answer every error in this form."""
    app.add_exception_handler(ProblemError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: the problems a route may answer with."""
    return {status: _RESPONSES[status] for status in (*statuses, *_EVERYWHERE)}


async def _ours(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, ProblemError)  # noqa: S101  what it is installed for
    return response(request.url.path, error.status, error.detail, error.headers, error.fields)


async def _http(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  what it is installed for
    detail = _WORDS.get(error.status_code, str(error.detail))
    return response(request.url.path, error.status_code, detail, error.headers)


async def _invalid(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  what it is installed for
    if (asked := _unreadable(request, error)) is not None:
        return response(request.url.path, *asked)
    fields = [_field(problem) for problem in error.errors()[:_MOST_FIELDS]]
    detail = "; ".join(f"{field.field}: {field.message}" for field in fields[:3])
    return response(request.url.path, 422, detail, fields=fields)


def _unreadable(request: Request, error: RequestValidationError) -> tuple[int, str] | None:
    """Status and words where it is not a field that is wrong, but the body is no JSON, or does not say that it is."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return 400, f"the body is not JSON: {first['ctx']['error']}, at character {first['loc'][-1] + 1}"
    sent = request.headers.get("content-type", "").partition(";")[0].strip()
    if set(first["loc"]) <= set(_PLACES) and isinstance(error.body, bytes) and error.body and not _JSON.match(sent):
        known = f"is sent as {sent[:100]}" if sent else "does not say what it is"
        return 415, f"the body {known}; send the header Content-Type: application/json"
    return None


async def _unexpected(request: Request, error: Exception) -> ProblemResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return response(request.url.path, 500, "this is a fault of the server; its log says more")


def _field(problem: Mapping[str, Any]) -> FieldProblem:
    """Where, in the words of the request, and what rule was broken; never the value, which may be a secret or huge."""
    place = [str(part) for part in problem["loc"] if part not in _PLACES]
    where = ".".join(place[:8])[:200] or str(problem["loc"][0] if problem["loc"] else "body")
    return FieldProblem(field=where, message=broken_rule(problem)[:500])


_JSON = re.compile(r"application/([\w.-]+\+)?json$", re.IGNORECASE)
_WORDS = {
    400: "the body cannot be read as JSON: it is not UTF-8, or nested too deeply",
    404: "there is nothing at this path; /docs lists what there is",
    405: "this path does not take that method; /docs lists what there is",
}


def _documented(description: str, *, retry: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": description,
        "model": Problem,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if retry:
        found["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
        }
    return found


_RESPONSES = {
    400: _documented("The body cannot be read."),
    401: _documented("A key is needed: `Authorization: Bearer KEY`."),
    404: _documented("There is no such thing."),
    408: _documented("The body came too slowly."),
    413: _documented("The body is larger than `BAROMETER_SERVE_BODY_BYTES`."),
    415: _documented("The body does not say that it is JSON: `Content-Type: application/json`."),
    422: _documented("A parameter or field is not what it may be; `errors` names it."),
    429: _documented("Too many requests of this client, or too many texts at once.", retry=True),
    500: _documented("A fault of the server."),
    503: _documented("Not now: too much is going on, or what is needed is away.", retry=True),
}
_EVERYWHERE = (401, 429, 500, 503)
