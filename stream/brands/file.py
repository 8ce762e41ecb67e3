"""Reads a brands file. Every refusal says where, what stands there and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

import yaml

from infra.errors import UsageError
from stream.brands.text import fold, is_unspaced, is_word
from stream.records import OTHER_BRAND

KINDS = {"words": "", "phrases": "", "handles": "@", "hashtags": "#", "authors": "@", "exclude": ""}
"""What may stand under a brand, and the sign that may stand before each entry of it."""
MAX_NAME = 128
MAX_ENTRY = 200

_KIND_LIST = ", ".join(KINDS)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HANDLE = re.compile(r"\w+", re.ASCII)

Entries = dict[str, tuple[str, ...]]


class BrandsFile:
    """One brands file: its text, and its name for messages."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name

    def brands(self) -> Iterator[tuple[str, Entries]]:
        """Each brand's name with its folded entries by kind, in the order of the file.

        Signs are as in tweets: handles with ``@``, hashtags with ``#``, authors bare.
        Raises UsageError.
        """
        root = self._compose()
        if not isinstance(root, yaml.MappingNode):
            self._refuse(root, "a brands file starts with 'brands:', and the brands below it")
        for key, value in self._pairs(root, "the file"):
            if key.value != "brands":
                self._refuse(key, f"unknown key {key.value!r}; the only one here is 'brands'")
            if not isinstance(value, yaml.MappingNode) or not value.value:
                self._refuse(value, "'brands' holds no brands; write the name of each, with its rules below it")
            seen: dict[str, int] = {}
            for name, rules in self._pairs(value, "'brands'"):
                folded = fold(self._check_name(name))
                if folded in seen:
                    self._refuse(name, f"brand {name.value!r} is already in line {seen[folded]}; merge the two")
                seen[folded] = name.start_mark.line + 1
                yield name.value.strip(), self._rules(name, rules)

    def _compose(self) -> yaml.Node:
        try:
            root = yaml.compose(self._text, Loader=yaml.SafeLoader)  # the C loader crashes on deep nesting
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise UsageError(
                f"{self._name}, line {mark.line + 1 if mark else 1}: not YAML: {error.problem or error.context}; "
                "quote a value that holds a colon, a # or a leading special character"
            ) from error
        except (yaml.YAMLError, RecursionError) as error:
            raise UsageError(f"{self._name}: not YAML: {str(error).splitlines()[0] or 'nested too deep'}") from error
        if root is None:
            raise UsageError(f"{self._name} is empty; a brands file starts with 'brands:'")
        return root

    def _pairs(self, node: yaml.MappingNode, where: str) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        """Keys and values; YAML itself would let the last of two equal keys win in silence."""
        seen: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key, f"a key in {where} must be a plain name")
            if key.value in seen:
                self._refuse(key, f"{key.value!r} is already in line {seen[key.value]}; merge the two")
            seen[key.value] = key.start_mark.line + 1
            yield key, value

    def _check_name(self, node: yaml.ScalarNode) -> str:
        name: str = node.value.strip()
        if not name or len(name) > MAX_NAME or _CONTROL.search(name):
            self._refuse(node, f"brand name {name[:40]!r}: write 1 to {MAX_NAME} characters, on one line")
        if name.startswith("_") or "#" in name:
            self._refuse(
                node, f"brand name {name!r}: a leading _ (as in {OTHER_BRAND}) and # are reserved; leave them out"
            )
        return name

    def _rules(self, name: yaml.ScalarNode, node: yaml.Node) -> Entries:
        if not isinstance(node, yaml.MappingNode):
            self._refuse(name, f"brand {name.value!r} has no rules; write at least one of {_KIND_LIST} below it")
        entries: Entries = {}
        for key, value in self._pairs(node, f"brand {name.value!r}"):
            kind = key.value
            if kind not in KINDS:
                self._refuse(key, f"unknown key {kind!r} in brand {name.value!r}; known are {_KIND_LIST}")
            if not isinstance(value, yaml.SequenceNode):
                self._refuse(key, f"{kind!r} of brand {name.value!r} is not a list; write [one, two]")
            entries[kind] = tuple(dict.fromkeys(self._entry(kind, name.value, item) for item in value.value))
        if not any(entries.get(kind) for kind in KINDS if kind != "exclude"):
            self._refuse(
                name, f"brand {name.value!r} would never be found; give it words, phrases, handles, hashtags or authors"
            )
        return entries

    def _entry(self, kind: str, brand: str, node: yaml.Node) -> str:
        where = f"{kind!r} of brand {brand!r}"
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(node, f"an entry in {where} is not a text")
        written = node.value.strip()
        if not written:
            self._refuse(node, f"an entry in {where} is empty (YAML takes # for a comment: write hashtags without it)")
        if len(written) > MAX_ENTRY or _CONTROL.search(written):
            self._refuse(node, f"{written[:40]!r} in {where}: write at most {MAX_ENTRY} characters, on one line")
        entry = " ".join(fold(written).split())
        sign = KINDS[kind]
        if sign:
            entry = entry.removeprefix(sign)
        self._check_entry(kind, where, written, entry, node)
        return f"{sign}{entry}" if kind in {"handles", "hashtags"} else entry

    def _check_entry(self, kind: str, where: str, written: str, entry: str, node: yaml.Node) -> None:
        if not any(is_word(character) or is_unspaced(character) for character in entry):
            self._refuse(node, f"{written!r} in {where} has no letter or digit")
        if kind in {"handles", "authors"} and not _HANDLE.fullmatch(entry):
            self._refuse(node, f"{written!r} in {where}: a handle has letters, digits and _ only")
        if kind == "hashtags" and not all(is_word(character) or is_unspaced(character) for character in entry):
            self._refuse(node, f"{written!r} in {where}: a hashtag has letters, digits and _ only")
        if kind == "words" and " " in entry:
            self._refuse(node, f"{written!r} in {where} is more than one word; put it under 'phrases'")
        if kind in {"words", "phrases"} and entry[0] in "@#":
            self._refuse(node, f"{written!r} in {where}: put it under {'handles' if entry[0] == '@' else 'hashtags'!r}")

    def _refuse(self, node: yaml.Node, problem: str) -> NoReturn:
        raise UsageError(f"{self._name}, line {node.start_mark.line + 1}: {problem}")
