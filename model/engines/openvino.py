"""The CPU engine: an exported int8 model on OpenVINO. Needs no torch.

Weights are int8; activations are rounded to int8 at run time with one scale
for each token (tools/measure_engines.py compares this with the alternatives). Nothing
is shared between texts, and batches hold one width only (model.batching), so
probabilities are equal to the last bit in any batch.

OpenVINO's model cache is not used: it saves 0.2 s of the start, but workers
that start together may read each other's half-written file.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from infra import metrics
from model.batching import Batch, count_tokens, pad, plan_batches
from model.engines.cores import processor, usable_cores
from model.engines.folder import NETWORK_FILE, TOKENIZER_FILE, FolderConfig, read_config
from model.engines.tuning import Tuning, known
from model.engines.warming import Warming, shapes_of_each_size
from model.labels import LABELS
from model.normalise import normalise
from model.prediction import ModelError, ModelInfo, Predictions, softmax

if TYPE_CHECKING:
    import openvino

ENGINE = "openvino"
MOST_RUNNING = 64
"""Batches of one call that are handed to the library before the first is waited for."""


class OpenVinoClassifier:
    """A Classifier (model.prediction) on the CPU."""

    def __init__(
        self,
        folder: Path,
        *,
        threads: int = 0,
        cache: Path | None = None,
        tuning: Tuning | None = None,
        warm: bool = False,
    ) -> None:
        """Load the exported model in ``folder``; ``threads`` 0 means all usable cores.

        ``cache``: the folder in which ``barometer tune`` left what it measured on
        this machine. ``tuning``: rather than that, or the rule. ``warm``: when there is nothing else
        to do, meet the usual sizes of batches before tweets do; for a process that stays.
        Raises ModelError when a file is missing, damaged or of another version.
        """
        threads = threads or usable_cores()
        self._config = read_config(folder)
        self._tuning = tuning or known(cache, tuning_key(self._config.version, threads), threads)
        self._info = ModelInfo(self._config.name, self._config.version, ENGINE, str(self._tuning))
        self._tokenizer = load_tokenizer(folder / TOKENIZER_FILE, self._config.max_tokens)
        self._network: openvino.CompiledModel | None = compile_network(
            folder, self._config, threads, self._tuning.streams
        )
        self._idle: list[openvino.InferRequest] = []
        # The library's first call in a process must be alone: two threads at once may wait for each other for ever.
        self._logits(self._network, [[self._config.pad_id]], [Batch([0], self._config.width_step)])
        self._warming: Warming | None = None
        if warm:
            shapes = shapes_of_each_size(self._config.width_step, self._tuning.token_budget, self._config.max_tokens)
            self._warming = Warming(self._network, shapes, self._tuning.streams)
        # The column of the logits that holds each of LABELS.
        self._columns = [self._config.labels.index(label) for label in LABELS]

    @property
    def info(self) -> ModelInfo:
        return self._info

    def classify(self, texts: Sequence[str]) -> Predictions:
        if self._network is None:
            raise ModelError(f"model {self._info.name} is closed; load it again")
        with metrics.MODEL_STEP_SECONDS.labels("tokenize").time():
            encodings = self._tokenizer.encode_batch_fast([normalise(text) for text in texts])
        ids = [encoding.ids for encoding in encodings]
        config = self._config
        lengths = [len(row) for row in ids]
        budget = self._tuning.token_budget
        batches = plan_batches(lengths, step=config.width_step, budget=budget, most=config.max_tokens)
        aside = self._warming.aside() if self._warming else nullcontext()
        with aside, metrics.MODEL_STEP_SECONDS.labels("network").time():
            logits = self._logits(self._network, ids, batches)
        count_tokens(lengths, batches)
        if not np.isfinite(logits).all():
            raise ModelError(f"model {self._info.name} gave an answer that is not a number; its weights are damaged")
        return Predictions(
            probabilities=softmax(logits[:, self._columns], config.temperature),
            truncated=np.array([bool(encoding.overflowing) for encoding in encodings], dtype=np.bool_),
        )

    def close(self) -> None:
        if self._warming is not None:
            self._warming.close()
        self._idle.clear()
        self._network = None

    def _logits(
        self, network: openvino.CompiledModel, ids: Sequence[Sequence[int]], batches: Sequence[Batch]
    ) -> NDArray[np.float32]:
        """Run ``batches`` of token ids; shape (len(ids), 3), a row for each text.

        Requests outnumber streams, and nothing of Python is called when one ends: a
        stream then goes on with the next at once, and never waits for the interpreter's lock.
        """
        logits = np.full((len(ids), len(LABELS)), np.nan, dtype=np.float32)
        running: deque[tuple[openvino.InferRequest, Batch]] = deque()

        def take() -> None:
            request, batch = running.popleft()
            request.wait()
            logits[batch.rows] = request.get_output_tensor(0).data
            self._idle.append(request)

        for batch in batches:
            if len(running) == MOST_RUNNING:
                take()
            tokens, mask = pad(ids, batch, self._config.pad_id)
            request = self._an_idle_one() or network.create_infer_request()
            request.start_async({"input_ids": tokens, "attention_mask": mask})
            running.append((request, batch))
        while running:
            take()
        return logits

    def _an_idle_one(self) -> openvino.InferRequest | None:
        """A request that no thread uses now; None when all are at work."""
        try:
            return self._idle.pop()
        except IndexError:
            return None


def tuning_key(model_version: str, threads: int) -> str:
    """What a measured tuning holds for: this processor, library and model, with so many threads."""
    library = version("openvino")
    return f"{processor()}, {threads} threads, OpenVINO {library}, model {model_version}"


def load_tokenizer(path: Path, max_tokens: int) -> Any:
    """The tokenizer in ``path``, cutting at ``max_tokens``, padding nothing. Raises ModelError."""
    # Its threads and a later fork do not go together; said aloud, the library does not warn on every fork.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    import tokenizers

    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise ModelError(
            f"{path} is not a tokenizer this version can read ({error}); export the model again"
        ) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def compile_network(
    folder: Path, config: FolderConfig, threads: int, streams: int, *, counters: bool = False
) -> openvino.CompiledModel:
    """The network, ready to run; ``counters``: it counts the time of each operation. Raises ModelError."""
    import openvino

    try:
        return openvino.Core().compile_model(
            folder / NETWORK_FILE,
            "CPU",
            {
                "PERFORMANCE_HINT": "THROUGHPUT",
                "NUM_STREAMS": streams,
                "INFERENCE_NUM_THREADS": threads,
                # Pinned, two workers on one machine would share the first cores and leave the others idle.
                "ENABLE_CPU_PINNING": False,
                # Said aloud, because the default depends on the processor: bf16 or f16 on some.
                "INFERENCE_PRECISION_HINT": "f32",
                "DYNAMIC_QUANTIZATION_GROUP_SIZE": config.hidden_size,
                "PERF_COUNT": counters,
            },
        )
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ModelError(f"{folder / NETWORK_FILE} cannot be run by OpenVINO here: {reason}") from error
