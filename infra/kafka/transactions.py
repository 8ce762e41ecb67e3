"""Publishing all or nothing, by a producer that fences every earlier one with its id."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from time import monotonic

from confluent_kafka import KafkaError, KafkaException, Producer

from infra.errors import BarometerError
from infra.kafka.access import denied
from infra.kafka.clients import transactional_producer_config
from infra.kafka.ledger import TopicPartition
from infra.kafka.publish import Outgoing, send
from infra.settings import Settings

log = logging.getLogger(__name__)

CALL_TIMEOUT_S = 30.0
_PURGED = {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}  # noqa: SLF001  librdkafka's names
PURGE_S = 5.0
_POLL_S = 0.1
_FOR_GOOD = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.INVALID_RECORD}
"""Refusals that another attempt does not change."""
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
    why = "unknown reason"
    for _attempt in range(ABORTS_BEFORE_GIVING_UP):
        refused: KafkaError | None = None
        try:
            producer.begin_transaction()
            refused = _send_all(producer, records)
            if refused is None:
                _until_done(producer.commit_transaction)
                return
            why = refused.str()
        except KafkaException as failure:
            _require_not_fenced(failure)
            why = failure.args[0].str()
        log.warning("transaction aborted, trying again: %s", why)
        _abort(producer)
        if refused is not None and refused.code() in _FOR_GOOD:
            break
    raise TransactionError(f"Kafka refused {len(records)} records of a transaction: {why}")


def end_forgotten(producer: Producer, places: Iterable[TopicPartition]) -> None:
    """End, in ``places``, a transaction of an earlier producer with this id that Kafka itself has forgotten.

    A broker that is killed after it decided on a transaction, and before it
    marked the end in every partition, does so when it is up again; but where it
    does not know the leader of a partition yet, it takes that for deleted, and
    passes it over. Readers of committed records then wait there for ever, and
    no timeout ends it. The next end of a transaction with the same id does: here
    an abort, of a record that nobody will see, so that of the forgotten one
    nothing counts where its end is missing. Raises FencedError, KafkaException.
    """
    producer.begin_transaction()
    if refused := _send_all(producer, [Outgoing(place.topic, b"end", b"", (), place.partition) for place in places]):
        log.warning("a forgotten transaction could not be ended everywhere: %s", refused.str())
    _abort(producer)


def _send_all(producer: Producer, records: Sequence[Outgoing]) -> KafkaError | None:
    """Send, and wait for all answers, or the first that is no; committing would wait for those that never come."""
    answers: list[KafkaError | None] = []
    refusals: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: object) -> None:
        answers.append(error)
        if error is not None:
            refusals.append(error)

    for record in records:
        send(producer, record, delivered)
    while len(answers) < len(records) and not refusals:
        producer.poll(_POLL_S)
    if refusals:
        _purge(producer)
    return next((refusal for refusal in refusals if refusal.code() not in _PURGED), next(iter(refusals), None))


def _purge(producer: Producer) -> None:
    """Give up what is under way, and hear what became of it: an abort waits for the answers but does not fetch them."""
    producer.purge()
    deadline = monotonic() + PURGE_S
    while len(producer) and monotonic() < deadline:
        producer.poll(_POLL_S)


def _abort(producer: Producer) -> None:
    """Where Kafka has ended a transaction by itself, because we were silent for too long, only this tells us so."""
    _purge(producer)
    try:
        _until_done(producer.abort_transaction)
    except KafkaException as failure:
        _require_not_fenced(failure)
        if failure.args[0].code() == KafkaError._STATE:  # noqa: SLF001  nothing to abort: we do not know where we stand
            raise FencedError(failure.args[0].str()) from failure
        raise


def _require_not_fenced(failure: KafkaException) -> None:
    error = failure.args[0]
    if error.fatal() or error.code() == KafkaError._FENCED:  # noqa: SLF001
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
