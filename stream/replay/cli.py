"""``barometer replay``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import datetime as dt

    from stream.replay.pace import Pace

SHOWN_REJECTIONS = 20
Command = TypeVar("Command", bound=Callable[..., Any])


class EventTime(click.ParamType):
    """A time in any of the forms that files have."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.datetime:
        from stream.times import parse_time

        time = parse_time(value)
        if time is None:
            self.fail(f"{value!r} is not a time; write it as 2015-02-24T19:35:00Z or 2015-02-24", param, ctx)
        return time


POSITIVE = click.FloatRange(min=0, min_open=True)
FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


FILE_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.option(
        "--format",
        "format_",
        type=click.Choice(["auto", "csv", "jsonl", "parquet"]),
        default="auto",
        help="[default: told by the content; gzip is unpacked]",
    ),
    click.option(
        "--encoding", metavar="NAME", help="Such as utf-8, cp1252 or latin-1 [default: told by the whole file]."
    ),
    click.option("--delimiter", metavar="CHAR", help="Of a CSV file; \\t is a tab [default: told by the first rows]."),
    click.option("--header/--no-header", default=None, help="Whether the first row names the columns [default: told]."),
    click.option("--text-column", metavar="NAME", help="Column with the text: its name, or its number from 1."),
    click.option("--time-column", metavar="NAME", help="Column with the event time."),
    click.option("--id-column", metavar="NAME", help="Column with the tweet's id."),
    click.option("--author-column", metavar="NAME", help="Column with the author."),
    click.option("--brand-column", metavar="NAME", help="Column with the brand, or several between | or ;."),
)


def file_options(command: Command) -> Command:
    """The options that say how a file of tweets is to be read, for every command that reads one."""
    for option in reversed(FILE_OPTIONS):
        command = option(command)
    return command


@click.command(
    epilog="""\b
Examples:
  barometer replay tweets.csv
  barometer replay tweets.csv --speedup 3600 --shift-to-now
  barometer replay export.jsonl.gz --text-column body --time-column posted
  barometer replay no-header.csv --text-column 6 --time-column 3 --rate 200 --loop
"""
)
@click.argument("path", metavar="FILE", type=FILE)
@file_options
@click.option("--rate", type=POSITIVE, metavar="N", help="Publish N tweets a second.")
@click.option("--speedup", type=POSITIVE, metavar="X", help="Publish X times as fast as it happened.")
@click.option("--max", "maximum", is_flag=True, help="Publish as fast as Kafka takes it; the default.")
@click.option(
    "--order",
    type=click.Choice(["time", "file"]),
    default="time",
    show_default=True,
    help="Oldest tweet first (sorted on disk), or as in the file.",
)
@click.option("--shift-to-now", is_flag=True, help="Move the event times to now, as told above.")
@click.option("--from", "since", type=EventTime(), metavar="T", help="Only tweets from this event time on.")
@click.option("--to", "until", type=EventTime(), metavar="T", help="Only tweets before this event time.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the first N tweets of the replay, in its order; with --order file, reading ends there.",
)
@click.option("--loop", is_flag=True, help="Start again at the end, with new ids and later times, until stopped.")
@click.option("--allow-older", is_flag=True, help="Publish even what is too old for the topic, or in it already.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def replay(as_json: bool, **asked: Any) -> None:
    """Publish a file of tweets to Kafka, in event-time order.

    CSV (any delimiter, with or without header), JSON Lines (Twitter's API
    shapes too) or Parquet, plain or gzip. Columns are found by their names,
    or named here; what was found is said before anything is published.

    A row that cannot become a tweet is shown with its line and the reason, and
    the rest goes on. Where only the time cannot be read, it is taken from the
    id if that is one of Twitter's. Without any column of times, a tweet is
    dated when it is published. A row without an id gets one that is the same
    whenever the file is read.

    Windows follow the newest event time, so a file that is too much older than
    what the topic holds, or that it holds already, is refused. Publish it with
    --shift-to-now, or under another BAROMETER_TOPIC_PREFIX.

    --shift-to-now never dates a tweet ahead of the clock. With --speedup X the
    first tweet is written now and the others at their distances divided by X;
    with --rate each is written when it is published; with --max the distances
    stay, and the last tweet is written now.

    At the end a marker tells the workers that nothing more comes (a loop that
    is stopped has no end). Ctrl-C stops, and says how much was published.
    """
    from stream.replay.command import run

    asked["format"] = asked.pop("format_")
    asked["header"] = {None: "auto", True: "yes", False: "no"}[asked["header"]]
    asked["delimiter"] = one_character(asked["delimiter"])
    asked["pace"] = _pace(asked.pop("rate"), asked.pop("speedup"), asked.pop("maximum"))
    run(asked, as_json=as_json)


def one_character(delimiter: str | None) -> str | None:
    r"""The delimiter that was asked for; ``\t`` and ``tab`` are a tab. Raises click.BadParameter."""
    named = {"\\t": "\t", "tab": "\t"}.get(delimiter or "", delimiter)
    if named is not None and len(named) != 1:
        raise click.BadParameter(f"{delimiter!r} is not one character", param_hint="--delimiter")
    return named


def _pace(rate: float | None, speedup: float | None, maximum: bool) -> Pace:
    from stream.replay.pace import AsFastAsPossible, Rate, Speedup

    given = [name for name, value in (("--rate", rate), ("--speedup", speedup), ("--max", maximum)) if value]
    if len(given) > 1:
        raise click.UsageError(f"{given[0]} and {given[1]} exclude each other; give one")
    if rate:
        return Rate(rate)
    return Speedup(speedup) if speedup else AsFastAsPossible()
