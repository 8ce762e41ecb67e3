"""JSON Schemas of the records, for whoever reads or writes the topics without this program.

Generated from ``stream.records`` into ``docs/schemas``:

    python -m stream.schemas           writes them
    python -m stream.schemas --check   fails if one is not current

The schema of a tweet says what a producer may send; the others say what is sent.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import orjson
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from stream.records import EndOfReplay, LabeledTweet, Record, Spike, Tweet, Watermark, Window

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
SUFFIX = ".schema.json"
RECORDS: Mapping[str, tuple[type[Record], JsonSchemaMode]] = {
    "tweet": (Tweet, "validation"),
    "end-of-replay": (EndOfReplay, "serialization"),
    "labeled-tweet": (LabeledTweet, "serialization"),
    "watermark": (Watermark, "serialization"),
    "window": (Window, "serialization"),
    "spike": (Spike, "serialization"),
}
"""Name of the file, record, and whether the schema is of what is read or of what is written."""


class _Untitled(GenerateJsonSchema):
    """Without a title for every field: it only repeats the field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema of one of RECORDS."""
    record, mode = RECORDS[name]
    schema = record.model_json_schema(mode=mode, schema_generator=_Untitled)
    for part in (schema, *schema.get("$defs", {}).values()):
        if mode == "serialization":
            part["required"] = _always_sent(part)
        part["description"] = " ".join(part.get("description", "").replace("``", "").split())
    return {"$schema": DIALECT, "$id": f"{name}{SUFFIX}", **schema}


def _always_sent(schema: Mapping[str, Any]) -> list[str]:
    """All fields but those that may be without a value: these are left out of the record then."""
    return [name for name, field in schema["properties"].items() if field.get("default", ...) is not None]


def files() -> dict[Path, bytes]:
    """Every schema file with what belongs in it."""
    return {
        FOLDER / f"{name}{SUFFIX}": orjson.dumps(
            schema_of(name), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        )
        for name in RECORDS
    }


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file is not current.")
def main(check: bool) -> None:
    """Write docs/schemas from the records."""
    wanted = files()
    stale = [path for path, content in wanted.items() if not path.exists() or path.read_bytes() != content]
    strays = [path for path in FOLDER.glob("*") if path not in wanted]
    if check:
        if stale or strays:
            names = ", ".join(str(path.relative_to(FOLDER.parent.parent)) for path in (*stale, *strays))
            click.echo(f"{names}: not current with stream/records.py; run: make docs", err=True)
            sys.exit(1)
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in strays:
        path.unlink()
    for path in stale:
        path.write_bytes(wanted[path])
        click.echo(f"wrote {path.relative_to(FOLDER.parent.parent)}", err=True)


if __name__ == "__main__":
    main()
