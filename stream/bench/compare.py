"""A run of a benchmark held to an earlier one, as ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson

from infra.errors import UsageError

TOLERANCE = 0.10
"""A figure that is worse by more than this part is a regression: less is the noise of a shared machine."""


@dataclass(frozen=True)
class Ratio:
    """A figure to compare: ``key`` is its path in the JSON, with dots; less is better if ``lower``."""

    key: str
    title: str
    lower: bool = False


def compare_runs(stored: Path, figures: Mapping[str, Any], ratios: Sequence[Ratio]) -> bool:
    """Print now / then of each figure that both runs have; True if none became worse.

    Raises UsageError when ``stored`` is not the JSON of the same benchmark.
    """
    try:
        then = orjson.loads(stored.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise UsageError(f"{stored} is not the JSON of a benchmark ({error}); write one with --json") from error
    if not isinstance(then, dict) or then.get("benchmark") != figures["benchmark"]:
        raise UsageError(f"{stored} is not of bench {figures['benchmark']}; write one with --json")
    worse = False
    for ratio in ratios:
        before, now = _find(then, ratio.key), _find(figures, ratio.key)
        if not before or now is None:
            continue
        change = now / before
        bad = change > 1 + TOLERANCE if ratio.lower else change < 1 - TOLERANCE
        worse |= bad
        click.echo(f"{ratio.title}: {now:g}, was {before:g} ({change:.2f} x){'  WORSE' if bad else ''}", err=True)
    return not worse


def _find(figures: Mapping[str, Any], key: str) -> float | None:
    value: Any = figures
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return float(value) if isinstance(value, int | float) else None
