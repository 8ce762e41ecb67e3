"""Why is it a spike? What people say now and did not say before, from a bounded memory. Pure: no clock, no I/O.

While tweets stream, nothing is analysed: each open pane keeps a small uniform
sample of its tweets (``sample``), about a microsecond a tweet. When a pane first
closes, its sample goes into the brand's ``memory``, which thins out as it ages.
Only when a spike opens, is updated or closes does ``explain`` read what is
sampled from its window and from before:

    sample      the tweets of a pane with the smallest hashes: the same in any order, and however merged
    memory      samples of the last thirty hours of a brand, in parts that are saved separately
    terms       a text as words, phrases, hashtags and emoji, in any script
    stop_words  words that say nothing alone
    voices      who says it: people, not tweets; copies found
    compare     log-odds of terms, now against before
    explain     all of it put together, as the ``Evidence`` of a record
    sentence    the spike in one line

The samples depend on tweet ids alone, so live, replay and backtest agree.
docs/evidence.md has reasons, limits and sizes.
"""

from __future__ import annotations

from stream.spikes.evidence.explain import SpikeWindow, explain
from stream.spikes.evidence.memory import PANE_TWEETS, Memory, Part
from stream.spikes.evidence.sample import Sample, Seen, bounded, see
from stream.spikes.evidence.sentence import write_sentence

__all__ = [
    "PANE_TWEETS",
    "Memory",
    "Part",
    "Sample",
    "Seen",
    "SpikeWindow",
    "bounded",
    "explain",
    "see",
    "write_sentence",
]
