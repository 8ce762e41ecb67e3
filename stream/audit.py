"""``barometer audit``: count the windows again from ``tweets.labeled`` and compare.

Independent of the fold on purpose: it counts the first record of each tweet
and brand in its minute, and knows nothing of watermarks, chunks or state.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from stream.records import PANE_S, TYPE_HEADER, DeadHeaders, LabeledTweet, Window

if TYPE_CHECKING:
    from infra.settings import Settings

Cell = tuple[str, int, str]
"""Brand, start of the minute in seconds since 1970, label."""
SHOWN = 20


@dataclass(frozen=True)
class Difference:
    """One window that does not say what the labelled tweets say."""

    brand: str
    start_s: int
    label: str
    window: int
    labelled: int


@dataclass(frozen=True)
class Audit:
    """``behind``: open windows whose next update is due; ``unknown``: older than the labelled tweets that are left."""

    windows: int
    tweets: int
    differences: list[Difference]
    behind: int
    unknown: int


def compare(counted: Counter[Cell], windows: dict[tuple[str, int], Window], *, complete: bool) -> Audit:
    """Compare a fresh count with the newest windows. Pure.

    ``complete``: no labelled tweet has been removed by retention yet, so that a
    window without tweets is a difference.
    """
    told: Counter[Cell] = Counter()
    for (brand, start), window in windows.items():
        for label, count in window.counts.model_dump().items():
            told[brand, start, label] += count
    differences, behind, unknown = [], set(), set()
    for cell in sorted(told.keys() | counted.keys()):
        brand, start, label = cell
        if told[cell] == counted[cell]:
            continue
        known = windows.get((brand, start))
        if told[cell] < counted[cell] and (known is None or known.status == "open"):
            behind.add((brand, start))
        elif told[cell] > counted[cell] and not complete:
            unknown.add((brand, start))
        else:
            differences.append(Difference(brand, start, label, told[cell], counted[cell]))
    return Audit(len(windows), sum(counted.values()), differences, len(behind), len(unknown))


def run_audit(settings: Settings) -> Audit:
    """Read the topics to their ends and compare. Raises KafkaUnavailableError or TopicError."""
    from infra.kafka.reading import read_to_end
    from stream.topics import Topics

    topics = Topics.of(settings)
    windows: dict[tuple[str, int], Window] = {}
    # Windows first: labelled tweets that come in meanwhile make open windows look behind, not wrong.
    for message in read_to_end(settings, topics.windows):
        window = Window.model_validate_json(message.value() or b"")
        windows[window.brand, int(window.start.timestamp())] = window
    late = {
        (tweet.tweet.id, tweet.brand)
        for message in read_to_end(settings, topics.dead)
        if dict(message.headers() or []).get(DeadHeaders.REASON) == b"late"
        for tweet in [LabeledTweet.model_validate_json(message.value() or b"")]
    }
    counted = Counter[Cell]()
    seen: set[tuple[str, str]] = set(late)
    first_offsets: dict[int, int] = {}
    for message in read_to_end(settings, topics.labeled):
        first_offsets.setdefault(message.partition() or 0, message.offset() or 0)
        if TYPE_HEADER in dict(message.headers() or []):
            continue
        record = LabeledTweet.model_validate_json(message.value() or b"")
        if (record.tweet.id, record.brand) not in seen:
            seen.add((record.tweet.id, record.brand))
            start = int(record.tweet.created_at.timestamp()) // PANE_S * PANE_S
            counted[record.brand, start, record.label] += 1
    return compare(counted, windows, complete=not any(first_offsets.values()))


@click.command(
    epilog="""\b
Examples:
  barometer audit
  barometer audit --json | jq .differences
"""
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def audit(*, as_json: bool) -> None:
    """Count all windows again from the labelled tweets and compare.

    Exit code 1 when any window is wrong. Open windows that are about to be
    updated, and windows older than the labelled tweets that are left, are
    counted apart.
    """
    from infra.errors import BarometerError
    from infra.settings import load_settings

    found = run_audit(load_settings())
    if as_json:
        click.echo(json.dumps(asdict(found)))
    else:
        for difference in found.differences[:SHOWN]:
            start = dt.datetime.fromtimestamp(difference.start_s, dt.UTC).isoformat()
            click.echo(
                f"{difference.brand} {start} {difference.label}: "
                f"window {difference.window}, labelled {difference.labelled}"
            )
        click.echo(
            f"{found.windows} windows, {found.tweets} tweets counted again, {len(found.differences)} differences, "
            f"{found.behind} about to be updated, {found.unknown} too old to check"
        )
    if found.differences:
        raise BarometerError(
            f"{len(found.differences)} window counts differ from the labelled tweets; keep the topics and report it"
        )
