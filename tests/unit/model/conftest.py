"""Models that tests share: made once for a session, trained for real."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.scenario.rows import make_rows
from tests.unit.model.tiny import labelled_rows, write_base, write_tsv

CONFIG = """\
name = "tiny"
base = "{base}"
seed = 5
epochs = 4
batch_size = 16
max_tokens = 32
learning_rate = 3e-3
token_dropout = 0.05
checkpoint_steps = 10
"""


@pytest.fixture(scope="session", autouse=True)
def _no_hub() -> Iterator[None]:
    """No test of models may reach the network."""
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    yield
    if before is None:
        del os.environ["HF_HUB_OFFLINE"]
    else:
        os.environ["HF_HUB_OFFLINE"] = before


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with base/, config.toml, train.tsv (480 rows) and val.tsv (240)."""
    folder = tmp_path_factory.mktemp("world")
    write_base(folder / "base")
    (folder / "config.toml").write_text(CONFIG.format(base=folder / "base"), encoding="utf-8")
    write_tsv(folder / "train.tsv", labelled_rows(480, 2))
    write_tsv(folder / "val.tsv", labelled_rows(240, 3))
    return folder


@pytest.fixture(scope="session")
def trained(world: Path) -> Path:
    """A finished training run."""
    import torch

    from model.labelled import read_labelled
    from model.training.config import TrainingConfig
    from model.training.run import train

    torch.set_num_threads(1)  # on a busy machine, threads that wait for each other take far longer than one
    data = world / "train.tsv"
    train(TrainingConfig.load(world / "config.toml"), read_labelled(data), world / "run", data_file=data)
    return world / "run"


@pytest.fixture(scope="session")
def exported(trained: Path, world: Path) -> Path:
    """The run, exported for OpenVINO and compared with it on val.tsv."""
    from model.export import export_model
    from model.labelled import read_labelled

    val = world / "val.tsv"
    export_model(str(trained), world / "exported", data=read_labelled(val), data_file=val)
    return world / "exported"


@pytest.fixture(scope="session")
def scenario_texts() -> list[str]:
    """256 different tweets of the project's own scenario: eight languages, emoji, shouting, retweets."""
    rows = make_rows(11, dt.datetime(2026, 1, 5, tzinfo=dt.UTC), 60, 2_000)
    texts = list(dict.fromkeys(row.draft.text for row in rows if row.draft is not None))
    return texts[:: len(texts) // 256][:256]
