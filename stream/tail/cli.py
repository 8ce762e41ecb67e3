"""``barometer tail``."""

from __future__ import annotations

import click


@click.command(
    epilog="""\b
Examples:
  barometer tail tweets.labeled
  barometer tail reputation.windows --brand "Quillon Bank"
  barometer tail tweets.dead --from-start --until-end --json | jq -r .headers.reason | sort | uniq -c
"""
)
@click.argument("topic")
@click.option("--brand", metavar="NAME", help="Only records about this brand.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: where, key, headers, value.")
@click.option("--from-start", is_flag=True, help="Begin with the oldest records instead of the next one.")
@click.option("--until-end", is_flag=True, help="Stop at the end of the topic instead of waiting for more.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after N records.")
@click.option("--all", "everything", is_flag=True, help="Also watermarks and ends of replays.")
def tail(
    topic: str,
    brand: str | None,
    as_json: bool,
    from_start: bool,
    until_end: bool,
    limit: int | None,
    everything: bool,
) -> None:
    """Watch a topic: one line for each record, as it comes. Ctrl-C ends.

    TOPIC is tweets, tweets.labeled, tweets.dead, reputation.windows,
    reputation.panes, reputation.spikes or notifications.sent. Records of one
    partition come in order; those of several as they arrive.
    """
    import os
    import sys

    try:
        from stream.tail.show import run

        run(
            topic,
            brand=brand,
            as_json=as_json,
            from_start=from_start,
            until_end=until_end,
            limit=limit,
            everything=everything,
        )
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # who reads has seen enough; what is left in the buffer must not complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
