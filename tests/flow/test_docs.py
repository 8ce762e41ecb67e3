"""The pages for those who begin, followed to the letter on a real Kafka, with the real model."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator

import httpx
import orjson
import pytest

from infra.kafka.local import free_port
from infra.settings import Settings
from stream.topics import Topics
from tests.conftest import CACHE
from tests.kafka_tools import environment, read_all, wait_until
from tests.snippets import DOCS, ROOT, Block, Desk, blocks

pytestmark = pytest.mark.timeout(300)
PATIENCE_S = 120
PROVIDED = ["barometer broker"]
"""The Kafka of the tests."""
PUBLISHING = blocks(DOCS / "publishing.md")
SOURCES = list(dict.fromkeys(block.section for block in PUBLISHING if block.language == "sh"))
KEYS = {
    "Python, confluent-kafka": b"confluent-1",
    "Python, aiokafka": b"aiokafka-1",
    "Node": b"node-1",
    "The shell": b"kcat-1",
    "The HTTP API": b"curl-1",
}
OF_OTHERS = {"node", "npm", "kcat"}
"""Programs of other projects that a section needs: who has them not, skips it."""


class Place:
    """A desk, the topics on which it works, and where its page is served."""

    def __init__(self, settings: Settings, desk: Desk) -> None:
        self.settings, self.desk = settings, desk

    def serves(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.settings.serve_port}/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def follow(self, wanted: list[Block]) -> str:
        """Follow a page, and wait after the start of the live page, as one who opens a browser does."""
        printed = ""
        for block in wanted:
            printed += self.desk.follow([block], provided=PROVIDED)
            if block.use == "until stopped" and "barometer serve" in block.text:
                wait_until(self.serves, PATIENCE_S, f"the page is served{self.desk.log()}")
        return printed


@pytest.fixture(scope="module")
def new_place(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Place]]:
    with_desks: list[Desk] = []

    def make() -> Place:
        prefix = f"test-docs-{uuid.uuid4().hex[:8]}."
        settings = Settings(
            kafka_bootstrap_servers=kafka,
            topic_prefix=prefix,
            partitions=2,
            cache_dir=CACHE,
            serve_port=free_port(),
            idle_after_s=2,
        )
        instead = {
            "localhost:9092": kafka,
            "localhost:8000": f"127.0.0.1:{settings.serve_port}",
            '"tweets"': f'"{prefix}tweets"',
            '"reputation.windows"': f'"{prefix}reputation.windows"',
            "-t tweets": f"-t {prefix}tweets",
        }
        variables = {name: value for name, value in environment(settings).items() if os.environ.get(name) != value}
        desk = Desk(tmp_path_factory.mktemp("desk"), variables, instead)
        with_desks.append(desk)
        return Place(settings, desk)

    yield make
    for desk in with_desks:
        desk.__exit__(None, None, None)


@pytest.fixture(scope="module")
def beginner(new_place: Callable[[], Place]) -> tuple[Place, str]:
    """Somebody who has followed the quickstart, and what the shell printed."""
    place = new_place()
    return place, place.follow(blocks(DOCS / "quickstart.md"))


def test_the_quickstart_leads_from_a_tweet_to_its_label(beginner: tuple[Place, str]) -> None:
    place, printed = beginner
    assert "negative" in printed.splitlines()[0]
    assert '"accepted":[{"id":"1"' in printed
    assert "Lumora is down again, so angry" in printed.splitlines()[-1]
    url = f"http://127.0.0.1:{place.settings.serve_port}/brands/Lumora/tweets"
    wait_until(lambda: httpx.get(url).status_code == 200, PATIENCE_S, "the page knows the brand")


def test_the_readme_asks_the_api_for_a_label(beginner: tuple[Place, str]) -> None:
    [asked] = [block for block in blocks(ROOT / "README.md") if block.text.startswith("curl")]
    assert '"label":"positive"' in beginner[0].follow([asked])


def test_the_program_of_the_concepts_sees_a_window_close(beginner: tuple[Place, str]) -> None:
    printed = beginner[0].follow(blocks(DOCS / "concepts.md"))
    assert re.search(r"^20\d\d-.* Lumora closed \{'negative': \d", printed, re.MULTILINE), printed


def test_commands_of_the_operator_find_nothing_wrong(beginner: tuple[Place, str]) -> None:
    printed = beginner[0].follow(blocks(DOCS / "operations.md"))
    assert ": 0 differences" in printed
    assert "reputation.windows" in printed


@pytest.mark.parametrize("source", SOURCES, ids=lambda section: section.replace(" ", "-").replace(",", ""))
def test_a_tweet_of_each_source_is_labelled_and_on_the_partition_of_its_id(
    beginner: tuple[Place, str], source: str
) -> None:
    place = beginner[0]
    wanted = [block for block in PUBLISHING if block.section == source]
    _need(wanted)
    printed = place.follow(wanted)
    if source == "What happens to bad ones":
        assert "invalid_field" in printed
        assert "created_at is missing" in printed
        return
    if source == "Did it arrive?":
        assert "Lumora" in printed
        return
    records = read_all(place.settings, Topics.of(place.settings).tweets)
    sent = [
        (key, value, record.partition()) for record in records if (key := record.key()) and (value := record.value())
    ]
    sent = [one for one in sent if one[0] == KEYS[source]]
    assert len(sent) == 1
    for key, value, partition in sent:
        assert orjson.loads(value)["id"].encode() == key
        assert partition == _murmur2(key) % place.settings.partitions


def _need(wanted: list[Block]) -> None:
    words = {word for block in wanted for word in block.text.split() if block.language == "sh"}
    for name in sorted(words & OF_OTHERS):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")


def _murmur2(key: bytes) -> int:
    """Java clients' hash of a key, without its sign; by org.apache.kafka.common.utils.Utils.murmur2."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(key)
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if rest := key[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return (h ^ h >> 15) & 0x7FFFFFFF


def test_the_tutorial_leads_from_a_csv_to_page_spike_backtest_and_report(new_place: Callable[[], Place]) -> None:
    place = new_place()
    page = blocks(DOCS / "tutorial.md")
    place.desk.follow([block for block in page if block.name])
    published = next(number for number, block in enumerate(page) if block.text.startswith("barometer replay"))
    first = place.follow(page[: published + 1])
    assert "NEGATIVE Quillon Bank  2025-03-03" in first
    assert "5,092 tweets published" in first
    last = place.follow(page[published + 1 :])
    assert '"brand":"Quillon Bank","kind":"negative"' in last
    assert ": 0 differences" in last
    assert (place.desk.folder / "backtest" / "spikes.json").exists()
    assert "outage" in (place.desk.folder / "quillon-bank.html").read_text(encoding="utf-8")


def test_settings_of_the_tutorial_are_taken_from_its_env_file(new_place: Callable[[], Place]) -> None:
    """The tests above set the prefix by the environment, which overrides the file."""
    desk = new_place().desk
    desk.follow([block for block in blocks(DOCS / "tutorial.md") if ".env" in block.text])
    shown = desk.run(
        "unset BAROMETER_TOPIC_PREFIX; python -c 'from infra.settings import load_settings as s; "
        "print(s().topic_prefix, s().brands_file)'",
        "settings",
    )
    assert shown.split() == ["tutorial.", "brands.yaml"]
