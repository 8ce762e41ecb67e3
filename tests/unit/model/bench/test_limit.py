from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from model.bench.limit import cpu_limit, macs_per_tweet, mean_width

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/cpuinfo")


def cpuinfo(folder: Path, name: str, flags: str, clock: float) -> Path:
    path = folder / "cpuinfo"
    path.write_text(f"model name\t: {name}\ncpu MHz\t\t: {clock}\nflags\t\t: fpu sse {flags}\n", encoding="utf-8")
    return path


@LINUX
@pytest.mark.parametrize(
    ("name", "flags", "macs"),
    [
        ("AMD EPYC 9354", "avx2 avx512_vnni", 64),
        ("Intel(R) Xeon(R) Platinum 8375C", "avx2 avx512_vnni", 128),
        ("Intel(R) Xeon(R) Platinum 8480+", "avx2 avx512_vnni amx_int8", 1_024),
        ("Intel(R) Core(TM) i7-13700", "avx2 avx_vnni", 64),
        ("Intel(R) Core(TM) i7-7700", "avx2", 32),
    ],
)
def test_the_limit_follows_from_instructions_clock_and_cores(tmp_path: Path, name: str, flags: str, macs: int) -> None:
    limit = cpu_limit(cpuinfo(tmp_path, name, flags, 2_500.0), cores=4)
    assert limit is not None
    assert limit.macs_per_cycle == macs
    assert limit.macs_per_s == 4 * macs * 2.5e9


@LINUX
def test_no_limit_is_claimed_of_a_processor_that_does_not_say_what_it_can(tmp_path: Path) -> None:
    assert cpu_limit(cpuinfo(tmp_path, "something", "sse2", 1_000.0)) is None
    (tmp_path / "cpuinfo").write_text("Features : asimddp\n", encoding="utf-8")
    assert cpu_limit(tmp_path / "cpuinfo") is None


def test_a_tweet_costs_what_the_layers_hold(tmp_path: Path) -> None:
    shape = {"hidden_size": 384, "intermediate_size": 1_536, "num_hidden_layers": 6}
    (tmp_path / "config.json").write_text(json.dumps(shape), encoding="utf-8")
    config, layer = tmp_path / "config.json", 4 * 384**2 + 2 * 384 * 1_536
    assert macs_per_tweet(config, 20, asked_once=False) == 6 * 20 * layer
    assert macs_per_tweet(config, 20, asked_once=True) == (5 * 20 + 1) * layer


def test_a_text_is_as_wide_as_its_padding() -> None:
    assert mean_width([1, 4, 5], 4) == (4 + 4 + 8) / 3
