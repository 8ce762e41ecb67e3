"""Contestants take turns, each in a process of its own.

What else the machine does falls on all alike, no one's threads or memory are
another's, and ratios are of one and the same round. The first round is not
counted: it compiles kernels and fills caches.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from infra.errors import BarometerError
from model.bench.contestants import Contestant, Runner, Shares

ALONE = 64
"""Texts given one at a time, for the latency."""
Progress = Callable[[str], None]


class BenchError(BarometerError):
    """A contestant ended before it answered."""


@dataclass
class Result:
    """What was seen of one contestant; one entry for each counted round."""

    contestant: Contestant
    tweets_per_s: list[float] = field(default_factory=list)
    cpu_ms_per_tweet: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    shares: Shares | None = None
    rss_mb: float = 0.0
    start_s: float = 0.0

    @property
    def rate(self) -> float:
        """Median tweets a second."""
        return statistics.median(self.tweets_per_s)


def run_rounds(
    contestants: Sequence[Contestant],
    texts: Sequence[str],
    judged: Sequence[str],
    *,
    rounds: int,
    progress: Progress,
) -> list[Result]:
    """Measure all on ``texts``; label ``judged`` (may be empty) once, after that.

    A contestant that takes fewer texts gets some spread evenly over the lengths of all.
    Raises BenchError when one of them ends early.
    """
    by_length = sorted(texts, key=len)
    processes = [Turn(one) for one in contestants]
    results = [Result(one) for one in contestants]
    try:
        for process, result in zip(processes, results, strict=True):
            progress(f"{result.contestant.title}: starting")
            result.start_s = process.ask("start")
        for number in range(rounds + 1):
            for process, result in zip(processes, results, strict=True):
                progress(f"round {number} of {rounds}: {result.contestant.title}")
                own = _spread(by_length, result.contestant.texts)
                seconds, cpu_seconds = process.ask(own)
                if number:
                    result.tweets_per_s.append(len(own) / seconds)
                    result.cpu_ms_per_tweet.append(1_000 * cpu_seconds / len(own))
        for process, result in zip(processes, results, strict=True):
            progress(f"{result.contestant.title}: latency and labels")
            result.latencies_ms = [1_000 * process.ask([text])[0] for text in _spread(by_length, ALONE)]
            if judged and result.contestant.judged:
                result.shares = process.ask(("label", list(judged)))
            result.rss_mb = process.ask("memory")
    finally:
        for process in processes:
            process.stop()
    return results


def _spread(by_length: Sequence[str], count: int) -> list[str]:
    """``count`` texts, evenly from short to long, in an order that is neither."""
    if count >= len(by_length):
        chosen = list(by_length)
    else:
        chosen = [by_length[int(at)] for at in np.linspace(0, len(by_length) - 1, count)]
    shuffled = np.random.default_rng(7).permutation(len(chosen))
    return [chosen[at] for at in shuffled]


class Turn:
    """A contestant in a process of its own: the other side of ``_serve``."""

    def __init__(self, contestant: Contestant) -> None:
        context = multiprocessing.get_context("spawn")  # threads of inference libraries do not survive a fork
        self._title = contestant.title
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(contestant, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, question: Any) -> Any:
        try:
            self._pipe.send(question)
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise BenchError(f"{self._title} ended before it answered; run again with fewer --texts") from error
        if isinstance(answer, BaseException):
            raise BenchError(f"{self._title} failed: {answer}") from answer
        return answer

    def stop(self) -> None:
        self._pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()


def _serve(contestant: Contestant, pipe: Connection) -> None:
    """Answer until the pipe is closed."""
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  (libraries' chatter)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    run: Runner | None = None
    while True:
        try:
            question = pipe.recv()
        except EOFError:
            return
        try:
            if question == "start":
                started = time.perf_counter()
                run = contestant.make(*contestant.arguments)
                answer: Any = time.perf_counter() - started
            elif question == "memory":
                answer = peak_mb()
            else:
                assert run is not None  # noqa: S101  ("start" is the first question)
                answer = run(question[1]) if isinstance(question, tuple) else _timed(run, question)
        except Exception as error:  # noqa: BLE001  (told to whoever asked)
            answer = RuntimeError(f"{type(error).__name__}: {error}")
        pipe.send(answer)


def _timed(run: Runner, texts: Sequence[str]) -> tuple[float, float]:
    """Seconds by the wall clock, and of CPU over all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    run(texts)
    return time.perf_counter() - wall, time.process_time() - cpu


def peak_mb() -> float:
    """Largest resident set of this process in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells on Linux counts the process that started this one
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8"))[0]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
