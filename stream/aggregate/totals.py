"""How often each brand of a partition was mentioned, and how many panes there must be. Pure.

Panes are evicted, counters must not go back: what evicted panes had counted is
kept as ``retired``, for as long as the brand has any pane. So what is kept is
bounded by the panes, however many names a source makes up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from model.labels import LABELS
from stream.aggregate.fold import Changes, PartitionState
from stream.aggregate.pane import PaneKey

ByLabel = tuple[int, ...]
"""Tweets by label, in the order of LABELS."""
NONE: ByLabel = (0,) * len(LABELS)


@dataclass(frozen=True, slots=True)
class BrandTotal:
    """Mentions of one brand: in the panes that are kept, and in those that were evicted since it has had any."""

    panes: int = 0
    live: ByLabel = NONE
    retired: ByLabel = NONE

    @property
    def mentions(self) -> ByLabel:
        return plus(self.live, self.retired)


@dataclass
class Totals:
    """Of one partition. ``panes`` and ``tweets`` are saved with the state, and checked when it is read.

    ``counted``: all mentions ever, also of brands that are gone: it only grows.
    """

    brands: dict[str, BrandTotal] = field(default_factory=dict)
    panes: int = 0
    tweets: int = 0
    counted: ByLabel = NONE

    @classmethod
    def of(cls, panes: Iterable[tuple[str, Sequence[int]]], retired: Mapping[str, ByLabel], counted: ByLabel) -> Totals:
        """Of the panes of a partition: brand, and tweets by label."""
        found: dict[str, list[int]] = {}
        for brand, counts in panes:
            sums = found.setdefault(brand, [0] * (1 + len(LABELS)))
            sums[0] += 1
            for index, count in enumerate(counts, start=1):
                sums[index] += count
        brands = {
            brand: BrandTotal(sums[0], tuple(sums[1:]), retired.get(brand, NONE)) for brand, sums in found.items()
        }
        return cls(
            brands,
            panes=sum(total.panes for total in brands.values()),
            tweets=sum(sum(total.live) for total in brands.values()),
            counted=counted,
        )

    def after(self, state: PartitionState, changes: Changes) -> TotalsChange:
        """What ``changes``, folded from ``state`` but not yet applied to it, do to the totals."""
        change = TotalsChange(self.panes, self.tweets, self.counted)
        for key, pane in changes.panes.items():
            before = state.pane(key)
            new = minus(pane.counts, before.counts if before else NONE)
            change.move(self, key, panes=before is None, counts=new)
            change.counted = plus(change.counted, new)
        for key in changes.evicted:
            before = state.pane(key)
            had = before.counts if before else NONE
            change.move(self, key, panes=-(before is not None), counts=minus(NONE, had))
            last = _last_counts(changes, key, had)
            change.retire(key.brand, last)
            change.counted = plus(change.counted, minus(last, had))
        return change

    def apply(self, change: TotalsChange) -> None:
        """Make saved changes the totals. Readers in other threads see each brand as before or as after."""
        self.panes, self.tweets, self.counted = change.panes, change.tweets, change.counted
        for brand, total in change.brands.items():
            if total.panes:
                self.brands[brand] = total
            else:
                self.brands.pop(brand, None)


@dataclass
class TotalsChange:
    """New totals of the partition and of the brands that changed; a brand without panes is gone."""

    panes: int
    tweets: int
    counted: ByLabel
    brands: dict[str, BrandTotal] = field(default_factory=dict)
    _retired: set[str] = field(default_factory=set)

    def move(self, totals: Totals, key: PaneKey, *, panes: int, counts: ByLabel) -> None:
        known = self.brands.get(key.brand) or totals.brands.get(key.brand) or BrandTotal()
        self.brands[key.brand] = BrandTotal(known.panes + panes, plus(known.live, counts), known.retired)
        self.panes += panes
        self.tweets += sum(counts)

    def retire(self, brand: str, counts: ByLabel) -> None:
        known = self.brands[brand]
        self.brands[brand] = BrandTotal(known.panes, known.live, plus(known.retired, counts))
        self._retired.add(brand)

    def retired(self) -> Iterator[tuple[str, ByLabel | None]]:
        """Brands whose retired mentions changed, with what they are now; None when the brand is gone."""
        for brand in self._retired:
            total = self.brands[brand]
            yield brand, total.retired if total.panes else None


def _last_counts(changes: Changes, key: PaneKey, had: Iterable[int]) -> ByLabel:
    """What a pane had counted when it was evicted: it may have got its last tweets in the same batch."""
    window = changes.windows.get(key)
    return tuple(had) if window is None else tuple(getattr(window.counts, label) for label in LABELS)


def plus(one: Iterable[int], other: Iterable[int]) -> ByLabel:
    """Label by label."""
    return tuple(a + b for a, b in zip(one, other, strict=True))


def minus(one: Iterable[int], other: Iterable[int]) -> ByLabel:
    """Label by label."""
    return tuple(a - b for a, b in zip(one, other, strict=True))
