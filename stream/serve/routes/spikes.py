"""Spikes: what rose, since when, how surely, and why."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from stream.records import Spike, SpikeKind
from stream.serve import answers, problems
from stream.serve.routes import examples
from stream.serve.routes.parameters import BrandQuery, From, Moment, To, missing
from stream.serve.services import Use

router = APIRouter(tags=["spikes"])


@router.get("/spikes", response_model=answers.Spikes, responses=problems.documented(422) | examples.spikes)
async def all_spikes(
    use: Use,
    brand: BrandQuery = None,
    kind: Annotated[SpikeKind | None, Query(description="what rose")] = None,
    status: Annotated[Literal["open", "closed"] | None, Query()] = None,
    start: From = None,
    to: To = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> answers.Spikes:
    """Spikes, those that opened last first, with their evidence. `from` and `to` are of the opening."""
    found = (
        spike
        for spike in use.state.read.spikes.newest(brand)
        if (kind is None or spike.kind == kind)
        and (status is None or spike.status == status)
        and _within(spike, start, to)
    )
    return answers.Spikes(spikes=list(itertools.islice(found, limit)))


@router.get("/spikes/{id}", response_model=Spike, responses=problems.documented(404, 422) | examples.spike)
async def one_spike(
    use: Use, spike_id: Annotated[str, Path(alias="id", min_length=1, max_length=100, description="id of a spike")]
) -> Spike:
    """One spike with its evidence: terms that are used more than before, and tweets that stand for many."""
    found = use.state.read.spikes.get(spike_id)
    if found is None:
        raise missing(use.state, f"spike {spike_id!r}", "GET /spikes lists those that there are")
    return found


def _within(spike: Spike, start: Moment | None, end: Moment | None) -> bool:
    return (start is None or spike.opened_at >= start) and (end is None or spike.opened_at < end)
