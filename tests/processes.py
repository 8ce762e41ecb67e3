"""Waiting for processes that we did not start ourselves to end."""

from __future__ import annotations

from functools import partial

from infra.guard import is_alive
from tests.kafka_tools import wait_until

PATIENCE_S = 60
"""On a machine with better things to do."""


def wait_until_gone(*pids: int) -> None:
    """Return when none of the processes runs any more; fail after a minute."""
    for pid in pids:
        wait_until(partial(_gone, pid), PATIENCE_S, f"process {pid} is gone")


def _gone(pid: int) -> bool:
    return not is_alive(pid)
