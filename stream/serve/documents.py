"""``docs/openapi.json`` and ``docs/asyncapi.yaml``, generated from the code.

python -m stream.serve.documents           writes them
python -m stream.serve.documents --check   fails if one is not current
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import orjson
import yaml

from infra.settings import Settings
from stream.records import END_OF_REPLAY, TYPE_HEADER, WATERMARK, DeadHeaders
from stream.serve.app import API_VERSION, create_app, openapi
from stream.topics import Topics, topic_specs

FOLDER = Path(__file__).resolve().parents[2] / "docs"
_DIALECT = "application/schema+json;version=draft-2020-12"


def _defaults() -> Settings:
    """The settings that everybody has who sets nothing."""
    return Settings.model_construct(**{name: field.default for name, field in Settings.model_fields.items()})


def asyncapi(settings: Settings) -> dict[str, Any]:
    """The topics as an AsyncAPI 3.0 document: what is on them, and who writes and reads it."""
    topics = Topics.of(settings)
    specs = {spec.name: spec for spec in topic_specs(settings)}
    shown = {
        "tweets": (topics.tweets, ("tweet", "end-of-replay")),
        "labeled": (topics.labeled, ("labeled-tweet", "watermark")),
        "dead": (topics.dead, ("dead",)),
        "windows": (topics.windows, ("window",)),
        "spikes": (topics.spikes, ("spike",)),
    }
    channels, operations = {}, {}
    for name, (address, messages) in shown.items():
        config = specs[address].config
        retention = config.get("retention.ms")
        channels[name] = {
            "address": address,
            "description": _ABOUT[name],
            "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in messages},
            "bindings": {
                "kafka": {
                    "partitions": specs[address].partitions,
                    "topicConfiguration": {
                        "cleanup.policy": config["cleanup.policy"].split(","),
                        **({} if retention is None else {"retention.ms": int(retention)}),
                        "max.message.bytes": int(config["max.message.bytes"]),
                    },
                }
            },
        }
        action = "receive" if name == "tweets" else "send"
        operations[f"{action}-{name}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [{"$ref": f"#/channels/{name}/messages/{message}"} for message in messages],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Barometer's topics",
            "version": API_VERSION,
            "description": "Write tweets to one topic, read labels, windows and spikes from others. Keys are hashed "
            "with Java's murmur2. Read with isolation.level=read_committed. docs/records.md explains every field.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages()},
    }


_ABOUT = {
    "tweets": "What a source says. Publish here to have it labelled and counted.",
    "labeled": "A tweet about one brand with its label; and, about once a second, how far that has come.",
    "dead": "What could not be processed, byte for byte.",
    "windows": "One brand in one minute of event time, again and again while tweets come. The newest record of a key "
    "is the truth.",
    "spikes": "What rose, since when, how surely, and why. The newest record of a key is the truth.",
}
_KEYS = {
    "tweet": "the tweet's id",
    "labeled-tweet": "the brand",
    "window": 'brand, start and size as JSON, such as ["United","2015-02-24T19:35:00Z",60]',
    "spike": "the spike's id",
}
_TYPES = {"end-of-replay": END_OF_REPLAY, "watermark": WATERMARK}


def _messages() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("tweet", "end-of-replay", "labeled-tweet", "watermark", "window", "spike"):
        message: dict[str, Any] = {
            "name": name,
            "payload": {"schemaFormat": _DIALECT, "schema": {"$ref": f"schemas/{name}.schema.json"}},
        }
        if name in _KEYS:
            message["bindings"] = {"kafka": {"key": {"type": "string", "description": _KEYS[name]}}}
        if name in _TYPES:
            message["headers"] = {
                "type": "object",
                "required": [TYPE_HEADER],
                "properties": {TYPE_HEADER: {"const": _TYPES[name]}},
            }
        found[name] = message
    headers = {
        value: {"type": "string"}
        for name, value in vars(DeadHeaders).items()
        if name.isupper() and not value.endswith(".")
    }
    found["dead"] = {
        "name": "dead",
        "contentType": "application/octet-stream",
        "headers": {"type": "object", "properties": headers},
        "payload": {},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": "topic, partition and offset of the original"}}
        },
    }
    return found


def files() -> dict[Path, bytes]:
    """Every file with what belongs in it."""
    settings = _defaults()
    document = orjson.dumps(
        openapi(create_app(settings)), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_SORT_KEYS
    )
    topics = yaml.safe_dump(asyncapi(settings), sort_keys=False, allow_unicode=True, width=110)
    return {
        FOLDER / "openapi.json": document,
        FOLDER / "asyncapi.yaml": f"# Generated by make docs from stream/serve/documents.py\n{topics}".encode(),
    }


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file is not current.")
def main(check: bool) -> None:
    """Write docs/openapi.json and docs/asyncapi.yaml."""
    wanted = files()
    stale = [path for path, content in wanted.items() if not path.exists() or path.read_bytes() != content]
    if check and stale:
        names = ", ".join(str(path.relative_to(FOLDER.parent)) for path in stale)
        click.echo(f"{names}: not current with stream/serve; run: make docs", err=True)
        sys.exit(1)
    for path in stale:
        path.write_bytes(wanted[path])
        click.echo(f"wrote {path.relative_to(FOLDER.parent)}", err=True)


if __name__ == "__main__":
    main()
