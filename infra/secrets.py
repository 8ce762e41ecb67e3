"""A secret from its setting, or from the file that another setting names.

Files are read each time, so that what is made later takes a new secret.
Secrets go from here to where they are used and nowhere else.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from infra.errors import UsageError
from infra.settings import ENV_PREFIX, Settings

_MOST_BYTES = 64 * 1024


def secret_of(settings: Settings, name: str, what: str = "password") -> str:
    """The secret of the setting ``name``, or the text of the file in ``{name}_file``; empty when there is neither.

    Raises UsageError when the file cannot be read or holds no ``what``.
    """
    given: SecretStr | None = getattr(settings, name)
    if given is not None:
        return given.get_secret_value()
    file: Path | None = getattr(settings, f"{name}_file")
    if file is None:
        return ""
    path = readable(f"{name}_file", file)
    with path.open("rb") as opened:
        content = opened.read(_MOST_BYTES)
    try:
        secret = content.decode().rstrip("\r\n")  # editors and `echo` end a file with a newline
    except UnicodeDecodeError:
        secret = ""
    if not secret:
        raise UsageError(f"{variable(f'{name}_file')} is {path}: there is no {what} in it, as UTF-8 text")
    return secret


def readable(name: str, path: Path) -> Path:
    """The file of the setting ``name``, its ``~`` expanded. Raises UsageError when it cannot be read."""
    path = path.expanduser()
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise UsageError(f"{variable(name)} is {path}: {error.strerror}") from error


def variable(name: str) -> str:
    """The environment's name of a setting."""
    return f"{ENV_PREFIX}{name.upper()}"
