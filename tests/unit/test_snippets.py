"""What the pages show of the command line is there, and how blocks are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.snippets import DOCS, ROOT, blocks, commands, mistakes, shell

PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_shown_is_there_with_its_options(page: Path) -> None:
    wrong = [
        f"line {block.line}: barometer {' '.join(call)}: {mistake}"
        for block in shell(page)
        for call in commands(block.text)
        for mistake in mistakes(call)
    ]
    assert wrong == []


def test_blocks_know_their_language_name_heading_and_use(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n\n```sh\n# not a heading\necho a\n```\n\n## Part\n\n<!-- not run: why -->\n```sh\nrm\n```\n"
        "<!-- until stopped -->\n```sh\nbarometer worker\n```\n\n```yaml brands.yaml\nbrands: {}\n```\n",
        encoding="utf-8",
    )
    found = [(b.line, b.section, b.language, b.name, b.use) for b in blocks(page)]
    assert found == [
        (3, "Page", "sh", "", "run"),
        (11, "Part", "sh", "", "not run"),
        (15, "Part", "sh", "", "until stopped"),
        (19, "Part", "yaml", "brands.yaml", "run"),
    ]


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("barometer try 'a b' # so\n", [["try", "a b"]]),
        ("A=1 B=2 barometer worker", [["worker"]]),
        ('eval "$(barometer completion bash)"', [["completion", "bash"]]),
        ("echo a | barometer try - && barometer audit --json | jq .x", [["try", "-"], ["audit", "--json"]]),
        ("barometer replay x \\\n  --max", [["replay", "x", "--max"]]),
        ("docker compose up barometer", []),
    ],
)
def test_calls_are_found_in_shell(text: str, calls: list[list[str]]) -> None:
    assert commands(text) == calls


def test_a_command_or_option_that_is_not_there_is_found() -> None:
    assert mistakes(["replay", "x", "--rate", "3", "--fast"]) == ["no option --fast"]
    assert mistakes(["dead", "bury"]) == ["no command 'bury'"]
    assert mistakes(["topics", "create"]) == []
