"""``barometer dead list|show|replay``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from infra.settings import Settings
    from stream.dead_letters.letters import BrandFinder, Entry, Index, Wanted

F = TypeVar("F", bound=Callable[..., Any])
SHOWN = 20
"""Letters in the table of ``list`` unless --limit says otherwise."""


class Time(click.ParamType):
    """A time in any of the usual forms."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.datetime:
        from stream.times import parse_time

        time = parse_time(value)
        if time is None:
            self.fail(f"{value!r} is not a time; write it as 2026-02-24T19:35:00Z or 2026-02-24", param, ctx)
        return time


def which(command: F) -> F:
    """The options that say which letters are meant."""
    for option in reversed(
        [
            click.option("--reason", "reasons", multiple=True, metavar="CODE", help="Only of this reason; repeatable."),
            click.option("--stage", metavar="NAME", help="Only those that died in classify, or in aggregate."),
            click.option("--brand", metavar="NAME", help="Only those about this brand, as far as they can be read."),
            click.option("--from", "since", type=Time(), metavar="T", help="Only those that died then or later."),
            click.option("--to", "until", type=Time(), metavar="T", help="Only those that died before."),
        ]
    ):
        command = option(command)
    return command


@click.group()
def dead() -> None:
    """Look at what could not be processed, and send it again.

    A dead letter is known by where its original was, such as tweets-4-1290:
    topic, partition and offset.
    """


