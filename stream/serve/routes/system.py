"""About this server: health, metrics, statistics, the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric

from infra import metrics
from model.labels import LABELS
from stream.records import Counts, ModelIdentity, Probabilities
from stream.serve import answers, problems
from stream.serve.overview import time_of
from stream.serve.problems import ProblemError
from stream.serve.read.packed import counts_of
from stream.serve.routes import examples
from stream.serve.services import Services, Use

router = APIRouter(tags=["server"])
HOUR_S = 3_600


@router.get("/health/live", response_model=answers.HealthAnswer, responses=examples.failing)
async def live(use: Use) -> Response:
    """Whether this process works. That Kafka is away is no failure: what was read is still served."""
    return _verdict({"reader": use.reader_alive()})


@router.get("/health/ready", response_model=answers.HealthAnswer, responses=examples.failing)
async def ready(use: Use) -> Response:
    """Whether all that was on the topics at the start has been read."""
    return _verdict({"read": None if use.state.ready else "still reading what was there before"})


@router.get("/health", response_model=answers.HealthAnswer, responses=examples.failing)
async def health(use: Use) -> Response:
    """Both, and how fresh it all is."""
    checks = {
        "reader": use.reader_alive(),
        "read": None if use.state.ready else "still reading what was there before",
    }
    return _verdict(checks, use.state.freshness())


@router.get("/metrics", responses=examples.metrics | problems.documented(), response_class=Response)
async def prometheus(use: Use) -> Response:
    """For Prometheus."""
    minutes, lag_s = use.state.read.minutes, use.state.freshness().lag_s
    metrics.READ_WINDOWS.set(minutes.count)
    metrics.READ_WINDOWS_BYTES.set(minutes.size)
    if lag_s is not None:
        metrics.READ_SILENCE.set(lag_s)
    registry = CollectorRegistry()
    registry.register(_Own())
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Own:
    """What this process tells. A worker's metrics, at 0 here, would say that Kafka is away."""

    def collect(self) -> Iterator[Metric]:
        others = (metrics.DELIVERY, metrics.FLOW, metrics.REPUTATION, metrics.NOTIFY)
        foreign = {one.name.removesuffix("_total") for section in others for one in section.definitions}
        return (family for family in REGISTRY.collect() if family.name not in foreign)


@router.get("/model", response_model=answers.ModelAnswer, responses=problems.documented() | examples.model)
async def model(use: Use) -> answers.ModelAnswer:
    """The model that labels here, and what it reached on labelled texts."""
    found = _model(use)
    if found is None:
        raise ProblemError(503, "this server runs without a model; ask one that has it", retry_after_s=60)
    return found


@router.get("/stats", response_model=answers.Stats, responses=problems.documented() | examples.stats)
async def stats(use: Use) -> answers.Stats:
    """What comes in, what the model says of it, and what this process holds."""
    read = use.state.read
    newest = read.newest_label
    return answers.Stats(
        freshness=use.state.freshness(),
        labelled_per_s=round(use.state.labelled_per_s, 2),
        online=_online(use),
        labelling_model=None if newest is None else ModelIdentity(**newest[1]),
        model=_model(use),
        held=answers.Held(
            brands=len(read.minutes.brands),
            windows=read.minutes.count,
            windows_bytes=read.minutes.size,
            since=time_of(read.minutes.since),
            tweets=read.tweets.count,
            spikes=len(read.spikes),
            streams=len(use.hub.clients),
        ),
        unreadable=read.unreadable,
    )


def _online(use: Services) -> answers.LabelShares:
    minutes = use.state.read.minutes
    end, sums = minutes.event_time.watermark(), [0, 0, 0]
    for known in minutes.brands.values() if end is not None else ():
        for _at, packed in known.between((end or 0) - HOUR_S, end or 0):
            for index, count in enumerate(counts_of(packed)):
                sums[index] += count
    total = sum(sums)
    counts = dict(zip(LABELS, sums, strict=True))
    shares = {label: round(count / total, 6) for label, count in counts.items()} if total else None
    return answers.LabelShares(
        tweets=total, counts=Counts(**counts), shares=None if shares is None else Probabilities(**shares)
    )


def _model(use: Services) -> answers.ModelAnswer | None:
    if use.batcher is None:
        return None
    info, measured = use.batcher.info, use.model_metrics
    return answers.ModelAnswer(
        name=info.name, version=info.version, engine=info.engine, metrics=None if measured is None else dict(measured)
    )


def _verdict(checks: Mapping[str, str | None], freshness: answers.Freshness | None = None) -> Response:
    well = not any(checks.values())
    answer = answers.HealthAnswer(
        status="ok" if well else "failing",
        checks={name: why or "ok" for name, why in checks.items()},
        freshness=freshness,
    )
    return JSONResponse(answer.model_dump(mode="json"), status_code=200 if well else 503)
