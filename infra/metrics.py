"""Every metric, typed, in one place. Base units; what a rise means stands beside each.

``docs/metrics.md`` is generated from here (``make docs``). A metric that neither
a dashboard nor a rule reads is marked ``diagnostic``. Histograms have classic
buckets, with edges at the objectives: the Python client has no native ones, and
Prometheus reads native ones by protobuf alone, which it does not speak either.
"""

from __future__ import annotations

from itertools import product

from infra.catalogue import Section

LABELLED_WITHIN_S = 0.25
"""The objective of latency: from a tweet's append to ``tweets`` until its label is confirmed in ``tweets.labeled``."""
LABELLED_IN_TIME = 0.99
"""So many of all tweets."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, LABELLED_WITHIN_S, 0.5, 1, 2.5, 5, 10, 30)
_LONG_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_LATENCY_SECONDS = (0.01, 0.025, 0.05, 0.1, LABELLED_WITHIN_S, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600)
_AGE_SECONDS = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400, 604_800)
_BATCH_RECORDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024)
_CONFIDENCE = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)

STAGES = (("classify",), ("aggregate",))
STEPS = (("classify", "decode"), ("classify", "label"), ("classify", "publish"), ("aggregate", "save"))
DEAD_REASONS = (
    *product(
        ("classify",),
        (
            "unknown_type",
            "null_value",
            "too_large",
            "invalid_utf8",
            "invalid_json",
            "not_an_object",
            "unknown_schema_version",
            "invalid_field",
            "empty_text",
            "future_timestamp",
            "model_error",
        ),
    ),
    ("aggregate", "late"),
)
"""Of the aggregate's reasons only that which does not tell of a mistake of ours; the others appear when they do."""
LABELS = (("negative",), ("neutral",), ("positive",))
SPIKE_KINDS = ("negative", "positive", "volume")

DELIVERY = Section(
    "Delivery",
    "What a worker owns of Kafka's partitions and how far it is there. Each worker tells of its own partitions; "
    "together they are the group.",
)
LAG = DELIVERY.gauge(
    "barometer_lag_records",
    "Records not yet worked on. Rising: more comes in than is worked on.",
    ["topic", "partition"],
)
NEXT_OFFSET = DELIVERY.gauge(
    "barometer_next_offset",
    "Offset of the record that is worked on next. Standing still while there is lag: the partition is stuck.",
    ["topic", "partition"],
)
END_OFFSET = DELIVERY.gauge(
    "barometer_end_offset",
    "Offset that the next record to arrive will get. Standing still: nothing arrives.",
    ["topic", "partition"],
)
TOPIC_PARTITIONS = DELIVERY.gauge(
    "barometer_topic_partitions", "Partitions that the topic has; somebody must own each.", ["topic"]
)
PARTITIONS = DELIVERY.gauge(
    "barometer_partitions",
    "Partitions assigned to this worker: working, or waiting to be taken over. Waiting for long: recovery hangs.",
    ["topic", "state"],
)
REBALANCES = DELIVERY.counter(
    "barometer_rebalances_total", "Assignments received. Often: workers come and go, or are too slow to stay."
)
SEEKS = DELIVERY.counter(
    "barometer_seeks_total", "Times a partition was sought back to a missing record, or to where its state ends."
)
FENCED = DELIVERY.counter(
    "barometer_fenced_total",
    "Partitions lost to another owner in the middle of a batch. Rising: workers freeze for longer than the session.",
)
PASSED_OVER = DELIVERY.counter(
    "barometer_passed_over_total",
    "Fetched records that were not admitted: stale (from before a rebalance), repeated, or early (after a hole); and "
    "gap: offsets without a record. Early, often: Kafka's client drops records.",
    ["reason"],
    values=[("stale",), ("repeated",), ("early",), ("gap",)],
    diagnostic=True,
)
TAKE_OVER_SECONDS = DELIVERY.histogram(
    "barometer_take_over_seconds",
    "From assignment of a partition until it is worked on. Rising: states grow, or Kafka is slow.",
    buckets=_LONG_SECONDS,
)
TAKE_OVER_PHASE_SECONDS = DELIVERY.histogram(
    "barometer_take_over_phase_seconds",
    "Parts of a take-over of aggregate: fence the previous owner, read its state, decode it.",
    ["phase"],
    buckets=_LONG_SECONDS,
    values=[("fence",), ("read",), ("decode",)],
    diagnostic=True,
)
IN_FLIGHT = DELIVERY.gauge(
    "barometer_batches_in_flight", "Batches admitted and not yet settled.", ["topic"], diagnostic=True
)
QUEUE = DELIVERY.gauge(
    "barometer_queue_ratio",
    "How full the queue between Kafka and a stage is, 0 to 1. At 1: the stage is the bottleneck, and Kafka waits.",
    ["topic"],
)
KAFKA_UP = DELIVERY.gauge(
    "barometer_kafka_up", "Whether Kafka answered this worker when it was last asked, seconds ago: 1 or 0."
)

