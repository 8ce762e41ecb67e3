"""``barometer completion``."""

from __future__ import annotations

import click

PROGRAM = "barometer"
VARIABLE = "_BAROMETER_COMPLETE"
"""In this environment variable the shell asks for completions; click reads it before anything else."""


@click.command(
    epilog="""\b
Examples:
  eval "$(barometer completion bash)"
  barometer completion zsh > ~/.zfunc/_barometer
  barometer completion fish > ~/.config/fish/completions/barometer.fish
"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options and files.

    For bash and zsh put the first example into ~/.bashrc or ~/.zshrc, with the
    name of your shell; or write it to a file where the shell looks for such.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"completion for {shell} is not known to this version of click")
    click.echo(kind(ctx.find_root().command, {}, PROGRAM, VARIABLE).source())
