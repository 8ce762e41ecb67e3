"""Who says what about whom, and when: the scenario's tweets in event time, before anything goes wrong with them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from model.labels import LABELS, Label
from stream.scenario.texts import BrandTopic, EpisodeTopic, Texts
from stream.scenario.voice import Voice

MINUTE_MS = 60_000
CRISIS_AT, VIRAL_AT = 0.58, 0.2
"""When the two episodes begin, as parts of the whole."""
CRISIS_MIN, AFTERMATH_MIN, VIRAL_MIN = 45, 40, 60
_RHYTHM = (60, 85, 110, 120, 105, 115, 90)
"""How busy people are over the scenario, at equal distances."""

Subject = Literal["brand", "elsewhere", "pair", "foreign", "crisis", "aftermath", "viral"]
SHARES: dict[Subject, float] = {
    "elsewhere": 0.06,
    "pair": 0.025,
    "foreign": 0.08,
    "crisis": 0.11,
    "aftermath": 0.012,
    "viral": 0.07,
}
"""Parts of all tweets; the rest is chatter about one brand."""


@dataclass(frozen=True)
class Draft:
    """One tweet. ``at_ms``: event time after the scenario's start; ``mood``: the feeling it was written with."""

    at_ms: int
    text: str
    author: str
    lang: str
    brands: tuple[str, ...]
    mood: Label
    subject: Subject
    retweet: bool = False


@dataclass(frozen=True)
class Span:
    """A stretch of the scenario, in minutes from its start."""

    first: int
    last: int


