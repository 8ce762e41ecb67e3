"""The model at work: how much it labels, how long that takes, how sure it is, and whether that shifts."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as options

from grafana import alerts, kit
from grafana.queries import mean, quantile, rate
from infra.settings import Settings

PADDING = "{padding} / {all}".format(
    padding=rate("barometer_tokens_total", where='kind="padding"'), all=rate("barometer_tokens_total")
)
REMEMBERED = "{hits} / {all}".format(
    hits=rate("barometer_label_cache_texts_total", where='outcome="hit"'), all=rate("barometer_label_cache_texts_total")
)
SURE_FROM = 0.6


def dashboard(_settings: Settings) -> build.Dashboard:
    """No threshold of the settings is about the model."""
    board = kit.board(
        "model",
        "Model",
        "The classifier: throughput, time, confidence, what it says, and its versions. A shift of confidence or labels "
        "at all brands at once is the model's, or that of the world; a shift at one is that brand's.",
        since="now-3h",
    )
    board.annotation(alerts.annotation())
    _at_a_glance(board)
    _work(board)
    _judgement(board)
    return board


def _at_a_glance(board: build.Dashboard) -> None:
    board.with_row(build.Row("At a glance"))
    loaded = kit.listing(
        "Loaded",
        "Name, version and engine, and at how many processes. Two rows: a deploy is under way.",
        width=8,
        height=4,
    )
    columns = {"A": ("Processes", "count by (name, version, engine) (barometer_model_info)")}
    keys = {"name": "Model", "version": "Version", "engine": "Engine"}
    board.with_panel(kit.joined(loaded, keys, columns))
    texts = kit.number("Texts a second", "Labelled, by all processes.", "short").decimals(0)
    board.with_panel(kit.single(texts, kit.BLUE).with_target(kit.query(rate("barometer_texts_total"))))
    each = kit.number("One text", "Time of the classifier divided by its texts.", "s")
    board.with_panel(
        kit.single(each, kit.BLUE).with_target(
            kit.query(f"{rate('barometer_inference_seconds_sum')} / {rate('barometer_texts_total')}")
        )
    )
    sure = kit.number("Mean confidence", "Probability of the label given, 33% to 100%.", "percentunit").decimals(0)
    board.with_panel(kit.single(sure, kit.GREEN).with_target(kit.query(mean("barometer_confidence_ratio"))))
    errors = kit.number("Errors", "Calls that failed, in the time shown.", "short").decimals(0)
    board.with_panel(
        errors.graph_mode(options.BigValueGraphMode.NONE)
        .thresholds(kit.steps((None, kit.GREEN), (1, kit.RED)))
        .with_target(kit.latest("sum(increase(barometer_model_errors_total[$__range]))"))
    )


def _work(board: build.Dashboard) -> None:
    board.with_row(build.Row("Throughput and time"))
    texts = kit.lines("Texts a second", "By process.", "short", width=8)
    board.with_panel(
        kit.stacked(texts).min(0).with_target(kit.query(rate("barometer_texts_total", "instance"), "{{instance}}"))
    )
    tokens = kit.lines("Tokens a second", "That the network was given. Padding is work for nothing.", "short", width=8)
    board.with_panel(
        kit.stacked(kit.coloured(tokens, {"text": kit.BLUE, "padding": kit.GREY}))
        .min(0)
        .with_target(kit.query(rate("barometer_tokens_total", "kind"), "{{kind}}"))
    )
    waste = kit.lines(
        "Remembered, padding, and texts cut short",
        "Part of the texts that had been labelled before (retweets, copies); part of the tokens that are padding; part "
        "of the texts that are longer than the model's window.",
        "percentunit",
        width=8,
    )
    cut = f"{rate('barometer_truncated_total')} / {rate('barometer_texts_total')}"
    board.with_panel(
        kit.coloured(waste, {"padding": kit.GREY, "cut short": kit.ORANGE, "remembered": kit.GREEN})
        .min(0)
        .with_target(kit.query(PADDING, "padding"))
        .with_target(kit.query(cut, "cut short", "B"))
        .with_target(kit.query(REMEMBERED, "remembered", "C"))
    )
    calls = kit.lines(
        "One call", "For a batch of texts: the median, and what one in twenty and one in a hundred exceed.", "s"
    )
    for ref, (part, name) in zip("ABC", ((0.5, "median"), (0.95, "95%"), (0.99, "99%")), strict=True):
        calls.with_target(kit.query(quantile(part, "barometer_inference_seconds"), name, ref))
    board.with_panel(calls.min(0))
    parts = kit.lines("Where the time goes", "Busy time of each step, in seconds a second, over all processes.", "s")
    board.with_panel(
        kit.stacked(parts).min(0).with_target(kit.query(rate("barometer_model_step_seconds_sum", "step"), "{{step}}"))
    )


def _judgement(board: build.Dashboard) -> None:
    board.with_row(build.Row("What it says, and how sure it is"))
    labels = kit.lines(
        "Labels",
        "Parts of all tweets. A shift at all brands at once, with the news quiet: look at the model.",
        "short",
        width=8,
    )
    board.with_panel(
        kit.stacked(kit.coloured(labels, kit.LABEL_COLOURS), share=True).with_target(
            kit.query(rate("barometer_labels_total", "label"), "{{label}}")
        )
    )
    mean_of = kit.lines(
        "Mean confidence by label",
        "Falling: tweets are no longer what the model was trained on.",
        "percentunit",
        width=8,
    )
    board.with_panel(
        kit.coloured(mean_of, kit.LABEL_COLOURS)
        .min(1 / 3)
        .max(1)
        .with_target(kit.query(mean("barometer_confidence_ratio", "label"), "{{label}}"))
    )
    unsure = kit.lines("Unsure", f"Part of the labels that got less than {SURE_FROM:.0%}.", "percentunit", width=8)
    below = rate("barometer_confidence_ratio_bucket", "label", f'le="{SURE_FROM:g}"')
    board.with_panel(
        kit.coloured(unsure, kit.LABEL_COLOURS)
        .min(0)
        .with_target(kit.query(f"{below} / {rate('barometer_confidence_ratio_count', 'label')}", "{{label}}"))
    )
    board.with_panel(
        kit.heat(
            "Confidence", "How the probabilities of the labels given spread.", "percentunit", width=16
        ).with_target(kit.buckets(rate("barometer_confidence_ratio_bucket", "le")))
    )
    versions = kit.states(
        "Versions", "Which were loaded when. A new one starts the learning of what is usual anew.", width=8, height=8
    )
    board.with_panel(
        versions.mappings(kit.named({"1": ("loaded", kit.BLUE)})).with_target(
            kit.query("max by (name, version) (barometer_model_info)", "{{name}} {{version}}")
        )
    )