FLOW = Section("Stages", "What the stages of a worker do. ``stage`` is classify or aggregate.")
RECORDS_IN = FLOW.counter("barometer_records_in_total", "Records admitted by a stage.", ["stage"], values=STAGES)
RECORDS_OUT = FLOW.counter(
    "barometer_records_out_total",
    "Records published by a stage, confirmed by Kafka: labelled tweets, or windows.",
    ["stage"],
    values=STAGES,
)
DEAD = FLOW.counter(
    "barometer_dead_total",
    "Records sent to tweets.dead. Rising: `barometer dead list` says what is wrong with them.",
    ["stage", "reason"],
    values=DEAD_REASONS,
)
RETRIES = FLOW.counter(
    "barometer_retries_total",
    "Attempts after a failure that may pass. Often: see the log.",
    ["reason"],
    values=[("model_error",), ("out_of_memory",), ("kafka_unavailable",)],
    diagnostic=True,
)
REPEATED = FLOW.counter(
    "barometer_repeated_total",
    "Labelled tweets not counted again: redelivered after a crash or rebalance, or duplicates by their source.",
    ["kind"],
    values=[("redelivered",), ("duplicate",)],
)
LATE = FLOW.counter(
    "barometer_late_total",
    "Tweets counted after their minute had closed: windows get another revision. Rising: raise "
    "BAROMETER_ALLOWED_LATENESS_S. Those too late even for that are dead, with reason late.",
)
BATCH_RECORDS = FLOW.histogram(
    "barometer_batch_records",
    "Records in one batch. Full batches: a backlog is worked off.",
    ["stage"],
    buckets=_BATCH_RECORDS,
    values=STAGES,
)
BATCH_SECONDS = FLOW.histogram(
    "barometer_batch_seconds", "One batch of a stage, from admit to settle.", ["stage"], buckets=_SECONDS, values=STAGES
)
STEP_SECONDS = FLOW.histogram(
    "barometer_step_seconds",
    "Parts of a batch: decode, label and publish (until Kafka confirms) of classify; save (fold, and one "
    "transaction for each partition) of aggregate.",
    ["stage", "step"],
    buckets=_SECONDS,
    values=STEPS,
)
LATENCY = FLOW.histogram(
    "barometer_latency_seconds",
    "From the append of a record to the topic that the stage reads, by Kafka's clock, until all that came of it was "
    f"confirmed. Objective: {LABELLED_IN_TIME:.0%} of classify within {LABELLED_WITHIN_S:g} s.",
    ["stage"],
    buckets=_LATENCY_SECONDS,
    values=STAGES,
)
AGE = FLOW.histogram(
    "barometer_age_seconds",
    "From the time a tweet was written until its label was confirmed. In a replay of the past: how long ago that is.",
    buckets=_AGE_SECONDS,
)
WATERMARK = FLOW.family(
    "barometer_watermark_timestamp_seconds",
    "Event time up to which tweets are complete, by labelled partition, in seconds since 1970. Standing still while "
    "tweets come: a source partition is stuck.",
    ("partition",),
)
WATERMARK_DELAY = FLOW.family(
    "barometer_watermark_delay_seconds",
    "How far the watermark is behind the newest tweet, in event time. More than BAROMETER_ALLOWED_LATENESS_S: one "
    "source partition is behind the others and holds windows open.",
    ("partition",),
)

