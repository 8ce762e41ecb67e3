"""A spike's evidence, from what is remembered of the brand."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from model.labels import LABELS
from stream.records import Evidence, EvidenceTerm, EvidenceTweet, SpikeKind
from stream.spikes.evidence.compare import LEAST_Z, Usage, log_odds_z, strongest
from stream.spikes.evidence.memory import Memory
from stream.spikes.evidence.sample import Seen
from stream.spikes.evidence.terms import Reader, is_retweet
from stream.spikes.evidence.voices import Crowd, group_copies, group_equals, similarities

MOST_TERMS, MOST_TWEETS, MOST_NAMES = 8, 5, 5
LEAST_VOICES = 3
"""Who says something that two others say is not alone."""
GAP_S = 600
"""What was said this long before the window may belong to it already, and is no baseline."""
MOST_READ, MOST_READ_BEFORE = 400, 1_000
"""Tweets that are read, those of the smallest hashes: time grows with their square, certainty hardly."""
_VARIETY = 0.5
"""Weight of being unlike the tweets already chosen (Carbonell and Goldstein 1998: MMR with lambda 0.5)."""


@dataclass(frozen=True)
class SpikeWindow:
    """What is to be explained. Times in seconds since 1970, ``end`` exclusive.

    ``share``: of the kind's label among the window's tweets, ``baseline``: what
    was expected; of kind volume, tweets a minute.
    """

    kind: SpikeKind
    start: int
    end: int
    share: float
    baseline: float


def explain(memory: Memory, window: SpikeWindow, names: Collection[str]) -> Evidence:
    """What people say in ``window`` that they did not say before; ``names``: what the brand is called.

    Reads at most 1,400 sampled tweets. The same memory gives the same evidence.
    """
    reader = Reader.of(names)
    everyone = memory.between(window.start, window.end)
    said = _of_kind(everyone, window.kind)[:MOST_READ]
    earlier = memory.before(window.start - GAP_S)[:MOST_READ_BEFORE]
    now, before = _crowd(reader, said, group_copies), _crowd(reader, earlier, group_equals)
    terms = _terms(now, before, window)
    chosen = [term.term for term in terms]
    return Evidence(
        terms=terms,
        explains=_explained(_together(now, chosen), _together(_alike(before, window.kind), chosen), window),
        tweets=_representatives(now, {term.term: term.z for term in terms}),
        sampled=len(said),
        sampled_before=len(earlier),
        voices=now.voices(),
        people_share=_share_of_people(said),
        copies_share=round(1 - len(set(now.groups)) / len(said), 4) if said else 0.0,
        sources=_mix(tweet.source for tweet in said),
        languages=_mix(tweet.lang for tweet in said),
    )


def _of_kind(tweets: Sequence[Seen], kind: SpikeKind) -> list[Seen]:
    return [tweet for tweet in tweets if kind == "volume" or LABELS[tweet.label] == kind]


def _crowd(reader: Reader, tweets: Sequence[Seen], group: Callable[[Sequence[frozenset[str]]], list[int]]) -> Crowd:
    readings = [reader.read(tweet.text) for tweet in tweets]
    return Crowd(tweets, readings, group([reading.words for reading in readings]))


def _alike(crowd: Crowd, kind: SpikeKind) -> Crowd:
    """Those of a crowd whose tweets have the label of ``kind``."""
    kept = [n for n, tweet in enumerate(crowd.tweets) if kind == "volume" or LABELS[tweet.label] == kind]
    return Crowd([crowd.tweets[n] for n in kept], [crowd.readings[n] for n in kept], [crowd.groups[n] for n in kept])


def _terms(now: Crowd, before: Crowd, window: SpikeWindow) -> list[EvidenceTerm]:
    """The strongest terms. Compared with tweets of the same label: what is negative as always explains nothing."""
    used = now.by_term()
    voices = {term: count for term, tweets in used.items() if (count := now.voices(tweets)) >= LEAST_VOICES}
    reference = _alike(before, window.kind)
    used_before, used_anywhere = reference.by_term(), before.by_term()
    total, total_before, total_anywhere = now.voices(), reference.voices(), before.voices()
    scores: dict[str, float] = {}
    usage: dict[str, tuple[Usage, Usage]] = {}
    for term, count in voices.items():
        here, there = Usage(count, total), Usage(reference.voices(used_before.get(term, ())), total_before)
        anywhere = (count + before.voices(used_anywhere.get(term, ()))) / (total + total_anywhere)
        z = log_odds_z(here, there, anywhere)
        if z >= LEAST_Z:
            scores[term], usage[term] = z, (here, there)
    return [
        EvidenceTerm(
            term=term,
            z=round(scores[term], 2),
            voices=usage[term][0].voices,
            share=round(usage[term][0].share, 4),
            share_before=round(usage[term][1].share, 4),
            explains=_explained(*usage[term], window),
        )
        for term in strongest(scores, used, MOST_TERMS)
    ]


def _together(crowd: Crowd, terms: Sequence[str]) -> Usage:
    """Voices that use any of the terms."""
    chosen = set(terms)
    users = [number for number, reading in enumerate(crowd.readings) if not chosen.isdisjoint(reading.terms)]
    return Usage(crowd.voices(users), crowd.voices())


def _explained(now: Usage, before: Usage, window: SpikeWindow) -> float:
    """Part of the rise that is a rise of tweets with the term, from 0 to 1."""
    rise = window.share - window.baseline
    if rise <= 0:
        return 0.0
    more = now.share * window.share - before.share * window.baseline
    return round(min(1.0, max(0.0, more / rise)), 4)


def _representatives(crowd: Crowd, weights: dict[str, float]) -> list[EvidenceTweet]:
    """Tweets with the strongest terms and unlike each other; one of a group of copies, one of a person."""
    leaders = _originals(crowd)
    if not leaders:
        return []
    total = sum(weights.values()) or 1.0
    worth = [
        sum(weights[term] for term in sorted(crowd.readings[n].terms & weights.keys())) / total
        + crowd.tweets[n].confidence / 1_000
        for n in leaders
    ]
    alike = similarities([crowd.readings[n].words for n in leaders])
    chosen: list[int] = []
    while len(chosen) < MOST_TWEETS:
        people = {crowd.tweets[leaders[row]].author for row in chosen} - {None}
        left = [r for r, n in enumerate(leaders) if r not in chosen and crowd.tweets[n].author not in people]
        if not left:
            break
        nearest = {row: max((float(alike[row, other]) for other in chosen), default=0.0) for row in left}
        chosen.append(max(left, key=lambda row: ((1 - _VARIETY) * worth[row] - _VARIETY * nearest[row], -row)))
    copies = Counter(crowd.groups)
    return [_show(crowd.tweets[leaders[row]], copies[crowd.groups[leaders[row]]]) for row in chosen]


def _originals(crowd: Crowd) -> list[int]:
    """The number of one tweet of each group of copies, not a retweet if possible."""
    best: dict[int, int] = {}
    for number, group in enumerate(crowd.groups):
        known = best.setdefault(group, number)
        if is_retweet(crowd.tweets[known].text) and not is_retweet(crowd.tweets[number].text):
            best[group] = number
    return list(best.values())


def _show(tweet: Seen, copies: int) -> EvidenceTweet:
    return EvidenceTweet(
        id=tweet.id,
        created_at=dt.datetime.fromtimestamp(tweet.at, dt.UTC),
        text=tweet.text,
        label=LABELS[tweet.label],
        confidence=tweet.confidence / 100,
        copies=copies,
    )


def _share_of_people(tweets: Sequence[Seen]) -> float | None:
    authors = [tweet.author for tweet in tweets if tweet.author is not None]
    return round(len(set(authors)) / len(authors), 4) if authors else None


def _mix(names: Any) -> dict[str, float]:
    """The most frequent names and their shares; tweets without one count under an empty name, if any has one."""
    counts = Counter(names)
    total = counts.total()
    if not counts.keys() - {""}:
        return {}
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_NAMES]
    return {name: round(count / total, 4) for name, count in ranked}
