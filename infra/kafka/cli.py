"""``barometer broker``."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import click

DEFAULT_PORT = 9092


@click.command(
    epilog="""\b
Examples:
  barometer broker
  barometer broker --port 0 --dir ~/barometer-kafka
"""
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port for clients; 0 takes any free one.",
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep topics and records here from one start to the next [default: a temporary folder].",
)
def broker(port: int, directory: Path | None) -> None:
    """Run a real Kafka on this machine, until stopped.

    One node, reachable from this machine only, for development and trials. The
    first start fetches Apache Kafka (44 MB) into the cache folder; later ones
    need no network. Ctrl-C or SIGTERM stops it cleanly.
    """
    from infra.errors import BrokerStartError
    from infra.kafka.local import LocalBroker
    from infra.settings import load_settings

    settings = load_settings()
    with _stop_on_sigterm(), contextlib.suppress(KeyboardInterrupt):
        with _progress() as progress:
            kafka = LocalBroker(
                settings.cache,
                port=port,
                directory=directory.expanduser() if directory else None,
                repository=settings.maven_repository,
                on_progress=progress,
            )
            kafka.start()
        try:
            click.echo(f"Apache Kafka {kafka.version} is ready at {kafka.bootstrap_servers}; Ctrl-C stops it.")
            click.echo(f"Data: {directory.absolute()}" if directory else "Data: temporary, gone when it stops.")
            click.echo(f"\n  export BAROMETER_KAFKA_BOOTSTRAP_SERVERS={kafka.bootstrap_servers}\n")
            code = kafka.wait()
        finally:
            kafka.stop()
        raise BrokerStartError(f"Kafka ended by itself with exit code {code}")


@contextlib.contextmanager
def _stop_on_sigterm() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Shows what takes time on stderr, if that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        with console.status("") as status:
            yield status.update
    else:
        yield lambda _: None
