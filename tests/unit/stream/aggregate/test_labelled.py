"""Labelled tweets read the quick way mean what they mean to the models of the records, or die of the same."""

from __future__ import annotations

import datetime as dt
from copy import deepcopy
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.aggregate.labelled import Arrival, LabelledTweet, read_labelled
from stream.decode import BadRecord, decode_labelled
from tests.labelled import labelled

WHOLE: dict[str, Any] = orjson.loads(labelled("1", 61.5, 7, label=2).encode())
PLACES = [(name,) for name in WHOLE] + [
    (name, inner) for name, value in WHOLE.items() if isinstance(value, dict) for inner in value
]
ADDED = [("tweet", name) for name in ("author", "brands", "lang", "source")] + [("mood",), ("tweet", "mood")]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 1, 2, 1714521600, 1714521600000, 0.0, 0.5, 1.0, 1.5, "", "x", " x ", "\u202e", "neutral"]),
    st.sampled_from([[], ["Acme"], ["Acme", "Acme"], {}, {"x": 1}, {"x": {"y": [1]}}, {"version": "2", "name": "m"}]),
    st.datetimes(timezones=st.just(dt.UTC)).map(dt.datetime.isoformat),
    st.text(max_size=5),
)
GONE = object()


def verdict(read: Any, value: bytes) -> Any:
    try:
        return read(value)
    except BadRecord as bad:
        return bad.reason, bad.message


def closely(value: bytes) -> Arrival:
    record = decode_labelled(value)
    return Arrival(LabelledTweet.of(record), record.origin.partition, record.origin.offset)


@settings(max_examples=600)
@given(st.lists(st.tuples(st.sampled_from(PLACES + ADDED), VALUES | st.just(GONE)), max_size=3))
def test_whatever_is_changed_in_a_record_it_is_read_as_the_models_read_it(
    changes: list[tuple[tuple[str, ...], Any]],
) -> None:
    record = orjson.loads(orjson.dumps(WHOLE))
    for (*outer, name), value in changes:
        place = record
        for step in outer:
            place = place.get(step) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            continue
        if value is GONE:
            place.pop(name, None)
        else:
            place[name] = deepcopy(value)
    encoded = orjson.dumps(record)
    assert verdict(read_labelled, encoded) == verdict(closely, encoded)


@given(st.binary(max_size=40) | st.integers(0, 400).map(lambda cut: orjson.dumps(WHOLE)[:cut]))
def test_bytes_that_are_no_record_die_of_the_same(value: bytes) -> None:
    assert verdict(read_labelled, value) == verdict(closely, value)
