"""What docs/commands.md shows works as it is shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from stream.cli import barometer
from stream.predict.table import ADDED

DOC = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")
SNIPPETS = [line for block in re.findall(r"```sh\n(.*?)```", DOC, re.DOTALL) for line in block.splitlines()]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A line of the page in a shell where ``barometer`` is the one of this Python."""
    (folder / "barometer").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m stream.cli "$@"\n', "utf-8")
    (folder / "barometer").chmod(0o755)
    root = str(Path(__file__).parents[3])
    env = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": root}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=240
    )


def test_every_command_shown_exists_with_its_options() -> None:
    for line in SNIPPETS:
        words = shlex.split(re.sub(r'^eval "\$\((.*)\)"$', r"\1", line))
        assert words[0] == "barometer"
        context = barometer.make_context("barometer", words[1:], resilient_parsing=True)
        name, command, rest = barometer.resolve_command(context, words[1:])
        options = {option for parameter in command.params for option in parameter.opts}
        assert name == words[1]
        if name != "bench":
            assert {word for word in rest if word.startswith("--")} <= options


@pytest.mark.parametrize("word", [*ADDED])
def test_every_added_column_is_told(word: str) -> None:
    assert f"`{word}`" in DOC


def test_the_texts_and_the_file_are_labelled_as_shown(tmp_path: Path) -> None:
    [shown] = re.findall(r"```text\n(.*?)```", DOC, re.DOTALL)
    done = run(SNIPPETS[0], tmp_path)
    assert done.stdout == shown, done.stderr
    (tmp_path / "tweets.csv").write_text("text,brand\nso good,Acme\nawful,Acme\n", encoding="utf-8")
    done = run(SNIPPETS[1], tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "labelled.parquet").exists()
