"""What is on the topics: one pydantic model for each kind of record.

JSON on the wire. Every record carries ``schema_version``; a consumer refuses a
version it does not know. Records that are not tweets (end of a replay,
watermarks) are told apart by the Kafka header ``type``.
"""

from __future__ import annotations

import datetime as dt
from typing import Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from model.labels import Label
from stream.fields import (
    FIRST_YEAR,
    LAST_YEAR,
    MAX_METADATA_DEPTH,
    BrandName,
    BrandNames,
    EventTime,
    Metadata,
    Name,
    Text,
    TweetId,
    UtcTime,
)

SCHEMA_VERSION: Final = 1
TYPE_HEADER = "type"
WATERMARK = "watermark"
END_OF_REPLAY = "end-of-replay"
REPLAYED_HEADER = "replayed"
"""On a tweet that was dead and is sent again: one such header for each time, as JSON."""
OTHER_BRAND = "_other"
"""The brand of tweets about no known brand."""
PANE_S = 60
"""Length of a pane in seconds: the smallest window, of which larger ones are sums."""
MILLION = 1_000_000
"""Probability sums are integers in millionths, so that their order does not matter."""


class Record(BaseModel):
    """Base of all values on the topics."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = SCHEMA_VERSION

    def encode(self) -> bytes:
        """The record as it goes on the wire: compact JSON, times in UTC with a Z."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)


class Tweet(Record):
    """``tweets``, key: id. What a producer publishes; only id, text and created_at are required."""

    id: TweetId = Field(description="unique; a tweet sent twice under one id counts once")
    text: Text = Field(description="as written: entities, emoji, links and all")
    created_at: EventTime = Field(
        description="when it was written: ISO 8601 (UTC if it names no zone), or seconds or milliseconds since 1970; "
        f"the years {FIRST_YEAR} to {LAST_YEAR}"
    )
    author: Name | None = Field(default=None, description="account that wrote it, without @")
    brands: BrandNames | None = Field(
        default=None, max_length=64, description="what it is about; absent: found by the rules of brands.yaml"
    )
    lang: Text | None = Field(default=None, description="language of the text, such as en")
    source: Text | None = Field(default=None, description="where it comes from")
    metadata: Metadata = Field(
        default_factory=dict, description=f"anything else, kept as it is; at most {MAX_METADATA_DEPTH} levels deep"
    )


class EndOfReplay(Record):
    """``tweets``, header type=end-of-replay, in every partition after the last tweet of a file.

    Whoever publishes tweets later learns from it how new the newest one is.
    """

    latest: EventTime = Field(description="latest event time that was published")


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


class WindowBaseline(BaseModel):
    """What the spike detector expected of a brand, when one minute of it closed.

    The true negative share of an hour lies around the expected one with
    ``variance``; ``level_variance`` is the part of it that is the same in all hours.
    """

    model_config = ConfigDict(frozen=True)

    negative_share: float = Field(ge=0, le=1, description="expected share of negative tweets")
    variance: float = Field(ge=0, description="of an hour's true share around it")
    level_variance: float = Field(ge=0, description="the part of that variance that is the same in all hours")
    alike: float = Field(ge=0, description="correlation of two tweets of one minute: people who repeat each other")
    tweets: float | None = Field(default=None, ge=0, description="expected tweets a minute; absent until known")


class Window(Record):
    """``reputation.windows``, key: brand, start, size. The newest record of a key is the truth."""

    brand: str
    start: UtcTime
    end: UtcTime
    size_s: int
    counts: Counts
    probability_sums: Counts = Field(description="sums of the probabilities, in millionths")
    cells: dict[int, int] = Field(
        default_factory=dict, description="tweets by cell of a grid of probabilities: shares are corrected from it"
    )
    net_sentiment: float = Field(ge=-1, le=1, description="(positive - negative) / all, by label")
    negative_share: float = Field(ge=0, le=1, description="by label")
    negative_share_low: float = Field(default=0, ge=0, le=1, description="95% interval of the share, by Wilson's score")
    negative_share_high: float = Field(default=1, ge=0, le=1)
    mean_confidence: float = Field(default=0, ge=0, le=1, description="mean probability of the labels given")
    uncertain: int = Field(default=0, ge=0, description="tweets whose label has a probability of less than a half")
    authors: int = Field(default=0, ge=0, description="distinct authors, of tweets that name one; exact up to some 380")
    author_sketch: str = Field(default="", description="these authors as a HyperLogLog, base64: windows can be merged")
    revision: int = Field(ge=1, description="distinct tweets folded in")
    late: int = Field(default=0, ge=0, description="of these, how many came after the window had closed")
    status: Literal["open", "closed"]
    models: list[str] = Field(description="versions of the models that labelled its tweets")
    baseline: WindowBaseline | None = Field(
        default=None, description="what was expected when it closed; absent before, and while the brand is new"
    )

    def key(self) -> bytes:
        return window_key(self.brand, self.start, self.size_s)


