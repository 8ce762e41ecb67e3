"""A spike in one line, for alerts and lists."""

from __future__ import annotations

from collections.abc import Sequence

from stream.records import EvidenceTerm, SpikeKind

NAMED_TERMS = 3
SURE_Z = 1.64
"""Less sure terms (more than one of twenty by chance) are listed, but not said in the sentence."""


def write_sentence(
    brand: str,
    kind: SpikeKind,
    *,
    share: float,
    baseline: float,
    seconds: int,
    z: float,
    tweets: int,
    people: int | None,
    terms: Sequence[EvidenceTerm],
) -> str:
    """For example: Negative share of United rose from 31% to 68% in 15 minutes (z 7.9, 214 tweets): 'on hold'.

    ``share`` and ``baseline`` are shares from 0 to 1, of ``kind`` volume tweets a minute.
    ``people``: how many wrote, where that is known; no ``tweets`` are not told.
    Only terms that are sure enough are named.
    """
    moved = "rose" if share > baseline else "fell"
    if kind == "volume":
        change = f"Tweets about {brand} {moved} from {_rate(baseline)} to {_rate(share)} a minute"
    else:
        change = f"{kind.capitalize()} share of {brand} {moved} from {baseline:.0%} to {share:.0%}"
    crowd = f", {_count(tweets, 'tweet')}" if tweets else ""
    crowd += f" by {_count(people, 'person', 'people')}" if tweets and people is not None else ""
    sure = [term.term for term in terms if term.z >= SURE_Z]
    named = ", ".join(f"'{term}'" for term in sure[:NAMED_TERMS])
    return f"{change} in {duration(seconds)} (z {z:.1f}{crowd})" + (f": {named}" if named else "")


def duration(seconds: int) -> str:
    """Whole minutes up to two hours, then hours: "15 minutes", "3.5 hours"."""
    minutes = max(1, round(seconds / 60))
    if minutes <= 120:
        return _count(minutes, "minute")
    hours = f"{seconds / 3_600:.1f}".removesuffix(".0")
    return f"{hours} hours"


def _rate(per_minute: float) -> str:
    return f"{per_minute:.0f}" if per_minute >= 10 else f"{per_minute:.1f}"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
