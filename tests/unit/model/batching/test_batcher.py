from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.batching.batcher import Batcher, BatcherClosedError
from model.batching.queue import Limits, OverloadedError, TooManyTextsError
from model.prediction import ModelError, ModelInfo, Prediction, Predictions
from tests.virtual_time import NothingLeftError, run_virtual

CALL_S = 0.1
POISON = "poison"


class Engine:
    """A classifier whose answer is a function of the text alone; ``calls`` holds what it was asked."""

    info = ModelInfo("fixed", "1", "test")

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def classify(self, texts: Sequence[str]) -> Predictions:
        self.calls.append(list(texts))
        if any(POISON in text for text in texts):
            raise ValueError("poisoned")
        raw = [list(hashlib.sha256(text.encode()).digest()[:3]) for text in texts]
        shares = np.array(raw, dtype=np.float32).reshape(len(texts), 3) + 1
        probabilities: np.ndarray[tuple[int, int], np.dtype[np.float32]] = shares / shares.sum(axis=1, keepdims=True)
        return Predictions(probabilities, np.array([len(text) > 40 for text in texts], dtype=np.bool_))

    def close(self) -> None:
        pass


async def engine_takes_time(call: Callable[[], Predictions]) -> Predictions:
    """Runs the call in virtual time; like a thread, it is not stopped by who waits for it."""
    await asyncio.sleep(CALL_S)
    return call()


def batcher_of(engine: Engine, limits: Limits | None = None) -> Batcher:
    return Batcher(engine, limits, in_thread=engine_takes_time)


def direct(texts: Sequence[str]) -> list[Prediction]:
    return Engine().classify(texts).each()


class Caller:
    """Asks for ``texts`` at ``at``, leaves after ``patience`` seconds; then ``said`` or ``error`` is known."""

    def __init__(self, texts: list[str], at: float, patience: float) -> None:
        self.texts, self.at, self.patience = texts, at, patience
        self.said: list[Prediction] | None = None
        self.error: BaseException | None = None

    async def ask(self, batcher: Batcher) -> None:
        await asyncio.sleep(self.at)
        try:
            async with asyncio.timeout(self.patience):
                self.said = await batcher.classify(self.texts)
        except (TimeoutError, OverloadedError, TooManyTextsError, ModelError, BatcherClosedError) as error:
            self.error = error


TEXT = st.one_of(st.text(max_size=60), st.sampled_from(["", "good", "bad" * 200, POISON]))
CALLERS = st.lists(
    st.builds(
        Caller,
        texts=st.lists(TEXT, max_size=12),
        at=st.floats(0, 0.5),
        patience=st.one_of(st.just(1e6), st.floats(0, 0.4)),
    ),
    max_size=10,
)
LIMITS = st.builds(
    Limits,
    texts=st.sampled_from([5, 30, 4_096]),
    call_tokens=st.sampled_from([1, 64, 2_048]),
    wait_s=st.sampled_from([0.0, 0.002, 0.2]),
)


@given(CALLERS, LIMITS, st.one_of(st.just(1e6), st.floats(0, 1)))
def test_every_caller_gets_what_the_engine_says_or_an_error_of_its_own(
    callers: list[Caller], limits: Limits, closes_at: float
) -> None:
    async def scenario() -> None:
        batcher = batcher_of(Engine(), limits)
        await batcher.start()

        async def close() -> None:
            await asyncio.sleep(closes_at)
            await batcher.close()

        await asyncio.gather(close(), *(caller.ask(batcher) for caller in callers))
        assert batcher.waiting == 0
        assert len(asyncio.all_tasks()) == 1, "the batcher's own task has ended"

    run_virtual(scenario())
    for caller in callers:
        if caller.said is not None:
            assert caller.said == direct(caller.texts)
        else:
            assert caller.error is not None
        if isinstance(caller.error, ModelError):
            assert POISON in caller.texts
        if POISON in caller.texts:
            assert caller.said is None
        if closes_at == 1e6 and caller.patience == 1e6 and limits.texts == 4_096 and POISON not in caller.texts:
            assert caller.error is None


def test_texts_of_callers_that_left_are_not_labelled() -> None:
    engine = Engine()

    async def scenario() -> None:
        async with batcher_of(engine) as batcher:
            first = asyncio.create_task(batcher.classify(["first"]))
            await asyncio.sleep(CALL_S / 2)
            leaves = asyncio.create_task(batcher.classify(["leaves"] * 50))
            stays = asyncio.create_task(batcher.classify(["stays"]))
            await asyncio.sleep(CALL_S / 4)
            assert batcher.waiting == 51
            leaves.cancel()
            await asyncio.gather(first, stays)
            assert leaves.cancelled()

    run_virtual(scenario())
    assert engine.calls == [["first"], ["stays"]]


def test_what_comes_while_the_engine_works_goes_into_one_call() -> None:
    engine = Engine()

    async def scenario() -> None:
        async with batcher_of(engine) as batcher:
            first = asyncio.create_task(batcher.classify(["first"]))
            await asyncio.sleep(CALL_S / 2)
            others = [batcher.classify([f"text {number}"]) for number in range(64)]
            await asyncio.gather(first, *others)

    run_virtual(scenario())
    assert [len(call) for call in engine.calls] == [1, 64]


def test_a_lone_caller_never_waits_for_others() -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        async with batcher_of(Engine(), Limits(wait_s=10)) as batcher:
            started = loop.time()
            for _ in range(5):
                await batcher.classify(["alone"])
            return loop.time() - started

    assert run_virtual(scenario()) == pytest.approx(5 * CALL_S)


