"""Installs this project into the virtual environment that runs this file, and says how it goes.

    .venv/bin/python tools/install.py local,evaluate

pip by itself is either silent for minutes or prints hundreds of lines. This
shows one line that moves (or one at the start, where stderr is no terminal),
and the end of pip's output only if it fails. All of it is in ``.venv/install.log``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TAIL_LINES = 25
TICK_S = 0.5


def main(extras: str) -> int:
    """Install with these extras (comma-separated); returns pip's exit code."""
    log = Path(sys.prefix) / "install.log"
    command = [
        *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar=off"),
        "--no-compile",  # a third of the time, most of it for modules that are never imported
        *("--constraint", str(ROOT / "constraints.txt"), "--editable", f"{ROOT}[{extras}]"),
    ]
    say(f"Installing Barometer with {extras.replace(',', ' and ')} ...\n")
    started = time.monotonic()
    with (
        log.open("w", encoding="utf-8") as output,
        log.open(encoding="utf-8") as written,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT) as pip,
    ):
        doing = "starting"
        while pip.poll() is None:
            for line in written.readlines():
                doing = phase(line) or doing
            show(doing, time.monotonic() - started)
            time.sleep(TICK_S)
    show("", None)
    if pip.returncode:
        tail = log.read_text(encoding="utf-8").splitlines()[-TAIL_LINES:]
        say("\n".join([*tail, f"The installation failed. All of pip's output: {log}", ""]))
    else:
        say(f"Installed in {time.monotonic() - started:.0f} s.\n")
    return pip.returncode


def phase(line: str) -> str | None:
    """What a line of pip's output means for who waits; None if it says nothing new."""
    if found := re.match(r"\s*Downloading ([\w.]+)-\d.*?(\([^)]*\))?$", line):
        return f"downloading {found[1]} {found[2] or ''}"
    if line.startswith("Installing collected packages:"):
        return f"unpacking {line.count(',') + 1} packages"
    if line.startswith("Successfully installed"):
        return "tidying up"
    return None


def show(doing: str, seconds: float | None) -> None:
    """Rewrite the one moving line; nothing where stderr is no terminal."""
    if sys.stderr.isatty():
        text = "" if seconds is None else f"{seconds:4.0f} s  {doing}"
        say("\r\033[K" + text[: shutil.get_terminal_size().columns - 1])


def say(text: str) -> None:
    """Write to stderr at once."""
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
