"""Fine-tune a sequence classifier with transformers' Trainer.

The loop is Trainer's: checkpoints with optimizer, schedule and random state
make a killed run resumable. Ours are the data, the class-weighted loss, the
layer-wise learning rates and the temperature.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
import json
import platform
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import nn
from transformers import (
    AutoTokenizer,
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    set_seed,
)

from model.labelled import LabelledTexts
from model.labels import LABELS
from model.normalise import normalise
from model.training.config import TrainingConfig
from model.training.network import PooledBertConfig, PooledBertForSequenceClassification

CALIBRATION_FILE = "calibration.json"
PROVENANCE_FILE = "provenance.json"


def train(
    config: TrainingConfig, data: LabelledTexts, output: Path, *, data_file: Path | None = None, resume: bool = True
) -> dict[str, Any]:
    """Train on ``data`` and save weights, tokenizer, temperature and provenance in ``output``.

    A run that was killed continues from its last checkpoint in ``output`` when
    ``resume`` is set and the config and data are the same.

    Returns the provenance: data digest, config, versions, steps, losses, seconds.
    """
    started = dt.datetime.now(dt.UTC)
    set_seed(config.seed)
    base = resolve_base(config.base)
    tokenizer = AutoTokenizer.from_pretrained(base)
    fit, held_out = _split(len(data.texts), config)
    rows = _tokenise(tokenizer, data, config.max_tokens)
    network = _network(base, config)
    workdir = output / "checkpoints"
    fingerprint = _fingerprint(config, data)
    checkpoint = _last_checkpoint(workdir, fingerprint) if resume else None
    trainer = Trainer(
        model=network,
        args=TrainingArguments(
            output_dir=str(workdir),
            num_train_epochs=config.epochs,
            per_device_train_batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=config.warmup_share,
            train_sampling_strategy="group_by_length",
            bf16=_bf16_pays(),
            use_cpu=not torch.cuda.is_available(),
            save_steps=config.checkpoint_steps,
            save_total_limit=1,
            logging_steps=50,
            seed=config.seed,
            report_to=[],
            remove_unused_columns=False,
            dataloader_pin_memory=False,
        ),
        train_dataset=[rows[i] for i in fit],  # type: ignore[arg-type]
        data_collator=_collator(tokenizer, config),
        compute_loss_func=_weighted_loss([rows[i]["labels"] for i in fit], config),
        optimizers=(_optimizer(network, config), None),
    )
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / "fingerprint").write_text(fingerprint)
    result = trainer.train(resume_from_checkpoint=checkpoint)

    network.eval()
    logits = _logits(network, tokenizer, [rows[i] for i in held_out])
    temperature = fit_temperature(logits, np.array([rows[i]["labels"] for i in held_out]))
    network.float().save_pretrained(output)
    tokenizer.save_pretrained(output)
    (output / CALIBRATION_FILE).write_text(json.dumps({"temperature": round(temperature, 4)}) + "\n")
    provenance = {
        "name": config.name,
        "config": config.model_dump(),
        "data": {
            "file": data_file.name if data_file else None,
            "sha256": hashlib.sha256(data_file.read_bytes()).hexdigest() if data_file else None,
            "rows": len(fit),
            "calibration_rows": len(held_out),
        },
        "started_at": started.isoformat(timespec="seconds"),
        "finished_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "steps": result.global_step,
        "training_loss": round(result.training_loss, 4),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }
    (output / PROVENANCE_FILE).write_text(json.dumps(provenance, indent=2) + "\n")
    return provenance


def resolve_base(base: str) -> str:
    """Turn ``package:NAME/SUBDIR`` into the folder inside that installed package.

    Any other value is returned as it is (a path or a hub name). Raises
    ModuleNotFoundError when the package is not installed.
    """
    if not base.startswith("package:"):
        return base
    package, _, subdir = base.removeprefix("package:").partition("/")
    module = importlib.import_module(package)
    if module.__file__ is None:
        raise ModuleNotFoundError(f"package {package} has no folder of files")
    return str(Path(module.__file__).parent / subdir)


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
    shape = PooledBertConfig.from_pretrained(
        base,
        num_labels=len(LABELS),
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
        hidden_dropout_prob=config.hidden_dropout,
        attention_probs_dropout_prob=config.attention_dropout,
    )
    network: PooledBertForSequenceClassification = PooledBertForSequenceClassification.from_pretrained(
        base,
        config=shape,
        key_mapping={r"^(embeddings|encoder)\.": r"bert.\1."},
        attn_implementation="eager",  # with training's short rows: faster than SDPA on a CPU
    )
    return network


def _split(rows: int, config: TrainingConfig) -> tuple[list[int], list[int]]:
    order = list(range(rows))
    random.Random(config.seed).shuffle(order)
    kept = max(1, int(rows * config.calibration_share))
    return order[kept:], order[:kept]


def _tokenise(tokenizer: PreTrainedTokenizerBase, data: LabelledTexts, max_tokens: int) -> list[dict[str, Any]]:
    encoded = tokenizer([normalise(text) for text in data.texts], truncation=True, max_length=max_tokens)
    return [
        {"input_ids": ids, "attention_mask": mask, "labels": label}
        for ids, mask, label in zip(encoded["input_ids"], encoded["attention_mask"], data.labels, strict=True)
    ]


def _collator(
    tokenizer: PreTrainedTokenizerBase, config: TrainingConfig
) -> Callable[[Sequence[dict[str, Any]]], dict[str, torch.Tensor]]:
    pad = DataCollatorWithPadding(tokenizer)
    special = torch.tensor(sorted(tokenizer.all_special_ids))

    def collate(rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        batch: dict[str, torch.Tensor] = dict(pad(list(rows)))
        if config.token_dropout:
            ids = batch["input_ids"]
            noisy = (torch.rand(ids.shape) < config.token_dropout) & ~torch.isin(ids, special)
            batch["input_ids"] = ids.masked_fill(noisy, tokenizer.mask_token_id)
        return batch

    return collate


def _weighted_loss(labels: list[int], config: TrainingConfig) -> Callable[..., torch.Tensor]:
    """Cross entropy in which each class weighs the same, for macro recall."""
    counts = np.bincount(labels, minlength=len(LABELS)).clip(min=1)
    weights = torch.tensor((len(labels) / (len(LABELS) * counts)) ** config.class_weight_power, dtype=torch.float32)

    def loss(outputs: Any, targets: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
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


def _bf16_pays() -> bool:
    """True where bf16 matrix products are native; elsewhere they are emulated and slow."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    capability = torch.backends.cpu.get_cpu_capability()
    return "AVX512" in capability and torch.cpu._is_avx512_bf16_supported()


def _fingerprint(config: TrainingConfig, data: LabelledTexts) -> str:
    digest = hashlib.sha256(config.model_dump_json().encode())
    for text, label in zip(data.texts, data.labels, strict=True):
        digest.update(f"{label}\t{text}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _last_checkpoint(workdir: Path, fingerprint: str) -> str | None:
    """The newest whole checkpoint of this very run; None when there is none."""
    mark = workdir / "fingerprint"
    if not mark.exists() or mark.read_text() != fingerprint:
        return None
    found = [path for path in workdir.glob("checkpoint-*") if (path / "trainer_state.json").exists()]
    return str(max(found, key=lambda path: int(path.name.rpartition("-")[2]))) if found else None
