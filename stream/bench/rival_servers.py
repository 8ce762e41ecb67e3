"""What ``barometer serve`` is compared with: the servers that most people write first.

    python -m stream.bench.rival_servers KIND FOLDER PORT

``pipeline``: FastAPI around ``transformers.pipeline`` on torch, a plain
function for each request. ``locked``: Barometer's own engine in the same
place, one text at a time behind a lock; so the difference to ``barometer
serve`` is the batcher alone.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from model.bench.contestants import Runner, barometer, pipeline
from model.engines.cores import usable_cores
from model.labels import LABELS


class Asked(BaseModel):
    """The body of a request."""

    text: str


def app_of(run: Runner) -> FastAPI:
    """A server that labels by ``run``."""
    app = FastAPI()

    @app.post("/predict")
    def predict(asked: Asked) -> dict[str, Any]:
        shares = run([asked.text])[0]
        best = int(shares.argmax())
        probabilities = {label: round(float(share), 6) for label, share in zip(LABELS, shares, strict=True)}
        return {"label": LABELS[best], "confidence": probabilities[LABELS[best]], "probabilities": probabilities}

    return app


def locked(folder: str) -> Runner:
    """The engine, one call at a time, which is what it asks for."""
    run, lock = barometer(folder, 0, 1), threading.Lock()

    def one_at_a_time(texts: Sequence[str]) -> Any:
        with lock:
            return run(texts)

    return one_at_a_time


MAKERS: dict[str, Callable[[str], Runner]] = {
    "pipeline": lambda folder: pipeline(folder, usable_cores(), 1),
    "locked": locked,
}

if __name__ == "__main__":
    import uvicorn

    kind, model_folder, port = sys.argv[1:]
    uvicorn.run(app_of(MAKERS[kind](model_folder)), host="127.0.0.1", port=int(port), log_level="warning")
