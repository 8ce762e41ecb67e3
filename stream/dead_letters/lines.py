"""What a dead letter says: for people, and as JSON. Pure; nothing in a letter reaches the terminal as it is."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from infra.terminal import cut, fit, printable
from stream.dead import DeadLetter
from stream.dead_letters.letters import Entry, Index, Settlement

REASON_CELLS = 22
STAGE_CELLS = 9
STATE_CELLS = 9
MOST_BYTES = 4_000
"""Of a letter's value, shown."""
_BYTES_PER_LINE = 16
_LAST_MS = 253_402_300_799_000
"""End of the year 9999."""


def counts(index: Index) -> Iterator[str]:
    """How many letters there are for each reason, and how many of them wait."""
    entries = list(index.entries.values())
    waiting = [entry for entry in entries if entry.id not in index.settled]
    yield f"{_letters(len(entries))}, {len(waiting)} waiting, {len(entries) - len(waiting)} settled"
    waits = Counter(entry.reason for entry in waiting)
    for reason, count in Counter(entry.reason for entry in entries).most_common():
        newest = max(entry.died_at for entry in entries if entry.reason == reason)
        yield f"  {fit(printable(reason), REASON_CELLS)} {count:>7}  {waits[reason]:>7} waiting  last {_when(newest)}"
    if index.unreadable:
        yield f"  and {index.unreadable} records that are no dead letters"


def table(entries: Sequence[Entry], index: Index, width: int | None) -> Iterator[str]:
    """One line for each letter, cut to ``width`` cells if given."""
    ids = max((len(entry.id) for entry in entries), default=0)
    head = ["DIED (UTC)", "STATE", "REASON", "STAGE", "ID", "WHAT WAS WRONG"]
    for died, state, reason, stage, letter_id, message in [
        head,
        *(
            [_when(entry.died_at), _state(entry, index), entry.reason, entry.stage, entry.id, entry.message]
            for entry in entries
        ),
    ]:
        line = "  ".join(
            [
                fit(died, 19),
                fit(state, STATE_CELLS),
                fit(printable(reason), REASON_CELLS),
                fit(printable(stage), STAGE_CELLS),
                fit(printable(letter_id), ids),
                printable(message),
            ]
        )
        yield line.rstrip() if width is None else cut(line, width).rstrip()


def as_json(entry: Entry, index: Index) -> str:
    """One line: all but the bytes."""
    return json.dumps(
        {
            "id": entry.id,
            "died_at": _iso(entry.died_at),
            "stage": entry.stage,
            "reason": entry.reason,
            "message": entry.message,
            "origin": {"topic": entry.origin_topic, "partition": entry.partition, "offset": entry.offset},
            "bytes": entry.size,
            "whole": entry.whole,
            "replays": entry.replays,
            "settled": _settled(index.settled.get(entry.id)),
        }
    )


def letter_as_json(letter: DeadLetter, settled: Settlement | None) -> str:
    """One line, bytes and headers included: text where they are UTF-8, else Base64."""
    return json.dumps(
        {
            "id": letter.id,
            "died_at": _iso(letter.died_at),
            "stage": letter.stage,
            "reason": letter.reason,
            "message": letter.message,
            "origin": {
                "topic": letter.origin.topic,
                "partition": letter.origin.partition,
                "offset": letter.offset,
                "timestamp": _iso(_arrived(letter)),
            },
            **_text_or_base64("key", letter.key),
            "headers": [{"name": name, **_text_or_base64("value", value)} for name, value in letter.headers],
            "trail": [_json(entry) for entry in letter.trail],
            "settled": _settled(settled),
            **_text_or_base64("value", letter.value),
        }
    )


def page(letter: DeadLetter, settled: Settlement | None) -> Iterator[str]:
    """Everything about one letter, for a person."""
    yield f"{printable(letter.reason)}: {printable(letter.message)}"
    yield ""
    yield f"died       {_when(letter.died_at)} UTC in {printable(letter.stage)}"
    yield f"origin     {printable(letter.id)}, came {_when(_arrived(letter))} UTC"
    yield f"state      {f'{settled.how} {settled.at}' if settled else 'waiting'}"
    for entry in letter.trail:
        told = _json(entry)
        told = told if isinstance(told, dict) else {}
        yield printable(
            f"replayed   {told.get('replayed_at', '?')}, after it had died of {told.get('reason', '?')} "
            f"as {told.get('origin', '?')}"
        )
    if not letter.whole:
        yield "cut        the original was too large to be kept; this is its beginning"
    yield f"key        {_shown(letter.key)}"
    for name, value in letter.headers:
        yield f"header     {printable(name)}: {_shown(value)}"
    yield ""
    yield from _value(letter.value)


def _value(value: bytes | None) -> Iterator[str]:
    """JSON spread over lines, else text, else a dump of the bytes."""
    if value is None:
        yield "no value (null)"
        return
    shown = value[:MOST_BYTES]
    try:
        text = value.decode()
    except UnicodeDecodeError:
        yield from _dump(shown)
    else:
        try:
            spread = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            spread = text
        for line in spread[:MOST_BYTES].splitlines() or [""]:
            indent = line[: len(line) - len(line.lstrip(" "))]
            yield indent + printable(line)
    if len(value) > MOST_BYTES:
        yield f"... {len(value):,} bytes in all; --raw writes every one"


def _dump(value: bytes) -> Iterator[str]:
    for start in range(0, len(value), _BYTES_PER_LINE):
        row = value[start : start + _BYTES_PER_LINE]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        yield f"{start:08x}  {row.hex(' '):<{3 * _BYTES_PER_LINE}} {text}"


def _state(entry: Entry, index: Index) -> str:
    settled = index.settled.get(entry.id)
    if settled is not None:
        return printable(settled.how)
    return f"dead {entry.replays + 1}x" if entry.replays else "waiting"


def _settled(settled: Settlement | None) -> dict[str, str] | None:
    return None if settled is None else {"how": settled.how, "at": settled.at}


def _shown(value: bytes | None) -> str:
    if value is None:
        return "(null)"
    try:
        return printable(value.decode())
    except UnicodeDecodeError:
        return f"bytes {value[:64].hex(' ')}{' ...' if len(value) > 64 else ''}"


def _text_or_base64(name: str, value: bytes | None) -> dict[str, str | None]:
    try:
        return {name: None if value is None else value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value or b"").decode()}


def _json(value: bytes | None) -> Any:
    try:
        return json.loads(value or b"null")
    except (ValueError, RecursionError):
        return None


def _letters(count: int) -> str:
    return f"{count} dead letter{'' if count == 1 else 's'}"


def _arrived(letter: DeadLetter) -> dt.datetime:
    milliseconds = min(max(letter.timestamp_ms, 0), _LAST_MS)
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)


def _when(time: dt.datetime) -> str:
    return time.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def _iso(time: dt.datetime) -> str:
    return time.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
