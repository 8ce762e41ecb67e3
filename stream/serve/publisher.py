"""Tweets to Kafka on behalf of callers, who hear where each one was written."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.errors import BarometerError
from infra.kafka.clients import producer_config
from infra.settings import Settings
from stream.records import Tweet

QUEUE_KIB = 32_768
"""What is sent and not yet confirmed: more is refused."""
_POLL_S = 0.1
_LAST_WORDS_S = 5.0


class NotConfirmedError(BarometerError):
    """Kafka has not confirmed the tweets in time, or cannot take them now; they may or may not arrive."""


class RefusedError(BarometerError):
    """Kafka takes no such record, now or later."""


class Written(NamedTuple):
    """Where a tweet is."""

    id: str
    partition: int
    offset: int


class TweetPublisher:
    """An idempotent producer for the event loop it is made in. Tweets that are not confirmed in time are given up."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._topic = topic
        self._confirm_s = settings.serve_confirm_s
        timeout_ms = max(1_000, int(settings.serve_confirm_s * 1_000))
        config = {"queue.buffering.max.kbytes": QUEUE_KIB, "message.timeout.ms": timeout_ms}
        self._producer = Producer(producer_config(settings, **config))
        self._loop = asyncio.get_running_loop()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="publisher", daemon=True)
        self._thread.start()

    async def publish(self, tweets: Sequence[Tweet]) -> list[Written]:
        """Write all, and wait until each is confirmed. Raises NotConfirmedError, RefusedError."""
        waiting = [self._loop.create_future() for _ in tweets]
        try:
            for tweet, answer in zip(tweets, waiting, strict=True):
                delivered = partial(self._delivered, tweet.id, answer)
                self._producer.produce(self._topic, tweet.encode(), tweet.id.encode(), on_delivery=delivered)
            async with asyncio.timeout(self._confirm_s):
                return list(await asyncio.gather(*waiting))
        except BufferError:
            raise NotConfirmedError("too many tweets are waiting for Kafka; try again") from None
        except TimeoutError:
            raise NotConfirmedError(f"Kafka has not confirmed the tweets within {self._confirm_s:g} s") from None
        except KafkaException as error:
            raise RefusedError(f"Kafka's client refused a tweet: {error.args[0].str()}") from error
        finally:
            for answer in waiting:
                if answer.done() and not answer.cancelled():
                    answer.exception()  # all failures are known by the first
                answer.cancel()

    def close(self) -> None:
        """Wait a moment for what is under way, drop the rest."""
        self._stopping.set()
        self._thread.join(_LAST_WORDS_S)
        self._producer.flush(1.0)
        self._producer.purge()

    def _poll(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(_POLL_S)

    def _delivered(
        self, tweet_id: str, answer: asyncio.Future[Written], error: KafkaError | None, message: Message
    ) -> None:
        """In the polling thread."""
        written = Written(tweet_id, message.partition() or 0, message.offset() or 0)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_tell, answer, error, written)


_FOR_GOOD = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.TOPIC_AUTHORIZATION_FAILED}


def _tell(answer: asyncio.Future[Written], error: KafkaError | None, written: Written) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(written)
    elif error.code() in _FOR_GOOD:
        answer.set_exception(RefusedError(f"Kafka refused tweet {written.id}: {error.str()}"))
    else:
        answer.set_exception(NotConfirmedError(f"Kafka did not take tweet {written.id}: {error.str()}"))
