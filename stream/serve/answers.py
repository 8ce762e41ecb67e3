"""What the API answers, as models: the OpenAPI document is made from these."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from model.labels import Label
from stream.records import Counts, ModelIdentity, Probabilities, Spike

Time = Annotated[dt.datetime, WithJsonSchema({"type": "string", "format": "date-time"})]
Share = Annotated[float, Field(ge=0, le=1)]
Size = Literal["1m", "5m", "15m", "1h", "1d"]
EventType = Literal["window", "spike", "tweet"]


class Answer(BaseModel):
    """Base of what is answered."""

    model_config = ConfigDict(frozen=True)


class Freshness(Answer):
    """How far what is shown can be trusted to be now. ``watermark`` is event time, ``lag_s`` the clock on the wall."""

    state: Literal["live", "catching-up", "stale"]
    watermark: Time | None = Field(description="event time up to which windows are closed; null before the first is")
    lag_s: float | None = Field(description="seconds since something was last read from Kafka; null before")
    kafka: Literal["up", "down"]


class TrendPoint(Answer):
    """Five minutes of a brand; null where nobody said anything."""

    t: Time = Field(description="start")
    volume: int
    net_sentiment: float | None
    negative_share: float | None


class Alarm(Answer):
    """A spike that is open."""

    kind: Literal["negative", "positive", "volume"]
    spike_id: str
    opened_at: Time
    sentence: str


class Brand(Answer):
    """A brand in its last 15 closed minutes of event time. Shares are null where nobody said anything."""

    brand: str
    watermark: Time | None
    window_start: Time | None
    window_end: Time | None
    volume: int = Field(description="tweets")
    volume_baseline: float | None = Field(description="tweets that were expected; null while the brand is new")
    counts: Counts
    net_sentiment: float | None = Field(description="(positive - negative) / all")
    negative_share: Share | None = Field(description="by label")
    negative_share_low: Share | None = Field(description="95% interval of the share, by Wilson's score")
    negative_share_high: Share | None
    negative_share_corrected: Share | None = Field(description="corrected for the errors of the model")
    negative_baseline: Share | None = Field(description="the share that was expected; null while the brand is new")
    z: float | None = Field(description="how far the share is from what was expected, in standard deviations")
    authors: int = Field(description="distinct authors")
    latest_tweet_at: Time | None
    trend: list[TrendPoint] = Field(description="the last two hours in steps of 5 minutes")
    alarm: Alarm | None


class Brands(Answer):
    """Brands, those with most tweets first."""

    freshness: Freshness
    brands: list[Brand]
    total: int = Field(description="brands in all, whatever the limit")


class Baseline(Answer):
    """What was expected of a window."""

    negative_share: Share
    low: Share = Field(description="95% of such windows lie between low and high when nothing is happening")
    high: Share
    tweets: float | None = Field(description="tweets expected in the window; null until known")


class BrandNow(Brand):
    """A brand against its baseline, with its newest spikes."""

    freshness: Freshness
    baseline: Baseline | None
    spikes: list[Spike]


class WindowAnswer(Answer):
    """One brand in one window of event time."""

    brand: str
    start: Time
    end: Time
    size_s: int
    counts: Counts
    probability_sums: Counts = Field(description="sums of the probabilities, in millionths")
    net_sentiment: float = Field(ge=-1, le=1)
    negative_share: Share = Field(description="by label")
    negative_share_low: Share
    negative_share_high: Share
    negative_share_corrected: Share | None = Field(description="corrected for the errors of the model")
    negative_share_corrected_low: Share | None
    negative_share_corrected_high: Share | None
    mean_confidence: Share
    uncertain: int
    authors: int
    revision: int
    late: int
    status: Literal["open", "closed"]
    models: list[str]
    baseline: Baseline | None


class Windows(Answer):
    """Windows in order of time; none for a time in which nobody said anything."""

    brand: str
    size: Size
    since: Time | None = Field(description="windows from before this are not held here")
    windows: list[WindowAnswer]


class Series(Answer):
    """One of the brands compared."""

    brand: str
    windows: list[WindowAnswer]


class Comparison(Answer):
    """Several brands over the same time."""

    series: list[Series]


class TweetAnswer(Answer):
    """A labelled tweet about a brand. ``text``: its first 4,000 characters."""

    id: str
    text: str
    created_at: Time
    author: str | None
    brand: str
    label: Label
    confidence: Share
    probabilities: Probabilities
    model: ModelIdentity
    labeled_at: Time


class Tweets(Answer):
    """Newest first."""

    tweets: list[TweetAnswer]
    next: str | None = Field(description="give it as `before` for the next page; null on the last")


class Spikes(Answer):
    """Those that opened last first."""

    spikes: list[Spike]


class PredictionAnswer(Answer):
    """What the model says of one text."""

    label: Label
    confidence: Share = Field(description="probability of the label")
    probabilities: Probabilities
    truncated: bool = Field(description="the text was longer than the model reads")


class PredictAnswer(Answer):
    """In the order of the texts."""

    predictions: list[PredictionAnswer]
    model: ModelIdentity


class Accepted(Answer):
    """Where Kafka has written a tweet."""

    id: str
    partition: int
    offset: int


class AcceptedTweets(Answer):
    """In the order in which they were sent."""

    accepted: list[Accepted]


class ModelAnswer(Answer):
    """The model that labels here, and what it reaches on labelled texts."""

    name: str
    version: str
    engine: str
    metrics: dict[str, Any] | None = Field(description="measured when it was exported; null where nobody did")


class LabelShares(Answer):
    """Of the tweets of the last hour of event time."""

    tweets: int
    counts: Counts
    shares: Probabilities | None


class Held(Answer):
    """What this process holds in memory."""

    brands: int
    windows: int
    windows_bytes: int
    since: Time | None
    tweets: int
    spikes: int
    streams: int


class Stats(Answer):
    """What comes in, what the model says of it, and how good that is."""

    freshness: Freshness
    labelled_per_s: float = Field(description="labelled tweets a second, over the last minute on the wall clock")
    online: LabelShares
    labelling_model: ModelIdentity | None = Field(description="the model of the newest label that was read")
    model: ModelAnswer | None = Field(description="the model of this process; null with --no-model")
    held: Held
    unreadable: int = Field(description="records that were not what their topic promises")


class HealthAnswer(Answer):
    """``checks``: `ok`, or why not, by name."""

    status: Literal["ok", "failing"]
    checks: dict[str, str]
    freshness: Freshness | None = None


class FieldProblem(Answer):
    """What is wrong with one field."""

    field: str
    message: str


class Problem(Answer):
    """RFC 9457."""

    type: str = Field(default="about:blank", description="kind of problem, as a URI")
    title: str
    status: int
    detail: str
    instance: str = Field(description="the path that was asked for")
    errors: list[FieldProblem] | None = Field(default=None, description="the fields at fault, where there are any")


def iso(seconds: float) -> str:
    """A time (seconds since 1970) as it is written in answers."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat().replace("+00:00", "Z")
