"""Which stages a worker does."""

from __future__ import annotations

import pytest

from infra.errors import UsageError
from infra.settings import load_settings
from stream.topology import stages_of


@pytest.mark.parametrize(
    ("said", "stages"),
    [(None, ["classify", "aggregate"]), ("classify", ["classify"]), ("aggregate", ["aggregate"])],
)
def test_a_worker_does_the_stages_that_are_asked_for_or_both(said: str | None, stages: list[str]) -> None:
    assert stages_of(load_settings(stages=said)) == stages


def test_a_stage_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UsageError, match=r"BAROMETER_STAGES is 'label': .*'classify' or 'aggregate'"):
        load_settings(stages="label")
