"""Where the engine's time goes: its steps by the clock, and the network by kind of operation."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from model.batching import pad, plan_batches
from model.engines.folder import TOKENIZER_FILE, read_config
from model.engines.openvino import compile_network, load_tokenizer
from model.engines.tuning import TOKEN_BUDGET
from model.normalise import normalise

CALL = 512
"""Texts that are packed together: about a batch of a worker with a backlog."""
FEWEST_US = 1.0
"""Operations that take less of a tweet are told together."""


def profile(folder: Path, texts: Sequence[str]) -> dict[str, dict[str, float]]:
    """Microseconds for each text, on one thread: ``steps`` by name, ``network`` by OpenVINO's kind of operation.

    OpenVINO's counters are means over all calls so far, the slow first ones included:
    only their shares are taken, of the network's time by the clock. ``folder``: an exported model.
    """
    config = read_config(folder)
    tokenizer = load_tokenizer(folder / TOKENIZER_FILE, config.max_tokens)
    request = compile_network(folder, config, threads=1, streams=1, counters=True).create_infer_request()
    network: Counter[str] = Counter()
    steps: Counter[str] = Counter()
    for counted in (False, True):  # the first time, kernels are compiled
        steps.clear()
        for start in range(0, len(texts), CALL):
            began = time.perf_counter_ns()
            cleaned = [normalise(text) for text in texts[start : start + CALL]]
            began = _note(steps, "normalising", began)
            ids = [one.ids for one in (tokenizer.encode(text) for text in cleaned)]
            began = _note(steps, "tokenising", began)
            lengths = [len(row) for row in ids]
            batches = plan_batches(lengths, step=config.width_step, budget=TOKEN_BUDGET, most=config.max_tokens)
            inputs = [pad(ids, batch, config.pad_id) for batch in batches]
            began = _note(steps, "packing", began)
            for tokens, mask in inputs:
                request.infer({"input_ids": tokens, "attention_mask": mask})
                for node in request.get_profiling_info() if counted else ():
                    network[node.node_type] += int(node.real_time.total_seconds() * 1e9)
            _note(steps, "network", began)
    whole = steps["network"] / network.total()
    shares = Counter({name: round(ns * whole) for name, ns in network.items()})
    return {"steps": _each(steps, len(texts)), "network": _each(shares, len(texts))}


def _note(steps: Counter[str], name: str, since: int) -> int:
    now = time.perf_counter_ns()
    steps[name] += now - since
    return now


def _each(spent: Counter[str], texts: int) -> dict[str, float]:
    told = {name: round(ns / 1e3 / texts, 1) for name, ns in spent.most_common()}
    small = [name for name, us in told.items() if us < FEWEST_US]
    others = sum(told.pop(name) for name in small)
    return told | ({"others": round(others, 1)} if small else {})
