"""The collector rests while any state is being built, and not a moment longer."""

from __future__ import annotations

import gc
import threading

from infra.garbage import building_state


def test_it_rests_until_the_last_state_is_built() -> None:
    first, second = threading.Event(), threading.Event()

    def build() -> None:
        with building_state():
            first.set()
            second.wait(30)

    other = threading.Thread(target=build)
    other.start()
    first.wait(30)
    with building_state():
        assert not gc.isenabled()
    assert not gc.isenabled(), "the other is still at it"
    second.set()
    other.join()
    assert gc.isenabled()


def test_what_was_built_is_left_alone() -> None:
    before = gc.get_freeze_count()
    with building_state():
        state = [[number] for number in range(1_000)]
    assert gc.get_freeze_count() >= before + len(state)
    gc.unfreeze()
