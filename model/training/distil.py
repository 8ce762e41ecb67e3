"""Teach a narrowed network to say what the wide one says, on texts that need no labels.

The loss is the divergence of its probabilities from the teacher's, and how far
the outputs of its layers are from the teacher's: with both, a tenth of the
steps of a training run is enough.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase, PrinterCallback, TrainingArguments

from model.engines.torch import bf16_pays
from model.training.run import LengthGroupedTrainer, Progress, Reporter

BATCH = 32
DIVERGENCE_WEIGHT = 50.0
"""Of the divergence against the drift of all layers; after pruning both are of one size with it."""


def distil(
    teacher: nn.Module,
    student: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    rows: list[dict[str, Any]],
    *,
    epochs: float,
    learning_rate: float,
    seed: int,
    on_step: Callable[[Progress], None] = lambda _: None,
) -> int:
    """Train ``student``, in place, on ``rows`` (``input_ids`` and ``attention_mask``). Returns the number of steps.

    Nothing is dropped out in either, so that they see the same.
    """
    if not epochs:
        return 0
    for module in student.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    with tempfile.TemporaryDirectory() as folder:
        trainer = _Distilling(
            teacher.eval(),
            model=student,
            args=TrainingArguments(
                output_dir=folder,
                num_train_epochs=epochs,
                per_device_train_batch_size=BATCH,
                learning_rate=learning_rate,
                lr_scheduler_type="linear",
                warmup_steps=0.05,
                use_cpu=True,
                save_strategy="no",
                logging_steps=50,
                disable_tqdm=True,
                log_level="error",
                seed=seed,
                report_to=[],
                remove_unused_columns=False,
                dataloader_pin_memory=False,
            ),
            train_dataset=rows,
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(Reporter(on_step))
        steps = trainer.train().global_step
    student.eval()
    return int(steps)


class _Distilling(LengthGroupedTrainer):
    def __init__(self, teacher: nn.Module, **rest: Any) -> None:
        super().__init__(**rest)
        self._teacher = teacher

    def compute_loss(self, model: nn.Module, inputs: dict[str, torch.Tensor], *_args: Any, **_more: Any) -> Any:
        given = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16_pays(torch.device("cpu"))):
            with torch.no_grad():
                theirs = self._teacher(**given, output_hidden_states=True)
            ours = model(**given, output_hidden_states=True)
        return DIVERGENCE_WEIGHT * divergence(theirs.logits, ours.logits) + sum(
            drift(one, other, given["attention_mask"])
            for one, other in zip(theirs.hidden_states[1:], ours.hidden_states[1:], strict=True)
        )


def divergence(theirs: torch.Tensor, ours: torch.Tensor) -> torch.Tensor:
    """Kullback and Leibler's, of probabilities of logits (texts, labels), in the mean of the texts."""
    wanted, got = theirs.float().softmax(-1), ours.float().log_softmax(-1)
    return nn.functional.kl_div(got, wanted, reduction="batchmean")


def drift(theirs: torch.Tensor, ours: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean square of the difference over that of the teacher's, of states (texts, tokens, size) where ``mask`` is 1."""
    real = mask.unsqueeze(-1)
    difference = (theirs.float() - ours.float()) * real
    return difference.square().sum() / (theirs.float() * real).square().sum()
