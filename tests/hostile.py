"""What a hostile, or just careless, producer may write to ``tweets``, and the fate that each record must meet."""

from __future__ import annotations

import datetime as dt
import json
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.kafka.incoming import Headers
from stream.dead import MAX_WHOLE_BYTES
from stream.decode import MAX_TWEET_BYTES
from stream.records import (
    END_OF_REPLAY,
    REPLAYED_HEADER,
    TYPE_HEADER,
    WATERMARK,
    DeadHeaders,
    EndOfReplay,
    LabeledTweet,
    ModelIdentity,
    Origin,
    Probabilities,
    Record,
    SourceProgress,
    Tweet,
    Watermark,
)

LABELLED = "labelled"
GOOD = {"text": "a good flight with @Aria", "created_at": "2026-03-02T09:30:00Z", "brands": ["Aria"]}
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
TOO_LARGE_TO_KEEP = {"more bytes than are kept, packed", "dead with more headers than are kept"}
_BATCH_OVERHEAD = 200
"""What Kafka adds to the value of a record that is alone in its batch, at most."""


@dataclass(frozen=True)
class Hostile:
    """A record. ``fate``: LABELLED, or the reason code of its dead letter."""

    name: str
    fate: str
    value: bytes | None
    key: bytes | None = b"key"
    headers: Headers = ()


def hostile_records() -> list[Hostile]:
    """All of them, each with a name of its own. Large ones included: some 40 MB, most of it easily compressed."""
    return [*_bytes(), *_shapes(), *_texts(), *_times(), *_fields(), *_envelopes(), *_large()]


def small_values() -> list[bytes]:
    """Those worth mutating, and one good record of each other kind."""
    values = [record.value for record in hostile_records() if record.value and len(record.value) < 4_096]
    return [*values, *(record.encode() for record in good_records())]


def good_records() -> list[Record]:
    """A labelled tweet, a watermark and an end of a replay, with everything they may hold."""
    tweet = Tweet(id="1", text="late again", created_at=NOON, author="a", lang="en", source="web", metadata={"n": 1})
    labelled = LabeledTweet(
        tweet=tweet,
        brand="Aria",
        label="neutral",
        confidence=0.8,
        probabilities=Probabilities(negative=0.1, neutral=0.8, positive=0.1),
        model=ModelIdentity(name="m", version="1"),
        origin=Origin(partition=0, offset=0),
        labeled_at=NOON,
    )
    progress = {0: SourceProgress(next_offset=7, latest=NOON, idle=True)}
    watermark = Watermark(source_topic_id="A", source_partitions=1, progress=progress, sent_at=NOON)
    return [labelled, watermark, EndOfReplay(latest=NOON)]


def _tweet(name: str, fate: str = LABELLED, *, envelope: dict[str, Any] | None = None, **fields: Any) -> Hostile:
    value = json.dumps({"id": name, **GOOD, **fields}).encode()
    return Hostile(name, fate, value, **(envelope or {}))


def _raw(name: str, fate: str, members: str) -> Hostile:
    """A good tweet with these JSON members after it, as they are written."""
    good = json.dumps({"id": name, **GOOD})
    return Hostile(name, fate, f"{good[:-1]}, {members}}}".encode())


