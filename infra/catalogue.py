"""How a metric is defined: a Prometheus object, and what people are told about it.

``infra.metrics`` holds the metrics themselves. A definition says whether a
dashboard or a rule shows the metric, or whether it is ``diagnostic``: for
whoever looks into trouble, and read by nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from prometheus_client import Counter, Gauge, Histogram

Kind = Literal["counter", "gauge", "histogram"]


class Family(NamedTuple):
    """A metric that is read when it is asked for; what gives its values is elsewhere."""

    name: str
    documentation: str
    value: None
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Definition:
    """``name`` as queries write it; for a histogram without ``_bucket``.

    ``documentation``: what it is, and what a rise means. ``buckets``: upper edges of a histogram, without infinity.
    """

    name: str
    kind: Kind
    documentation: str
    labels: tuple[str, ...]
    diagnostic: bool
    buckets: tuple[float, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """Names that a scrape of it shows."""
        return tuple(f"{self.name}_{part}" for part in ("bucket", "count", "sum")) if self.buckets else (self.name,)


Counted = Counter | Gauge | Histogram


@dataclass
class Section:
    """Metrics that belong together, in the order in which they were defined. ``title`` and ``about``: for people.

    ``values``, where given, are the label values that are known beforehand, one
    tuple for each series; ``begin`` creates them at 0, since ``increase()``
    does not see a series' first value.
    """

    title: str
    about: str
    definitions: list[Definition] = field(default_factory=list)
    _known: list[tuple[Counted, tuple[tuple[str, ...], ...]]] = field(default_factory=list)

    def counter(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str] = (),
        *,
        values: Iterable[tuple[str, ...]] = (),
        diagnostic: bool = False,
    ) -> Counter:
        self._define(name, "counter", documentation, labels, diagnostic=diagnostic)
        made = Counter(name, documentation, labels)
        self._known.append((made, tuple(values)))
        return made

    def gauge(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str] = (),
        *,
        values: Iterable[tuple[str, ...]] = (),
        diagnostic: bool = False,
    ) -> Gauge:
        self._define(name, "gauge", documentation, labels, diagnostic=diagnostic)
        made = Gauge(name, documentation, labels)
        self._known.append((made, tuple(values)))
        return made

    def histogram(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str] = (),
        *,
        buckets: tuple[float, ...],
        values: Iterable[tuple[str, ...]] = (),
        diagnostic: bool = False,
    ) -> Histogram:
        self._define(name, "histogram", documentation, labels, buckets, diagnostic=diagnostic)
        made = Histogram(name, documentation, labels, buckets=buckets)
        self._known.append((made, tuple(values)))
        return made

    def family(
        self,
        name: str,
        documentation: str,
        labels: tuple[str, ...] = (),
        *,
        kind: Kind = "gauge",
        diagnostic: bool = False,
    ) -> Family:
        """A metric whose values a collector gives."""
        self._define(name, kind, documentation, labels, diagnostic=diagnostic)
        return Family(name.removesuffix("_total"), documentation, None, labels)

    def begin(self) -> None:
        """Create the series that are known beforehand: what counts starts at 0."""
        for metric, series in self._known:
            for values in series:
                metric.labels(*values)

    def _define(
        self,
        name: str,
        kind: Kind,
        documentation: str,
        labels: Sequence[str],
        buckets: tuple[float, ...] = (),
        *,
        diagnostic: bool,
    ) -> None:
        self.definitions.append(Definition(name, kind, documentation, tuple(labels), diagnostic, buckets))
