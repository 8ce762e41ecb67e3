"""Ctrl-C: once asks, twice does not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stream.demo.stop import StopSignals

STUBBORN = """
import pathlib, sys, time
from stream.demo.stop import StopSignals
with StopSignals() as stop:
    stop.before_end = lambda: pathlib.Path(sys.argv[1]).touch()
    print("ready", flush=True)
    stop.requested.wait()
    print("asked", flush=True)
    time.sleep(1000)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_only_asks_and_handlers_are_as_before_afterwards(number: signal.Signals, code: int) -> None:
    before = signal.getsignal(number)
    with StopSignals() as stop:
        assert (stop.requested.is_set(), stop.exit_code) == (False, 0)
        os.kill(os.getpid(), number)
        assert stop.requested.wait(10)
        assert stop.exit_code == code
    assert signal.getsignal(number) is before


def test_the_second_signal_ends_at_once_and_tidies_up(tmp_path: Path) -> None:
    tidied = tmp_path / "tidied"
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN, str(tidied)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[4]
    )
    with process:
        assert process.stdout is not None
        for expected in ("ready", "asked"):
            assert process.stdout.readline().strip() == expected
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert tidied.exists()