def _bytes() -> Iterator[Hostile]:
    whole = json.dumps({"id": "cut", **GOOD}).encode()
    yield Hostile("null tombstone", "null_value", None)
    yield Hostile("empty", "invalid_json", b"")
    yield Hostile("invalid UTF-8", "invalid_utf8", whole.replace(b"good", b"g\xff\xfed"))
    yield Hostile("Latin-1", "invalid_utf8", '{"id": "1", "text": "café"}'.encode("latin-1"))
    yield Hostile("overlong UTF-8", "invalid_utf8", whole.replace(b"good", b"g\xc0\x80d"))
    yield Hostile("UTF-8 surrogate", "invalid_utf8", whole.replace(b"good", b"g\xed\xa0\x80d"))
    yield Hostile("UTF-16", "invalid_utf8", whole.decode().encode("utf-16"))
    yield Hostile("byte order mark", "invalid_json", b"\xef\xbb\xbf" + whole)
    yield Hostile("random", "invalid_utf8", random.Random(1).randbytes(1_000))
    yield Hostile("NULs", "invalid_json", bytes(1_000))
    yield Hostile("gzip", "invalid_utf8", b"\x1f\x8b\x08\x00" + bytes(range(200, 256)))
    yield Hostile("pickle", "invalid_utf8", b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n.")
    yield Hostile("truncated", "invalid_json", whole[:-9])
    yield Hostile("truncated in an escape", "invalid_json", b'{"id": "1", "text": "\\ud83d')
    yield Hostile("two objects", "invalid_json", whole + whole)
    yield Hostile("CSV", "invalid_json", b"id,text\n1,hello\n")
    yield Hostile("XML", "invalid_json", b"<tweet><text>hello</text></tweet>")


def _shapes() -> Iterator[Hostile]:
    for name, text in {
        "array": "[]",
        "array of tweets": f"[{json.dumps(GOOD)}]",
        "number": "12",
        "string": '"text"',
        "true": "true",
        "null": "null",
        "large number": "9" * 300,
    }.items():
        yield Hostile(name, "not_an_object", text.encode())
    yield Hostile("a number beyond floats itself", "invalid_json", b"9" * 400)
    yield Hostile("NaN itself", "invalid_json", b"NaN")
    yield Hostile("empty object", "invalid_field", b"{}")
    yield Hostile("deep array", "invalid_json", b"[" * 100_000)
    yield Hostile("deep object", "invalid_json", b'{"a":' * 100_000)
    yield _raw("deep metadata", "invalid_field", '"metadata": ' + '{"a":' * 500 + "1" + "}" * 500)
    yield _raw("deep in a field nobody reads", LABELLED, '"more": ' + "[" * 900 + "]" * 900)
    yield _raw("deeper than JSON readers go", "invalid_json", '"more": ' + "[" * 5_000 + "]" * 5_000)
    yield _raw("duplicate keys, the last good", LABELLED, '"text": 1, "text": "the last one counts"')
    yield _raw("duplicate keys, the last bad", "invalid_field", '"text": 1')
    yield _raw("NaN", "invalid_json", '"metadata": {"score": NaN}')
    yield _raw("infinity", "invalid_json", '"metadata": {"score": -Infinity}')
    yield _raw("a number beyond floats", "invalid_json", '"metadata": {"score": 1e999}')
    yield _raw("a number of many digits", LABELLED, '"metadata": {"score": ' + "7" * 300 + "}")
    yield _raw("extra fields", LABELLED, '"mood": "sunny", "__proto__": {"admin": true}, "": []')
    yield _tweet("schema version 2", "unknown_schema_version", schema_version=2)
    yield _tweet("schema version text", "unknown_schema_version", schema_version="1")
    yield _tweet("schema version null", "unknown_schema_version", schema_version=None)
    yield _tweet("schema version 1.0", LABELLED, schema_version=1.0)


def _texts() -> Iterator[Hostile]:
    yield _tweet("no text", "invalid_field", text=None)
    for name, text in {
        "empty text": "",
        "white space": " \t\r\n\u00a0\u3000",
        "zero width": "\u200b\u200c\u200d\ufeff\u2060",
        "entities of nothing": "&nbsp;&#8203;&zwj;",
        "turns of the line only": "\u202e\u202d\u202c",
    }.items():
        yield _tweet(name, "empty_text", text=text)
    for name, text in {
        "right to left": "\u202eتأخرت الرحلة مرة أخرى\u202c و @Aria",
        "combining": "Z" + "\u0301\u0316\u0334" * 3_000 + " lost",
        "one combining character": "\u0301",
        "lone high surrogate": "half \ud83d",
        "lone low surrogate": "\ude00 half",
        "swapped surrogates": "\ude00\ud83d late",
        "NUL": "late\u0000again",
        "control characters": "\u0001\u0007\u001b[2J late",
        "beyond the planes": "\U0010ffff \ufffe late",
        "emoji family": "👨‍👩‍👧‍👦" * 200,
        "one letter": "a",
        "punctuation": "?!",
        "SQL and HTML": "'; DROP TABLE tweets; -- <script>alert(1)</script>",
        "format strings": "%s%n {0} {__class__} ${jndi:ldap://x}",
        "escaped escapes": "\\u0000 \\ud800 \\x00",
        "many mentions": "@a" * 5_000,
        "many entities": "&amp;" * 2_000 + " late",
        "no spaces": "a" * 20_000,
    }.items():
        yield _tweet(name, text=text)


def _times() -> Iterator[Hostile]:
    for name, time in {
        "seconds": 1_772_443_800,
        "milliseconds": 1_772_443_800_000,
        "seconds as text": "1772443800",
        "no zone": "2026-03-02T09:30:00",
        "a space for the T": "2026-03-02 09:30:00+05:45",
        "1990": "1990-01-01T00:00:00Z",
    }.items():
        yield _tweet(f"time: {name}", created_at=time)
    for name, time in {
        "microseconds": 1_772_443_800_000_000,
        "nanoseconds": 1_772_443_800_000_000_000,
        "year 1": "0001-01-01T00:00:00+14:00",
        "year 9999": "9999-12-31T23:59:59-14:00",
        "zero": 0,
        "negative": -1,
        "huge": 1e300,
        "null": None,
        "true": True,
        "empty": "",
        "words": "yesterday",
        "29 February": "2025-02-29T00:00:00Z",
        "leap second": "2016-12-31T23:59:60Z",
        "list": [2026, 3, 2],
        "Twitter's own": "Mon Mar 02 09:30:00 +0000 2026",
    }.items():
        yield _tweet(f"time: {name}", "invalid_field", created_at=time)
    yield _tweet("time: years ahead", "future_timestamp", created_at="2099-12-31T23:59:59Z")
    yield _raw("time: NaN", "invalid_json", '"created_at": NaN')


def _fields() -> Iterator[Hostile]:
    wrong: dict[str, list[Any]] = {
        "id": [None, "", 1.5e17, True, [], {}, "x" * 257, 2**64],
        "text": [0, True, [], {"text": "x"}],
        "author": [1.5, True, [], {}],
        "brands": [
            "Aria",
            {"Aria": 1},
            [1],
            [None],
            [""],
            ["\u200b"],
            ["a\nb"],
            ["\x1b[2J"],
            ["\u202eairA"],
            [["Aria"]],
        ],
        "lang": [1, True, [], {}],
        "source": [1, True, [], {}],
        "metadata": [1, True, "x", [], [1]],
    }
    for field, values in wrong.items():
        for value in values:
            yield _tweet(f"{field}: {value!r:.20}", "invalid_field", **{field: value})
    yield _tweet("brand of 129 characters", "invalid_field", brands=["x" * 129])
    yield _tweet("thousands of brands", "invalid_field", brands=[f"brand {number}" for number in range(5_000)])
    yield _tweet("64 brands", LABELLED, brands=[f"many {number}" for number in range(64)])
    yield _tweet("the same brand 64 times", LABELLED, brands=["Aria"] * 64)
    yield _tweet("brand of 128 characters", LABELLED, brands=["\U0001f984" * 128])
    yield _tweet("brand with a hash", LABELLED, brands=["Aria#1", "_other", '"],["', "a,b", "../x", "%00"])
    yield _tweet("id of 256 characters", LABELLED, id="\U0001f984" * 256)
    yield _tweet("id with control characters", LABELLED, id="a\u0000\n\u001b[2J\u202e")
    yield _tweet("id a number", LABELLED, id=2**64 - 1)
    yield _tweet("half an emoji everywhere", LABELLED, author="\ud800", lang="\udfff", metadata={"\ud800": "\ud800"})


def _envelopes() -> Iterator[Hostile]:
    yield _tweet("no key", envelope={"key": None})
    yield _tweet("empty key", envelope={"key": b""})
    yield _tweet("key not UTF-8", envelope={"key": b"\xff\xfe\x00"})
    yield _tweet("long key", envelope={"key": b"k" * 10_000})
    yield _tweet("dead with a key not UTF-8", "empty_text", text=" ", envelope={"key": b"\xff\xfe\x00"})
    yield _tweet("dead without a key", "empty_text", text=" ", envelope={"key": None})
    yield _tweet("dead with an empty key", "empty_text", text=" ", envelope={"key": b""})
    twice: Headers = (("a", b"1"), ("b", None), ("a", b"\xff"), ("", b""), ("ü", b"x" * 100))
    yield _tweet("headers twice and null", envelope={"headers": twice})
    ours = tuple((name, b"forged") for key, name in vars(DeadHeaders).items() if key.isupper())
    yield _tweet("dead with headers", "empty_text", text=" ", envelope={"headers": (*twice, *ours)})
    bomb: Headers = tuple((f"h{number % 7}", None) for number in range(98_000))
    yield _tweet("header bomb", envelope={"headers": bomb})
    yield _tweet("dead with a header bomb", "empty_text", text=" ", envelope={"headers": bomb})
    yield _tweet("dead with more headers than are kept", "empty_text", text=" ", envelope={"headers": bomb * 2})
    yield _tweet("forged trail", envelope={"headers": ((REPLAYED_HEADER, b"x" * 500),) * 500})
    for kind in (WATERMARK.encode(), b"tweet", b"", b"\xff", None):
        yield _tweet(f"type {kind!r}", "unknown_type", envelope={"headers": ((TYPE_HEADER, kind),)})
    end: Headers = ((TYPE_HEADER, END_OF_REPLAY.encode()),)
    yield _tweet("a tweet that says it is the end", "invalid_field", envelope={"headers": end})
    yield Hostile("an end without a value", "null_value", None, headers=end)
    yield Hostile("an end in the year 9999", "invalid_field", b'{"latest": "9999-01-01T00:00:00Z"}', headers=end)


def _large() -> Iterator[Hostile]:
    rng = random.Random(2)
    noise = "".join(rng.choices(string.ascii_letters, k=MAX_TWEET_BYTES))
    room = MAX_TWEET_BYTES - _BATCH_OVERHEAD - len(json.dumps({"id": "largest", **GOOD}))
    yield _tweet("1 MB of text", text="late again " * 90_000)
    yield _tweet("largest", text=noise[:room])
    yield Hostile("largest dead", "invalid_json", noise[: MAX_TWEET_BYTES - _BATCH_OVERHEAD].encode())
    grown = (MAX_TWEET_BYTES - 500) // 5
    yield _raw("grows fourfold", LABELLED, '"metadata": {"a": [' + ",".join(["1e15"] * grown) + "]}")
    yield _tweet("large and about 64 brands", text="late " * 40_000, brands=[f"large {n}" for n in range(64)])
    yield _tweet("1 MiB and a little", "too_large", text="x" * MAX_TWEET_BYTES)
    yield _tweet("20 MB, packed", "too_large", text=noise[:200_000] * 100)
    yield Hostile("more bytes than are kept, packed", "too_large", b"a" * (MAX_WHOLE_BYTES + 1))
