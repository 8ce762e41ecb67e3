"""A brand's state as small records, of which a pane rewrites two or three, and back.

``encode`` gives the JSON of one part, None when nothing is left of it (the
record is to be removed); ``decode`` puts all parts of a brand together again.
A state that was saved and restored between any two panes decides as if it had
not been: everything else in it follows from the parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

import orjson

from stream.spikes.history import History, Hour
from stream.spikes.pane import Kind
from stream.spikes.recent import CHUNK_S, SAVED_FIELDS, Recent, RecentPane, authors_in, pack_authors
from stream.spikes.state import HEAD, BrandState, OpenSpike, Part

NO_SUMS = (0,) * (len(RecentPane._fields) - SAVED_FIELDS)
"""Sums are not saved: Recent adds up again."""


def encode(state: BrandState, part: Part) -> bytes | None:
    """One part of ``state`` as JSON."""
    if part == HEAD:
        return orjson.dumps(
            {
                "end": state.end,
                "resumed": state.resumed,
                "summarised": state.summarised,
                "relearn": state.relearn,
                "models": state.models,
                "open": [astuple(spike) for spike in state.open.values()],
                "closed": {kind.value: at for kind, at in state.closed.items()},
            }
        )
    if part.name == "recent":
        panes = state.recent.between(part.number * CHUNK_S, (part.number + 1) * CHUNK_S)
        return orjson.dumps([_row(pane) for pane in panes]) if panes else None
    hours = state.history.days.get(part.number)
    return orjson.dumps([[of_day, *hours[of_day]] for of_day in sorted(hours)]) if hours else None


def _row(pane: RecentPane) -> list[Any]:
    authors = (pane.negative_authors, pane.positive_authors)
    return [*pane[: SAVED_FIELDS - len(authors)], *(authors_in(packed).tolist() for packed in authors)]


def parts(state: BrandState) -> set[Part]:
    """All parts that ``state`` consists of."""
    chunks = {Part("recent", pane.start // CHUNK_S) for pane in state.recent.panes}
    return {HEAD, *chunks, *(Part("day", day) for day in state.history.days)}


def decode(brand: str, records: Mapping[Part, bytes]) -> BrandState:
    """The state of ``brand`` in what ``encode`` gave for its parts."""
    head = orjson.loads(records[HEAD])
    panes: list[RecentPane] = []
    days: dict[int, dict[int, Hour]] = {}
    for part in sorted(records):
        if part.name == "recent":
            rows = orjson.loads(records[part])
            panes += [RecentPane._make([*row[:-2], *map(pack_authors, row[-2:]), *NO_SUMS]) for row in rows]
        elif part.name == "day":
            days[part.number] = {of_day: Hour(*sums) for of_day, *sums in orjson.loads(records[part])}
    spikes = [OpenSpike(identity, Kind(kind), *rest) for identity, kind, *rest in head["open"]]
    return BrandState(
        brand,
        end=head["end"],
        resumed=head["resumed"],
        summarised=head["summarised"],
        relearn=(head["relearn"][0], head["relearn"][1]),
        models=head["models"],
        open={spike.kind: spike for spike in spikes},
        closed={Kind(kind): at for kind, at in head["closed"].items()},
        recent=Recent(panes),
        history=History(days),
    )
