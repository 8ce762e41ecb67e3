"""Small files for the tests of reading, and what comes out of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stream.records import Tweet
from stream.replay.options import Rejected, ReplayOptions
from stream.replay.source import read_tweets


def options_for(folder: Path, content: str | bytes, **options: Any) -> ReplayOptions:
    """Options for a new file; text is written as UTF-8 with its line ends untouched."""
    path = folder / f"file-{sum(1 for _ in folder.iterdir())}"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return ReplayOptions(path, **options)


def read(folder: Path, content: str | bytes, **options: Any) -> tuple[list[Tweet], dict[int, str]]:
    """The tweets of a file, and its rejected rows: line to reason."""
    return read_file(options_for(folder, content, **options))


def read_file(options: ReplayOptions) -> tuple[list[Tweet], dict[int, str]]:
    """As ``read``, for a file that is there."""
    tweets: list[Tweet] = []
    rejected: dict[int, str] = {}
    for item in read_tweets(options):
        if isinstance(item, Rejected):
            rejected[item.line] = item.reason
        else:
            tweets.append(item.tweet)
    return tweets, rejected
