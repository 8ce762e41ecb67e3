"""Which faults a run injects, and when: a function of the seed alone, so that a run can be repeated.

Workers live in slots. The first ones are always there but for their faults;
one more comes and goes. A fault is a few steps: what breaks, and what mends it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SETTLING_S = 12.0
"""A clean kill has this time to itself, so that its recovery can be measured."""
BEFORE_CLEAN_S = 8.0
"""So long before a clean kill all is well."""
KILL_EVERY_S = 4.0
"""Seconds from a fault to a kill, in the mean: some come before the last one is mended, others while work goes on."""
START_S = 5.0
"""A worker takes about this long from its start to its first records."""


@dataclass(frozen=True)
class Step:
    """At ``at_s`` seconds into the faults, do ``act`` (a method of Site's) to ``slot``. ``fault``: counted as this."""

    at_s: float
    act: str
    slot: int | None = None
    fault: str | None = None
    clean: bool = False
    how: str = ""


@dataclass(frozen=True)
class Faults:
    """How many of each kind, for workers in ``slots`` slots whose session ends after ``session_s`` seconds."""

    counts: Mapping[str, int]
    slots: int = 3
    session_s: float = 6
    outage_s: float = 60
    clean_kills: int = 3


def draw(faults: Faults, seed: int) -> list[Step]:
    """The steps of a run, in order of time."""
    return _Drawing(faults, random.Random(f"faults {seed}")).steps()


def injected(steps: Sequence[Step]) -> Counter[str]:
    """Faults by kind."""
    return Counter(step.fault for step in steps if step.fault)


class _Drawing:
    """``free_at[slot]``: from when on a worker is there and well."""

    def __init__(self, faults: Faults, rng: random.Random) -> None:
        self._faults = faults
        self._rng = rng
        self._now = 2.0
        self._quiet_at = 0.0
        self._broker_at = 0.0
        self._extra_at = 0.0
        self._free_at = dict.fromkeys(range(faults.slots), 0.0)
        self._steps: list[Step] = []

    def steps(self) -> list[Step]:
        kinds = [kind for kind, count in self._faults.counts.items() for _ in range(count) if kind != "outage"]
        clean = ["clean kill"] * min(self._faults.clean_kills, kinds.count("kill"))
        for kind in clean:
            kinds[kinds.index("kill")] = kind
        self._rng.shuffle(kinds)
        outages = self._faults.counts.get("outage", 0)
        during = [self._rng.randrange(max(1, len(kinds) // 2), len(kinds) + 1) for _ in range(outages)]
        for number, kind in enumerate(kinds):
            for _ in range(during.count(number)):
                self._outage()
            getattr(self, f"_{kind.replace(' ', '_')}")()
        for _ in range(during.count(len(kinds))):
            self._outage()
        return sorted(self._steps, key=lambda step: step.at_s)

    # One method for each kind of fault

    def _kill(self) -> None:
        self._wait(min(0.5 + self._rng.expovariate(1 / KILL_EVERY_S), 3 * KILL_EVERY_S))
        slot = self._victim()
        self._add(0, "kill", slot, fault="kill")
        self._down(slot, self._rng.uniform(0, 4))

    def _clean_kill(self) -> None:
        well = max(self._quiet_at, self._extra_at, *self._free_at.values())
        self._now = max(self._now, well + BEFORE_CLEAN_S)
        slot = self._victim()
        self._add(0, "kill", slot, fault="kill", clean=True)
        # Restarted at once, as a supervisor does, or only when the others have taken over.
        self._down(slot, self._rng.choice([0.5, SETTLING_S]))
        self._wait(SETTLING_S)

    def _no_disk(self) -> None:
        self._wait(self._rng.uniform(1, 4))
        slot = self._victim()
        self._add(0, "kill", slot, fault="no disk")
        self._down(slot, 0.5, how="no-disk")

    def _freeze(self) -> None:
        self._wait(self._rng.uniform(1, 5))
        slot, length = self._victim(), self._faults.session_s + self._rng.uniform(1, 6)
        self._add(0, "freeze", slot, fault="freeze")
        self._add(length, "wake", slot)
        self._busy(slot, length + 2)
        self._wait(self._faults.session_s / 2)

    def _cut_off(self) -> None:
        self._now = max(self._now + self._rng.uniform(1, 4), self._broker_at)
        slot, length = self._victim(), self._faults.session_s + self._rng.uniform(1, 6)
        self._add(0, "cut", slot, fault="cut off", how=self._rng.choice(["hang", "refuse"]))
        self._add(length, "heal", slot)
        self._busy(slot, length + 2)

    def _slow_model(self) -> None:
        self._wait(self._rng.uniform(1, 4))
        slot, length = self._victim(), self._faults.session_s + self._rng.uniform(2, 6)
        self._add(0, "slow", slot, fault="slow model")
        self._add(length, "normal", slot)
        self._busy(slot, length)

    def _add_and_remove(self) -> None:
        self._now = max(self._now + self._rng.uniform(1, 4), self._extra_at, self._broker_at)
        extra, length = self._faults.slots, START_S + self._rng.uniform(1, 8)
        self._add(0, "start", extra, fault="worker added")
        self._add(length, "stop", extra, fault="worker removed")
        self._extra_at = self._now + length + 4

    def _broker_killed(self) -> None:
        self._now = max(self._now + self._rng.uniform(1, 4), self._broker_at)
        self._add(0, "kill_broker", fault="broker killed")
        self._add(self._rng.uniform(0.5, 3), "start_broker")
        self._broker_at = self._quiet_at = self._now + 12
        self._wait(6)

    def _broker_frozen(self) -> None:
        self._now = max(self._now + self._rng.uniform(1, 4), self._broker_at)
        length = self._rng.uniform(2, 2 * self._faults.session_s)
        self._add(0, "freeze_broker", fault="broker frozen")
        self._add(length, "wake_broker")
        self._broker_at = self._quiet_at = self._now + length + 8

    def _outage(self) -> None:
        """All workers cut off; the other faults go on, but for the broker's own."""
        self._now = max(self._now, self._broker_at, *self._free_at.values()) + START_S
        how = self._rng.choice(["hang", "refuse"])
        for slot in range(self._faults.slots + 1):
            self._add(0, "cut", slot, fault="outage" if slot == 0 else None, how=how)
            self._add(self._faults.outage_s, "heal", slot)
        self._broker_at = self._quiet_at = self._now + self._faults.outage_s + 8
        # A worker started in the outage would give up waiting for its Kafka after a minute.
        self._wait(min(10, self._faults.outage_s / 2))

    # Time and slots

    def _wait(self, seconds: float) -> None:
        self._now += seconds

    def _victim(self) -> int:
        """A worker that is there and well, waiting until there is one."""
        self._now = max(self._now, min(self._free_at.values()))
        return self._rng.choice([slot for slot, free_at in self._free_at.items() if free_at <= self._now])

    def _down(self, slot: int, seconds: float, how: str = "") -> None:
        self._add(seconds, "start", slot, how=how)
        self._busy(slot, seconds + START_S)

    def _busy(self, slot: int, seconds: float) -> None:
        self._free_at[slot] = self._now + seconds

    def _add(
        self,
        after: float,
        act: str,
        slot: int | None = None,
        *,
        fault: str | None = None,
        clean: bool = False,
        how: str = "",
    ) -> None:
        self._steps.append(Step(self._now + after, act, slot, fault, clean, how))
