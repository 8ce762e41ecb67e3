"""The live page of the demo: ``barometer serve`` as a process of its own, and a browser where there is one.

The demo goes on without it: a page that does not come up is told of, and that is all.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path

from infra.errors import BarometerError
from infra.guard import GuardedProcess, spawn_guarded
from infra.kafka.local import free_port
from stream.demo.supervisor import STOP_S, own_command

HOST = "127.0.0.1"
MOST_STARTS = 3
_KNOCK_S = 0.2

log = logging.getLogger(__name__)


class LivePage:
    """Serves the page while it is started. Call ``check`` often; all of it from one thread."""

    def __init__(self, wanted_port: int, environment: Mapping[str, str], log_file: Path) -> None:
        self.port = wanted_port if _is_free(wanted_port) else free_port()
        self.up = False
        self.trouble: str | None = None
        self.log_file = log_file
        self._environment = dict(environment)
        self._process: GuardedProcess | None = None
        self._starts = 0

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Start the server; that it cannot be started is trouble, and no error."""
        self._starts += 1
        command = [*own_command("serve"), "--host", HOST, "--port", str(self.port)]
        try:
            with self.log_file.open("ab") as output:
                self._process = spawn_guarded(
                    command, env=self._environment, stdout=output, stderr=output, grace_s=STOP_S
                )
        except (OSError, BarometerError) as error:
            self.trouble = f"the live page cannot be started: {error}"

    def check(self) -> bool:
        """Look after it; True once, when it has come up for the first time."""
        if self._process is None:
            return False
        code = self._process.poll()
        if code is not None:
            self._process = None
            log.warning("barometer serve ended with exit code %s", code)
            if self._starts < MOST_STARTS:
                self.start()
            else:
                self.trouble = f"the live page ended {self._starts} times; its log is {self.log_file}"
            return False
        if self.up or not _answers(self.port):
            return False
        self.up = True
        return True

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after STOP_S."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate(STOP_S)


def open_browser(url: str) -> None:
    """Show ``url`` in a browser with a window of its own; nothing happens where there is no screen for one."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    try:
        webbrowser.open(url)
    except webbrowser.Error as error:
        log.info("no browser could be opened: %s", error)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), _KNOCK_S).close()
    except OSError:
        return False
    return True
