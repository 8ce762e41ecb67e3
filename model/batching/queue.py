"""The waiting line in front of an engine: bounded, and fair to those who ask for little. No clock, no I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from infra.errors import BarometerError
from infra.settings import Settings

CHARS_PER_TOKEN = 4
LONGEST_TOKENS = 128
"""Engines cut a text at their window, so that one which is longer costs no more."""


class OverloadedError(BarometerError):
    """The queue is full. ``retry_after_s``: when there should be room for these texts, in seconds."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooManyTextsError(BarometerError):
    """One caller brings more than the whole queue holds: waiting would not help."""


@dataclass(frozen=True)
class Limits:
    """``texts`` and ``chars`` bound what waits; ``call_tokens`` is what one call of the engine takes.

    A call of 2,048 tokens is some 80 tweets: larger ones are hardly faster, and
    all of their callers wait for the last of them. ``wait_s``: how long an
    engine that has run dry waits for the callers that it has just served.
    """

    texts: int = 4_096
    chars: int = 4_194_304
    call_tokens: int = 2_048
    wait_s: float = 0.002

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The limits that the settings name."""
        return cls(
            texts=settings.predict_queue_texts,
            chars=settings.predict_queue_chars,
            call_tokens=settings.predict_call_tokens,
            wait_s=settings.predict_wait_s,
        )


def tokens_of(text: str) -> int:
    """What a text costs an engine, in tokens: estimated, because only the engine can count them."""
    return min(LONGEST_TOKENS, 2 + len(text) // CHARS_PER_TOKEN)


@dataclass(eq=False)
class Request:
    """The texts of one caller, and how many of them are already ``given`` to the engine."""

    texts: Sequence[str]
    given: int = 0
    tokens: int = field(init=False)
    chars: int = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = sum(map(tokens_of, self.texts))
        self.chars = sum(map(len, self.texts))

    @property
    def left(self) -> int:
        return len(self.texts) - self.given


class Piece(NamedTuple):
    """Texts ``start`` to ``stop`` of a request: its share of one call."""

    request: Request
    start: int
    stop: int

    @property
    def texts(self) -> Sequence[str]:
        return self.request.texts[self.start : self.stop]


class FairQueue:
    """Requests that wait, served in turns of one text each.

    So a request of one text waits for one call at most behind a request of
    thousands, as long as all who wait fit into a call with one text each; and
    what the small ones leave free goes to the large ones.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: OrderedDict[Request, None] = OrderedDict()
        self.texts = 0
        self.chars = 0
        self.tokens = 0

    def __len__(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    def put(self, request: Request) -> None:
        """Append a request with at least one text. Raises OverloadedError, TooManyTextsError."""
        limits, count = self._limits, len(request.texts)
        if count > limits.texts or request.chars > limits.chars:
            raise TooManyTextsError(
                f"{count:,} texts of {request.chars:,} characters are too many for one call; "
                f"at most {limits.texts:,} texts of {limits.chars:,} characters, so send them in parts"
            )
        if self.texts + count > limits.texts or self.chars + request.chars > limits.chars:
            raise OverloadedError(
                f"the model is busy: {self.texts:,} texts of {self.chars:,} characters wait for it; try again soon"
            )
        self._waiting[request] = None
        self._count(request, 1)

    def drop(self, request: Request) -> None:
        """Take a request out, with all that was not given yet; nothing happens if it is not in here."""
        if request in self._waiting:
            del self._waiting[request]
            self._count(request, -1)

    def take(self) -> list[Piece]:
        """What the next call of the engine shall label, at least one text if any waits; in order for each request."""
        starts: dict[Request, int] = {}
        budget = self._limits.call_tokens
        while self._waiting:
            request = next(iter(self._waiting))
            text = request.texts[request.given]
            tokens = tokens_of(text)
            if starts and tokens > budget:
                break
            budget -= tokens
            starts.setdefault(request, request.given)
            self._give(request, text, tokens)
        return [Piece(request, start, request.given) for request, start in starts.items()]

    def clear(self) -> list[Request]:
        """Take all requests out."""
        dropped = list(self._waiting)
        for request in dropped:
            self.drop(request)
        return dropped

    def _give(self, request: Request, text: str, tokens: int) -> None:
        request.given += 1
        request.tokens -= tokens
        request.chars -= len(text)
        self.texts -= 1
        self.tokens -= tokens
        self.chars -= len(text)
        if request.left:
            self._waiting.move_to_end(request)
        else:
            del self._waiting[request]

    def _count(self, request: Request, sign: int) -> None:
        self.texts += sign * request.left
        self.tokens += sign * request.tokens
        self.chars += sign * request.chars
