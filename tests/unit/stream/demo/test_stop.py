"""Ctrl-C: once asks, twice does not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ONCE = """
import signal, sys
from stream.demo.stop import StopSignals
number = int(sys.argv[1])
before = signal.getsignal(number)
with StopSignals() as stop:
    print("ready", stop.requested.is_set(), stop.exit_code, flush=True)
    stop.requested.wait(20)
    print("asked", stop.exit_code, flush=True)
sys.exit(signal.getsignal(number) is not before)
"""
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
    process = subprocess.Popen(
        [sys.executable, "-c", ONCE, str(int(number))], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[4]
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready False 0"
        process.send_signal(number)
        assert process.stdout.readline().strip() == f"asked {code}"
        assert process.wait(20) == 0, "handlers are not as before"


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
