"""Who is in a consumer group."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from infra.errors import KafkaUnavailableError
from infra.kafka.access import denied
from infra.kafka.clients import common_config
from infra.settings import Settings

_TIMEOUT_S = 10.0
_NO_GROUP = {KafkaError.GROUP_ID_NOT_FOUND, KafkaError.COORDINATOR_NOT_AVAILABLE}


def group_members(settings: Settings) -> list[str]:
    """The members of the workers' group, such as ``barometer-1 at /10.0.0.7``; none when nobody works.

    Raises KafkaUnavailableError, and KafkaAccessError when Kafka does not let us.
    """
    admin = AdminClient(common_config(settings))  # named: it answers only for as long as it lives
    answer = admin.describe_consumer_groups([settings.group], request_timeout=_TIMEOUT_S)[settings.group]
    try:
        found = answer.result(_TIMEOUT_S + 5)
    except (KafkaException, TimeoutError) as error:
        cause = error.args[0] if error.args else None
        if isinstance(cause, KafkaError):
            if cause.code() in _NO_GROUP:
                return []
            if refused := denied(settings, cause):
                raise refused from error
        raise KafkaUnavailableError(
            f"Kafka at {settings.kafka_bootstrap_servers} does not say who is in the group {settings.group}: "
            f"{cause or 'no answer'}; check BAROMETER_KAFKA_BOOTSTRAP_SERVERS"
        ) from error
    return [f"{member.client_id} at {member.host}" for member in found.members]
