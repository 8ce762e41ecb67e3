"""How every dashboard looks: one place for colours, legends, variables, links and thresholds.

A colour means the same everywhere: red is negative, green positive, grey
neutral, blue says how much, violet dashes say what is usual, orange where an
alarm begins. Lines of brands have the colour of their name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

GREEN, RED, GREY, BLUE, ORANGE, VIOLET, YELLOW = (
    "#3f9b4f",
    "#d64550",
    "#8e99a4",
    "#3d7cc9",
    "#e8833a",
    "#8f5fd0",
    "#e0b400",
)
TRANSPARENT = "transparent"
LABEL_COLOURS = {"negative": RED, "neutral": GREY, "positive": GREEN}
SOURCE = options.DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "barometer"
UIDS = {name: f"barometer-{name}" for name in ("reputation", "brand", "pipeline", "model")}

Panel = TypeVar("Panel", timeseries.Panel, stat.Panel, table.Panel, bargauge.Panel, heatmap.Panel, statetimeline.Panel)
Made = Builder[model.Panel]
Columns = Mapping[str, tuple[str, str]]
"""Of a table: reference of the query, title, expression."""


def query(expr: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """Values over time. ``legend`` as Grafana writes it: ``{{brand}}``."""
    made = prometheus.Dataquery().expr(_one_line(expr)).legend_format(legend or "__auto").ref_id(ref).datasource(SOURCE)
    return made.range()


def latest(expr: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """Only the newest values."""
    made = prometheus.Dataquery().expr(_one_line(expr)).legend_format(legend or "__auto").ref_id(ref).datasource(SOURCE)
    return made.instant()


def rows(expr: str, ref: str) -> prometheus.Dataquery:
    """Only the newest values, one row each, for a table."""
    return latest(expr, ref=ref).format(PromQueryFormat.TABLE)


def buckets(expr: str, ref: str = "A") -> prometheus.Dataquery:
    """Of a histogram, for a heat map: a series for each ``le``."""
    return query(expr, "{{le}}", ref).format(PromQueryFormat.HEATMAP)


def _one_line(expr: str) -> str:
    return " ".join(expr.split())


def place(panel: Panel, width: int, height: int, title: str, description: str) -> Panel:
    """What every panel has. Width in 24ths of the screen, height in Grafana's rows (30 px each)."""
    return panel.title(title).description(description).span(width).height(height).datasource(SOURCE)


def lines(title: str, description: str, unit: str, *, width: int = 12, height: int = 8) -> timeseries.Panel:
    """Lines over time, with the newest value in the legend."""
    legend = common.VizLegendOptions().show_legend(True).display_mode(options.LegendDisplayMode.LIST)
    tooltip = common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING)
    return (
        place(timeseries.Panel(), width, height, title, description)
        .unit(unit)
        .line_width(2)
        .fill_opacity(0)
        .show_points(options.VisibilityMode.NEVER)
        .line_interpolation(options.LineInterpolation.LINEAR)
        .legend(legend.placement(options.LegendPlacement.BOTTOM).calcs(["lastNotNull"]))
        .tooltip(tooltip)
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    )