def test_callers_that_come_together_again_and_again_share_a_call() -> None:
    engine = Engine()

    async def client(batcher: Batcher, number: int) -> None:
        for turn in range(5):
            await batcher.classify([f"{number} {turn}"])
            await asyncio.sleep(0.0001 * number)  # its way back over the network

    async def scenario() -> None:
        async with batcher_of(engine) as batcher:
            await asyncio.gather(*(client(batcher, number) for number in range(8)))

    run_virtual(scenario())
    assert [len(call) for call in engine.calls] == [8] * 5


def test_after_a_crowd_a_lone_caller_waits_two_milliseconds_at_most() -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        async with batcher_of(Engine()) as batcher:
            await asyncio.gather(*(batcher.classify([str(number)]) for number in range(8)))
            started = loop.time()
            await batcher.classify(["alone"])
            return loop.time() - started

    assert run_virtual(scenario()) <= CALL_S + 0.002 + 1e-9


def test_one_bad_text_costs_its_caller_only() -> None:
    async def scenario() -> list[list[Prediction] | BaseException]:
        async with batcher_of(Engine()) as batcher:
            texts = [["a", "b"], ["c", POISON], ["d"], ["e"]]
            return list(await asyncio.gather(*map(batcher.classify, texts), return_exceptions=True))

    first, bad, *others = run_virtual(scenario())
    assert [first, *others] == [direct(["a", "b"]), direct(["d"]), direct(["e"])]
    assert isinstance(bad, ModelError)
    assert str(bad) == "model fixed failed on these texts: ValueError: poisoned"


def test_too_few_answers_are_an_error_and_not_a_wait_for_ever() -> None:
    class Short(Engine):
        def classify(self, texts: Sequence[str]) -> Predictions:
            return super().classify(texts[1:])

    async def scenario() -> None:
        async with batcher_of(Short()) as batcher:
            await batcher.classify(["a", "b"])

    with pytest.raises(ModelError, match="gave 1 answers to 2 texts"):
        run_virtual(scenario())


def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    async def scenario() -> OverloadedError:
        async with batcher_of(Engine(), Limits(texts=100, call_tokens=64)) as batcher:
            first = asyncio.create_task(batcher.classify(["x" * 40] * 100))
            await asyncio.sleep(CALL_S * 1.5)
            with pytest.raises(OverloadedError) as refused:
                await batcher.classify(["y" * 40] * 100)
            await first
            return refused.value

    seconds_left = CALL_S * 18
    assert run_virtual(scenario()).retry_after_s == pytest.approx(seconds_left, rel=0.1)


def test_closing_ends_what_waits_with_an_error_and_finishes_what_runs() -> None:
    async def scenario() -> list[list[Prediction] | BaseException]:
        batcher = batcher_of(Engine())
        await batcher.start()
        runs = asyncio.create_task(batcher.classify(["runs"]))
        await asyncio.sleep(CALL_S / 2)
        waits = asyncio.create_task(batcher.classify(["waits"]))
        await asyncio.sleep(0)
        await asyncio.gather(batcher.close(), batcher.close())
        with pytest.raises(BatcherClosedError):
            await batcher.classify(["late"])
        await batcher.start()
        return list(await asyncio.gather(runs, waits, batcher.classify(["later"]), return_exceptions=True))

    said = run_virtual(scenario())
    assert said[0] == direct(["runs"])
    assert [type(error) for error in said[1:]] == [BatcherClosedError] * 2


def test_before_it_is_started_it_says_so() -> None:
    async def scenario() -> None:
        await batcher_of(Engine()).classify(["early"])

    with pytest.raises(BatcherClosedError, match="call start"):
        run_virtual(scenario())


def test_whatever_ends_its_loop_nobody_is_left_waiting() -> None:
    async def dies(call: Callable[[], Predictions]) -> Predictions:
        await asyncio.sleep(CALL_S)
        raise asyncio.CancelledError

    async def scenario() -> list[list[Prediction] | BaseException]:
        batcher = Batcher(Engine(), Limits(call_tokens=1), in_thread=dies)
        await batcher.start()
        asked = [batcher.classify([str(number)]) for number in range(3)]
        return list(await asyncio.gather(*asked, return_exceptions=True))

    assert [type(error) for error in run_virtual(scenario())] == [BatcherClosedError] * 3


def test_a_fault_in_the_batcher_itself_is_told_to_all(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> list[list[Prediction] | BaseException]:
        batcher = batcher_of(Engine())
        monkeypatch.setattr(batcher, "_answer", None)
        await batcher.start()
        asked = [batcher.classify([str(number)]) for number in range(3)]
        return list(await asyncio.gather(*asked, return_exceptions=True))

    with caplog.at_level(logging.ERROR):
        errors = run_virtual(scenario())
    assert [type(error) for error in errors] == [BatcherClosedError] * 3
    assert "the batcher failed" in caplog.text


def test_with_its_own_thread_the_event_loop_stays_free() -> None:
    class Slow(Engine):
        def classify(self, texts: Sequence[str]) -> Predictions:
            assert threading.current_thread() is not threading.main_thread()
            assert go_on.wait(30)
            return super().classify(texts)

    go_on = threading.Event()

    async def scenario() -> list[Prediction]:
        async with Batcher(Slow()) as batcher:
            asked = asyncio.create_task(batcher.classify(["text"]))
            await asyncio.sleep(0)
            go_on.set()
            return await asked

    assert asyncio.run(scenario()) == direct(["text"])


def test_the_virtual_loop_tells_of_a_wait_that_never_ends() -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingLeftError):
        run_virtual(waits())
