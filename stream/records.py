"""What is on the topics: one pydantic model for each kind of record.

JSON on the wire. Every record carries ``schema_version``; a consumer refuses a
version it does not know. Records that are not tweets (end of a replay,
watermarks) are told apart by the Kafka header ``type``.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from model.labels import Label

SCHEMA_VERSION: Final = 1
TYPE_HEADER = "type"
WATERMARK = "watermark"
END_OF_REPLAY = "end-of-replay"
OTHER_BRAND = "_other"
"""The brand of tweets about no known brand."""
PANE_S = 60
"""Length of a pane in seconds: the smallest window, of which larger ones are sums."""
MILLION = 1_000_000
"""Probability sums are integers in millionths, so that their order does not matter."""


FIRST_YEAR, LAST_YEAR = 1990, 2100
"""Tweets from before or after are typing errors: one such time would move every window."""
MAX_METADATA_DEPTH = 32
"""orjson reads 1,024 levels but writes only 254: what came in must go out again."""

_EPOCH_TEXT = re.compile(r"-?\d{9,}(?:\.\d+)?")
_EPOCH_MIN_S = dt.datetime(FIRST_YEAR, 1, 1, tzinfo=dt.UTC).timestamp()
_EPOCH_END_S = dt.datetime(LAST_YEAR + 1, 1, 1, tzinfo=dt.UTC).timestamp()
_TIME_RULE = "not a time; write ISO 8601 such as 2026-02-24T11:35:52Z, or seconds or milliseconds since 1970"
_RANGE_RULE = f"outside the years {FIRST_YEAR} to {LAST_YEAR}"
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


def clean_text(text: str) -> str:
    """``text`` as UTF-8 can carry it: split surrogate pairs joined, lone halves replaced by U+FFFD.

    Half an emoji is common (a producer that cuts at 140 UTF-16 units), and no
    JSON writer accepts it. Every other character stays as it is.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _clean(value: Any) -> Any:
    return clean_text(value) if isinstance(value, str) else value


def _clean_id(value: Any) -> Any:
    """Ids and authors are often numbers; a float has already lost digits and is refused by its type."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not _INT_MIN <= value <= _INT_MAX:
            raise ValueError("a number beyond 64 bits; write it as a string")
        return str(value)
    return _clean(value)


def _with_zone(value: Any) -> Any:
    """A time without a zone is UTC (as everywhere in Kafka), and every time is kept in UTC."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(_TIME_RULE) from None
    if isinstance(value, dt.datetime):
        try:
            return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)
        except OverflowError:  # the first or last day of the calendar, in another zone
            raise ValueError(_RANGE_RULE) from None
    raise ValueError(_TIME_RULE)


def _event_time(value: Any) -> Any:
    """ISO 8601 or a number since 1970; seconds and milliseconds cannot be confused within the years allowed."""
    if isinstance(value, str):
        value = value.strip()
        if _EPOCH_TEXT.fullmatch(value):  # before ISO: 13 digits would pass for a compact date and time
            value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if _EPOCH_MIN_S <= value < _EPOCH_END_S:
            return dt.datetime.fromtimestamp(value, dt.UTC)
        if _EPOCH_MIN_S * 1_000 <= value < _EPOCH_END_S * 1_000:
            return dt.datetime.fromtimestamp(value / 1_000, dt.UTC)
        raise ValueError(f"{_RANGE_RULE}, read as seconds or as milliseconds since 1970")
    time = _with_zone(value)
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise ValueError(_RANGE_RULE)
    return time


def _once_each(names: list[str]) -> list[str]:
    """A brand named twice is still one: a tweet is published once for each of its brands."""
    return list(dict.fromkeys(names))


def _json_object(value: Any) -> Any:
    return {} if value is None else _json_value(value, 0)


def _json_value(value: Any, depth: int) -> Any:
    """``value`` as JSON can carry it, so that a record that was accepted can always be encoded."""
    if not isinstance(value, dict | list | tuple):
        return _json_scalar(value)
    if depth == MAX_METADATA_DEPTH:
        raise ValueError(f"nested deeper than {MAX_METADATA_DEPTH} levels")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("has a name that is not a string")
        return {clean_text(key): _json_value(item, depth + 1) for key, item in value.items()}
    return [_json_value(item, depth + 1) for item in value]


def _json_scalar(value: Any) -> Any:
    """NaN and infinity become null, as in JavaScript; times become ISO strings."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int):
        if not _INT_MIN <= value <= _INT_MAX:
            raise ValueError("has a number beyond 64 bits; write it as a string")
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dt.date):
        return value.isoformat()
    raise ValueError(f"has a value of type {type(value).__name__}, which JSON does not know")


Text = Annotated[str, BeforeValidator(_clean)]
Name = Annotated[str, BeforeValidator(_clean_id)]
TweetId = Annotated[str, BeforeValidator(_clean_id), StringConstraints(min_length=1, max_length=256)]
BrandName = Annotated[
    str,
    BeforeValidator(_clean),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$"),
]
UtcTime = Annotated[AwareDatetime, BeforeValidator(_with_zone)]
EventTime = Annotated[AwareDatetime, BeforeValidator(_event_time)]
Metadata = Annotated[dict[str, Any], BeforeValidator(_json_object)]


class Record(BaseModel):
    """Base of all values on the topics."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = SCHEMA_VERSION

    def encode(self) -> bytes:
        """The record as it goes on the wire: compact JSON, times in UTC with a Z."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)


class Tweet(Record):
    """``tweets``, key: id. What a producer publishes; only id, text and created_at are required."""

    id: TweetId
    text: Text
    created_at: EventTime
    author: Name | None = None
    brands: Annotated[list[BrandName], AfterValidator(_once_each)] | None = Field(
        default=None, max_length=64, description="absent: found by the rules of brands.yaml"
    )
    lang: Text | None = None
    source: Text | None = None
    metadata: Metadata = Field(default_factory=dict)


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
