"""One bad text costs only itself; what passes is waited out; what is nobody's fault stops the worker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.incoming import Incoming
from infra.kafka.ledger import TopicPartition
from model.batching.careful import PATIENT_WITH
from model.prediction import ModelError, ModelInfo, Predictions
from stream.classify.labels import classify
from stream.records import Tweet

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)


class Model:
    """Asks ``fault`` about every call; counts them."""

    info = ModelInfo("picky", "7", "none")

    def __init__(self, fault: Callable[[Sequence[str]], Exception | None]) -> None:
        self._fault = fault
        self.calls: list[list[str]] = []

    def classify(self, texts: Sequence[str]) -> Predictions:
        self.calls.append(list(texts))
        if fault := self._fault(texts):
            raise fault
        rows = np.tile(np.array([0.2, 0.1, 0.7], np.float32), (len(texts), 1))
        return Predictions(rows, np.zeros(len(texts), dtype=np.bool_))

    def close(self) -> None:
        pass


def failing_on_bad(error: Exception) -> Model:
    return Model(lambda texts: error if any("bad" in text for text in texts) else None)


def failing_times(times: int, error: Exception) -> Model:
    left = iter(range(times))
    return Model(lambda _texts: error if next(left, None) is not None else None)


def tweets(*texts: str) -> list[tuple[Incoming, Tweet]]:
    return [
        (
            Incoming(TopicPartition("tweets", 3), offset, None, b"", (), 0),
            Tweet(id=str(offset), text=text, created_at=NOON),
        )
        for offset, text in enumerate(texts)
    ]


@given(st.lists(st.booleans(), max_size=40), st.sampled_from([RuntimeError("x"), ValueError("x"), ModelError("x")]))
def test_a_text_on_which_the_model_fails_costs_only_itself(bad: list[bool], error: Exception) -> None:
    batch = tweets(*("bad" if is_bad else "fine" for is_bad in bad))
    done = classify(failing_on_bad(error), batch, sleep=lambda _s: None)

    assert [record.offset for record, _tweet in done.tweets] == [n for n, is_bad in enumerate(bad) if not is_bad]
    assert [record.offset for record, _why in done.failed] == [n for n, is_bad in enumerate(bad) if is_bad]
    assert {why.reason for _record, why in done.failed} <= {"model_error"}
    assert len(done.rows) == len(done.tweets)


@pytest.mark.parametrize("error", [RuntimeError("device busy"), OSError("stale file handle"), MemoryError()])
def test_an_error_that_passes_costs_nothing_but_a_wait(error: Exception) -> None:
    waits: list[float] = []
    model = failing_times(3, error)
    done = classify(model, tweets("a", "b"), sleep=waits.append)
    assert len(done.tweets) == 2
    assert model.calls == [["a", "b"]] * 4, "the whole batch each time"
    assert len(waits) == 3
    assert waits == sorted(waits)


@pytest.mark.parametrize("error", [ValueError("no"), RecursionError(), Exception("tokenizer"), ModelError("nan")])
def test_an_error_that_would_come_again_is_not_waited_out(error: Exception) -> None:
    waits: list[float] = []
    done = classify(failing_on_bad(error), tweets("fine", "bad"), sleep=waits.append)
    assert len(done.failed) == 1
    assert not waits


def test_less_memory_is_asked_for_before_the_worker_gives_up() -> None:
    model = Model(lambda texts: MemoryError() if len(texts) > 4 else None)
    done = classify(model, tweets(*["fine"] * 16), sleep=lambda _s: None)
    assert len(done.tweets) == 16


def test_a_machine_without_memory_stops_the_worker_and_kills_no_tweet() -> None:
    """Texts are cut before the model sees them, so that no text can be at fault."""
    with pytest.raises(MemoryError):
        classify(Model(lambda _texts: MemoryError()), tweets(*["fine"] * 16), sleep=lambda _s: None)


def test_a_model_that_is_broken_for_good_is_not_waited_for_with_every_text() -> None:
    waits: list[float] = []
    done = classify(Model(lambda _texts: RuntimeError("broken")), tweets(*["fine"] * 256), sleep=waits.append)
    assert len(done.failed) == 256
    assert len(waits) == 3 * (1 + PATIENT_WITH)


def test_nothing_to_classify_is_fine() -> None:
    model = failing_on_bad(ValueError())
    assert classify(model, []).tweets == []
    assert not model.calls
