"""The ``barometer`` command. Each subcommand lives with what it runs and is imported only when called."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from infra.errors import BarometerError

COMMANDS = {
    "demo": "stream.demo.cli:demo",
    "broker": "infra.kafka.cli:broker",
    "topics": "stream.topics_cli:topics",
    "replay": "stream.replay.cli:replay",
    "worker": "stream.worker_cli:worker",
    "tail": "stream.tail.cli:tail",
    "audit": "stream.audit:audit",
    "train": "model.training.cli:train",
    "evaluate": "model.evaluation.cli:evaluate",
    "export": "model.export:export",
}


class LazyGroup(click.Group):
    """Imports a command's module when it is needed: ``--help`` of one must not load all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, name = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            error.message += f" Commands: {', '.join(COMMANDS)}."
            raise


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="barometer")
def barometer() -> None:
    """Watch what people say about brands as they say it.

    Start with:  barometer demo
    """


def main() -> None:
    """Run the command line; an error a person can act on is one line on stderr, never a traceback."""
    try:
        # Not standalone, click returns the code of ctx.exit() and of --help instead of raising it.
        code = barometer.main(standalone_mode=False, prog_name="barometer")
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except BarometerError as error:
        click.echo(f"barometer: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
