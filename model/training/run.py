"""Fine-tune a sequence classifier with transformers' Trainer.

The loop is Trainer's: checkpoints with optimizer, schedule and random state
make a killed run resumable. Ours are the data, the class-weighted loss, the
layer-wise learning rates and the temperature.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import platform
import random
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import nn
from torch.utils.data import Sampler
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BertConfig,
    BertModel,
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_pt_utils import get_length_grouped_indices

from infra.errors import MissingExtraError, UsageError
from model.engines.folder import digest
from model.engines.torch import CALIBRATION_FILE, PROVENANCE_FILE, bf16_pays, quiet_transformers
from model.labelled import LabelledTexts
from model.labels import LABELS
from model.normalise import normalise
from model.training.config import TrainingConfig
from model.training.network import PooledBertConfig, PooledBertForSequenceClassification

CHECKPOINTS = "checkpoints"
FINGERPRINT_FILE = "fingerprint"


@dataclass(frozen=True)
class Progress:
    """After each optimizer step: how many are done of how many, and the latest mean loss (None before the first)."""

    step: int
    steps: int
    loss: float | None


def train(
    config: TrainingConfig,
    data: LabelledTexts,
    output: Path,
    *,
    data_file: Path | None = None,
    on_step: Callable[[Progress], None] = lambda _: None,
) -> dict[str, Any]:
    """Train on ``data`` and save weights, tokenizer, temperature and provenance in ``output``.

    A run that was killed continues from its last checkpoint in ``output``, when
    config and data are the same; a finished one is left as it is.

    Returns the provenance: data digest, config, versions, steps, losses.
    Raises UsageError when ``output`` holds another run or the base does not
    fit, MissingExtraError when the base's package is not installed.
    """
    mark = fingerprint(config, data)
    earlier = finished_run(output, mark)
    if earlier is not None:
        return earlier
    if len(set(data.labels)) < 2:
        raise UsageError(
            f"the training rows all have the label {LABELS[data.labels[0]]}; a classifier needs two or more"
        )
    started = dt.datetime.now(dt.UTC)
    with quiet_transformers():
        base = resolve_base(config.base)
        network = _network(base, config)
        tokenizer = AutoTokenizer.from_pretrained(base)
        fit, held_out = _split(len(data.texts), config)
        rows = tokenise(tokenizer, data, config.max_tokens)
        checkpoint = last_checkpoint(output, mark)
        trainer = _trainer(config, network, tokenizer, [rows[i] for i in fit], output / CHECKPOINTS)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(Reporter(on_step))
        (output / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
        (output / CHECKPOINTS / FINGERPRINT_FILE).write_text(mark)
        result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        network.eval()
        logits = _logits(network, tokenizer, [rows[i] for i in held_out])
        temperature = fit_temperature(logits, np.array([rows[i]["labels"] for i in held_out]))
        network.float().save_pretrained(output)
        tokenizer.save_pretrained(output)
    (output / CALIBRATION_FILE).write_text(json.dumps({"temperature": round(temperature, 4)}) + "\n")
    provenance = {
        "name": config.name,
        "config": config.model_dump(),
        "base": {"name": config.base, "sha256": _weights_digest(base)},
        "data": {
            "file": data_file.name if data_file else None,
            "sha256": digest(data_file) if data_file else None,
            "rows": len(fit),
            "calibration_rows": len(held_out),
        },
        "fingerprint": mark,
        "started_at": started.isoformat(timespec="seconds"),
        "finished_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "resumed_at_step": int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0,
        "steps": result.global_step,
        "training_loss": round(result.training_loss, 4),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }
    # Last, because its presence says that everything else is there.
    (output / PROVENANCE_FILE).write_text(json.dumps(provenance, indent=2) + "\n")
    if config.keep_checkpoints == 1:  # kept only to be resumed
        shutil.rmtree(output / CHECKPOINTS)
    return provenance


def fingerprint(config: TrainingConfig, data: LabelledTexts) -> str:
    """Digest of a run: the same config and data make the same run."""
    mark = hashlib.sha256(config.model_dump_json().encode())
    for text, label in zip(data.texts, data.labels, strict=True):
        mark.update(f"{label}\t{text}\n".encode("utf-8", "surrogatepass"))
    return mark.hexdigest()


def finished_run(output: Path, mark: str) -> dict[str, Any] | None:
    """The provenance of this very run, when ``output`` holds it finished; None when it is still to be done.

    Raises UsageError when ``output`` holds another run, finished or begun.
    """
    fix = "give another --output, or --fresh to replace it"
    try:
        provenance: dict[str, Any] = json.loads((output / PROVENANCE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        begun = output / CHECKPOINTS / FINGERPRINT_FILE
        if begun.exists() and begun.read_text() != mark:
            raise UsageError(f"{output} holds a run with another config or other data, not finished; {fix}") from None
        return None
    except ValueError as error:
        raise UsageError(f"{output / PROVENANCE_FILE} is damaged; {fix}") from error
    if provenance.get("fingerprint") != mark:
        raise UsageError(f"{output} holds a finished run with another config or other data; {fix}")
    return provenance


def last_checkpoint(output: Path, mark: str) -> Path | None:
    """The newest whole checkpoint of this very run; None when there is none."""
    begun = output / CHECKPOINTS / FINGERPRINT_FILE
    if not begun.exists() or begun.read_text() != mark:
        return None
    # Trainer writes this file last: a checkpoint without it was cut off.
    found = [path for path in begun.parent.glob("checkpoint-*") if (path / "trainer_state.json").exists()]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def resolve_base(base: str) -> str:
    """Turn ``package:NAME/SUBDIR`` into the folder inside that installed package.

    Any other value is returned as it is (a path or a hub name). Raises
    MissingExtraError when the package is not installed.
    """
    if not base.startswith("package:"):
        return base
    package, _, subdir = base.removeprefix("package:").partition("/")
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError(f"training from {base}", "train")
    return str(Path(found.submodule_search_locations[0]) / subdir)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature (Guo et al. 2017) that minimises the log loss of ``softmax(logits / T)``.

    ``logits`` has shape (texts, labels); ``labels`` holds indices. The loss is
    unimodal in T; a bounded search between 0.25 and 4 finds it.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def loss(temperature: float) -> float:
        return float(-log_softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels].mean())

    return float(minimize_scalar(loss, bounds=(0.25, 4.0), method="bounded").x)


def _network(base: str, config: TrainingConfig) -> PooledBertForSequenceClassification:
    """The base's encoder with a new head, whose weights are the first thing drawn from the run's seed.

    The encoder is loaded by itself: loaded through the whole network with a key
    mapping, the library would undo the mapping in every checkpoint, and a
    resumed run would find no weights in it.
    """
    try:
        kind = AutoConfig.from_pretrained(base).model_type
        if kind not in (BertConfig.model_type, PooledBertConfig.model_type):
            raise UsageError(f"base {config.base!r} is a {kind} model; training starts from a bert model")
        shape = PooledBertConfig.from_pretrained(
            base,
            num_labels=len(LABELS),
            id2label=dict(enumerate(LABELS)),
            label2id={label: index for index, label in enumerate(LABELS)},
            hidden_dropout_prob=config.hidden_dropout,
            attention_probs_dropout_prob=config.attention_dropout,
        )
        # With training's short rows, eager attention is faster than SDPA on a CPU.
        network = PooledBertForSequenceClassification(shape)
        network.bert = BertModel.from_pretrained(
            base, config=shape, add_pooling_layer=False, attn_implementation="eager"
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(
            f"base {config.base!r} cannot be loaded ({reason}); give a folder, a hub name or a package"
        ) from error
    set_seed(config.seed)
    nn.init.normal_(network.classifier.weight, std=shape.initializer_range)
    return network


def _trainer(
    config: TrainingConfig,
    network: PooledBertForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    rows: list[dict[str, Any]],
    workdir: Path,
) -> Trainer:
    cuda = torch.cuda.is_available()
    return LengthGroupedTrainer(
        model=network,
        args=TrainingArguments(
            output_dir=str(workdir),
            num_train_epochs=config.epochs,
            per_device_train_batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=config.warmup_share,
            bf16=bf16_pays(torch.device("cuda" if cuda else "cpu")),
            use_cpu=not cuda,
            save_steps=config.checkpoint_steps,
            save_total_limit=config.keep_checkpoints,
            logging_steps=50,
            disable_tqdm=True,
            log_level="error",
            seed=config.seed,
            report_to=[],
            remove_unused_columns=False,
            dataloader_pin_memory=False,
        ),
        train_dataset=rows,  # a list is a dataset with a length
        data_collator=_collator(tokenizer, config),
        compute_loss_func=_weighted_loss([row["labels"] for row in rows], config),
        optimizers=(_optimizer(network, config), None),
    )


def _split(rows: int, config: TrainingConfig) -> tuple[list[int], list[int]]:
    order = list(range(rows))
    random.Random(config.seed).shuffle(order)
    kept = max(1, int(rows * config.calibration_share))
    return order[kept:], order[:kept]


def tokenise(tokenizer: PreTrainedTokenizerBase, data: LabelledTexts, max_tokens: int) -> list[dict[str, Any]]:
    """A row for each text: ``input_ids``, ``attention_mask``, and its label as ``labels``."""
    encoded = tokenizer([normalise(text) for text in data.texts], truncation=True, max_length=max_tokens)
    return [
        {"input_ids": ids, "attention_mask": mask, "labels": label}
        for ids, mask, label in zip(encoded["input_ids"], encoded["attention_mask"], data.labels, strict=True)
    ]


class _EpochOrder(Sampler[int]):
    """Texts of about one length beside each other, in an order that follows from seed and epoch alone.

    The library's own sampler draws from the global random state, so a resumed
    epoch had another order: some texts came twice, others not at all.
    """

    def __init__(self, lengths: list[int], batch_size: int, seed: int) -> None:
        self._lengths = lengths
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Trainer before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        draw = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        return iter(get_length_grouped_indices(self._lengths, self._batch_size, generator=draw))


class LengthGroupedTrainer(Trainer):
    """Texts of about one length in a batch, in an order that a resumed run repeats."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        rows: Any = self.train_dataset if train_dataset is None else train_dataset
        return _EpochOrder([len(row["input_ids"]) for row in rows], self.args.train_batch_size, self.args.seed)


