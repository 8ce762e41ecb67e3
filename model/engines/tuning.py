"""How the CPU engine spreads its work over the cores: by a rule, or as ``barometer tune`` measured it here.

Only what cannot change a label is tuned: an answer is the same to the last bit
with any streams and any size of batches, so hosts that differ in this agree in
what they say. The rule is one stream of one thread for each core. It was the
best on the machines that were measured; processors with many cores, or little
cache for each, may want fewer streams or smaller batches.
"""

from __future__ import annotations

import json
import logging
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

log = logging.getLogger(__name__)

FILE = "tuning.json"
"""In the cache folder: what was measured, by the machine and model it holds for."""
MAX_STREAMS = 16
TOKEN_BUDGET = 256
"""Few, because the library makes and keeps kernels for each number of texts and width that it meets: with 1,024 there
are some 770 of them, each 4 to 14 ms when it is new, and together most of a gigabyte; with 256 some 190."""
BUDGETS = (128, TOKEN_BUDGET, 512)
WORTH = 0.03
"""What was measured replaces the rule only if it is faster by this part, in the median of rounds: less is noise."""


class Tuning(BaseModel):
    """``streams``: batches that are worked on at once. ``token_budget``: padded tokens in a batch, at most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    streams: int = Field(ge=1)
    token_budget: int = Field(ge=1)
    """More fall out of the cache, fewer pay more for each call."""
    measured: bool = False

    def __str__(self) -> str:
        streams = f"{self.streams} stream{'s' if self.streams > 1 else ''}"
        how = "as measured by barometer tune" if self.measured else "the rule for this many cores"
        return f"{streams}, batches of up to {self.token_budget:,} tokens: {how}"


_Known = TypeAdapter(dict[str, Tuning])


def rule(threads: int) -> Tuning:
    """What is taken where nothing was measured."""
    return Tuning(streams=min(threads, MAX_STREAMS), token_budget=TOKEN_BUDGET)


def known(cache: Path | None, key: str, threads: int) -> Tuning:
    """What was measured here for ``key``, else the rule. A file that cannot be read counts as none, and is told.

    So does, in silence, a size of batches that is no longer tried.
    """
    if cache is None:
        return rule(threads)
    try:
        found = _Known.validate_json((cache.expanduser() / FILE).read_bytes()).get(key)
    except FileNotFoundError:
        found = None
    except (OSError, ValidationError) as error:
        log.warning("%s cannot be read (%s); run again: barometer tune", cache / FILE, str(error).splitlines()[0])
        found = None
    return found if found is not None and found.token_budget in BUDGETS else rule(threads)


def keep(cache: Path, key: str, tuning: Tuning) -> Path:
    """Write down what was measured, beside what is known of other machines and models; returns the file.

    Raises OSError when it cannot be written.
    """
    path = cache.expanduser() / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        others = _Known.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        others = {}
    text = json.dumps({name: one.model_dump() for name, one in sorted({**others, key: tuning}.items())}, indent=2)
    fresh = path.with_suffix(".new")
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(path)
    return path


def candidates(threads: int) -> list[Tuning]:
    """The rule first; then other numbers of streams, then other sizes of batches."""
    first = rule(threads)
    streams = sorted({max(1, threads // share) for share in (1, 2, 4)} | {1})
    wider = [first.model_copy(update={"streams": count}) for count in streams if count <= MAX_STREAMS]
    return list(dict.fromkeys([first, *wider, *(first.model_copy(update={"token_budget": size}) for size in BUDGETS)]))


@dataclass(frozen=True)
class Timed:
    """A tuning, and the tweets a second of each round."""

    tuning: Tuning
    tweets_per_s: Sequence[float]

    @property
    def rate(self) -> float:
        """Median tweets a second."""
        return statistics.median(self.tweets_per_s)

    def ratio(self, base: Timed) -> float:
        """Median of how many times as fast as ``base``, round by round."""
        return statistics.median(
            ours / theirs for ours, theirs in zip(self.tweets_per_s, base.tweets_per_s, strict=True)
        )


def measure(tunings: Sequence[Tuning], run: Callable[[Tuning], float], rounds: int) -> list[Timed]:
    """Let all take turns; ``run`` gives tweets a second. The first round, which fills caches, does not count."""
    rates: dict[Tuning, list[float]] = {tuning: [] for tuning in tunings}
    for number in range(rounds + 1):
        for tuning in tunings:
            rate = run(tuning)
            if number:
                rates[tuning].append(rate)
    return [Timed(tuning, found) for tuning, found in rates.items()]


def best(timed: Sequence[Timed]) -> Tuning:
    """The first of ``timed``, which is the rule, unless another is faster by WORTH."""
    base = timed[0]
    fastest = max(timed, key=lambda one: one.ratio(base))
    winner = fastest if fastest.ratio(base) >= 1 + WORTH else base
    return winner.tuning.model_copy(update={"measured": True})