MODEL = Section("Model", "What the loaded model is and does, in a worker or in the API.")
MODEL_INFO = MODEL.gauge(
    "barometer_model_info", "1 for the loaded model: its name, version, and engine.", ["name", "version", "engine"]
)
INFERENCE_SECONDS = MODEL.histogram(
    "barometer_inference_seconds", "One call of the classifier, for a batch of texts.", buckets=_SECONDS
)
MODEL_STEP_SECONDS = MODEL.histogram(
    "barometer_model_step_seconds",
    "Parts of a call of the classifier: tokenize (normalising included), and network.",
    ["step"],
    buckets=_SECONDS,
    values=[("tokenize",), ("network",)],
)
TEXTS = MODEL.counter("barometer_texts_total", "Texts that the model has labelled, those it remembered included.")
REMEMBERED = MODEL.counter(
    "barometer_label_cache_texts_total",
    "Texts by whether the same one, after normalising, was labelled before: retweets and copies are hits, and cheap.",
    ["outcome"],
    values=[("hit",), ("miss",)],
)
TOKENS = MODEL.counter(
    "barometer_tokens_total",
    "Tokens that the network was given: text, and padding. Much padding: texts are packed badly.",
    ["kind"],
    values=[("text",), ("padding",)],
)
TRUNCATED = MODEL.counter("barometer_truncated_total", "Texts longer than the model's window; the rest was not read.")
LABELLED = MODEL.counter(
    "barometer_labels_total",
    "Tweets by label. Shifting while brands do not: look at the model.",
    ["label"],
    values=LABELS,
)
CONFIDENCE = MODEL.histogram(
    "barometer_confidence_ratio",
    "Probability of the label given, 0.33 to 1. Falling: tweets are no longer what the model was trained on.",
    ["label"],
    buckets=_CONFIDENCE,
    values=LABELS,
)
MODEL_ERRORS = MODEL.counter(
    "barometer_model_errors_total",
    "Calls of the classifier that failed. What a text is to blame for goes to tweets.dead, the rest is tried again.",
)

REPUTATION = Section(
    "Reputation",
    "Per brand, in event time, read from the state of the partitions that a worker owns when somebody scrapes; whoever "
    "takes a partition over shows the same, whoever has lost it nothing. At most BAROMETER_METRICS_BRANDS brands, the "
    "most mentioned, have series; they keep them until others have twice as many. Read them as "
    "`max by (brand) (last_over_time(METRIC[2m]))`: then a partition that moves changes nothing.",
)
BRAND_MENTIONS = REPUTATION.family(
    "barometer_brand_mentions_total",
    "Tweets counted, by brand and label. Brands without series of their own count under _other.",
    ("brand", "label", "partition"),
    kind="counter",
)
BRAND_VOLUME = REPUTATION.family(
    "barometer_brand_volume_tweets", "Tweets in the last 15 closed minutes of event time.", ("brand",)
)
BRAND_NEGATIVE_SHARE = REPUTATION.family(
    "barometer_brand_negative_share_ratio", "Negative tweets among these; none without tweets.", ("brand",)
)
BRAND_POSITIVE_SHARE = REPUTATION.family(
    "barometer_brand_positive_share_ratio", "Positive tweets among these; none without tweets.", ("brand",)
)
BRAND_NET_SENTIMENT = REPUTATION.family(
    "barometer_brand_net_sentiment_ratio", "(Positive - negative) / all of these, -1 to 1.", ("brand",)
)
BRAND_NEGATIVE_BASELINE = REPUTATION.family(
    "barometer_brand_negative_baseline_ratio",
    "Share of negative tweets that is usual for the brand at this hour; none while it is learnt.",
    ("brand",),
)
BRAND_POSITIVE_BASELINE = REPUTATION.family(
    "barometer_brand_positive_baseline_ratio", "The same for positive tweets.", ("brand",)
)
BRAND_VOLUME_BASELINE = REPUTATION.family(
    "barometer_brand_volume_baseline_tweets",
    "Tweets that are usual for the brand in 15 minutes at this hour; none while it is learnt.",
    ("brand",),
)
BRAND_NEGATIVE_Z = REPUTATION.family(
    "barometer_brand_negative_z",
    "How far the share of negative tweets is above the usual one, in standard deviations of what it varies by for no "
    "reason, in that recent window (minutes to hours) which stands out most. As judged when the last pane closed.",
    ("brand",),
)
BRAND_NEGATIVE_Z_THRESHOLD = REPUTATION.family(
    "barometer_brand_negative_z_threshold",
    "The z that opens a spike: higher for short windows, of which there are more.",
    ("brand",),
)
BRAND_POSITIVE_Z = REPUTATION.family("barometer_brand_positive_z", "The same for positive tweets.", ("brand",))
BRAND_POSITIVE_Z_THRESHOLD = REPUTATION.family(
    "barometer_brand_positive_z_threshold", "The same for positive tweets.", ("brand",)
)
BRAND_VOLUME_Z = REPUTATION.family(
    "barometer_brand_volume_z",
    "How far the number of tweets is above the usual one, in standard deviations on a log scale. Spikes open at "
    "BAROMETER_SPIKE_VOLUME_Z, with BAROMETER_SPIKE_VOLUME_RATIO times the usual tweets.",
    ("brand",),
)
BRAND_SILENCE_Z = REPUTATION.family(
    "barometer_brand_silence_z",
    "How far no tweet at all since the last one is below the usual number, in standard deviations on a log scale, 0 or "
    "less. At -BAROMETER_SPIKE_VOLUME_Z: as unusual as a spike of volume.",
    ("brand",),
)
BRAND_SPIKE_ACTIVE = REPUTATION.family(
    "barometer_brand_spike_active", "1 while a spike of the kind is open, else 0.", ("brand", "kind")
)
BRAND_LATEST = REPUTATION.family(
    "barometer_brand_latest_timestamp_seconds",
    "End of the last closed minute with a tweet, event time in seconds since 1970.",
    ("brand",),
)
SPIKES = REPUTATION.counter(
    "barometer_spikes_total",
    "Spikes by kind, and what became of them: opened, updated, closed.",
    ["kind", "change"],
    values=[*product(SPIKE_KINDS, ("opened", "updated", "closed"))],
    diagnostic=True,
)
BRANDS = REPUTATION.family("barometer_brands", "Brands with tweets in the state.", ("partition",))
BRANDS_HIDDEN = REPUTATION.family(
    "barometer_brands_hidden",
    "Of these, those without series of their own. Rising: raise BAROMETER_METRICS_BRANDS.",
    ("partition",),
)