def number(title: str, description: str, unit: str, *, width: int = 4, height: int = 4) -> stat.Panel:
    """One big number and its recent course. A sentence instead of a number belongs to ``no_value``."""
    return (
        place(stat.Panel(), width, height, title, description)
        .unit(unit)
        .color_mode(options.BigValueColorMode.VALUE)
        .graph_mode(options.BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .no_value("-")
    )


def bars(title: str, description: str, unit: str, *, width: int = 6, height: int = 8) -> bargauge.Panel:
    """A short ranking, the first on top."""
    return (
        place(bargauge.Panel(), width, height, title, description)
        .unit(unit)
        .orientation(options.VizOrientation.HORIZONTAL)
        .display_mode(options.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def heat(title: str, description: str, unit: str, *, width: int = 12, height: int = 8) -> heatmap.Panel:
    """How a histogram's values spread, over time; ``unit`` is that of the values."""
    colour = heatmap.HeatmapColorOptions().scheme("Blues").steps(32).fill("dark-blue")
    return (
        place(heatmap.Panel(), width, height, title, description)
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .color(colour)
        .show_legend()
    )


def states(title: str, description: str, *, width: int = 12, height: int = 6) -> statetimeline.Panel:
    """What is on and off, over time."""
    return (
        place(statetimeline.Panel(), width, height, title, description)
        .row_height(0.8)
        .show_value(options.VisibilityMode.NEVER)
        .merge_values(True)
    )


def listing(title: str, description: str, *, width: int = 24, height: int = 9) -> table.Panel:
    """A table."""
    return place(table.Panel(), width, height, title, description).show_header(True)


def joined(panel: table.Panel, keys: Mapping[str, str], columns: Columns) -> table.Panel:
    """A table with a row for each value of the ``keys`` (label to title), and a column for each query."""
    for ref, (_title, expr) in columns.items():
        panel.with_target(rows(expr, ref))
    values = {f"Value #{ref}" if len(columns) > 1 else "Value": title for ref, (title, _expr) in columns.items()}
    order = {name: place for place, name in enumerate([*keys, *values])}
    organize = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": {**keys, **values}}
    panel.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    return panel.with_transformation(model.DataTransformerConfig(id_val="organize", options=organize))


def sorted_by(panel: table.Panel, column: str) -> table.Panel:
    """The largest value first."""
    return panel.sort_by([common.TableSortByFieldState().display_name(column).desc(True)])


def steps(*levels: tuple[float | None, str]) -> build.ThresholdsConfig:
    """Colours from values on; the first level has None."""
    thresholds = [model.Threshold(value=value, color=colour) for value, colour in levels]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(thresholds)


def limit(panel: timeseries.Panel, value: float) -> timeseries.Panel:
    """A dashed line at ``value`` from which on things are wrong; lines keep their colours."""
    style = common.GraphThresholdsStyleConfig().mode(options.GraphThresholdsStyleMode.DASHED)
    return panel.thresholds(steps((None, TRANSPARENT), (value, ORANGE))).thresholds_style(style)


def stacked(panel: timeseries.Panel, *, share: bool = False) -> timeseries.Panel:
    """Areas on top of each other; ``share``: as parts of 100%."""
    mode = options.StackingMode.PERCENT if share else options.StackingMode.NORMAL
    return panel.stacking(common.StackingConfig().mode(mode)).fill_opacity(55).line_width(1)


def coloured(panel: Panel, colours: Mapping[str, str]) -> Panel:
    """Fixed colours by name of series."""
    for name, colour in colours.items():
        panel.override_by_name(name, [fixed(colour)])
    return panel


def single(panel: stat.Panel, colour: str) -> stat.Panel:
    """One colour, whatever the value."""
    return panel.color_scheme(build.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color(colour))


def dashed(panel: timeseries.Panel, name: str, colour: str) -> timeseries.Panel:
    """A series that is compared with, not measured."""
    style = model.DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [8, 6]})
    return panel.override_by_name(name, [fixed(colour), style])


def band(panel: timeseries.Panel, low: str, high: str, colour: str) -> timeseries.Panel:
    """Two series shown as the area between them."""
    thin = model.DynamicConfigValue(id_val="custom.lineWidth", value=0)
    quiet = model.DynamicConfigValue(id_val="custom.hideFrom", value={"legend": True, "tooltip": False, "viz": False})
    panel.override_by_name(low, [fixed(colour), thin, quiet])
    fill = model.DynamicConfigValue(id_val="custom.fillBelowTo", value=low)
    opacity = model.DynamicConfigValue(id_val="custom.fillOpacity", value=18)
    return panel.override_by_name(high, [fixed(colour), thin, quiet, fill, opacity])


def fixed(colour: str) -> model.DynamicConfigValue:
    """The property that gives a series its colour."""
    return model.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})


def setting(name: str, value: object) -> model.DynamicConfigValue:
    """A property of a field, for overrides."""
    return model.DynamicConfigValue(id_val=name, value=value)


def named(values: Mapping[str, tuple[str, str]]) -> list[model.ValueMapping]:
    """Values shown as a word in a colour."""
    found = {
        value: model.ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(values.items())
    }
    return [model.ValueMap(options=found)]


def data_source() -> build.DatasourceVariable:
    """Which Prometheus; so that a dashboard can be imported elsewhere as it is."""
    return build.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def choice(name: str, label: str, metric: str, of: str, *, many: bool) -> build.QueryVariable:
    """Values of a label of a metric; with ``many``, all of them at first."""
    made = (
        build.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": f"label_values({metric}, {of})", "refId": "values"})
        .definition(f"label_values({metric}, {of})")
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    )
    return made.multi(True).include_all(True).all_value(".*") if many else made


def board(name: str, title: str, description: str, *, since: str) -> build.Dashboard:
    """An empty dashboard with what all have: the data source, links to the others, one crosshair."""
    made = (
        build.Dashboard(f"Barometer / {title}")
        .uid(UIDS[name])
        .description(description)
        .tags([TAG])
        .time(since, "now")
        .timezone("browser")
        .refresh("30s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(data_source())
    )
    others = build.DashboardLink("Barometer").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    return made.link(others.keep_time(True).include_vars(True).as_dropdown(False))


def page_link(url: str) -> Builder[model.DashboardLink]:
    """To the live page, which has the tweets."""
    link = build.DashboardLink("Live page").type(model.DashboardLinkType.LINK).url(url).icon("external link")
    return link.target_blank(True).tooltip("Tweets, and why a spike is one")


def to(name: str, label: str, variables: str) -> Builder[model.DashboardLink]:
    """A link in a panel's data to another dashboard; ``variables`` as a query string."""
    url = f"/d/{UIDS[name]}?{variables}&${{__url_time_range}}&${{datasource:queryparam}}"
    return build.DashboardLink(label).type(model.DashboardLinkType.LINK).url(url)
