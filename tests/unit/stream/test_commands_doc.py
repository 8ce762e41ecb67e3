"""What docs/commands.md shows works as it is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stream.predict.table import ADDED
from tests.snippets import DOCS, Desk, shell

DOC = (DOCS / "commands.md").read_text(encoding="utf-8")
SNIPPETS = [block.text for block in shell(DOCS / "commands.md")]


@pytest.mark.parametrize("word", [*ADDED])
def test_every_added_column_is_told(word: str) -> None:
    assert f"`{word}`" in DOC


def test_the_texts_and_the_file_are_labelled_as_shown(tmp_path: Path) -> None:
    [shown] = re.findall(r"```text\n(.*?)```", DOC, re.DOTALL)
    with Desk(tmp_path, {}, {}) as desk:
        assert desk.run(SNIPPETS[0], "try") == shown
        (tmp_path / "tweets.csv").write_text("text,brand\nso good,Acme\nawful,Acme\n", encoding="utf-8")
        desk.run(SNIPPETS[1], "predict")
    assert (tmp_path / "labelled.parquet").exists()
