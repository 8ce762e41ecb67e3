"""Every metric, typed, in one place. Base units; what a rise means stands beside each."""

from __future__ import annotations

from typing import NamedTuple

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

# Delivery
LAG = Gauge("barometer_lag_records", "Records not yet worked on.", ["topic", "partition"])
REBALANCES = Counter("barometer_rebalances_total", "Assignments received. Often: workers come and go.")
SEEKS = Counter("barometer_seeks_total", "Times a partition was sought back to a missing record.")
FENCED = Counter("barometer_fenced_total", "Partitions lost to another owner in the middle of a batch.")
TAKE_OVER_SECONDS = Histogram(
    "barometer_take_over_seconds", "From assignment of a partition until it is worked on.", buckets=_SECONDS
)
TAKE_OVER_PHASE_SECONDS = Histogram(
    "barometer_take_over_phase_seconds",
    "Parts of a take-over of aggregate: fence the previous owner, read its state, decode it.",
    ["phase"],
    buckets=_SECONDS,
)

IN_FLIGHT = Gauge("barometer_batches_in_flight", "Batches admitted and not yet settled.", ["topic"])

# Stages
RECORDS_IN = Counter("barometer_records_in_total", "Records admitted by a stage.", ["stage"])
RECORDS_OUT = Counter("barometer_records_out_total", "Records published by a stage, confirmed.", ["stage"])
DEAD = Counter("barometer_dead_total", "Records sent to tweets.dead.", ["stage", "reason"])
RETRIES = Counter("barometer_retries_total", "Attempts after a failure that may pass. Often: see the log.", ["reason"])
REPEATED = Counter(
    "barometer_repeated_total",
    "Labelled tweets not counted again: redelivered, or duplicates by their source.",
    ["kind"],
)
BATCH_SECONDS = Histogram(
    "barometer_batch_seconds", "One batch of a stage, from admit to settle.", ["stage"], buckets=_SECONDS
)
INFERENCE_SECONDS = Histogram("barometer_inference_seconds", "One call of the classifier.", buckets=_SECONDS)
TRUNCATED = Counter("barometer_truncated_total", "Tweets longer than the model's window.")


class Family(NamedTuple):
    """A metric that is read when it is asked for; what gives its values is elsewhere."""

    name: str
    documentation: str
    value: None
    labels: tuple[str, ...]


# Reputation, read from the state of the owned partitions (stream/aggregate/gauges.py)
BRAND_MENTIONS = Family(
    "barometer_brand_mentions",
    "Tweets counted, by brand and label. Brands beyond BAROMETER_METRICS_BRANDS count under _other.",
    None,
    ("brand", "label", "partition"),
)
BRAND_VOLUME = Family(
    "barometer_brand_volume_tweets", "Tweets in the last 15 closed minutes of event time.", None, ("brand",)
)
BRAND_NEGATIVE_SHARE = Family(
    "barometer_brand_negative_share_ratio", "Negative tweets among these; none without tweets.", None, ("brand",)
)
BRAND_NET_SENTIMENT = Family(
    "barometer_brand_net_sentiment_ratio", "(Positive - negative) / all of these, -1 to 1.", None, ("brand",)
)
BRANDS = Family("barometer_brands", "Brands with tweets in the state.", None, ("partition",))
BRANDS_HIDDEN = Family(
    "barometer_brands_hidden",
    "Of these, those without series of their own. Rising: raise the limit.",
    None,
    ("partition",),
)
WATERMARK = Family(
    "barometer_watermark_timestamp_seconds",
    "Event time up to which tweets are complete. Standing still while time goes on: a source partition is stuck.",
    None,
    ("partition",),
)
