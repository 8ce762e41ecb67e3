"""One ``barometer notify`` process: settings to targets, queue and HTTP server. The composition root."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import uvicorn

from infra import metrics
from infra.errors import BarometerError, KafkaUnavailableError, TopicError
from infra.health import Health
from infra.kafka.admin import check_topics
from infra.secrets import secret_of
from infra.settings import Settings
from stream.notify.app import NotTakenError, build_app
from stream.notify.compose import Composer
from stream.notify.evidence import SpikeBook
from stream.notify.memory import Message
from stream.notify.outbox import Outbox, TakenOverError
from stream.notify.sender import Sender
from stream.notify.targets import Target, hearing, load_targets
from stream.notify.webhook import Post
from stream.topics import Topics, all_topic_specs

ANSWER_S = 8.0
"""Alertmanager waits ten seconds or more for an answer."""
MOST_WAITING_CALLS = 32
KAFKA_PATIENCE_S = 60.0
"""A process that is started together with its Kafka waits this long for it and its topics."""

log = logging.getLogger(__name__)


def work(settings: Settings) -> NoReturn:
    """Be a process: serve until SIGTERM or SIGINT, then leave at once with the exit code of what happened.

    At once, because threads may wait for a Kafka that is away. Nothing that
    they hold counts: the process may be killed at any time.
    """
    code = 0
    try:
        targets = load_targets(settings)
        _wait_for_topics(settings)
        asyncio.run(_serve(settings, targets))
    except BarometerError as error:
        sys.stderr.write(f"barometer: {error}\n")
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        log.exception("stopping because of an error nobody expected")
        code = 1
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


async def _serve(settings: Settings, targets: list[Target]) -> None:
    outbox = await asyncio.to_thread(Outbox, settings)
    book = SpikeBook(settings)
    await asyncio.to_thread(book.__enter__)
    composer = Composer(settings, book, outbox)
    senders = [Sender(target, outbox, composer, settings.notify_give_up_s) for target in targets]
    desk = _Desk(outbox, senders)
    health = Health(live={"spikes": book.check}, ready={"queue": outbox.check})
    app = build_app(desk.take, health, secret_of(settings, "notify_token", "token"))
    server = _Server(
        uvicorn.Config(
            app,
            host=settings.notify_host,
            port=settings.notify_port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=round(settings.shutdown_timeout_s),
        )
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop_soon)
    desk.resume()
    serving = asyncio.create_task(server.serve())
    sending = [asyncio.create_task(sender.run()) for sender in senders]
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    log.info("hearing Alertmanager on %s:%d, telling %s", settings.notify_host, settings.notify_port, desk.named)
    try:
        ends = (serving, desk.closed, *sending)
        done, _others = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.stop_soon()
        for sender in senders:
            sender.stop_soon()
    for ended in done:
        _raise_failure(ended, settings)
    await serving
    _sent, unsent = await asyncio.wait(sending, timeout=settings.shutdown_timeout_s)
    if unsent:
        log.warning("not done with sending within %.0f s; it will be sent again", settings.shutdown_timeout_s)
    await asyncio.to_thread(book.__exit__, None, None, None)


def _raise_failure(ended: asyncio.Future[None], settings: Settings) -> None:
    try:
        ended.result()
    except SystemExit as error:  # uvicorn's way of saying that it has no port; it has logged why
        raise BarometerError(
            f"cannot listen on {settings.notify_host}:{settings.notify_port}; "
            "set BAROMETER_NOTIFY_PORT to a free port, and the same in Alertmanager's webhook"
        ) from error


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: they would end the process by the signal, with nobody to say why."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop_soon(self) -> None:
        """Answer what is being asked, then end."""
        self.should_exit = True


class _Desk:
    """Takes calls in, and hands what is queued to the senders."""

    def __init__(self, outbox: Outbox, senders: list[Sender]) -> None:
        self._outbox = outbox
        self._senders = senders
        self._waiting = 0
        metrics.NOTIFICATIONS_WAITING.set_function(lambda: sum(sender.waiting for sender in senders))
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Fails when another process has taken the queue over."""

    @property
    def named(self) -> str:
        return ", ".join(sender.target.name for sender in self._senders)

    def resume(self) -> None:
        """Send what an earlier process had queued."""
        queued = self._outbox.queued()
        for sender in self._senders:
            sender.take(queued)
        ours = {sender.target.name for sender in self._senders}
        if orphans := sum(message.target not in ours for message in queued):
            log.warning("%d queued messages are for targets that are not in the settings any more", orphans)

    async def take(self, post: Post) -> int:
        """How many messages are waiting now; all of them are in Kafka. Raises NotTakenError."""
        if self._waiting >= MOST_WAITING_CALLS:
            raise NotTakenError("too many calls wait for Kafka")
        names = hearing((sender.target for sender in self._senders), post.receiver)
        if not names:
            log.warning("no target hears receiver %s: its alerts are told to nobody", post.receiver)
        self._waiting += 1
        writing = asyncio.create_task(asyncio.to_thread(self._outbox.accept, post, names))
        writing.add_done_callback(self._written)
        try:
            async with asyncio.timeout(ANSWER_S):
                queued = await asyncio.shield(writing)
        except TimeoutError:
            raise NotTakenError(f"Kafka has not confirmed it within {ANSWER_S:.0f} s") from None
        except BarometerError as error:
            raise NotTakenError(str(error)) from error
        if names and not queued:
            metrics.NOTIFICATIONS.labels("repeated").inc()
        for sender in self._senders:
            sender.take(queued)
        return len(queued)

    def _written(self, writing: asyncio.Task[list[Message]]) -> None:
        """Also when the caller has been sent away meanwhile: it comes back, and then this is known already."""
        self._waiting -= 1
        if writing.cancelled() or (error := writing.exception()) is None:
            return
        log.warning("not queued: %s", error)
        if isinstance(error, TakenOverError) and not self.closed.done():
            self.closed.set_exception(error)


def _wait_for_topics(settings: Settings) -> None:
    topics = Topics.of(settings)
    wanted = {topics.windows, topics.spikes, topics.notifications}
    specs = [spec for spec in all_topic_specs(settings) if spec.name in wanted]
    deadline = time.monotonic() + KAFKA_PATIENCE_S
    said = False
    while True:
        try:
            check_topics(settings, specs)
            return
        except (KafkaUnavailableError, TopicError) as error:
            if time.monotonic() > deadline:
                raise
            if not said:
                log.info("waiting: %s", error)
                said = True
            time.sleep(0.25)
