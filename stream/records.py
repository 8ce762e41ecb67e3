"""What is on the topics: one pydantic model for each kind of record.

JSON on the wire. Every record carries ``schema_version``; a consumer refuses a
version it does not know. Records that are not tweets (end of a replay,
watermarks) are told apart by the Kafka header ``type``.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from model.labels import Label

SCHEMA_VERSION = 1
TYPE_HEADER = "type"
WATERMARK = "watermark"
END_OF_REPLAY = "end-of-replay"
OTHER_BRAND = "_other"
"""The brand of tweets about no known brand."""
PANE_S = 60
"""Length of a pane in seconds: the smallest window, of which larger ones are sums."""
MILLION = 1_000_000
"""Probability sums are integers in millionths, so that their order does not matter."""


def _as_id(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _with_zone(value: Any) -> Any:
    """A time without a zone is UTC (as everywhere in Kafka)."""
    if isinstance(value, str):
        try:
            parsed = dt.datetime.fromisoformat(value)
        except ValueError:
            return value
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        return value.replace(tzinfo=dt.UTC)
    return value


TweetId = Annotated[str, BeforeValidator(_as_id), StringConstraints(min_length=1, max_length=256)]
BrandName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
UtcTime = Annotated[AwareDatetime, BeforeValidator(_with_zone)]


class Record(BaseModel):
    """Base of all values on the topics."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = SCHEMA_VERSION

    def encode(self) -> bytes:
        """The record as it goes on the wire: compact JSON, times in UTC with a Z."""
        return orjson.dumps(self.model_dump(exclude_none=True), option=orjson.OPT_UTC_Z)


class Tweet(Record):
    """``tweets``, key: id. What a producer publishes; only id, text and created_at are required."""

    id: TweetId
    text: str
    created_at: UtcTime
    author: str | None = None
    brands: list[BrandName] | None = Field(
        default=None, max_length=64, description="absent: found by the rules of brands.yaml"
    )
    lang: str | None = None
    source: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class Origin(BaseModel):
    """Where in ``tweets`` a record came from."""

    model_config = ConfigDict(frozen=True)

    partition: int = Field(ge=0)
    offset: int = Field(ge=0)


class Probabilities(BaseModel):
    """Sums to 1 up to rounding."""

    model_config = ConfigDict(frozen=True)

    negative: float = Field(ge=0, le=1)
    neutral: float = Field(ge=0, le=1)
    positive: float = Field(ge=0, le=1)


class ModelIdentity(BaseModel):
    """Which model labelled a tweet; ``version`` changes whenever a label may."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str


class LabeledTweet(Record):
    """``tweets.labeled``, key: brand. One tweet about one brand; a tweet about two makes two records."""

    tweet: Tweet
    brand: BrandName
    label: Label
    confidence: float = Field(ge=0, le=1, description="probability of the label")
    probabilities: Probabilities
    model: ModelIdentity
    origin: Origin
    labeled_at: UtcTime


class SourceProgress(BaseModel):
    """How far one partition of ``tweets`` has been labelled."""

    model_config = ConfigDict(frozen=True)

    next_offset: int = Field(ge=0, description="everything before it is labelled or dead")
    latest: UtcTime | None = Field(default=None, description="latest event time this worker has seen there")
    idle: bool = Field(description="read to its end, and quiet for a while or ended by a replay")


class Watermark(Record):
    """``tweets.labeled``, header type=watermark: progress of the source partitions of one worker.

    Sent about once a second into every labelled partition, also while idle,
    always after the labels it speaks of.
    """

    source_topic_id: str = Field(description="Kafka's id of the source topic: offsets of another one mean nothing")
    source_partitions: int = Field(gt=0, description="how many the source topic has")
    progress: dict[int, SourceProgress]
    sent_at: UtcTime


class Counts(BaseModel):
    """Tweets by label."""

    model_config = ConfigDict(frozen=True)

    negative: int = Field(default=0, ge=0)
    neutral: int = Field(default=0, ge=0)
    positive: int = Field(default=0, ge=0)

    @property
    def total(self) -> int:
        return self.negative + self.neutral + self.positive


class Window(Record):
    """``reputation.windows``, key: brand, start, size. The newest record of a key is the truth."""

    brand: str
    start: UtcTime
    end: UtcTime
    size_s: int
    counts: Counts
    probability_sums: Counts = Field(description="sums of the probabilities, in millionths")
    net_sentiment: float = Field(ge=-1, le=1, description="(positive - negative) / all, by label")
    negative_share: float = Field(ge=0, le=1)
    revision: int = Field(ge=1, description="distinct tweets folded in")
    late: int = Field(default=0, ge=0, description="of these, how many came after the window had closed")
    status: Literal["open", "closed"]
    models: list[str] = Field(description="versions of the models that labelled its tweets")

    def key(self) -> bytes:
        return window_key(self.brand, self.start, self.size_s)


def window_key(brand: str, start: dt.datetime, size_s: int) -> bytes:
    """The Kafka key of a window, for example ``["United","2015-02-24T19:35:00Z",60]``."""
    return orjson.dumps([brand, start, size_s], option=orjson.OPT_UTC_Z)


class DeadHeaders:
    """Header names of ``tweets.dead``; the value is the untouched original."""

    STAGE = "stage"
    REASON = "reason"
    MESSAGE = "message"
    ORIGIN_TOPIC = "origin.topic"
    ORIGIN_PARTITION = "origin.partition"
    ORIGIN_OFFSET = "origin.offset"
    ORIGIN_TIMESTAMP = "origin.timestamp"
    ORIGINAL_KEY = "original.key"
    DIED_AT = "died_at"
