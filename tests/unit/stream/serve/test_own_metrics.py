"""What the API tells Prometheus about itself, and not about workers."""

from __future__ import annotations

from infra import metrics
from stream.serve.routes.system import _Own


def test_the_api_tells_nothing_of_workers_for_at_zero_that_would_say_kafka_is_away() -> None:
    told = {family.name for family in _Own().collect()}
    assert "barometer_http_requests" in told
    workers = {one.name.removesuffix("_total") for one in metrics.DELIVERY.definitions + metrics.FLOW.definitions}
    assert "barometer_kafka_up" in workers
    assert not told & workers
