"""How metrics are named and made: base units, edges at the objective, counters that start at 0."""

from __future__ import annotations

from prometheus_client import REGISTRY

from infra import metrics
from infra.metrics_reference import markdown
from model.labels import LABELS
from stream.decode import REASONS
from stream.spikes.pane import Kind

UNITS = ("seconds", "bytes", "ratio", "records", "tweets", "timestamp_seconds", "info")


def test_names_are_in_base_units_and_counters_end_in_total() -> None:
    for section in metrics.SECTIONS:
        for metric in section.definitions:
            assert metric.name.startswith("barometer_")
            assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
            assert not {"ms", "milliseconds", "minutes", "mb", "percent"} & set(metric.name.split("_")), metric.name
            if metric.kind == "histogram":
                assert metric.name.endswith(UNITS), metric.name
                assert list(metric.buckets) == sorted(metric.buckets)


def test_latency_has_an_edge_at_its_objective() -> None:
    (latency,) = (metric for metric in metrics.FLOW.definitions if metric.name == "barometer_latency_seconds")
    assert metrics.LABELLED_WITHIN_S in latency.buckets
    assert f"{metrics.LABELLED_WITHIN_S:g} s" in latency.documentation


def test_what_is_known_beforehand_starts_at_zero() -> None:
    for section in metrics.SECTIONS:
        section.begin()
    for reason in [*REASONS, "future_timestamp", "model_error"]:
        known = REGISTRY.get_sample_value("barometer_dead_total", {"stage": "classify", "reason": reason})
        assert known is not None, reason
    assert {label for (label,) in metrics.LABELS} == set(LABELS)
    assert set(metrics.SPIKE_KINDS) == {kind.value for kind in Kind}


def test_the_page_tells_of_every_metric_and_its_edges() -> None:
    page = markdown()
    for section in metrics.SECTIONS:
        assert f"## {section.title}" in page
        for metric in section.definitions:
            row = next(line for line in page.splitlines() if line.startswith(f"| `{metric.name}` |"))
            assert ("Edges:" in row) == (metric.kind == "histogram")
            assert ("*Diagnostic.*" in row) == metric.diagnostic
