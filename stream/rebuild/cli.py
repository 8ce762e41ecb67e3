"""``barometer rebuild``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from infra.settings import Settings
    from stream.rebuild.plan import Rebuilt


@click.command(
    epilog="""\b
Examples:
  barometer rebuild --dry-run
  barometer rebuild
  barometer rebuild --partition 4 --json
"""
)
@click.option("--partition", "partitions", type=int, multiple=True, metavar="N", help="Only this one; repeatable.")
@click.option("--dry-run", is_flag=True, help="Only say what differs; may run beside the workers.")
@click.option("--remove-strays", is_flag=True, help="Remove windows that no labelled tweet stands behind.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array, an object for each partition.")
def rebuild(partitions: tuple[int, ...], *, dry_run: bool, remove_strays: bool, as_json: bool) -> None:
    """Make the aggregate's state again from the labelled tweets.

    For when reputation.panes was lost, in whole or in part: a worker that
    finds it not whole stops, and says so. Stop all workers first. Windows that
    differ are written again, all others are left as they are.

    Tweets that retention has removed from tweets.labeled cannot be counted
    again: windows that know more than is left are kept.

    Also for when BAROMETER_LATE_RETENTION_S was raised: late tweets that died
    because of it are then counted.
    """
    import sys

    from confluent_kafka import KafkaException
    from rich.console import Console
    from rich.progress import Progress

    from infra.errors import KafkaUnavailableError, UsageError
    from infra.kafka.admin import check_topics
    from infra.kafka.offsets import OffsetProbe
    from infra.settings import load_settings
    from stream.rebuild.plan import Rebuild
    from stream.topics import topic_specs

    settings = load_settings()
    check_topics(settings, topic_specs(settings))
    for number in partitions:
        if not 0 <= number < settings.partitions:
            raise UsageError(f"there is no partition {number}; they are 0 to {settings.partitions - 1}")
    if not dry_run:
        require_no_workers(settings)
    chosen = sorted(set(partitions)) or range(settings.partitions)
    told: list[Rebuilt] = []
    try:
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
            work = Rebuild(settings, OffsetProbe(settings).bounds, remove_strays=remove_strays)
            told.extend(map(work.look if dry_run else work.run, bar.track(chosen, description="partitions")))
    except KafkaException as error:
        raise KafkaUnavailableError(
            f"Kafka at {settings.kafka_bootstrap_servers} failed after {len(told)} of {len(chosen)} partitions: "
            f"{error.args[0].str()}; run it again"
        ) from error
    if as_json:
        import json
        from dataclasses import asdict

        click.echo(json.dumps([asdict(one) for one in told]))
    else:
        _tell(told, dry_run=dry_run, remove_strays=remove_strays)


def require_no_workers(settings: Settings) -> None:
    """Raise UsageError that names the workers of the group that are alive; KafkaUnavailableError."""
    from infra.errors import UsageError
    from infra.kafka.groups import group_members

    if members := group_members(settings):
        shown = ", ".join(members[:5]) + (", ..." if len(members) > 5 else "")
        raise UsageError(
            f"{len(members)} worker{'s' if len(members) > 1 else ''} of group {settings.group} "
            f"{'are' if len(members) > 1 else 'is'} alive ({shown}); stop all of them first "
            f"(one that was killed is gone {settings.session_timeout_s:.0f} s later)"
        )


def _tell(told: list[Rebuilt], *, dry_run: bool, remove_strays: bool) -> None:
    would = "would be " if dry_run else ""
    for one in told:
        click.echo(
            f"partition {one.partition}: state {one.state}; {one.tweets} tweets in {one.panes} minutes of state and "
            f"{one.windows} windows; {one.records or 'no'} records {would}written"
        )
        notes = [
            (one.windows_written, f"windows that were missing, behind or different {would}written"),
            (one.spikes_written, f"spikes that were missing or different {would}written"),
            (one.letters_added, f"dead letters {would}added"),
            (one.letters_counted, "tweets that were too late count now"),
            (one.windows_stray, f"windows without any labelled tweet {_fate_of_strays(would, remove_strays)}"),
            (one.windows_kept, "windows kept that hold tweets which are not in tweets.labeled any more"),
        ]
        for count, what in notes:
            if count:
                click.echo(f"  {count} {what}")
        if one.begin:
            click.echo(f"  tweets.labeled begins at offset {one.begin}: what was before cannot be counted again")


def _fate_of_strays(would: str, remove_strays: bool) -> str:
    return f"{would}removed" if remove_strays else "left; --remove-strays removes them"
