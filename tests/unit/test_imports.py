"""What may be imported when: the command line starts fast, and the flow needs no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TORCH = {"accelerate", "nncf", "safetensors", "torch", "transformers"}
HEAVY = {
    *TORCH,
    "aiokafka",
    "confluent_kafka",
    "faust",
    "matplotlib",
    "numpy",
    "openvino",
    "pyarrow",
    "pydantic",
    "rich",
}
FLOW = "import stream.worker, stream.worker_cli, stream.demo.command, stream.replay, stream.audit, stream.tail"

WITHOUT_TORCH = f"""
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(TORCH)}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, NotInstalled())
"""


def modules_after(code: str, folder: Path) -> set[str]:
    """Top-level names of all that is imported once a fresh interpreter has run ``code``."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)), file=sys.__stdout__)"
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize(
    "call", ["--version", "--help", "demo --help", "worker --help", "replay --help", "train --help"]
)
def test_help_and_version_import_nothing_heavy(call: str, tmp_path: Path) -> None:
    code = f"import stream.cli\nstream.cli.barometer.main({call.split()}, prog_name='barometer', standalone_mode=False)"
    assert modules_after(code, tmp_path) & HEAVY == set()


def test_the_flow_imports_no_torch(tmp_path: Path) -> None:
    assert modules_after(FLOW, tmp_path) & TORCH == set()


def test_the_flow_works_where_torch_is_not_installed(tmp_path: Path) -> None:
    modules_after(WITHOUT_TORCH + FLOW, tmp_path)


def test_the_bundled_model_labels_where_torch_is_not_installed(tmp_path: Path) -> None:
    label = """
from model.engines import load_classifier
classifier = load_classifier()
print(*classifier.classify(["what a wonderful flight, thank you!", "they lost my bag, worst airline ever"]).labels)
classifier.close()
"""
    assert modules_after(WITHOUT_TORCH + label, tmp_path) & TORCH == set()
