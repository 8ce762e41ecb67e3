"""What a replay has done so far, told to whoever asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from stream.replay.meter import Meter
from stream.replay.options import KEPT_REJECTIONS, Rejected, ReplayProgress, ReplayResult
from stream.replay.order import as_time
from stream.replay.publish import Confirmed


@dataclass
class Tally:
    """Counts of one replay. ``expect`` gives the seconds that are left, from the rate."""

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
    confirmed: Confirmed = field(default_factory=Confirmed)

    def reject(self, row: Rejected) -> None:
        """Count and tell a row that is no tweet."""
        self.rejected += 1
        if len(self.rejected_rows) < KEPT_REJECTIONS:
            self.rejected_rows.append(row)
        self.on_rejected(row)

    def tell_read(self) -> None:
        """Report how many rows are read, if it is time for that."""
        if self.meter.due():
            self._tell(self.meter.rate(self.rows))

    def tell_published(self) -> None:
        """Report how many tweets are published, if it is time for that."""
        if self.meter.due():
            self.finish()

    def finish(self) -> None:
        """Report how many tweets are published."""
        self._tell(self.meter.rate(self.confirmed.tweets))

    def _tell(self, rate: float) -> None:
        self.on_progress(
            ReplayProgress(
                self.confirmed.tweets,
                self.total,
                self.rejected,
                self.confirmed.repaired,
                rate,
                self.expect(rate),
                rows_read=self.rows,
            )
        )

    def result(self, elapsed_s: float, *, stopped: bool) -> ReplayResult:
        """Everything, at the end."""
        first_us, latest_us = self.confirmed.first_us, self.confirmed.latest_us
        return ReplayResult(
            published=self.confirmed.tweets,
            rejected=self.rejected,
            repaired=self.confirmed.repaired,
            outside=self.tweets - self.kept,
            rejected_rows=self.rejected_rows,
            first_event_time=None if first_us is None else as_time(first_us),
            latest_event_time=None if latest_us is None else as_time(latest_us),
            elapsed_s=elapsed_s,
            stopped=stopped,
        )
