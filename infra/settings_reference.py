"""Writes ``.env.example`` and ``docs/settings.md`` from ``infra.settings``.

    python -m infra.settings_reference           write both (``make docs``)
    python -m infra.settings_reference --check   exit 1 if either is not current (``make check``)

Works in a clone, where both files stand beside the packages.
"""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from infra.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Setting:
    """One setting, in the words of its reader."""

    variable: str
    section: str
    description: str
    default: str
    allowed: str


def settings() -> list[Setting]:
    """Every setting in the order of ``Settings``."""
    schema = Settings.model_json_schema()["properties"]
    sections = _sections()
    return [
        Setting(
            variable=f"{ENV_PREFIX}{name.upper()}",
            section=sections[name],
            description=str(field.description),
            default=_default(field.default),
            allowed=_allowed(schema[name]),
        )
        for name, field in Settings.model_fields.items()
    ]


def env_example() -> str:
    """The text of ``.env.example``: every setting, commented out, at its default."""
    lines = [
        "# Settings of Barometer. Copy to .env and take the # away from what you change.",
        "# A variable of the environment wins over .env, and a flag of a command over both.",
        "# Times are in seconds, sizes in bytes. Made by `make docs`: do not edit.",
    ]
    section = ""
    for setting in settings():
        if setting.section != section:
            section = setting.section
            lines += ["", f"# --- {section} ---"]
        lines += ["", f"# {_sentence(setting.description)}", f"# {setting.allowed}"]
        lines.append(f"#{setting.variable}={setting.default}")
    return "\n".join(lines) + "\n"


def markdown() -> str:
    """The text of ``docs/settings.md``."""
    lines = [
        "<!-- Made by `make docs` from infra/settings.py: do not edit. -->",
        "# Settings",
        "",
        "Sources, later ones win: the defaults below, a `.env` file in the working directory",
        "([.env.example](../.env.example) lists them all), the environment, the flags of a command.",
        "Times are in seconds, sizes in bytes. A bad value stops a command with exit code 2 and a sentence",
        "that names the variable, its value and the rule.",
    ]
    section = ""
    for setting in settings():
        if setting.section != section:
            section = setting.section
            lines += ["", f"## {section}", "", "| variable | default | allowed | what it is |", "|---|---|---|---|"]
        default = f"`{setting.default}`" if setting.default else "empty"
        cells = [f"`{setting.variable}`", default, setting.allowed, setting.description]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _sections() -> dict[str, str]:
    """Section of each setting: the comment line above its group in the source of ``Settings``."""
    found: dict[str, str] = {}
    section = ""
    for line in inspect.getsource(Settings).splitlines():
        if heading := re.fullmatch(r" {4}# (.+)", line):
            section = heading[1]
        elif field := re.match(r" {4}(\w+): ", line):
            found[field[1]] = section
    return found


def _default(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


_LIMITS = (
    ("minimum", "at least"),
    ("exclusiveMinimum", "more than"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "less than"),
)


def _allowed(schema: dict[str, Any]) -> str:
    """What a value may be, from its JSON Schema."""
    if "enum" in schema:
        return "one of: " + ", ".join(schema["enum"])
    if "anyOf" in schema:
        (kind,) = (option for option in schema["anyOf"] if option.get("type") != "null")
        return f"empty, or {_allowed(kind)}"
    if schema.get("format") == "path":
        return "a path"
    if schema.get("format") == "password":
        return "a secret, shown nowhere"
    if schema["type"] in ("integer", "number"):
        kind = "a whole number" if schema["type"] == "integer" else "a number"
        limits = [f"{word} {schema[key]:g}" for key, word in _LIMITS if key in schema]
        return ", ".join([kind, *limits])
    if "pattern" in schema:
        return f"text of the form `{schema['pattern']}`"
    return "true or false" if schema["type"] == "boolean" else "text"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file is not current.")
def main(check: bool) -> None:
    """Write .env.example and docs/settings.md from the settings."""
    stale = []
    for path, text in {ROOT / ".env.example": env_example(), ROOT / "docs" / "settings.md": markdown()}.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            stale.append(str(path.relative_to(ROOT)))
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            click.echo(f"wrote {path.relative_to(ROOT)}", err=True)
    if stale:
        click.echo(f"{', '.join(stale)}: not current with infra/settings.py; run: make docs", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