@dataclass(frozen=True)
class Timetable:
    """Where the episodes lie in a scenario of ``minutes``."""

    minutes: int

    @property
    def crisis(self) -> Span:
        first = int(self.minutes * CRISIS_AT)
        return Span(first, first + min(CRISIS_MIN, self.minutes // 5))

    @property
    def aftermath(self) -> Span:
        return Span(self.crisis.last, min(self.minutes, self.crisis.last + AFTERMATH_MIN))

    @property
    def viral(self) -> Span:
        first = int(self.minutes * VIRAL_AT)
        return Span(first, first + min(VIRAL_MIN, self.minutes // 5))


class Plan:
    """Writes ``tweets`` drafts over ``minutes``, in the order of their event times."""

    def __init__(self, rng: random.Random, texts: Texts, minutes: int, tweets: int) -> None:
        self._rng = rng
        self._texts = texts
        self._voice = Voice(rng, texts)
        self._timetable = Timetable(minutes)
        self._tweets = tweets
        self._original: dict[tuple[Subject, tuple[str, ...]], list[Draft]] = {}
        self._write: dict[Subject, Callable[[int], Draft]] = {
            "brand": self._about_brand,
            "elsewhere": self._elsewhere,
            "pair": self._about_pair,
            "foreign": self._foreign,
            "crisis": self._in_crisis,
            "aftermath": self._after_crisis,
            "viral": self._viral,
        }

    def drafts(self) -> Iterator[Draft]:
        """The whole scenario; retweets follow what they repeat."""
        moments = sorted((at_ms, number, subject) for number, (at_ms, subject) in enumerate(self._moments()))
        for at_ms, _number, subject in moments:
            yield self._maybe_retweet(self._write[subject](at_ms))

    def spare(self, at_ms: int) -> Draft:
        """One more tweet about a brand, for rows that get broken."""
        return self._about_brand(at_ms)

    def _moments(self) -> Iterator[tuple[int, Subject]]:
        counts = {subject: round(self._tweets * share) for subject, share in SHARES.items()}
        counts["brand"] = self._tweets - sum(counts.values())
        when = self._timetable
        for subject, count in counts.items():
            if subject == "crisis":
                span, weights = when.crisis, _sudden(when.crisis)
            elif subject == "aftermath":
                span, weights = when.aftermath, _fading(when.aftermath)
            elif subject == "viral":
                span, weights = when.viral, _swelling(when.viral)
            else:
                span, weights = Span(0, when.minutes), self._everyday(when.minutes)
            for minute in self._rng.choices(range(span.first, span.last), weights, k=count):
                yield minute * MINUTE_MS + self._rng.randrange(MINUTE_MS), subject

    def _everyday(self, minutes: int) -> list[float]:
        """The rhythm of the day with a little noise. No sines: their last digits differ between machines."""
        steps = len(_RHYTHM) - 1
        weights = []
        for minute in range(minutes):
            knot, rest = divmod(minute * steps, minutes)
            level = _RHYTHM[knot] + (_RHYTHM[knot + 1] - _RHYTHM[knot]) * rest / minutes
            weights.append(level * self._rng.randrange(85, 116) / 100)
        return weights

    def _mood(self, **weights: int) -> Label:
        return self._rng.choices(LABELS, [weights.get(label, 0) for label in LABELS])[0]

    def _brand(self) -> BrandTopic:
        brands = self._texts.brands
        return self._rng.choices(brands, [brand.share for brand in brands])[0]

    def _about_brand(self, at_ms: int) -> Draft:
        brand = self._brand()
        mood = self._mood(**brand.mood)
        given = {"b": self._voice.name_of(brand)}
        text = self._voice.fill(self._rng.choice(brand.texts[mood]), brand.slots, given)
        text = self._voice.finish(text, mood, brand.hashtags[mood])
        return Draft(at_ms, text, self._voice.author(), "en", (brand.name,), mood, "brand")

    def _elsewhere(self, at_ms: int) -> Draft:
        topic = self._texts.elsewhere
        mood = self._mood(negative=25, neutral=40, positive=35)
        text = self._voice.finish(self._voice.fill(self._rng.choice(topic.texts[mood]), topic.slots, {}), mood)
        return Draft(at_ms, text, self._voice.author(), "en", (), mood, "elsewhere")

    def _about_pair(self, at_ms: int) -> Draft:
        first = second = self._brand()
        while second is first:
            second = self._brand()
        topic = self._texts.pairs
        mood = self._mood(negative=30, neutral=40, positive=30)
        given = {"a": self._voice.name_of(first), "b": self._voice.name_of(second)}
        text = self._voice.finish(self._voice.fill(self._rng.choice(topic.texts[mood]), topic.slots, given), mood)
        return Draft(at_ms, text, self._voice.author(), "en", (first.name, second.name), mood, "pair")

    def _foreign(self, at_ms: int) -> Draft:
        languages = self._texts.languages
        language = self._rng.choices(languages, [entry.share for entry in languages])[0]
        brand = self._brand()
        mood = self._mood(**brand.mood)
        given = {"b": self._voice.name_of(brand, language.code)}
        text = self._voice.fill(self._rng.choice(language.texts[mood]), {}, given)
        text = self._voice.decorate(text, mood)
        return Draft(at_ms, text, self._voice.author(), language.code, (brand.name,), mood, "foreign")

    def _in_crisis(self, at_ms: int) -> Draft:
        topic = self._texts.crisis
        if self._rng.random() < 0.045:
            minute = at_ms // MINUTE_MS - self._timetable.crisis.first + 1
            draft = self._episode(at_ms, topic, "loud", "negative", "crisis", minute=str(minute))
            return replace(draft, author=topic.loud_author)
        mood = self._mood(negative=88, neutral=9, positive=3)
        return self._episode(at_ms, topic, mood, mood, "crisis")

    def _after_crisis(self, at_ms: int) -> Draft:
        mood = self._mood(negative=35, neutral=40, positive=25)
        return self._episode(at_ms, self._texts.crisis, f"after_{mood}", mood, "aftermath")

    def _viral(self, at_ms: int) -> Draft:
        mood = self._mood(negative=2, neutral=10, positive=88)
        return self._episode(at_ms, self._texts.viral, mood, mood, "viral")

    def _episode(
        self, at_ms: int, topic: EpisodeTopic, chapter: str, mood: Label, subject: Subject, **given: str
    ) -> Draft:
        brand = self._texts.brand(topic.brand)
        given = {"b": self._voice.name_of(brand), **given}
        text = self._voice.fill(self._rng.choice(topic.texts[chapter]), topic.slots, given)
        text = self._voice.finish(text, mood, brand.hashtags[mood])
        return Draft(at_ms, text, self._voice.author(), "en", (brand.name,), mood, subject)

    def _maybe_retweet(self, draft: Draft) -> Draft:
        """Some drafts become retweets of an earlier one of the same kind; newer and popular ones more often."""
        earlier = self._original.setdefault((draft.subject, draft.brands), [])
        odds = 0.22 if draft.subject in {"crisis", "viral"} else 0.03
        if (
            draft.lang == "en"
            and draft.author != self._texts.crisis.loud_author
            and self._rng.random() < odds
            and earlier
        ):
            part = self._rng.random()
            chosen = earlier[int(part * part * min(len(earlier), 40))]
            text = f"RT @{chosen.author}: {chosen.text}"
            return replace(draft, text=text, mood=chosen.mood, retweet=True)
        earlier.insert(0, draft)
        return draft


def loudest(drafts: list[Draft]) -> str:
    """The author with the most drafts; of equals the first in the alphabet."""
    counts = Counter(draft.author for draft in drafts)
    return min(counts, key=lambda author: (-counts[author], author), default="")


def _sudden(span: Span) -> list[float]:
    """Full after four minutes, and slowly down after half of the time."""
    length = span.last - span.first
    return [min(1.0, (minute + 1) / 4, 1.6 * (length - minute) / length) for minute in range(length)]


def _swelling(span: Span) -> list[float]:
    """Up over ten minutes as word gets round, then a long tail."""
    return [min((minute + 1) / 10, 10 / (minute + 1)) for minute in range(span.last - span.first)]


def _fading(span: Span) -> list[float]:
    length = span.last - span.first
    return [(length - minute) / length for minute in range(length)]
