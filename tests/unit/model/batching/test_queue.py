from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.batching.queue import FairQueue, Limits, OverloadedError, Piece, Request, TooManyTextsError, tokens_of

TEXTS = st.lists(st.integers(0, 800).map("x".__mul__), min_size=1, max_size=30).map(tuple)
LIMITS = Limits(texts=60, chars=20_000, call_tokens=300)


def drained(queue: FairQueue) -> list[list[Piece]]:
    calls = []
    while pieces := queue.take():
        calls.append(pieces)
    return calls


@given(st.lists(TEXTS, max_size=8), st.integers(1, 500))
def test_every_text_is_given_once_in_order_and_calls_keep_to_the_budget(
    requests: list[tuple[str, ...]], call_tokens: int
) -> None:
    queue = FairQueue(Limits(call_tokens=call_tokens))
    for texts in requests:
        queue.put(Request(texts))
    given_texts: dict[Request, list[str]] = {}
    for pieces in drained(queue):
        together = [text for piece in pieces for text in piece.texts]
        assert len(together) == 1 or sum(map(tokens_of, together)) <= call_tokens
        for piece in pieces:
            given_texts.setdefault(piece.request, []).extend(piece.texts)
    assert sorted(tuple(texts) for texts in given_texts.values()) == sorted(requests)
    assert all(tuple(texts) == request.texts for request, texts in given_texts.items())


@given(st.lists(st.one_of(TEXTS, st.just("take"), st.integers(0, 9)), max_size=40))
def test_what_waits_is_counted_right_and_never_over_the_limits(steps: list[tuple[str, ...] | str | int]) -> None:
    queue, waiting = FairQueue(LIMITS), list[Request]()
    for step in steps:
        if isinstance(step, tuple):
            request = Request(step)
            try:
                queue.put(request)
            except (OverloadedError, TooManyTextsError):
                continue
            waiting.append(request)
        elif isinstance(step, str):
            queue.take()
        elif step < len(waiting):
            queue.drop(waiting[step])
            queue.drop(waiting.pop(step))
        left = [text for request in waiting for text in request.texts[request.given :]]
        assert (queue.texts, queue.chars) == (len(left), sum(map(len, left)))
        assert queue.tokens == sum(map(tokens_of, left))
        assert queue.texts <= LIMITS.texts
        assert queue.chars <= LIMITS.chars
    queue.clear()
    assert (len(queue), queue.texts, queue.chars, queue.tokens) == (0, 0, 0, 0)


def test_a_small_request_goes_with_the_next_call_however_much_waits_before_it() -> None:
    queue = FairQueue(Limits(call_tokens=100))
    large = [Request(("x" * 40,) * 1_000), Request(("y" * 40,) * 1_000)]
    for request in large:
        queue.put(request)
    queue.take()
    small = Request(("one",))
    queue.put(small)
    assert small in [piece.request for piece in queue.take()]


def test_large_requests_advance_alike() -> None:
    queue = FairQueue(Limits(call_tokens=120))
    large = [Request(("x" * 40,) * 1_000) for _ in range(3)]
    for request in large:
        queue.put(request)
    for _ in range(10):
        queue.take()
    assert max(request.given for request in large) - min(request.given for request in large) <= 1


def test_a_full_queue_says_what_waits_and_takes_more_once_there_is_room() -> None:
    queue = FairQueue(Limits(texts=3, call_tokens=1))
    queue.put(Request(("a", "b", "c")))
    with pytest.raises(OverloadedError, match="3 texts of 3 characters wait"):
        queue.put(Request(("d",)))
    queue.take()
    queue.put(Request(("d",)))


@pytest.mark.parametrize("texts", [("a",) * 4, ("a" * 11,)], ids=["texts", "characters"])
def test_a_request_that_never_fits_is_told_so_and_not_to_wait(texts: tuple[str, ...]) -> None:
    with pytest.raises(TooManyTextsError, match="at most 3 texts of 10 characters"):
        FairQueue(Limits(texts=3, chars=10)).put(Request(texts))
