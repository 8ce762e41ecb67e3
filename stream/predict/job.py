"""The folder of parts beside the output: an interrupted run goes on from it, and no row is lost or there twice.

    tweets.csv.part/
      job.json        what is being done: file, options, model; another job does not go on from here
      00000.part      the labelled rows of the first PART_ROWS rows of the input
      00000.json      what came of them; written last, so that with it the part is whole
      whole           the output, before it gets its name

Every file gets its name once it is on the disk, in one step: whatever stops
the process, and whenever, a name stands for all of its content.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from infra.errors import BarometerError, UsageError

PART_ROWS = 512
"""Rows of the input in a part: what is lost when a run is interrupted, and what the engine gets at once."""
KEPT_REFUSALS = 1_000


class PredictError(BarometerError):
    """The output cannot be written."""


@dataclass
class Outcome:
    """What came of some rows. ``refused``: line and reason, of the first ones; ``refusals`` counts all."""

    rows: int = 0
    truncated: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    brands: dict[str, Counter[str]] = field(default_factory=dict)
    """Labels by brand, where rows name brands."""
    refusals: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)

    @property
    def labelled(self) -> int:
        return self.labels.total()

    def refuse(self, line: int, reason: str) -> None:
        """Note a row that is not labelled."""
        self.refusals += 1
        if len(self.refused) < KEPT_REFUSALS:
            self.refused.append((line, reason))

    def add(self, other: Outcome) -> None:
        """Count the rows of another part too."""
        self.rows += other.rows
        self.truncated += other.truncated
        self.labels += other.labels
        for brand, labels in other.brands.items():
            self.brands.setdefault(brand, Counter()).update(labels)
        self.refusals += other.refusals
        self.refused += other.refused[: KEPT_REFUSALS - len(self.refused)]

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Self:
        """What ``vars`` gave, read back."""
        brands = {brand: Counter(labels) for brand, labels in saved["brands"].items()}
        refused = [(line, reason) for line, reason in saved["refused"]]
        return cls(**{**saved, "labels": Counter(saved["labels"]), "brands": brands, "refused": refused})


class Job:
    """Parts of one output. Use as a context: a second process on the same output is refused."""

    def __init__(self, out: Path, identity: Mapping[str, Any], *, restart: bool) -> None:
        """``identity``: everything that the parts depend on, as JSON can hold it. ``restart``: forget older parts."""
        self._restart = restart
        self._out = out
        self._folder = out.with_name(f"{out.name}.part")
        self._identity = json.loads(json.dumps(identity))
        self._lock = contextlib.ExitStack()
        self.parts = 0
        self.outcome = Outcome()

    def __enter__(self) -> Self:
        with writing(self._out), self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.enter_context(_locked(self._folder))
            if self._restart:
                for old in self._folder.iterdir():
                    old.unlink()
            self._continue()
            self._lock = self._lock.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def add(self, write: Callable[[Path], None], outcome: Outcome) -> None:
        """Keep the next part: ``write`` puts its rows into the file it is given."""
        with writing(self._out):
            _put(self._path("part"), write)
            saved = json.dumps(vars(outcome))
            _put(self._path("json"), lambda path: path.write_text(saved, encoding="utf-8"))
        self._count(outcome)

    def finish(self, join: Callable[[Sequence[Path], Path], None]) -> None:
        """Make the output of all parts, by ``join``, and remove them."""
        with writing(self._out):
            whole = self._folder / "whole"
            join([self._folder / _name(number, "part") for number in range(self.parts)], whole)
            _sync(whole)
            whole.replace(self._out)
            shutil.rmtree(self._folder)

    def _continue(self) -> None:
        """Find the parts of an earlier run of the same job. Raises UsageError where they are of another one."""
        known = self._folder / "job.json"
        if known.exists():
            before = json.loads(known.read_text(encoding="utf-8"))
            if before != self._identity:
                differs = sorted(name for name in self._identity if before.get(name) != self._identity[name])
                raise UsageError(
                    f"{self._folder} holds the beginning of another run (other {', '.join(differs) or 'version'}); "
                    f"go on with that one, or start anew with --restart"
                )
        else:
            saved = json.dumps(self._identity, indent=2)
            _put(known, lambda path: path.write_text(saved, encoding="utf-8"))
        while (saved_outcome := self._path("json")).exists():
            self._count(Outcome.load(json.loads(saved_outcome.read_text(encoding="utf-8"))))

    def _count(self, outcome: Outcome) -> None:
        self.outcome.add(outcome)
        self.parts += 1

    def _path(self, suffix: str) -> Path:
        return self._folder / _name(self.parts, suffix)


@contextlib.contextmanager
def writing(out: Path) -> Iterator[None]:
    """Say what is wrong with the disk in one sentence."""
    try:
        yield
    except OSError as error:
        raise PredictError(
            f"{out} cannot be written: {error.strerror or error}; mend that and run the same command again, "
            "it goes on where it stopped"
        ) from error


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UsageError(f"another process is writing to {folder}; wait for it, or choose another --out") from None
    finally:
        os.close(handle)


def _name(number: int, suffix: str) -> str:
    return f"{number:05d}.{suffix}"


def _put(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file that has its name only once it is whole."""
    draft = path.with_suffix(".draft")
    write(draft)
    _sync(draft)
    draft.replace(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
