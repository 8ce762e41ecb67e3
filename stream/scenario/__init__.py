"""The scenario that ``barometer demo`` plays: some hours of tweets about companies that do not exist.

Quiet chatter, a bank's outage, a kind barista, eight languages, late and
repeated tweets, broken rows; and an exact account of it (``ScenarioFacts``), so
that a run can be held to the true numbers. The same arguments give the same
bytes, on any machine.

    texts/   the sentences, one file for each company     voice   how people write
    plan     who says what, when                          rows    ids, order, and what goes wrong
    write    the file and its account                     facts   what the account says
"""

from __future__ import annotations

from stream.scenario.facts import Episode, ScenarioFacts
from stream.scenario.write import DEFAULT_SEED, generate, write_scenario

__all__ = ["DEFAULT_SEED", "Episode", "ScenarioFacts", "generate", "write_scenario"]
