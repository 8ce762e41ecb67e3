"""``barometer demo`` as a user runs it: a process, a real Kafka, the real worker, the bundled model."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.settings import ENV_PREFIX, Settings
from stream.records import TYPE_HEADER, LabeledTweet, Window
from stream.scenario import ScenarioFacts, write_scenario
from stream.topics import Topics
from tests.conftest import CACHE
from tests.kafka_tools import read_all, wait_until

pytestmark = pytest.mark.timeout(600)

PATIENCE_S = 240
"""For a demo that must reach some point; CI machines are slow and busy."""
END_S = 30
"""For everything to be gone after an end of any kind."""
TWEETS = 1_000


class Demo:
    """A running demo. Its environment carries a mark, by which every process that comes of it is found."""

    def __init__(self, folder: Path, *arguments: str, stdout: int | None = None, **environment: str) -> None:
        self.mark = f"DEMO_TEST_MARK={uuid.uuid4().hex}"
        self.temporary = folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        self.summary_file = folder / "summary.json"
        self.output = folder / "output"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
        name, _, value = self.mark.partition("=")
        ours = {f"{ENV_PREFIX}CACHE_DIR": str(CACHE), f"{ENV_PREFIX}PARTITIONS": "4", "TMPDIR": str(self.temporary)}
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stream", "demo", "--summary", str(self.summary_file), *arguments],
                env={**kept, **ours, name: value, **environment},
                stdin=subprocess.DEVNULL,
                stdout=file if stdout is None else stdout,
                stderr=file,
            )

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def says(self, pattern: str) -> None:
        """Wait for words; fail at once if the demo ends without them."""

        def seen() -> bool:
            found = re.search(pattern, self.said) is not None
            assert found or self.process.poll() is None, f"it ended without {pattern!r}:\n{self.said}"
            return found

        wait_until(seen, PATIENCE_S, f"{pattern!r} in:\n{self.said}")

    def wait(self, timeout: float = PATIENCE_S) -> int:
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s:\n{self.said}") from None

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.summary_file.read_bytes())
        return found

    def processes(self, words: str = "") -> list[int]:
        """Everything alive that came of this demo, itself included, whose command line holds ``words``."""
        return [pid for pid, command in _marked(self.mark) if words in command]

    def worker(self) -> int | None:
        found = self.processes("barometer worker")
        return found[0] if found else None

    def must_be_gone(self) -> None:
        """Fail, saying what, when a process or a temporary file is left after a while."""

        def left() -> list[str]:
            return [*(command for _, command in _marked(self.mark)), *map(str, self.temporary.iterdir())]

        with contextlib.suppress(AssertionError):
            wait_until(lambda: not left(), END_S, "everything gone")
        assert left() == []


def _marked(mark: str) -> Iterator[tuple[int, str]]:
    """Process id and command line of every process with this variable in its environment."""
    if Path("/proc/self/environ").exists():
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                variables = (folder / "environ").read_bytes().split(b"\0")
                arguments = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
            except OSError:  # it ended just now, or is not ours
                continue
            if mark.encode() in variables:
                yield int(folder.name), arguments.decode(errors="replace")
    else:
        listed = subprocess.run(
            ["ps", "-Eww", "-ax", "-o", "pid=,command="], capture_output=True, text=True, check=True
        )
        for line in listed.stdout.splitlines():
            if mark in line:
                pid, _, command = line.strip().partition(" ")
                yield int(pid), command


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Starts demos, and ends those that a failed test leaves behind."""
    started: list[Demo] = []

    def begin(*arguments: str, **options: Any) -> Demo:
        started.append(Demo(tmp_path, *arguments, **options))
        return started[-1]

    yield begin
    for demo in started:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ScenarioFacts]:
    """A file of an hour, and what is in it."""
    path = tmp_path_factory.mktemp("scenario") / "small.jsonl"
    return path, write_scenario(path, seed=3, hours=1, tweets=TWEETS)


