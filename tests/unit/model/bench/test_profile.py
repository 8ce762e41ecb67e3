"""A profile accounts for the time of a call."""

from __future__ import annotations

import pytest

from model.bench.profile import profile
from model.engines import bundled_folder


def test_steps_and_operations_are_told_for_each_text_and_the_operations_are_within_the_network() -> None:
    told = profile(bundled_folder(), [f"my flight is {number} hours late, thank you so much" for number in range(64)])
    assert set(told["steps"]) >= {"network", "tokenising", "normalising"}
    assert all(us >= 0 for part in told.values() for us in part.values())
    assert sum(told["network"].values()) == pytest.approx(told["steps"]["network"], rel=0.01)
    assert next(iter(told["network"])).startswith("FullyConnected"), "matrix products take most"
