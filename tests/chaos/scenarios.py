"""The runs there are: how many tweets, which faults, which model."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.plan import Faults, Step, draw
from tests.chaos.source import RULES


@dataclass(frozen=True)
class Scenario:
    """``own_broker``: it breaks the broker, or the way to it. ``hopeless_s``: without progress so long, it failed."""

    name: str
    tweets: int
    faults: Faults
    own_broker: bool = True
    bundled: bool = False
    most_rss_mb: float = 250
    hopeless_s: float = 60

    def settings(self, seed: int) -> dict[str, Any]:
        """Settings of the workers; how many partitions there are is the seed's choice."""
        partitions = random.Random(f"settings {seed}").choice([6, 12])
        # A batch takes several commit intervals: whoever acknowledges too early is found out.
        loop = {"session_timeout_s": self.faults.session_s, "batch_size": 32, "commit_interval_s": 0.25}
        return {"partitions": partitions, "idle_after_s": 5.0, **loop, **RULES}

    def steps(self, seed: int) -> list[Step]:
        """The faults of a seed."""
        return draw(self.faults, seed)


FULL = Scenario(
    "full",
    20_000,
    Faults(
        {
            "kill": 20,
            "freeze": 2,
            "cut off": 1,
            "slow model": 1,
            "no disk": 1,
            "add and remove": 1,
            "broker killed": 1,
            "broker frozen": 1,
            "outage": 1,
        }
    ),
)
BUNDLED = Scenario(
    "bundled",
    4_000,
    Faults({"kill": 4, "freeze": 1, "no disk": 1, "broker killed": 1}, clean_kills=1),
    bundled=True,
    most_rss_mb=600,
)
SHORT = Scenario(
    "short",
    3_000,
    Faults({"kill": 1, "freeze": 1, "add and remove": 1}, clean_kills=0),
    own_broker=False,
)
KILLS = Scenario("kills", 1_500, Faults({"kill": 2}, clean_kills=0), own_broker=False, hopeless_s=15)
SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in (FULL, BUNDLED, SHORT, KILLS)}
