"""Tweets in the shapes of Twitter's APIs, made flat: id, text, created_at, author, lang, source and plain counts.

Version 1.1: https://developer.x.com/en/docs/x-api/v1/data-dictionary/object-model/tweet
(``user`` is an object, long texts stand in ``full_text`` or ``extended_tweet``).
Version 2: https://developer.x.com/en/docs/x-api/data-dictionary/object-model/tweet
(a tweet, or a list of them, under ``data``; authors under ``includes.users``).
Objects inside a tweet (entities, places, users) are left out: each is longer
than the text. Any other JSON object is taken as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_ANCHOR = re.compile(r"<a [^>]*>(.*)</a>")


def tweets_in(value: Any) -> Iterator[dict[str, Any]]:
    """The tweets in one JSON value. Raises ValueError when it is not an object."""
    if not isinstance(value, dict):
        raise ValueError(f"it is {_kind(value)}")  # noqa: TRY004  (bad data, not a bad call)
    data = value.get("data")
    if isinstance(data, dict) and "text" in data:
        yield _version_2(data, _users(value))
    elif isinstance(data, list) and data and all(isinstance(tweet, dict) and "text" in tweet for tweet in data):
        users = _users(value)
        for tweet in data:
            yield _version_2(tweet, users)
    elif "author_id" in value and "text" in value:
        yield _version_2(value, {})
    elif isinstance(value.get("user"), dict) and "created_at" in value:
        yield _version_1(value)
    else:
        yield value


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _version_1(tweet: Mapping[str, Any]) -> dict[str, Any]:
    user = tweet["user"]
    source = str(tweet.get("source") or "")
    anchor = _ANCHOR.fullmatch(source)
    return {
        **_flat(tweet),
        "id": tweet.get("id_str") or tweet.get("id"),
        "text": _whole_text(tweet),
        "author": user.get("screen_name") or user.get("name") or user.get("id_str"),
        "source": anchor[1] if anchor else source,
    }


def _whole_text(tweet: Mapping[str, Any]) -> Any:
    """The text before it was cut at 140 characters; a retweet's own text always is."""
    original = tweet.get("retweeted_status")
    if isinstance(original, dict) and isinstance(original.get("user"), dict):
        return f"RT @{original['user'].get('screen_name', '')}: {_whole_text(original)}"
    extended = tweet.get("extended_tweet")
    long = extended.get("full_text") if isinstance(extended, dict) else None
    return long or tweet.get("full_text") or tweet.get("text")


def _version_2(tweet: Mapping[str, Any], users: Mapping[Any, Any]) -> dict[str, Any]:
    author = tweet.get("author")  # where a tool has put the user into the tweet
    user = author if isinstance(author, dict) else users.get(tweet.get("author_id"), {})
    note = tweet.get("note_tweet")
    counts = tweet.get("public_metrics")
    return {
        **_flat(tweet),
        **(counts if isinstance(counts, dict) else {}),
        "text": (note.get("text") if isinstance(note, dict) else None) or tweet.get("text"),
        "author": user.get("username") or tweet.get("author_id"),
    }


def _users(value: Mapping[str, Any]) -> dict[Any, Any]:
    includes = value.get("includes")
    users = includes.get("users") if isinstance(includes, dict) else None
    return {user.get("id"): user for user in users or [] if isinstance(user, dict)}


def _flat(tweet: Mapping[str, Any]) -> dict[str, Any]:
    left_out = {"id_str", "full_text"}
    return {
        name: value
        for name, value in tweet.items()
        if not isinstance(value, (dict, list)) and name not in left_out and not name.endswith("_id_str")
    }
