"""Publishing all or nothing, by a producer that fences every earlier one with its id."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException, Producer

from infra.errors import BarometerError
from infra.kafka.access import denied
from infra.kafka.clients import transactional_producer_config
from infra.kafka.publish import Outgoing, send
from infra.settings import Settings

log = logging.getLogger(__name__)

CALL_TIMEOUT_S = 30.0
ABORTS_BEFORE_GIVING_UP = 5


class FencedError(Exception):
    """Another producer has taken the transactional id over; what was to be published must be dropped."""


class TransactionError(BarometerError):
    """Kafka refuses the records for good; going on would lose them."""


def fenced_producer(settings: Settings, transactional_id: str) -> Producer:
    """A producer for ``transact``; every earlier one with this id can publish nothing any more.

    Returns once what the earlier one left open is aborted or committed, so that
    a reader of committed records sees all there will ever be of it. Raises
    KafkaException, and KafkaAccessError when we may not use the id.
    """
    producer = Producer(transactional_producer_config(settings, transactional_id))
    try:
        producer.init_transactions(CALL_TIMEOUT_S)
    except KafkaException as error:
        raise denied(settings, error.args[0]) or error from error
    return producer


def transact(producer: Producer, records: Sequence[Outgoing]) -> None:
    """Publish all of ``records`` or none. Waits for a broker that is away.

    Raises FencedError when another producer has taken over, TransactionError
    when Kafka refuses the records.
    """
    refusals: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            refusals.append(error)

    for _attempt in range(ABORTS_BEFORE_GIVING_UP):
        try:
            producer.begin_transaction()
            for record in records:
                send(producer, record, delivered)
            _until_done(producer.commit_transaction)
        except KafkaException as failure:
            error = failure.args[0]
            _raise_if_fenced(failure)
            if not error.txn_requires_abort():
                raise
            log.warning("transaction aborted, trying again: %s", error.str())
            _abort(producer)
        else:
            return
    why = refusals[0].str() if refusals else "unknown reason"
    raise TransactionError(
        f"Kafka refused {len(records)} records of a transaction {ABORTS_BEFORE_GIVING_UP} times: {why}"
    )


def _abort(producer: Producer) -> None:
    """Where Kafka has ended a transaction by itself, because we were silent for too long, only this tells us so."""
    try:
        _until_done(producer.abort_transaction)
    except KafkaException as failure:
        _raise_if_fenced(failure)
        raise


def _raise_if_fenced(failure: KafkaException) -> None:
    error = failure.args[0]
    if error.fatal() or error.code() in (KafkaError._FENCED, KafkaError._STATE):  # noqa: SLF001
        raise FencedError(error.str()) from failure


def _until_done(call: Callable[[float], None]) -> None:
    """Repeat a transactional call that may be repeated, for as long as the broker is away."""
    while True:
        try:
            return call(CALL_TIMEOUT_S)
        except KafkaException as failure:
            if not failure.args[0].retriable():
                raise
            log.warning("Kafka does not answer, waiting: %s", failure.args[0].str())
