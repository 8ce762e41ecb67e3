"""The files of ``--out``: windows.jsonl as they become final, spikes.json, and a plot and a page for each brand."""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import orjson

from infra.closing import Closing
from infra.errors import BarometerError, MissingExtraError
from stream.backtest.incidents import Incident
from stream.backtest.report.page import page
from stream.backtest.report.plots import DPI, Picture, draw
from stream.backtest.result import Result
from stream.records import Spike, Window

WINDOWS, SPIKES = "windows.jsonl", "spikes.json"
_UNSAFE = re.compile(r"[^a-z0-9]+")
_NAME_CHARS = 60


class Writer(Closing):
    """Writes into ``folder``, which is made if needed. A context manager."""

    def __init__(self, folder: Path) -> None:
        """Raises MissingExtraError when nothing can be drawn here, BarometerError when nothing can be written."""
        if find_spec("matplotlib") is None:
            raise MissingExtraError("--out, which draws plots,", "evaluate")
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._windows: IO[bytes] = (folder / WINDOWS).open("wb")
        except OSError as error:
            raise self._failed(error) from error

    def window(self, window: Window) -> None:
        """One more line of windows.jsonl."""
        try:
            self._windows.write(window.encode() + b"\n")
        except OSError as error:
            raise self._failed(error) from error

    def finish(self, result: Result, incidents: Sequence[Incident]) -> list[Path]:
        """Write the rest; the paths of all. Brands without spikes and incidents have no page."""
        spikes = result.spikes
        records = [spike.model_dump(mode="json", exclude_none=True) for spike in spikes]
        paths = [self._folder / WINDOWS, self._folder / SPIKES]
        by_brand: dict[str, list[Spike]] = defaultdict(list)
        for spike in spikes:
            by_brand[spike.brand].append(spike)
        for incident in incidents:
            if incident.brand in result.brands:
                by_brand.setdefault(incident.brand, [])
        try:
            self._windows.close()
            paths[1].write_bytes(orjson.dumps(records, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            names = file_names(by_brand)
            for brand in sorted(by_brand):
                paths += self._brand(result, brand, by_brand[brand], incidents, names[brand])
        except OSError as error:
            raise self._failed(error) from error
        return paths

    def _brand(
        self, result: Result, brand: str, spikes: list[Spike], incidents: Sequence[Incident], name: str
    ) -> list[Path]:
        series, expected = result.brands[brand], result.told.expected.get(brand, [])
        known = [incident for incident in incidents if incident.brand == brand]
        png = io.BytesIO()
        draw(Picture(brand, series, expected, spikes, known)).savefig(png, dpi=DPI, format="png")
        paths = [self._folder / f"{name}.png", self._folder / f"{name}.html"]
        paths[0].write_bytes(png.getvalue())
        html = page(brand, series, spikes, png.getvalue(), Path(result.file).name)
        paths[1].write_text(html, encoding="utf-8", errors="replace")
        return paths

    def close(self) -> None:
        self._windows.close()

    def _failed(self, error: OSError) -> BarometerError:
        return BarometerError(f"{self._folder} cannot be written to: {error.strerror or error}; give another --out")


def file_names(brands: Iterable[str]) -> dict[str, str]:
    """For each brand a name that every file system takes; of several that would have the same, each bears a mark."""
    plain = {brand: _UNSAFE.sub("-", brand.lower()).strip("-")[:_NAME_CHARS] for brand in brands}
    taken = Counter(plain.values())
    return {
        brand: name if name and taken[name] == 1 else f"{name or 'brand'}-{_mark(brand)}"
        for brand, name in plain.items()
    }


def _mark(brand: str) -> str:
    return blake2b(brand.encode("utf-8", "surrogatepass"), digest_size=3).hexdigest()
