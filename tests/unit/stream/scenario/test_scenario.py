"""The scenario is what its account says, in every way that a run will be held to."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from model.normalise import normalise
from stream.brands import BrandRules
from stream.records import OTHER_BRAND, Tweet
from stream.replay.options import Rejected, ReplayOptions
from stream.replay.rows import Decoded
from stream.replay.source import read_tweets
from stream.scenario import DEFAULT_SEED, ScenarioFacts, generate, write_scenario
from stream.scenario.facts import LATE_AFTER_S
from stream.scenario.plan import Timetable
from stream.scenario.texts import load_texts

START = dt.datetime(2026, 3, 2, 15, 30, 17, 987_654, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class Played:
    """A scenario, read back the way a replay reads it."""

    path: Path
    facts: ScenarioFacts
    decoded: list[Decoded]
    rejected: list[Rejected]

    @property
    def tweets(self) -> list[Tweet]:
        """Distinct, in the order of publication."""
        first: dict[str, Tweet] = {}
        for item in self.decoded:
            first.setdefault(item.tweet.id, item.tweet)
        return list(first.values())


def play(path: Path, seed: int) -> Played:
    facts = write_scenario(path, seed, start=START)
    items = list(read_tweets(ReplayOptions(path)))
    decoded = [item for item in items if isinstance(item, Decoded)]
    return Played(path, facts, decoded, [item for item in items if isinstance(item, Rejected)])


@pytest.fixture(scope="module", params=[DEFAULT_SEED, 20260302])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(tmp_path_factory.mktemp("scenario") / "scenario.jsonl", request.param)


@pytest.fixture(scope="module")
def rules() -> BrandRules:
    return BrandRules.load()


def test_a_replay_reads_as_many_rows_of_each_kind_as_the_account_says(played: Played) -> None:
    facts = played.facts
    assert len(played.path.read_text("utf-8").splitlines()) == facts.rows
    assert len(played.decoded) == facts.published
    assert len(played.tweets) == facts.tweets
    assert len(played.rejected) == facts.rejected
    assert sum(item.repaired for item in played.decoded) == facts.repaired
    assert facts.rows == facts.tweets + facts.duplicates + facts.rejected


def test_every_way_to_break_a_row_is_told_apart(played: Played) -> None:
    reasons = [item.reason for item in played.rejected]
    for part in (
        "no text: text is missing",
        "no text: text is 404",
        "empty text",
        "cannot be read",
        "not a JSON object",
    ):
        assert any(part in reason for reason in reasons), (part, reasons)


def test_the_rules_find_the_brands_that_the_account_counts(played: Played, rules: BrandRules) -> None:
    found: Counter[str] = Counter()
    for tweet in played.tweets:
        found.update(rules.find(tweet.text, tweet.author) or [OTHER_BRAND])
    assert dict(sorted(found.items())) == played.facts.brands
    assert found.total() == played.facts.labeled
    assert {brand: sum(moods.values()) for brand, moods in played.facts.moods.items()} == played.facts.brands


def test_each_tweet_is_about_the_brands_it_was_written_about(played: Played, rules: BrandRules) -> None:
    rows = [row for row in generate(played.facts.seed, start=START) if row.draft is not None]
    for row in rows:
        assert row.draft is not None
        fields = orjson.loads(row.line)
        order = [name for name in rules.names if name in row.draft.brands]
        assert rules.find(fields["text"], fields["author"]) == order, fields["text"]


def test_times_lie_in_the_scenario_and_agree_with_the_ids(played: Played) -> None:
    with_own_id = 0
    for item in played.decoded:
        assert played.facts.start <= item.tweet.created_at < played.facts.end
        if item.tweet.id.isdecimal():
            with_own_id += 1
            written = dt.datetime.fromtimestamp(((int(item.tweet.id) >> 22) + 1_288_834_974_657) / 1000, dt.UTC)
            assert abs(written - item.tweet.created_at) < dt.timedelta(seconds=1)
    assert with_own_id > 0.99 * len(played.decoded)


def test_late_tweets_are_late_in_the_file(played: Played) -> None:
    newest, late = played.facts.start, 0
    for tweet in played.tweets:
        second = tweet.created_at.replace(microsecond=0)  # a time from an id has milliseconds
        late += second < newest - dt.timedelta(seconds=LATE_AFTER_S)
        newest = max(newest, second)
    assert late == played.facts.late
    assert 100 < late < 300


def test_a_duplicate_repeats_its_tweet_to_the_letter_within_the_horizon(played: Played) -> None:
    first: dict[str, tuple[Tweet, dt.datetime]] = {}
    newest = played.facts.start
    for item in played.decoded:
        newest = max(newest, item.tweet.created_at)
        before = first.setdefault(item.tweet.id, (item.tweet, newest))
        assert before[0] == item.tweet
        assert newest - item.tweet.created_at < dt.timedelta(hours=1)


def test_languages_are_what_the_account_says(played: Played) -> None:
    assert Counter(tweet.lang for tweet in played.tweets) == played.facts.languages
    assert played.facts.languages.keys() == {"en", "es", "fr", "de", "pt", "ja", "hi", "ar"}
    assert all(count >= 20 for count in played.facts.languages.values())


def test_it_does_not_read_like_five_sentences(played: Played) -> None:
    texts = [tweet.text for tweet in played.tweets]
    assert played.facts.distinct_texts > 0.8 * len(texts)
    assert len({normalise(text).lower() for text in texts}) > 5_000
    assert max(Counter(texts).values()) < 20
    assert len({tweet.author for tweet in played.tweets}) > 1_500


def test_no_slot_is_left_open(played: Played) -> None:
    assert not [tweet.text for tweet in played.tweets if "{" in tweet.text or "}" in tweet.text]


@pytest.mark.parametrize("sign", ["&amp;", "&lt;3", "#", "https://t.example/", "RT @", "😡", "❤️", "!", "?"])
def test_it_holds_what_real_tweets_hold(played: Played, sign: str) -> None:
    assert sum(sign in tweet.text for tweet in played.tweets) >= 3


def about(played: Played, rules: BrandRules, brand: str) -> list[Tweet]:
    return [tweet for tweet in played.tweets if brand in rules.find(tweet.text, tweet.author)]


def test_the_crisis_is_sudden_loud_and_explains_itself(played: Played, rules: BrandRules) -> None:
    crisis = played.facts.crisis
    tweets = about(played, rules, crisis.brand)
    inside = [tweet for tweet in tweets if crisis.start <= tweet.created_at < crisis.end]
    before = [tweet for tweet in tweets if tweet.created_at < crisis.start]
    per_minute = len(before) / ((crisis.start - played.facts.start) / MINUTE)
    first_minutes = [tweet for tweet in inside if tweet.created_at < crisis.start + 10 * MINUTE]
    assert len(first_minutes) > 4 * 10 * per_minute
    assert crisis.end - crisis.start == 45 * MINUTE
    assert crisis.tweets <= len(inside)
    assert crisis.authors > 200
    assert crisis.retweets > 50
    for term in crisis.terms:
        said = sum(term in tweet.text.lower() for tweet in inside)
        assert said > 30, term
        assert sum(term in tweet.text.lower() for tweet in before) <= said / 30, term
    counts = Counter(tweet.author for tweet in inside)
    assert counts.most_common(1)[0][0] == crisis.loudest_author
    assert 15 < counts[crisis.loudest_author] < 0.1 * len(inside)


def test_the_viral_moment_is_another_brands(played: Played, rules: BrandRules) -> None:
    viral = played.facts.viral
    assert viral.brand != played.facts.crisis.brand
    assert viral.end < played.facts.crisis.start
    inside = [tweet for tweet in about(played, rules, viral.brand) if viral.start <= tweet.created_at < viral.end]
    assert viral.tweets <= len(inside)
    for term in viral.terms:
        assert sum(term in tweet.text.lower() for tweet in inside) > 30, term


def test_moods_are_as_planned(played: Played) -> None:
    moods, brands = played.facts.moods, played.facts.brands
    share = {brand: moods[brand]["negative"] / brands[brand] for brand in brands}
    assert share["Veloria Air"] == max(value for brand, value in share.items() if brand != played.facts.crisis.brand)
    assert brands["Pedalune"] == min(brands.values())
    assert moods[played.facts.viral.brand]["positive"] > 0.5 * brands[played.facts.viral.brand]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_same_seed_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    facts = write_scenario(tmp_path / "here.jsonl", 3, tweets=1_000, hours=2)
    code = "import sys; from pathlib import Path; from stream.scenario import write_scenario as write; "
    code += "write(Path(sys.argv[1]), 3, tweets=1_000, hours=2)"
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there.jsonl")], check=True, env=environment)
    assert digest(tmp_path / "here.jsonl") == digest(tmp_path / "there.jsonl")
    assert facts == write_scenario(tmp_path / "again.jsonl", 3, tweets=1_000, hours=2)
    assert facts != write_scenario(tmp_path / "other.jsonl", 4, tweets=1_000, hours=2)
    assert digest(tmp_path / "here.jsonl") != digest(tmp_path / "other.jsonl")


def test_a_table_holds_the_same_tweets_and_what_is_broken_stays_broken(tmp_path: Path) -> None:
    def read(name: str) -> tuple[list[tuple[str, str, str | None]], int]:
        path = tmp_path / name
        rows = write_scenario(path, 3, tweets=1_000, hours=2).rows
        items = list(read_tweets(ReplayOptions(path)))
        tweets = [
            (i.tweet.text, i.tweet.created_at.isoformat(), i.tweet.author) for i in items if isinstance(i, Decoded)
        ]
        assert len(items) == rows
        return tweets, rows - len(tweets)

    lines, broken = read("scenario.jsonl")
    table, broken_there = read("scenario.csv")
    # A text that is a number is none in JSON; in a table all are texts.
    assert [tweet for tweet in table if tweet[0] != "404"] == lines
    assert broken_there == broken - 1


def test_another_start_moves_the_same_scenario() -> None:
    def drafts(start: dt.datetime) -> list[object]:
        return [row.draft for row in generate(5, start=start, hours=1, tweets=1_000)]

    assert drafts(START) == drafts(START + dt.timedelta(days=40))


@pytest.mark.parametrize(("hours", "tweets"), [(1, 1_000), (3, 1_234), (24, 2_000)])
def test_length_and_size_can_be_chosen(tmp_path: Path, hours: int, tweets: int) -> None:
    facts = write_scenario(tmp_path / "scenario.jsonl", 1, start=START, hours=hours, tweets=tweets)
    assert facts.tweets == tweets
    assert facts.end - facts.start == dt.timedelta(hours=hours)
    assert facts.start < facts.viral.start < facts.viral.end < facts.crisis.start < facts.crisis.end < facts.end


@pytest.mark.parametrize(("hours", "tweets"), [(0, 7_500), (6, 999)])
def test_too_little_room_is_refused(hours: int, tweets: int) -> None:
    with pytest.raises(ValueError, match="take at least"):
        generate(hours=hours, tweets=tweets)


def test_episodes_lie_apart_however_long_the_scenario_is() -> None:
    for minutes in range(60, 3_000, 7):
        when = Timetable(minutes)
        assert 0 < when.viral.first < when.viral.last < when.crisis.first < when.crisis.last < minutes
        assert when.crisis.last == when.aftermath.first < when.aftermath.last <= minutes


def test_every_slot_of_every_sentence_can_be_filled() -> None:
    texts = load_texts()
    for topic in (*texts.brands, texts.elsewhere, texts.pairs, texts.crisis, texts.viral):
        for sentences in topic.texts.values():
            for sentence in sentences:
                assert sentence.count("{") == sentence.count("}")
                assert len(sentence) < 140
    for brand in texts.brands:
        assert set(brand.mood) == set(brand.hashtags) == {"negative", "neutral", "positive"}
