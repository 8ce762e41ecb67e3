from __future__ import annotations

import csv
import gzip
import json
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import UsageError
from model.prediction import ModelError, Prediction
from stream.predict import job, run
from stream.predict.job import PredictError
from stream.predict.run import Predicted, PredictOptions, predict_file
from stream.predict.table import ADDED
from stream.replay.options import ReplayOptions
from tests.fixed_classifier import POISON, FixedClassifier


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "PART_ROWS", 8)
    monkeypatch.setattr(run, "PART_ROWS", 8)


def predict(path: Path, out: Path, *, limit: int | None = None, **own: Any) -> Predicted:
    options = PredictOptions(ReplayOptions(path, order="file", limit=limit), out, **own)
    return predict_file(options, FixedClassifier, on_opened=lambda *_: None, on_part=lambda _: None)


def said_of(text: str) -> Prediction:
    return FixedClassifier().classify([text]).each()[0]


def write_csv(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def numbered(path: Path, rows: int) -> Path:
    return write_csv(path, [["id", "text", "brand"], *([str(n), f"text {n}", "ab"[n % 2]] for n in range(rows))])


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in data.splitlines()]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".jsonl.gz", ".parquet"])
def test_every_row_keeps_its_columns_and_gets_what_the_model_says(tmp_path: Path, suffix: str) -> None:
    source = numbered(tmp_path / "in.csv", 20)
    out = tmp_path / f"out{suffix}"
    done = predict(source, out)
    if suffix == ".parquet":
        rows = pq.read_table(out).to_pylist()
    else:
        rows = read_jsonl(out) if "jsonl" in suffix else read_csv(out)
    assert [(row["id"], row["text"], row["brand"]) for row in rows] == [
        (str(n), f"text {n}", "ab"[n % 2]) for n in range(20)
    ]
    for row in rows:
        said = said_of(row["text"])
        assert row["label"] == said.label
        assert float(row["confidence"]) == said.confidence
        assert {label: float(row[label]) for label in said.probabilities} == said.probabilities
        assert row["truncated"] in {False, "false"}
        assert row["model_version"] == "1"
    assert done.outcome.labels == Counter(row["label"] for row in rows)
    assert {brand: counts.total() for brand, counts in done.outcome.brands.items()} == {"a": 10, "b": 10}
    assert not out.with_name(f"{out.name}.part").exists()


def test_rows_without_a_text_are_left_out_and_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes('id,text\n1,good\n2,\n3,"two\nlines"\n4,\u200b\n5,one,too many\n6,last\n'.encode())
    done = predict(path, tmp_path / "out.csv")
    assert [row["id"] for row in read_csv(tmp_path / "out.csv")] == ["1", "3", "6"]
    assert [line for line, _reason in done.outcome.refused] == [3, 6, 7]
    assert done.outcome.refusals == 3
    assert done.outcome.rows == 6
    assert "empty text" in done.outcome.refused[0][1]


