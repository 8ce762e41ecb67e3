"""One run: a file, workers, faults while a backlog lasts, and the verdict."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra.kafka.admin import ensure_topics
from infra.settings import Settings
from stream.topics import topic_specs
from tests.chaos.plan import Step, injected
from tests.chaos.scenarios import Scenario
from tests.chaos.site import Ground, Site
from tests.chaos.source import SourceRecord, make_file, publish_file
from tests.chaos.spikes import differences
from tests.chaos.verify import Evidence, Verdict, complete, verify
from tests.chaos.watch import Watch
from tests.faults import ROOT
from tests.kafka_tools import environment, wait_until
from tests.outcome import Observer, Outcome, Place

RECOVERY_S = 15.0
"""After a kill -9 of one worker of three, its partitions move again within this time."""
BACKLOG = 0.05
"""At the last fault at least this share of the file is still to be done."""
KEPT = 0.25
WHOLE_FILE = 20_000
"""A shorter one ends before its crisis."""
LEAST_PACE_S, MOST_PACE_S = 0.005, 0.06
"""Seconds for each text: a batch of 32 takes at most two seconds."""
_READY_S = 120
_SETTLED_S = 240
_TOLD = 5
_LAST_CHARACTERS = 4_000

Say = Callable[[str], None]


@dataclass
class Report:
    """What a run did and found; printed as one JSON object. Times in seconds, memory in MB."""

    scenario: str
    seed: int
    passed: bool = False
    faults: int = 0
    faults_by_kind: Mapping[str, int] = field(default_factory=dict)
    tweets: int = 0
    records_by_kind: Mapping[str, int] = field(default_factory=dict)
    labeled: int = 0
    dead: int = 0
    dead_by_reason: Mapping[str, int] = field(default_factory=dict)
    lost: int = 0
    double: int = 0
    windows: int = 0
    windows_equal: bool = False
    spikes: int = 0
    spikes_equal: bool = False
    audit_agrees: bool = False
    offsets_ahead: int = 0
    offsets_checked: int = 0
    max_recovery_s: float | None = None
    recoveries: int = 0
    max_recovery_overlapping_s: float | None = None
    backlog_at_last_fault: int = 0
    rss_mb_max: float = 0
    exits: int = 0
    duration_s: float = 0
    problems: list[str] = field(default_factory=list)

    def json(self) -> str:
        """One line; of the problems, their number."""
        return json.dumps({**asdict(self), "problems": len(self.problems)})


class Run:
    """Conducts one run on the Kafka of ``settings``."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        settings: Settings,
        folder: Path,
        *,
        ground: Ground | None,
        bug: str,
        say: Say,
    ) -> None:
        self._scenario = scenario
        self._seed = seed
        self._bug = bug
        self._settings = settings
        self._folder = folder
        self._say = say
        self._steps = scenario.steps(seed)
        self._report = Report(scenario.name, seed)
        options = (["--bundled"] if scenario.bundled else []) + (["--bug", bug] if bug else [])
        self._site = Site(settings, folder, ground, tuple(options))

    def conduct(self) -> Report:
        """Feed, break, mend, wait, judge."""
        begin = time.monotonic()
        ensure_topics(self._settings, topic_specs(self._settings), timeout=60)
        places = publish_file(self._settings, make_file(self._scenario.tweets, self._seed))
        self._say(f"{len(places)} records in {self._settings.partitions} partitions; {len(self._steps)} steps to come")
        with Watch(self._settings, places, self._site.rss_mb) as watch, self._site:
            self._break(places, watch)
            outcome = self._wait(places)
            verdict = verify(self._settings, places, outcome)
            self._site.look_after()
            self._site.stop_all()
        self._judge(places, outcome, verdict, watch)
        self._report.duration_s = round(time.monotonic() - begin, 1)
        if not self._report.passed:
            self._explain(outcome, verdict)
        return self._report

    def _break(self, places: Mapping[Place, SourceRecord], watch: Watch) -> None:
        workers = self._scenario.faults.slots
        self._set_pace(len(places), len(places), 0)
        for slot in range(workers):
            self._site.start(slot)
        wait_until(lambda: self._begun(watch), _READY_S, "the first tweet is labelled")
        begin, now_s = time.monotonic(), 0.0
        for step in self._steps:
            while now_s < step.at_s:
                nap_s = min(step.at_s - now_s, 0.5)
                time.sleep(nap_s)
                now_s += nap_s
                self._site.look_after()
            left = len(places) - len(watch.done)
            if step.fault:
                self._report.backlog_at_last_fault = left
            self._set_pace(left, len(places), step.at_s)
            what = f"{step.act} {'' if step.slot is None else step.slot} {step.how}".strip()
            self._say(f"{time.monotonic() - begin:6.1f} s into the faults, {left} left: {what}")
            self._do(step)
        self._site.pace(0)
        self._say(
            f"{time.monotonic() - begin:6.1f} s into the faults: there are no more, and nothing slows the model down"
        )

    def _set_pace(self, left: int, records: int, now_s: float) -> None:
        """Slow the model down so far that KEPT of the file is left when the faults end, should all go well."""
        time_left = self._steps[-1].at_s - now_s
        due = max(1.0, left - KEPT * records)
        self._site.pace(min(max(self._scenario.faults.slots * time_left / due, LEAST_PACE_S), MOST_PACE_S))

    def _begun(self, watch: Watch) -> bool:
        self._site.look_after()
        return bool(watch.done)

    def _do(self, step: Step) -> None:
        act = getattr(self._site, step.act)
        slot = () if step.slot is None else (step.slot,)
        how = {"how": step.how} if step.how else {}
        clean = {"clean": True} if step.clean else {}
        act(*slot, **how, **clean)

    def _wait(self, places: Mapping[Place, SourceRecord]) -> Outcome:
        """The outcome once it is complete, or when there is no hope left."""
        with Observer(self._settings) as observer:
            deadline = time.monotonic() + _SETTLED_S
            last, moved_at = (-1, -1), time.monotonic()
            while True:
                self._site.look_after()
                outcome = observer.look()
                if complete(places, outcome):
                    return outcome
                now = (len(outcome.sources), sum(outcome.counted.values()))
                if now != last:
                    last, moved_at = now, time.monotonic()
                if time.monotonic() > deadline or time.monotonic() - moved_at > self._scenario.hopeless_s:
                    return outcome
                time.sleep(0.25)

    def _judge(self, places: Mapping[Place, SourceRecord], outcome: Outcome, verdict: Verdict, watch: Watch) -> None:
        report, problems = self._report, verdict.problems
        kinds: Counter[str] = injected(self._steps)
        report.faults, report.faults_by_kind = kinds.total(), dict(sorted(kinds.items()))
        report.tweets, report.labeled = len(places), len(outcome.sources)
        report.records_by_kind = dict(sorted(Counter(record.kind for record in places.values()).items()))
        report.dead, report.dead_by_reason = len(outcome.letters), dict(sorted(outcome.dead.items()))
        report.lost, report.double = verdict.lost, verdict.double
        report.windows, report.windows_equal = len(outcome.windows), verdict.windows_equal
        report.offsets_ahead, report.offsets_checked = len(watch.passed), watch.commits_checked
        report.exits = len(self._site.exits)
        report.rss_mb_max = round(max((max(sizes) for sizes in watch.rss_mb.values()), default=0), 1)
        problems += watch.passed + self._site.exits
        self._measure_recovery(watch, problems)
        crisis = len(places) >= WHOLE_FILE and not self._scenario.bundled
        report.spikes, wrong = differences(self._settings, crisis=crisis)
        report.spikes_equal = not wrong
        problems += wrong
        audit = audit_problem(self._settings)
        report.audit_agrees = not audit
        problems += [audit] if audit else []
        if watch.failure is not None:
            problems.append(f"watch: it failed: {watch.failure!r}")
        if watch.commits_checked == 0:
            problems.append("offsets: no commit was seen: they were not checked")
        if report.rss_mb_max > self._scenario.most_rss_mb:
            problems.append(f"memory: a worker grew to {report.rss_mb_max} MB, over {self._scenario.most_rss_mb}")
        if report.backlog_at_last_fault < BACKLOG * len(places):
            problems.append(
                f"backlog: only {report.backlog_at_last_fault} were left to do at the last fault: it proves little"
            )
        report.problems = problems
        report.passed = not problems

    def _measure_recovery(self, watch: Watch, problems: list[str]) -> None:
        clean: list[float] = []
        overlapping: list[float] = []
        for kill in self._site.killed:
            times = watch.recovery_s(kill.at, kill.name)
            (clean if kill.clean else overlapping).extend(times.values())
            for number, took in times.items():
                if kill.clean and took > RECOVERY_S:
                    problems.append(f"slow: partition {number} of {kill.name} moved {took:.1f} s after its kill -9")
        if not clean and any(kill.clean for kill in self._site.killed):
            problems.append("recovery: none could be measured")
        self._report.recoveries = len(clean)
        self._report.max_recovery_s = round(max(clean), 1) if clean else None
        self._report.max_recovery_overlapping_s = round(max(overlapping), 1) if overlapping else None

    def _explain(self, outcome: Outcome, verdict: Verdict) -> None:
        told: Counter[str] = Counter()
        for problem in self._report.problems:
            kind = problem.partition(":")[0]
            told[kind] += 1
            if told[kind] <= _TOLD:
                self._say(problem)
        for kind, times in told.items():
            if times > _TOLD:
                self._say(f"{kind}: {times - _TOLD} more")
        evidence = Evidence(self._settings)
        for tweet_id in evidence.suspects(verdict, outcome):
            self._say(f"the way of tweet {tweet_id}:")
            for line in evidence.trace(tweet_id):
                self._say(f"  {line}")
        self._say(f"logs of the workers: {self._folder}")
        bug = f" --bug {self._bug}" if self._bug else ""
        self._say(f"again: python -m tests.chaos --scenario {self._scenario.name} --seed {self._seed}{bug}")


def audit_problem(settings: Settings) -> str:
    """What ``barometer audit`` finds wrong; nothing when it agrees."""
    done = subprocess.run(
        [sys.executable, "-m", "stream", "audit", "--json"],
        env=environment(settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout) if done.stdout.startswith("{") else None
    if found is None or done.returncode or found["differences"] or found["behind"]:
        return f"audit: it does not agree: {(done.stdout + done.stderr)[-_LAST_CHARACTERS:]}"
    return ""
