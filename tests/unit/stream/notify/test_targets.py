"""Targets: which receiver goes where, what each is written in, and that their URLs stay secret."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from infra.errors import UsageError
from infra.settings import Settings
from stream.notify.sample import sample_notice, sample_spike
from stream.notify.targets import ANSWER_S, SendError, Target, hearing, load_targets
from tests.sink import Sink

SLACK = "slack://TAAAAAAAA/BAAAAAAAA/abcdefghijklmnopqrstuvwx"


def targets(urls: str) -> list[Target]:
    return load_targets(Settings.model_validate({"notify_urls": urls}))


@pytest.mark.parametrize(
    ("url", "form"),
    [
        (SLACK, "markdown"),
        ("mailto://user:secret@example.org", "html"),
        ("json://example.org", "text"),
        ("json://example.org?format=html", "html"),
        ("mailto://user:secret@example.org?format=text", "text"),
        ("ntfy://topic", "text"),
    ],
)
def test_each_service_is_written_to_in_what_it_shows_best(url: str, form: str) -> None:
    (target,) = targets(url)
    assert target.form == form


def test_a_slow_service_is_waited_for() -> None:
    for target in targets(f"{SLACK} mailto://user:secret@example.org"):
        assert all(service.socket_read_timeout >= ANSWER_S for service in target.apprise)


def test_a_target_hears_its_receivers_and_one_without_hears_all() -> None:
    found = targets(f"on-call,tickets={SLACK} json://example.org")
    slack, everything = (target.name for target in found)
    assert hearing(found, "on-call") == [slack, everything]
    assert hearing(found, "tickets") == [slack, everything]
    assert hearing(found, "reputation") == [everything]


def test_names_tell_targets_apart_but_nothing_of_their_secrets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    found = targets(f"{SLACK} {SLACK} json://user:hunter2@example.org/token")
    names = [target.name for target in found]
    assert len(set(names)) == 3
    same = targets(f"{SLACK} json://user:changed@example.org/token")
    assert [target.name for target in same] == [names[0], names[2]], "a new password is the same target"
    told = " ".join([*names, caplog.text])
    assert not [secret for secret in ("hunter2", "token", "abcdefghijkl") if secret in told]


@pytest.mark.parametrize("urls", ["nonsense", "json://example.org unknown9://token-of-mine", "x=y=json://a"])
def test_a_url_that_nobody_knows_is_named_by_its_number_alone(urls: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(UsageError, match=r"entry \d of \d") as caught:
        targets(urls)
    assert "token-of-mine" not in str(caught.value) + caplog.text


def test_no_targets_is_an_error_that_says_what_to_set() -> None:
    with pytest.raises(UsageError, match="BAROMETER_NOTIFY_URLS"):
        load_targets(Settings())


def test_urls_come_from_a_file_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "urls"
    file.write_text(f"on-call={SLACK}\njson://example.org\n")
    assert len(load_targets(Settings(notify_urls_file=file))) == 2


def test_a_refusal_is_an_error_without_the_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    spike, settings = sample_spike(), Settings()
    with Sink(status=500) as sink:
        (target,) = targets(sink.url("very-secret"))
        with pytest.raises(SendError) as caught:
            target.send(sample_notice(settings, spike), None)
        sink.status = 200
        target.send(sample_notice(settings, spike), b"\x89PNG...")
    assert sink.received[0].attachments == {"spike.png": b"\x89PNG..."}
    assert "very-secret" not in str(caught.value) + caplog.text
