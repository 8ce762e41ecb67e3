"""``barometer try``: label texts given on the command line, typed in or piped in."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from rich.console import Console

    from model.prediction import Classifier, ModelInfo, Prediction

    Show = Callable[[str, Prediction | None, ModelInfo], None]

STDIN = "-"
EXIT_NOTHING_LABELLED = 1
_READ_BYTES = 1 << 16
_LONGEST_LINE = 1 << 17
"""Bytes. No model reads as far, and a file without line ends must not fill the memory."""
_BAR_CELLS = 30
_EIGHTHS = " ▏▎▍▌▋▊▉"
_COLOURS = {"negative": "red", "neutral": "bright_black", "positive": "green"}
_UNREADABLE = "nothing in it can be read"


@click.command(
    name="try",
    epilog="""\b
Examples:
  barometer try "my flight was cancelled again"
  barometer try "so good" "so so" --json
  cut -f 3 tweets.tsv | barometer try - > labels.tsv
""",
)
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@click.option("--model", metavar="NAME", help="'bundled', a folder, or the name of a model on the hub.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each text, on a line of its own.")
def try_(texts: tuple[str, ...], model: str | None, as_json: bool) -> None:
    """Label texts, as the worker would.

    Each TEXT is one tweet. With -, or none where something is piped in, each
    line of standard input is one. In a pipe the answer is a line for each:
    label, probability of it, text, with tabs between.

    Exit code 1 when not one text has anything in it to label.
    """
    from infra.settings import load_settings
    from model.engines import load_from_settings

    classifier = load_from_settings(load_settings(model=model))
    show = _show_json if as_json else _shower()
    labelled = 0
    try:
        for batch in _batches(texts):
            for text, said in _label(classifier, batch):
                show(text, said, classifier.info)
                labelled += said is not None
            sys.stdout.flush()
    finally:
        classifier.close()
    if not labelled:
        raise click.exceptions.Exit(EXIT_NOTHING_LABELLED)


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts that were given; lines of standard input as they come."""
    given = [text for text in texts if text != STDIN]
    if given:
        yield given
    if STDIN in texts or not texts:
        if sys.stdin.isatty():
            click.echo("Type a text and press Enter; Ctrl-D ends.", err=True)
        yield from read_lines(cast("io.BufferedReader", sys.stdin.buffer))


def read_lines(file: io.BufferedReader) -> Iterator[list[str]]:
    """The lines of a binary file, as many at once as are there already; without blank ones.

    Bytes that are not UTF-8 become U+FFFD.
    """
    rest = b""
    while chunk := file.read1(_READ_BYTES):
        *whole, rest = (rest + chunk).split(b"\n")
        rest = rest[:_LONGEST_LINE]
        if lines := _decoded(whole):
            yield lines
    if lines := _decoded([rest]):
        yield lines


def _decoded(lines: Iterable[bytes]) -> list[str]:
    return [text for line in lines if (text := line.decode("utf-8", "replace").strip())]


def _label(classifier: Classifier, texts: Sequence[str]) -> Iterator[tuple[str, Prediction | None]]:
    """Each text with what the model says of it; None where nothing is left to label, as in the stream."""
    from model.normalise import normalise

    readable = [bool(normalise(text)) for text in texts]
    said = iter(classifier.classify([text for text, good in zip(texts, readable, strict=True) if good]).each())
    for text, good in zip(texts, readable, strict=True):
        yield text, next(said) if good else None


def _show_json(text: str, said: Prediction | None, model: ModelInfo) -> None:
    import orjson

    whole = text.encode("utf-8", "replace").decode()  # an argument that is no UTF-8 comes with lone surrogates
    fields: dict[str, Any] = {"text": whole, "label": None, "reason": _UNREADABLE}
    if said is not None:
        fields = {"text": whole, **said._asdict(), "model": {"name": model.name, "version": model.version}}
    click.echo(orjson.dumps(fields))


def _shower() -> Show:
    if not sys.stdout.isatty():
        return _show_line
    from rich.console import Console

    console = Console(highlight=False)
    return lambda text, said, _model: _show_bars(console, text, said)


def _show_line(text: str, said: Prediction | None, _model: ModelInfo) -> None:
    from infra.terminal import printable

    label, confidence = (said.label, f"{said.confidence:.3f}") if said else ("", "")
    click.echo(f"{label}\t{confidence}\t{printable(text)}")


def _show_bars(console: Console, text: str, said: Prediction | None) -> None:
    from rich.text import Text

    from infra.terminal import cut, printable

    shown = cut(printable(text), console.width - 1)
    console.print(Text(shown, style="bold"))
    if said is None:
        console.print(f"  {_UNREADABLE}")
        return
    for label, share in said.probabilities.items():
        style = _COLOURS[label] if label == said.label else "dim"
        console.print(Text(f"  {label:<9}{bar(share)} {share:6.1%}", style=style))
    if said.truncated:
        console.print("  longer than the model's window: the rest was not read", style="yellow")


def bar(share: float) -> str:
    """``share`` of 30 cells, to an eighth of a cell."""
    whole, rest = divmod(round(share * _BAR_CELLS * 8), 8)
    return ("█" * whole + _EIGHTHS[rest].strip()).ljust(_BAR_CELLS)
