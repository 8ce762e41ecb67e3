"""The published schemas and examples say what the program reads and writes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from infra.errors import OWN_REASON, POLICIES, Action
from stream import schemas
from stream.aggregate.fold import LATE
from stream.dead import REASONS
from stream.decode import BadRecord, decode_tweet
from stream.records import REPLAYED_HEADER, DeadHeaders, Record
from stream.schemas import RECORDS, SUFFIX, schema_of
from tests.unit.stream.test_records import labelled, tweets, watermarks, windows

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "records.md").read_text("utf-8")
EXAMPLES = [
    (name, json.loads(text))
    for name, text in re.findall(r"<!-- example: (\S+) -->\n```json\n(.*?)```", PAGE, re.DOTALL)
]


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema_of(name), format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.mark.parametrize("name", RECORDS)
def test_every_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schema_of(name))


def test_the_files_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stream.schemas", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_that_is_not_current_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "FOLDER", tmp_path / "docs" / "schemas")
    assert "tweet.schema.json" in CliRunner().invoke(schemas.main, ["--check"]).stderr
    assert CliRunner().invoke(schemas.main).exit_code == 0
    assert CliRunner().invoke(schemas.main, ["--check"]).exit_code == 0
    (schemas.FOLDER / f"window{SUFFIX}").write_text("{}")
    (schemas.FOLDER / "old.schema.json").write_text("{}")
    found = CliRunner().invoke(schemas.main, ["--check"])
    assert found.exit_code == 1
    assert "docs/schemas/window.schema.json, docs/schemas/old.schema.json: not current" in found.stderr


def test_every_kind_of_record_has_an_example() -> None:
    assert {name for name, _example in EXAMPLES} == set(RECORDS)


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_valid_for_its_schema_and_for_the_program(name: str, example: dict[str, Any]) -> None:
    validator(name).validate(example)
    record, _mode = RECORDS[name]
    read = record.model_validate_json(json.dumps(example))
    if name != "tweet":  # a producer may write less than the program does
        assert orjson.loads(read.encode()) == example


@given(tweets | labelled | watermarks | windows)
def test_what_the_program_writes_is_valid_for_the_schema(record: Record) -> None:
    [name] = [name for name, (kind, _mode) in RECORDS.items() if kind is type(record)]
    validator(name).validate(orjson.loads(record.encode()))


GOOD = {"id": "1", "text": "good", "created_at": "2026-03-02T09:30:00Z"}
scalars = st.none() | st.booleans() | st.integers(-10, 10) | st.floats(-1, 1) | st.text("ab", max_size=2)
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text("ab"), scalars, max_size=1)
fields = st.sampled_from(["schema_version", "id", "text", "author", "brands", "lang", "source", "metadata", "more"])


def refused_by_rule(tweet: dict[str, Any]) -> bool:
    try:
        decode_tweet(json.dumps(tweet).encode())
    except BadRecord as bad:
        return bad.reason in {"invalid_field", "unknown_schema_version"}
    return False


@given(st.dictionaries(fields, values, min_size=1, max_size=2))
def test_the_schema_refuses_exactly_what_the_program_refuses_for_its_fields(changes: dict[str, Any]) -> None:
    tweet = GOOD | changes
    assert validator("tweet").is_valid(tweet) != refused_by_rule(tweet)


def test_the_page_tells_every_reason_and_header() -> None:
    for reason, meaning in REASONS.items():
        assert f"| `{reason}` | {meaning}" in PAGE
    for name, header in vars(DeadHeaders).items():
        if name.isupper():
            assert f"`{header}`" in PAGE
    assert f"`{REPLAYED_HEADER}`" in PAGE


def test_every_reason_that_the_flow_gives_is_one_of_the_table() -> None:
    """Found in the sources: the reason is the first text of each call."""
    call = re.compile(r"(?:BadRecord|RecordError|dead\.append)\(\s*(?:\(record, )?\"(\w+)\"")
    given = {
        reason
        for folder in ("stream", "model", "infra")
        for path in (ROOT / folder).rglob("*.py")
        for reason in call.findall(path.read_text("utf-8"))
    }
    compute = {policy.reason for policy in POLICIES.values() if policy.action is Action.DEAD_LETTER} - {OWN_REASON}
    assert given | compute | {LATE} == set(REASONS)


def test_the_page_has_the_policies_as_they_are() -> None:
    rows = []
    for (where, kind), policy in POLICIES.items():
        attempts = "until it works" if policy.attempts is None else policy.attempts
        reason = policy.reason if policy.reason == OWN_REASON else f"`{policy.reason}`"
        rows.append(f"| {where.value} | `{kind.__name__}` | {attempts} | {policy.action.value} | {reason} |")
    assert "|---|---|---|---|---|\n" + "\n".join(rows) + "\n\n" in PAGE
