"""Check the types of the live page's JavaScript, which its JSDoc comments give: TypeScript reads them, strictly.

    python tools/page_types.py             # needs node and npm; exit code 1 if anything is found

What the page uses of others is taken from npm for this, with its types, in the versions of vendor.json.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "stream/serve/page"
TYPESCRIPT = "typescript@5.9"
OPTIONS = [
    "--noEmit",
    "--allowJs",
    "--checkJs",
    "--strict",
    "--skipLibCheck",
    "--target",
    "es2023",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
    "--lib",
    "es2023,dom,dom.iterable",
]


def main() -> None:
    """Copy the page beside the types of what it uses, and let TypeScript judge."""
    packages = {one["name"]: one for one in json.loads((PAGE / "vendor/vendor.json").read_text(encoding="utf-8"))}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wanted = [f"{package}@{packages[package]['version']}" for package in ("uplot", "lit-html")]
        subprocess.run(["npm", "install", "--silent", TYPESCRIPT, *wanted], cwd=folder, check=True)
        shutil.copytree(PAGE / "js", folder / "js")
        (folder / "vendor/uplot").mkdir(parents=True)
        shutil.copy(PAGE / "vendor/uplot/uplot.js", folder / "vendor/uplot/uplot.js")
        shutil.copy(folder / "node_modules/uplot/dist/uPlot.d.ts", folder / "vendor/uplot/uplot.d.ts")
        shutil.copytree(
            folder / "node_modules/lit-html", folder / "vendor/lit-html", ignore=shutil.ignore_patterns("node_modules")
        )
        done = subprocess.run(["npx", "tsc", *OPTIONS, "js/main.js"], cwd=folder, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
