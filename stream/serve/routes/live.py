"""The stream of events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast, get_args

from fastapi import APIRouter, Header, Query, Response

from stream.serve import problems
from stream.serve.events import Wanted
from stream.serve.problems import ProblemError
from stream.serve.read.model import Change
from stream.serve.read.positions import MOST_CHARS, Kind, decode
from stream.serve.routes import examples
from stream.serve.routes.parameters import Cleaned, invalid
from stream.serve.series import window_json
from stream.serve.services import Services, Use
from stream.serve.streams import EventStream, Source

router = APIRouter(tags=["events"])
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_BRANDS = 100


@router.get("/events", responses=problems.documented(422) | examples.events, response_class=Response)
async def events(
    use: Use,
    brands: Annotated[
        Cleaned, Query(max_length=8_000, description="only of these brands, separated by commas; empty: all")
    ] = "",
    types: Annotated[str, Query(max_length=100, description="what to tell of")] = ",".join(KINDS),
    last_event_id: Annotated[
        str | None, Header(max_length=MOST_CHARS, description="id of the last event that was received")
    ] = None,
    since: Annotated[
        str | None, Query(max_length=MOST_CHARS, description="the same, for clients that cannot send the header")
    ] = None,
) -> Response:
    """Windows, spikes and a sample of the tweets as they come, as server-sent events.

    `id` is a vector of topic positions: come back with it (browsers do, as
    `Last-Event-ID`) to any replica, and it goes on there. An event `reset` says that
    it cannot: load what you show again. `freshness` comes every 5 seconds.
    """
    kinds = frozenset(kind.strip() for kind in types.split(",") if kind.strip())
    if not kinds or not kinds <= set(KINDS):
        raise invalid("types", f"may hold {', '.join(KINDS)}")
    names = frozenset(name.strip() for name in brands.split(",") if name.strip())
    if len(names) > MOST_BRANDS:
        raise invalid("brands", f"names {len(names)} brands; at most {MOST_BRANDS}, or none for all")
    try:
        seen = decode(last_event_id or since or "")
    except ValueError as error:
        raise invalid("Last-Event-ID" if last_event_id else "since", str(error)) from None
    if use.hub.full:
        raise ProblemError(503, "too many streams of events are open here; try again", retry_after_s=10)
    wanted = Wanted(frozenset(cast("set[Kind]", kinds)), names)
    return EventStream(_source(use), use.hub.join(wanted, seen))


def _source(use: Services) -> Source:
    def render(change: Change) -> Mapping[str, Any]:
        if not isinstance(change.content, bytes):
            return change.content
        window = use.state.read.minutes.packer.window(change.brand, change.key[1], change.content)
        return window_json(window, use.confusion, [window])

    return Source(
        use.hub,
        render,
        lambda: use.state.read.positions,
        lambda: use.state.freshness().model_dump(mode="json"),
        use.stopping,
        lambda: use.state.ready,
    )
