"""Ways to run one model. Each is made in a process of its own (model.bench.rounds)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.labels import LABELS

Shares = NDArray[np.float32]
"""Probabilities, shape (texts, 3), columns in the order of LABELS."""
Runner = Callable[[Sequence[str]], Shares]
"""Raw texts in, probabilities out."""


@dataclass(frozen=True)
class Contestant:
    """``make(*arguments)`` gives the Runner; ``texts`` is how many it gets in each round, a slow one fewer.

    ``judged``: false where its labels are another's, and it would take long to give them again.
    """

    key: str
    title: str
    make: Callable[..., Runner]
    arguments: tuple[Any, ...]
    texts: int
    judged: bool = True


def barometer(folder: str, threads: int, call: int, at_once: int = 1) -> Runner:
    """The engine that ships, ``call`` texts at a time, or so many in each of ``at_once`` threads."""
    from model.engines import load_classifier

    return _in_calls(load_classifier(folder, threads=threads), call, at_once)


def torch_engine(folder: str, threads: int, precision: str, call: int) -> Runner:
    """The project's torch engine; precision auto is bf16 where the processor has it."""
    from model.engines.torch import TorchClassifier

    classifier = TorchClassifier(folder, device="auto", threads=threads, precision=precision)  # type: ignore[arg-type]
    return _in_calls(classifier, call)


def _in_calls(classifier: Any, call: int, at_once: int = 1) -> Runner:
    def run(texts: Sequence[str]) -> Shares:
        with ThreadPoolExecutor(at_once) as threads:
            parts = threads.map(classifier.classify, (texts[at : at + call] for at in range(0, len(texts), call)))
            return np.concatenate([part.probabilities for part in parts])

    return run


def pipeline(folder: str, threads: int, batch: int) -> Runner:
    """What most start from: ``transformers.pipeline("text-classification")`` on torch, in float32."""
    import torch
    from transformers import pipeline as make_pipeline

    import model.training.network  # noqa: F401  (tells the library of the network)
    from model.engines.torch import quiet_transformers
    from model.normalise import normalise

    torch.set_num_threads(threads)
    with quiet_transformers():
        label = make_pipeline("text-classification", model=folder, tokenizer=folder, top_k=None, device="cpu")

    def shares(answer: Any) -> list[float]:
        by_label = {one["label"]: one["score"] for one in answer}
        return [by_label[name] for name in LABELS]

    def run(texts: Sequence[str]) -> Shares:
        cleaned = [normalise(text) for text in texts]
        options = {"truncation": True}
        if batch == 1:
            answers = [label(text, **options)[0] for text in cleaned]
        else:
            answers = label(cleaned, batch_size=batch, **options)
        return np.array([shares(answer) for answer in answers], dtype=np.float32)

    return run


def onnx_int8(network: str, folder: str, threads: int, batch: int) -> Runner:
    """The usual next step: ONNX Runtime, dynamic int8, one session on all threads, texts sorted by length.

    Its activations share one scale in a batch, so labels depend on their neighbours.
    """
    import onnxruntime
    import tokenizers

    from model.normalise import normalise
    from model.prediction import softmax

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(network, options)
    tokenizer = tokenizers.Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    tokenizer.enable_truncation(_window(folder))
    tokenizer.enable_padding()
    columns = _columns(folder)

    def run(texts: Sequence[str]) -> Shares:
        cleaned = [normalise(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda index: len(cleaned[index]))
        logits = np.empty((len(texts), len(LABELS)), dtype=np.float32)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            encoded = tokenizer.encode_batch_fast([cleaned[row] for row in rows])
            inputs = {
                "input_ids": np.array([one.ids for one in encoded], dtype=np.int64),
                "attention_mask": np.array([one.attention_mask for one in encoded], dtype=np.int64),
            }
            [logits[rows]] = session.run(None, inputs)
        return softmax(logits[:, columns])

    return run


def export_onnx(folder: Path, target: Path) -> None:
    """Write the float32 model in ``folder`` as ONNX with dynamic int8 weights, one scale a channel."""
    import warnings

    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from model.engines.torch import TorchClassifier
    from model.engines.torch_to_openvino import Logits

    network = TorchClassifier(str(folder), device="cpu", precision="float32").network
    ids = torch.tensor([[2, 3, 4, 5], [2, 3, 0, 0]])
    plain = target.with_suffix(".float32.onnx")
    names = ["input_ids", "attention_mask"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Logits(network).eval(),
            (ids, (ids != 0).long()),
            plain,
            input_names=names,
            output_names=["logits"],
            dynamic_axes={**{name: {0: "texts", 1: "tokens"} for name in names}, "logits": {0: "texts"}},
            opset_version=18,
            dynamo=False,
        )
        quantize_dynamic(plain, target, per_channel=True, weight_type=QuantType.QInt8)
    plain.unlink()


def _window(folder: str) -> int:
    from transformers import AutoTokenizer

    return int(AutoTokenizer.from_pretrained(folder).model_max_length)


def _columns(folder: str) -> list[int]:
    from transformers import AutoConfig

    import model.training.network  # noqa: F401  (tells the library of the network)

    names = AutoConfig.from_pretrained(folder).label2id
    return [names[label] for label in LABELS]
