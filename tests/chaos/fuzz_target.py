"""What atheris runs: see ``fuzz_decode``, which starts it with libFuzzer's flags."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["stream", "json", "tests.promises"]):
    from tests.promises import check_decoders


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    atheris.Setup(sys.argv, check_decoders)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
