"""A last layer that is asked once says what the whole layer says, where one query is all that is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertLayer

from model.engines.torch import TorchClassifier
from model.engines.torch_last_layer import AskedOnce, last_layer_asked_once, read_by_head
from tests.unit.model.tiny import bert_shape, write_classifier

SIZE = 32


def layer_and_hidden(seed: int, texts: int, tokens: int) -> tuple[Any, torch.Tensor]:
    torch.manual_seed(seed)
    config: BertConfig = bert_shape(attn_implementation="eager")
    layer = BertLayer(config).eval()
    for parameter in layer.parameters():  # as large as trained ones, biases too
        parameter.data = torch.randn_like(parameter) * 0.3
    return layer, torch.randn(texts, tokens, SIZE)


def whole(layer: Any, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What the library's own layer says for each token."""
    answer: torch.Tensor = layer(hidden, (1.0 - mask[:, None, None, :]) * torch.finfo(torch.float32).min)
    return answer


def mask_of(lengths: list[int], tokens: int) -> torch.Tensor:
    return (torch.arange(tokens)[None, :] < torch.tensor(lengths)[:, None]).float()


SHAPES = st.integers(1, 7).flatmap(
    lambda tokens: st.tuples(st.just(tokens), st.lists(st.integers(1, tokens), min_size=1, max_size=4))
)


@given(st.integers(0, 1_000), SHAPES)
@torch.inference_mode()
def test_asked_by_the_first_token_it_says_what_the_layer_says_for_it(seed: int, shape: tuple[int, list[int]]) -> None:
    tokens, lengths = shape
    layer, hidden = layer_and_hidden(seed, len(lengths), tokens)
    once = AskedOnce(layer, "first")
    once.mask = mask_of(lengths, tokens)

    torch.testing.assert_close(once(hidden), whole(layer, hidden, once.mask)[:, :1], atol=1e-4, rtol=1e-4)


@given(st.integers(0, 1_000), SHAPES)
@torch.inference_mode()
def test_asked_by_the_mean_of_tokens_that_are_alike_it_says_what_each_would_hear(
    seed: int, shape: tuple[int, list[int]]
) -> None:
    """Whatever stands in the padding."""
    tokens, lengths = shape
    layer, hidden = layer_and_hidden(seed, len(lengths), tokens)
    mask = mask_of(lengths, tokens)
    hidden = torch.where(mask[:, :, None] > 0, hidden[:, :1], hidden)
    once = AskedOnce(layer, "mean")
    once.mask = mask

    torch.testing.assert_close(once(hidden), whole(layer, hidden, mask)[:, :1], atol=1e-4, rtol=1e-4)


@given(st.integers(0, 1_000), SHAPES)
@torch.inference_mode()
def test_the_mean_asks_all_tokens_that_are_there(seed: int, shape: tuple[int, list[int]]) -> None:
    """As if the mean were one more token, which asks and is not heard."""
    tokens, lengths = shape
    layer, hidden = layer_and_hidden(seed, len(lengths), tokens)
    once = AskedOnce(layer, "mean")
    once.mask = mask_of(lengths, tokens)
    mean = (hidden * once.mask[:, :, None]).sum(1, keepdim=True) / once.mask.sum(1)[:, None, None]
    unheard = torch.cat([torch.zeros(len(lengths), 1), once.mask], 1)

    expected = whole(layer, torch.cat([mean, hidden], 1), unheard)[:, :1]
    torch.testing.assert_close(once(hidden), expected, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_a_classifier_that_reads_the_first_token_says_the_same(tmp_path: Path) -> None:
    network: Any = TorchClassifier(
        str(write_classifier(tmp_path / "parent", ["POS", "NEG", "NEU"])), precision="float32"
    ).network
    given_to_it = {
        "input_ids": torch.tensor([[2, 9, 8, 7, 3], [2, 6, 3, 0, 0]]),
        "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
    }
    before = network(**given_to_it).logits
    layer = network.bert.encoder.layer[-1]

    with last_layer_asked_once(network, read_by_head(network)) as last:
        assert last is not None
        last.mask = given_to_it["attention_mask"]
        torch.testing.assert_close(network(**given_to_it).logits, before, atol=1e-5, rtol=1e-5)

    assert network.bert.encoder.layer[-1] is layer


@pytest.mark.parametrize("kind", ["distilbert", "deberta-v2"])
def test_other_networks_keep_their_last_layer(kind: str) -> None:
    class Network(torch.nn.Module):
        config = type("Config", (), {"model_type": kind})

    network = Network()
    assert read_by_head(network) is None
    with last_layer_asked_once(network, None) as last:
        assert last is None
