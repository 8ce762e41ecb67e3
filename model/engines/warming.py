"""A network is slow with each size of batch that it meets for the first time: let it meet them before tweets come.

OpenVINO makes kernels for each number of tokens in a batch, on each stream: 10 ms beside the work
itself, for 43 numbers that tweets make, up to 256. (For another number of texts of another width that
makes as many tokens it is 1 ms.) A worker that has just started would spend a second or
two of its first ten on that, while tweets wait.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import openvino

Shape = tuple[int, int]
"""Texts, and tokens that each is padded to."""


IDLE_S = 0.03
"""So long after other work there may be more of it in a moment, as between two batches of a backlog."""


def shapes_of_each_size(step: int, budget: int, most: int) -> list[Shape]:
    """One for each number of tokens that a batch of tweets (model.batching) is likely to have, the largest first.

    Of the shapes with as many tokens the widest, as the library keeps less for fewer texts; none is
    wider than ``most``, the model's window.
    """
    sizes = {texts * width: (texts, width) for width in _widths(step, most) for texts in range(1, budget // width + 1)}
    return [sizes[tokens] for tokens in sorted(sizes, reverse=True)]


def _widths(step: int, most: int) -> range:
    """Widths that tweets have, the narrowest first."""
    return range(3 * step, min(12 * step, most) + 1, step)


class Warming:
    """Runs ``network`` on ``shapes``, one after the other, on all of its ``streams``, in a thread of its own.

    Never beside other work, nor right after it: whoever uses the network does so within
    ``aside()``, and waits for one shape at most, some 30 ms. ``met``: how many are done.
    """

    def __init__(self, network: openvino.CompiledModel, shapes: list[Shape], streams: int) -> None:
        self._requests = [network.create_infer_request() for _ in range(streams)]
        self._shapes = shapes
        self._changed = threading.Condition()
        self._others = 0
        self._idle_since = -IDLE_S
        self._closed = False
        self.met = 0
        self._thread = threading.Thread(target=self._run, name="warm-up")
        self._thread.start()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """No shape is begun before the end of the block."""
        with self._changed:
            self._others += 1
        try:
            yield
        finally:
            with self._changed:
                self._others -= 1
                self._idle_since = monotonic()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until all shapes are met; False if that took longer than ``timeout`` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Begin no other, and wait for the one that is under way."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        for texts, width in self._shapes:
            if not self._may_go_on():
                break
            tokens = np.ones((texts, width), dtype=np.int64)
            for request in self._requests:
                request.start_async({"input_ids": tokens, "attention_mask": tokens})
            for request in self._requests:
                request.wait()
            self.met += 1
        self._requests.clear()

    def _may_go_on(self) -> bool:
        """Wait until nothing else is to be done; False when there is no use in going on."""
        with self._changed:
            while not self._closed and threading.main_thread().is_alive():
                if not self._others and monotonic() >= self._idle_since + IDLE_S:
                    return True
                self._changed.wait(IDLE_S)  # the end of the process tells nobody
        return False
