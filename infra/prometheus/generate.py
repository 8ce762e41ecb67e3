"""Writes the rule files that Prometheus reads, from the settings.

    python -m infra.prometheus.generate                 write infra/prometheus/rules (``make docs``)
    python -m infra.prometheus.generate --check         exit 1 if they are not current (``make check``)
    python -m infra.prometheus.generate --output DIR    write those for the settings of this environment

The committed files go with the defaults. Who changes BAROMETER_SPIKE_*,
BAROMETER_STALLED_AFTER_S or BAROMETER_DEAD_SHARE_LIMIT writes them anew.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from infra.errors import BarometerError
from infra.prometheus.pipeline import pipeline
from infra.prometheus.reputation import reputation
from infra.prometheus.thresholds import Thresholds
from infra.settings import Settings, load_settings

RULES = Path(__file__).resolve().parent / "rules"
HEADER = "# Made by `make docs` from infra/prometheus and infra/settings.py: do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Text of several lines as it stands, lists indented."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def files(settings: Settings) -> Mapping[str, str]:
    """Name and text of each rule file for ``settings``."""
    limits = Thresholds.of(settings)
    return {f"{group.name}.yml": _yaml(group.as_dict()) for group in (reputation(limits), pipeline(limits))}


def defaults() -> Settings:
    """The settings without environment or ``.env``."""
    return Settings.model_construct()


def _yaml(group: dict[str, Any]) -> str:
    written: str = yaml.dump({"groups": [group]}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return HEADER + written


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file is not current.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the rules for this environment's settings here.")
def main(check: bool, output: Path | None) -> None:
    """Write the rule files of Prometheus from the settings."""
    try:
        wanted = files(defaults() if output is None else load_settings())
    except BarometerError as error:
        click.echo(f"generate: {error}", err=True)
        sys.exit(error.exit_code)
    folder = output or RULES
    stale = [name for name, text in wanted.items() if not _is(folder / name, text)]
    if check:
        if stale:
            click.echo(f"{', '.join(stale)} in {folder}: not current with the settings; run: make docs", err=True)
            sys.exit(1)
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (folder / name).write_text(wanted[name], encoding="utf-8")
        click.echo(f"wrote {folder / name}", err=True)


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    main()
