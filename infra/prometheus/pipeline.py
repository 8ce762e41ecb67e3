"""Alerts about the system itself, from what its processes tell: no other exporter is needed.

Each worker tells of its own partitions, so a rule about partitions takes the
newest word of anybody (``last_over_time``). Ratios have a least count beside
them: of a handful of records nothing can be said.
"""

from __future__ import annotations

from infra.prometheus.rule import Alert, Group, Recording, duration, figure, name_in
from infra.prometheus.thresholds import LAST_S, Thresholds

LAST = duration(LAST_S)
LAG, LAG_SUM = "topic_partition:barometer_lag_records:max", "topic:barometer_lag_records:sum"
NEXT = "topic_partition:barometer_next_offset:max"
END_SUM = "topic:barometer_end_offset:sum"
DRAIN = "topic:barometer_lag_drain_seconds:estimate"
MARK = "partition:barometer_watermark_timestamp_seconds:max"
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
BURNS = {
    "critical": (("1h", "5m", 14.4), ("6h", "30m", 6.0)),
    "warning": (("1d", "2h", 3.0), ("3d", "6h", 1.0)),
}
"""Multi-window, multi-burn-rate, as in chapter 5 of the SRE Workbook: long window, short window, burn rate.
Critical: 2% of a month's budget in an hour, or 5% in six; warning: a tenth of it in a day, or in three."""
WORKER = 'job="worker"'


def pipeline(limits: Thresholds) -> Group:
    """What is recorded and alerted on of the system."""
    return Group(
        "barometer-pipeline",
        [
            *_recorded(limits),
            *_workers(limits),
            *_partitions(limits),
            *_records(limits),
            *_latency(limits),
            *_around(limits),
        ],
    )


def slow(window: str) -> str:
    """Name of the recorded share of tweets, over ``window``, that were not labelled in time."""
    return f"slo:barometer_latency_slow:ratio_rate{window}"


def _recorded(limits: Thresholds) -> list[Recording]:
    newest = {
        LAG: "barometer_lag_records",
        NEXT: "barometer_next_offset",
    }
    return [
        *(
            Recording(name, f"max by (topic, partition) (last_over_time({metric}[{LAST}]))")
            for name, metric in newest.items()
        ),
        Recording(LAG_SUM, f"sum by (topic) ({LAG})"),
        Recording(
            END_SUM, f"sum by (topic) (max by (topic, partition) (last_over_time(barometer_end_offset[{LAST}])))"
        ),
        Recording(DRAIN, f"{LAG_SUM} / clamp_min(-deriv({LAG_SUM}[10m]), 0.001)"),
        Recording(MARK, f"max by (partition) (last_over_time(barometer_watermark_timestamp_seconds[{LAST}]))"),
        *(Recording(slow(window), _slow(window, limits.latency_s)) for window in WINDOWS),
    ]


def _slow(window: str, within_s: float) -> str:
    of = 'barometer_latency_seconds_{}{{stage="classify"{}}}'
    in_time, all_ = of.format("bucket", f',le="{within_s:g}"'), of.format("count", "")
    return f"1 - sum(rate({in_time}[{window}])) / sum(rate({all_}[{window}]))"


def _workers(limits: Thresholds) -> list[Alert]:
    return [
        Alert(
            "WorkerDown",
            category="pipeline",
            severity="critical",
            expr=f"up{{{WORKER}}} == 0",
            for_s=limits.down_s,
            summary="Worker {{ $labels.instance }} does not answer",
            description=f"""
                Worker {{{{ $labels.instance }}}} has not answered for {duration(limits.down_s)}.
                {figure(f"sum(up{{{WORKER}}})".replace('"', "`"), "humanize")} of
                {figure(f"count(up{{{WORKER}}})".replace('"', "`"), "humanize")} workers are up; they take its
                partitions over.
                """,
        ),
        Alert(
            "WorkerAbsent",
            category="pipeline",
            severity="critical",
            expr=f"absent(up{{{WORKER}}} == 1)",
            for_s=limits.down_s,
            summary="No worker is up",
            description=f"""
                For {duration(limits.down_s)} Prometheus has reached no worker: nothing is labelled or counted. Tweets
                wait in Kafka, for as long as its retention allows.
                """,
        ),
        Alert(
            "RecoverySlow",
            category="pipeline",
            severity="critical",
            expr='sum by (instance, topic) (barometer_partitions{state="waiting"}) > 0',
            for_s=limits.recovery_s,
            summary="Worker {{ $labels.instance }} does not get done with taking partitions over",
            description=f"""
                {{{{ $value }}}} partitions of {{{{ $labels.topic }}}} have been assigned to worker
                {{{{ $labels.instance }}}} for more than {duration(limits.recovery_s)} and are not worked on yet. Their
                brands stand still.
                """,
        ),
    ]


