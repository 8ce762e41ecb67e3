"""Ask the model, and publish tweets."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from infra import metrics
from model.batching.batcher import BatcherClosedError
from model.batching.queue import OverloadedError, TooManyTextsError
from model.prediction import ModelError
from stream.decode import is_empty
from stream.fields import Text
from stream.records import ModelIdentity, Tweet
from stream.serve import answers, problems
from stream.serve.problems import ProblemError
from stream.serve.publisher import NotConfirmedError, RefusedError
from stream.serve.routes import examples
from stream.serve.routes.parameters import invalid
from stream.serve.services import Use

router = APIRouter()
RETRY_S = 5.0


class OneText(BaseModel):
    """One text."""

    model_config = ConfigDict(extra="forbid")

    text: Text


class SeveralTexts(BaseModel):
    """Several texts, at most 1,000 by default."""

    model_config = ConfigDict(extra="forbid")

    texts: list[Text] = Field(min_length=1)


class TweetsRequest(BaseModel):
    """Several tweets."""

    model_config = ConfigDict(extra="forbid")

    tweets: list[Tweet] = Field(min_length=1, description="at most 1,000 by default")


def _one_or_several(asked: Any) -> str:
    """Which of both a body is, so that only its own faults are told."""
    if isinstance(asked, dict):
        return "several" if "tweets" in asked or "texts" in asked else "one"
    return "several" if isinstance(asked, SeveralTexts | TweetsRequest) else "one"


PredictRequest = Annotated[
    Annotated[OneText, Tag("one")] | Annotated[SeveralTexts, Tag("several")], Discriminator(_one_or_several)
]
PublishRequest = Annotated[
    Annotated[Tweet, Tag("one")] | Annotated[TweetsRequest, Tag("several")], Discriminator(_one_or_several)
]


@router.post(
    "/predict",
    response_model=answers.PredictAnswer,
    tags=["model"],
    responses=problems.documented(400, 408, 413, 415, 422) | examples.prediction,
)
async def predict(
    use: Use, asked: Annotated[PredictRequest, Body(openapi_examples=examples.predict_bodies)]
) -> answers.PredictAnswer:
    """Label texts with the model that labels the stream. Texts of callers at once share the work of the model."""
    if use.batcher is None:
        raise ProblemError(503, "this server runs without a model; ask one that has it", retry_after_s=60)
    texts = [asked.text] if isinstance(asked, OneText) else asked.texts
    if len(texts) > use.settings.serve_texts:
        raise invalid("texts", f"has {len(texts):,} texts; at most {use.settings.serve_texts:,} at once")
    for number, text in enumerate(texts):
        field = "text" if isinstance(asked, OneText) else f"texts.{number}"
        if len(text) > use.settings.serve_text_chars:
            raise invalid(field, f"has {len(text):,} characters; at most {use.settings.serve_text_chars:,}")
        if is_empty(text):
            raise invalid(field, "nothing in it can be read")
    try:
        said = await use.batcher.classify(texts)
    except OverloadedError as error:
        raise ProblemError(503, str(error), retry_after_s=error.retry_after_s) from error
    except TooManyTextsError as error:
        raise invalid("texts", str(error)) from error
    except BatcherClosedError as error:
        raise ProblemError(503, str(error), retry_after_s=RETRY_S) from error
    except ModelError as error:
        raise ProblemError(500, str(error)) from error
    metrics.HTTP_TEXTS.inc(len(texts))
    info = use.batcher.info
    predictions = [answers.PredictionAnswer.model_validate(prediction._asdict()) for prediction in said]
    return answers.PredictAnswer(predictions=predictions, model=ModelIdentity(name=info.name, version=info.version))


@router.post(
    "/tweets",
    status_code=202,
    response_model=answers.AcceptedTweets,
    tags=["tweets"],
    responses=problems.documented(400, 408, 413, 415, 422) | examples.accepted,
)
async def publish(
    use: Use, asked: Annotated[PublishRequest, Body(openapi_examples=examples.tweet_bodies)]
) -> answers.AcceptedTweets:
    """Publish tweets to the stream. The answer says where Kafka has written each; they are labelled soon after.

    A tweet that is sent again under its id counts once: after 503 send it again.
    """
    tweets = [asked] if isinstance(asked, Tweet) else asked.tweets
    if len(tweets) > use.settings.serve_texts:
        raise invalid("tweets", f"has {len(tweets):,} tweets; at most {use.settings.serve_texts:,} at once")
    for number, tweet in enumerate(tweets):
        if is_empty(tweet.text):
            raise invalid("text" if tweet is asked else f"tweets.{number}.text", "nothing in it can be read")
    try:
        written = await use.publisher.publish(tweets)
    except NotConfirmedError as error:
        raise ProblemError(503, f"{error}; send them again", retry_after_s=RETRY_S) from error
    except RefusedError as error:
        raise ProblemError(422, str(error)) from error
    return answers.AcceptedTweets(accepted=[answers.Accepted(**one._asdict()) for one in written])
