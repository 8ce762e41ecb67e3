"""A timeline in several processes: each counts some of the brands, and all see the same event time.

Brands do not depend on each other but for event time, so that what comes of it
is what one process would tell, to the last digit and in the same order. Here
tweets are dealt out, with word of every moment at which a timeline moves on; a
process (``python -m stream.backtest.spread FOLDER``) takes frames from its
standard input, writes its windows to a file, and what else it has to tell to
its standard output.
"""

from __future__ import annotations

import gc
import marshal
import os
import pickle
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from heapq import merge
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from infra.errors import BarometerError
from infra.settings import Settings
from stream.aggregate.labelled import LabelledTweet
from stream.backtest.entry import Item, only_time
from stream.backtest.order import item_of
from stream.backtest.timeline import NOTHING_YET_US, Timeline, Told, next_move_us, offline_rules
from stream.records import Window

WINDOWS = "windows.jsonl"
SEND_TOGETHER = 2_000
_LENGTH = struct.Struct(">Q")


class Spread:
    """Used as Timeline is; a context manager. ``jobs`` processes count, beside this one that deals out."""

    def __init__(self, settings: Settings, jobs: int, on_window: Callable[[Window], None]) -> None:
        self._on_window = on_window
        self._rules = offline_rules(settings)
        self._newest_us = NOTHING_YET_US
        self._next_us = float(NOTHING_YET_US)
        self._owner: dict[str, Job] = {}
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="barometer-backtest-")))
            self.jobs = [stack.enter_context(Job(folder / str(number), settings)) for number in range(jobs)]
            self._stack = stack.pop_all()

    def add(self, items: Sequence[Item]) -> None:
        """Count the next tweets. Raises BarometerError when a process has died."""
        owner, newest_us, next_us = self._owner, self._newest_us, self._next_us
        for item in items:
            at_us = item[0]
            if type(item) is LabelledTweet:
                job = owner.get(item[1]) or self._new_owner(item[1])
                job.dealt += 1
                job.held.append(tuple(item))
            if at_us > newest_us:
                newest_us = at_us
                if at_us >= next_us:
                    self._tell_time(at_us)
                    next_us = next_move_us(at_us, self._rules)
        self._newest_us, self._next_us = newest_us, next_us
        for job in self.jobs:
            if len(job.held) >= SEND_TOGETHER:
                job.send()

    def end(self) -> Told:
        """Close what is open: no more comes. Raises BarometerError when a process has died."""
        if self._newest_us > NOTHING_YET_US:
            self._tell_time(self._newest_us)
        for job in self.jobs:
            job.finish()
        told = _together([job.told() for job in self.jobs])
        for window in merge(*(job.windows() for job in self.jobs), key=lambda window: (window.start, window.brand)):
            self._on_window(window)
        return told

    def _new_owner(self, brand: str) -> Job:
        self._owner[brand] = job = min(self.jobs, key=lambda job: job.dealt)
        return job

    def _tell_time(self, at_us: int) -> None:
        for job in self.jobs:
            job.held.append(tuple(only_time(at_us)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


class Job:
    """One process. ``held``: what is to be sent to it; ``dealt``: how many tweets it has got."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.held: list[tuple[object, ...]] = []
        self.dealt = 0
        self._folder = folder
        folder.mkdir()
        # -P: what lies in the folder that the user is in must not be taken for ours.
        command = [sys.executable, "-P", "-m", "stream.backtest.spread", str(folder)]
        path = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is this process's business; the end of its input ends the other
        )
        self._send(pickle.dumps(settings))

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self) -> None:
        """Send what is held."""
        if self.held:
            self._send(marshal.dumps(self.held))
            self.held = []

    def finish(self) -> None:
        """Say that no more comes."""
        self.send()
        self._send(b"")

    def told(self) -> Told:
        """What it has to tell, once it has finished."""
        answer, _nothing = self._process.communicate()
        if self._process.returncode:
            raise self._dead()
        return cast("Told", pickle.loads(answer))  # noqa: S301  (written by this program, on its own pipe)

    def windows(self) -> Iterator[Window]:
        """Its windows, in order."""
        with (self._folder / WINDOWS).open("rb") as file:
            for line in file:
                yield Window.model_validate_json(line)

    def _send(self, frame: bytes) -> None:
        stdin = cast("IO[bytes]", self._process.stdin)
        try:
            stdin.write(_LENGTH.pack(len(frame)) + frame)
            stdin.flush()
        except OSError as error:
            raise self._dead() from error

    def _dead(self) -> BarometerError:
        code = self._process.wait()
        return BarometerError(f"a process that counted tweets ended with exit code {code}; --jobs 1 does without")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        with suppress(OSError), self._process:  # closes the pipes, and waits
            pass


def _together(parts: Sequence[Told]) -> Told:
    """What several processes tell, each of other brands, as one would tell it."""
    whole = Told(end_s=max(part.end_s for part in parts))
    for part in parts:
        whole.counted += part.counted
        whole.duplicates += part.duplicates
        whole.late += part.late
    spikes = [spike for part in parts for spike in part.spikes.values()]
    panes = [brand for part in parts for brand in part.panes.items()]
    expected = [brand for part in parts for brand in part.expected.items()]
    whole.spikes = {spike.id: spike for spike in sorted(spikes, key=lambda one: (one.opened_at, one.brand, one.kind))}
    whole.panes = dict(sorted(panes, key=lambda brand: (brand[1][0].start, brand[0])))
    whole.expected = dict(sorted(expected, key=lambda brand: (brand[1][0].start, brand[0])))
    return whole


def _frames(file: IO[bytes]) -> Iterator[bytes]:
    """Frames up to the empty one. Raises EOFError where they end without it: nobody waits for the answer."""
    while True:
        head = file.read(_LENGTH.size)
        if len(head) < _LENGTH.size:
            raise EOFError
        (length,) = _LENGTH.unpack(head)
        if not length:
            return
        frame = file.read(length)
        if len(frame) < length:
            raise EOFError
        yield frame


def _main(folder: Path) -> None:
    gc.disable()  # as in backtest_file
    frames = _frames(sys.stdin.buffer)
    settings = pickle.loads(next(frames))  # noqa: S301  (from our own parent)
    with (folder / WINDOWS).open("wb") as file:
        timeline = Timeline(offline_rules(settings), lambda window: file.writelines((window.encode(), b"\n")))
        for frame in frames:
            timeline.add([item_of(row) for row in marshal.loads(frame)])  # noqa: S302  (from our own parent)
        told = timeline.end()
    pickle.dump(told, sys.stdout.buffer)
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        _main(Path(sys.argv[1]))
    except EOFError:
        sys.exit(1)
