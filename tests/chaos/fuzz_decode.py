"""Fuzzes what reads records: any bytes end as a tweet or as a verdict, and never otherwise.

    python -m tests.chaos.fuzz_decode --seconds 30 --seed 1

Exit code 0: nothing found. Otherwise the input that breaks a promise is
printed, as Python bytes, with the traceback. Where atheris has wheels it steers
by the coverage of the decoder; elsewhere mutations are blind.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from tests.hostile import small_values

_LONGEST = 4_096
_TOKENS = [
    *(b'"id"', b'"text"', b'"created_at"', b'"author"', b'"brands"', b'"metadata"', b'"schema_version"', b'"latest"'),
    *(b'"tweet"', b'"brand"', b'"label"', b'"probabilities"', b'"origin"', b'"progress"', b'"source_partitions"'),
    *(b"null", b"true", b"NaN", b"Infinity", b"1e308", b"1e15", b"18446744073709551616", b"-0", b"{", b"}", b"[", b"]"),
    *(b"\\ud83d", b"\\udc00", b"\\u0000", b"\xed\xa0\x80", b"\xc0\x80", b"\xe2\x80\x8b", b"\xe2\x80\xae", b"&nbsp;"),
    *(b'"2026-03-02T09:30:00Z"', b'"0001-01-01T00:00:00+14:00"', b'"9999-12-31T23:59:59-14:00"', b"1772443800"),
]


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(description="Fuzz the decoders.")
    options.add_argument("--seconds", type=int, default=30)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    steered = importlib.util.find_spec("atheris") is not None
    sys.exit(_steered(chosen.seconds, chosen.seed) if steered else _blind(chosen.seconds, chosen.seed))


def _steered(seconds: int, seed: int) -> int:
    """LibFuzzer ends its process itself: give it one of its own, and a folder for what it leaves behind."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, value in enumerate(small_values()):
            (corpus / str(number)).write_bytes(value)
        tokens = Path(folder, "tokens")
        tokens.write_text("\n".join(map(_quoted, _TOKENS)))
        flags = [
            f"-max_total_time={seconds}",
            f"-seed={seed % 2**31 + 1}",  # 0 would mean any
            f"-max_len={_LONGEST}",
            f"-dict={tokens}",
            f"-artifact_prefix={folder}/",
            "-timeout=10",
            "-rss_limit_mb=1024",
            "-print_final_stats=1",
        ]
        command = [sys.executable, "-m", "tests.chaos.fuzz_target", *flags, str(corpus)]
        done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True, errors="replace")
        if done.returncode == 0:
            runs = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
            click.echo(
                f"fuzz: seed {seed}, {runs[0].split()[-1] if runs else '?'} inputs in {seconds} s, nothing found"
            )
            return 0
        click.echo(done.stderr, err=True)
        for left in Path(folder).glob("*-*"):  # crash-, timeout-, oom-, slow-unit- and a hash
            click.echo(f"{left.name.split('-')[0]} with seed {seed}: {left.read_bytes()!r}")
        return done.returncode


def _quoted(token: bytes) -> str:
    """As libFuzzer's dictionaries have it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in token) + '"'


def _blind(seconds: int, seed: int) -> int:
    from tests.promises import check_decoders

    rng = random.Random(seed)
    values = small_values()
    runs = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = _mutate(rng, bytearray(rng.choice(values)))
        try:
            check_decoders(value)
        except Exception:
            click.echo(f"crash with seed {seed}: {value!r}")
            raise
        runs += 1
    click.echo(f"fuzz: seed {seed}, {runs} inputs in {seconds} s, nothing found")
    return 0


def _mutate(rng: random.Random, value: bytearray) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        start = rng.randrange(len(value) + 1)
        end = min(len(value), start + rng.choice((0, 1, 1, 4, 30)))
        value[start:end] = rng.choice((b"", rng.randbytes(1), rng.choice(_TOKENS), value[end : end + 20]))
    return bytes(value[:_LONGEST])


if __name__ == "__main__":
    main()
