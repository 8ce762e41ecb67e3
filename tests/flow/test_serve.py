"""The HTTP API over a real Kafka: a worker labels, serve reads, clients ask."""

from __future__ import annotations

import concurrent.futures
import datetime as dt
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.kafka.admin import ensure_topics
from infra.settings import Settings
from model.labels import LABELS
from stream.decode import decode_tweet
from stream.serve.read.positions import decode
from stream.topics import Topics, topic_specs
from stream.windows import compose
from tests.conftest import CACHE
from tests.faults import Fed, Workers, feed, make_tweets, settled
from tests.kafka_tools import read_all, wait_until
from tests.outcome import Outcome
from tests.serving import Server, listen, until
from tests.snippets import shell

pytestmark = pytest.mark.timeout(300)
ROOT = Path(__file__).parents[2]


class Site:
    """Topics with some tweets that were labelled, and a server on them."""

    def __init__(self, settings: Settings, server: Server, workers: Workers, fed: Fed, outcome: Outcome) -> None:
        self.settings, self.server, self.workers, self.fed, self.outcome = settings, server, workers, fed, outcome


@pytest.fixture(scope="module")
def site(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("serve")
    settings = Settings(
        kafka_bootstrap_servers=kafka,
        topic_prefix=f"test-serve-{folder.name}-{dt.datetime.now(dt.UTC).timestamp():.0f}.",
        partitions=2,
        cache_dir=CACHE,
        serve_port=0,
        serve_rate_per_s=0,
        serve_confirm_s=30,
    )
    ensure_topics(settings, topic_specs(settings), timeout=30)
    with Workers(settings, folder) as workers:
        workers.start(1)
        fed = feed(settings, make_tweets(600, seed=5))
        outcome = settled(settings, fed, workers)
        with Server(settings, folder) as server:
            yield Site(settings, server, workers, fed, outcome)


def test_brands_are_the_windows_of_their_last_closed_minutes(site: Site) -> None:
    answer = site.server.get("/brands", limit=1_000)
    assert answer["freshness"]["state"] == "live"
    assert {brand["brand"] for brand in answer["brands"]} == {brand for brand, _start in site.outcome.windows}
    volumes = [brand["volume"] for brand in answer["brands"]]
    assert volumes == sorted(volumes, reverse=True)
    assert sum(volumes) > 0
    for brand in answer["brands"]:
        begin, end = (dt.datetime.fromisoformat(brand[name]).timestamp() for name in ("window_start", "window_end"))
        inside = [
            w for (name, start), w in site.outcome.windows.items() if name == brand["brand"] and begin <= start < end
        ]
        for label in LABELS:
            assert brand["counts"][label] == sum(getattr(window.counts, label) for window in inside)


@pytest.mark.parametrize("size", ["1m", "5m", "1h", "1d"])
def test_windows_of_every_size_are_those_of_the_topic(site: Site, size: str) -> None:
    seconds = {"1m": 60, "5m": 300, "1h": 3_600, "1d": 86_400}[size]
    answer = site.server.get(
        "/brands/brand 3/windows", size=size, **{"from": "2024-04-30T00:00:00Z", "to": "2024-05-02"}
    )
    wanted = compose([w for (brand, _), w in site.outcome.windows.items() if brand == "brand 3"], seconds)
    assert [window["start"] for window in answer["windows"]] == [
        w.start.isoformat().replace("+00:00", "Z") for w in wanted
    ]
    for said, window in zip(answer["windows"], wanted, strict=True):
        assert said["counts"] == window.counts.model_dump()
        assert said["probability_sums"] == window.probability_sums.model_dump()
        assert said["authors"] == window.authors
        assert {"cells", "author_sketch"}.isdisjoint(said)


def test_days_are_those_of_the_time_zone(site: Site) -> None:
    span = {"from": "2024-04-29T00:00:00Z", "to": "2024-05-03T00:00:00Z", "size": "1d"}
    answer = site.server.get("/brands/brand 3/windows", tz="Asia/Kathmandu", **span)
    assert {window["start"][11:] for window in answer["windows"]} == {"18:15:00Z"}


def test_tweets_come_newest_first_page_by_page_each_once(site: Site) -> None:
    seen: list[Any] = []
    following: dict[str, str] = {}
    while True:
        page = site.server.get("/brands/brand 3/tweets", limit=7, **following)
        seen += page["tweets"]
        if page["next"] is None:
            break
        following = {"before": page["next"]}
    ids = [tweet["id"] for tweet in seen]
    assert Counter(ids) == Counter(tweet_id for tweet_id, brand in site.outcome.pairs if brand == "brand 3")
    assert [tweet["created_at"] for tweet in seen] == sorted((tweet["created_at"] for tweet in seen), reverse=True)
    negative = site.server.get("/brands/brand 3/tweets", label="negative", limit=200)["tweets"]
    assert [tweet["id"] for tweet in negative] == [tweet["id"] for tweet in seen if tweet["label"] == "negative"]


def test_brands_are_compared_over_the_same_time(site: Site) -> None:
    span = {"from": "2024-05-01T00:00:00Z", "to": "2024-05-01T01:00:00Z"}
    answer = site.server.get("/compare", brands="brand 1,brand 2", size="5m", **span)
    assert [one["brand"] for one in answer["series"]] == ["brand 1", "brand 2"]
    alone = site.server.get("/brands/brand 2/windows", size="5m", **span)
    assert answer["series"][1]["windows"] == alone["windows"]


def test_a_published_tweet_is_where_the_answer_says_and_shows_up(site: Site) -> None:
    now = site.server.get("/brands")["freshness"]["watermark"]
    tweet = {"id": "by http", "text": "hello — 🙂", "created_at": now, "brands": ["AC/DC & friends"]}
    with listen(site.server, brands="AC/DC & friends") as events:
        answer = site.server.ask("POST", "/tweets", json=tweet)
        assert answer.status_code == 202, answer.text
        _before, event = until(events, "tweet")
    place = answer.json()["accepted"][0]
    found = [
        message
        for message in read_all(site.settings, Topics.of(site.settings).tweets)
        if (message.partition(), message.offset()) == (place["partition"], place["offset"])
    ]
    assert decode_tweet(found[0].value()).text == "hello — 🙂"
    assert event.data["id"] == "by http"
    wait_until(
        lambda: "AC/DC & friends" in {brand["brand"] for brand in site.server.get("/brands", q="ac/dc")["brands"]},
        60,
        "the brand is listed",
    )
    assert site.server.get("/brands/AC%2FDC%20%26%20friends")["brand"] == "AC/DC & friends"
    assert site.server.get("/brands/AC%2FDC%20%26%20friends/tweets")["tweets"][0]["text"] == "hello — 🙂"


def test_who_reconnects_with_the_last_id_misses_nothing(site: Site) -> None:
    """At this server or at another replica."""

    def publish(number: int) -> None:
        at = dt.datetime.fromisoformat(site.server.get("/brands")["freshness"]["watermark"])
        tweet = {"id": f"resume {number}", "text": "again", "created_at": at.isoformat(), "brands": ["Resumed"]}
        assert site.server.ask("POST", "/tweets", json=tweet).status_code == 202

    with listen(site.server, types="window", brands="Resumed") as events:
        publish(0)
        until(events, "window")
        _, told = until(events, "freshness")
    assert told.id is not None
    assert decode(told.id)
    publish(1)
    wait_until(
        lambda: len(site.server.get("/brands/Resumed/tweets")["tweets"]) == 2, 60, "the second tweet has been read"
    )
    with Server(site.settings.model_copy(update={"serve_port": 0}), site.server._log.parent, "--no-model") as replica:
        for server in (site.server, replica):
            with listen(server, told.id, types="window", brands="Resumed") as events:
                before, missed = until(events, "window")
                assert "reset" not in {event.name for event in before}
                assert missed.data["brand"] == "Resumed"
        assert replica.ask("POST", "/predict", json={"text": "x"}).status_code == 503


def test_predictions_are_the_models(site: Site) -> None:
    texts = ["I love this", "I hate this, worst ever", "?", "word " * 799]
    answer = site.server.ask("POST", "/predict", json={"texts": texts}).json()
    assert [one["label"] for one in answer["predictions"][:2]] == ["positive", "negative"]
    assert [one["truncated"] for one in answer["predictions"]] == [False, False, False, True]
    alone = site.server.ask("POST", "/predict", json={"text": texts[0]}).json()
    assert alone["predictions"] == answer["predictions"][:1]
    assert answer["model"] == {name: site.server.get("/model")[name] for name in ("name", "version")}


PROBLEMS = [
    ("GET", "/nothing", {}, 404, ""),
    ("DELETE", "/brands", {}, 405, ""),
    ("GET", "/brands/nobody", {}, 404, "nobody"),
    ("GET", "/brands?limit=0", {}, 422, "limit"),
    ("GET", "/brands/brand 3/windows?size=2m", {}, 422, "size"),
    ("GET", "/brands/brand 3/windows?from=x", {}, 422, "from"),
    ("GET", "/brands/brand 3/windows?from=2024-05-02&to=2024-05-01", {}, 422, "from"),
    ("GET", "/brands/brand 3/windows?from=2020-01-01&to=2024-05-01", {}, 422, "size"),
    ("GET", "/brands/brand 3/windows?tz=Mars/Base", {}, 422, "tz"),
    ("GET", "/brands/brand 3/tweets?before=x", {}, 422, "before"),
    ("GET", "/compare?brands=,", {}, 422, "brands"),
    ("GET", "/spikes/none", {}, 404, "none"),
    ("GET", "/events?types=all", {}, 422, "types"),
    ("GET", "/events?since=1-2", {}, 422, "since"),
    ("POST", "/predict", {"json": {}}, 422, "text"),
    ("POST", "/predict", {"json": {"text": "x" * 4_001}}, 422, "4,001"),
    ("POST", "/predict", {"json": {"texts": ["x"] * 1_001}}, 422, "1,001"),
    ("GET", f"/brands?q={'x' * 129}", {}, 422, "129 characters; at most 128"),
    ("POST", "/predict", {"json": {"texts": ["x", " \u200b"]}}, 422, "texts.1"),
    ("POST", "/predict", {"content": b"{"}, 400, "at character 2"),
    ("POST", "/predict", {"data": {"text": "x"}}, 415, "application/x-www-form-urlencoded"),
    ("POST", "/predict", {"content": b"[" * 100_000}, 400, ""),
    ("POST", "/predict", {"content": b"\xff"}, 400, ""),
    ("POST", "/tweets", {"json": {"id": "1", "text": "x", "created_at": "soon"}}, 422, "created_at"),
    ("POST", "/tweets", {"json": {"tweets": [{"id": "1", "text": "x"}]}}, 422, "tweets.0.created_at"),
    ("POST", "/tweets", {"json": {"id": "1", "text": " ", "created_at": 1_700_000_000}}, 422, "text"),
    ("POST", "/tweets", {"content": b"x" * 1_048_577}, 413, "1,048,576"),
]


@pytest.mark.parametrize(("method", "path", "how", "status", "word"), PROBLEMS, ids=range(len(PROBLEMS)))
def test_every_error_is_a_problem_that_says_what_is_wrong(
    site: Site, method: str, path: str, how: dict[str, Any], status: int, word: str
) -> None:
    headers = {"Content-Type": "application/json"} if "content" in how else {}
    answer = site.server.ask(method, path, headers=headers, **how)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["instance"] == httpx.URL(path).path
    assert word in problem["detail"]
    if status == 422:
        assert problem.get("errors") or method == "POST"


def test_documents_and_pages_need_nothing_from_elsewhere(site: Site) -> None:
    served = site.server.get("/openapi.json")
    assert served == json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    page = site.server.ask("GET", "/docs/")
    assert page.status_code == 200
    for source in re.findall(r'(?:src|href|spec-url)="([^"]+)"', page.text):
        assert not source.startswith(("http", "//"))
        assert site.server.ask("GET", f"/docs/{source}" if source[0] != "/" else source).status_code == 200
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_metrics_tell_of_requests(site: Site) -> None:
    site.server.get("/brands")
    told = site.server.ask("GET", "/metrics").text
    assert re.search(r'barometer_http_requests_total\{method="GET",route="/brands",status="200"\} \d', told)
    assert "barometer_http_event_streams" in told


def test_a_slow_listener_is_dropped_and_costs_no_memory(site: Site) -> None:
    """It reads nothing while much happens; the others hear all of it."""
    before = site.server.memory_mib()
    lazy = socket.create_connection(("127.0.0.1", site.server.settings.serve_port))
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    lazy.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: site.server.get("/stats")["held"]["streams"] == 1, 30, "it listens")
    now = dt.datetime.fromisoformat(site.server.get("/brands")["freshness"]["watermark"])
    text = "a tweet that is told to everybody " * 20
    with listen(site.server, types="tweet", brands="Loud") as events:
        for batch in range(4):
            tweets = [
                {"id": f"slow {batch} {number}", "text": text, "created_at": now.isoformat(), "brands": ["Loud"]}
                for number in range(300)
            ]
            assert site.server.ask("POST", "/tweets", json={"tweets": tweets}).status_code == 202
        until(events, "tweet")
    assert site.server.memory_mib() - before < 100
    lazy.close()
    wait_until(lambda: site.server.get("/stats")["held"]["streams"] == 0, 60, "both are gone")


