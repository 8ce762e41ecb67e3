"""The last layer of a BERT, computed for what the head reads instead of for each token. Needs torch.

A classifier reads one vector a text: the first token's, or the mean of all. So
in the last layer one query is enough, and the feed-forward part sees one vector.
For the first token that is exact. For the mean it is not: the layer is asked
once, by the mean of the tokens, instead of by each, and then averaged. The
export holds it to its parent, and falls back on the whole layer.

With a single query, keys and values need not be computed for each token either:
``q · (K x) = (K'q) · x``, and the weighted sum of ``V x`` is V of the weighted sum.
What is left is the work of one token in place of all: of a network of six layers,
a sixth goes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import nn

Reads = Literal["first", "mean"]
"""What a head reads of the last layer: its first token, or the mean of all."""

_READS: dict[str, Reads] = {
    "bert": "first",
    "roberta": "first",
    "xlm-roberta": "first",
    "barometer-pooled-bert": "mean",
}
"""By the name that a network has in its config; others keep their last layer."""


def read_by_head(network: nn.Module) -> Reads | None:
    """What the head of a sequence classifier reads; None where that is not known."""
    config: Any = network.config
    return None if getattr(config, "is_decoder", False) else _READS.get(config.model_type)


class AskedOnce(nn.Module):
    """A layer of the transformers library's BERT, for one query a text.

    Hidden states (texts, tokens, size) in, (texts, 1, size) out. ``mask``, of shape
    (texts, tokens), 1 for real tokens, is set before each call. Its modules are the
    layer's own, under their names.
    """

    mask: torch.Tensor

    def __init__(self, layer: Any, reads: Reads) -> None:
        super().__init__()
        own = layer.attention.self
        self.attention, self.intermediate, self.output = layer.attention, layer.intermediate, layer.output
        self._reads = reads
        self._heads, self._head_size = own.num_attention_heads, own.attention_head_size
        by_head = (self._heads, self._head_size, -1)
        self.key_by_head = nn.Parameter(own.key.weight.detach().view(by_head).clone())
        self.value_by_head = nn.Parameter(own.value.weight.detach().view(by_head).transpose(1, 2).clone())
        self.value_bias = nn.Parameter(own.value.bias.detach().clone())
        # The bias of the keys adds the same to the score of each token, which changes nothing.

    def forward(self, hidden: torch.Tensor, *_mask: Any, **_more: Any) -> torch.Tensor:
        texts, _tokens, size = hidden.shape
        real = self.mask.to(hidden.dtype)
        if self._reads == "first":
            asking = hidden[:, :1]
        else:
            asking = (hidden * real[:, :, None]).sum(1, keepdim=True) / real.sum(1)[:, None, None]
        query = self.attention.self.query(asking).view(texts, self._heads, 1, self._head_size)
        over_tokens = torch.matmul(query, self.key_by_head)[:, :, 0]  # texts, heads, size
        scores = torch.matmul(over_tokens, hidden.transpose(1, 2)) / self._head_size**0.5
        shares = (scores + (1 - real[:, None, :]) * -1e9).softmax(-1)
        heard = torch.matmul(shares, hidden)  # texts, heads, size
        context = torch.matmul(heard[:, :, None], self.value_by_head).reshape(texts, 1, size) + self.value_bias
        attended = self.attention.output(context, asking)
        answer: torch.Tensor = self.output(self.intermediate(attended), attended)
        return answer


@contextlib.contextmanager
def last_layer_asked_once(network: Any, reads: Reads | None) -> Iterator[AskedOnce | None]:
    """``network`` with AskedOnce as its last layer, until the end of the block; as it is where ``reads`` is None."""
    if reads is None:
        yield None
        return
    layers = network.base_model.encoder.layer
    whole = layers[-1]
    layers[-1] = AskedOnce(whole, reads).eval()
    try:
        yield layers[-1]
    finally:
        layers[-1] = whole
