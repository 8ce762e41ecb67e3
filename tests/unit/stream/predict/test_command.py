from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from infra.errors import UsageError
from stream.predict.cli import predict
from stream.predict.command import SHOWN_REFUSALS, Display, expected_rows
from stream.predict.job import Outcome
from stream.replay.options import ReplayOptions
from stream.replay.source import open_source

ROWS = 'text,brand\n"I love it, thank you",Nimbus\n"worst service ever",Nimbus\n,Nimbus\n"so good, so happy",Orbit\n'


def call(folder: Path, *arguments: str) -> Result:
    (folder / "in.csv").write_text(ROWS, encoding="utf-8")
    asked = [str(folder / "in.csv"), "--out", str(folder / "out.csv"), *arguments]
    return CliRunner().invoke(predict, asked, catch_exceptions=False)


def test_it_says_what_the_file_is_what_was_refused_and_what_came_of_it(tmp_path: Path) -> None:
    done = call(tmp_path)
    assert done.exit_code == 0
    assert "in.csv: CSV (comma, header), UTF-8; columns: text, brand" in done.stderr
    assert "line 4: refused: empty text: text is ''" in done.stderr
    assert "3 rows labelled by barometer-minilm" in done.stdout
    assert "1 refused" in done.stdout
    table = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.strip()}
    assert table["all"] == ["3", "1", "(33%)", "0", "(0%)", "2", "(67%)"]
    assert table["Nimbus"][0] == "2"
    assert table["Orbit"] == ["1", "0", "(0%)", "0", "(0%)", "1", "(100%)"]


def test_json_is_all_that_is_on_standard_output(tmp_path: Path) -> None:
    said = json.loads(call(tmp_path, "--json").stdout)
    assert said["labels"] == {"negative": 1, "neutral": 0, "positive": 2}
    assert said["brands"]["Orbit"]["positive"] == 1
    assert said["refused_rows"] == [{"line": 4, "reason": "empty text: text is ''"}]
    assert (said["rows"], said["labelled"], said["refused"]) == (4, 3, 1)
    assert said["model"]["name"] == "barometer-minilm"


def test_where_nothing_can_be_labelled_the_exit_code_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("text,n\n,1\n,2\n", encoding="utf-8")
    done = CliRunner().invoke(predict, [str(tmp_path / "empty.csv"), "--out", str(tmp_path / "out.csv")])
    assert done.exit_code == 1


def test_a_bad_option_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no column 'body' for the text"):
        call(tmp_path, "--text-column", "body")


def test_only_the_first_refused_rows_are_shown() -> None:
    screen = io.StringIO()
    display = Display(Console(file=screen, width=100), None)
    for first in (0, 15, 30):
        refused = [(line, "no text") for line in range(first, first + 15)]
        display.part(Outcome(rows=15, labels=Counter(), refusals=15, refused=refused))
    lines = screen.getvalue().splitlines()
    assert len(lines) == SHOWN_REFUSALS + 1
    assert lines[-1] == "more rows are refused; they are counted"


@pytest.mark.parametrize("rows", [3, 5_000])
def test_the_number_of_rows_is_told_from_the_lines(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text\n" + '"two\nlines"\n' * rows, encoding="utf-8")
    assert expected_rows(open_source(ReplayOptions(path))) == pytest.approx(rows, rel=0.01)