def _partitions(limits: Thresholds) -> list[Alert]:
    still, labelled = duration(limits.watermark_s), 'barometer_records_out_total{stage="classify"}'
    return [
        Alert(
            "PartitionStuck",
            category="pipeline",
            severity="critical",
            expr=f"""
                changes({NEXT}[{LAST}]) == 0
                and min_over_time({LAG}[{LAST}]) > 0
                """,
            for_s=limits.stalled_s - LAST_S,
            summary="Partition {{ $labels.partition }} of {{ $labels.topic }} is stuck",
            description=f"""
                Nothing was worked on in partition {{{{ $labels.partition }}}} of {{{{ $labels.topic }}}} for
                {duration(limits.stalled_s)}, and
                {figure(f"{LAG}{{topic=%q,partition=%q}}", "humanize", "topic", "partition")} records wait there.
                """,
        ),
        Alert(
            "PartitionUnowned",
            category="pipeline",
            severity="critical",
            expr=f"""
                max by (topic) (last_over_time(barometer_topic_partitions[{LAST}]))
                - on (topic) (
                  count by (topic) ({NEXT})
                  or 0 * max by (topic) (last_over_time(barometer_topic_partitions[{LAST}]))
                ) > 0
                """,
            for_s=limits.recovery_s,
            summary="Partitions of {{ $labels.topic }} that nobody works on",
            description=f"""
                Of {{{{ $value }}}} partitions of {{{{ $labels.topic }}}} no worker has told anything for
                {duration(limits.recovery_s + LAST_S)}: what is in them waits.
                """,
        ),
        Alert(
            "LagDrainsSlowly",
            category="pipeline",
            severity="warning",
            expr=f"""
                {DRAIN} > {limits.drain_s:g}
                and {LAG_SUM} >= {limits.drain_least}
                """,
            for_s=600,
            summary="{{ $labels.topic }}: the backlog will take long",
            description=f"""
                {figure(f"{LAG_SUM}{{topic=%q}}", "humanize", "topic")} records of {{{{ $labels.topic }}}} wait. As they
                became fewer in the last 10 minutes, it would take {{{{ $value | humanizeDuration }}}} until none does
                (if they became more: for ever); the limit is {duration(limits.drain_s)}.
                """,
        ),
        Alert(
            "WatermarkStuck",
            category="pipeline",
            severity="warning",
            expr=f"""
                changes({MARK}[{still}]) == 0
                and on () sum(increase({labelled}[{still}])) >= {limits.watermark_tweets}
                """,
            for_s=LAST_S,
            summary="Event time stands still in partition {{ $labels.partition }}",
            description=f"""
                Tweets are labelled, but the watermark of partition {{{{ $labels.partition }}}} has not moved for
                {still}: its windows do not close and no spike is seen. It stands at
                {figure(f"{MARK}{{partition=%q}}", "humanizeTimestamp", "partition")}.
                """,
        ),
    ]


def _records(limits: Thresholds) -> list[Alert]:
    return [_dead_letters(limits), _model_errors(limits), _no_tweets(limits)]


def _dead_letters(limits: Thresholds) -> Alert:
    dead, all_ = (f"sum by (stage) (increase(barometer_{name}_total[10m]))" for name in ("dead", "records_in"))
    why = "topk(1, sum by (reason) (increase(barometer_dead_total{stage=%q}[10m])))"
    return Alert(
        "DeadLetterRatio",
        category="pipeline",
        severity="warning",
        expr=f"""
            {dead} / {all_} > {limits.dead_share:g}
            and {dead} >= {limits.dead_least}
            """,
        for_s=60,
        summary="{{ $labels.stage }} gives up too many records",
        description=f"""
            {{{{ $value | humanizePercentage }}}} of the records of {{{{ $labels.stage }}}} in the last 10 minutes went
            to tweets.dead, most of them for the reason {name_in(why, "reason", "stage")}. The limit is
            {limits.dead_share:.0%}, and at {10 * limits.dead_share:.0%} the worker stops.
            """,
    )


def _model_errors(limits: Thresholds) -> Alert:
    failed, calls = (
        f"sum(increase({name}[10m]))" for name in ("barometer_model_errors_total", "barometer_inference_seconds_count")
    )
    return Alert(
        "ModelErrors",
        category="pipeline",
        severity="warning",
        expr=f"""
            {failed} / {calls} > {limits.model_error_share:g}
            and {failed} >= {limits.model_errors_least}
            """,
        for_s=60,
        summary="The model fails",
        description=f"""
            {{{{ $value | humanizePercentage }}}} of the model's calls in the last 10 minutes failed
            (limit {limits.model_error_share:.0%}). Texts on which it goes on failing end in tweets.dead, with
            reason model_error.
            """,
    )


