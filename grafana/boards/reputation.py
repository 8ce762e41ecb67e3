"""All brands at once: how much is said, how people feel, who is worst, who changed most, and which spikes are open."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model

from grafana import kit, spikes
from grafana.queries import interval, per_brand
from infra.settings import Settings

VOLUME = per_brand("barometer_brand_volume_tweets")
USUAL_VOLUME = per_brand("barometer_brand_volume_baseline_tweets")
NEGATIVE = per_brand("barometer_brand_negative_share_ratio")
USUAL_NEGATIVE = per_brand("barometer_brand_negative_baseline_ratio")
NET = per_brand("barometer_brand_net_sentiment_ratio")
Z = per_brand("barometer_brand_negative_z")
SPIKE = per_brand("barometer_brand_spike_active")


def dashboard(settings: Settings) -> build.Dashboard:
    """``settings`` give the thresholds."""
    board = kit.board(
        "reputation",
        "Reputation",
        "All brands: how much is said about them, how people feel, who is worst and who changed most. Numbers of "
        "now are of the last 15 closed minutes of event time.",
        since="now-3h",
    )
    board.with_variable(kit.choice("brand", "Brand", "barometer_brand_volume_tweets", "brand", many=True))
    board.with_variable(spikes.page_variable(settings)).annotation(spikes.annotation('brand=~"$brand"'))
    board.link(kit.page_link("${page}"))
    _at_a_glance(board)
    _who(board, settings)
    board.with_row(build.Row("Over time"))
    volume = kit.stacked(
        kit.lines("Tweets", "In the last 15 closed minutes, by brand. A band that widens is a brand in talk.", "short")
    )
    board.with_panel(volume.min(0).with_target(kit.query(VOLUME, "{{brand}}")))
    negative = kit.lines(
        "Negative share",
        "Negative tweets among those of the last 15 closed minutes. Few tweets swing widely: the row below has the "
        "interval of each brand. Shaded times are spikes.",
        "percentunit",
    )
    board.with_panel(negative.min(0).max(1).with_target(kit.query(NEGATIVE, "{{brand}}")))
    net = kit.lines("Net sentiment", "Positive less negative tweets, as a part of all: -1 to 1.", "short", width=24)
    board.with_panel(
        net.decimals(2)
        .axis_centered_zero(True)
        .axis_soft_min(-1)
        .axis_soft_max(1)
        .with_target(kit.query(NET, "{{brand}}"))
    )
    each = build.Row("Each brand: negative share, its 95% interval, and what is usual").collapsed(True)
    return board.with_row(each.with_panel(_one_brand()))


def _at_a_glance(board: build.Dashboard) -> None:
    board.with_row(build.Row("At a glance"))
    open_now = kit.number("Spikes now", "Brands and kinds with an open spike, as in the list below.", "short")
    board.with_panel(
        open_now.thresholds(kit.steps((None, kit.GREEN), (1, kit.RED)))
        .color_mode(options.BigValueColorMode.BACKGROUND_SOLID)
        .mappings(kit.named({"0": ("none", kit.GREEN)}))
        .with_target(kit.query(f"sum({per_brand('barometer_brand_spike_active', by='brand, kind')})"))
    )
    negative = kit.number(
        "Negative share", "Of all tweets about these brands in the last 15 closed minutes.", "percentunit"
    )
    board.with_panel(
        kit.single(negative, kit.RED).decimals(0).with_target(kit.query(f"sum({NEGATIVE} * {VOLUME}) / sum({VOLUME})"))
    )
    net = kit.number("Net sentiment", "Positive less negative tweets, as a part of all: -1 to 1.", "short")
    board.with_panel(
        net.decimals(2)
        .thresholds(kit.steps((None, kit.RED), (-0.05, kit.GREY), (0.05, kit.GREEN)))
        .with_target(kit.query(f"sum({NET} * {VOLUME}) / sum({VOLUME})"))
    )
    tweets = kit.number("Tweets in 15 minutes", "About these brands; a tweet about two counts for each.", "short")
    board.with_panel(kit.single(tweets, kit.BLUE).decimals(0).with_target(kit.query(f"sum({VOLUME})")))
    brands = kit.number(
        "Brands",
        "With tweets; and of these, those without numbers of their own here, which count under _other. Raise "
        "BAROMETER_METRICS_BRANDS to see more.",
        "short",
    )
    board.with_panel(
        kit.single(brands, kit.BLUE)
        .graph_mode(options.BigValueGraphMode.NONE)
        .text_mode(options.BigValueTextMode.VALUE_AND_NAME)
        .with_target(kit.query("sum(max by (partition) (barometer_brands))", "in all"))
        .with_target(kit.query("sum(max by (partition) (barometer_brands_hidden))", "without series", "B"))
    )
    until = kit.number(
        "Complete until",
        "Event time up to which every tweet has been counted: what 'now' means here. In a replay of the past, a "
        "time in the past.",
        "dateTimeAsIso",
    )
    board.with_panel(
        kit.single(until, kit.BLUE)
        .graph_mode(options.BigValueGraphMode.NONE)
        .with_target(kit.query("min(barometer_watermark_timestamp_seconds) * 1000"))
    )


def _who(board: build.Dashboard, settings: Settings) -> None:
    board.with_row(build.Row("Who needs attention"))
    worst = kit.bars("Worst", "The highest negative shares. Some brands are always complained about.", "percentunit")
    board.with_panel(
        worst.min(0)
        .max(1)
        .decimals(0)
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.CONTINUOUS_YL_RD))
        .with_target(kit.latest(f"sort_desc(topk(8, {NEGATIVE}))", "{{brand}}"))
    )
    changed = kit.bars(
        "Changed most",
        "Negative share above what is usual for the brand at this hour, in points. Orange: enough for a spike, if "
        "there are enough tweets of enough people.",
        "percentunit",
    )
    effect = settings.spike_min_effect
    board.with_panel(
        changed.no_value("Still learning what is usual")
        .min(-0.2)
        .max(0.6)
        .decimals(0)
        .thresholds(kit.steps((None, kit.GREY), (effect / 2, kit.YELLOW), (effect, kit.ORANGE), (3 * effect, kit.RED)))
        .with_target(kit.latest(f"sort_desc(topk(8, {NEGATIVE} - {USUAL_NEGATIVE}))", "{{brand}}"))
    )
    board.with_panel(spikes.timeline('brand=~"$brand"', "{{brand}}: {{kind}}", width=12, height=8))
    board.with_panel(_table())


def _table() -> kit.Made:
    columns = {
        "A": ("Tweets", VOLUME),
        "B": ("Usual", USUAL_VOLUME),
        "C": ("Net", NET),
        "D": ("Negative", NEGATIVE),
        "E": ("From", interval(NEGATIVE, f"({VOLUME} > 0)", "-")),
        "F": ("To", interval(NEGATIVE, f"({VOLUME} > 0)", "+")),
        "G": ("Usual negative", USUAL_NEGATIVE),
        "H": ("Change", f"{NEGATIVE} - {USUAL_NEGATIVE}"),
        "I": ("z", Z),
        "J": ("Spike", SPIKE),
    }
    made = kit.listing(
        "All brands",
        "The last 15 closed minutes. From and To are the 95% interval of the negative share; Change is against what is "
        "usual at this hour; z says how unlikely that is by chance. Click a brand to see it in depth.",
        height=10,
    )
    kit.sorted_by(kit.joined(made, {"brand": "Brand"}, columns), "z")
    share = [kit.setting("unit", "percentunit"), kit.setting("decimals", 0)]
    for name in ("Negative", "From", "To", "Usual negative", "Change"):
        made.override_by_name(name, share)
    for name, decimals in (("Tweets", 0), ("Usual", 0), ("Net", 2), ("z", 1)):
        made.override_by_name(name, [kit.setting("decimals", decimals)])
    made.override_by_name(
        "Negative", [_cell("gauge", mode="basic"), kit.setting("min", 0), kit.setting("max", 1), *_scale()]
    )
    spike = {"0": ("-", kit.GREY), "1": ("spike", kit.RED)}
    made.override_by_name("Spike", [kit.setting("mappings", kit.named(spike)), _cell("color-background", mode="basic")])
    links = [
        {"title": "In depth", "url": f"/d/{kit.UIDS['brand']}?var-brand=${{__value.text}}&${{__url_time_range}}"},
        {"title": "Tweets on the live page", "url": "${page}/#/brand/${__value.text}", "targetBlank": True},
    ]
    made.override_by_name("Brand", [kit.setting("links", links), kit.setting("custom.minWidth", 180)])
    return made


def _one_brand() -> kit.Made:
    here = 'brand="$brand"'
    share = per_brand("barometer_brand_negative_share_ratio", here)
    tweets = f"({per_brand('barometer_brand_volume_tweets', here)} > 0)"
    made = kit.lines(
        "$brand", "Line: negative share; area: 95% interval; dashes: usual.", "percentunit", width=6, height=6
    )
    kit.band(kit.dashed(kit.coloured(made, {"negative": kit.RED}), "usual", kit.VIOLET), "low", "high", kit.RED)
    return (
        made.min(0)
        .max(1)
        .repeat("brand")
        .repeat_direction("h")
        .max_per_row(4)
        .with_target(kit.query(interval(share, tweets, "-"), "low", "A"))
        .with_target(kit.query(interval(share, tweets, "+"), "high", "B"))
        .with_target(kit.query(share, "negative", "C"))
        .with_target(kit.query(per_brand("barometer_brand_negative_baseline_ratio", here), "usual", "D"))
    )


def _cell(kind: str, **more: object) -> model.DynamicConfigValue:
    return kit.setting("custom.cellOptions", {"type": kind, **more})


def _scale() -> list[model.DynamicConfigValue]:
    return [kit.setting("color", {"mode": "continuous-YlRd"})]
