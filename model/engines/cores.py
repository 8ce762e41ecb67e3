"""Which processor this is, and how many of its cores this process may use."""

from __future__ import annotations

import math
import os
import platform
import re
from pathlib import Path


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Cores by affinity and by the container's quota, at least 1.

    Inference libraries see only the machine: with 64 cores and a quota of 2
    they start 64 threads, and the kernel then halts all of them most of the time.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = cgroup.read_text().split()
        cores = min(cores, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # not Linux, another version of cgroups, or "max": no quota
        pass
    return max(1, cores)


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name; its architecture where the system does not tell."""
    try:
        named = re.search(
            r"^model name\s*:\s*(.+)$", cpuinfo.read_text(encoding="utf-8", errors="replace"), re.MULTILINE
        )
    except OSError:
        named = None
    return named[1].strip() if named else platform.processor() or platform.machine()
