"""What dashboards show of Prometheus' alerts about the system itself."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders import dashboard as build

from grafana import kit

FIRING = 'max by (alertname, severity) (ALERTS{alertstate="firing", category="pipeline"})'


def annotation() -> build.AnnotationQuery:
    """Shades the time in which an alert fires."""
    return (
        build.AnnotationQuery()
        .name("Alerts")
        .datasource(kit.SOURCE)
        .enable(True)
        .icon_color(kit.RED)
        .target(kit.query(FIRING))
        .expr(FIRING)
        .step("30s")
        .title_format("{{alertname}}")
        .text_format("{{severity}}: docs/runbooks has what to do")
        .tag_keys("severity")
    )


def timeline() -> kit.Made:
    """Which alerts fired when."""
    made = kit.states(
        "Alerts",
        "About the system itself, in the time shown. docs/runbooks has what to do about each.",
        width=24,
        height=4,
    )
    return (
        made.mappings(kit.named({"1": ("firing", kit.RED)}))
        .no_value("No alert in the time shown")
        .legend(common.VizLegendOptions().show_legend(False))
        .with_target(kit.query(FIRING, "{{alertname}}"))
    )
