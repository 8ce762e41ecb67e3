"""From the options of ``barometer tail`` to lines on stdout."""

from __future__ import annotations

import os
import select
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import astuple
from itertools import islice

import click

from infra.errors import UsageError
from infra.settings import Settings, load_settings
from stream.brands import BrandRules
from stream.tail.lines import BrandFinder, Describer, as_json_line, joined
from stream.tail.watch import Watched, watch
from stream.topics import Topics


def run(
    topic: str,
    *,
    brand: str | None,
    as_json: bool,
    from_start: bool,
    until_end: bool,
    limit: int | None,
    everything: bool,
) -> None:
    """Print the records of a topic until the limit, its end, or for ever.

    Raises UsageError for a topic that is none, TopicError for one that does
    not exist yet, KafkaUnavailableError when Kafka does not answer at first.
    """
    settings = load_settings()
    name = resolve(topic, settings)
    find: BrandFinder = BrandRules.load(settings.brands_file).find if brand is not None else _find_none
    describer = Describer(Topics.of(settings), find)
    with closing(watch(settings, name, from_start=from_start, until_end=until_end, wanted=_somebody_reads)) as records:
        chosen = islice(pick(records, describer, brand, everything=everything), limit)
        if as_json:
            show_json(chosen)
        else:
            show(chosen, describer)


def resolve(topic: str, settings: Settings) -> str:
    """The full name of a topic given by its short or its full one. Raises UsageError."""
    names: tuple[str, ...] = astuple(Topics.of(settings))
    for name in names:
        if topic in {name, name.removeprefix(settings.topic_prefix)}:
            return name
    short = ", ".join(name.removeprefix(settings.topic_prefix) for name in names)
    raise UsageError(f"{topic!r} is no topic of Barometer; take one of {short}")


def pick(records: Iterable[Watched], describer: Describer, brand: str | None, *, everything: bool) -> Iterator[Watched]:
    """Without watermarks and ends of replays unless ``everything``; of one brand if given, whatever its case."""
    wanted = None if brand is None else brand.strip().casefold()
    for record in records:
        if record.type and not everything:
            continue
        if wanted is None or any(name.casefold() == wanted for name in describer.brands(record)):
            yield record


def show_json(records: Iterable[Watched]) -> None:
    """Print each record as a JSON object."""
    for record in records:
        click.echo(as_json_line(record).encode())


def show(records: Iterable[Watched], describer: Describer) -> None:
    """Print each record for people: cut and coloured on a terminal, whole and plain elsewhere."""
    terminal = sys.stdout.isatty()
    style = _styled if terminal and not os.environ.get("NO_COLOR") else _unstyled
    encoding = sys.stdout.encoding or "utf-8"
    for record in records:
        width = shutil.get_terminal_size().columns if terminal else None
        line = joined(describer.line(record), width, style)
        click.echo(line.encode(encoding, "replace"))  # some terminals know fewer letters than tweets


def _somebody_reads() -> bool:
    """Whether stdout is still open: behind ``| head`` a quiet topic would be watched for ever."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except OSError:  # not a file
        return True
    return not any(state & (select.POLLERR | select.POLLHUP) for _file, state in poll.poll(0))


def _styled(text: str, look: str) -> str:
    if look in {"dim", "bold"}:
        return click.style(text, dim=look == "dim" or None, bold=look == "bold" or None)
    return click.style(text, fg=look) if look else text


def _unstyled(text: str, _look: str) -> str:
    return text


def _find_none(_text: str, _author: str | None) -> list[str]:
    return []
