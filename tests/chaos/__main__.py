"""``python -m tests.chaos``: one run of the chaos suite. Its last line on stdout is one JSON object."""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import click

from infra.settings import Settings
from tests.chaos.bugs import BUGS
from tests.chaos.run import Report, Run
from tests.chaos.scenarios import FULL, SCENARIOS, Scenario
from tests.chaos.site import Ground


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="What is drawn: the file, the faults, when.")
@click.option("--scenario", type=click.Choice(sorted(SCENARIOS)), default=FULL.name, show_default=True)
@click.option("--bug", type=click.Choice(sorted(BUGS)), help="Break a promise on purpose; it must fail.")
def main(seed: int, scenario: str, bug: str | None) -> None:
    """Break everything while a backlog lasts, and count every tweet.

    Starts a Kafka of its own. Exit code 1 when anything was lost, counted twice or late; what happens
    is told on stderr.
    """
    report = run(SCENARIOS[scenario], seed, bug or "")
    click.echo(report.json())
    sys.exit(0 if report.passed else 1)


def run(scenario: Scenario, seed: int, bug: str = "") -> Report:
    """One run on a Kafka of its own. The folder with the logs stays when it fails."""
    begin = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="barometer-chaos-"))
    developer = Settings()

    def say(words: str) -> None:
        click.echo(f"[{scenario.name} {seed}] {time.monotonic() - begin:6.1f} {words}", err=True)

    with ExitStack() as running:
        ground = Ground(developer.cache, folder, scenario.faults.slots + 1, repository=developer.maven_repository)
        running.enter_context(ground)
        settings = Settings(
            kafka_bootstrap_servers=ground.broker.bootstrap_servers,
            cache_dir=developer.cache,
            **scenario.settings(seed),
        )
        report = Run(scenario, seed, settings, folder, ground=ground, bug=bug, say=say).conduct()
    if report.passed:
        import shutil

        shutil.rmtree(folder)
    return report


main()
