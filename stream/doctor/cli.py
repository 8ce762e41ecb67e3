"""``barometer doctor``."""

from __future__ import annotations

from pathlib import Path

import click

EXIT_FAILED = 1


@click.command(
    epilog="""\b
Examples:
  barometer doctor
  barometer doctor --json | jq -r '.checks[] | select(.state == "fail") | .fix'
"""
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def doctor(as_json: bool) -> None:
    """Look for what is missing or wrong here, and say what mends it.

    Python and packages, settings, the model, disk, memory, ports, Java and the
    local Kafka's files; and of Kafka: whether it can be reached and lets us in,
    its topics, whether the workers get on, whether clocks agree. Nothing is
    changed, no secret is shown, and it takes less than five seconds.

    Exit code 1 when something does not work. A warning is not that.
    """
    from infra.settings import Settings
    from stream.doctor.run import examine

    env_file = Settings.model_config.get("env_file")
    findings = examine(Path(str(env_file)) if env_file else None)
    well = all(finding.state != "fail" for finding in findings)
    if as_json:
        import orjson

        checks = [vars(finding) for finding in findings]
        click.echo(orjson.dumps({"ok": well, "checks": checks}, option=orjson.OPT_INDENT_2))
    else:
        from stream.doctor.show import show

        show(findings)
    if not well:
        raise click.exceptions.Exit(EXIT_FAILED)
