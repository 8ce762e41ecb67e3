"""A profile accounts for the time of a call."""

from __future__ import annotations

from model.bench.profile import profile
from model.engines import bundled_folder


def test_steps_and_operations_are_told_for_each_text_and_the_operations_are_within_the_network() -> None:
    told = profile(bundled_folder(), [f"my flight is {number} hours late, thank you so much" for number in range(64)])
    assert set(told["steps"]) >= {"network", "tokenising", "normalising"}
    assert all(us >= 0 for part in told.values() for us in part.values())
    assert 0.5 * told["steps"]["network"] < sum(told["network"].values()) < 1.1 * told["steps"]["network"]
    assert next(iter(told["network"])).startswith("FullyConnected"), "matrix products take most"
