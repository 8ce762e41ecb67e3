"""Averaging weights: of one run's checkpoints, and of several runs.

Checkpoints of the later part of a run, and runs that start from the same base,
lie in one basin: the mean of their weights generalises better than any of
them, at no cost at run time (stochastic weight averaging, Izmailov et al. 2018;
model soups, Wortsman et al. 2022).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

WEIGHTS_FILE = "average.safetensors"
STEPS_FILE = "average.json"

Weights = Mapping[str, torch.Tensor]


class RunningAverage:
    """Mean of the weights at some steps of a run, kept in ``folder`` so that it outlives the process."""

    def __init__(self, folder: Path) -> None:
        self._weights = folder / WEIGHTS_FILE
        self._steps = folder / STEPS_FILE

    @property
    def steps(self) -> list[int]:
        """The steps averaged so far, in order."""
        if not self._steps.exists():
            return []
        steps: list[int] = json.loads(self._steps.read_text(encoding="utf-8"))
        return steps

    def add(self, step: int, weights: Weights) -> None:
        """Take in the weights at ``step``. A step known already, as after a resumed run, changes nothing."""
        steps = [earlier for earlier in self.steps if earlier < step]
        if step in self.steps:
            return
        mean = {name: tensor.detach().cpu().float() for name, tensor in weights.items()}
        if steps:
            before = load_file(self._weights)
            mean = {name: before[name] + (tensor - before[name]) / (len(steps) + 1) for name, tensor in mean.items()}
        draft = self._weights.with_suffix(".draft")
        save_file({name: tensor.contiguous() for name, tensor in mean.items()}, draft)
        draft.replace(self._weights)
        self._steps.write_text(json.dumps([*steps, step]), encoding="utf-8")

    def load(self) -> dict[str, torch.Tensor]:
        """The mean. Raises OSError when nothing was added."""
        return load_file(self._weights)


def mean_of(weights: Sequence[Weights]) -> dict[str, torch.Tensor]:
    """The mean of several runs' weights, which must have the same names and shapes; KeyError when they do not."""
    return {name: sum(each[name].float() for each in weights) / len(weights) for name in weights[0]}  # type: ignore[misc]
