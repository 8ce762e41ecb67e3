"""What any process tells of itself and of the disk it stands on."""

from __future__ import annotations

import platform
import shutil
from importlib.metadata import version
from pathlib import Path

from infra import metrics


def tell_process(folder: Path = Path("/")) -> None:
    """Put version and disk into the metrics; the disk, that of ``folder``, is looked at by each scrape."""
    metrics.BUILD_INFO.labels(version("barometer"), platform.python_version()).set(1)
    metrics.DISK_FREE.set_function(lambda: shutil.disk_usage(folder).free)
    metrics.DISK_SIZE.set_function(lambda: shutil.disk_usage(folder).total)