def _collator(
    tokenizer: PreTrainedTokenizerBase, config: TrainingConfig
) -> Callable[[Sequence[dict[str, Any]]], dict[str, torch.Tensor]]:
    """Pads a batch; with ``token_dropout``, masks some of its tokens.

    Which ones follows from the seed and the batch, not from the global random
    state: batches are made ahead of their step, so a resumed run would draw others.
    """
    pad = DataCollatorWithPadding(tokenizer)
    special = torch.tensor(sorted(tokenizer.all_special_ids))

    def collate(rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        batch: dict[str, torch.Tensor] = dict(pad(list(rows)))
        if config.token_dropout:
            ids = batch["input_ids"]
            draw = torch.Generator().manual_seed(zlib.crc32(ids.numpy().tobytes(), config.seed))
            noisy = (torch.rand(ids.shape, generator=draw) < config.token_dropout) & ~torch.isin(ids, special)
            batch["input_ids"] = ids.masked_fill(noisy, tokenizer.mask_token_id)
        return batch

    return collate


def _weighted_loss(labels: list[int], config: TrainingConfig) -> Callable[..., torch.Tensor]:
    """Cross entropy in which each class weighs the same, for macro recall."""
    counts = np.bincount(labels, minlength=len(LABELS)).clip(min=1)
    weights = torch.tensor((len(labels) / (len(LABELS) * counts)) ** config.class_weight_power, dtype=torch.float32)

    def loss(outputs: Any, targets: torch.Tensor, **_trainer_extras: Any) -> torch.Tensor:
        return nn.functional.cross_entropy(
            outputs.logits.float(),
            targets,
            weight=weights.to(targets.device),
            label_smoothing=config.label_smoothing,
        )

    return loss


def _optimizer(network: PooledBertForSequenceClassification, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW with a learning rate that falls layer by layer towards the embeddings."""
    layers: list[nn.Module] = [network.bert.embeddings, *network.bert.encoder.layer, network.classifier]
    groups = []
    for depth, layer in enumerate(reversed(layers)):
        rate = config.learning_rate * config.layer_decay**depth
        for decays in (True, False):
            parameters = [p for p in layer.parameters() if (p.ndim > 1) is decays]
            if parameters:
                decay = config.weight_decay if decays else 0.0
                groups.append({"params": parameters, "lr": rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)


def _logits(
    network: PooledBertForSequenceClassification, tokenizer: PreTrainedTokenizerBase, rows: list[dict[str, Any]]
) -> np.ndarray:
    parts = []
    with torch.inference_mode():
        for start in range(0, len(rows), 64):
            batch = tokenizer.pad(
                [{k: row[k] for k in ("input_ids", "attention_mask")} for row in rows[start : start + 64]],
                return_tensors="pt",
            ).to(network.device)
            parts.append(network(**batch).logits.float().cpu().numpy())
    return np.concatenate(parts)


def _weights_digest(base: str) -> str | None:
    weights = Path(base) / "model.safetensors"
    return digest(weights) if weights.exists() else None


class Reporter(TrainerCallback):
    """Tells ``on_step`` of each optimizer step."""

    def __init__(self, on_step: Callable[[Progress], None]) -> None:
        self._on_step = on_step
        self._loss: float | None = None

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self._loss = float(logs["loss"])

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._on_step(Progress(state.global_step, state.max_steps, self._loss))
