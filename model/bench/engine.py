"""``barometer bench engine``: who takes part, and what is told of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from infra.errors import MissingExtraError
from model.bench.contestants import Contestant, barometer, export_onnx, onnx_int8, pipeline, torch_engine
from model.bench.limit import cpu_limit, macs_per_tweet, mean_width, reached_macs_per_s
from model.bench.profile import profile
from model.bench.report import Figures, describe_limit, summarise
from model.bench.restore import asked_once, restore
from model.bench.rounds import run_rounds
from model.engines import bundled_folder
from model.engines.cores import usable_cores
from model.engines.folder import TOKENIZER_FILE, read_config
from model.engines.openvino import load_tokenizer
from model.normalise import normalise

CALL = 1_024
"""Texts in one call of an engine: the most that a worker labels at once."""
SLOW = 8
"""One text at a time takes so many times as long: it gets so many times fewer texts in a round."""
OURS, PIPELINE, FLOAT32, PLAIN_INT8 = "barometer", "pipeline-1", "torch-float32", "onnx-int8"


def bench_engine(
    texts: Sequence[str],
    judged: Sequence[str],
    truth: Sequence[int],
    *,
    parent: Path | None,
    rounds: int,
    threads: int,
    progress: Callable[[str], None],
) -> Figures:
    """Measure on ``texts``; judge on ``judged`` and ``truth`` (indices into LABELS; both may be empty).

    ``parent``: the float32 network of the shipped model, a folder of ``barometer
    train``; None: one made from the shipped weights. ``threads`` 0: all cores.
    Raises MissingExtraError without torch.
    """
    if find_spec("torch") is None or find_spec("transformers") is None:
        raise MissingExtraError("bench engine, which compares with transformers,", "torch")
    threads = threads or usable_cores()
    exported = bundled_folder()
    with tempfile.TemporaryDirectory(prefix="barometer-bench-") as temporary:
        network = Path(temporary) / "float32"
        network.mkdir()
        progress("the shipped model in float32")
        restore(exported, network)
        float32 = parent or network
        plain = None
        if find_spec("onnxruntime") is not None and find_spec("onnx") is not None:
            progress("exporting for ONNX Runtime")
            plain = Path(temporary) / "int8.onnx"
            export_onnx(float32, plain)
        contestants = _contestants(str(exported), str(float32), plain, threads, len(texts))
        results = run_rounds(contestants, texts, judged, rounds=rounds, progress=progress)
        lengths = _lengths(exported, texts)
        figures = summarise(results, truth, sum(lengths) / len(lengths), ours=OURS, base=PIPELINE, fp32=FLOAT32)
        progress("what the processor could do")
        rate = figures["tweets_per_s"]
        shape = network / "config.json"
        width = mean_width(lengths, read_config(exported).width_step)
        figures["limit"] = describe_limit(
            rate,
            width,
            macs_per_tweet(shape, width, asked_once=asked_once(exported)),
            cpu_limit(cores=threads),
            reached_macs_per_s(shape, threads),
        )
        progress("where the time goes")
        figures["profile_us"] = profile(exported, texts)
    if PLAIN_INT8 in figures["engines"]:
        figures["ratio_to_plain_int8"] = round(rate / figures["engines"][PLAIN_INT8]["tweets_per_s"]["median"], 3)
    figures["parent"] = "given" if parent else "restored from the shipped int8 weights"
    figures |= {"texts": len(texts), "rounds": rounds, "threads": threads, "judged": len(truth)}
    return figures


def _contestants(exported: str, float32: str, plain: Path | None, threads: int, texts: int) -> list[Contestant]:
    few = max(32, texts // SLOW)
    everyone = [
        Contestant(
            PIPELINE, "transformers pipeline, one at a time", pipeline, (float32, threads, 1), few, judged=False
        ),
        Contestant(
            "pipeline-64", "transformers pipeline, batches of 64", pipeline, (float32, threads, 64), few, judged=False
        ),
        Contestant(FLOAT32, "torch float32, by length", torch_engine, (float32, threads, "float32", CALL), few),
        Contestant("torch", "torch engine (bf16 where it pays)", torch_engine, (float32, threads, "auto", CALL), few),
    ]
    if plain is not None:
        title = "ONNX Runtime, dynamic int8, batches of 64"
        everyone.append(Contestant(PLAIN_INT8, title, onnx_int8, (str(plain), float32, threads, 64), texts))
    everyone += [
        Contestant("barometer-1", "Barometer, one at a time", barometer, (exported, threads, 1), few, judged=False),
        Contestant(
            "barometer-thread",
            f"Barometer, batches of {CALL}, 1 thread",
            barometer,
            (exported, 1, CALL),
            texts,
            judged=False,
        ),
        Contestant(OURS, f"Barometer, batches of {CALL}", barometer, (exported, threads, CALL), texts),
        Contestant(
            "barometer-two",
            f"Barometer, batches of {CALL // 2}, two at once",
            barometer,
            (exported, threads, CALL // 2, 2),
            texts,
            judged=False,
        ),
    ]
    return everyone


def _lengths(exported: Path, texts: Sequence[str]) -> list[int]:
    """Tokens of each text, as the engine sees them."""
    tokenizer = load_tokenizer(exported / TOKENIZER_FILE, read_config(exported).max_tokens)
    return [len(one.ids) for one in tokenizer.encode_batch_fast([normalise(text) for text in texts])]
