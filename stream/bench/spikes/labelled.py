"""A CSV file of tweets that people labelled, as panes: what does each detector find there?"""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from infra.errors import UsageError
from model.labels import LABELS
from stream.bench.spikes import rivals
from stream.bench.spikes.histories import MINUTES_A_DAY, BrandHistory
from stream.bench.spikes.measure import ADWIN, OURS, Outcome
from stream.records import PANE_S
from stream.spikes.detector import Detector
from stream.spikes.pane import Kind, PaneStats, author_sample
from stream.spikes.rules import SpikeRules
from stream.spikes.state import BrandState

BRAND, LABEL, AUTHOR = ("brand", "airline"), ("label", "sentiment", "airline_sentiment"), ("author", "name")
IDS = ("id", "tweet_id")
_TWITTER_EPOCH_MS = 1_288_834_974_657
_FIRST_SNOWFLAKE = 1 << 40


@dataclass(frozen=True)
class Found:
    """A negative spike. The figures are those of Barometer's event; the others say only when."""

    brand: str
    at: dt.datetime
    share: float | None = None
    baseline: float | None = None
    tweets: int | None = None
    z: float | None = None


def read_brands(path: Path) -> dict[str, list[PaneStats]]:
    """Panes of each brand, an author counted once for each label and pane. Raises UsageError for an unusable file."""
    voices: dict[tuple[str, int], list[set[int]]] = defaultdict(lambda: [set(), set(), set()])
    seen: set[str] = set()
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = csv.DictReader(file)
        header = rows.fieldnames or []
        brand, label = _column(path, header, BRAND), _column(path, header, LABEL)
        author, identity = (next((name for name in names if name in header), None) for names in (AUTHOR, IDS))
        for number, row in enumerate(rows):
            tweet = row[identity] if identity else str(number)
            at = _time(row.get("created_at"), tweet)
            if at is None or row[label] not in LABELS or tweet in seen:
                continue
            seen.add(tweet)
            voice = (row[author] or tweet) if author else tweet
            hashed = int.from_bytes(blake2b(voice.encode(), digest_size=8).digest(), "big")
            voices[row[brand], at // PANE_S * PANE_S][LABELS.index(row[label])].add(hashed)
    if not voices:
        raise UsageError(f"{path}: no row has a time, a brand and a label of {', '.join(LABELS)}")
    panes: dict[str, list[PaneStats]] = defaultdict(list)
    for (name, start), (negative, neutral, positive) in sorted(voices.items()):
        panes[name].append(
            PaneStats(
                *(start, len(negative), len(neutral), len(positive)),
                negative_authors=author_sample(negative),
                positive_authors=author_sample(positive),
            )
        )
    return panes


def search(brands: Mapping[str, Sequence[PaneStats]], outcome: Outcome, rules: SpikeRules) -> dict[str, list[Found]]:
    """Negative spikes by detector; thresholds are those tuned for the made-up brands of the nearest rate."""
    found: dict[str, list[Found]] = {}
    if not brands:
        return found
    found = {name: [] for name in (OURS, *rivals.SCORES, ADWIN)}
    for brand, panes in brands.items():
        detector, state = Detector(rules), BrandState(brand)
        for event in (event for pane in panes for event in detector.closed(state, pane)):
            if event.kind is Kind.NEGATIVE and event.change == "opened":
                at = dt.datetime.fromtimestamp(event.at, dt.UTC)
                found[OURS].append(Found(brand, at, event.share, event.baseline, event.tweets, event.z))
        first = panes[0].start // (PANE_S * MINUTES_A_DAY) * PANE_S * MINUTES_A_DAY
        history = _grid(panes, first)
        rate = min(outcome.plan.rates, key=lambda one: abs(one - history.tweets.sum() * 60 / history.minutes))
        chosen = {name: outcome.results[name].chosen[rate] for name in (*rivals.SCORES, ADWIN)}
        alarms = {name: rivals.alarms(score(history), chosen[name]) for name, score in rivals.SCORES.items()}
        alarms[ADWIN] = rivals.adwin(history, chosen[ADWIN])
        for name, minutes in alarms.items():
            found[name] += [
                Found(brand, dt.datetime.fromtimestamp(first + (int(at) + 1) * PANE_S, dt.UTC)) for at in minutes
            ]
    return found


def _grid(panes: Sequence[PaneStats], first: int) -> BrandHistory:
    """Every minute of the days of ``panes``, those without tweets included."""
    days = (panes[-1].start - first) // (PANE_S * MINUTES_A_DAY) + 1
    counts = np.zeros((3, days * MINUTES_A_DAY), dtype=np.int64)
    for pane in panes:
        counts[:, (pane.start - first) // PANE_S] = pane.tweets, pane.negative, pane.positive
    return BrandHistory(0, counts[0], counts[1], counts[2], np.zeros(counts.shape[1]), ())


def _column(path: Path, header: Sequence[str], names: Sequence[str]) -> str:
    for name in names:
        if name in header:
            return name
    raise UsageError(f"{path}: no column {' or '.join(names)}; it has {', '.join(header) or 'none'}")


def _time(written: str | None, identity: str) -> int | None:
    """Seconds since 1970, as written (ISO 8601, UTC if it names no zone) or as the id of a tweet tells."""
    if written:
        try:
            at = dt.datetime.fromisoformat(written)
        except ValueError:
            return None
        return int((at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp())
    if identity.isdecimal() and int(identity) > _FIRST_SNOWFLAKE:
        return ((int(identity) >> 22) + _TWITTER_EPOCH_MS) // 1000
    return None
