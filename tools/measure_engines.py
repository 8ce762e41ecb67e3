"""Compare ways to run the trained model on this machine, on equal terms. Prints a table.

    pip install onnx onnxruntime
    python tools/measure_engines.py runs/barometer-minilm --data val.tsv --speed-data Tweets.csv

RUN is the float32 parent (a folder of ``barometer train`` or ``average``).
Every contestant gets the same tokens and the same batches of texts of one
width, and its own best arrangement of threads. Rounds are interleaved, so that
what else the machine does falls on all alike, and ratios of medians are told.
The second way of batching, padding to the longest neighbour, is measured too,
to show what it does to the promise that a label does not depend on its batch.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.batching import Batch, pad, plan_batches
from model.engines.cores import usable_cores
from model.engines.tuning import TOKEN_BUDGET
from model.evaluation.metrics import compute_metrics
from model.labelled import read_labelled
from model.normalise import normalise
from model.prediction import softmax

Run = Callable[[Sequence[Batch], Sequence[list[int]], NDArray[np.float32]], None]
"""Runs batches of token ids and writes the logits of each text into its row."""

CALL = 256
"""Texts in one call: the batch of a worker."""
STEPS = (1, 4, 8, 16)


@dataclass
class Contestant:
    """One way to run the model. ``seconds`` and ``cpu_seconds`` hold one entry for each round."""

    name: str
    run: Run
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)


def openvino_runner(path: Path, precision: str, group: int, threads: int) -> Run:
    """Streams of one thread each, as model.engines.openvino does."""
    import openvino

    options = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": precision,
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": group,
    }
    queue = openvino.AsyncInferQueue(openvino.Core().compile_model(path, "CPU", options), threads)

    def take(request: Any, target: tuple[NDArray[np.float32], list[int]]) -> None:
        target[0][target[1]] = request.get_output_tensor(0).data

    queue.set_callback(take)

    def run(batches: Sequence[Batch], ids: Sequence[list[int]], logits: NDArray[np.float32]) -> None:
        for batch in batches:
            tokens, mask = pad(ids, batch, 0)
            queue.start_async({"input_ids": tokens, "attention_mask": mask}, userdata=(logits, batch.rows))
        queue.wait_all()

    return run


def onnx_runner(path: Path, threads: int) -> Run:
    """Sessions of one thread each, which on two cores beat one session of two threads."""
    onnxruntime = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = [onnxruntime.InferenceSession(path, options) for _ in range(threads)]
    pool = ThreadPoolExecutor(threads)

    def run(batches: Sequence[Batch], ids: Sequence[list[int]], logits: NDArray[np.float32]) -> None:
        queue = iter(batches)

        def work(session: Any) -> None:
            for batch in queue:  # next() of a list's iterator is atomic
                tokens, mask = pad(ids, batch, 0)
                [answer] = session.run(None, {"input_ids": tokens, "attention_mask": mask})
                logits[batch.rows] = answer

        list(pool.map(work, sessions))

    return run


def torch_runner(network: Any, threads: int, *, bf16: bool) -> Run:
    """One batch after another, each on all threads."""
    import torch

    torch.set_num_threads(threads)

    def run(batches: Sequence[Batch], ids: Sequence[list[int]], logits: NDArray[np.float32]) -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            for batch in batches:
                tokens, mask = (torch.from_numpy(array) for array in pad(ids, batch, 0))
                logits[batch.rows] = network(input_ids=tokens, attention_mask=mask).logits.float().numpy()

    return run


def make_contestants(parent: Any, folder: Path, threads: int) -> Iterable[Contestant]:
    """Export the parent in every way; the first contestant is the reference in float32."""
    import openvino
    import torch

    from model.engines import torch_to_openvino as conversion

    yield Contestant("torch float32", torch_runner(parent.network, threads, bf16=False))
    yield Contestant("torch bf16 (autocast)", torch_runner(parent.network, threads, bf16=True))

    width = parent.network.config.hidden_size
    plain = folder / "plain.xml"
    openvino.save_model(conversion.trace(parent.network), plain, compress_to_fp16=False)
    yield Contestant("OpenVINO float32", openvino_runner(plain, "f32", 0, threads))
    yield Contestant("OpenVINO bf16", openvino_runner(plain, "bf16", 0, threads))
    for mode in ("INT8_SYM", "INT8_ASYM"):
        path = folder / f"{mode}.xml"
        with conversion.quiet_nncf() as nncf:
            model = nncf.compress_weights(
                openvino.Core().read_model(plain), mode=getattr(nncf.CompressWeightsMode, mode)
            )
        openvino.save_model(model, path, compress_to_fp16=False)
        kind = mode.removeprefix("INT8_").lower()
        for precision, group in (("f32", width), ("bf16", width), ("f32", 0)):
            scale = "activations int8, a scale per token" if group else "activations float"
            name = f"OpenVINO int8 weights ({kind}), {scale}, {precision}"
            if group or mode == "INT8_SYM":
                yield Contestant(name, openvino_runner(path, precision, group, threads))

    onnx = folder / "plain.onnx"
    names = ["input_ids", "attention_mask"]
    axes = {**{name: {0: "texts", 1: "tokens"} for name in names}, "logits": {0: "texts"}}
    ids = torch.tensor([[2, 3, 4, 5], [2, 3, 0, 0]])
    torch.onnx.export(
        conversion.Logits(parent.network).eval(),
        (ids, (ids != 0).long()),
        onnx,
        input_names=names,
        output_names=["logits"],
        dynamic_axes=axes,
        opset_version=18,
        dynamo=False,
    )
    yield Contestant("ONNX Runtime float32", onnx_runner(onnx, threads))
    quantization = import_module("onnxruntime.quantization")
    quantised = folder / "dynamic.onnx"
    quantization.quantize_dynamic(onnx, quantised, per_channel=True, weight_type=quantization.QuantType.QInt8)
    yield Contestant("ONNX Runtime int8, activations with a scale per batch", onnx_runner(quantised, threads))


def in_calls(count: int, plan: Callable[[list[int]], list[Batch]]) -> list[list[Batch]]:
    """Batches for calls of CALL texts each."""
    calls = []
    for start in range(0, count, CALL):
        rows = list(range(start, min(start + CALL, count)))
        calls.append([Batch([rows[i] for i in batch.rows], batch.width) for batch in plan(rows)])
    return calls


def by_width(ids: Sequence[list[int]], step: int, most: int) -> Callable[[list[int]], list[Batch]]:
    """The project's rule: the width of a text follows from its length alone."""
    return lambda rows: plan_batches([len(ids[row]) for row in rows], step=step, budget=TOKEN_BUDGET, most=most)


