"""What the pages of docs/ show in code blocks, to be run as a reader would.

A block is a fence with a language: ```` ```sh ```` is run, ```` ```python name.py ```` is a file that the page asks
to be saved under that name, others are only shown. Two comments on the line above a block of shell change that:
``<!-- until stopped -->`` for a program in a terminal of its own, and ``<!-- not run: why -->``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import click

from infra.guard import GuardedProcess, spawn_guarded
from stream.cli import barometer

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LIMIT_S = 240
Use = Literal["run", "until stopped", "not run"]
_FENCE = re.compile(r"^```(?P<language>\w*) ?(?P<name>\S*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_USE = re.compile(r"<!-- (until stopped|not run)(?:: \S[^>]*)? -->\n\Z")


@dataclass(frozen=True)
class Block:
    """One code block. ``name``: the file that it is; ``section``: the heading that it stands under."""

    page: str
    line: int
    section: str
    language: str
    name: str
    text: str
    use: Use

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The code blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        before = text[: fence.start()]
        # A comment in a block of shell looks like a heading.
        headings = _HEADING.findall(_FENCE.sub("", before))
        marked = _USE.search(before)
        use: Use = "run" if marked is None else "not run" if marked[1] == "not run" else "until stopped"
        found.append(
            Block(
                page.name, before.count("\n") + 1, headings[-1] if headings else "", fence["language"],
                fence["name"], fence["text"], use,
            )
        )  # fmt: skip
    return found


def shell(page: Path) -> list[Block]:
    """Its blocks of shell."""
    return [block for block in blocks(page) if block.language == "sh"]


def commands(text: str) -> list[list[str]]:
    """The calls of ``barometer`` in a block of shell, in words without ``barometer``."""
    text = text.replace("\\\n", " ")
    calls = []
    for line in text.splitlines():
        for part in re.split(r"\||&&|;|\$\(|\)(?=\"?$)", re.sub(r"(^|\s)#.*$", "", line)):
            words = _words(part)
            while words and re.fullmatch(r"\w+=.*", words[0]):
                words = words[1:]
            if words and words[0] == "barometer":
                calls.append([word for word in words[1:] if word not in {">", ">>", "&"}])
    return calls


def _words(part: str) -> list[str]:
    try:
        return shlex.split(part)
    except ValueError:  # cut inside of quotes: no call of ours
        return []


def mistakes(call: list[str]) -> list[str]:
    """What the command line of today does not know of a call: the command, or options."""
    context = click.Context(barometer, info_name="barometer")
    command: click.Command = barometer
    rest = call
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        if found is None:
            return [f"no command {rest[0]!r}"]
        command, rest = found, rest[1:]
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    known |= {"--help", "-h", "--version"}
    asked = {word.partition("=")[0] for word in rest if re.match(r"--?[A-Za-z]", word)}
    return [f"no option {option}" for option in sorted(asked - known)]


class Desk:
    """A folder in which pages are followed, and the programs that they start beside. A context manager.

    ``settings`` are variables of the environment; ``instead`` is what is put in the place of what a page says, such as
    the address of Kafka.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], instead: Mapping[str, str]) -> None:
        self.folder = folder
        self._instead = instead
        programs = folder / "bin"
        programs.mkdir(parents=True)
        _program(programs / "barometer", "-m", "stream.cli")
        _program(programs / "python")
        self._environment = {
            **os.environ,
            **settings,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        self._beside: dict[str, GuardedProcess] = {}

    def follow(self, wanted: Iterable[Block], *, provided: Iterable[str] = ()) -> str:
        """Save, start and run what blocks say, in their order; return what the shell printed.

        ``provided`` are programs, as a page would start them, that are there already. Raises AssertionError with
        the block that failed.
        """
        printed = ""
        for block in wanted:
            text = self._here(block.text)
            if block.name:
                (self.folder / block.name).write_text(text, encoding="utf-8")
            elif block.language == "sh" and block.use == "until stopped" and text.strip() not in provided:
                self._start(text.strip())
            elif block.language == "sh" and block.use == "run":
                printed += self.run(text, str(block))
        return printed

    def run(self, text: str, what: str) -> str:
        """Run shell; return what it printed on standard output."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        assert done.returncode == 0, f"{what}\n{text}\n{done.stdout[-3_000:]}{done.stderr[-3_000:]}{self.log()}"
        return done.stdout

    def log(self) -> str:
        """The ends of the logs of what runs beside."""
        return "".join(f"\n{log.name}:\n{log.read_text()[-2_000:]}" for log in sorted(self.folder.glob("beside-*")))

    def _start(self, line: str) -> None:
        with (self.folder / f"beside-{len(self._beside)}.log").open("ab") as log:
            self._beside[line] = spawn_guarded(
                ["bash", "-c", f"exec {line}"], env=self._environment, cwd=self.folder, stdout=log, stderr=log
            )

    def _here(self, text: str) -> str:
        for shown, here in self._instead.items():
            text = text.replace(shown, here)
        return text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._beside.values():
            process.kill()


def _program(path: Path, *options: str) -> None:
    path.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, *options])} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
