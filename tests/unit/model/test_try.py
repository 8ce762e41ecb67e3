from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from model.try_cli import bar, read_lines, try_


def run(*arguments: str, stdin: bytes | str | None = None) -> Result:
    return CliRunner().invoke(try_, list(arguments), input=stdin, catch_exceptions=False)


def test_each_text_is_a_line_with_its_label() -> None:
    done = run("worst flight ever, never again", "I love this airline, thank you!")
    assert done.exit_code == 0
    lines = [line.split("\t") for line in done.output.splitlines()]
    assert [line[0] for line in lines] == ["negative", "positive"]
    assert [line[2] for line in lines] == ["worst flight ever, never again", "I love this airline, thank you!"]
    assert all(0.5 < float(line[1]) <= 1 for line in lines)


def test_json_says_all_that_the_model_says() -> None:
    said = json.loads(run("worst flight ever", "--json").output)
    assert said["label"] == max(said["probabilities"], key=said["probabilities"].__getitem__) == "negative"
    assert said["confidence"] == said["probabilities"]["negative"]
    assert sum(said["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert said["truncated"] is False
    assert set(said["model"]) == {"name", "version"}


def test_a_text_beyond_the_models_window_is_said_to_be_cut() -> None:
    assert json.loads(run("word " * 500, "--json").output)["truncated"] is True


def test_lines_of_standard_input_are_texts_and_blank_ones_are_not() -> None:
    done = run("first", "-", "--json", stdin=b"so good\r\n\n  \nbroken \xff byte\nno end")
    assert [json.loads(line)["text"] for line in done.output.splitlines()] == [
        "first",
        "so good",
        "broken � byte",
        "no end",
    ]


def test_a_text_with_nothing_to_read_has_no_label_and_alone_fails_the_command() -> None:
    both = run("\u200b", "good", "--json")
    assert [json.loads(line)["label"] for line in both.output.splitlines()] == [None, "positive"]
    assert both.exit_code == 0
    assert run("\u200b").exit_code == 1
    assert run(stdin=b"").exit_code == 1


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    assert "\x1b" not in run("red \x1b[31m alert\x07").output


def test_lines_are_read_as_they_come_and_a_file_without_line_ends_is_bounded() -> None:
    assert list(read_lines(io.BufferedReader(io.BytesIO(b"a\nb")))) == [["a"], ["b"]]
    [[cut]] = list(read_lines(io.BufferedReader(io.BytesIO(b"x" * 1_000_000))))
    assert len(cut) <= 1 << 18


@pytest.mark.parametrize(("share", "cells"), [(0.0, 0), (0.5, 15), (1.0, 30)])
def test_the_bar_is_as_long_as_the_share(share: float, cells: int) -> None:
    assert bar(share) == ("█" * cells).ljust(30)


def test_arguments_that_are_no_utf8_are_labelled_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli", "try", b"bad \xff luck", "--json"], capture_output=True, check=True
    )
    assert json.loads(done.stdout)["text"] == "bad ? luck"
