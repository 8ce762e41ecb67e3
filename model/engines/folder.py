"""The folder of an exported model: what ``barometer export`` writes and the OpenVINO engine reads.

    model.xml, model.bin   OpenVINO IR: input_ids, attention_mask (int64) -> logits (float32); int8 weights
    tokenizer.json         for the tokenizers library
    config.json            FolderConfig, below
    metrics.json           what was measured at export
    confusion.json         its errors, to correct shares with (model.quantification); absent if not measured
    README.md              the model card

``config.json`` holds the digest of each file that labels depend on. They are
checked at every load (25 MB take 20 ms), so a torn download never labels a tweet.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model import normalise
from model.labels import Label
from model.prediction import ModelError

FORMAT_VERSION: Literal[1] = 1
CONFIG_FILE = "config.json"
NETWORK_FILE = "model.xml"
WEIGHTS_FILE = "model.bin"
TOKENIZER_FILE = "tokenizer.json"
METRICS_FILE = "metrics.json"
CARD_FILE = "README.md"
LABELLING_FILES = (NETWORK_FILE, WEIGHTS_FILE, TOKENIZER_FILE)
"""The files on which labels depend, apart from the config itself."""


class FolderConfig(BaseModel):
    """``config.json`` of an exported model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = FORMAT_VERSION
    name: str = Field(min_length=1)
    version: str = Field(min_length=1, description="digest of everything that labels depend on")
    labels: tuple[Label, ...] = Field(description="what the columns of the logits mean")
    max_tokens: int = Field(ge=2, le=8_192, description="longer texts are cut here, special tokens included")
    temperature: float = Field(gt=0, description="the logits are divided by it before the softmax")
    width_step: int = Field(gt=0, description="texts are padded to a multiple of this many tokens (model.batching)")
    hidden_size: int = Field(gt=0, description="width of a token's vector: the group that shares one activation scale")
    pad_id: int = Field(ge=0)
    normaliser: int = Field(description="version of model.normalise that the model was trained with")
    sha256: dict[str, str] = Field(description="of each file that labels depend on")


def write_config(
    folder: Path,
    *,
    name: str,
    labels: tuple[Label, ...],
    max_tokens: int,
    temperature: float,
    hidden_size: int,
    pad_id: int,
    width_step: int = 4,
) -> FolderConfig:
    """Describe the files that already lie in ``folder``; returns what was written."""
    draft = FolderConfig(
        name=name,
        version="draft",
        labels=labels,
        max_tokens=max_tokens,
        temperature=temperature,
        width_step=width_step,
        hidden_size=hidden_size,
        pad_id=pad_id,
        normaliser=normalise.VERSION,
        sha256={file: digest(folder / file) for file in LABELLING_FILES},
    )
    config = draft.model_copy(update={"version": _version(draft)})
    (folder / CONFIG_FILE).write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return config


def read_config(folder: Path) -> FolderConfig:
    """Read and check an exported model's config and files.

    Raises ModelError, naming the file at fault, when one is missing, damaged or
    made for another version of Barometer.
    """
    path = folder / CONFIG_FILE
    try:
        config = FolderConfig.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}; is {folder} an exported model?") from error
    except (ValueError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise ModelError(f"{path} is damaged or of another version of Barometer ({first}); export it again") from error
    if config.normaliser != normalise.VERSION:
        raise ModelError(
            f"the model in {folder} was trained with text normaliser {config.normaliser}, this is {normalise.VERSION}; "
            f"train and export it again"
        )
    for file in LABELLING_FILES:
        try:
            found = digest(folder / file)
        except OSError as error:
            raise ModelError(f"cannot read {folder / file}: {error.strerror}; export the model again") from error
        if found != config.sha256.get(file):
            raise ModelError(f"{folder / file} is damaged (its SHA-256 differs from {CONFIG_FILE}); export it again")
    if config.version != _version(config):
        raise ModelError(f"{path} was edited by hand (its version does not fit its content); export the model again")
    return config


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(config: FolderConfig) -> str:
    content = config.model_dump_json(exclude={"version", "name"})
    return hashlib.sha256(content.encode()).hexdigest()[:12]