def test_a_row_without_a_time_is_labelled_all_the_same(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", [["text", "created_at"], ["good", "2024-01-01"], ["bad", "never"]])
    assert predict(path, tmp_path / "out.csv").outcome.labelled == 2


def test_a_text_on_which_the_model_fails_is_refused_and_the_others_are_not(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", [["text"], *([f"text {n}"] for n in range(10)), [f"some {POISON}"], ["last"]])
    done = predict(path, tmp_path / "out.csv")
    assert done.outcome.labelled == 11
    assert done.outcome.refused == [(12, "the model failed: ValueError: poisoned")]


def test_a_model_that_fails_on_most_stops_the_run_and_nothing_is_lost(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", [["text"], *([f"text {n}"] for n in range(8)), *([POISON] for _ in range(8))])
    with pytest.raises(ModelError, match=r"poisoned \(on 8 of 8 texts\); mend that and run the same command again"):
        predict(path, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    assert (tmp_path / "out.csv.part" / "00000.part").exists()


def test_objects_keep_the_fields_they_have_and_only_those(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    rows = [{"text": "a", "n": 1}, {"text": "b", "deep": {"x": [1, None]}, "flag": True}, {"text": "c", "n": None}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    predict(path, tmp_path / "out.jsonl")
    kept = [{name: row[name] for name in row if name not in ADDED} for row in read_jsonl(tmp_path / "out.jsonl")]
    assert kept == rows


def test_objects_become_a_table_with_the_columns_and_types_of_all(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    rows = [
        {"text": "a", "n": 1, "x": 1},
        {"text": "b", "n": 2, "x": 0.5, "odd": 1},
        {"text": "c", "odd": "z", "b": True},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    predict(path, tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert [str(table.schema.field(name).type) for name in ("n", "x", "odd", "b")] == [
        "int64",
        "double",
        "string",
        "bool",
    ]
    assert table.column("odd").to_pylist() == [None, "1", "z"]
    assert table.column("x").to_pylist() == [1.0, 0.5, None]


def test_parquet_to_parquet_keeps_types_and_values(tmp_path: Path) -> None:
    whole = pa.table(
        {
            "text": pa.array(["a", "b"]),
            "created_at": pa.array([1, 2], pa.timestamp("us", "UTC")),
            "price": pa.array([Decimal("1.10"), None], pa.decimal128(10, 2)),
            "count": pa.array([1, None], pa.int32()),
            "kind": pa.array(["x", "y"]).dictionary_encode(),
            "tags": pa.array([["p"], []], pa.list_(pa.string())),
        }
    )
    pq.write_table(whole, tmp_path / "in.parquet")
    predict(tmp_path / "in.parquet", tmp_path / "out.parquet")
    kept = pq.read_table(tmp_path / "out.parquet").select(whole.column_names)
    for name in ("text", "created_at", "price", "count"):
        assert kept.column(name).equals(whole.column(name)), name
    assert kept.column("kind").to_pylist() == ["x", "y"]
    assert kept.column("tags").to_pylist() == ['["p"]', "[]"]


def test_columns_that_have_the_same_name_already_are_kept(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", [["text", "label"], ["good", "mine"]])
    predict(path, tmp_path / "out.csv")
    [row] = read_csv(tmp_path / "out.csv")
    assert row["label"] == "mine"
    assert row["predicted_label"] == said_of("good").label
    predict(tmp_path / "out.csv", tmp_path / "again.csv")
    [row] = read_csv(tmp_path / "again.csv")
    assert row["predicted_predicted_label"] == row["predicted_label"]


@given(st.lists(st.text(max_size=30), min_size=1, max_size=30))
def test_any_text_comes_out_as_it_went_in(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in ["first", *texts]), encoding="utf-8")
    done = predict(path, folder / "out.jsonl")
    rows = read_jsonl(folder / "out.jsonl")
    assert done.outcome.labelled + done.outcome.refusals == 1 + len(texts)
    assert len(rows) == done.outcome.labelled
    left = iter(["first", *texts])
    assert all(any(row["text"] == text for text in left) for row in rows), "in their order"


class Interrupts:
    """Stops the process, as Ctrl-C would, at a step that is counted down to."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("suffix", [".csv.gz", ".parquet"])
def test_interrupted_at_any_step_it_goes_on_and_no_row_is_lost_or_there_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    source = numbered(tmp_path / "in.csv", 30)
    whole, out = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    expected = predict(source, whole)
    replace, sync = Path.replace, job._sync
    for step in range(1, 100):
        interrupts = Interrupts(step)

        def replaced(path: Path, to: Path, interrupts: Interrupts = interrupts) -> Path:
            interrupts()
            return replace(path, to)

        def synced(path: Path, interrupts: Interrupts = interrupts) -> None:
            interrupts()
            sync(path)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", replaced)
            patched.setattr(job, "_sync", synced)
            try:
                predict(source, out)
            except KeyboardInterrupt:
                assert not out.exists()
        if interrupts.left > 0:
            break
        done = predict(source, out)
        assert out.read_bytes() == whole.read_bytes(), f"after step {step}"
        assert done.outcome == expected.outcome
        assert done.resumed <= 30
        out.unlink()
    assert step > 10, "it was interrupted in many places"


SLOW_RUN = """
    import sys, time
    from pathlib import Path
    from stream.predict import job, run
    from stream.replay.options import ReplayOptions
    from tests.fixed_classifier import FixedClassifier

    job.PART_ROWS = run.PART_ROWS = 8

    class Slow(FixedClassifier):
        def classify(self, texts):
            time.sleep(0.02)
            return super().classify(texts)

    source, out = map(Path, sys.argv[1:])
    options = run.PredictOptions(ReplayOptions(source, order="file"), out)
    run.predict_file(options, Slow, on_opened=lambda *_: None, on_part=lambda _: print("part", flush=True))
"""


def test_killed_again_and_again_it_ends_with_every_row_once(tmp_path: Path) -> None:
    source = numbered(tmp_path / "in.csv", 400)
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    predict(source, whole)
    kills = 0
    for parts in (5, 1, 9, 10_000):
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SLOW_RUN), source, out], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(parts):
                if not process.stdout.readline():
                    break
            else:
                process.send_signal(signal.SIGKILL)
                kills += 1
    assert kills == 3
    assert out.read_bytes() == whole.read_bytes()


def test_parts_of_another_run_are_not_gone_on_from(tmp_path: Path) -> None:
    first, second = numbered(tmp_path / "one.csv", 30), numbered(tmp_path / "two.csv", 31)
    out = tmp_path / "out.csv"

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_file(
            PredictOptions(ReplayOptions(first, order="file"), out), FixedClassifier, on_opened=_ignore, on_part=stop
        )
    with pytest.raises(UsageError, match=r"another run \(other file\); .* --restart"):
        predict(second, out)
    assert predict(second, out, restart=True).outcome.labelled == 31


def _ignore(*_: object) -> None:
    pass


def test_two_processes_do_not_write_the_same_output(tmp_path: Path) -> None:
    source, out = numbered(tmp_path / "in.csv", 30), tmp_path / "out.csv"

    def again(*_: object) -> None:
        predict(source, out)

    with pytest.raises(UsageError, match="another process is writing"):
        predict_file(
            PredictOptions(ReplayOptions(source, order="file"), out), FixedClassifier, on_opened=again, on_part=_ignore
        )


def test_an_output_that_is_there_is_replaced_only_if_asked(tmp_path: Path) -> None:
    source, out = numbered(tmp_path / "in.csv", 3), tmp_path / "out.csv"
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="--overwrite"):
        predict(source, out)
    predict(source, out, overwrite=True)
    assert len(read_csv(out)) == 3
    with pytest.raises(UsageError, match=r"is .*in\.csv itself"):
        predict(source, source, overwrite=True)


@pytest.mark.parametrize("name", ["out.xlsx", "out", "out.parquet.gz"])
def test_an_output_of_an_unknown_format_is_refused_before_anything_is_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"does not say its format; end it in \.csv"):
        predict(tmp_path / "missing.csv", tmp_path / name)


def test_a_disk_that_is_full_is_one_sentence_and_the_run_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = numbered(tmp_path / "in.csv", 30), tmp_path / "out.csv"

    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(job, "_sync", full)
        with pytest.raises(PredictError, match="No space left on device; mend that and run the same command again"):
            predict(source, out)
    assert predict(source, out).outcome.labelled == 30


def test_only_the_first_rows_are_labelled_where_a_limit_says_so(tmp_path: Path) -> None:
    predict(numbered(tmp_path / "in.csv", 30), tmp_path / "out.csv", limit=9)
    assert len(read_csv(tmp_path / "out.csv")) == 9