def assert_true(summary: dict[str, Any], facts: ScenarioFacts) -> None:
    """The run's numbers are the file's."""
    expected = {
        "replayed": facts.published,
        "labeled": facts.labeled,
        "duplicates": facts.duplicates,
        "dead": 0,
        "rejected_rows": facts.rejected,
        "repaired_rows": facts.repaired,
    }
    assert {name: summary[name] for name in expected} == expected
    assert {name: brand["tweets"] for name, brand in summary["brands"].items()} == dict(facts.brands)
    for brand in summary["brands"].values():
        assert brand["negative"] + brand["neutral"] + brand["positive"] == brand["tweets"]
        assert brand["net_sentiment"] == pytest.approx(
            (brand["positive"] - brand["negative"]) / brand["tweets"], abs=1e-6
        )
    assert summary["problems"] == []
    assert summary["complete"] is True
    assert summary["windows"] > 0
    assert summary["tweets_per_s"] > 0


def test_the_scenario_ends_with_the_numbers_it_was_made_with(start: Callable[..., Demo], tmp_path: Path) -> None:
    facts = write_scenario(tmp_path / "scenario.jsonl")
    demo = start("--max", "--exit-when-done")
    assert demo.wait() == 0, demo.said
    assert_true(demo.summary, facts)
    assert demo.summary["kafka_version"] == "4.3.1"
    assert demo.summary["model"]
    assert demo.summary["model_version"]
    assert demo.summary["worker_restarts"] == 0
    (crisis,) = (spike for spike in demo.summary["spikes"] if spike["kind"] == "negative")
    assert (crisis["brand"], crisis["status"]) == (facts.crisis.brand, "closed")
    assert crisis["sentence"] in " ".join(demo.said.split())
    assert {spike["brand"] for spike in demo.summary["spikes"]} <= {facts.crisis.brand, facts.viral.brand}
    assert "\x1b" not in demo.said, "no control characters where there is no terminal"
    demo.must_be_gone()


def test_a_worker_killed_in_the_middle_changes_no_number(
    start: Callable[..., Demo], small: tuple[Path, ScenarioFacts]
) -> None:
    path, facts = small
    demo = start("--data", str(path), "--rate", "60", "--exit-when-done")
    demo.says(r"labelled [1-9][\d,]* ·")
    killed = demo.worker()
    assert killed is not None, demo.said
    os.kill(killed, signal.SIGKILL)
    demo.says("the worker was ended by SIGKILL")
    assert demo.wait() == 0, demo.said
    assert_true(demo.summary, facts)
    assert demo.summary["worker_restarts"] == 1
    demo.must_be_gone()


def test_when_the_demo_itself_is_killed_nothing_lives_on(
    start: Callable[..., Demo], small: tuple[Path, ScenarioFacts]
) -> None:
    demo = start("--data", str(small[0]), "--rate", "20")
    demo.says(r"labelled [1-9][\d,]* ·")
    assert demo.worker() is not None
    demo.says(r"Live page: http://127\.0\.0\.1:\d+")
    (url,) = set(re.findall(r"Live page: (http://\S+)", demo.said))

    def kafka() -> str:
        with urllib.request.urlopen(f"{url}/brands") as answer:  # noqa: S310  our own server
            return str(json.load(answer)["freshness"]["kafka"])

    wait_until(lambda: kafka() == "up", PATIENCE_S, "the page's server has reached Kafka")
    assert demo.processes("kafka.Kafka")
    demo.process.kill()
    demo.process.wait()
    wait_until(lambda: not demo.processes(), END_S, "Kafka, worker and guards gone")
    assert not list(demo.temporary.glob("barometer-kafka-*"))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_demo_stopped_in_the_middle_sums_up_and_leaves_nothing(
    start: Callable[..., Demo], small: tuple[Path, ScenarioFacts], number: int, code: int
) -> None:
    demo = start("--data", str(small[0]), "--rate", "20")
    demo.says(r"labelled [1-9][\d,]* ·")
    demo.process.send_signal(number)
    assert demo.wait(END_S) == code, demo.said
    summary = demo.summary
    assert summary["complete"] is False
    assert summary["problems"] == []
    assert 0 < summary["labeled"] < TWEETS
    assert "stopped before the end" in demo.said
    demo.must_be_gone()


