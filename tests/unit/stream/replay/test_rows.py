"""A row becomes a tweet, with what is missing taken from what is there."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.records import Tweet
from stream.replay.options import Rejected
from stream.replay.rows import FIRST_SNOWFLAKE, TWITTER_EPOCH_MS, pass_id, row_id, snowflake_time
from stream.replay.source import open_source
from tests.unit.stream.replay.files import options_for, read

HEADER = "id,created_at,text,airline,name,lang,source,likes,note\n"
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def snowflake(time: dt.datetime) -> int:
    return (int(time.timestamp() * 1000) - TWITTER_EPOCH_MS) << 22 | 12345


def one(folder: Path, row: str) -> Tweet:
    tweets, rejected = read(folder, HEADER + row + "\n")
    assert rejected == {}
    return tweets[0]


def test_known_columns_fill_the_tweet_and_the_others_its_metadata(tmp_path: Path) -> None:
    tweet = one(tmp_path, "7,2026-03-02T12:00:00Z, so late ,Acme Air,somebody,en,web,3,")
    assert tweet == Tweet(
        id="7",
        text=" so late ",
        created_at=NOON,
        author="somebody",
        brands=["Acme Air"],
        lang="en",
        source="web",
        metadata={"likes": "3"},
    )


@pytest.mark.parametrize(
    ("cell", "brands"),
    [
        ("Acme", ["Acme"]),
        ("Acme|Bolt", ["Acme", "Bolt"]),
        ("Acme; Bolt;Acme;", ["Acme", "Bolt"]),
        ('"[""Acme, Inc."", ""Bolt""]"', ["Acme, Inc.", "Bolt"]),
        ("[Acme", ["[Acme"]),
        ("", None),
        ("nan", None),
        (" ; ", None),
    ],
)
def test_several_brands_fit_into_one_cell(tmp_path: Path, cell: str, brands: list[str] | None) -> None:
    assert one(tmp_path, f"7,2026-03-02T12:00:00Z,late,{cell},,,,,").brands == brands


@pytest.mark.parametrize(
    ("cell", "id_"),
    [
        ("570306133677761000", "570306133677761000"),
        ("570306133677761024.0", "570306133677761024"),
        ("5.70306133677761E+17", "570306133677761000"),
        ("1.5E+3", None),
        ("12E+1", None),
        ("abc-1", "abc-1"),
        (" 7 ", "7"),
    ],
)
def test_an_id_is_kept_unless_a_spreadsheet_has_rounded_it_away(tmp_path: Path, cell: str, id_: str | None) -> None:
    content = f"{HEADER}{cell},2026-03-02T12:00:00Z,late,,,,,,\n"
    assert read(tmp_path, content)[0][0].id == (id_ or row_id(hashlib.sha256(content.encode()).hexdigest(), 1))


def test_rows_without_an_id_get_one_of_their_own_that_lasts(tmp_path: Path) -> None:
    content = HEADER + "".join(
        f"{cell},2026-03-02T12:00:00Z,the same text,,,,,,\n" for cell in ("", "5.70306E+17", "5.70306E+17")
    )
    first, _ = read(tmp_path, content)
    again, _ = read(tmp_path, content)
    other, _ = read(tmp_path, content + ",2026-03-02T12:00:00Z,more,,,,,,\n")
    ids = [tweet.id for tweet in first]
    assert [tweet.id for tweet in again] == ids
    assert len(set(ids)) == 3
    assert not set(ids) & {tweet.id for tweet in other}
    assert all(uuid.UUID(id_).version == 5 for id_ in ids)


def test_an_unreadable_time_is_taken_from_a_snowflake_and_counted_as_repaired(tmp_path: Path) -> None:
    id_ = snowflake(NOON - dt.timedelta(minutes=5))
    content = HEADER + f"1,2026-03-02T12:00:00Z,good,,,,,,\n{id_},&amp,damaged,,,,,,\n"
    items = list(open_source(options_for(tmp_path, content)).read())
    assert [item.repaired for item in items if not isinstance(item, Rejected)] == [False, True]
    tweets, rejected = read(tmp_path, content)
    assert rejected == {}
    assert abs(tweets[1].created_at - (NOON - dt.timedelta(minutes=5))) < dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    "id_",
    [
        "",
        "17",
        "14640",
        "99999999999",
        "abc",
        str(snowflake(NOON)) + ".0",
        "5.70306E+17",
        str(snowflake(NOON + dt.timedelta(days=3))),
        "9" * 19,
        "9" * 30,
    ],
)
def test_an_implausible_snowflake_tells_no_time(tmp_path: Path, id_: str) -> None:
    tweets, rejected = read(tmp_path, HEADER + f"1,2026-03-02T12:00:00Z,good,,,,,,\n{id_},&amp,damaged,,,,,,\n")
    assert [tweet.text for tweet in tweets] == ["good"]
    assert rejected.keys() == {3}
    assert rejected[3].startswith("time '&amp' cannot be read, and id ")


def test_where_no_time_can_be_read_a_snowflake_must_not_be_ahead_of_the_clock(tmp_path: Path) -> None:
    past, future = (snowflake(dt.datetime.now(dt.UTC) + dt.timedelta(days=days)) for days in (-1, 1))
    tweets, rejected = read(tmp_path, HEADER + f"{past},?,x,,,,,,\n{future},?,y,,,,,,\n")
    assert ([tweet.id for tweet in tweets], set(rejected)) == ([str(past)], {3})


def test_a_file_without_times_is_dated_now(tmp_path: Path) -> None:
    before = dt.datetime.now(dt.UTC)
    tweets, rejected = read(tmp_path, "id,text\n570306133677761000,late\n")
    assert rejected == {}
    assert before <= tweets[0].created_at <= dt.datetime.now(dt.UTC)


def test_a_date_and_a_time_of_day_in_two_columns_are_one_time(tmp_path: Path) -> None:
    tweets, rejected = read(tmp_path, "date,time,text\n3/2/2026,12:00:00 PM,late\n3/2/2026,,later\n?,12:00,latest\n")
    assert [(tweet.created_at, tweet.text) for tweet in tweets] == [(NOON, "late"), (NOON.replace(hour=0), "later")]
    assert rejected.keys() == {4}


def test_a_value_that_no_tweet_may_have_is_named_with_its_field(tmp_path: Path) -> None:
    long = "x" * 300
    _, rejected = read(tmp_path, f"{HEADER}{long},2026-03-02T12:00:00Z,a,,,,,,\n1,2026-03-02T12:00:00Z,a,{long},,,,,\n")
    assert rejected[2].startswith("id is 'xxx")
    assert rejected[3].startswith("brands.0 is 'xxx")


def test_metadata_that_is_json_is_merged(tmp_path: Path) -> None:
    tweets, _ = read(
        tmp_path,
        'text,date,metadata\nlate,2026-03-02,"{""likes"": 3}"\nlater,2026-03-02,{broken\nlatest,2026-03-02,plain\n',
    )
    assert [tweet.metadata for tweet in tweets] == [{"likes": 3}, {"metadata": "{broken"}, {"metadata": "plain"}]


@given(st.datetimes(dt.datetime(2010, 11, 5), dt.datetime(2060, 1, 1), timezones=st.just(dt.UTC)))  # noqa: DTZ001
def test_a_snowflake_tells_its_time_to_the_millisecond(time: dt.datetime) -> None:
    told = snowflake_time(snowflake(time))
    assert told is not None
    assert abs(told - time) <= dt.timedelta(milliseconds=1)


@given(st.one_of(st.integers(), st.text(), st.floats(), st.none(), st.booleans()))
def test_nothing_else_is_a_snowflake_from_before_the_first(value: object) -> None:
    told = snowflake_time(value)
    assert told is None or told >= FIRST_SNOWFLAKE


def test_each_pass_has_ids_of_its_own_that_last() -> None:
    assert pass_id("7", 2) == pass_id("7", 2)
    assert len({pass_id(id_, number) for id_ in ("7", "8", "7:pass:2") for number in (2, 3)}) == 6
