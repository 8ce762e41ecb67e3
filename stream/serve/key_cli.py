"""``barometer key``: a new key for the API."""

from __future__ import annotations

import re

import click


@click.command(
    epilog="""\b
Example:
  barometer key shop
"""
)
@click.argument("name")
def key(name: str) -> None:
    """Make a key for the HTTP API; NAME says whose it is.

    The key is shown once and stored nowhere: give it to whoever shall use it.
    The server gets only its hash.
    """
    import hashlib
    import secrets

    from infra.errors import UsageError

    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
        raise UsageError(f"{name!r} is no name for a key; take letters, digits, dots and dashes, at most 64")
    made = secrets.token_urlsafe(32)
    digest = hashlib.sha256(made.encode()).hexdigest()
    click.echo(f"Key, for requests:  Authorization: Bearer {made}")
    click.echo(f"For the server:     BAROMETER_SERVE_API_KEYS={name}={digest}")
    click.echo("Several keys are separated by commas.", err=True)