def test_a_flood_and_huge_bodies_are_refused_within_memory(site: Site, tmp_path: Path) -> None:
    limits = {"serve_port": 0, "serve_rate_per_s": 5, "serve_concurrency": 4, "serve_body_bytes": 2_000}
    with Server(site.settings.model_copy(update=limits), tmp_path, "--no-model") as server:
        before = server.memory_mib()

        def endless() -> Iterator[bytes]:
            for _ in range(10_000):
                yield b"x" * 1_000

        with concurrent.futures.ThreadPoolExecutor(16) as many:
            began = time.monotonic()
            answers = list(many.map(lambda _: server.ask("GET", "/brands").status_code, range(400)))
            assert set(answers) <= {200, 429, 503}
            assert 429 in answers
            assert answers.count(200) <= 50 + 5 * (time.monotonic() - began) + 1
        assert server.ask("GET", "/health").status_code == 200
        wait_until(lambda: server.ask("GET", "/brands").status_code == 200, 30, "it may ask again")
        wait_until(lambda: _status(server, endless()) == 413, 30, "a huge body is refused")
        assert server.memory_mib() - before < 50
        assert "Traceback" not in server.log


def _status(server: Server, body: Iterator[bytes]) -> int:
    """Of a body that is sent in chunks: the server may hang up before it is whole."""
    host, port = "127.0.0.1", server.settings.serve_port
    with socket.create_connection((host, port)) as link:
        link.sendall(b"POST /tweets HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for part in body:
                link.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        except OSError:
            pass
        return int(link.recv(100).split()[1] or b"0")


SNIPPETS = [block.text for block in shell(ROOT / "docs" / "api.md") if block.text.startswith("curl")]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_snippet_of_the_guide_works(site: Site, snippet: str) -> None:
    """With brands that there are here."""
    for shown, here in (("Veloria%20Air", "brand%203"), ("Veloria Air", "brand 3"), ("Lumora", "brand%204")):
        snippet = snippet.replace(shown, here)
    done = subprocess.run(
        ["bash", "-c", snippet],
        env={"BAROMETER": site.server.url, "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "events" in snippet:
        assert "event: freshness" in done.stdout
    else:
        assert "status" not in json.loads(done.stdout) or "health" in snippet, done.stdout


def test_sigterm_ends_streams_and_the_process_at_once(site: Site, tmp_path: Path) -> None:
    with Server(site.settings.model_copy(update={"serve_port": 0}), tmp_path, "--no-model") as server:
        with listen(server) as events:
            until(events, "freshness")
            assert server.stop() == 0
            assert list(events) is not None
        assert "Traceback" not in server.log


def test_the_whole_api_keeps_to_its_document(site: Site, tmp_path: Path) -> None:
    check_document(site.server, tmp_path, examples=2, phases="examples,fuzzing")


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_the_whole_api_keeps_to_its_document_under_much_more(site: Site, tmp_path: Path) -> None:
    check_document(site.server, tmp_path, examples=100, phases="examples,coverage,fuzzing,stateful")


def check_document(server: Server, folder: Path, *, examples: int, phases: str) -> None:
    """Schemathesis asks whatever the document allows, and what it does not, and compares the answers with it.

    ``positive_data_acceptance`` is left out: rules between fields (``from`` before ``to``) and of years cannot be
    written in a schema. ``/events`` never ends, and has tests of its own.
    """
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent)) or "schemathesis"
    chosen = ["--max-examples", str(examples), "--phases", phases, "--seed", "1", "--generation-database", "none"]
    left_out = ["--exclude-path", "/events", "--exclude-checks", "positive_data_acceptance"]
    done = subprocess.run(
        [program, "run", f"{server.url}/openapi.json", *chosen, *left_out, "--no-color"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
