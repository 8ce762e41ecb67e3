"""A brands file that is wrong says where, and what to write instead."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import UsageError
from stream.brands import BrandRules
from stream.brands.file import KINDS


@pytest.mark.parametrize(
    ("yaml", "line", "said"),
    [
        ("brands:\n  Bay: [a\n", 3, "not YAML"),
        ("brands:\n  Bay: {words: [a]}\n  Bay: {words: [b]}", 3, "'Bay' is already in line 2; merge the two"),
        ("brands:\n  Bay: {words: [a]}\n  BAY: {words: [b]}", 3, "brand 'BAY' is already in line 2; merge the two"),
        ("brands:\n  Bay:\n    words: [a]\n    words: [b]", 4, "'words' is already in line 3"),
        ("brand:\n  Bay: {words: [a]}", 1, "unknown key 'brand'; the only one here is 'brands'"),
        ("- brands", 1, "starts with 'brands:'"),
        ("brands: Bay", 1, "'brands' holds no brands"),
        ("brands: {}", 1, "'brands' holds no brands"),
        ("brands:\n  Bay:\n", 2, "brand 'Bay' has no rules; write at least one of words, phrases"),
        ("brands:\n  Bay: {}", 2, "brand 'Bay' would never be found"),
        ("brands:\n  Bay: {words: []}", 2, "brand 'Bay' would never be found"),
        ("brands:\n  Bay: {exclude: [bay leaf]}", 2, "brand 'Bay' would never be found"),
        ("brands:\n  Bay:\n    word: [a]", 3, "unknown key 'word' in brand 'Bay'; known are words, phrases"),
        ("brands:\n  Bay:\n    words: a", 3, "'words' of brand 'Bay' is not a list"),
        ("brands:\n  Bay:\n    words:\n    - a\n    -\n", 5, "is empty"),
        ("brands:\n  Bay:\n    hashtags:\n    - #flybay\n", 4, "write hashtags without it"),
        ("brands:\n  Bay:\n    words: [a, [b]]", 3, "is not a text"),
        ("brands:\n  Bay:\n    words: [bay coffee]", 3, "more than one word; put it under 'phrases'"),
        ("brands:\n  Bay:\n    words: ['@bay']", 3, "put it under 'handles'"),
        ("brands:\n  Bay:\n    words: ['#bay']", 3, "put it under 'hashtags'"),
        ("brands:\n  Bay:\n    handles: [bay coffee]", 3, "a handle has letters, digits and _ only"),
        ("brands:\n  Bay:\n    authors: ['@']", 3, "has no letter or digit"),
        ("brands:\n  Bay:\n    hashtags: [fly-bay]", 3, "a hashtag has letters, digits and _ only"),
        ("brands:\n  Bay:\n    words: ['!!!']", 3, "has no letter or digit"),
        ('brands:\n  Bay:\n    words: ["\\u200b"]', 3, "has no letter or digit"),
        (f"brands:\n  Bay:\n    words: [{'a' * 201}]", 3, "at most 200 characters"),
        ("brands:\n  _other: {words: [a]}", 2, "are reserved"),
        ("brands:\n  'Bay#1': {words: [a]}", 2, "are reserved"),
        ("brands:\n  '': {words: [a]}", 2, "write 1 to 128 characters"),
        ('brands:\n  "a\\nb": {words: [a]}', 2, "write 1 to 128 characters"),
        ("brands:\n  ? [a]\n  : {words: [a]}", 2, "must be a plain name"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, yaml: str, line: int, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml)
    with pytest.raises(UsageError) as caught:
        BrandRules.load(path)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"# nothing\n", "is empty"),
        (b"brands:\n  caf\xe9: {words: [a]}", "not UTF-8"),
        (b"brands:\n  a\x00b: {words: [a]}", "not YAML"),
        (b"[" * 1_000, "not YAML"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        BrandRules.load(path)


def test_a_file_that_is_not_there_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.yaml' cannot be read: No such file"):
        BrandRules.load(tmp_path / "gone.yaml")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        BrandRules.load(tmp_path)


def test_yaml_does_not_turn_names_into_other_things() -> None:
    rules = BrandRules.parse("brands:\n  No: {words: [no, 007, 1e3, null, 2026-03-02]}\n  3.10: {words: [~x]}", "mine")
    assert rules.names == ("No", "3.10")
    assert rules.find("agent 007") == rules.find("oh no") == rules.find("1E3") == rules.find("2026-03-02") == ["No"]


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xef\xbb\xbfbrands:\n  Bay: {words: [bay]}\n")
    assert BrandRules.load(path).names == ("Bay",)


@given(st.text(st.sampled_from("brands: Bay{}[],\n-#'\"&*!|>words@\t")) | st.text())
def test_any_text_is_a_brands_file_or_wrong_use(text: str) -> None:
    try:
        rules = BrandRules.parse(text, "mine.yaml")
    except UsageError as error:
        message = str(error)
    else:
        message = f"mine.yaml {rules.names}"
    assert message.startswith("mine.yaml")


def test_every_kind_is_explained_in_the_bundled_file() -> None:
    comments = resources.files("stream.brands").joinpath("brands.yaml").read_text("utf-8")
    for kind in KINDS:
        assert f"#   {kind} " in comments
