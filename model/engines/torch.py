"""The torch engine: any sequence classifier of the transformers library, on CPU or GPU (extra ``torch``).

A model is a folder (a run of ``barometer train`` too) or a name on the
Hugging Face hub. Its labels become ours by name or by a declared mapping
(model.labels). Texts get the same cleaning as everywhere, whose ``@user`` and
``http`` are what models trained on TweetEval expect.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from infra import metrics
from infra.errors import UsageError
from model import normalise
from model.batching import count_tokens, pad, plan_batches
from model.engines.folder import digest
from model.engines.hub import download
from model.labels import LABELS, Label, map_labels, parse_mapping
from model.prediction import ModelError, ModelInfo, Predictions, softmax

ENGINE = "torch"
WIDTH_STEP = 8
"""Texts are padded to a multiple of this many tokens, as matrix units like it (model.batching)."""
TOKEN_BUDGET = {"cpu": 2_048, "cuda": 65_536}
MOST_TOKENS = 512
"""Longer texts are cut here, also for models that could read more: these are tweets and reviews, not books."""
MAPPING_VARIABLE = "BAROMETER_MODEL_LABELS"
CALIBRATION_FILE = "calibration.json"
PROVENANCE_FILE = "provenance.json"

_LABELLING_SUFFIXES = (".json", ".txt", ".model", ".safetensors", ".bin")
_RECORDS = (PROVENANCE_FILE, "metrics.json")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class TorchClassifier:
    """A Classifier (model.prediction) on torch.

    ``network``, ``tokenizer``, ``classes`` (what each logit means), ``max_tokens``,
    ``temperature`` and ``provenance`` (of a training run, else None) are for export.
    """

    def __init__(
        self,
        model: str,
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        threads: int = 0,
        model_labels: str = "",
        precision: Literal["auto", "float32"] = "auto",
    ) -> None:
        """Load ``model``, a folder or a hub name; ``threads`` 0 leaves torch's own choice.

        ``precision`` auto computes matrix products in bf16 where the hardware does.
        Raises UsageError when the model or the device does not exist or the labels
        cannot be mapped, ModelError when files are damaged.
        """
        declared = parse_mapping(model_labels, where=MAPPING_VARIABLE)
        self.device = _device(device)
        if threads:
            torch.set_num_threads(threads)
        folder = Path(model) if Path(model).is_dir() else download(model)
        config = _read_config(folder)
        names = [str(config.id2label[index]) for index in range(config.num_labels)]
        self.classes = _classes(model, config, names, declared)
        self.network, self.tokenizer = _load(folder)
        self.network.to(self.device).eval()
        self.provenance = _provenance(folder)
        self.max_tokens = _window(self.provenance, config, self.tokenizer)
        self.temperature = _temperature(folder)
        self._bf16 = precision == "auto" and bf16_pays(self.device)
        self._alone = threading.Lock()  # transformers' tokenizers are for one thread at a time
        self._pad_id = self.tokenizer.pad_token_id or 0
        self._info = ModelInfo(
            _name(model, folder, self.provenance), _version(folder, self.classes, self.max_tokens), ENGINE
        )

    @property
    def info(self) -> ModelInfo:
        return self._info

    def classify(self, texts: Sequence[str]) -> Predictions:
        with self._alone:
            return self._classify(texts)

    def close(self) -> None:
        self.network = None
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _classify(self, texts: Sequence[str]) -> Predictions:
        if self.network is None:
            raise ModelError(f"model {self._info.name} is closed; load it again")
        with metrics.MODEL_STEP_SECONDS.labels("tokenize").time():
            ids, truncated = self._encode(texts)
        logits = np.full((len(texts), len(self.classes)), np.nan, dtype=np.float32)
        lengths = [len(row) for row in ids]
        budget = TOKEN_BUDGET[self.device.type]
        batches = plan_batches(lengths, step=WIDTH_STEP, budget=budget, most=self.max_tokens)
        with (
            metrics.MODEL_STEP_SECONDS.labels("network").time(),
            torch.inference_mode(),
            torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16),
        ):
            for batch in batches:
                tokens, mask = (torch.from_numpy(array).to(self.device) for array in pad(ids, batch, self._pad_id))
                answer = self.network(input_ids=tokens, attention_mask=mask).logits
                logits[batch.rows] = answer.float().cpu().numpy()
        count_tokens(lengths, batches)
        if not np.isfinite(logits).all():
            raise ModelError(f"model {self._info.name} gave an answer that is not a number; its weights are damaged")
        probabilities = softmax(logits, self.temperature) @ self._shares()
        return Predictions(probabilities=probabilities, truncated=truncated)

    def _encode(self, texts: Sequence[str]) -> tuple[list[list[int]], Any]:
        """Token ids of each text, cut to the window, and which were cut."""
        if not texts:
            return [], np.zeros(0, dtype=np.bool_)
        cleaned = [normalise.normalise(text) for text in texts]
        whole = self.tokenizer(cleaned, truncation=True, max_length=self.max_tokens + 1)["input_ids"]
        truncated = np.array([len(row) > self.max_tokens for row in whole], dtype=np.bool_)
        if truncated.any():
            whole = self.tokenizer(cleaned, truncation=True, max_length=self.max_tokens)["input_ids"]
        return whole, truncated

    def _shares(self) -> Any:
        """Matrix (the model's labels, LABELS) of 0 and 1 that adds up probabilities by class."""
        shares = np.zeros((len(self.classes), len(LABELS)), dtype=np.float32)
        shares[np.arange(len(self.classes)), [LABELS.index(label) for label in self.classes]] = 1
        return shares


def bf16_pays(device: torch.device) -> bool:
    """True where bf16 matrix products are native; elsewhere they are emulated and slow."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # torch before 2.10 cannot tell
    return able.get("avx512_bf16", False) or able.get("amx_bf16", False)


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep the library's load reports, bars and advice off the terminal; errors still show."""
    from transformers.utils import logging as noise

    level = noise.get_verbosity()
    bars = noise.is_progress_bar_enabled()
    noise.set_verbosity_error()
    noise.disable_progress_bar()
    try:
        yield
    finally:
        noise.set_verbosity(level)
        if bars:
            noise.enable_progress_bar()


def _device(wanted: str) -> torch.device:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UsageError("BAROMETER_DEVICE is cuda, but torch finds no CUDA device here; use cpu or auto")
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def _read_config(folder: Path) -> Any:
    _register_own_network(folder)
    try:
        return AutoConfig.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{folder / 'config.json'} is not a model of the transformers library: {_line(error)}"
        ) from error