@dead.command(
    name="list",
    epilog="""\b
Examples:
  barometer dead list
  barometer dead list --reason invalid_field --from 2026-02-24 --limit 100
  barometer dead list --json --waiting | jq -r .id
""",
)
@which
@click.option("--waiting", is_flag=True, help="Only those with which nothing was done yet.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help=f"The newest N [default: {SHOWN}, all in JSON].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each letter, without its bytes.")
def list_(*, waiting: bool, limit: int | None, as_json: bool, **asked: Any) -> None:
    """Count the dead letters by reason, and show the newest."""
    import shutil
    import sys

    from infra.settings import load_settings
    from stream.dead_letters import lines

    settings = load_settings()
    index = _index(settings, _wanted(asked))
    entries = index.waiting() if waiting else index.oldest_first()
    if as_json:
        for entry in entries[-limit:] if limit else entries:
            click.echo(lines.as_json(entry, index))
        return
    for line in lines.counts(index):
        click.echo(line)
    shown = entries[-(limit or SHOWN) :]
    if shown:
        click.echo()
        for line in lines.table(shown, index, shutil.get_terminal_size().columns if sys.stdout.isatty() else None):
            _echo(line)
    if len(shown) < len(entries):
        click.echo(f"\nthe newest {len(shown)} of {len(entries)}; --limit shows more")


@dead.command(
    epilog="""\b
Examples:
  barometer dead show tweets-4-1290
  barometer dead show tweets-4-1290 --raw > record.bin
"""
)
@click.argument("letter_id", metavar="ID")
@click.option("--raw", is_flag=True, help="Write the untouched bytes of the original, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; what is no text stands in Base64.")
def show(letter_id: str, *, raw: bool, as_json: bool) -> None:
    """Show one dead letter, whole.

    What was wrong, where the record came from, its key, headers and bytes.
    """
    from infra.errors import UsageError
    from infra.settings import load_settings
    from stream.dead import DeadLetter
    from stream.dead_letters import lines
    from stream.dead_letters.letters import Settlement, read_dead

    settings = load_settings()
    wanted = _full_id(letter_id, settings)
    letter: DeadLetter | None = None
    settled: Settlement | None = None
    for found in read_dead(settings):
        if found is not None and found.id == wanted:
            if isinstance(found, Settlement):
                settled = found
            else:
                letter = found
    if letter is None:
        raise UsageError(f"there is no dead letter {letter_id!r}; barometer dead list shows their ids")
    if raw:
        click.get_binary_stream("stdout").write(letter.value or b"")
    elif as_json:
        click.echo(lines.letter_as_json(letter, settled))
    else:
        for line in lines.page(letter, settled):
            _echo(line)


@dead.command(
    epilog="""\b
Examples:
  barometer dead replay tweets-4-1290
  barometer dead replay --reason model_error --from 2026-02-24 --dry-run
  barometer dead replay --stage classify --yes
"""
)
@click.argument("letter_ids", metavar="[ID]...", nargs=-1)
@which
@click.option("--all", "everything", is_flag=True, help="All that wait; needed where nothing else says which.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the oldest N.")
@click.option("--again", is_flag=True, help="Also those that were replayed before.")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def replay(
    letter_ids: tuple[str, ...],
    *,
    everything: bool,
    limit: int | None,
    again: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Send dead letters to where they came from.

    Bytes, key and headers are those of the original; one more header says
    where and of what it had died, and stays when it dies again. Each is sent
    once: a second replay passes it over, also after a crash in the middle of
    the first; --again sends it once more. A tweet that was counted already is
    not counted twice, as long as its id is remembered
    (BAROMETER_DUPLICATE_HORIZON_S).

    Late tweets are not sent: they would be as late again.
    """
    from infra.errors import UsageError
    from infra.settings import load_settings

    settings = load_settings()
    if not (letter_ids or everything or any(asked.values())):
        raise UsageError("say which letters: ids, a filter such as --reason, or --all")
    index = _index(settings, _wanted(asked, frozenset(_full_id(letter_id, settings) for letter_id in letter_ids)))
    if missing := [letter_id for letter_id in letter_ids if _full_id(letter_id, settings) not in index.entries]:
        raise UsageError(f"there is no such dead letter: {', '.join(missing)}; barometer dead list shows their ids")
    chosen = _choose(index, settings, again=again)[:limit]
    if not chosen:
        _report(as_json, dry_run=dry_run)
        return
    if dry_run:
        from stream.dead_letters import lines

        if not as_json:
            for line in lines.table(chosen, index, None):
                _echo(line)
        _report(as_json, would_send=len(chosen), dry_run=True)
        return
    if not yes:
        _ask(len(chosen))
    _send(settings, chosen, again=again, as_json=as_json)


def _choose(index: Index, settings: Settings, *, again: bool) -> list[Entry]:
    """Those that can be sent, oldest first; why the others cannot is said on stderr."""
    from collections import Counter

    from stream.dead_letters.replay import why_not
    from stream.topics import Topics

    topics = Topics.of(settings)
    entries = index.oldest_first() if again else index.waiting()
    if passed_over := len(index.entries) - len(entries):
        click.echo(f"{passed_over} settled before; --again sends them once more", err=True)
    reasons = {entry.id: why_not(entry, topics) for entry in entries}
    for why, count in Counter(why for why in reasons.values() if why).items():
        click.echo(f"{count} cannot be sent again: {why}", err=True)
    return [entry for entry in entries if reasons[entry.id] is None]


def _ask(count: int) -> None:
    import sys

    from infra.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(f"{count} dead letters would be sent again; say --yes where nobody can be asked")
    click.confirm(f"Send {count} dead letters again?", abort=True, err=True)


def _send(settings: Settings, chosen: list[Entry], *, again: bool, as_json: bool) -> None:
    import sys

    from rich.console import Console
    from rich.progress import Progress

    from infra.errors import BarometerError
    from stream.dead_letters.replay import replay as send_again

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("sending", total=len(chosen))
        done = send_again(settings, chosen, again=again, progress=lambda sent: bar.update(task, completed=sent))
    for letter_id, why in done.refused:
        click.echo(f"{letter_id}: {why}", err=True)
    _report(as_json, sent=done.sent, settled_meanwhile=done.settled_meanwhile, refused=len(done.refused))
    if done.refused:
        raise BarometerError(f"{len(done.refused)} dead letters were not taken back by Kafka; they stay dead")


def _report(as_json: bool, *, dry_run: bool = False, **numbers: int) -> None:
    if as_json:
        import json

        click.echo(json.dumps({"sent": 0, **numbers, "dry_run": dry_run}))
    elif "would_send" in numbers:
        click.echo(f"{numbers['would_send']} would be sent; nothing was")
    else:
        extra = (
            f", {numbers['settled_meanwhile']} meanwhile by another replay" if numbers.get("settled_meanwhile") else ""
        )
        click.echo(f"{numbers.get('sent', 0)} sent again{extra}")


def _wanted(asked: dict[str, Any], ids: frozenset[str] = frozenset()) -> Wanted:
    from stream.dead_letters.letters import Wanted

    asked["reasons"] = frozenset(asked["reasons"])
    return Wanted(ids=ids, **asked)


def _index(settings: Settings, wanted: Wanted) -> Index:
    from stream.brands import BrandRules
    from stream.dead_letters.letters import read_index

    find: BrandFinder = BrandRules.load(settings.brands_file).find if wanted.brand else _find_none
    return read_index(settings, wanted, find)


def _find_none(_text: str, _author: str | None) -> list[str]:
    return []


def _full_id(letter_id: str, settings: Settings) -> str:
    """With the topic's prefix, which may be left out."""
    prefix = settings.topic_prefix
    return letter_id if letter_id.startswith(prefix) else f"{prefix}{letter_id}"


def _echo(line: str) -> None:
    import sys

    click.echo(line.encode(sys.stdout.encoding or "utf-8", "replace"))
