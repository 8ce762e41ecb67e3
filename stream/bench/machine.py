"""On what, and when, a figure was measured."""

from __future__ import annotations

import datetime as dt
import os
import platform
from pathlib import Path
from typing import Any

from model.engines.cores import processor, usable_cores


def describe_machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, Any]:
    """``machine``, ``cores``, ``date``, ``python`` and ``load`` (processes that wanted a core, mean of a minute)."""
    return {
        "machine": f"{usable_cores()} cores, {processor(cpuinfo)}, {platform.system()}",
        "cores": usable_cores(),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }
