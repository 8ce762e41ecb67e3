"""From labels to shares: how many tweets really are negative, when the classifier is often wrong.

Counting labels is biased: a classifier that misses a quarter of the negative
tweets reports too few of them, and one that errs towards negative reports too
many where there are few. ``estimate`` corrects a window's shares by maximum
likelihood, from how sure the model was of each tweet, and gives an interval.
docs/shares.md has the reasons, the alternatives and what they measure.

    grid        what a window keeps: tweets by cell of an 81-cell grid; adds up, whole numbers
    confusion   what is known of a model's errors: measured on labelled texts, shipped beside it
    estimate    cells and confusion to shares with intervals
    adjusted    the usual alternatives, from counts and sums alone; for comparison
    wilson      interval of a share that was merely counted
"""

from __future__ import annotations

from model.quantification.confusion import Confusion, measure, read_confusion, write_confusion
from model.quantification.estimate import Interval, Shares, estimate
from model.quantification.grid import CELLS, cell_of, cells_of
from model.quantification.wilson import wilson

__all__ = [
    "CELLS",
    "Confusion",
    "Interval",
    "Shares",
    "cell_of",
    "cells_of",
    "estimate",
    "measure",
    "read_confusion",
    "wilson",
    "write_confusion",
]
