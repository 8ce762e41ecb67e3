"""Four weeks of a brand in hourly summaries, spikes left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from stream.records import PANE_S
from stream.spikes.recent import SHARE, VOLUME, RecentPane
from stream.spikes.rules import HOUR_S

HOURS_A_DAY = 24
_MINUTES = HOUR_S // PANE_S


class Hour(NamedTuple):
    """Sums over one hour, integers all. Shares leave out what was in a spike of a share, volume those of volume.

    ``chi_*``: Pearson's χ² of the panes' shares against that of the hour, in
    thousandths, with ``degrees`` of freedom: more than one for each says that the
    tweets of a minute do not come independently. ``minutes`` are those that
    ``volume`` is from.
    """

    tweets: int
    negative: int
    positive: int
    chi_negative: int
    chi_positive: int
    degrees: int
    volume: int
    minutes: int


class History:
    """Hours by number since 1970, in days: ``days[day][hour of day]``. Days are never changed, only replaced."""

    def __init__(self, days: dict[int, dict[int, Hour]] | None = None) -> None:
        self.days = days or {}

    def draft(self) -> History:
        """A copy that can be changed."""
        return History(dict(self.days))

    @property
    def newest_day(self) -> int | None:
        return max(self.days, default=None)

    def put(self, number: int, hour: Hour) -> None:
        """Set hour ``number``."""
        day, of_day = divmod(number, HOURS_A_DAY)
        self.days[day] = {**self.days.get(day, {}), of_day: hour}

    def prune(self, keep_from_day: int) -> set[int]:
        """Forget days before ``keep_from_day``; which they were."""
        old = {day for day in self.days if day < keep_from_day}
        for day in old:
            del self.days[day]
        return old

    def hours(self, from_day: int, to_day: int) -> Iterator[tuple[int, Hour]]:
        """Numbers and summaries of the hours of days ``from_day`` up to, not including, ``to_day``, in order."""
        for day in sorted(day for day in self.days if from_day <= day < to_day):
            hours = self.days[day]
            for of_day in sorted(hours):
                yield day * HOURS_A_DAY + of_day, hours[of_day]


def summarise(panes: Sequence[RecentPane], minutes: int) -> Hour:
    """The summary of an hour's ``panes``, of which ``minutes`` were covered at all."""
    quiet = [pane for pane in panes if not pane.apart & SHARE]
    loud = sum(1 for pane in panes if pane.apart & VOLUME)
    tweets = sum(pane.tweets for pane in quiet)
    return Hour(
        tweets=tweets,
        negative=sum(pane.negative for pane in quiet),
        positive=sum(pane.positive for pane in quiet),
        chi_negative=_chi((pane.tweets, pane.negative) for pane in quiet),
        chi_positive=_chi((pane.tweets, pane.positive) for pane in quiet),
        degrees=max(0, len(quiet) - 1),
        volume=sum(pane.tweets for pane in panes if not pane.apart & VOLUME),
        minutes=max(0, min(minutes, _MINUTES) - loud),
    )


def _chi(panes: Iterable[tuple[int, int]]) -> int:
    """Pearson's χ² of shares in thousandths; its expectation, 1 for each degree, where all shares are 0 or 1."""
    tweets = hits = count = 0
    squares = 0.0
    for total, part in panes:
        tweets, hits, count = tweets + total, hits + part, count + 1
        squares += part * part / total
    if count < 2:
        return 0
    if hits in (0, tweets):
        return 1000 * (count - 1)
    share = hits / tweets
    return round(1000 * (squares - hits * share) / (share * (1 - share)))
