"""How many CPU cores this process may use."""

from __future__ import annotations

import math
import os
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
