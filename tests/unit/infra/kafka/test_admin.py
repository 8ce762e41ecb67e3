"""Which differences of a topic matter."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from infra.errors import TopicError
from infra.kafka.admin import TopicSpec, TopicState, differences, require_as_specified

CONFIG = {
    "cleanup.policy": "compact,delete",
    "message.timestamp.type": "LogAppendTime",
    "max.message.bytes": "1000",
    "retention.ms": "5",
}
SPEC = TopicSpec("t", 12, 3, CONFIG)


def state(config: Mapping[str, str] = CONFIG, *, partitions: int = 12, replicas: int = 3) -> TopicState:
    return TopicState("t", "id", partitions, replicas, config)


@pytest.mark.parametrize(
    "harmless",
    [
        {},
        {"retention.ms": "99"},
        {"cleanup.policy": "delete,compact"},
        {"cleanup.policy": "delete, compact"},
        {"max.message.bytes": "2000"},
        {"something.else": "1"},
    ],
)
def test_what_does_no_harm_is_no_difference(harmless: dict[str, str]) -> None:
    assert differences(SPEC, state(CONFIG | harmless)) == []


def test_replicas_are_the_operators_to_choose() -> None:
    assert differences(SPEC, state(replicas=1)) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("cleanup.policy", "delete"), ("message.timestamp.type", "CreateTime"), ("max.message.bytes", "999")],
)
def test_a_harmful_setting_is_named_with_what_is_wanted(name: str, value: str) -> None:
    (difference,) = differences(SPEC, state(CONFIG | {name: value}))
    assert str(difference).startswith(f"{name} is {value}, wanted {CONFIG[name]}: ")


def test_all_topics_with_the_same_difference_are_one_message() -> None:
    specs = [TopicSpec(name, 12, 1, CONFIG) for name in "abc"]
    found = {name: TopicState(name, "id", size, 1, CONFIG) for name, size in [("a", 4), ("b", 12), ("c", 4)]}
    with pytest.raises(TopicError) as error:
        require_as_specified(specs, found)
    assert str(error.value) == (
        "topics a, c: the number of partitions is 4, wanted 12: "
        "set BAROMETER_PARTITIONS=4, or use another BAROMETER_TOPIC_PREFIX"
    )


def test_topics_that_are_missing_or_right_are_no_problem() -> None:
    require_as_specified([SPEC, TopicSpec("missing", 1, 1, {})], {"t": state()})