PROCESS = Section("Process", "Of any process; with Prometheus' usual `process_*` and `python_*` beside them.")
BUILD_INFO = PROCESS.gauge(
    "barometer_build_info", "1 for this version of Barometer, and of Python.", ["version", "python"]
)
LOOP_DELAY = PROCESS.gauge(
    "barometer_event_loop_delay_seconds",
    "How much later than asked a timer of the event loop last fired. Over a second: something blocks the loop.",
    diagnostic=True,
)
DISK_FREE = PROCESS.gauge(
    "barometer_disk_free_bytes",
    "Free space of the file system this process runs on; in containers that of the host which holds their volumes.",
)
DISK_SIZE = PROCESS.gauge("barometer_disk_size_bytes", "Size of that file system.")

HTTP = Section("HTTP", "What `barometer serve` answers.")
HTTP_REQUESTS = HTTP.counter(
    "barometer_http_requests_total", "Requests answered, by route and status.", ["method", "route", "status"]
)
HTTP_SECONDS = HTTP.histogram(
    "barometer_http_request_seconds",
    "From request to the end of the answer; streams of events not included.",
    ["method", "route"],
    buckets=_SECONDS,
)
HTTP_STREAMS = HTTP.gauge("barometer_http_event_streams", "Streams of events that are open.")
HTTP_IN_FLIGHT = HTTP.gauge(
    "barometer_http_requests_in_flight",
    "Requests that are being answered. At BAROMETER_SERVE_CONCURRENCY: more are refused.",
    diagnostic=True,
)
HTTP_TEXTS = HTTP.counter("barometer_http_texts_labelled_total", "Texts labelled for callers.", diagnostic=True)
HTTP_LISTENERS_DROPPED = HTTP.counter(
    "barometer_http_listeners_dropped_total",
    "Streams of events ended because their client was too slow.",
    diagnostic=True,
)
READ_WINDOWS = HTTP.gauge(
    "barometer_read_windows", "Windows of one minute that are held to answer from.", diagnostic=True
)
READ_WINDOWS_BYTES = HTTP.gauge(
    "barometer_read_windows_bytes",
    "Memory that they take. At BAROMETER_SERVE_WINDOWS_MIB: the oldest hours go.",
    diagnostic=True,
)
READ_SILENCE = HTTP.gauge(
    "barometer_read_silence_seconds",
    "Time since something was last read from Kafka. Rising: what is served is stale.",
    diagnostic=True,
)

NOTIFY = Section("Notifications", "What `barometer notify` sends on.")
NOTIFICATIONS = NOTIFY.counter(
    "barometer_notifications_total",
    "Notifications by outcome: sent, failed (after all attempts), repeated (known to have been sent before).",
    ["outcome"],
    values=[("sent",), ("failed",), ("repeated",)],
)
NOTIFICATIONS_WAITING = NOTIFY.gauge(
    "barometer_notifications_waiting",
    "Notifications that are queued and that their target has not taken yet. Rising: a target refuses them.",
    diagnostic=True,
)

SECTIONS = (DELIVERY, FLOW, MODEL, REPUTATION, PROCESS, HTTP, NOTIFY)
