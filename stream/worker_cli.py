"""``barometer worker``."""

from __future__ import annotations

import click


@click.command(
    epilog="""\b
Examples:
  barometer worker
  barometer worker --stages classify
  BAROMETER_KAFKA_BOOTSTRAP_SERVERS=kafka1:9092,kafka2:9092 barometer worker
"""
)
@click.option("--model", metavar="NAME", help="'bundled', a folder, or the name of a model on the hub.")
@click.option("--stages", metavar="STAGES", help="What it does: 'classify', 'aggregate', or 'classify,aggregate'.")
@click.option("--metrics-port", type=int, metavar="PORT", help="Serve Prometheus metrics on this port.")
def worker(model: str | None, stages: str | None, metrics_port: int | None) -> None:
    """Label tweets and keep the reputation windows, until stopped.

    Start as many as there is work for, on any number of hosts: they share the
    partitions among them, and any of them may be killed at any time. SIGTERM or
    Ctrl-C finishes what is in flight; a second one stops at once.

    A worker does both stages, or one: classify needs cores or a GPU for the model,
    aggregate needs memory for the windows. Some must do the other.
    """
    from infra.logs import set_up_logging
    from infra.settings import load_settings

    settings = load_settings(model=model, stages=stages, metrics_port=metrics_port)
    set_up_logging(settings)

    from model.remembering import load_remembering
    from stream.worker import work

    work(settings, lambda: load_remembering(settings))
