"""What a producer may send, and what it is told when it sends something else."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.normalise import MAX_CHARS, normalise
from stream.decode import REASONS, BadRecord, _decode, _decode_plain, decode_tweet, is_empty, loads, shorten
from stream.fields import MAX_METADATA_DEPTH, clean_text
from stream.records import Tweet
from tests.hostile import LABELLED, Hostile, hostile_records, small_values
from tests.promises import check_decoders, check_flow

GOOD = {"id": "1", "text": "a good flight", "created_at": "2026-03-02T09:30:00Z"}
MORNING = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


def wire(**changes: Any) -> bytes:
    return json.dumps(GOOD | changes).encode()


def refusal(value: bytes | None) -> BadRecord:
    with pytest.raises(BadRecord) as caught:
        decode_tweet(value)
    return caught.value


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"x": value}
    return value


def test_the_three_required_fields_make_a_tweet() -> None:
    tweet = decode_tweet(wire())
    assert (tweet.id, tweet.text, tweet.created_at) == ("1", "a good flight", MORNING)
    assert (tweet.author, tweet.brands, tweet.metadata) == (None, None, {})


def test_fields_of_later_producers_are_ignored() -> None:
    assert decode_tweet(wire(mood="sunny")) == decode_tweet(wire())


@pytest.mark.parametrize(
    ("reason", "value"),
    [
        ("null_value", None),
        ("invalid_utf8", b'{"id": "1", "text": "caf\xe9"}'),
        ("invalid_utf8", b"\xff\xfe{\x00}\x00"),
        ("invalid_json", b""),
        ("invalid_json", b"hello"),
        ("invalid_json", b'{"id": "1", "text": "cut o'),
        ("invalid_json", b'{"id": "1", "text": "\\ud83d cut o'),
        ("invalid_json", wire(metadata={"score": float("nan")})),
        ("invalid_json", wire(text="\ud83d", metadata={"score": float("nan")})),
        ("invalid_json", b'{"metadata": ' + b"[" * 100_000),
        ("invalid_json", b'{"text": "\\ud83d", "metadata": ' + b"[" * 100_000),
        ("invalid_json", b'{"text": "\\ud83d", "metadata": ' + b"9" * 10_000),
        ("not_an_object", b"[]"),
        ("not_an_object", b"null"),
        ("not_an_object", b'"text"'),
        ("unknown_schema_version", wire(schema_version=2)),
        ("unknown_schema_version", wire(schema_version="1")),
        ("unknown_schema_version", wire(schema_version=True)),
        ("unknown_schema_version", wire(schema_version=None)),
        ("unknown_schema_version", wire(schema_version={"a": [1]})),
        ("invalid_field", b"{}"),
        ("invalid_field", wire(id="")),
        ("invalid_field", wire(id=1.5e17)),
        ("invalid_field", wire(id=True)),
        ("invalid_field", wire(id="x" * 257)),
        ("invalid_field", wire(text=None)),
        ("invalid_field", wire(text=12)),
        ("invalid_field", wire(author=["a"])),
        ("invalid_field", wire(brands="United")),
        ("invalid_field", wire(brands=[" "])),
        ("invalid_field", wire(brands=["a\x1b[2J"])),
        ("invalid_field", wire(brands=[f"brand {n}" for n in range(65)])),
        ("invalid_field", wire(metadata=[1])),
        ("invalid_field", wire(metadata=nested(MAX_METADATA_DEPTH + 1))),
        ("empty_text", wire(text="")),
        ("empty_text", wire(text=" \n\t\u00a0")),
        ("empty_text", wire(text="\u200b\ufeff\u200d")),
        ("empty_text", wire(text="&nbsp;&#8203;")),
        ("empty_text", wire(text="\\u200b")),
    ],
)
def test_every_refusal_has_its_stable_reason(reason: str, value: bytes | None) -> None:
    error = refusal(value)
    assert error.reason == reason
    assert error.reason in REASONS
    assert error.message
    assert len(error.message) < 600


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (wire(created_at="soon"), "created_at is 'soon': not a time; write ISO 8601"),
        (wire(created_at="1815-06-18T10:00:00Z"), "created_at is '1815-06-18T10:00:00Z': outside the years 1990 to"),
        (b'{"id": "1", "text": "hi"}', "created_at is missing"),
        (wire(id=None), "id is None: input should be a valid string"),
        (wire(brands=["Aria", ""]), "brands.1 is '': "),
        (wire(brands=["a\u202eb"]), r"brands.0 is 'a\u202eb': has a control character"),
        (wire(text="\u202e \u200b"), r"text is '\u202e \u200b'"),
        (wire(schema_version=7), "schema_version is 7; this program knows 1"),
    ],
)
def test_a_refusal_names_the_field_and_the_value(value: bytes, message: str) -> None:
    assert message in refusal(value).message


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-02T09:30:00Z",
        "2026-03-02T09:30:00",
        "2026-03-02 09:30:00",
        "2026-03-02T15:15:00+05:45",
        "2026-03-02T09:30:00.000000+00:00",
        "20260302T093000Z",
        " 2026-03-02T09:30Z ",
        1772443800,
        1772443800.0,
        1772443800000,
        "1772443800",
        "1772443800000",
        "1772443800.000",
    ],
)
def test_times_are_iso_or_seconds_or_milliseconds(written: str | float) -> None:
    assert decode_tweet(wire(created_at=written)).created_at == MORNING


@pytest.mark.parametrize(
    "written",
    [
        None,
        True,
        "",
        "nan",
        "09:30",
        "yesterday",
        0,
        -1,
        12,
        1e300,
        2**63,
        1772443800000000,
        "1989-12-31T23:59:59Z",
        "1990-01-01T00:30:00+01:00",
        "2101-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-02-30T00:00:00Z",
        ["2026"],
        {"year": 2026},
    ],
)
def test_nonsense_is_not_a_time(written: Any) -> None:
    error = refusal(wire(created_at=written))
    assert error.reason == "invalid_field"
    assert error.message.startswith("created_at is ")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), pytest.param(10**5_000, id="huge")])
def test_numbers_that_json_does_not_know_are_not_times(number: float) -> None:
    with pytest.raises(ValueError, match="created_at"):
        Tweet.model_validate(GOOD | {"created_at": number})


@given(st.integers(631_152_000, 4_133_980_799), st.sampled_from([1, 1_000]))
def test_seconds_and_milliseconds_are_never_confused(second: int, unit: int) -> None:
    expected = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=second)
    assert decode_tweet(wire(created_at=second * unit)).created_at == expected


def test_half_an_emoji_is_repaired_not_refused() -> None:
    tweet = decode_tweet(wire(text="cut in half \ud83d", author="\udc00", metadata={"a": ["\ud800"], "big": 10**30}))
    assert tweet.text == "cut in half \ufffd"
    assert tweet.author == "\ufffd"
    assert tweet.metadata == {"a": ["\ufffd"], "big": 1e30}
    assert orjson.loads(tweet.encode())["text"] == "cut in half \ufffd"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\ud83d\ude00", "😀"),
        (r"\ud83d", "\ufffd"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\\ud83d \ud83d", "\\ud83d \ufffd"),
        (r"\\\ud83d\\", "\\\ufffd\\"),
        (r"\uD83Dx\uDE00\n", "\ufffdx\ufffd\n"),
    ],
)
def test_only_halves_of_emoji_are_mended(written: str, read: str) -> None:
    for value in (f'"{written}"', f'"{written}"'.encode()):
        assert loads(value) == read


@given(st.text(st.characters() | st.characters(categories=["Cs"])))
def test_json_of_any_text_is_read_as_python_reads_it_but_for_the_halves(text: str) -> None:
    assert loads(json.dumps(text)) == json.loads(json.dumps(clean_text(text)))


def test_ids_and_authors_may_be_numbers() -> None:
    tweet = decode_tweet(wire(id=2028410061452185601, author=77))
    assert (tweet.id, tweet.author) == ("2028410061452185601", "77")


def test_a_brand_named_twice_counts_once_and_the_order_stays() -> None:
    assert decode_tweet(wire(brands=["Zeta", " Alpha ", "Zeta", "Alpha"])).brands == ["Zeta", "Alpha"]


def test_metadata_of_null_is_no_metadata() -> None:
    assert decode_tweet(wire(metadata=None)).metadata == {}


def test_metadata_may_be_as_deep_as_allowed() -> None:
    tweet = decode_tweet(wire(metadata=nested(MAX_METADATA_DEPTH)))
    assert decode_tweet(tweet.encode()) == tweet


def test_the_text_itself_is_never_changed() -> None:
    text = "  &lt;3 \u200b@Aria\n#NiceOne\t\u202e 😀 \\u00e9 "
    assert decode_tweet(wire(text=text)).text == text


def outcome(value: bytes | None) -> Tweet | BadRecord:
    try:
        return decode_tweet(value)
    except BadRecord as error:
        return error


@given(st.binary())
def test_any_bytes_are_a_record_or_a_bad_one(value: bytes) -> None:
    check_decoders(value)


edits = st.lists(
    st.tuples(
        st.integers(0, 4_096), st.integers(0, 20), st.binary(max_size=3) | st.sampled_from([b"null", b"1e99", b"[["])
    ),
    max_size=4,
)


@given(st.sampled_from(small_values()), edits)
def test_a_record_that_was_tampered_with_is_a_record_or_a_bad_one(
    value: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    for start, removed, added in changes:
        at = start % (len(value) + 1)
        value = value[:at] + added + value[at + removed :]
    check_decoders(value)


@pytest.mark.parametrize("record", hostile_records(), ids=lambda record: record.name)
def test_a_hostile_record_meets_its_fate(record: Hostile) -> None:
    """Quickly, as tests/flow/test_hostile_input.py does on a real Kafka."""
    check_flow(record.value)
    if not record.headers:
        end = outcome(record.value)
        reason = LABELLED if isinstance(end, Tweet) else end.reason
        assert record.fate in {reason, "future_timestamp"}


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ["id", "text", "created_at", "author", "brands", "lang", "source", "metadata", "schema_version", "x"]


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_any_object_is_a_tweet_or_a_bad_record_and_a_tweet_can_be_sent_on(changes: dict[str, Any]) -> None:
    check_decoders(wire(**changes))


@given(st.text(st.sampled_from("&nbsp;#@ \u200b\u00a0\\u020bax😀ß\ufe0f\u20e3_-")) | st.text())
def test_empty_means_that_the_normaliser_leaves_nothing(text: str) -> None:
    assert is_empty(text) == (normalise(text) == "")


def test_what_the_normaliser_cuts_off_does_not_make_a_text_readable() -> None:
    assert is_empty(" " * MAX_CHARS + "words")


@given(json_values)
def test_a_shown_value_is_short_and_printable(value: Any) -> None:
    shown = shorten(value)
    assert len(shown) <= 80
    assert shown.isprintable()


huge = st.integers(-(2**70), 2**70)
USUAL = st.fixed_dictionaries(
    {
        "id": st.text(max_size=4) | st.integers(0, 9),
        "text": st.text(max_size=8),
        "created_at": st.datetimes(timezones=st.just(dt.UTC)).map(dt.datetime.isoformat)
        | st.sampled_from(["Z", "+00:00", "-08:00", "+14:00", ".123456789Z", ".5+01:00", " 1", ""]).map(
            "2026-03-02T09:30:00".__add__
        )
        | st.sampled_from(["1990-01-01T00:00:00+14:00", "2100-12-31T23:59:59-01:00", "20260302T093000.0000000Z"]),
    },
    optional={
        "author": st.none() | st.text(max_size=4),
        "brands": st.none() | st.lists(st.sampled_from(["Acme", "Bolt", " Acme", "\u202e", "_other", ""]), max_size=3),
        "lang": st.none() | st.just("en"),
        "source": st.none() | st.just("web"),
        "metadata": st.none() | st.dictionaries(st.text(max_size=3), huge | json_values, max_size=3),
        "schema_version": st.sampled_from([1, 2, 1.0, True, None]),
        "mood": st.just("sunny"),
    },
)


@settings(max_examples=400)
@given(USUAL)
def test_the_quick_way_says_what_the_models_say(fields: dict[str, Any]) -> None:
    value = json.dumps(fields).encode()
    quick = _decode_plain(value)
    if quick is not None:
        closely = _decode(Tweet, value)
        assert quick == closely
        assert quick.encode() == closely.encode()


def test_the_quick_way_is_the_usual_one() -> None:
    assert _decode_plain(wire(author="ann", brands=["Acme", "Bolt"], metadata={"likes": 3, "in": [{"a": None}]}))
    assert _decode_plain(decode_tweet(wire(created_at="2026-03-02 09:30")).encode())
