"""The ``barometer`` command. Each subcommand lives with what it runs and is imported only when called."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from infra.errors import BarometerError

COMMANDS = {
    "demo": ("stream.demo.cli:demo", "Watch the whole system work on this machine, in one command."),
    "broker": ("infra.kafka.cli:broker", "Run a real Kafka on this machine, until stopped."),
    "topics": ("stream.topics_cli:topics", "Create the topics, or look at them."),
    "replay": ("stream.replay.cli:replay", "Publish a file of tweets to Kafka, in event-time order."),
    "scenario": ("stream.scenario_cli:scenario", "Made-up tweets of made-up brands: a file, or a replay of them."),
    "worker": ("stream.worker_cli:worker", "Label tweets and keep the reputation windows, until stopped."),
    "notify": ("stream.notify.cli:notify", "Tell people of alerts, with the evidence, until stopped."),
    "serve": ("stream.serve.cli:serve", "Serve the live page and the HTTP API, until stopped."),
    "key": ("stream.serve.key_cli:key", "Make a key for the HTTP API."),
    "tail": ("stream.tail.cli:tail", "Watch a topic: one line for each record, as it comes."),
    "dead": ("stream.dead_letters.cli:dead", "Look at what could not be processed, and send it again."),
    "backtest": ("stream.backtest.cli:backtest", "Tell the windows and spikes of a file, offline."),
    "report": ("stream.report.cli:report", "Write a page on a brand over a time, to be sent on."),
    "predict": ("stream.predict.cli:predict", "Label a file: CSV, JSON Lines or Parquet."),
    "try": ("model.try_cli:try_", "Label texts, typed or piped in."),
    "audit": ("stream.audit:audit", "Count all windows again from the labelled tweets, and compare."),
    "rebuild": ("stream.rebuild.cli:rebuild", "Make the aggregate's state again from the labelled tweets."),
    "doctor": ("stream.doctor.cli:doctor", "Find what is missing or wrong here, and what mends it."),
    "completion": ("stream.completion_cli:completion", "Make your shell complete commands and options."),
    "tune": ("stream.tune_cli:tune", "Measure how the engine spreads its work best on this machine, and keep that."),
    "bench": ("stream.bench.cli:bench", "Measure on this machine, next to something to compare with."),
    "train": ("model.training.cli:train", "Fine-tune a classifier on labelled texts."),
    "evaluate": ("model.evaluation.cli:evaluate", "Judge a model on texts that people have labelled."),
    "compare": ("model.evaluation.compare_cli:compare", "Tell whether one model is better than another, or by chance."),
    "average": ("model.training.average:average", "Average the weights of several trained models."),
    "prune": ("model.training.prune_cli:prune", "Make a trained model narrower and faster."),
    "export": ("model.export:export", "Make a trained model small and fast for the CPU."),
}
"""Where each command is, and what it does, in the order of ``barometer --help``."""


class LazyGroup(click.Group):
    """Imports a command's module when it is called: neither ``--help`` nor another command loads it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_target, summary) in COMMANDS.items()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [name for name in COMMANDS if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=COMMANDS[name][1]) for name in names), *options]

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
