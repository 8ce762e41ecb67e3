"""Deliberate bugs, put into a worker's own process: the suite must find them, or it proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

FORGOTTEN_OF = 3
"""One id of so many is forgotten."""


def acknowledge_before_publish() -> None:
    """Settle a batch as soon as it is admitted: what a worker holds when it is killed is lost."""
    from infra.kafka.membership import Membership

    admit = Membership.admit

    async def admit_and_settle(self: Membership, messages: Sequence[Any]) -> Any:
        batch = await admit(self, messages)
        self.ledger.settle(batch)
        return batch

    Membership.admit = admit_and_settle  # type: ignore[method-assign]


def forget_id() -> None:
    """Remember some tweets under another id each time they come: the same tweet counts again."""
    from stream.aggregate import fold
    from stream.aggregate.pane import id_hash as known_as

    calls = count()

    def forgetful(tweet_id: str) -> int:
        hashed = known_as(tweet_id)
        return hashed if hashed % FORGOTTEN_OF else known_as(f"{tweet_id}, time {next(calls)}")

    vars(fold)["id_hash"] = forgetful


BUGS: Mapping[str, Callable[[], None]] = {
    "ack-before-publish": acknowledge_before_publish,
    "forget-id": forget_id,
}
