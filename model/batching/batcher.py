"""One engine for many callers at once: their texts are gathered into as few calls as may be.

While the engine works on one call, requests gather for the next, so batches
grow by themselves with the load, and a caller who is alone never waits. Each
caller gets an answer or an error, whatever happens: the loop of ``_run`` leaves
nobody behind, and neither does its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from infra.errors import BarometerError
from model.batching.queue import FairQueue, Limits, OverloadedError, Piece, Request, tokens_of
from model.prediction import Classifier, ModelError, ModelInfo, Prediction, Predictions

log = logging.getLogger(__name__)
InThread = Callable[[Callable[[], Predictions]], Awaitable[Predictions]]
"""Runs the engine away from the event loop, one call at a time."""

_NEWEST_COUNTS = 0.2
"""Of the engine's speed, which says when an overloaded queue will have room."""
_FIRST_RETRY_S, _SHORTEST_RETRY_S, _LONGEST_RETRY_S = 1.0, 0.1, 60.0


class BatcherClosedError(BarometerError):
    """The batcher is shut down, or its loop has failed: nothing will be labelled any more."""


@dataclass(frozen=True)
class _Answer:
    """What a caller waits for. ``said``: what is known of its texts so far, in their order."""

    future: asyncio.Future[list[Prediction]]
    said: list[Prediction] = field(default_factory=list)


class Batcher:
    """Labels the texts of concurrent callers of one event loop with one classifier, which stays the caller's to close.

    ``async with Batcher(classifier) as batcher: await batcher.classify(texts)``
    """

    def __init__(
        self, classifier: Classifier, limits: Limits | None = None, *, in_thread: InThread | None = None
    ) -> None:
        self._classifier = classifier
        self._limits = limits or Limits()
        self._queue = FairQueue(self._limits)
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._in_thread = in_thread or self._in_own_thread
        self._answers: dict[Request, _Answer] = {}
        self._arrived = asyncio.Event()
        self._enough = asyncio.Event()
        self._expected = 1
        self._tokens_per_s: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._shut = False
        self._closed: BatcherClosedError | None = BatcherClosedError("the batcher is not started; call start() first")

    @property
    def info(self) -> ModelInfo:
        """The model that labels."""
        return self._classifier.info

    @property
    def waiting(self) -> int:
        """Texts that wait for the engine."""
        return self._queue.texts

    async def start(self) -> None:
        """Begin to work, in the running event loop. A batcher that was closed does not start again."""
        if self._task is None and not self._shut:
            self._closed = None
            self._task = asyncio.create_task(self._run(), name="batcher")

    async def close(self) -> None:
        """Refuse what comes and what waits, finish the call that is running. Safe to call again."""
        self._shut = True
        self._closed = BatcherClosedError("the model is being shut down; ask again soon, or another server")
        for request in self._queue.clear():
            self._fail(request, BatcherClosedError(str(self._closed)))
        self._arrived.set()
        self._enough.set()
        if self._task is not None:
            await asyncio.wait((self._task,))
        self._threads.shutdown(wait=False)

    async def classify(self, texts: Sequence[str]) -> list[Prediction]:
        """Label ``texts``, in their order, as the classifier alone would.

        Cancelled, its texts are not labelled, but for those that the engine has
        already. Raises OverloadedError, TooManyTextsError, ModelError (what was wrong with
        these texts, not with those of other callers), BatcherClosedError.
        """
        if self._closed is not None:
            raise BatcherClosedError(str(self._closed))
        if not texts:
            return []
        request = Request(tuple(texts))
        try:
            self._queue.put(request)
        except OverloadedError as error:
            error.retry_after_s = self._retry_after_s()
            raise
        answer = self._answers[request] = _Answer(asyncio.get_running_loop().create_future())
        self._arrived.set()
        if len(self._queue) >= self._expected or self._queue.tokens >= self._limits.call_tokens:
            self._enough.set()
        try:
            return await answer.future
        finally:
            self._queue.drop(request)
            del self._answers[request]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self) -> None:
        why = BatcherClosedError("the model was stopped; start the server again")
        try:
            while self._closed is None:
                await self._gather()
                pieces = self._queue.take()
                self._expected = len(pieces)
                await self._serve(pieces)
            why = self._closed
        except Exception as error:
            log.exception("the batcher failed")
            why = BatcherClosedError(f"the batcher failed ({error!r}); start the server again")
        finally:
            self._closed = why
            for request in list(self._answers):
                self._fail(request, BatcherClosedError(str(why)))

    async def _gather(self) -> None:
        """Wait for a request; then, if there were several callers a moment ago, a little for the others."""
        if self._queue:
            return
        self._arrived.clear()
        self._enough.clear()
        await self._arrived.wait()
        if self._expected > 1:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._limits.wait_s):
                    await self._enough.wait()

    async def _serve(self, pieces: Sequence[Piece]) -> None:
        """Label the pieces in one call; where the engine raises, in halves, until the caller at fault stands alone."""
        pieces = [piece for piece in pieces if self._wanted(piece)]
        if not pieces:
            return
        texts = [text for piece in pieces for text in piece.texts]
        try:
            predictions = await self._label(texts)
        except Exception as error:  # noqa: BLE001  told to the caller whose texts they are
            if len(pieces) == 1:
                self._fail(pieces[0].request, self._as_model_error(error))
            else:
                middle = len(pieces) // 2
                await self._serve(pieces[:middle])
                await self._serve(pieces[middle:])
            return
        said = iter(predictions)
        for piece in pieces:
            self._answer(piece, [next(said) for _ in piece.texts])

    async def _label(self, texts: list[str]) -> list[Prediction]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        predictions = (await self._in_thread(partial(self._classifier.classify, texts))).each()
        if len(predictions) != len(texts):
            raise ModelError(f"model {self.info.name} gave {len(predictions)} answers to {len(texts)} texts")
        speed = sum(map(tokens_of, texts)) / max(1e-6, loop.time() - started)
        before = self._tokens_per_s or speed
        self._tokens_per_s = before + _NEWEST_COUNTS * (speed - before)
        return predictions

    async def _in_own_thread(self, call: Callable[[], Predictions]) -> Predictions:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _wanted(self, piece: Piece) -> bool:
        answer = self._answers.get(piece.request)
        return answer is not None and not answer.future.done()

    def _answer(self, piece: Piece, said: Sequence[Prediction]) -> None:
        if not self._wanted(piece):
            return
        answer = self._answers[piece.request]
        answer.said.extend(said)
        if len(answer.said) == len(piece.request.texts):
            answer.future.set_result(answer.said)

    def _fail(self, request: Request, error: BarometerError) -> None:
        """End a request with an error of its own: one raised in several tasks would gather the tracebacks of all."""
        self._queue.drop(request)
        answer = self._answers.get(request)
        if answer is not None and not answer.future.done():
            answer.future.set_exception(error)

    def _as_model_error(self, error: Exception) -> ModelError:
        if isinstance(error, ModelError):
            return error
        return ModelError(f"model {self.info.name} failed on these texts: {type(error).__name__}: {error}")

    def _retry_after_s(self) -> float:
        """When what waits now should be done."""
        if self._tokens_per_s is None:
            return _FIRST_RETRY_S
        return min(_LONGEST_RETRY_S, max(_SHORTEST_RETRY_S, self._queue.tokens / self._tokens_per_s))
