"""The three classes, in the order of every probability row."""

from __future__ import annotations

from typing import Literal, get_args

Label = Literal["negative", "neutral", "positive"]
LABELS: tuple[Label, ...] = get_args(Label)
