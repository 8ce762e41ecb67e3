"""One thing that was looked at, how it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """``seen``: what was found, one line. ``fix``: the command, or what to do; empty where all is well."""

    check: str
    state: State
    seen: str
    fix: str = ""


def ok(check: str, seen: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", seen)


def warn(check: str, seen: str, fix: str) -> Finding:
    """It works, but may not for long, or not for all."""
    return Finding(check, "warn", seen, fix)


def fail(check: str, seen: str, fix: str) -> Finding:
    """Something does not work."""
    return Finding(check, "fail", seen, fix)
