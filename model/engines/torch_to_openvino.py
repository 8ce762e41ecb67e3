"""A torch classifier into OpenVINO's format, with int8 weights. Needs the extra ``train`` (nncf)."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from pathlib import Path
from typing import Any

import openvino
import torch
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from torch import nn

from model.engines.folder import NETWORK_FILE, TOKENIZER_FILE
from model.engines.torch import TorchClassifier, quiet_transformers
from model.engines.torch_last_layer import AskedOnce, Reads, last_layer_asked_once


class Logits(nn.Module):
    """The network as the engine calls it: two inputs, one output."""

    def __init__(self, network: nn.Module, last: AskedOnce | None = None) -> None:
        super().__init__()
        self.network = network
        self._last = (last,)  # in a tuple, so that its weights have one name

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        if (last := self._last[0]) is not None:
            last.mask = attention_mask
        logits: torch.Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def convert(parent: TorchClassifier, folder: Path, *, reads: Reads | None = None) -> None:
    """Write the network (int8 weights, one symmetric scale for each row) and the tokenizer into ``folder``.

    ``reads``: the last layer is computed for that alone (model.engines.torch_last_layer); None: for each token.
    """
    model = trace(parent.network, reads=reads)
    with quiet_nncf() as nncf:
        compressed = nncf.compress_weights(
            model,
            mode=nncf.CompressWeightsMode.INT8_SYM,
            ignored_scope=nncf.IgnoredScope(names=_products_by_head(model)),
        )
    _number_nodes(compressed)
    openvino.save_model(compressed, folder / NETWORK_FILE, compress_to_fp16=False)
    parent.tokenizer.backend_tokenizer.save(str(folder / TOKENIZER_FILE))


def trace(network: nn.Module, *, reads: Reads | None = None) -> Any:
    """The network as an OpenVINO model in float32, for any number of texts of any width; ``reads`` as in ``convert``.

    Through the frontend rather than ``openvino.convert_model``, which reports
    its use to the vendor.
    """
    ids = torch.tensor([[2, 3, 4, 5, 6], [2, 3, 4, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    frontend = FrontEndManager().load_by_framework("pytorch")
    with (
        warnings.catch_warnings(),
        quiet_transformers(),
        torch.inference_mode(),
        last_layer_asked_once(network, reads) as last,
    ):
        warnings.simplefilter("ignore")  # tracing warns of each branch on a shape; the check against the parent decides
        decoder = TorchScriptPythonDecoder(
            Logits(network, last).eval(), example_input={"input_ids": ids, "attention_mask": mask}
        )
        model = frontend.convert(frontend.load(decoder))
    model.reshape({port.any_name: [-1, -1] for port in model.inputs})
    return model


def _products_by_head(model: Any) -> list[str]:
    """Matrix products with weights of three dimensions, which stay in float32.

    They are a thousandth of the arithmetic, and in int8 OpenVINO computed them wrong in a
    process that had compressed another network before.
    """
    return [
        node.get_friendly_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() == "MatMul"
        and any(
            port.get_node().get_type_name() == "Constant" and len(port.get_partial_shape()) > 2
            for port in node.input_values()
        )
    ]


def _number_nodes(model: Any) -> None:
    """Name operations by their order: the library counts them over the life of the process, and a version is a digest.

    Weights keep the names that they have in the torch network.
    """
    model.set_friendly_name("classifier")
    for number, node in enumerate(model.get_ordered_ops()):
        kind = node.get_type_name()
        weights = kind == "Constant" and node.get_friendly_name().startswith("self.network.")
        if kind != "Parameter" and not weights:
            node.set_friendly_name(f"{kind}_{number}")


@contextlib.contextmanager
def quiet_nncf() -> Any:
    """The nncf module, kept from the terminal and from reporting its use."""
    os.environ.setdefault("NNCF_CI", "1")  # read when it is imported: no telemetry
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nncf

        nncf.set_log_level(logging.ERROR)
        yield nncf
