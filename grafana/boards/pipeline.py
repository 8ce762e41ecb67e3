"""The stream at work: rate, errors and duration; who is behind, by how much, and when it will have caught up."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model

from grafana import alerts, kit
from grafana.queries import mean, quantile, rate
from infra import metrics
from infra.prometheus.thresholds import Thresholds
from infra.settings import Settings

LAG = "max by (topic, partition) (barometer_lag_records)"
WORKED_ON = "max by (topic, partition) (deriv(barometer_next_offset[5m]))"
ARRIVING = "max by (topic, partition) (deriv(barometer_end_offset[5m]))"
DRAIN = f"({LAG} > {Thresholds.drain_least}) / (({WORKED_ON} - {ARRIVING}) > 0)"
"""Seconds until a backlog is worked off, where it gets shorter at all. A few records are none."""
STAGE_COLOURS = {"classify": kit.BLUE, "aggregate": kit.VIOLET}
CLASSIFY = 'stage="classify"'
IN_TIME = "{within} / {all}".format(
    within=rate("barometer_latency_seconds_bucket", where=f'{CLASSIFY}, le="{metrics.LABELLED_WITHIN_S:g}"'),
    all=rate("barometer_latency_seconds_count", where=CLASSIFY),
)
IN_TIME_OVERALL = IN_TIME.replace("$__rate_interval", "$__range")


def dashboard(settings: Settings) -> build.Dashboard:
    """``settings`` give the thresholds."""
    board = kit.board(
        "pipeline",
        "Pipeline",
        "Workers between Kafka and the reputation windows: rate, errors, duration, lag. When something is wrong, read "
        "the first row from left to right.",
        since="now-1h",
    )
    board.annotation(alerts.annotation())
    _at_a_glance(board)
    board.with_panel(alerts.timeline())
    _rate_and_duration(board)
    _lag(board)
    _batches(board)
    _errors(board)
    _group(board)
    _event_time(board, settings)
    _around(board)
    return board


def _at_a_glance(board: build.Dashboard) -> None:
    board.with_row(build.Row("At a glance"))
    kafka = kit.number("Kafka", "Whether it answers every worker.", "short", width=3)
    board.with_panel(
        kafka.color_mode(options.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(options.BigValueGraphMode.NONE)
        .mappings(kit.named({"0": ("away", kit.RED), "1": ("up", kit.GREEN)}))
        .no_value("no worker")
        .with_target(kit.query('min(barometer_kafka_up{job="worker"})'))
    )
    workers = kit.number("Workers", "That Prometheus reaches. They share the partitions among them.", "short", width=3)
    board.with_panel(
        workers.thresholds(kit.steps((None, kit.RED), (1, kit.GREEN))).with_target(
            kit.query('count(barometer_kafka_up{job="worker"})')
        )
    )
    nobody = kit.number(
        "Partitions not worked on", "Of all topics: waiting to be taken over, or assigned to nobody.", "short", width=4
    )
    missing = (
        'sum(max by (topic) (barometer_topic_partitions)) - sum(sum by (topic) (barometer_partitions{state="working"}))'
    )
    board.with_panel(nobody.thresholds(kit.steps((None, kit.GREEN), (1, kit.ORANGE))).with_target(kit.query(missing)))
    behind = kit.number("Behind", "Records not yet worked on, of both stages.", "short").decimals(0)
    board.with_panel(kit.single(behind, kit.BLUE).with_target(kit.query(f"sum({LAG})")))
    drain = kit.number(
        "Caught up in",
        "Of the partition that takes longest, at the pace of the last five minutes. Nothing is shown when nobody is "
        f"behind by {Thresholds.drain_least} records, or when the backlog grows: look at the lag by partition.",
        "s",
    )
    board.with_panel(
        drain.no_value("no backlog")
        .thresholds(kit.steps((None, kit.GREEN), (300, kit.YELLOW), (3600, kit.RED)))
        .with_target(kit.query(f"max({DRAIN})"))
    )
    slow = kit.number(
        "Labelled in time",
        f"Tweets labelled within {metrics.LABELLED_WITHIN_S:g} s of their arrival, in the time shown. Objective: "
        f"{metrics.LABELLED_IN_TIME:.0%}.",
        "percentunit",
        width=3,
    )
    board.with_panel(
        slow.decimals(1)
        .graph_mode(options.BigValueGraphMode.NONE)
        .thresholds(
            kit.steps(
                (None, kit.RED), (metrics.LABELLED_IN_TIME - 0.01, kit.YELLOW), (metrics.LABELLED_IN_TIME, kit.GREEN)
            )
        )
        .with_target(kit.latest(IN_TIME_OVERALL))
    )
    dead = kit.number("Dead letters", "In the time shown. `barometer dead list` shows them.", "short", width=3)
    board.with_panel(
        dead.decimals(0)
        .graph_mode(options.BigValueGraphMode.NONE)
        .thresholds(kit.steps((None, kit.GREEN), (1, kit.YELLOW)))
        .with_target(kit.latest("sum(increase(barometer_dead_total[$__range]))"))
    )


def _rate_and_duration(board: build.Dashboard) -> None:
    board.with_row(build.Row("Rate and duration"))
    records = kit.lines("Records a second", "Into each stage, and out of it, confirmed by Kafka.", "short", width=8)
    board.with_panel(
        records.min(0)
        .with_target(kit.query(rate("barometer_records_in_total", "stage"), "{{stage}}, in"))
        .with_target(kit.query(rate("barometer_records_out_total", "stage"), "{{stage}}, out", "B"))
    )
    board.with_panel(
        kit.heat(
            "From arrival to label",
            "How long tweets wait and take, from their append to Kafka until their label is confirmed. Darker: more "
            f"tweets. Objective: {metrics.LABELLED_IN_TIME:.0%} within {metrics.LABELLED_WITHIN_S:g} s.",
            "s",
            width=8,
        ).with_target(kit.buckets(rate("barometer_latency_seconds_bucket", "le", CLASSIFY)))
    )
    objective = kit.lines(
        "Labelled in time",
        f"Part of the tweets labelled within {metrics.LABELLED_WITHIN_S:g} s. Below the dashes the error budget is "
        "spent faster than it grows.",
        "percentunit",
        width=8,
    )
    kit.limit(kit.coloured(objective, {"in time": kit.GREEN}), metrics.LABELLED_IN_TIME)
    board.with_panel(objective.min(0).max(1).decimals(1).with_target(kit.query(IN_TIME, "in time")))


def _lag(board: build.Dashboard) -> None:
    board.with_row(build.Row("Who is behind"))
    lag = kit.lines(
        "Lag by partition",
        "Records not yet worked on. One partition that rises alone is stuck, or has a very hot brand.",
        "short",
    )
    board.with_panel(lag.min(0).with_target(kit.query(LAG, "{{topic}} {{partition}}")))
    drain = kit.lines(
        "Caught up in",
        "Lag divided by the pace at which it shrinks. A partition that falls further behind is not shown: its lag "
        "rises, on the left.",
        "s",
    )
    board.with_panel(drain.min(0).with_target(kit.query(DRAIN, "{{topic}} {{partition}}")))
    made = kit.listing("Partitions", "Where each stands. Stuck: its offset stands still while it is behind.", height=8)
    columns = {
        "A": ("Next offset", "max by (topic, partition) (barometer_next_offset)"),
        "B": ("End offset", "max by (topic, partition) (barometer_end_offset)"),
        "C": ("Lag", LAG),
        "D": ("Worked on, a second", f"clamp_min({WORKED_ON}, 0)"),
        "E": ("Arriving, a second", f"clamp_min({ARRIVING}, 0)"),
        "F": ("Caught up in", f"({DRAIN}) or 0 * ({LAG} <= {Thresholds.drain_least})"),
    }
    kit.sorted_by(kit.joined(made, {"topic": "Topic", "partition": "Partition"}, columns), "Lag")
    made.override_by_name("Caught up in", [kit.setting("unit", "s"), kit.setting("noValue", "-")])
    for name in ("Worked on, a second", "Arriving, a second"):
        made.override_by_name(name, [kit.setting("decimals", 1)])
    board.with_panel(made)


def _batches(board: build.Dashboard) -> None:
    board.with_row(build.Row("Batches and queues"))
    size = kit.lines("Records in a batch", "Mean. Full batches work a backlog off.", "short", width=6)
    board.with_panel(
        kit.coloured(size, STAGE_COLOURS)
        .min(0)
        .with_target(kit.query(mean("barometer_batch_records", "stage"), "{{stage}}"))
    )
    took = kit.lines("One batch", "From admit to settle: the median, and what one in a hundred exceeds.", "s", width=6)
    board.with_panel(
        took.min(0)
        .with_target(kit.query(quantile(0.5, "barometer_batch_seconds", "stage"), "{{stage}}, median"))
        .with_target(kit.query(quantile(0.99, "barometer_batch_seconds", "stage"), "{{stage}}, 99%", "B"))
    )
    parts = kit.lines(
        "Where the time goes", "Busy time of each step, in seconds a second, over all workers.", "s", width=6
    )
    board.with_panel(
        kit.stacked(parts)
        .min(0)
        .with_target(kit.query(rate("barometer_step_seconds_sum", "stage, step"), "{{stage}}: {{step}}"))
    )
    queue = kit.lines(
        "Queues",
        "How full the queue before each stage is. At 100% the stage is the bottleneck, and Kafka waits.",
        "percentunit",
        width=6,
    )
    board.with_panel(
        queue.min(0)
        .max(1)
        .with_target(kit.query("max by (topic, instance) (barometer_queue_ratio)", "{{topic}} at {{instance}}"))
    )


def _errors(board: build.Dashboard) -> None:
    board.with_row(build.Row("What went wrong"))
    dead = kit.lines(
        "Dead letters by reason", "Records a minute that could not be processed. None is lost.", "short", width=8
    )
    board.with_panel(
        kit.stacked(dead)
        .min(0)
        .with_target(kit.query(f"60 * {rate('barometer_dead_total', 'reason')} > 0", "{{reason}}"))
        .no_value("None in the time shown")
    )
    share = kit.lines(
        "Dead share",
        "Of all records that classify admitted. A worker stops when too many of the recent ones are dead.",
        "percentunit",
        width=8,
    )
    part = f"{rate('barometer_dead_total', where=CLASSIFY)} / {rate('barometer_records_in_total', where=CLASSIFY)}"
    board.with_panel(kit.coloured(share, {"dead": kit.RED}).min(0).with_target(kit.query(part, "dead")))
    again = kit.lines(
        "Repeated and late",
        "A minute: tweets not counted again (redelivered after a crash, or duplicates of their source), and tweets "
        "counted after their minute had closed.",
        "short",
        width=8,
    )
    board.with_panel(
        again.min(0)
        .with_target(kit.query(f"60 * {rate('barometer_repeated_total', 'kind')}", "{{kind}}"))
        .with_target(kit.query(f"60 * {rate('barometer_late_total')}", "late", "B"))
    )


def _group(board: build.Dashboard) -> None:
    board.with_row(build.Row("Workers and partitions"))
    owned = kit.lines(
        "Partitions by worker", "Who has how many, by state. Waiting for long: recovery hangs.", "short", width=8
    )
    board.with_panel(
        kit.stacked(owned)
        .min(0)
        .line_interpolation(options.LineInterpolation.STEP_AFTER)
        .with_target(kit.query("sum by (instance, state) (barometer_partitions)", "{{instance}} {{state}}"))
    )
    moves = kit.lines(
        "Rebalances",
        "In five minutes: assignments, partitions sought back, and partitions lost in the middle of a batch.",
        "short",
        width=8,
    )
    board.with_panel(
        moves.min(0)
        .with_target(kit.query("sum(increase(barometer_rebalances_total[5m]))", "assignments"))
        .with_target(kit.query("sum(increase(barometer_seeks_total[5m]))", "sought back", "B"))
        .with_target(kit.query("sum(increase(barometer_fenced_total[5m]))", "fenced", "C"))
    )
    over = kit.lines("Taking a partition over", "From assignment until it is worked on.", "s", width=8)
    board.with_panel(
        over.min(0)
        .with_target(
            kit.query(
                "histogram_quantile(0.5, sum by (le) (increase(barometer_take_over_seconds_bucket[5m])))", "median"
            )
        )
        .with_target(
            kit.query(
                "histogram_quantile(0.99, sum by (le) (increase(barometer_take_over_seconds_bucket[5m])))", "99%", "B"
            )
        )
    )


def _event_time(board: build.Dashboard, settings: Settings) -> None:
    board.with_row(build.Row("Event time"))
    delay = kit.lines(
        "Watermark behind the newest tweet",
        f"In event time, by partition. Beyond the allowed lateness ({settings.allowed_lateness_s:g} s, dashes) one "
        "source partition is behind the others and holds windows open.",
        "s",
    )
    kit.limit(delay, settings.allowed_lateness_s)
    board.with_panel(
        delay.min(0).with_target(kit.query("max by (partition) (barometer_watermark_delay_seconds)", "{{partition}}"))
    )
    age = kit.lines(
        "Age of tweets when labelled", "Since they were written. In a replay of the past: how long ago that is.", "s"
    )
    board.with_panel(
        age.with_target(
            kit.query(
                "histogram_quantile(0.5, sum by (le) (rate(barometer_age_seconds_bucket[$__rate_interval])))", "median"
            )
        ).with_target(
            kit.query(
                "histogram_quantile(0.99, sum by (le) (rate(barometer_age_seconds_bucket[$__rate_interval])))",
                "99%",
                "B",
            )
        )
    )


def _around(board: build.Dashboard) -> None:
    board.with_row(build.Row("Processes"))
    cpu = kit.lines("CPU", "Cores in use, by process.", "short", width=6)
    board.with_panel(
        cpu.min(0).with_target(
            kit.query(
                'rate(process_cpu_seconds_total{job=~"worker|serve|notify"}[$__rate_interval])', "{{job}} {{instance}}"
            )
        )
    )
    memory = kit.lines("Memory", "Resident, by process.", "bytes", width=6)
    board.with_panel(
        memory.min(0).with_target(
            kit.query('process_resident_memory_bytes{job=~"worker|serve|notify"}', "{{job}} {{instance}}")
        )
    )
    disk = kit.lines("Free disk", "Part of the file system that is free.", "percentunit", width=6)
    board.with_panel(
        disk.min(0)
        .max(1)
        .with_target(
            kit.query("min by (instance) (barometer_disk_free_bytes / barometer_disk_size_bytes)", "{{instance}}")
        )
    )
    running = kit.listing("What runs", "Versions, by process. Two at once: a deploy is under way.", width=6, height=8)
    running.with_target(kit.rows("max by (instance, version, python) (barometer_build_info)", "A"))
    board.with_panel(
        running.with_transformation(
            model.DataTransformerConfig(id_val="organize", options={"excludeByName": {"Time": True, "Value": True}})
        )
    )
    board.with_row(build.Row("HTTP API and notifications"))
    asked = kit.lines("Requests a second", "Answered by `barometer serve`, by status.", "short", width=6)
    board.with_panel(
        kit.stacked(asked).min(0).with_target(kit.query(rate("barometer_http_requests_total", "status"), "{{status}}"))
    )
    answered = kit.lines("Answers", "What one request in a hundred exceeds, by route.", "s", width=6)
    board.with_panel(
        answered.min(0).with_target(kit.query(quantile(0.99, "barometer_http_request_seconds", "route"), "{{route}}"))
    )
    streams = kit.lines("Event streams", "Open, by process: pages that somebody looks at.", "short", width=6)
    board.with_panel(
        streams.min(0).with_target(kit.query("sum by (instance) (barometer_http_event_streams)", "{{instance}}"))
    )
    sent = kit.lines("Notifications", "In five minutes, by outcome.", "short", width=6)
    board.with_panel(
        kit.coloured(sent, {"sent": kit.GREEN, "failed": kit.RED, "repeated": kit.GREY})
        .min(0)
        .with_target(kit.query("sum by (outcome) (increase(barometer_notifications_total[5m]))", "{{outcome}}"))
    )
