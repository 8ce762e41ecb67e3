"""One brand in depth: shares against what is usual, how unlikely that is, volume, silence, and its spikes."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as options

from grafana import kit, spikes
from grafana.queries import interval, per_brand
from infra.settings import Settings

HERE = 'brand="$brand"'


def _own(metric: str) -> str:
    return per_brand(f"barometer_brand_{metric}", HERE)


TWEETS = f"({_own('volume_tweets')} > 0)"


def dashboard(settings: Settings) -> build.Dashboard:
    """``settings`` give the thresholds."""
    board = kit.board(
        "brand",
        "Brand",
        "One brand: what people say against what is usual for it at this hour of this day, and when that is more "
        "than chance. Which words, authors and sources make a spike stands on the live page.",
        since="now-3h",
    )
    board.with_variable(kit.choice("brand", "Brand", "barometer_brand_volume_tweets", "brand", many=False))
    board.with_variable(spikes.page_variable(settings)).annotation(spikes.annotation(HERE))
    board.link(kit.page_link("${page}/#/brand/${brand}"))
    _now(board)
    board.with_row(build.Row("How people feel"))
    board.with_panel(_share("Negative share", "negative", kit.RED, width=16, height=9))
    board.with_panel(_labels())
    board.with_panel(_share("Positive share", "positive", kit.GREEN, width=12, height=7))
    net = kit.lines("Net sentiment", "Positive less negative, as a part of all: -1 to 1.", "short", height=7)
    board.with_panel(
        kit.coloured(net, {"net sentiment": kit.BLUE})
        .axis_soft_min(-1)
        .axis_soft_max(1)
        .decimals(2)
        .with_target(kit.query(_own("net_sentiment_ratio"), "net sentiment"))
    )
    board.with_row(build.Row("Is it more than chance?"))
    board.with_panel(_z("negative", kit.RED)).with_panel(_z("positive", kit.GREEN)).with_panel(_volume_z(settings))
    board.with_row(build.Row("How much is said"))
    board.with_panel(_volume(settings)).with_panel(spikes.timeline(HERE, "{{kind}}", width=8, height=8))
    return board


def _now(board: build.Dashboard) -> None:
    board.with_row(build.Row("Now: the last 15 closed minutes"))
    kinds = kit.number("Spike", "Whether one is open; the live page says why.", "short", width=3)
    board.with_panel(
        kinds.color_mode(options.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(options.BigValueGraphMode.NONE)
        .mappings(kit.named({"0": ("none", kit.GREEN), "1": ("open", kit.RED)}))
        .data_links([build.DashboardLink("Why").url("${page}/#/brand/${brand}").target_blank(True)])
        .with_target(kit.query(_own("spike_active")))
    )
    share = kit.number("Negative", "Share of negative tweets, and what is usual.", "percentunit", width=5).decimals(0)
    board.with_panel(
        kit.coloured(share, {"now": kit.RED, "usual": kit.VIOLET})
        .text_mode(options.BigValueTextMode.VALUE_AND_NAME)
        .with_target(kit.query(_own("negative_share_ratio"), "now"))
        .with_target(kit.query(_own("negative_baseline_ratio"), "usual", "B"))
    )
    tweets = kit.number("Tweets", "In 15 minutes, and how many are usual.", "short", width=5).decimals(0)
    board.with_panel(
        kit.coloured(tweets, {"now": kit.BLUE, "usual": kit.VIOLET})
        .text_mode(options.BigValueTextMode.VALUE_AND_NAME)
        .no_value("learning what is usual")
        .with_target(kit.query(_own("volume_tweets"), "now"))
        .with_target(kit.query(_own("volume_baseline_tweets"), "usual", "B"))
    )
    net = kit.number("Net sentiment", "Positive less negative, as a part of all: -1 to 1.", "short", width=3)
    board.with_panel(
        net.decimals(2)
        .thresholds(kit.steps((None, kit.RED), (-0.05, kit.GREY), (0.05, kit.GREEN)))
        .with_target(kit.query(_own("net_sentiment_ratio")))
    )
    z = kit.number("z of negative", "Standard deviations above what is usual, and how many open a spike.", "short")
    board.with_panel(
        kit.coloured(z.decimals(1), {"z": kit.RED, "opens a spike": kit.ORANGE})
        .text_mode(options.BigValueTextMode.VALUE_AND_NAME)
        .with_target(kit.query(_own("negative_z"), "z"))
        .with_target(kit.query(_own("negative_z_threshold"), "opens a spike", "B"))
    )
    last = kit.number("Last tweet until", "End of the last minute with a tweet, in event time.", "dateTimeAsIso")
    board.with_panel(
        kit.single(last, kit.BLUE)
        .graph_mode(options.BigValueGraphMode.NONE)
        .with_target(kit.query(f"{_own('latest_timestamp_seconds')} * 1000"))
    )


def _share(title: str, kind: str, colour: str, *, width: int, height: int) -> kit.Made:
    share = _own(f"{kind}_share_ratio")
    made = kit.lines(
        title,
        f"Line: {kind} tweets among those of the last 15 closed minutes; area: its 95% interval; dashes: what is usual "
        "at this hour. A line whose area is clear of the dashes is worth a look. Shaded times are spikes.",
        "percentunit",
        width=width,
        height=height,
    )
    kit.band(kit.dashed(kit.coloured(made, {kind: colour}), "usual", kit.VIOLET), "low", "high", colour)
    return (
        made.min(0)
        .max(1)
        .with_target(kit.query(interval(share, TWEETS, "-"), "low", "A"))
        .with_target(kit.query(interval(share, TWEETS, "+"), "high", "B"))
        .with_target(kit.query(share, kind, "C"))
        .with_target(kit.query(_own(f"{kind}_baseline_ratio"), "usual", "D"))
    )


def _labels() -> kit.Made:
    made = kit.lines(
        "Tweets by label",
        "Tweets a minute as they were counted, by label: by the clock, not by event time.",
        "short",
        width=8,
        height=9,
    )
    rate = f"60 * sum by (label) (rate(barometer_brand_mentions_total{{{HERE}}}[$__rate_interval]))"
    return kit.stacked(kit.coloured(made, kit.LABEL_COLOURS)).min(0).with_target(kit.query(rate, "{{label}}"))


def _z(kind: str, colour: str) -> kit.Made:
    made = kit.lines(
        f"z of the {kind} share",
        f"How far the {kind} share is above the usual one, in standard deviations, in that recent window (minutes to "
        "hours) which stands out most. Above the dashes a spike opens, if enough people say it: they are higher for "
        "short windows, of which there are more.",
        "short",
        width=8,
    )
    kit.dashed(kit.coloured(made, {"z": colour}), "opens a spike", kit.ORANGE)
    return (
        made.decimals(1)
        .axis_soft_min(-2)
        .axis_soft_max(6)
        .with_target(kit.query(_own(f"{kind}_z"), "z"))
        .with_target(kit.query(_own(f"{kind}_z_threshold"), "opens a spike", "B"))
    )


def _volume_z(settings: Settings) -> kit.Made:
    made = kit.lines(
        "z of the volume, and of silence",
        "How far the number of tweets is above the usual one, on a log scale; and, below 0, how unusual it is that "
        f"nothing was said since the last tweet. Beyond {settings.spike_volume_z:g} either way: an alarm. Known once "
        "the volume has been seen for a day.",
        "short",
        width=8,
    )
    kit.limit(kit.coloured(made, {"volume": kit.BLUE, "silence": kit.GREY}), settings.spike_volume_z)
    return (
        made.decimals(1)
        .axis_soft_min(-settings.spike_volume_z - 1)
        .axis_soft_max(settings.spike_volume_z + 1)
        .with_target(kit.query(_own("volume_z"), "volume"))
        .with_target(kit.query(_own("silence_z"), "silence", "B"))
    )


def _volume(settings: Settings) -> kit.Made:
    made = kit.lines(
        "Tweets in 15 minutes",
        f"Against what is usual at this hour. {settings.spike_volume_ratio:g} times the usual (dots) and a z beyond "
        "its threshold open a spike of volume.",
        "short",
        width=16,
    )
    kit.dashed(
        kit.dashed(kit.coloured(made, {"tweets": kit.BLUE}), "usual", kit.VIOLET), "enough for a spike", kit.ORANGE
    )
    usual = _own("volume_baseline_tweets")
    return (
        made.min(0)
        .with_target(kit.query(_own("volume_tweets"), "tweets"))
        .with_target(kit.query(usual, "usual", "B"))
        .with_target(kit.query(f"{settings.spike_volume_ratio:g} * {usual}", "enough for a spike", "C"))
    )
