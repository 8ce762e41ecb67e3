"""``barometer scenario write|play``: the tweets of the demo, as a file or published to a Kafka of yours."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import click

HOURS = 6
TWEETS_AN_HOUR = 1_250
SPEEDUP = 24.0
"""Six hours in a quarter of an hour."""

_SEED = click.option("--seed", type=int, metavar="N", help="Another scenario; the same for the same number.")
_HOURS = click.option("--hours", type=click.IntRange(1, 168), default=HOURS, show_default=True, help="How long it is.")
_ENDING_NOW = click.option(
    "--ending-now/--in-the-past",
    default=False,
    help="Date it so that it ends now, instead of on a morning in March 2025 (the same bytes every time).",
)


@click.group()
def scenario() -> None:
    """Made-up tweets about made-up brands, with a crisis, a viral moment and broken rows; what the demo plays."""


@scenario.command(
    epilog="""\b
Examples:
  barometer scenario write tweets.jsonl
  barometer scenario write tweets.csv
  barometer scenario write week.jsonl --hours 168 --seed 3
"""
)
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@_SEED
@_HOURS
@_ENDING_NOW
def write(path: Path, seed: int | None, hours: int, ending_now: bool) -> None:
    """Write the scenario as JSON lines, or as CSV if FILE ends in .csv.

    Replay it with --order file: sorted by time, nothing would be late.
    """
    from infra.errors import UsageError

    try:
        rows = _write(path, seed, hours, ending_now=ending_now)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    click.echo(f"{rows} rows in {path}; next: barometer replay {path} --order file")


@scenario.command(
    epilog="""\b
Examples:
  barometer scenario play --ending-now
  barometer scenario play --once --speedup 60
"""
)
@_SEED
@_HOURS
@_ENDING_NOW
@click.option(
    "--speedup",
    type=click.FloatRange(min=0, min_open=True),
    default=SPEEDUP,
    show_default=True,
    metavar="X",
    help="Publish X times as fast as it happened.",
)
@click.option("--once", is_flag=True, help="Do nothing when the topic holds tweets already.")
def play(seed: int | None, hours: int, ending_now: bool, speedup: float, once: bool) -> None:
    """Publish the scenario to Kafka, so that there is something to see.

    With --ending-now its first tweet is some hours old and its last one, at the
    end of the replay, about as old as the replay took.
    """
    from stream.replay.command import run
    from stream.replay.pace import Speedup

    if once and _has_tweets():
        click.echo("the topic holds tweets already: nothing to do")
        return
    with tempfile.TemporaryDirectory(prefix="barometer-scenario-") as folder:
        path = Path(folder) / "scenario.jsonl"
        _write(path, seed, hours, ending_now=ending_now)
        run({"path": path, "order": "file", "pace": Speedup(speedup)}, as_json=False)


def _write(path: Path, seed: int | None, hours: int, *, ending_now: bool) -> int:
    from stream.scenario import DEFAULT_SEED, write_scenario

    start = dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours) if ending_now else None
    number = DEFAULT_SEED if seed is None else seed
    return write_scenario(path, number, start=start, hours=hours, tweets=TWEETS_AN_HOUR * hours).rows


def _has_tweets() -> bool:
    from infra.kafka.admin import describe_topics, record_counts
    from infra.settings import load_settings
    from stream.topics import Topics

    settings = load_settings()
    name = Topics.of(settings).tweets
    found = describe_topics(settings, [name])
    return name in found and record_counts(settings, found.values())[name] > 0
