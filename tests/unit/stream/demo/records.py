"""Records as the stages publish them, for tests of the accounts."""

from __future__ import annotations

import datetime as dt

from model.labels import LABELS, Label
from stream.demo.tally import DeadLetter
from stream.records import PANE_S, Counts, LabeledTweet, ModelIdentity, Origin, Probabilities, Tweet, Window

START = dt.datetime(2026, 3, 4, 6, 10, tzinfo=dt.UTC)
LABELED_TOPIC = "tweets.labeled"


def labeled(
    tweet_id: str = "1",
    *,
    offset: int = 0,
    partition: int = 0,
    brand: str = "Koru Coffee",
    label: Label = "positive",
    minute: int = 0,
    text: str = "fine",
) -> LabeledTweet:
    """The label of one source record about one brand."""
    created_at = START + dt.timedelta(minutes=minute)
    return LabeledTweet(
        tweet=Tweet(id=tweet_id, text=text, created_at=created_at),
        brand=brand,
        label=label,
        confidence=0.9,
        probabilities=Probabilities(negative=0.05, neutral=0.05, positive=0.9),
        model=ModelIdentity(name="bundled", version="1f3a9c2"),
        origin=Origin(partition=partition, offset=offset),
        labeled_at=created_at,
    )


def window(
    brand: str = "Koru Coffee",
    *,
    minute: int = 0,
    counts: tuple[int, int, int] = (0, 0, 1),
    closed: bool = True,
    size_s: int = PANE_S,
) -> Window:
    """A window that starts so many minutes after START."""
    start = START + dt.timedelta(minutes=minute)
    total = max(1, sum(counts))
    return Window(
        brand=brand,
        start=start,
        end=start + dt.timedelta(seconds=size_s),
        size_s=size_s,
        counts=Counts(**dict(zip(LABELS, counts, strict=True))),
        probability_sums=Counts(),
        net_sentiment=(counts[2] - counts[0]) / total,
        negative_share=counts[0] / total,
        revision=total,
        status="closed" if closed else "open",
        models=["1f3a9c2"],
    )


def undecodable(offset: int, *, partition: int = 0, message: str = "no JSON at byte 0") -> DeadLetter:
    """A source record that classify could not read."""
    return DeadLetter("classify", "invalid_json", message, ("tweets", partition, offset))


def late(offset: int = 0, *, partition: int = 0) -> DeadLetter:
    """A labelled record that aggregate refused; ``offset`` is its place in ``tweets.labeled``."""
    return DeadLetter("aggregate", "late", "too far back", (LABELED_TOPIC, partition, offset))
