"""Brands: all at a glance, one in depth, several beside each other."""

from __future__ import annotations

import asyncio
import base64
import binascii
import itertools
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response

from model.labels import LABELS, Label
from stream.serve import answers, problems
from stream.serve.read.tweets import Place
from stream.serve.routes import examples
from stream.serve.routes.parameters import (
    BrandPath,
    Cleaned,
    From,
    SizeQuery,
    To,
    Zone,
    invalid,
    missing,
    span_of,
)
from stream.serve.series import Span, windows
from stream.serve.services import Services, Use

router = APIRouter(tags=["brands"])
SPIKES_SHOWN = 5
MOST_COMPARED = 10
Json = dict[str, Any]


@router.get("/brands", response_model=answers.Brands, responses=problems.documented(422) | examples.brands)
async def all_brands(
    use: Use,
    limit: Annotated[int, Query(ge=1, le=1_000, description="most brands in the answer")] = 100,
    q: Annotated[Cleaned, Query(max_length=128, description="part of the name, in any case")] = "",
) -> answers.Brands:
    """All brands in their last 15 closed minutes, those with most tweets first."""
    ranked = use.overview.ranked(q)
    found = [brand for name in ranked[:limit] if (brand := use.overview.brand(name)) is not None]
    return answers.Brands(freshness=use.state.freshness(), brands=found, total=len(ranked))


@router.get(
    "/brands/{brand:path}/windows",
    response_model=answers.Windows,
    responses=problems.documented(404, 422) | examples.windows,
)
async def brand_windows(
    use: Use,
    brand: BrandPath,
    start: From = None,
    to: To = None,
    size: SizeQuery = "1m",
    tz: Zone = "UTC",
) -> Response:
    """Windows of a brand in order of time, with what was expected of them. At most 3,000 in one answer."""
    span = span_of(use, start, to, size, tz)
    return _json(
        {"brand": brand, "size": size, "since": _since(use), "windows": await _windows(use, _known(use, brand), span)}
    )


@router.get(
    "/brands/{brand:path}/tweets",
    response_model=answers.Tweets,
    responses=problems.documented(404, 422) | examples.tweets,
)
async def brand_tweets(
    use: Use,
    brand: BrandPath,
    label: Annotated[Label | None, Query(description="only with this label")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")] = None,
) -> Response:
    """The latest tweets about a brand, newest first. Some hundred are held for each brand."""
    place = None if before is None else _place(before)
    labels = LABELS if label is None else (label,)
    found = list(itertools.islice(use.state.read.tweets.latest(_known(use, brand), labels, place), limit + 1))
    following = _cursor(found[limit - 1].place) if len(found) > limit else None
    return _json({"tweets": [tweet.fields for tweet in found[:limit]], "next": following})


@router.get(
    "/brands/{brand:path}", response_model=answers.BrandNow, responses=problems.documented(404, 422) | examples.brand
)
async def one_brand(use: Use, brand: BrandPath) -> answers.BrandNow:
    """A brand now against its baseline, with its newest spikes."""
    found = use.overview.brand(_known(use, brand))
    spikes = list(itertools.islice(use.state.read.spikes.newest(brand), SPIKES_SHOWN))
    return answers.BrandNow(
        **dict(found or ()), freshness=use.state.freshness(), baseline=use.overview.baseline(brand), spikes=spikes
    )


@router.get(
    "/compare", response_model=answers.Comparison, responses=problems.documented(404, 422) | examples.comparison
)
async def compare(
    use: Use,
    brands: Annotated[
        Cleaned, Query(min_length=1, max_length=1_500, description="names, separated by commas", examples=["A,B"])
    ],
    start: From = None,
    to: To = None,
    size: SizeQuery = "5m",
    tz: Zone = "UTC",
) -> Response:
    """Windows of several brands over the same time."""
    names = list(dict.fromkeys(name.strip() for name in brands.split(",") if name.strip()))
    if not 1 <= len(names) <= MOST_COMPARED:
        raise invalid("brands", f"names {len(names)} brands; take 1 to {MOST_COMPARED}")
    span = span_of(use, start, to, size, tz)
    series = [{"brand": name, "windows": await _windows(use, _known(use, name), span)} for name in names]
    return _json({"series": series})


async def _windows(use: Services, brand: str, span: Span) -> list[Json]:
    """In a thread, from a copy: a long span takes some time."""
    model = use.state.read
    known = model.minutes.brands[brand]
    closed_to = model.minutes.event_time.watermark(known.partition)
    try:
        return await asyncio.to_thread(
            windows, brand, known.snapshot(), model.minutes.packer, span, closed_to=closed_to, confusion=use.confusion
        )
    except (OverflowError, ValueError) as error:
        raise invalid("from", f"is a time of which no windows can be made ({error})") from None


def _known(use: Services, brand: str) -> str:
    """The name of a brand that is held. Raises ProblemError."""
    if brand not in use.state.read.minutes.brands:
        raise missing(use.state, f"brand {brand[:100]!r}", "GET /brands lists those that there are")
    return brand


def _since(use: Services) -> str | None:
    since = use.state.read.minutes.since
    return None if since is None else answers.iso(since)


def _cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def _place(cursor: str) -> Place:
    try:
        at_us, tweet_id = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, binascii.Error):
        raise invalid("before", "is not what `next` of a page before said") from None
    if not isinstance(at_us, int) or not isinstance(tweet_id, str):
        raise invalid("before", "is not what `next` of a page before said")
    return at_us, tweet_id


def _json(value: Any) -> Response:
    """What is JSON already, not validated again: these answers are large."""
    return Response(orjson.dumps(value), media_type="application/json")
