"""The shipped model as a folder of the transformers library. Needs the extra ``torch``.

The exported model holds int8 weights with one scale for each row. Multiplied
out they give a network in float32 that any tool of that library runs: the
network it was made from, each token through each layer, and the same labels but
for what the export changed (``--parent`` takes the original).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from model.engines.folder import METRICS_FILE, NETWORK_FILE, TOKENIZER_FILE, read_config

PREFIX = "self.network."
SCALE = "/scale"


def restore(exported: Path, target: Path) -> None:
    """Write the model in the folder ``exported`` into the empty folder ``target``, in float32.

    Raises ModelError when ``exported`` is damaged.
    """
    import torch
    from transformers import PreTrainedTokenizerFast

    from model.engines.torch import CALIBRATION_FILE, quiet_transformers
    from model.training.network import PooledBertConfig, PooledBertForSequenceClassification

    described = read_config(exported)
    weights = _weights(exported / NETWORK_FILE)
    rows, hidden = weights["bert.embeddings.word_embeddings.weight"].shape
    layers = sum(name.endswith("intermediate.dense.weight") for name in weights)
    heads = _whole_last_layer(weights, f"bert.encoder.layer.{layers - 1}") or hidden // _HEAD
    config = PooledBertConfig(
        vocab_size=rows,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=weights["bert.encoder.layer.0.intermediate.dense.weight"].shape[0],
        max_position_embeddings=weights["bert.embeddings.position_embeddings.weight"].shape[0],
        pad_token_id=described.pad_id,
        id2label={number: str(label) for number, label in enumerate(described.labels)},
        label2id={str(label): number for number, label in enumerate(described.labels)},
    )
    with quiet_transformers():
        network = PooledBertForSequenceClassification(config)
        state = {name: torch.from_numpy(value) for name, value in weights.items() if name in network.state_dict()}
        network.load_state_dict(state, strict=True)
        network.save_pretrained(target)
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=str(exported / TOKENIZER_FILE),
            model_max_length=described.max_tokens,
            **_SPECIAL,
        )
        tokenizer.save_pretrained(target)
    temperature = _metrics(exported).get("parent_temperature", described.temperature)
    (target / CALIBRATION_FILE).write_text(json.dumps({"temperature": temperature}), encoding="utf-8")


def asked_once(exported: Path) -> bool:
    """Whether its last layer is computed for one vector a text (model.engines.torch_last_layer)."""
    return _metrics(exported).get("last_layer_for") is not None


def _metrics(exported: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((exported / METRICS_FILE).read_text(encoding="utf-8"))
    return found


def _whole_last_layer(weights: dict[str, Any], layer: str) -> int | None:
    """Undo what an export does to the last layer (model.engines.torch_last_layer), in place; how many heads it has."""
    if f"{layer}.key_by_head" not in weights:
        return None
    key, value = weights[f"{layer}.key_by_head"], weights[f"{layer}.value_by_head"].swapaxes(1, 2)
    heads, _, hidden = key.shape
    own = f"{layer}.attention.self"
    weights[f"{own}.key.weight"] = np.ascontiguousarray(key.reshape(hidden, hidden))
    weights[f"{own}.key.bias"] = np.zeros(hidden, np.float32)  # it changes nothing, and is not kept
    weights[f"{own}.value.weight"] = np.ascontiguousarray(value.reshape(hidden, hidden))
    weights[f"{own}.value.bias"] = weights[f"{layer}.value_bias"].reshape(hidden)
    return int(heads)


_SPECIAL = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "cls", "sep", "unk", "mask")}
_HEAD = 32
"""Width of an attention head in the MiniLM family, where the export does not tell."""


def _weights(path: Path) -> dict[str, Any]:
    """Name in the torch network -> float32 array, each row multiplied by its scale."""
    import openvino

    constants = {
        node.get_friendly_name(): node
        for node in openvino.Core().read_model(path).get_ordered_ops()
        if node.get_type_name() == "Constant"
    }
    weights = {}
    for name, node in constants.items():
        if not name.startswith(PREFIX) or name.endswith(SCALE):
            continue
        value = np.asarray(node.data)
        scale = constants.get(name + SCALE)
        if scale is not None:
            value = value.astype(np.float32) * np.asarray(scale.data).astype(np.float32)
        if value.dtype.kind == "f":
            shape = value.shape
            value = value.astype(np.float32).reshape(shape[-1] if name.endswith("bias") else shape)
        weights[name.removeprefix(PREFIX)] = np.ascontiguousarray(value)
    return weights