def window_key(brand: str, start: dt.datetime, size_s: int) -> bytes:
    """The Kafka key of a window, for example ``["United","2015-02-24T19:35:00Z",60]``."""
    return orjson.dumps([brand, start, size_s], option=orjson.OPT_UTC_Z)


SpikeKind = Literal["negative", "positive", "volume"]


class EvidenceTerm(BaseModel):
    """A word, phrase, hashtag or emoji that is used more than before. Shares are of voices, from 0 to 1."""

    model_config = ConfigDict(frozen=True)

    term: str
    z: float = Field(description="how much more: log-odds against the baseline, in standard deviations")
    voices: int = Field(ge=0, description="sampled people who use it; copies of one text count once")
    share: float = Field(ge=0, le=1, description="part of the spike's voices that use it")
    share_before: float = Field(ge=0, le=1, description="the same before the spike")
    explains: float = Field(ge=0, le=1, description="part of the rise that is tweets with this term; terms overlap")


class EvidenceTweet(BaseModel):
    """A tweet that stands for many."""

    model_config = ConfigDict(frozen=True)

    id: str
    created_at: UtcTime
    text: str = Field(description="its first 400 characters")
    label: Label
    confidence: float = Field(ge=0, le=1)
    copies: int = Field(ge=1, description="sampled tweets with this text or nearly, this one included")


class Evidence(BaseModel):
    """Why it is a spike, from a sample of its tweets and of those before."""

    model_config = ConfigDict(frozen=True)

    terms: list[EvidenceTerm] = Field(description="the strongest first; none is part of another")
    explains: float = Field(ge=0, le=1, description="part of the rise that is tweets with any of the terms")
    tweets: list[EvidenceTweet] = Field(description="with the strongest terms, unlike each other")
    sampled: int = Field(ge=0, description="tweets of the spike that were read")
    sampled_before: int = Field(ge=0, description="tweets before it that were read")
    voices: int = Field(ge=0, description="people among the sampled; copies of one text count once")
    people_share: float | None = Field(
        default=None, ge=0, le=1, description="distinct authors by tweets, in the sample"
    )
    copies_share: float = Field(ge=0, le=1, description="part of the sampled tweets that copy another")
    sources: dict[str, float] = Field(default_factory=dict, description="where they come from, with shares")
    languages: dict[str, float] = Field(default_factory=dict, description="languages of the texts, with shares")


class Spike(Record):
    """``reputation.spikes``, key: id. The newest record of a key is the truth.

    ``share`` and ``baseline`` are of the window from ``window_start`` to
    ``updated_at``: of tweets with the kind's label, or for volume tweets a minute.
    """

    id: str = Field(description="the same for the same brand, kind and opening pane")
    brand: BrandName
    kind: SpikeKind
    status: Literal["open", "closed"]
    started_at: UtcTime = Field(description="where the change began, as far as can be told")
    opened_at: UtcTime = Field(description="end of the pane that opened it")
    updated_at: UtcTime = Field(description="end of the pane that this record comes from")
    closed_at: UtcTime | None = None
    reason: str | None = Field(default=None, description="why it closed")
    window_start: UtcTime
    tweets: int = Field(ge=0, description="in the window")
    authors: int | None = Field(default=None, ge=0, description="at least so many wrote them")
    share: float = Field(ge=0)
    baseline: float = Field(ge=0, description="what was expected")
    z: float = Field(description="how far the window is from what was expected, in standard deviations")
    peak_share: float = Field(ge=0)
    peak_z: float
    evidence: Evidence
    sentence: str = Field(description="all of it in one line")
    models: list[str] = Field(description="versions of the models that labelled the window's tweets")


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
    ORIGINAL_HEADER = "original.header."
    """Before the name of each header of the original."""
    CUT = "original.cut"
    """Only where the original is not whole: its size."""
    REPLAYS = "replays"
    DIED_AT = "died_at"
