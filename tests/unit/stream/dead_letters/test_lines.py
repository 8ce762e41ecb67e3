"""What a dead letter says, and that nothing in it reaches the terminal."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.ledger import TopicPartition
from stream.dead import DeadLetter
from stream.dead_letters.letters import Entry, Index, Settlement, Wanted, brands_of
from stream.dead_letters.lines import as_json, counts, letter_as_json, page, table
from stream.dead_letters.replay import why_not
from stream.records import OTHER_BRAND
from stream.topics import Topics

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
TOPICS = Topics("tweets", "tweets.labeled", "tweets.dead", "panes", "windows", "spikes", "notifications")
LETTER = DeadLetter(
    stage="classify",
    reason="invalid_json",
    message="wrong",
    origin=TopicPartition("tweets", 3),
    offset=17,
    timestamp_ms=1_700_000_000_000,
    died_at=NOON,
    key=b"k",
    value=b'{"text": "\\u001b[2J"}',
    headers=(),
)


def index(*letters: DeadLetter, settled: tuple[str, ...] = ()) -> Index:
    return Index(
        {letter.id: Entry.of(letter) for letter in letters},
        {letter_id: Settlement(letter_id, "replayed", NOON.isoformat()) for letter_id in settled},
    )


@given(
    st.one_of(st.none(), st.binary(max_size=200), st.text(max_size=100).map(str.encode)),
    st.one_of(st.none(), st.binary(max_size=20)),
    st.lists(st.tuples(st.text(max_size=5), st.one_of(st.none(), st.binary(max_size=20))), max_size=3),
    st.text(max_size=30),
    st.integers(-(2**63), 2**63),
)
def test_no_letter_writes_control_characters_or_fails(
    value: bytes | None, key: bytes | None, headers: list[tuple[str, bytes | None]], said: str, arrived_ms: int
) -> None:
    letter = replace(
        LETTER, value=value, key=key, headers=tuple(headers), message=said, reason=said, timestamp_ms=arrived_ms
    )
    found = index(letter)
    shown = [*page(letter, None), *table([Entry.of(letter)], found, 80), *counts(found)]
    assert all(line.isprintable() or not line for line in shown), shown
    told = json.loads(letter_as_json(letter, None))
    assert told["value"] is None if value is None else "value" in told or "value_base64" in told
    assert json.loads(as_json(Entry.of(letter), found))["id"] == letter.id


def test_letters_are_counted_by_reason_and_by_what_is_done_about_them() -> None:
    letters = [replace(LETTER, offset=offset, reason="late" if offset % 3 else "model_error") for offset in range(6)]
    first, late, errors = counts(index(*letters, settled=("tweets-3-0", "tweets-3-1")))
    assert first == "6 dead letters, 4 waiting, 2 settled"
    assert (late.split()[:3], errors.split()[:3]) == (["late", "4", "3"], ["model_error", "2", "1"])


def test_filters_meet_in_a_letter() -> None:
    def wants(**given: object) -> bool:
        return Wanted(**given).wants(LETTER, lambda _text, _author: ["Acme"])  # type: ignore[arg-type]

    assert wants(reasons=frozenset({"invalid_json"}), stage="classify", brand=" acme ", since=NOON)
    assert not wants(until=NOON)
    assert not wants(reasons=frozenset({"late"}))
    assert not wants(brand="Bolt")
    assert not wants(ids=frozenset({"tweets-3-18"}))


def test_the_brands_of_a_dead_record_are_those_it_names_or_those_found_in_its_text() -> None:
    def brands(value: bytes | None) -> list[str]:
        return brands_of(value, lambda text, _author: ["Acme"] if "acme" in text else [])

    assert brands(b'{"brand": "Bolt", "text": "acme"}') == ["Bolt"]
    assert brands(b'{"brands": ["Bolt", 7], "text": "acme"}') == ["Bolt"]
    assert brands(b'{"text": "acme"}') == ["Acme"]
    assert brands(b'{"text": "nothing"}') == [OTHER_BRAND]
    assert brands(b"[1]") == brands(b"\xff") == brands(None) == brands(b'{"text": 7}') == []


def test_only_whole_records_of_tweets_go_back() -> None:
    late = replace(LETTER, origin=TopicPartition("tweets.labeled", 1), reason="late")
    assert why_not(Entry.of(LETTER), TOPICS) is None
    assert "barometer rebuild" in (why_not(Entry.of(late), TOPICS) or "")
    assert "only workers write" in (why_not(Entry.of(replace(late, reason="invalid_field")), TOPICS) or "")
    assert "beginning" in (why_not(Entry.of(replace(LETTER, whole=False)), TOPICS) or "")