def test_a_demo_stopped_while_it_starts_leaves_nothing(start: Callable[..., Demo], small: tuple[Path, Any]) -> None:
    demo = start("--data", str(small[0]))
    demo.says("Kafka: ")
    demo.process.send_signal(signal.SIGINT)
    assert demo.wait(END_S) == 130, demo.said
    assert demo.summary["replayed"] == 0
    demo.must_be_gone()


def test_on_an_existing_kafka_an_independent_reader_finds_the_same_numbers(
    start: Callable[..., Demo], small: tuple[Path, ScenarioFacts], settings: Settings
) -> None:
    path, _facts = small
    limit = 300
    prefix = settings.topic_prefix
    there = {
        f"{ENV_PREFIX}KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        f"{ENV_PREFIX}TOPIC_PREFIX": prefix,
    }
    demo = start("--data", str(path), "--limit", str(limit), "--exit-when-done", **there)
    assert demo.wait() == 0, demo.said
    summary = demo.summary
    assert (summary["kafka_version"], summary["topic_prefix"], summary["replayed"]) == ("external", prefix, limit)

    topics = Topics.of(settings)
    tweets = [message for message in read_all(settings, topics.tweets) if not message.headers()]
    assert len(tweets) == limit
    labels = [
        LabeledTweet.model_validate_json(message.value() or b"")
        for message in read_all(settings, topics.labeled)
        if TYPE_HEADER not in dict(message.headers() or [])
    ]
    assert len({(label.tweet.id, label.brand) for label in labels}) == summary["labeled"]
    newest = {
        message.key(): Window.model_validate_json(message.value() or b"")
        for message in read_all(settings, topics.windows)
    }
    assert len(newest) == summary["windows"]
    assert {window.status for window in newest.values()} == {"closed"}
    sums: Counter[tuple[str, str]] = Counter()
    for window in newest.values():
        for name in ("negative", "neutral", "positive"):
            sums[window.brand, name] += getattr(window.counts, name)
    for brand, numbers in summary["brands"].items():
        assert {name: sums[brand, name] for name in ("negative", "neutral", "positive")} == {
            name: numbers[name] for name in ("negative", "neutral", "positive")
        }

    again = start("--data", str(path), **there)
    assert again.wait() == 2, again.said
    assert "holds tweets already" in again.said


def test_on_a_terminal_the_view_is_entered_drawn_and_left(start: Callable[..., Demo], small: tuple[Path, Any]) -> None:
    ours, theirs = pty.openpty()
    demo = start(
        "--data",
        str(small[0]),
        "--limit",
        "100",
        "--exit-when-done",
        stdout=theirs,
        TERM="xterm-256color",
        COLUMNS="100",
        LINES="32",
    )
    os.close(theirs)
    drawn = bytearray()

    def read() -> None:
        while True:
            try:
                data = os.read(ours, 65_536)
            except OSError:  # Linux: the other end is closed
                return
            if not data:
                return
            drawn.extend(data)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert demo.wait() == 0, demo.said
    reader.join(END_S)
    os.close(ours)
    screen = drawn.decode()
    assert screen.count("\x1b[?1049h") == screen.count("\x1b[?1049l") == 1
    assert "Last tweets" in screen
    assert "100 of 100 published" in screen
    after = screen[screen.index("\x1b[?1049l") :]
    assert "100 tweets replayed" in after
    assert "\x1b[?25h" in screen[screen.rindex("\x1b[?25l") :]