def by_neighbour(ids: Sequence[list[int]]) -> Callable[[list[int]], list[Batch]]:
    """The usual rule: sorted by length, padded to the longest of the batch."""

    def plan(rows: list[int]) -> list[Batch]:
        batches: list[Batch] = []
        for position in sorted(range(len(rows)), key=lambda i: len(ids[rows[i]])):
            width = len(ids[rows[position]])
            if batches and width * (len(batches[-1].rows) + 1) <= TOKEN_BUDGET:
                batches[-1] = Batch([*batches[-1].rows, position], width)
            else:
                batches.append(Batch([position], width))
        return batches

    return plan


def logits_of(run: Run, calls: Sequence[Sequence[Batch]], ids: Sequence[list[int]]) -> NDArray[np.float32]:
    """Logits (texts, 3) of all calls."""
    logits = np.full((len(ids), 3), np.nan, dtype=np.float32)
    for batches in calls:
        run(batches, ids, logits)
    return logits


def invariance(run: Run, ids: Sequence[list[int]], most: int, temperature: float, *, fixed: bool) -> tuple[float, int]:
    """Largest difference and changed labels between texts alone and in batches of 64 drawn at random."""
    count = len(ids)
    order = list(range(count))
    random.Random(7).shuffle(order)
    alone = [Batch([row], -(-len(ids[row]) // 4) * 4 if fixed else len(ids[row])) for row in range(count)]
    together: list[Batch] = []
    for start in range(0, count, 64):
        rows = order[start : start + 64]
        if fixed:
            plan = by_width(ids, 4, most)(rows)
            together += [Batch([rows[i] for i in batch.rows], batch.width) for batch in plan]
        else:
            together.append(Batch(rows, max(len(ids[row]) for row in rows)))
    first, second = (softmax(logits_of(run, [plan], ids), temperature) for plan in (alone, together))
    return float(np.abs(first - second).max()), int((first.argmax(axis=1) != second.argmax(axis=1)).sum())


def main() -> None:
    """Read the arguments, measure, print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", help="folder of the float32 parent")
    parser.add_argument("--data", type=Path, required=True, help="labelled texts, for quality")
    parser.add_argument("--speed-data", type=Path, help="labelled texts, for speed; default: those of --data")
    parser.add_argument("--texts", type=int, default=1_024, help="for speed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=usable_cores())
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    from model.engines.torch import TorchClassifier

    parent = TorchClassifier(options.run, device="cpu", precision="float32")
    most, temperature = parent.max_tokens, parent.temperature

    def encode(texts: Sequence[str]) -> list[list[int]]:
        return [
            list(row)
            for row in parent.tokenizer(list(map(normalise, texts)), truncation=True, max_length=most)["input_ids"]
        ]

    judged = read_labelled(options.data)
    timed = encode(read_labelled(options.speed_data or options.data, limit=options.texts).texts)
    ids, truth = encode(judged.texts), np.array(judged.labels)
    calls = in_calls(len(timed), by_width(timed, 4, most))
    with tempfile.TemporaryDirectory() as folder:
        contestants = list(make_contestants(parent, Path(folder), options.threads))
        for _ in range(options.rounds):
            for one in contestants:
                measure(one, calls, timed)
        report(contestants, ids, truth, most, temperature)
        steps(next(one for one in contestants if "(sym), activations int8" in one.name), timed, most, options.rounds)


def measure(one: Contestant, calls: Sequence[Sequence[Batch]], ids: Sequence[list[int]]) -> None:
    """Add one round to the contestant's times."""
    wall, cpu = time.perf_counter(), time.process_time()
    logits_of(one.run, calls, ids)
    one.seconds.append(time.perf_counter() - wall)
    one.cpu_seconds.append(time.process_time() - cpu)


def report(
    contestants: Sequence[Contestant], ids: Sequence[list[int]], truth: NDArray[Any], most: int, temperature: float
) -> None:
    """The table, in Markdown."""
    say("| engine | speed | CPU time | macro recall | as float32 | moved by batch, own width | padded to longest |")
    say("|---|---|---|---|---|---|---|")
    plan = in_calls(len(ids), by_width(ids, 4, most))
    shipped = next(one for one in contestants if "(sym), activations int8" in one.name and one.name.endswith("f32"))
    reference: NDArray[np.intp] | None = None
    for one in contestants:
        shares = softmax(logits_of(one.run, plan, ids), temperature)
        labels = shares.argmax(axis=1)
        reference = labels if reference is None else reference
        recall = compute_metrics(shares, truth).macro_recall
        moved = (invariance(one.run, ids[:512], most, temperature, fixed=fixed) for fixed in (True, False))
        # The first round compiles kernels.
        speed = statistics.median(shipped.seconds[1:]) / statistics.median(one.seconds[1:])
        cpu = statistics.median(one.cpu_seconds[1:]) / statistics.median(shipped.cpu_seconds[1:])
        cells = [one.name, f"{speed:.2f}", f"{cpu:.2f}", f"{recall:.4f}", f"{(labels == reference).mean():.1%}"]
        say(" | ".join(["", *cells, *(f"{worst:.4f} ({changed})" for worst, changed in moved), ""]).strip())


def steps(one: Contestant, ids: Sequence[list[int]], most: int, rounds: int) -> None:
    """What the step of the width costs: finer steps pad less, coarser ones make fewer batches."""
    plans = {f"own width, step {step}": in_calls(len(ids), by_width(ids, step, most)) for step in STEPS}
    plans["padded to the longest"] = in_calls(len(ids), by_neighbour(ids))
    tries = {name: Contestant(name, one.run) for name in plans}
    for _, name in itertools.product(range(rounds), plans):
        measure(tries[name], plans[name], ids)
    base = statistics.median(tries["own width, step 4"].seconds[1:])
    say("\n| batches | number | speed |\n|---|---|---|")
    for name, plan in plans.items():
        speed = base / statistics.median(tries[name].seconds[1:])
        say(f"| {name} | {sum(map(len, plan))} | {speed:.2f} |")


def say(line: str) -> None:
    """One line, at once: a run takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
