"""Narrower feed-forward layers: of a trained BERT, the hidden units that are missed least are taken out.

Two thirds of all multiplications are in these layers, and many of their units
say what others say too. Layer by layer, from the first, units go one at a time:
the one whose loss changes the layer's output least, when the weights of those
that stay make up for it as well as they can (optimal brain surgeon, Hassibi and
Stork 1993; for whole units, ZipLM, Kurtic et al. 2023). What counts as a change
is the output over sample texts, as the layers pruned before it feed this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from infra.errors import UsageError

DAMPING = 1e-4
"""Of the mean square of a unit, added to each: units that never differ on the samples are not told apart for sure."""

Batches = Callable[[], Iterable[tuple[torch.Tensor, torch.Tensor]]]
"""Token ids and mask, each (texts, tokens), as often as asked for."""


@dataclass(frozen=True)
class Kept:
    """Which units stay, weight (outputs, kept) and bias (outputs) to go on with, and the share of the output lost."""

    units: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor
    loss: float


def narrow(network: Any, batches: Batches, width: int) -> Iterator[float]:
    """Give each feed-forward layer of ``network`` (a BERT, changed in place) ``width`` units.

    Yields, layer by layer, the share of its output's mean square that is lost on
    the samples. Raises UsageError for another network or a width that is not less.
    """
    bert = getattr(network, "bert", None)
    now = getattr(network.config, "intermediate_size", 0)
    if bert is None or not hasattr(bert, "encoder"):
        raise UsageError(f"a {network.config.model_type} model cannot be pruned; give one of the bert kind")
    if not 0 < width < now:
        raise UsageError(f"width {width} does not make a model of width {now} narrower; give 1 to {now - 1}")
    for layer in bert.encoder.layer:
        dense = layer.output.dense
        kept = keep_best(dense.weight.data, dense.bias.data, moments_of(network, dense, batches), width)
        wide = layer.intermediate.dense
        layer.intermediate.dense = _linear(wide.weight.data[kept.units], wide.bias.data[kept.units])
        layer.output.dense = _linear(kept.weight, kept.bias)
        yield kept.loss
    network.config.intermediate_size = width


def keep_best(weight: torch.Tensor, bias: torch.Tensor, moments: torch.Tensor, width: int) -> Kept:
    """Which ``width`` inputs of a linear layer to keep, and with what weights.

    ``weight`` (outputs, inputs) and ``bias`` (outputs); ``moments``: the mean of
    the outer products of its inputs with a 1 at their end, (inputs + 1) squared.
    """
    inputs = weight.shape[1]
    whole = torch.cat([weight, bias[:, None]], 1).double()
    left = whole.clone()
    damped = moments + torch.eye(inputs + 1, dtype=torch.float64) * DAMPING * moments.diagonal().mean()
    inverse = torch.linalg.inv(damped)
    gone = torch.zeros(inputs + 1, dtype=torch.bool)
    gone[inputs] = True  # the bias stays, and is a neighbour that makes up for what goes
    for _ in range(inputs - width):
        cost = left.square().sum(0) / inverse.diagonal()
        unit = int(cost.masked_fill(gone, torch.inf).argmin())
        gone[unit] = True
        row = inverse[unit] / inverse[unit, unit]
        left.addr_(left[:, unit].clone(), row, alpha=-1)
        inverse.addr_(inverse[:, unit].clone(), row, alpha=-1)
        left[:, unit] = 0
        inverse[unit], inverse[:, unit] = 0, 0
        inverse[unit, unit] = 1
    units = (~gone).nonzero().flatten()
    change = left - whole
    lost = float(((change @ moments) * change).sum() / ((whole @ moments) * whole).sum())
    return Kept(units, left[:, units].float(), left[:, inputs].float(), lost)


def moments_of(network: Any, dense: nn.Module, batches: Batches) -> torch.Tensor:
    """Of the inputs of ``dense``, with a 1 at their end: the mean of their outer products over all tokens."""
    total, tokens = torch.zeros(()), 0

    def note(_module: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        nonlocal total, tokens
        seen = given[0][mask.bool()]
        seen = torch.cat([seen, torch.ones(len(seen), 1)], 1)
        total = total + (seen.T @ seen).double()
        tokens += len(seen)

    hook = dense.register_forward_pre_hook(note)
    try:
        with torch.inference_mode():
            for ids, mask in batches():
                network(input_ids=ids, attention_mask=mask)
    finally:
        hook.remove()
    return (total / tokens).clone()


def _linear(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = weight.clone().contiguous(), bias.clone()
    return layer
