"""The interval of a share that was counted (Wilson 1927)."""

from __future__ import annotations

import math

Z_95 = 1.959963984540054
"""Standard normal quantile of a two-sided interval of 95%."""


def wilson(count: int, total: int, z: float = Z_95) -> tuple[float, float]:
    """Lower and upper bound of the share that ``count`` of ``total`` independent draws estimate.

    Without continuity correction. No draws say nothing: (0, 1). Unlike
    the textbook interval it stays within 0 and 1 and does not vanish at 0 of n.

    >>> [round(bound, 4) for bound in wilson(81, 263)]
    [0.2553, 0.3662]
    """
    if not 0 <= count <= total:
        raise ValueError(f"{count} of {total}: the count must lie between 0 and the total")
    if total == 0:
        return 0.0, 1.0
    share, spread = count / total, z * z / total
    centre = share + spread / 2
    half = z * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    low, high = (centre - half) / (1 + spread), (centre + half) / (1 + spread)
    return (0.0 if count == 0 else low), (1.0 if count == total else high)
