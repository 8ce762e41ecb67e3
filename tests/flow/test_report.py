"""The report from a real Kafka."""

from __future__ import annotations

import datetime as dt

import pytest

from infra.errors import UsageError
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.settings import Settings
from stream.notify.evidence import partition_of
from stream.records import Counts, Window
from stream.report.gather import Span, from_kafka
from stream.topics import Topics

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)


def window(brand: str, minute: int, negative: int) -> Window:
    start = NOON + dt.timedelta(minutes=minute)
    counts = Counts(negative=negative, positive=1)
    return Window(
        brand=brand,
        start=start,
        end=start + dt.timedelta(minutes=1),
        size_s=60,
        counts=counts,
        probability_sums=counts,
        net_sentiment=0,
        negative_share=0,
        revision=counts.total,
        status="closed",
        models=["m1"],
    )


def test_the_newest_windows_of_the_brand_and_the_span_are_told(settings: Settings, topics: Topics) -> None:
    written = [window(brand, minute, 1) for minute in range(10) for brand in ("Acme", "Acme Air")]
    written.append(window("Acme", 3, 5))
    records = [
        Outgoing(topics.windows, one.key(), one.encode(), (), partition_of(one.brand, settings.partitions))
        for one in written
    ]
    ConfirmedPublisher(settings).publish(records)
    span = Span(NOON + dt.timedelta(minutes=2), NOON + dt.timedelta(minutes=5))
    story = from_kafka(settings, "Acme", span)
    assert [(minute.start - int(NOON.timestamp()), minute.negative) for minute in story.series.minutes] == [
        (120, 1),
        (180, 5),
        (240, 1),
    ]
    with pytest.raises(UsageError, match=r"'Acne'; did you mean Acme\? brands: Acme, Acme Air"):
        from_kafka(settings, "Acne", span)
    with pytest.raises(UsageError, match="there are from 2024-05-01T12:00 to 2024-05-01T12:09 UTC"):
        from_kafka(settings, "Acme", Span(NOON + dt.timedelta(days=1)))
