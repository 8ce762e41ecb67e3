"""Asks a process on this host how it is: the health check of a container, where there is no curl.

    python -m infra.probe http://127.0.0.1:9464/health

Exit code 0 when the answer is 200; else 1, and what was answered, for ``docker inspect``.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

PATIENCE_S = 4.0
SHOWN = 500


def probe(url: str) -> tuple[bool, str]:
    """Whether it is well, and what it said."""
    if not url.startswith("http://"):
        return False, f"{url} is not an http:// address"
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:  # noqa: S310  http alone, checked above
            return True, answer.read(SHOWN).decode(errors="replace")
    except urllib.error.HTTPError as error:
        return False, error.read(SHOWN).decode(errors="replace")
    except OSError as error:
        return False, f"{url}: {error}"


def main(arguments: list[str]) -> int:
    """Ask, say, and return the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m infra.probe URL\n")
        return 2
    well, said = probe(arguments[0])
    sys.stdout.write(f"{said}\n")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
