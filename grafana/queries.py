"""Expressions that several dashboards need. Names of metrics are those of ``infra.metrics``; a test compares."""

from __future__ import annotations

Z = 1.96
"""Standard deviations on either side that hold 95%."""


def per_brand(metric: str, brand: str = 'brand=~"$brand"', by: str = "brand") -> str:
    """A metric of brands. A partition that moves to another worker leaves no gap, and counts once."""
    return f"max by ({by}) (last_over_time({metric}{{{brand}}}[2m]))"


def interval(share: str, tweets: str, side: str) -> str:
    """An end of Wilson's 95% interval of a share of so many tweets; ``side`` is + or -. Both are of the same brands."""
    centre = f"({share} + {Z * Z / 2:.4f} / {tweets})"
    reach = f"{Z} * sqrt({share} * (1 - {share}) / {tweets} + {Z * Z / 4:.4f} / ({tweets} ^ 2))"
    return f"({centre} {side} {reach}) / (1 + {Z * Z:.4f} / {tweets})"


def rate(metric: str, by: str = "", where: str = "") -> str:
    """How much a counter grows in a second, over all workers."""
    selected = f"{metric}{{{where}}}" if where else metric
    return f"sum{_by(by)} (rate({selected}[$__rate_interval]))"


def quantile(part: float, histogram: str, by: str = "", where: str = "") -> str:
    """A quantile of a histogram, over all workers."""
    groups = f"le, {by}" if by else "le"
    return f"histogram_quantile({part}, {rate(f'{histogram}_bucket', groups, where)})"


def mean(histogram: str, by: str = "", where: str = "") -> str:
    """The mean of a histogram, over all workers."""
    return f"{rate(f'{histogram}_sum', by, where)} / {rate(f'{histogram}_count', by, where)}"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""
