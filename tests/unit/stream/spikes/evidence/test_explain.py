"""The evidence names what is new, whoever shouts, in whatever order it came."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from model.labels import Label
from stream.records import Evidence, SpikeKind
from stream.scenario import generate
from stream.scenario.plan import Timetable
from stream.scenario.texts import load_texts
from stream.spikes.evidence import Memory, Seen, SpikeWindow, explain
from tests.unit.stream.spikes.evidence.making import START, number_of, remember, seen, tweet

HOUR = 3_600
EVERYDAY = ["queue at the counter", "fees are too high", "card lost in the mail", "support was rude to me"]
NEW = ["app is down and no answer", "cannot pay, app is down", "app is down since noon", "help, the app is down"]
WINDOW = SpikeWindow("negative", START + 3 * HOUR, START + 3 * HOUR + 900, share=0.8, baseline=0.3)


def everyday() -> list[Seen]:
    return [
        tweet(f"{EVERYDAY[n % 4]} number{n % 37}", START + 60 * n, author=f"p{n}", label=("negative", "neutral")[n % 2])
        for n in range(170)
    ]


def crisis(texts: list[str], people: int = 1_000) -> list[Seen]:
    return [
        tweet(f"{texts[n % len(texts)]} word{n} thing{n}", WINDOW.start + 20 * n, author=f"q{n % people}")
        for n in range(40)
    ]


def found(tweets: list[Seen], window: SpikeWindow = WINDOW) -> Evidence:
    return explain(remember(tweets), window, ["Quillon Bank"])


def test_what_is_new_comes_first_and_explains_the_rise() -> None:
    evidence = found(everyday() + crisis(NEW + EVERYDAY[:1]))
    assert evidence.terms[0].term == "app is down"
    assert evidence.terms[0].share > 0.6
    assert evidence.terms[0].share_before == 0
    assert evidence.terms[0].explains > 0.8
    assert not {"queue", "counter"} & {term.term for term in evidence.terms}
    assert evidence.explains >= evidence.terms[0].explains
    assert (evidence.sampled, evidence.voices, evidence.people_share) == (40, 40, 1.0)
    assert evidence.sources == {"web": 1.0}
    assert evidence.languages == {"en": 1.0}


def test_neither_a_loud_author_nor_a_retweet_flood_makes_a_term() -> None:
    loud = [tweet(f"boycott them {n} now{n}", WINDOW.start + n, author="loud") for n in range(60)]
    flood = [tweet("RT @star: my hamster is sad", WINDOW.start + n, author=f"fan{n}") for n in range(60)]
    evidence = found(everyday() + crisis(NEW) + loud + flood)
    assert evidence.terms[0].term == "app is down"
    assert not [term for term in evidence.terms if "boycott" in term.term or "hamster" in term.term]
    assert evidence.copies_share > 0.1


def test_words_that_angry_people_always_use_explain_nothing() -> None:
    def angry(tweets: list[Seen]) -> list[Seen]:
        return [one._replace(text=f"disgrace. {one.text}") if one.label == 0 else one for one in tweets]

    named = [term.term for term in found(angry(everyday()) + angry(crisis(NEW))).terms]
    assert named[0] == "app is down"
    assert "disgrace" not in named


def test_what_began_just_before_the_window_is_no_baseline() -> None:
    early = [tweet(f"{NEW[n % 4]} early{n}", WINDOW.start - 500 + n, author=f"e{n}") for n in range(20)]
    assert found(everyday() + early + crisis(NEW)).terms[0].share_before == 0


def test_tweets_shown_are_of_different_people_and_different_texts() -> None:
    evidence = found(everyday() + crisis(NEW) + crisis(["RT @star: app is down, pay day"]))
    assert len(evidence.tweets) == 5
    assert len({shown.id for shown in evidence.tweets}) == 5
    assert "app is down" in evidence.tweets[0].text
    copied = found([*everyday(), *[tweet("app is down", WINDOW.start + n, author=f"f{n}") for n in range(9)]])
    assert [shown.copies for shown in copied.tweets] == [9]


def test_one_person_is_shown_once() -> None:
    loud = [tweet(text, WINDOW.start + n, author="loud") for n, text in enumerate(NEW + EVERYDAY)]
    assert len(found([*everyday(), *loud]).tweets) == 1


def test_a_smaller_theme_is_shown_beside_the_largest() -> None:
    large = [f"card declined at shop{n} street{n}" for n in range(30)]
    small = [f"locked out since{n} door{n}" for n in range(10)]
    tweets = [tweet(text, WINDOW.start + n, author=f"a{n}") for n, text in enumerate(large + small)]
    shown = [one.text for one in found(everyday() + tweets).tweets]
    assert "card declined" in shown[0]
    assert "locked out" in shown[1]


def test_an_original_is_shown_rather_than_its_retweets() -> None:
    flood = [tweet("RT @star: app is down again, help", WINDOW.start + n, author=f"f{n}") for n in range(9)]
    original = tweet("app is down again, help", WINDOW.start + 30, author="star")
    shown = found([*everyday(), *flood, original]).tweets
    assert shown[0].text == original.text
    assert shown[0].copies == 10


def test_authors_are_nowhere_in_it() -> None:
    tweets = everyday() + crisis(NEW)
    text = found(tweets).model_dump_json()
    for one in tweets:
        assert str(one.author) not in text


def test_nothing_remembered_is_an_empty_evidence() -> None:
    evidence = explain(Memory(), WINDOW, [])
    assert evidence == Evidence(terms=[], explains=0, tweets=[], sampled=0, sampled_before=0, voices=0, copies_share=0)


def test_without_a_past_the_frequent_is_named() -> None:
    assert found(crisis(NEW)).terms[0].term == "app is down"


def test_texts_without_words_are_no_error() -> None:
    assert found([tweet("...", WINDOW.start + n, author=None, id=str(n)) for n in range(9)]).terms == []


def test_the_order_of_arrival_does_not_matter() -> None:
    tweets = everyday() + crisis(NEW)
    expected = found(tweets)
    for seed in range(3):
        shuffled = random.Random(seed).sample(tweets, len(tweets))
        assert found(shuffled) == expected


def test_what_comes_after_the_window_does_not_matter() -> None:
    tweets = everyday() + crisis(NEW)
    later = [tweet(f"all good again {n}", WINDOW.end + n * 5, label="positive") for n in range(60)]
    assert found(tweets + later) == found(tweets)


@settings(max_examples=50, deadline=None)
@given(st.lists(seen, max_size=60), st.sampled_from(["negative", "positive", "volume"]), st.integers(0, 40))
def test_any_tweets_give_a_sound_record(tweets: list[Seen], kind: SpikeKind, hour: int) -> None:
    window = SpikeWindow(kind, START + hour * HOUR, START + (hour + 3) * HOUR, share=0.7, baseline=0.3)
    memory = remember(list({one.priority: one for one in tweets}.values()))
    evidence = explain(memory, window, ["brand"])
    assert Evidence.model_validate_json(evidence.model_dump_json()) == evidence
    assert len(evidence.terms) <= 8
    assert evidence.voices <= evidence.sampled


@cache
def scenario() -> dict[str, list[Seen]]:
    """The demo's tweets by brand, labelled with the feeling they were written with."""
    start = int(datetime(2025, 3, 3, 8, tzinfo=UTC).timestamp())
    found: dict[str, list[Seen]] = {}
    for number, row in enumerate(generate()):
        if row.kind == "tweet" and row.draft is not None:
            draft = row.draft
            name = str(json.loads(row.line).get("id", number))
            label: Label = draft.mood
            one = tweet(draft.text, start + draft.at_ms // 1_000, id=name, author=draft.author, label=label)
            for brand in draft.brands:
                found.setdefault(brand, []).append(one)
    return found


def episode(kind: SpikeKind, brand: str, first_minute: int, minutes: int) -> Evidence:
    start = int(datetime(2025, 3, 3, 8, tzinfo=UTC).timestamp()) + first_minute * 60
    window = SpikeWindow(kind, start, start + minutes * 60, share=0.83, baseline=0.28)
    past = [one for one in scenario()[brand] if one.at < window.end]
    names = [brand, brand.replace(" ", ""), brand.split(maxsplit=1)[0]]
    return explain(remember(past), window, names)


def test_the_demos_crisis_is_told_by_its_own_terms() -> None:
    topic = load_texts().crisis
    for minutes in (8, 15, 45):
        evidence = episode("negative", topic.brand, Timetable(360).crisis.first, minutes)
        named = [term.term for term in evidence.terms]
        assert all(any(true in name for true in topic.terms) for name in named[:3]), named
        assert sum(any(true in name for name in named) for true in topic.terms) >= 4, named
        assert evidence.explains > 0.9


def test_the_demos_kind_barista_is_told_by_its_own_terms() -> None:
    topic = load_texts().viral
    evidence = episode("positive", topic.brand, Timetable(360).viral.first, 15)
    named = [term.term for term in evidence.terms]
    assert all(any(true in name for true in topic.terms) for name in named[:4]), named


def test_the_loudest_author_of_the_crisis_is_shown_at_most_once() -> None:
    topic = load_texts().crisis
    evidence = episode("negative", topic.brand, Timetable(360).crisis.first, 45)
    loud = {one.id for one in scenario()[topic.brand] if one.author == number_of(topic.loud_author)}
    assert sum(shown.id in loud for shown in evidence.tweets) <= 1
