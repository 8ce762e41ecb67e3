"""Memory that was freed goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from infra.heap import giving_back

HOLES = """
import os
from infra.heap import give_back, keep_small

def rss_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

keep_small()
blocks = [bytes([1]) * 4_000 for _ in range(16_000)]
full = rss_mb()
blocks = blocks[::20]  # every one that is left keeps what lies before it from being given back
freed = rss_mb()
give_back()
print(full - freed, full - rss_mb())
"""
ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what is freed, and has malloc_trim")
def test_what_is_free_in_the_middle_of_the_heap_is_given_back() -> None:
    told = subprocess.run([sys.executable, "-c", HOLES], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    by_itself, in_all = map(float, told.split())
    assert by_itself < 20
    assert in_all > 45  # of 61


def test_giving_back_ends_with_its_context() -> None:
    before = threading.active_count()

    with giving_back(every_s=0.001):
        assert threading.active_count() == before + 1

    assert threading.active_count() == before
