"""Streams of events: nothing is missed by who comes back, and nobody's slowness costs memory."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream.serve.events import MOST_WAITING, REMEMBERED, Client, Hub, Wanted, event
from stream.serve.read.model import Change
from stream.serve.read.positions import Kind, Partition, Positions, decode

ALL: frozenset[Kind] = frozenset(("window", "spike", "tweet"))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def make_hub(tweets_per_s: float = 5.0) -> tuple[Hub, Clock]:
    clock = Clock()
    return Hub(tweets_per_s, most_clients=10, clock=clock), clock


def join(hub: Hub, wanted: Wanted, since: Positions) -> tuple[Client, bool]:
    """A client that listens; whether it missed nothing that is not known."""
    client = hub.join(wanted, since)
    return client, hub.begin(client)


def change(kind: Kind, offset: int, *, partition: int = 0, brand: str = "Lumora", key: Any = None) -> Change:
    return Change(kind, partition, offset, brand, (brand, offset if key is None else key), {"offset": offset})


def offsets(client: Client) -> list[int]:
    return [one.offset for one in client.take()]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_who_comes_back_to_any_replica_has_the_newest_of_everything(
    said: list[tuple[int, int]], left_at: int, replica_at: int
) -> None:
    """The second replica may be behind or ahead of the first one."""
    log = [
        change("window", number, partition=partition, key=10 * partition + key)
        for number, (partition, key) in enumerate(said)
    ]
    positions: dict[Partition, int] = {}
    for one in log[:left_at]:
        positions[one.kind, one.partition] = one.offset + 1
    held = {(one.partition, one.key): one.offset for one in log[:left_at]}
    second, _clock = make_hub()
    second.publish(log[:replica_at])
    client, whole = join(second, Wanted(ALL), positions)
    second.publish(log[replica_at:])
    later = client.take()
    assert whole
    assert all(one.offset >= positions.get((one.kind, one.partition), 0) for one in later)
    held |= {(one.partition, one.key): one.offset for one in later}
    if positions:
        assert held == {(one.partition, one.key): one.offset for one in log}


def test_who_is_too_far_behind_is_told_so() -> None:
    hub, _clock = make_hub()
    hub.publish(change("window", offset) for offset in range(REMEMBERED + 10))
    assert join(hub, Wanted(ALL), {("window", 0): 9})[1] is False
    assert join(hub, Wanted(ALL), {("window", 0): 10})[1] is True
    assert join(hub, Wanted(frozenset(("spike",))), {("spike", 0): 1})[1] is True
    assert join(hub, Wanted(ALL), {})[1] is True


def test_windows_that_wait_are_replaced_by_their_newer_state() -> None:
    hub, _clock = make_hub()
    client, _ = join(hub, Wanted(ALL), {})
    hub.publish(change("window", offset, key=offset % 3) for offset in range(3_000))
    assert offsets(client) == [2_997, 2_998, 2_999]
    assert not client.overflowed


def test_a_client_that_takes_nothing_holds_little_and_is_dropped() -> None:
    hub, clock = make_hub()
    client, _ = join(hub, Wanted(ALL), {})
    for offset in range(3 * MOST_WAITING):
        clock.now += 0.01
        hub.publish([change("window", offset), change("tweet", offset)])
        assert client.waiting <= MOST_WAITING + 50
    assert client.overflowed


def test_tweets_are_a_sample_of_so_many_a_second() -> None:
    hub, clock = make_hub(tweets_per_s=5)
    client, _ = join(hub, Wanted(ALL), {})
    taken = 0
    for offset in range(10_000):
        clock.now = offset / 1_000
        hub.publish([change("tweet", offset)])
        if not offset % 100:
            taken += len(offsets(client))
    assert 45 <= taken <= 56


def test_only_what_is_wanted_is_told() -> None:
    hub, _clock = make_hub()
    client, _ = join(hub, Wanted(frozenset(("window",)), frozenset(("Zuppla",))), {})
    hub.publish(
        [
            change("window", 0),
            change("window", 1, brand="Zuppla"),
            change("spike", 0, brand="Zuppla"),
            change("tweet", 0),
        ]
    )
    assert offsets(client) == [1]


def test_who_has_left_is_told_nothing_more() -> None:
    hub, _clock = make_hub()
    client, _ = join(hub, Wanted(ALL), {})
    hub.leave(client)
    hub.publish([change("window", 0)])
    assert client.waiting == 0
    assert not hub.clients


def test_when_everything_begins_again_clients_must_too() -> None:
    hub, _clock = make_hub()
    client, _ = join(hub, Wanted(ALL), {})
    hub.forget()
    assert client.overflowed
    assert client.arrived.is_set()


def test_an_event_is_one_line_of_json_whatever_is_in_it() -> None:
    text = "".join(map(chr, random.Random(1).sample(range(0x20, 0x2100), 500))) + "\r\n\n"
    lines = event("tweet", {"text": text}, {("window", 3): 17}).split(b"\n")
    assert lines[0].startswith(b"id: ")
    assert decode(lines[0][4:].decode()) == {("window", 3): 17}
    assert lines[1] == b"event: tweet"
    assert lines[2].startswith(b"data: {")
    assert lines[3:] == [b"", b""]
    assert b"\r" not in lines[2]


def test_a_client_sleeps_until_something_comes() -> None:
    async def wait() -> None:
        hub, _clock = make_hub()
        client, _ = join(hub, Wanted(ALL), {})
        waiting = asyncio.create_task(client.arrived.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        hub.publish([change("spike", 0)])
        await asyncio.wait_for(waiting, 1)

    asyncio.run(wait())


def test_who_comes_before_all_is_read_is_not_told_the_past() -> None:
    hub, _clock = make_hub()
    client = hub.join(Wanted(ALL), {})
    hub.publish(change("window", offset) for offset in range(100))
    assert client.waiting == 0
    hub.begin(client)
    hub.publish([change("window", 100)])
    assert offsets(client) == [100]
