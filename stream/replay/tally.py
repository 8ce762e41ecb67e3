"""What a replay has done so far, told to whoever asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from stream.replay.meter import Meter
from stream.replay.options import KEPT_REJECTIONS, Rejected, ReplayProgress, ReplayResult
from stream.replay.order import as_time


@dataclass
class Tally:
    """Counts of one replay. Event times are those published, in µs since 1970.

    ``expect`` gives the seconds that are left, from the rate.
    """

    on_progress: Callable[[ReplayProgress], None]
    on_rejected: Callable[[Rejected], None]
    meter: Meter = field(default_factory=Meter)
    expect: Callable[[float], float | None] = lambda _rate: None
    total: int | None = None
    rows: int = 0
    tweets: int = 0
    kept: int = 0
    rejected: int = 0
    rejected_rows: list[Rejected] = field(default_factory=list)
    repaired: int = 0
    published: int = 0
    first_us: int | None = None
    latest_us: int | None = None

    def reject(self, row: Rejected) -> None:
        """Count and tell a row that is no tweet."""
        self.rejected += 1
        if len(self.rejected_rows) < KEPT_REJECTIONS:
            self.rejected_rows.append(row)
        self.on_rejected(row)

    def sent(self, time_us: int, *, repaired: bool) -> None:
        """Count a tweet that is on its way."""
        self.repaired += repaired
        self.first_us = time_us if self.first_us is None else min(time_us, self.first_us)
        self.latest_us = time_us if self.latest_us is None else max(time_us, self.latest_us)

    def tell_read(self) -> None:
        """Report how many rows are read, if it is time for that."""
        if self.meter.due():
            self._tell(self.meter.rate(self.rows))

    def tell_published(self, published: int) -> None:
        """Report how many tweets are published, if it is time for that."""
        self.published = published
        if self.meter.due():
            self._tell(self.meter.rate(published))

    def finish(self, published: int) -> None:
        """The last report."""
        self.published = published
        self._tell(self.meter.rate(published))

    def _tell(self, rate: float) -> None:
        self.on_progress(
            ReplayProgress(
                self.published, self.total, self.rejected, self.repaired, rate, self.expect(rate), rows_read=self.rows
            )
        )

    def result(self, elapsed_s: float, *, stopped: bool) -> ReplayResult:
        """Everything, at the end."""
        return ReplayResult(
            published=self.published,
            rejected=self.rejected,
            repaired=self.repaired,
            outside=self.tweets - self.kept,
            rejected_rows=self.rejected_rows,
            first_event_time=None if self.first_us is None else as_time(self.first_us),
            latest_event_time=None if self.latest_us is None else as_time(self.latest_us),
            elapsed_s=elapsed_s,
            stopped=stopped,
        )
