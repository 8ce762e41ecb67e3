"""What a demo run comes to, as JSON and as a table, and whether it adds up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from infra.errors import UsageError
from infra.terminal import fit, printable
from model.labels import LABELS
from stream.demo import glyphs
from stream.demo.tally import Tally, Wanted
from stream.demo.windows import net_sentiment
from stream.records import OTHER_BRAND, Counts, Spike

_SHOWN_BRANDS = 20
_SHOWN_SPIKES = 10
_SHOWN_PROBLEMS = 5
_BAR_CELLS = 18
_NAME_CELLS = 24


@dataclass(frozen=True)
class BrandSummary:
    """One brand, summed over its published windows. ``net_sentiment``: (positive - negative) / tweets."""

    tweets: int
    negative: int
    neutral: int
    positive: int
    net_sentiment: float


@dataclass(frozen=True)
class SpikeSummary:
    """One spike, as its newest record has it. Times in ISO 8601."""

    brand: str
    kind: str
    status: str
    opened_at: str
    closed_at: str | None
    sentence: str


@dataclass(frozen=True)
class Summary:
    """One run. The order of the fields is that of the JSON; docs/demo.md explains each."""

    replayed: int
    labeled: int
    duplicates: int
    dead: int
    rejected_rows: int
    repaired_rows: int
    windows: int
    brands: dict[str, BrandSummary]
    elapsed_s: float
    tweets_per_s: float
    kafka_version: str
    model: str | None
    model_version: str | None
    complete: bool
    late: int
    worker_restarts: int
    latency_p50_s: float | None
    latency_p95_s: float | None
    first_label_s: float | None
    kafka: str
    topic_prefix: str
    spikes: list[SpikeSummary]
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


@dataclass(frozen=True)
class Published:
    """What the replay says it did."""

    tweets: int
    rejected: int
    repaired: int
    finished: bool


@dataclass(frozen=True)
class Circumstances:
    """What the topics cannot tell."""

    kafka: str
    kafka_version: str
    topic_prefix: str
    worker_restarts: int
    first_label_s: float | None
    """From the start of the command."""
    over: bool
    """The run came to its end; else it was stopped, or failed."""
    error: str | None
    """What ended it, in a line."""


def summarise(tally: Tally, published: Published, around: Circumstances, now: float) -> Summary:
    """The account of a run, over or not. One that is over, or failed, lists every way in which it does not add up."""
    snapshot = tally.snapshot(Wanted(), now)
    brands = {name: _brand(counts) for name, counts in tally.windows.sums().items()}
    latency = tally.pulse.latency_of_all()
    problems = [around.error] if around.error else []
    if around.over or (around.error and published.finished):
        problems += find_problems(tally, published)
    return Summary(
        replayed=published.tweets,
        labeled=snapshot.labeled,
        duplicates=snapshot.duplicates,
        dead=snapshot.dead,
        rejected_rows=published.rejected,
        repaired_rows=published.repaired,
        windows=snapshot.windows,
        brands=brands,
        spikes=[_spike(spike) for spike in sorted(tally.spikes.values(), key=lambda spike: spike.opened_at)],
        elapsed_s=round(tally.elapsed_s, 3),
        tweets_per_s=round(tally.rate_of_all, 1),
        kafka_version=around.kafka_version,
        model=snapshot.model.name if snapshot.model else None,
        model_version=snapshot.model.version if snapshot.model else None,
        complete=around.over and not problems,
        late=snapshot.late,
        worker_restarts=around.worker_restarts,
        latency_p50_s=round(latency.p50, 3) if latency else None,
        latency_p95_s=round(latency.p95, 3) if latency else None,
        first_label_s=None if around.first_label_s is None else round(around.first_label_s, 1),
        kafka=around.kafka,
        topic_prefix=around.topic_prefix,
        problems=problems,
    )


def is_over(tally: Tally, published: Published) -> bool:
    """Whether everything replayed is labelled or dead, and every window closed and right."""
    return published.finished and tally.received == tally.settled == published.tweets and not tally.windows.unsettled


def find_problems(tally: Tally, published: Published) -> Iterator[str]:
    """One sentence for each thing that is missing or does not agree."""
    if tally.received != published.tweets:
        yield f"the replay published {published.tweets:,} tweets, but Kafka holds {tally.received:,}"
    if tally.settled != published.tweets:
        yield f"of {published.tweets:,} tweets, {tally.settled:,} are labelled or dead"
    if tally.unreadable:
        yield f"{tally.unreadable:,} records are not what their topics promise"
    for number, difference in enumerate(tally.windows.differences()):
        if number == _SHOWN_PROBLEMS:
            yield f"and {tally.windows.unsettled - number:,} more windows"
            return
        yield difference


def check_writable(path: Path | None) -> None:
    """Refuse a summary file that cannot be written, before anything starts."""
    if path is None or str(path) == "-":
        return
    if path.is_dir():
        raise UsageError(f"--summary {path} is a folder; give the name of a file in it")
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise UsageError(f"--summary {path} cannot be written: {error.strerror}") from error


def _brand(counts: Counts) -> BrandSummary:
    return BrandSummary(
        tweets=counts.total,
        negative=counts.negative,
        neutral=counts.neutral,
        positive=counts.positive,
        net_sentiment=round(net_sentiment(counts.negative, counts.neutral, counts.positive) or 0.0, 6),
    )


def _spike(spike: Spike) -> SpikeSummary:
    closed = None if spike.closed_at is None else spike.closed_at.isoformat()
    return SpikeSummary(spike.brand, spike.kind, spike.status, spike.opened_at.isoformat(), closed, spike.sentence)


def render(summary: Summary) -> RenderableType:
    """The summary for people."""
    parts: list[RenderableType] = [_headline(summary), Text()]
    if summary.brands:
        parts += [_table(summary), Text()]
    for spike in summary.spikes[:_SHOWN_SPIKES]:
        mark, look = ("▲", "bold red") if spike.kind == "negative" else ("△", "bold")
        parts.append(Text.assemble((f"{mark} ", look), printable(spike.sentence)))
    if len(summary.spikes) > _SHOWN_SPIKES:
        parts.append(Text(f"and {len(summary.spikes) - _SHOWN_SPIKES:,} more spikes", "dim"))
    if summary.spikes:
        parts.append(Text())
    parts.append(_details(summary))
    for problem in summary.problems:
        parts.append(Text(f"! {printable(problem)}", "bold red"))
    return Group(*parts)


def _headline(summary: Summary) -> Text:
    numbers = f"{summary.replayed:,} tweets replayed, {summary.labeled:,} labelled, {summary.windows:,} windows"
    if summary.complete:
        return Text.assemble(("✔ ", "bold green"), (numbers, "bold"), ", all of it right")
    if summary.problems:
        return Text.assemble(("✘ ", "bold red"), (numbers, "bold"), ", but not all is well:")
    return Text.assemble(("■ ", "yellow"), (numbers, "bold"), ": stopped before the end")


def _table(summary: Summary) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Brand", no_wrap=True)
    for heading in ("Tweets", *(label.capitalize() for label in LABELS), "Net"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for name, brand in list(summary.brands.items())[:_SHOWN_BRANDS]:
        counts = Counts(negative=brand.negative, neutral=brand.neutral, positive=brand.positive)
        shown = "(no brand)" if name == OTHER_BRAND else fit(printable(name), _NAME_CELLS).rstrip()
        table.add_row(
            Text(shown),
            f"{brand.tweets:,}",
            *(f"{getattr(brand, label):,}" for label in LABELS),
            glyphs.net_text(brand.net_sentiment),
            glyphs.share_bar(counts, _BAR_CELLS),
        )
    if len(summary.brands) > _SHOWN_BRANDS:
        table.add_row(Text(f"and {len(summary.brands) - _SHOWN_BRANDS:,} more", "dim"))
    return table


def _details(summary: Summary) -> Text:
    """Counts and times, as pairs of a name and a value."""
    rows = [
        ("duplicates", f"{summary.duplicates:,}"),
        ("dead letters", f"{summary.dead:,}" + (f", of which late {summary.late:,}" if summary.late else "")),
        ("rows", f"{summary.rejected_rows:,} rejected, {summary.repaired_rows:,} repaired"),
        ("time", f"{glyphs.duration(summary.elapsed_s)}, {summary.tweets_per_s:,.0f} tweets/s"),
    ]
    if summary.latency_p50_s is not None and summary.latency_p95_s is not None:
        times = f"p50 {glyphs.duration(summary.latency_p50_s)}, p95 {glyphs.duration(summary.latency_p95_s)}"
        rows.append(("latency", f"{times}, from Kafka to its label"))
    if summary.worker_restarts:
        rows.append(("restarts", f"{summary.worker_restarts:,} of the worker"))
    if summary.model:
        rows.append(("model", f"{printable(summary.model)} {printable(summary.model_version or '')}"))
    topics = f", topics {summary.topic_prefix}*" if summary.topic_prefix else ""
    rows.append(("kafka", f"{summary.kafka_version} at {summary.kafka}{topics}"))
    text = Text()
    for name, value in rows:
        text.append(f"{name:13}", "dim").append(f"{value}\n")
    text.right_crop(1)
    return text
