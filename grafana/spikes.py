"""What several dashboards show of spikes."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

from grafana import kit
from grafana.queries import per_brand
from infra.settings import Settings

KINDS = {"negative": kit.RED, "positive": kit.GREEN, "volume": kit.BLUE}


def page_variable(settings: Settings) -> build.TextBoxVariable:
    """Where the live page is, as the reader's browser reaches it."""
    made = build.TextBoxVariable("page").label("Live page").default_value(settings.page_url)
    return made.hide(model.VariableHide.HIDE_VARIABLE)


def annotation(brand: str) -> build.AnnotationQuery:
    """Shades the time in which a spike is open."""
    expr = f"{per_brand('barometer_brand_spike_active', brand, 'brand, kind')} > 0"
    return (
        build.AnnotationQuery()
        .name("Spikes")
        .datasource(kit.SOURCE)
        .enable(True)
        .icon_color(kit.ORANGE)
        .target(kit.query(expr))
        .expr(expr)
        .step("30s")
        .title_format("{{brand}}: {{kind}} spike")
        .text_format("Open. The live page says why.")
        .tag_keys("kind")
    )


def timeline(brand: str, legend: str, *, width: int, height: int) -> kit.Made:
    """When a spike was open: a row for every brand and kind that had one in the time shown."""
    active = per_brand("barometer_brand_spike_active", brand, "brand, kind")
    ever = f"max by (brand, kind) (max_over_time(barometer_brand_spike_active{{{brand}}}[$__range] @ end())) > 0"
    made = kit.states(
        "Spikes",
        "Which were open when; only brands that had one in the time shown. Click for the tweets and the reason.",
        width=width,
        height=height,
    )
    link = build.DashboardLink("Why: the live page").url("${page}/#/brand/${__field.labels.brand}").target_blank(True)
    shown = {"0": ("-", "rgba(128, 128, 128, 0.12)"), "1": ("open", kit.RED)}
    for kind, colour in KINDS.items():
        mapping = kit.named({"0": shown["0"], "1": (f"{kind} spike", colour)})
        made.override_by_regexp(f"/(^|: ){kind}$/", [kit.setting("mappings", mapping)])
    return (
        made.mappings(kit.named(shown))
        .data_links([link])
        .no_value("No spike in the time shown")
        .legend(common.VizLegendOptions().show_legend(False))
        .with_target(kit.query(f"{active} and on (brand, kind) ({ever})", legend))
    )
