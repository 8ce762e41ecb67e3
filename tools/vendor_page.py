"""Other people's files that the live page and its test use: fetch them anew, or check that they are as recorded.

    python tools/vendor_page.py            # fetch what vendor.json names (needs npm), and record the hashes
    python tools/vendor_page.py --check    # compare files and hashes; no network

A newer version: change it in vendor.json, run this, look at the page, commit.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORDS = (
    ROOT / "stream/serve/page/vendor/vendor.json",
    ROOT / "stream/serve/docs/vendor/vendor.json",
    ROOT / "tests/e2e/vendor/vendor.json",
)
"""Each lies beside the files that it records: npm package, version, licence, and for each file its path in the
package and its sha256."""


def sha256(content: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def differences(record: Path) -> list[str]:
    """Sentences about files that are missing, changed or not recorded; empty when all is well."""
    found = []
    recorded = {record.name}
    for package in json.loads(record.read_text(encoding="utf-8")):
        for name, file in package["files"].items():
            recorded.add(name)
            path = record.parent / name
            if not path.is_file():
                found.append(f"{path.relative_to(ROOT)} of {package['name']} is missing")
            elif sha256(path.read_bytes()) != file["sha256"]:
                found.append(f"{path.relative_to(ROOT)} is not what {package['name']} {package['version']} ships")
    here = {str(path.relative_to(record.parent)) for path in record.parent.rglob("*") if path.is_file()}
    return found + [f"{name} in {record.parent.relative_to(ROOT)} is not recorded" for name in sorted(here - recorded)]


def fetch(record: Path) -> None:
    """Write the files of a record anew, and their hashes into it."""
    packages: list[dict[str, Any]] = json.loads(record.read_text(encoding="utf-8"))
    for package in packages:
        with tempfile.TemporaryDirectory() as folder:
            archive = _pack(f"{package['name']}@{package['version']}", Path(folder))
            with tarfile.open(archive) as tar:
                for name, file in package["files"].items():
                    member = tar.extractfile(f"package/{file['from']}")
                    if member is None:
                        raise SystemExit(f"{package['name']} {package['version']} has no file {file['from']}")
                    content = member.read()
                    path = record.parent / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
                    file["sha256"] = sha256(content)
    record.write_text(json.dumps(packages, indent=2) + "\n", encoding="utf-8")


def _pack(package: str, folder: Path) -> Path:
    done = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True)
    return folder / done.stdout.strip().splitlines()[-1]


def main() -> None:
    """Fetch, unless told only to check; then check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare; exit code 1 if anything differs")
    if not parser.parse_args().check:
        for record in RECORDS:
            fetch(record)
    problems = [problem for record in RECORDS for problem in differences(record)]
    for problem in problems:
        sys.stderr.write(f"{problem}; run python tools/vendor_page.py\n")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
