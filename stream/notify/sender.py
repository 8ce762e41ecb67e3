"""Sends what is queued, to each target at its own pace, and tries again what is refused.

Messages about the same alert go in their order: its end is not told before its
beginning. Others do not wait for one that a target refuses.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from infra import metrics
from stream.notify.memory import Message
from stream.notify.notice import Notice
from stream.notify.outbox import Clock, Outbox, now
from stream.notify.targets import SendError, Target

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Letter:
    """A message as it is sent; ``spikes``: ids of those that it tells of, by fingerprint of the alert."""

    notice: Notice
    plot: bytes | None
    spikes: dict[str, str]


Compose = Callable[[Message], Awaitable[Letter]]


@dataclass
class _Due:
    message: Message
    failures: int = 0
    at: float = 0.0


class Sender:
    """Give it messages with ``take``; ``run`` sends them until ``stop_soon``."""

    def __init__(self, target: Target, outbox: Outbox, compose: Compose, give_up_s: float, clock: Clock = now) -> None:
        self.target = target
        self._outbox = outbox
        self._compose = compose
        self._give_up_s = give_up_s
        self._clock = clock
        self._waiting: dict[str, _Due] = {}
        self._done: deque[str] = deque(maxlen=1_000)
        self._news = asyncio.Event()
        self._stopping = False

    @property
    def waiting(self) -> int:
        """Messages that the target has not taken yet."""
        return len(self._waiting)

    def take(self, messages: Sequence[Message]) -> None:
        """Send these too, unless they are known."""
        for message in messages:
            if message.target == self.target.name and message.id not in self._done:
                self._waiting.setdefault(message.id, _Due(message))
        self._news.set()

    def stop_soon(self) -> None:
        """Finish what is being sent, so that it is not sent again by the next process."""
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        """Raises TakenOverError, and BarometerError when what was sent cannot be remembered."""
        while not self._stopping:
            self._news.clear()  # no await from here to the wait: nothing that is set meanwhile is lost
            due = self._next()
            if due is None:
                wait_s = min((one.at for one in self._waiting.values()), default=float("inf")) - time.monotonic()
                await self._rest(max(wait_s, 0.01))
                continue
            await self._send(due)

    async def _rest(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(None if wait_s == float("inf") else wait_s):
                await self._news.wait()
        except TimeoutError:
            return

    def _next(self) -> _Due | None:
        """The oldest that is due and does not follow one about the same alert that still waits."""
        earlier: set[str] = set()
        for due in sorted(self._waiting.values(), key=lambda one: one.message.queued_at):
            about = {told.alert.fingerprint for told in due.message.told}
            if due.at <= time.monotonic() and not about & earlier:
                return due
            earlier |= about
        return None

    async def _send(self, due: _Due) -> None:
        letter = await self._compose(due.message)
        try:
            await asyncio.to_thread(self.target.send, letter.notice, letter.plot)
        except SendError as error:
            await self._refused(due, letter, error)
            return
        metrics.NOTIFICATIONS.labels("sent").inc()
        log.info("told %s: %s", self.target.name, letter.notice.title)
        await self._settle(due, letter, "sent")

    async def _refused(self, due: _Due, letter: Letter, error: SendError) -> None:
        due.failures += 1
        age_s = (self._clock() - due.message.queued_at).total_seconds()
        if age_s > self._give_up_s:
            metrics.NOTIFICATIONS.labels("failed").inc()
            log.error("given up after %.0f s: %s; it was: %s", age_s, error, letter.notice.title)
            await self._settle(due, letter, "abandoned")
            return
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(due.failures - 1, 20))
        due.at = time.monotonic() + wait_s
        log.warning("attempt %d failed, the next in %.0f s: %s", due.failures, wait_s, error)

    async def _settle(self, due: _Due, letter: Letter, state: str) -> None:
        """From here to the record in Kafka is the moment in which a crash sends twice."""
        self._done.append(due.message.id)
        del self._waiting[due.message.id]
        await asyncio.to_thread(
            self._outbox.settle, due.message, "sent" if state == "sent" else "abandoned", letter.spikes
        )
