"""All checks at once, within a time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from infra.settings import Settings
from stream.doctor import configuration, kafka, labels, machine
from stream.doctor.finding import Finding, fail, warn

LONGEST_S = 4.5
"""A person waits. What has not answered by then is told as that."""

Check = Callable[[], Iterable[Finding]]


def examine(env_file: Path | None) -> list[Finding]:
    """Everything there is to say of this machine and its settings, in a fixed order."""
    settings, findings = configuration.load(env_file)
    checks: dict[str, Check] = {"python": machine.python, "packages": machine.packages, "java": machine.java}
    if settings is not None:
        checks |= checks_of(settings)
    return [*findings, *together(checks)]


def checks_of(settings: Settings) -> dict[str, Check]:
    """What is looked at with these settings."""
    return {
        "disk": partial(machine.disk, settings),
        "memory": machine.memory,
        "ports": partial(machine.ports, settings),
        "local kafka": partial(machine.local_kafka, settings),
        "model": partial(labels.model, settings),
        "kafka": partial(kafka.kafka, settings),
    }


def together(checks: dict[str, Check], longest_s: float = LONGEST_S) -> list[Finding]:
    """The findings of all checks, each in a thread of its own, in the order of ``checks``."""
    answers: queue.SimpleQueue[tuple[str, Sequence[Finding]]] = queue.SimpleQueue()
    for name, check in checks.items():
        # Daemons: what hangs must not keep the process.
        threading.Thread(target=_answer, args=(name, check, answers), name=f"doctor-{name}", daemon=True).start()
    deadline = time.monotonic() + longest_s
    found: dict[str, Sequence[Finding]] = {}
    while len(found) < len(checks):
        try:
            name, findings = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[name] = findings
    late = warn("", f"no answer within {longest_s:.1f} s", "run it again; if it stays so, look at what it asks")
    return [finding for name in checks for finding in found.get(name, [Finding(name, late.state, late.seen, late.fix)])]


def _answer(name: str, check: Check, answers: queue.SimpleQueue[tuple[str, Sequence[Finding]]]) -> None:
    try:
        findings = list(check())
    except Exception as error:  # noqa: BLE001  a check that fails is a finding too
        findings = [fail(name, f"could not be looked at: {error!r}", "please report this")]
    answers.put((name, findings))
