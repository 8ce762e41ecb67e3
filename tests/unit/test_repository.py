"""What must hold of the repository itself: nothing of one machine in it, and documents that tell the truth."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from infra import settings_reference
from infra.settings import ENV_PREFIX, Settings
from stream.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
MAX_BYTES = 30_000_000
# Joined here, so that this file passes its own test.
MACHINE_PATHS = re.compile(
    "|".join(["/ho" + r"me/\w", "/Us" + r"ers/\w", "/ro" + r"ot\b", "/wo" + r"rk/", "/tm" + "p/w/"])
)
REGISTRY_HOSTS = re.compile(
    "|".join(
        ["py" + r"pi\.org", "python" + "hosted", r"maven2?[./]or" + "g", r"maven\.apac" + "he", "artifac" + "tory"]
    )
)
OTHERS = re.compile(r"\.(png|woff2|bin|safetensors|lock)$|(^|/)(tokenizer|vocab)\.(json|txt)$|/vendor/.*\.js$")
"""Data, pictures and what others wrote: not read as text."""
EXTERNAL_LINK = re.compile(r"^(https?:|mailto:)")


@cache
def tracked() -> list[Path]:
    """Files that git knows and that are there."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@cache
def texts() -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in tracked()
        if not OTHERS.search(str(path.relative_to(ROOT)))
    }


def documents() -> list[str]:
    return [name for name in texts() if name.endswith(".md")]


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", texts()["Makefile"], flags=re.MULTILINE))


def test_no_file_names_a_path_of_one_machine() -> None:
    assert lines_with(MACHINE_PATHS) == []


def test_no_file_names_a_package_registry_so_that_any_mirror_works() -> None:
    assert lines_with(REGISTRY_HOSTS) == []


def test_no_file_is_too_large_for_a_clone() -> None:
    assert [str(path) for path in tracked() if path.stat().st_size > MAX_BYTES] == []


def test_constraints_are_names_and_versions_only() -> None:
    lines = [line for line in texts()["constraints.txt"].splitlines() if not line.startswith("#")]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9.-]+==[0-9][0-9a-z.+]*", line)] == []


def test_every_dependency_has_a_tested_version() -> None:
    project = tomllib.loads(texts()["pyproject.toml"])["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    pinned = {line.partition("==")[0] for line in texts()["constraints.txt"].splitlines()}
    assert names - {"barometer"} <= pinned


def test_env_example_lists_every_setting_as_the_code_has_it() -> None:
    assert texts()[".env.example"] == settings_reference.env_example(), "run: make docs"


def test_the_settings_page_is_as_the_code_has_it() -> None:
    assert texts()["docs/settings.md"] == settings_reference.markdown(), "run: make docs"


def test_every_setting_stands_in_a_section_and_is_described() -> None:
    assert [s.variable for s in settings_reference.settings() if not s.section or not s.description] == []


def test_env_example_with_every_line_taken_in_gives_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = Settings()
    env = tmp_path / ".env"
    env.write_text(re.sub(rf"^#({ENV_PREFIX})", r"\1", texts()[".env.example"], flags=re.MULTILINE), encoding="utf-8")
    monkeypatch.setitem(Settings.model_config, "env_file", env)
    assert Settings() == defaults


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    module, _, attribute = COMMANDS[name][0].partition(":")
    command = getattr(importlib.import_module(module), attribute)
    for title, leaf in leaves(f"barometer {name}", command):
        shown = CliRunner().invoke(leaf, ["--help"], prog_name=title)
        assert shown.exit_code == 0, shown.output
        usage, _, rest = shown.output.partition("\n")
        assert usage.startswith(f"Usage: {title}")
        assert re.search(rf"\b{title}\b", rest), f"no example in {title} --help"


def leaves(title: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """The command, or those in it if it is a group."""
    if isinstance(command, click.Group):
        for name, part in command.commands.items():
            yield from leaves(f"{title} {name}", part)
    else:
        yield title, command


@pytest.mark.parametrize("document", documents())
def test_links_lead_somewhere(document: str) -> None:
    folder = (ROOT / document).parent
    text = texts()[document]
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    broken = []
    for target in targets:
        if EXTERNAL_LINK.match(target):
            continue
        file, _, anchor = target.partition("#")
        path = (folder / file).resolve() if file else ROOT / document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


def test_the_readme_quotes_the_figures_of_the_model_that_ships() -> None:
    measured = json.loads(texts()["model/bundled/metrics.json"])["exported"]
    quoted = re.search(r"macro recall of (0\.\d+) and an accuracy of (0\.\d+)", " ".join(texts()["README.md"].split()))
    assert quoted, "no figures"
    assert [float(figure) for figure in quoted.groups()] == pytest.approx(
        [measured["macro_recall"], measured["accuracy"]], abs=0.0005
    )


def test_the_index_of_the_documentation_names_every_page() -> None:
    pages = {Path(name).name for name in documents() if Path(name).parent == Path("docs")} - {"README.md"}
    assert {page for page in pages if f"({page})" not in texts()["docs/README.md"]} == set()


def anchors(document: Path) -> set[str]:
    """The anchors that headings get."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", documents())
def test_commands_and_settings_in_documents_exist(document: str) -> None:
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", texts()[document], flags=re.DOTALL))
    made = set(re.findall(r"\bmake ([a-z-]+)", code))
    run = set(re.findall(r"\bbarometer ([a-z]+)\b", code))
    variables = set(re.findall(rf"\b{ENV_PREFIX}([A-Z_]+)\b(?!\*)", code)) - {"TEST_KAFKA"}
    assert made <= make_targets()
    assert run <= set(COMMANDS)
    assert variables <= {name.upper() for name in Settings.model_fields}


def test_help_of_make_names_every_target_for_people() -> None:
    phony = set(re.findall(r"^\.PHONY: ([a-z-]+)$", texts()["Makefile"], flags=re.MULTILINE))
    assert phony - {"help"} == make_targets()
