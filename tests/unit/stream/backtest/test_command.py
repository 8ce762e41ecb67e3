"""``barometer backtest`` as its user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infra.errors import BarometerError
from infra.glyphs import drawable
from stream.backtest.cli import backtest
from stream.backtest.report.plots import Picture, bin_size, draw
from stream.backtest.report.write import file_names
from stream.backtest.result import Minute, Series
from tests.backtest_file import write_labelled

INCIDENTS = "brand,start,end\nAcme,2024-05-01T03:30Z,2024-05-01T04:00Z\nBolt,2024-05-01T04:30Z,2024-05-01T04:50Z\n"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("command") / "labelled.jsonl"
    write_labelled(path)
    return path


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(backtest, [str(file), "--label-column", "mood", *arguments])


def test_brands_and_spikes_are_printed_with_what_was_said(file: Path) -> None:
    result = run(file)
    assert result.exit_code == 0, result.output
    assert "NEGATIVE Acme  2024-05-01 03:" in result.output
    assert "Negative share of Acme rose from" in result.output
    assert "terms: flight cancelled (" in result.output
    assert "tweets counted" in result.output


def test_json_is_one_object_with_windows_spikes_and_the_score(file: Path, tmp_path: Path) -> None:
    incidents = tmp_path / "incidents.csv"
    incidents.write_text(INCIDENTS)
    result = run(file, "--json", "--incidents", str(incidents), "--sweep", "--grid", "min_effect=0.08,0.9")
    told: dict[str, Any] = json.loads(result.stdout)
    assert {spike["brand"] for spike in told["spikes"]} == {"Acme", "Bolt"}
    assert told["spikes"][0]["evidence"]["terms"][0]["term"] == "flight cancelled"
    assert told["brands"]["Calm"]["windows"] > 500
    assert (told["score"]["recall"], told["score"]["precision"]) == (1.0, 1.0)
    assert [one["recall"] for one in told["sweep"]["tries"]] == [1.0, 0.0]


def test_incidents_and_recommendations_are_printed(file: Path, tmp_path: Path) -> None:
    incidents = tmp_path / "incidents.csv"
    incidents.write_text(INCIDENTS)
    asked = ("--incidents", str(incidents), "--sweep", "--grid", "min_effect=0.3,0.9", "--set", "spike_min_effect=0.9")
    result = run(file, *asked)
    assert "incident: Acme negative, 2024-05-01 03:30 to 04:00 UTC: missed" in result.output
    assert "recall 0 of 2" in result.output
    assert "  BAROMETER_SPIKE_MIN_EFFECT=0.3\n" in result.output
    assert "Chosen on 2 incidents" in result.output


def test_out_has_windows_spikes_and_for_each_brand_with_spikes_a_picture_and_a_page(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    result = run(file, "--out", str(out))
    assert result.exit_code == 0, result.output
    names = {"windows.jsonl", "spikes.json", "acme.png", "acme.html", "bolt.png", "bolt.html"}
    assert {path.name for path in out.iterdir()} == names
    windows = [json.loads(line) for line in (out / "windows.jsonl").read_text().splitlines()]
    assert sum(window["revision"] for window in windows) > 4_000
    assert [spike["brand"] for spike in json.loads((out / "spikes.json").read_text())] == ["Acme", "Bolt"]
    page = (out / "acme.html").read_text()
    assert "flight cancelled" in page
    assert "data:image/png;base64," in page
    assert "http" not in page, "self-contained"
    assert (out / "acme.png").read_bytes().startswith(b"\x89PNG")


def test_what_people_wrote_is_neither_markup_nor_a_command_to_the_terminal(tmp_path: Path) -> None:
    nasty = tmp_path / "tweets.jsonl"
    lines = []
    for minute in range(600):
        label, text = ("negative", "<b>\x1b[31mboom</b>") if minute > 400 else ("positive", "calm [bold]day[/bold]")
        for number in range(6):
            at = f"2024-05-01T{minute // 60:02}:{minute % 60:02}:{number:02}Z"
            who, words = f"p{minute}-{number}", f"{text} {minute % 7} {number}"
            row = {"id": who, "text": words, "created_at": at, "author": who, "brands": ["<i>A&B"], "mood": label}
            lines.append(json.dumps(row))
    nasty.write_text("\n".join(lines))
    result = run(nasty, "--out", str(tmp_path / "out"))
    assert "NEGATIVE <i>A&B" in result.output
    assert "\x1b[31m" not in result.output
    page = (tmp_path / "out" / "i-a-b.html").read_text()
    assert "<i>" not in page
    assert "<b>" not in page
    assert "&lt;i&gt;A&amp;B" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "spike_min_efect=1"), "there is no setting spike_min_efect; did you mean spike_min_effect?"),
        (("--set", "spike_min_effect"), "is not NAME=VALUE"),
        (("--set", "spike_min_effect=much"), "BAROMETER_SPIKE_MIN_EFFECT is 'much'"),
        (("--brand", "Akme"), "has no tweets about 'Akme'"),
        (("--sweep",), "--sweep needs --incidents FILE"),
        (("--grid", "min_effect=1"), "--grid is for --sweep"),
        (("--delimiter", "ab"), "'ab' is not one character"),
        (("--from", "soon"), "'soon' is not a time"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(file: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run(file, *arguments)
    if isinstance(result.exception, BarometerError):
        assert result.exception.exit_code == 2
        assert message in str(result.exception)
    else:
        assert result.exit_code == 2
        assert message in result.output


def test_an_output_folder_that_cannot_be_made_is_told(file: Path) -> None:
    result = run(file, "--out", str(file / "inside"))
    assert isinstance(result.exception, BarometerError)
    assert "give another --out" in str(result.exception)


def test_brands_have_file_names_of_their_own() -> None:
    names = file_names(["Acme", "ACME!", "a/b", "東京", "大阪", "../etc"])
    assert len(set(names.values())) == 6
    assert names["a/b"] == "a-b"
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in names.values())


def test_points_of_a_plot_have_enough_tweets_and_are_not_too_many() -> None:
    busy = Series([Minute(60 * number, 10, 10, 10) for number in range(120)])
    slow = Series([Minute(3_600 * number, 1, 0, 0) for number in range(24 * 7)])
    assert bin_size(busy) == 60
    assert bin_size(slow) >= 3_600


def test_a_brand_of_one_tweet_can_be_drawn() -> None:
    draw(Picture("one $tweet$", Series([Minute(1_700_000_040, 1, 0, 0)], models={"1"}), [], []))


def test_signs_that_the_font_lacks_are_not_drawn() -> None:
    assert drawable("café 東京") == "café ▯▯"
