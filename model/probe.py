"""Texts that put an engine to the test, generated from a seed.

Not for accuracy: they have no labels and mean little. They cover what decides
whether two runs of a model agree: every length from none to past the window,
words of all kinds, emoji, links, mentions, scripts, and marks of an opinion in
every strength, so that many texts lie near the border between two labels.
"""

from __future__ import annotations

import random

_SUBJECTS = (
    "the flight", "my order", "this phone", "their support", "the new update", "@someone", "the show", "the train",
    "a refund", "the crew", "this coffee", "the app", "the whole team", "#CustomerService", "the match", "it",
)  # fmt: skip
_VERBS = (
    "was", "is", "felt", "seems", "turned out", "has been", "will be", "could be", "is not", "was never", "used to be",
)  # fmt: skip
_OPINIONS = (
    "great", "good", "fine", "ok I guess", "average", "as expected", "late", "slow", "bad", "awful", "a joke",
    "the best ever", "the worst ever", "better than before", "not bad", "not great", "surprisingly good",
    "brilliant 👏", "a nightmare 😡", "so so 😐", "lovely ❤️", "broken again 😭", "on time for once",
)  # fmt: skip
_ASIDES = (
    "https://example.com/a?b=c", "at 7:45 pm", "on Monday", "&amp; nobody cares", "again!!!", "...", "lol", "thanks",
    "for $20", "in terminal 3", "con mi familia", "avec plaisir", "mit Verspätung", "とても良い", "очень плохо",
    "سيء جدا", "\\ud83d\\ude00", "IMHO", "btw", "but who knows", "and I am not even joking", "RT", "🇩🇪🇫🇷", "10/10",
)  # fmt: skip


def probe_texts(count: int, *, seed: int = 7, longest: int = 60) -> list[str]:
    """``count`` different texts, of up to ``longest`` clauses; the first is empty."""
    draw = random.Random(seed)
    texts = [""]
    seen = {""}
    while len(texts) < count:
        # Most tweets are short; a few texts go far past any window.
        clauses = min(longest, 1 + int(draw.expovariate(0.7)) if draw.random() < 0.95 else draw.randint(1, longest))
        text = " ".join(_clause(draw) for _ in range(clauses))
        if text not in seen:
            seen.add(text)
            texts.append(text)
    return texts[:count]


def _clause(draw: random.Random) -> str:
    words = [draw.choice(_SUBJECTS), draw.choice(_VERBS), draw.choice(_OPINIONS)]
    if draw.random() < 0.5:
        words.append(draw.choice(_ASIDES))
    text = " ".join(words)
    style = draw.random()
    return text.upper() if style < 0.05 else text.title() if style < 0.1 else text
