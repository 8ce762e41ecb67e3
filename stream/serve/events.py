"""What changes, to everybody who listens: bounded for each, whoever is slow, whatever the load.

A client has at most MOST_WAITING things waiting: windows are replaced by their
newer state, tweets are a sample. One that does not even take these in time is
dropped, and comes back with the id of the last event it got. That id is a vector
of topic positions, so that it can come back at any replica.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from infra import metrics
from stream.serve.read.model import Change
from stream.serve.read.positions import Kind, Positions, encode

MOST_WAITING = 5_000
"""Windows and spikes that may wait for one client."""
REMEMBERED = 20_000
"""Changes that are kept for those who come back."""
FLUSH_S = 0.25
"""What changes is gathered so long."""
FRESHNESS_S = 5.0
RETRY_MS = 2_000
_TWEETS_WAITING = 50
Render = Callable[[Change], Mapping[str, Any]]


@dataclass(frozen=True)
class Wanted:
    """What a client listens to. No brands: all of them."""

    kinds: frozenset[Kind]
    brands: frozenset[str] = frozenset()

    def includes(self, change: Change) -> bool:
        return change.kind in self.kinds and (not self.brands or change.brand in self.brands)


class Client:
    """What waits for one client. ``seen``: positions it has already had, perhaps from a replica that is ahead."""

    def __init__(self, wanted: Wanted, seen: Positions, tweets_per_s: float, now: float) -> None:
        self.wanted = wanted
        self.overflowed = False
        self.arrived = asyncio.Event()
        self.seen = dict(seen)
        self._changes: OrderedDict[tuple[str, Any], Change] = OrderedDict()
        self._tweets: deque[Change] = deque(maxlen=_TWEETS_WAITING)
        self._per_s = tweets_per_s
        self._tokens, self._at = tweets_per_s, now

    def offer(self, change: Change, now: float) -> None:
        """Let a change wait, unless the client does not want it or has had it."""
        if not self.wanted.includes(change) or change.offset < self.seen.get((change.kind, change.partition), 0):
            return
        if change.kind == "tweet":
            if not self._sampled(now):
                return
            self._tweets.append(change)
        else:
            key = (change.kind, change.key)
            self._changes[key] = change
            self._changes.move_to_end(key)
            if len(self._changes) > MOST_WAITING:
                self.overflowed = True
                self._changes.clear()
        self.arrived.set()

    def take(self) -> list[Change]:
        """What waits, in the order in which it last changed."""
        waiting = [*self._changes.values(), *self._tweets]
        self._changes.clear()
        self._tweets.clear()
        self.arrived.clear()
        return waiting

    @property
    def waiting(self) -> int:
        return len(self._changes) + len(self._tweets)

    def _sampled(self, now: float) -> bool:
        self._tokens = min(max(1.0, self._per_s), self._tokens + (now - self._at) * self._per_s)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass
class Hub:
    """All clients, and the latest changes for those who come back."""

    tweets_per_s: float
    most_clients: int
    clock: Callable[[], float] = time.monotonic
    clients: set[Client] = field(default_factory=set)
    _listening: set[Client] = field(default_factory=set)
    _log: deque[Change] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _begin: dict[tuple[Kind, int], int] = field(default_factory=dict)

    def publish(self, changes: Iterable[Change]) -> None:
        """Tell everybody."""
        now = self.clock()
        for change in changes:
            if len(self._log) == REMEMBERED:
                gone = self._log[0]
                self._begin[gone.kind, gone.partition] = gone.offset + 1
            self._log.append(change)
            for client in self._listening:
                client.offer(change, now)

    def forget(self) -> None:
        """Everything begins again: nobody can go on from where they were."""
        self._log.clear()
        self._begin.clear()
        for client in self.clients:
            client.overflowed = True
            client.arrived.set()

    @property
    def full(self) -> bool:
        return len(self.clients) >= self.most_clients

    def join(self, wanted: Wanted, since: Positions) -> Client:
        """A new client, which is told nothing before it ``begin``s."""
        client = Client(wanted, since, self.tweets_per_s, self.clock())
        self.clients.add(client)
        metrics.HTTP_STREAMS.set(len(self.clients))
        return client

    def begin(self, client: Client) -> bool:
        """Tell a client what it has missed, and from now on all it wants; False when some of that is forgotten.

        Begin when all that was on the topics has been read: before, it is the past that is told.
        """
        self._listening.add(client)
        since, kinds = client.seen, client.wanted.kinds
        if not since:
            return True
        for change in self._log:
            client.offer(change, self.clock())
        return all(since.get(place, 0) >= begin for place, begin in self._begin.items() if place[0] in kinds)

    def leave(self, client: Client) -> None:
        self.clients.discard(client)
        self._listening.discard(client)
        metrics.HTTP_STREAMS.set(len(self.clients))


def event(name: str, data: Mapping[str, Any], positions: Positions | None = None) -> bytes:
    """One event. Of a batch only the last gets ``positions``: who loses the line before gets all of them again."""
    head = b"" if positions is None else b"id: " + encode(positions).encode() + b"\n"
    return head + b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"
