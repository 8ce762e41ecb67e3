"""The C library's heap, kept close to what is in use.

glibc gives memory back to the system only from the end of a heap, and after a
few large blocks, which it then no longer maps one by one, only beyond tens of
megabytes. A backlog of small and large records leaves more free than used in
it: 41 of 88 MB after 117,000 tweets. Other C libraries are left as they are.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

GIVE_BACK_EVERY_S = 10.0
"""Giving back takes some milliseconds, in which other threads may wait for memory."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""From glibc's malloc.h."""
_ARENAS = 2
"""For all threads. By default it is eight for each core, each with free memory of its own; a worker has dozens of
threads, most of them librdkafka's, that do little."""
_LARGE = 1 << 20
"""Blocks of this many bytes are mapped one by one; so much may be free at the end of a heap. Told so, glibc no longer
raises both as it sees fit."""


def keep_small() -> None:
    """Set the heap of this process up so that little is free in it. To be called before there are threads."""
    if mallopt := _glibc("mallopt"):
        for option, value in ((_M_ARENA_MAX, _ARENAS), (_M_MMAP_THRESHOLD, _LARGE), (_M_TRIM_THRESHOLD, _LARGE)):
            mallopt(option, value)


def give_back() -> None:
    """Give all whole pages that are free back to the system."""
    if trim := _glibc("malloc_trim"):
        trim(0)


@contextmanager
def giving_back(every_s: float = GIVE_BACK_EVERY_S) -> Iterator[None]:
    """While this is entered, what is free is given back now and then, in a thread of its own."""
    stopping = threading.Event()

    def work() -> None:
        while not stopping.wait(every_s):
            give_back()

    thread = threading.Thread(target=work, name="give-back", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _glibc(name: str) -> Callable[..., int] | None:
    """A function that only glibc has."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library["gnu_get_libc_version"]  # AttributeError elsewhere
        function: Callable[..., int] = library[name]
        return function
    return None