def _register_own_network(folder: Path) -> None:
    """Runs of ``barometer train`` have a network of their own, which the library must be told of."""
    with contextlib.suppress(OSError, ValueError):
        if json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"].startswith("barometer-"):
            import model.training.network  # noqa: F401


def _classes(model: str, config: Any, names: list[str], declared: dict[str, Label]) -> list[Label]:
    """Our class of each of the model's labels; UsageError, with the setting to write, when they say nothing."""
    if getattr(config, "problem_type", None) in ("multi_label_classification", "regression"):
        raise UsageError(
            f"model {model!r} does not choose one label ({config.problem_type}); Barometer needs a classifier"
        )
    unknown = sorted(set(declared) - set(names))
    if unknown:
        raise UsageError(
            f"{MAPPING_VARIABLE} names {', '.join(unknown)}, which model {model!r} does not have; "
            f"its labels are {', '.join(names)}"
        )
    mapped = map_labels(names, declared)
    if mapped is None:
        example = ",".join(f"{name}={declared.get(name, '?')}" for name in names)
        raise UsageError(
            f"the labels of model {model!r} ({', '.join(names)}) do not say which are negative and positive; set "
            f"{MAPPING_VARIABLE}={example} with negative, neutral or positive for each"
        )
    return mapped


def _load(folder: Path) -> tuple[Any, Any]:
    try:
        with quiet_transformers():
            network, report = AutoModelForSequenceClassification.from_pretrained(
                folder, dtype=torch.float32, output_loading_info=True
            )
            tokenizer = AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # safetensors, pickle, tokenizers and transformers each raise their own
        raise ModelError(
            f"the model in {folder} cannot be loaded; a file is missing or damaged: {_line(error)}"
        ) from error
    if report["missing_keys"]:
        missing = ", ".join(sorted(report["missing_keys"])[:4])
        raise ModelError(f"the model in {folder} is no trained classifier: its weights lack {missing}")
    return network, tokenizer


def _provenance(folder: Path) -> dict[str, Any] | None:
    """What a training run of ours wrote of itself; None for other models."""
    path = folder / PROVENANCE_FILE
    try:
        provenance: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {**provenance, "name": str(provenance["name"]), "config": dict(provenance["config"])}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged; train the model again") from error


def _window(provenance: dict[str, Any] | None, config: Any, tokenizer: Any) -> int:
    """Tokens that the model can read: what it was trained with, else what its positions and tokeniser allow."""
    if provenance and "max_tokens" in provenance["config"]:
        return int(provenance["config"]["max_tokens"])
    positions = getattr(config, "max_position_embeddings", None) or MOST_TOKENS
    # Models of the RoBERTa family count positions from the padding id on: 514 positions hold 512 tokens.
    first = (config.pad_token_id or 0) + 1 if re.search("roberta|camembert|xmod|mpnet", config.model_type) else 0
    return int(min(MOST_TOKENS, positions - first, tokenizer.model_max_length))


def _temperature(folder: Path) -> float:
    path = folder / CALIBRATION_FILE
    if not path.exists():
        return 1.0
    try:
        temperature = float(json.loads(path.read_text(encoding="utf-8"))["temperature"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f'{path} is damaged: it should be {{"temperature": NUMBER}}') from error
    if not temperature > 0:
        raise ModelError(f"{path} has temperature {temperature}; it must be above 0")
    return temperature


def _name(model: str, folder: Path, provenance: dict[str, Any] | None) -> str:
    if provenance:
        return str(provenance["name"])
    return folder.resolve().name if Path(model).is_dir() else model


def _version(folder: Path, classes: Sequence[Label], max_tokens: int) -> str:
    """Digest of all that labels depend on; a hub commit stands for the files it names."""
    content = hashlib.sha256(f"{normalise.VERSION} {','.join(classes)} {max_tokens} {WIDTH_STEP}\n".encode())
    commit = folder.resolve().name
    if _COMMIT.fullmatch(commit):
        content.update(commit.encode())
    else:
        for path in sorted(folder.iterdir()):
            if path.suffix in _LABELLING_SUFFIXES and path.name not in _RECORDS and path.is_file():
                content.update(f"{path.name} {digest(path)}\n".encode())
    return content.hexdigest()[:12]


def _line(error: BaseException) -> str:
    """The first line of an error of a library."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
