"""How many tweets a second a CPU's int8 arithmetic would allow.

A layer costs a token ``4 h^2 + 2 h f`` multiply-adds in matrix products with
weights (h: hidden size, f: width of the feed-forward part), and a tweet has n
padded tokens; a last layer that is asked once costs that for the whole tweet.
The limit is what cores, instructions and clock could do if they did nothing
else: no attention between tokens, no normalisation, no tokeniser, and no
operand ever waited for.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.engines.cores import usable_cores

MACS_PER_CYCLE = {
    "amx_int8": (1_024, "AMX: 16 x 16 x 64 in 16 cycles"),
    "avx512_vnni": (64, "AVX-512 VNNI: one 512-bit VPDPBUSD a cycle"),
    "avx_vnni": (64, "AVX-VNNI: two 256-bit VPDPBUSD a cycle"),
    "avx2": (32, "AVX2: two 256-bit VPMADDUBSW and what adds them, every two cycles"),
}
"""int8 multiply-adds a cycle and core, by the best of these that the CPU has.

Intel's server cores have two 512-bit units; where they are told by their name, the figure is doubled.
"""
TWO_UNITS = re.compile(r"Intel.*Xeon")


@dataclass(frozen=True)
class Limit:
    """``macs_per_s``: int8 multiply-adds a second of all cores; ``how``: where the number comes from."""

    cores: int
    macs_per_cycle: int
    hertz: float
    how: str

    @property
    def macs_per_s(self) -> float:
        return self.cores * self.macs_per_cycle * self.hertz


def cpu_limit(cpuinfo: Path = Path("/proc/cpuinfo"), cores: int | None = None) -> Limit | None:
    """The limit of this machine's cores, or None where its instructions or clock are not told (not Linux, not x86)."""
    if sys.platform != "linux":
        return None
    text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    flags = set(re.findall(r"\w+", next(iter(re.findall(r"^flags\s*:(.*)$", text, re.MULTILINE)), "")))
    clocks = [float(value) for value in re.findall(r"^cpu MHz\s*:\s*([0-9.]+)", text, re.MULTILINE)]
    best = next((name for name in MACS_PER_CYCLE if name in flags), None)
    if best is None or not clocks:
        return None
    macs, how = MACS_PER_CYCLE[best]
    if best == "avx512_vnni" and TWO_UNITS.search(text):
        macs, how = 2 * macs, how.replace("one 512-bit VPDPBUSD", "two 512-bit VPDPBUSD")
    return Limit(cores or usable_cores(), macs, 1e6 * max(clocks), how)


def macs_per_tweet(config: Path, tokens: float, *, asked_once: bool) -> float:
    """Multiply-adds with weights for a tweet of ``tokens`` padded tokens.

    ``config``: ``config.json`` of a BERT of the transformers library; ``asked_once``: its
    last layer is computed for one vector a tweet (model.engines.torch_last_layer).
    """
    layers, layer = _layers(config)
    return layer * ((layers - 1) * tokens + 1 if asked_once else layers * tokens)


def _layers(config: Path) -> tuple[int, int]:
    """How many there are, and what one costs a token in multiply-adds."""
    shape = json.loads(config.read_text(encoding="utf-8"))
    hidden, inner = int(shape["hidden_size"]), int(shape["intermediate_size"])
    return int(shape["num_hidden_layers"]), 4 * hidden * hidden + 2 * hidden * inner


def mean_width(lengths: Sequence[int], step: int) -> float:
    """Mean tokens of a text after its padding to a multiple of ``step``."""
    return sum(-(-length // step) * step for length in lengths) / len(lengths)


def reached_macs_per_s(config: Path, threads: int, tokens: int = 1_024, seconds: float = 2.0) -> float:
    """Multiply-adds a second of the network's matrix products alone, in the same library and form.

    Nothing lies between them: the difference to the engine is attention, normalisation, GELU and tokens.
    """
    import time

    import numpy as np
    import openvino

    shape = json.loads(config.read_text(encoding="utf-8"))
    hidden, inner = int(shape["hidden_size"]), int(shape["intermediate_size"])
    widths = [(hidden, hidden)] * 4 + [(hidden, inner), (inner, hidden)]
    random = np.random.default_rng(1)
    start = openvino.opset13.parameter([-1, hidden], np.float32)
    node = start
    for _layer in range(int(shape["num_hidden_layers"])):
        for width, out in widths:
            weights = openvino.opset13.constant(random.integers(-127, 127, (out, width), dtype=np.int8))
            scale = openvino.opset13.constant(np.full((out, 1), 1e-3, dtype=np.float16))
            rows = openvino.opset13.multiply(openvino.opset13.convert(weights, np.float16), scale)
            node = openvino.opset13.matmul(node, openvino.opset13.convert(rows, np.float32), False, True)  # noqa: FBT003
    options = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": hidden,
    }
    compiled = openvino.Core().compile_model(openvino.Model([node], [start]), "CPU", options)
    queue = openvino.AsyncInferQueue(compiled, threads)
    data = random.standard_normal((tokens, hidden), dtype=np.float32)

    def run(calls: int) -> float:
        began = time.perf_counter()
        for _ in range(calls):
            queue.start_async({0: data})
        queue.wait_all()
        return time.perf_counter() - began

    run(4)
    once = run(4) / 4
    calls = max(8, int(seconds / once))
    layers, layer = _layers(config)
    return calls * tokens * layers * layer / run(calls)
