"""How the engine spreads its work: a rule, or what was measured on this very machine; no label ever differs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infra.settings import Settings
from model.engines import bundled_folder, load_from_settings
from model.engines.openvino import OpenVinoClassifier, tuning_key
from model.engines.tuning import BUDGETS, FILE, MAX_STREAMS, Timed, Tuning, best, candidates, keep, known, measure, rule

OTHER = Tuning(streams=3, token_budget=512, measured=True)


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 96])
def test_the_rule_comes_first_and_nothing_is_tried_twice(threads: int) -> None:
    tried = candidates(threads)
    assert tried[0] == rule(threads)
    assert len(set(tried)) == len(tried)
    assert all(1 <= one.streams <= min(threads, MAX_STREAMS) for one in tried)
    assert {one.token_budget for one in tried} == set(BUDGETS)


def test_what_was_measured_is_known_again_for_this_key_alone(tmp_path: Path) -> None:
    keep(tmp_path, "here", OTHER)
    keep(tmp_path, "elsewhere", rule(4))
    assert known(tmp_path, "here", 2) == OTHER
    assert known(tmp_path, "elsewhere", 2) == rule(4)
    assert known(tmp_path, "a new processor", 2) == rule(2)
    assert known(None, "here", 2) == rule(2)


def test_batches_of_a_size_that_is_no_longer_tried_do_not_count(tmp_path: Path) -> None:
    keep(tmp_path, "here", Tuning(streams=1, token_budget=1_024, measured=True))
    assert known(tmp_path, "here", 2) == rule(2)


@pytest.mark.parametrize("content", [b"", b"{", b'{"here": {"streams": 0, "token_budget": 1}}', b"\xff", b"[]"])
def test_a_damaged_file_is_told_and_the_rule_is_taken(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert known(tmp_path, "here", 2) == rule(2)
    assert "barometer tune" in caplog.text
    keep(tmp_path, "here", OTHER)
    assert known(tmp_path, "here", 2) == OTHER


def test_another_takes_the_place_of_the_rule_only_if_it_is_clearly_faster() -> None:
    base, same = Timed(rule(2), [100, 90, 110]), Timed(OTHER, [101, 91, 111])
    assert best([base, same]).streams == rule(2).streams
    assert best([base, Timed(OTHER, [120, 100, 130])]) == OTHER


def test_all_take_turns_and_the_first_round_does_not_count() -> None:
    turns: list[Tuning] = []

    def run(tuning: Tuning) -> float:
        turns.append(tuning)
        return float(len(turns))

    first, second = measure([rule(2), OTHER], run, 2)
    assert turns == [rule(2), OTHER] * 3
    assert (first.tweets_per_s, second.tweets_per_s) == ([3, 5], [4, 6])


def test_the_engine_takes_what_was_measured_says_so_and_labels_alike(tmp_path: Path) -> None:
    texts = [f"my flight is late by {number} hours {'and no one says why ' * (number % 5)}" for number in range(40)]
    plain = OpenVinoClassifier(bundled_folder(), threads=2)
    keep(tmp_path, tuning_key(plain.info.version, 2), Tuning(streams=1, token_budget=128, measured=True))
    tuned = load_from_settings(Settings(cache_dir=tmp_path, threads=2))
    assert plain.info.tuning == "2 streams, batches of up to 256 tokens: the rule for this many cores"
    assert tuned.info.tuning == "1 stream, batches of up to 128 tokens: as measured by barometer tune"
    assert np.array_equal(plain.classify(texts).probabilities, tuned.classify(texts).probabilities)
    plain.close()
    tuned.close()
