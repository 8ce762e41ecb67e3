"""``barometer topics create|list``."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from infra.settings import Settings

EXIT_NOT_AS_WANTED = 1


@dataclass(frozen=True)
class TopicRow:
    """One topic as ``list`` shows it. ``records`` counts offsets: at least the number of records."""

    topic: str
    partitions: int
    replicas: int
    cleanup: str
    records: int
    state: str
    differences: list[str]


@click.group()
def topics() -> None:
    """Create the topics, or look at them."""


@topics.command(
    epilog="""\b
Examples:
  barometer topics create
  BAROMETER_PARTITIONS=48 BAROMETER_REPLICATION_FACTOR=3 barometer topics create
"""
)
def create() -> None:
    """Create the topics that are missing, and check the others.

    Safe to run at any time: an existing topic is never changed. One that is
    not as Barometer needs it is an error that says what differs.
    """
    from infra.kafka.admin import ensure_topics
    from infra.settings import load_settings
    from stream.topics import all_topic_specs

    settings = load_settings()
    specs = all_topic_specs(settings)
    created = ensure_topics(settings, specs)
    for spec in specs:
        click.echo(f"{'created' if spec.name in created else 'exists '}  {spec.name}")


@topics.command(
    name="list",
    epilog="""\b
Examples:
  barometer topics list
  barometer topics list --json | jq -r '.[] | select(.state != "ok") | .topic'
""",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of a table.")
def list_(as_json: bool) -> None:
    """Show each topic: partitions, replicas, clean-up, records, and whether it is as it should be.

    Exit code 1 when one is missing or different.
    """
    from infra.settings import load_settings

    settings = load_settings()
    rows = topic_rows(settings)
    if as_json:
        import orjson

        click.echo(orjson.dumps([asdict(row) for row in rows], option=orjson.OPT_INDENT_2).decode())
    else:
        _print_table(rows, settings)
    if any(row.state != "ok" for row in rows):
        raise click.exceptions.Exit(EXIT_NOT_AS_WANTED)


def topic_rows(settings: Settings) -> list[TopicRow]:
    """The state of every topic of these settings, in the order of the flow. Raises KafkaUnavailableError."""
    from infra.kafka.admin import describe_topics, differences, record_counts
    from stream.topics import all_topic_specs

    specs = all_topic_specs(settings)
    found = describe_topics(settings, [spec.name for spec in specs])
    records = record_counts(settings, found.values())
    rows = []
    for spec in specs:
        state = found.get(spec.name)
        if state is None:
            rows.append(TopicRow(spec.name, 0, 0, "", 0, "missing", []))
            continue
        different = [str(difference) for difference in differences(spec, state)]
        rows.append(
            TopicRow(
                topic=spec.name,
                partitions=state.partitions,
                replicas=state.replication_factor,
                cleanup=state.config.get("cleanup.policy", ""),
                records=records[spec.name],
                state="different" if different else "ok",
                differences=different,
            )
        )
    return rows


def _print_table(rows: list[TopicRow], settings: Settings) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    styles = {"ok": "green", "missing": "red", "different": "yellow"}
    table = Table(title=f"Topics at {settings.kafka_bootstrap_servers}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("Topic", no_wrap=True)
    table.add_column("Partitions", justify="right")
    table.add_column("Replicas", justify="right")
    table.add_column("Clean-up")
    table.add_column("Records ≤", justify="right")
    table.add_column("State")
    for row in rows:
        there = row.state != "missing"
        table.add_row(
            row.topic,
            str(row.partitions) if there else "",
            str(row.replicas) if there else "",
            row.cleanup,
            f"{row.records:,}" if there else "",
            f"[{styles[row.state]}]{row.state}[/]",
        )
    # In a file or a pipe nothing needs to fit.
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    for difference in dict.fromkeys(difference for row in rows for difference in row.differences):
        names = [row.topic for row in rows if difference in row.differences]
        click.echo(f"{', '.join(names)}: {difference}", err=True)
    if any(row.state == "missing" for row in rows):
        click.echo("create what is missing with: barometer topics create", err=True)
