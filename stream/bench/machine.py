"""On what, and when, a figure was measured."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
from pathlib import Path
from typing import Any

from model.engines.cores import usable_cores


def describe_machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, Any]:
    """``machine``, ``cores``, ``date``, ``python`` and ``load`` (processes that wanted a core, mean of a minute)."""
    return {
        "machine": f"{usable_cores()} cores, {_processor(cpuinfo)}, {platform.system()}",
        "cores": usable_cores(),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def _processor(cpuinfo: Path) -> str:
    try:
        named = re.search(
            r"^model name\s*:\s*(.+)$", cpuinfo.read_text(encoding="utf-8", errors="replace"), re.MULTILINE
        )
    except OSError:
        named = None
    return named[1].strip() if named else platform.processor() or platform.machine()
