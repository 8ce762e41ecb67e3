from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.batching.packing import Batch, pad, plan_batches

LENGTHS = st.lists(st.integers(1, 128), max_size=300)
STEPS = st.sampled_from([1, 4, 8, 16])
BUDGETS = st.sampled_from([1, 64, 1_024])


@given(LENGTHS, STEPS, BUDGETS)
def test_every_text_is_in_exactly_one_batch_and_fits_it(lengths: list[int], step: int, budget: int) -> None:
    batches = plan_batches(lengths, step=step, budget=budget, most=128)
    assert sorted(row for batch in batches for row in batch.rows) == list(range(len(lengths)))
    for batch in batches:
        assert all(lengths[row] <= batch.width for row in batch.rows)
        assert len(batch.rows) == 1 or len(batch.rows) * batch.width <= budget
        assert batch.width <= 128


@given(LENGTHS, st.integers(1, 128), STEPS)
def test_the_width_of_a_text_does_not_depend_on_its_neighbours(lengths: list[int], length: int, step: int) -> None:
    [alone] = plan_batches([length], step=step, budget=1_024, most=128)
    together = plan_batches([*lengths, length], step=step, budget=1_024, most=128)
    [width] = [batch.width for batch in together if len(lengths) in batch.rows]
    assert width == alone.width


@given(LENGTHS)
def test_batches_of_one_width_are_of_equal_size(lengths: list[int]) -> None:
    sizes: dict[int, set[int]] = {}
    for batch in plan_batches(lengths, step=8, budget=256, most=128):
        sizes.setdefault(batch.width, set()).add(len(batch.rows))
    assert all(max(found) - min(found) <= 1 for found in sizes.values())


def test_no_texts_make_no_batches() -> None:
    assert plan_batches([], step=8, budget=1_024, most=128) == []


def test_padding_fills_with_the_pad_id_and_masks_it() -> None:
    tokens, mask = pad([[5, 6, 7], [8]], Batch([1, 0], 4), pad_id=9)
    np.testing.assert_array_equal(tokens, [[8, 9, 9, 9], [5, 6, 7, 9]])
    np.testing.assert_array_equal(mask, [[1, 0, 0, 0], [1, 1, 1, 0]])