def _no_tweets(limits: Thresholds) -> Alert:
    silent = duration(limits.silent_s)
    arrived = f"{END_SUM}{{topic=~'.*tweets'}}".replace("'", '"')
    before = f"delta({END_SUM}{{topic=%q}}[6h] offset {silent})"
    return Alert(
        "NoTweetsArriving",
        category="pipeline",
        severity="warning",
        expr=f"""
            changes({arrived}[{silent}]) == 0
            and delta({arrived}[6h] offset {silent}) >= {6 * 60 * limits.silent_rate_per_min:g}
            """,
        summary="No tweets arrive in {{ $labels.topic }}",
        description=f"""
            Nothing was written to {{{{ $labels.topic }}}} for {silent}; in the six hours before it were
            {figure(before, "humanize", "topic")} tweets. A replay that has ended looks the same.
            """,
    )


def _latency(limits: Thresholds) -> list[Alert]:
    budget = 1 - limits.latency_objective
    enough = f'sum(increase(barometer_latency_seconds_count{{stage="classify"}}[1h])) >= {limits.burn_tweets}'
    goal = f"{limits.latency_objective:.0%} of the tweets are to be labelled within {limits.latency_s:g} s"
    alerts = []
    for severity, name, how in (
        ("critical", "LatencyBudgetBurnsFast", "fast"),
        ("warning", "LatencyBudgetBurnsSlowly", "steadily"),
    ):
        cases = [
            f"({slow(long)} > {burn * budget:.4g} and {slow(short)} > {burn * budget:.4g})"
            for long, short, burn in BURNS[severity]
        ]
        alerts.append(
            Alert(
                name,
                category="pipeline",
                severity=severity,  # type: ignore[arg-type]  # one of the two above
                expr="(\n  {}\n)\nand on () {}".format("\n  or ".join(cases), enough),
                for_s=120,
                summary=f"Labels come too late: the error budget burns {how}",
                description=f"""
                    {goal} of their arrival; {{{{ $value | humanizePercentage }}}} were not.
                    Of the last hour: {figure(slow("1h"), "humanizePercentage")}, of the last 5 minutes:
                    {figure(slow("5m"), "humanizePercentage")}. Records that wait:
                    {figure(f"sum({LAG_SUM})", "humanize")}.
                    """,
            )
        )
    return alerts


def _around(limits: Thresholds) -> list[Alert]:
    ours = ("barometer_disk_free_bytes", "barometer_disk_size_bytes")
    theirs = ('node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs|squashfs|iso9660"}', "node_filesystem_size_bytes")
    filling = [_filling(free, size, limits) for free, size in (ours, theirs)]
    return [
        Alert(
            "KafkaUnreachable",
            category="pipeline",
            severity="critical",
            expr=f"barometer_kafka_up{{{WORKER}}} == 0",
            for_s=limits.kafka_s,
            summary="Worker {{ $labels.instance }} cannot reach Kafka",
            description=f"""
                Kafka has not answered worker {{{{ $labels.instance }}}} for more than {duration(limits.kafka_s)}. The
                worker waits; nothing is lost, and nothing is labelled.
                """,
        ),
        Alert(
            "TargetDown",
            category="pipeline",
            severity="warning",
            expr='up{job!="worker"} == 0',
            for_s=300,
            summary="{{ $labels.job }} at {{ $labels.instance }} does not answer",
            description="""
                Prometheus has not reached {{ $labels.job }} at {{ $labels.instance }} for 5 minutes. Tweets are
                labelled and counted all the same.
                """,
        ),
        Alert(
            "NotificationsFail",
            category="pipeline",
            severity="warning",
            expr='sum(increase(barometer_notifications_total{outcome="failed"}[15m])) > 0',
            summary="Notifications do not get through",
            description="""
                {{ $value | humanize }} notifications of the last 15 minutes were given up after every attempt.
                """,
        ),
        Alert(
            "DiskFilling",
            category="pipeline",
            severity="warning",
            expr="\nor ".join(filling),
            for_s=300,
            summary="{{ $labels.instance }}: the disk fills up",
            description=f"""
                {{{{ $value | humanizePercentage }}}} of the file system
                {{{{ with $labels.mountpoint }}}}{{{{ . }}}} {{{{ end }}}}of {{{{ $labels.instance }}}} are free: under
                {limits.disk_share:.0%}, or under {limits.disk_soon_share:.0%} and none within
                {duration(limits.disk_soon_s)} if it goes on. A Kafka without disk stops.
                """,
        ),
    ]


def _filling(free: str, size: str, limits: Thresholds) -> str:
    left, metric = f"{free} / {size}", free.partition("{")[0]
    soon = f"predict_linear({metric}[6h], {limits.disk_soon_s:g}) < 0"
    return f"{left} < {limits.disk_share:g}\nor ({left} < {limits.disk_soon_share:g} and {soon})"
