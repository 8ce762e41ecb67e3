"""Writes the scenario's file, and its account while writing."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from stream.records import OTHER_BRAND
from stream.scenario.facts import LATE_AFTER_S, Episode, ScenarioFacts
from stream.scenario.plan import Draft, Span, Subject, Timetable, loudest
from stream.scenario.rows import COLUMNS, Row, make_rows
from stream.scenario.texts import EpisodeTopic, load_texts

DEFAULT_SEED = 7
DEFAULT_START = dt.datetime(2025, 3, 3, 8, tzinfo=dt.UTC)
"""A Monday morning: the default scenario is the same on every day."""
DEFAULT_HOURS = 6
DEFAULT_TWEETS = 7_500
LEAST_HOURS, LEAST_TWEETS = 1, 1_000


def generate(
    seed: int = DEFAULT_SEED,
    *,
    start: dt.datetime | None = None,
    hours: int = DEFAULT_HOURS,
    tweets: int = DEFAULT_TWEETS,
) -> Iterator[Row]:
    """The rows of a scenario of ``hours`` from ``start``, in the order of publication.

    Replay them in file order: sorted by time, nothing is late. Raises
    ValueError when there is too little room for what must happen.
    """
    if hours < LEAST_HOURS or tweets < LEAST_TWEETS:
        raise ValueError(f"{hours} hours and {tweets} tweets: take at least {LEAST_HOURS} and {LEAST_TWEETS}")
    return make_rows(seed, _whole_second(start), hours * 60, tweets)


def write_scenario(
    path: Path,
    seed: int = DEFAULT_SEED,
    *,
    start: dt.datetime | None = None,
    hours: int = DEFAULT_HOURS,
    tweets: int = DEFAULT_TWEETS,
) -> ScenarioFacts:
    """Write a scenario as ``generate`` gives it, as a table if the name ends in .csv, else as JSON lines.

    Returns what is in it. In a table, a line that is no object stands alone in
    the first column, so that what is broken stays broken.
    """
    account = _Account()
    rows = account.watch(generate(seed, start=start, hours=hours, tweets=tweets))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        if path.suffix.lower() == ".csv":
            _write_table(file, rows)
        else:
            file.writelines(f"{row.line}\n" for row in rows)
    return account.facts(seed, _whole_second(start), hours)


def _write_table(file: TextIO, rows: Iterable[Row]) -> None:
    table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    table.writeheader()
    for row in rows:
        try:
            fields = json.loads(row.line)
        except ValueError:
            fields = None
        table.writerow(fields if isinstance(fields, dict) else {COLUMNS[0]: row.line})


def _whole_second(start: dt.datetime | None) -> dt.datetime:
    return (start or DEFAULT_START).replace(microsecond=0).astimezone(dt.UTC)


class _Account:
    """Counts the rows that pass."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._drafts: list[Draft] = []
        self._newest_s = 0
        self._late = 0

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self._kinds[row.kind] += 1
            if row.draft is not None and row.kind != "duplicate":
                self._drafts.append(row.draft)
                second = row.draft.at_ms // 1_000
                self._late += second < self._newest_s - LATE_AFTER_S
                self._newest_s = max(self._newest_s, second)
            yield row

    def facts(self, seed: int, start: dt.datetime, hours: int) -> ScenarioFacts:
        drafts, texts, timetable = self._drafts, load_texts(), Timetable(hours * 60)
        named = [(brand, draft.mood) for draft in drafts for brand in draft.brands or (OTHER_BRAND,)]
        brands = Counter(brand for brand, _mood in named)
        return ScenarioFacts(
            seed=seed,
            start=start,
            end=start + dt.timedelta(hours=hours),
            rows=self._kinds.total(),
            tweets=len(drafts),
            duplicates=self._kinds["duplicate"],
            rejected=self._kinds["rejected"],
            repaired=self._kinds["repaired"],
            late=self._late,
            labeled=len(named),
            distinct_texts=len({draft.text for draft in drafts}),
            brands=dict(sorted(brands.items())),
            moods={
                brand: dict(sorted(Counter(mood for name, mood in named if name == brand).items()))
                for brand in sorted(brands)
            },
            languages=dict(sorted(Counter(draft.lang for draft in drafts).items())),
            crisis=self._episode("crisis", texts.crisis, start, timetable.crisis),
            viral=self._episode("viral", texts.viral, start, timetable.viral),
        )

    def _episode(self, subject: Subject, topic: EpisodeTopic, start: dt.datetime, span: Span) -> Episode:
        drafts = [draft for draft in self._drafts if draft.subject == subject]
        return Episode(
            brand=topic.brand,
            start=start + dt.timedelta(minutes=span.first),
            end=start + dt.timedelta(minutes=span.last),
            tweets=len(drafts),
            retweets=sum(draft.retweet for draft in drafts),
            authors=len({draft.author for draft in drafts}),
            loudest_author=loudest(drafts),
            terms=topic.terms,
        )
