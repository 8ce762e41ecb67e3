"""Which tweet is published when, and with what id and event time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from stream.records import Tweet
from stream.replay import pace
from stream.replay.options import ReplayOptions
from stream.replay.order import Spool, as_time
from stream.replay.pace import SECOND_US, AsFastAsPossible, Rate, Speedup, Stamp
from stream.replay.rows import pass_id

log = logging.getLogger(__name__)


class Turn(NamedTuple):
    """A tweet to publish ``due_s`` seconds after the start, with its event time in µs since 1970."""

    due_s: float
    time_us: int
    id: str
    value: bytes
    repaired: bool


@dataclass(frozen=True)
class Schedule:
    """Event times are in µs since 1970: the first in the replay's order, the earliest and the latest.

    ``live``: the published event times follow the clock.
    """

    origin_us: int
    earliest_us: int
    latest_us: int
    stamp: Stamp
    live: bool
    pass_us: int

    @property
    def published_span(self) -> tuple[int, int]:
        """Earliest and latest event time as they will be published, where they do not follow the clock."""
        return self.stamp(self.earliest_us, 0), self.stamp(self.latest_us, 0)

    @property
    def event_s(self) -> float:
        """Length of one pass in event time."""
        return (self.latest_us - self.origin_us) / SECOND_US


def now_us() -> int:
    """The clock, in µs since 1970."""
    return time.time_ns() // 1000


def make_schedule(
    spool: Spool, options: ReplayOptions, *, timed: bool, clock_us: Callable[[], int] = now_us
) -> Schedule:
    """Decide the event times of a replay that starts now. ``timed``: the file has times."""
    origin, earliest, latest = spool.times_us()
    if not timed:
        stamp, live = _dated_by_the_clock(options, clock_us), True
    elif options.shift_to_now:
        stamp, live = _shifted(options, origin, latest, clock_us())
    else:
        stamp, live = pace.keep_times, False
    # The next pass follows at the mean distance of two tweets.
    gap = (latest - earliest) // max(1, len(spool) - 1) or SECOND_US
    return Schedule(origin, earliest, latest, stamp, live, latest - earliest + gap)


def _dated_by_the_clock(options: ReplayOptions, clock_us: Callable[[], int]) -> Stamp:
    if isinstance(options.pace, AsFastAsPossible):
        return pace.when_published(clock_us)
    return pace.when_due(clock_us())


def _shifted(options: ReplayOptions, origin_us: int, latest_us: int, start_us: int) -> tuple[Stamp, bool]:
    """Event times near now, but never ahead of the clock: the worker refuses tweets from the future."""
    match options.pace:
        case Speedup(factor):
            return pace.happen_now(origin_us, start_us, factor), True
        case Rate():
            return pace.when_due(start_us), True
        case AsFastAsPossible():
            return pace.end_now(latest_us, start_us), False


def turns(
    spool: Spool, schedule: Schedule, options: ReplayOptions, clock_us: Callable[[], int] = now_us
) -> Iterator[Turn]:
    """Every tweet in its turn: once, or in a loop until its event times would pass the clock.

    Each further pass has ids of its own, and event times that go on after the pass before.
    """
    index = 0
    for number in count(1) if options.loop else (1,):
        moved = (number - 1) * schedule.pass_us
        if number > 1 and not schedule.live and schedule.latest_us + moved > clock_us():
            log.warning(
                "the loop ends after %d passes: the next one would be dated in the future; "
                "--shift-to-now with --rate or --speedup goes on for ever",
                number - 1,
            )
            return
        furthest = moved
        for tweet in spool:
            # A late tweet, in file order, is due when the one before it is.
            furthest = max(furthest, tweet.time_us - schedule.origin_us + moved)
            due_s = options.pace.due_s(index, furthest / SECOND_US)
            time_us = schedule.stamp(tweet.time_us + moved, due_s)
            index += 1
            if number == 1 and time_us == tweet.time_us:
                yield Turn(due_s, time_us, tweet.id, tweet.value, tweet.repaired)
            else:
                tweet_id = tweet.id if number == 1 else pass_id(tweet.id, number)
                yield Turn(due_s, time_us, tweet_id, _rewritten(tweet.value, tweet_id, time_us), tweet.repaired)


def _rewritten(value: bytes, tweet_id: str, time_us: int) -> bytes:
    tweet = Tweet.model_validate_json(value)
    return tweet.model_copy(update={"id": tweet_id, "created_at": as_time(time_us)}).encode()
