"""Completion as the shells ask for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stream.cli import COMMANDS

BIN = Path(sys.executable).parent


def completed(*words: str) -> list[str]:
    """What the program offers for the last of the words, each with its kind before it."""
    asked = {"_BAROMETER_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli"], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_commands_options_choices_and_files_are_completed() -> None:
    assert completed("barometer", "pre") == ["plain,predict"]
    assert len(completed("barometer", "")) == len(COMMANDS)
    assert "plain,--overwrite" in completed("barometer", "predict", "--o")
    assert completed("barometer", "completion", "z") == ["plain,zsh"]
    assert completed("barometer", "predict", "x") == ["file,x"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_is_printed_is_a_script_of_that_shell(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli", "completion", shell], capture_output=True, text=True, check=True
    )
    assert f"_BAROMETER_COMPLETE={shell}_complete" in done.stdout
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=done.stdout, text=True, check=True)


@pytest.mark.skipif(
    shutil.which("bash") is None or not (BIN / "barometer").exists(), reason="no bash, or not installed"
)
def test_a_real_bash_completes_with_it() -> None:
    script = """
        eval "$(barometer completion bash)"
        COMP_WORDS=(barometer doc) COMP_CWORD=1
        _barometer_completion barometer
        echo "${COMPREPLY[@]}"
    """
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["doctor"]
