"""The faults of a seed: all that were asked for, always the same, and none that cannot happen."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.chaos.plan import Step, draw, injected
from tests.chaos.scenarios import FULL, SCENARIOS

SEEDS = range(1, 51)
BEGINS = {"kill": "start", "freeze": "wake", "cut": "heal", "slow": "normal"}
OUTAGES = FULL.faults.counts["outage"]


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_seed_draws_what_the_scenario_asks_for_and_always_the_same(name: str) -> None:
    faults = SCENARIOS[name].faults
    asked = Counter(faults.counts)
    asked["worker added"] = asked["worker removed"] = asked.pop("add and remove", 0)
    for seed in SEEDS:
        steps = draw(faults, seed)
        assert steps == draw(faults, seed)
        assert +injected(steps) == +asked


def test_seeds_differ() -> None:
    assert len({tuple(FULL.steps(seed)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_only_a_worker_that_is_there_and_well_is_hurt_and_everything_is_mended(seed: int) -> None:
    down: dict[int, list[str]] = {slot: [] for slot in range(FULL.faults.slots + 1)}
    down[FULL.faults.slots] = ["start"]
    broker: list[str] = []
    for step in FULL.steps(seed):
        waiting = broker if step.slot is None else down[step.slot]
        if step.act in BEGINS:
            assert not waiting or waiting == ["heal"] or step.act == "cut", step
            waiting.append(BEGINS[step.act])
        elif step.act.endswith("broker"):
            if step.act in {"kill_broker", "freeze_broker"}:
                assert not waiting, step
                waiting.append({"kill_broker": "start_broker", "freeze_broker": "wake_broker"}[step.act])
            else:
                waiting.remove(step.act)
        elif step.act == "stop":
            waiting.append("start")
        else:
            waiting.remove(step.act)
    assert not broker
    assert down.pop(FULL.faults.slots) == ["start"]
    assert not any(down.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clean_kill_has_its_time_to_itself(seed: int) -> None:
    steps = FULL.steps(seed)
    clean = [step for step in steps if step.clean]
    assert len(clean) == FULL.faults.clean_kills
    for kill in clean:
        near = [step for step in steps if -6 < step.at_s - kill.at_s < 11 and step is not kill]
        assert all(_mends(step, kill) for step in near), (kill, near)


def _mends(step: Step, kill: Step) -> bool:
    return step.act == "start" and step.slot == kill.slot
