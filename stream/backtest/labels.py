"""Labels for tweets that have none: from the cache, else from the model, in large batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from infra.kafka.incoming import Incoming
from infra.kafka.ledger import TopicPartition
from model.normalise import normalise
from model.prediction import Classifier
from stream.backtest.cache import LabelCache, text_key
from stream.backtest.entry import Dead, Entry, Item, only_time
from stream.classify.labels import classify
from stream.classify.outcome import Verdict, verdict
from stream.records import Tweet
from stream.replay.order import as_time

CHUNK = 4_096
"""Tweets looked up and labelled at a time. Engines sort what they get by length: the more, the less padding."""
AT_ONCE = 512
"""Texts given to the model between two reports of progress."""
_NOWHERE = TopicPartition("", 0)


@dataclass
class Labelled:
    """How many texts were labelled by the model, and for how many it was asked before."""

    by_model: int = 0
    from_cache: int = 0
    failed: list[Dead] = field(default_factory=list)


class Labeller:
    """``load`` gives the classifier; it is called once there is something to label."""

    def __init__(
        self, load: Callable[[], Classifier], cache: LabelCache | None, progress: Callable[[int], None]
    ) -> None:
        self._load = load
        self._cache = cache
        self._progress = progress
        self._classifier: Classifier | None = None
        self.done = Labelled()

    def label(self, items: Iterator[Item]) -> Iterator[list[Item]]:
        """Chunks of ``items``, in their order, labelled; those that are, or that only tell the time, stay as they are.

        A text on which the model fails counts for nothing but its time, and is in ``done.failed``.
        """
        while chunk := list(islice(items, CHUNK)):
            wanted = [item for item in chunk if isinstance(item, Entry) and item.brands]
            if not wanted:
                self._progress(len(chunk))
                yield chunk
                continue
            verdicts = self._verdicts(wanted, len(chunk) - len(wanted))
            version = self._model().info.version
            labelled: list[Item] = []
            for item in chunk:
                if not isinstance(item, Entry) or not item.brands:
                    labelled.append(item)
                elif (found := verdicts.get(item.text)) is not None:
                    labelled += item.labelled(found, version)
                else:
                    labelled.append(only_time(item.at_us))
            yield labelled

    def close(self) -> None:
        if self._classifier is not None:
            self._classifier.close()

    def _model(self) -> Classifier:
        if self._classifier is None:
            self._classifier = self._load()
        return self._classifier

    def _verdicts(self, wanted: Sequence[Entry], others: int) -> dict[str, Verdict]:
        """The verdict on each text; none for those on which the model fails."""
        version = self._model().info.version
        reads = normalise if self._cache is not None else str  # of what is not kept, equal texts alone are asked once
        keys = {entry.text: text_key(version, reads(entry.text)) for entry in wanted}
        rows = self._cache.find(list(set(keys.values()))) if self._cache else {}
        self.done.from_cache += len(rows)
        new: dict[bytes, Entry] = {}
        for entry in wanted:
            if keys[entry.text] not in rows:
                new.setdefault(keys[entry.text], entry)
        self._progress(others + len(wanted) - len(new))
        fresh = self._classify(new)
        if self._cache is not None and fresh:
            self._cache.keep(fresh)
        rows |= fresh
        return {text: verdict(rows[key]) for text, key in keys.items() if key in rows}

    def _classify(self, new: dict[bytes, Entry]) -> dict[bytes, NDArray[np.float32]]:
        rows: dict[bytes, NDArray[np.float32]] = {}
        keys = sorted(new, key=lambda key: len(new[key].text))
        for first in range(0, len(keys), AT_ONCE):
            part = keys[first : first + AT_ONCE]
            asked = [(_record(number), _tweet(new[key])) for number, key in enumerate(part)]
            answer = classify(self._model(), asked)
            for (record, _), row in zip(answer.tweets, answer.rows, strict=True):
                rows[part[record.offset]] = row
            for record, bad in answer.failed:
                entry = new[part[record.offset]]
                self.done.failed.append(Dead(0, bad.reason, f"tweet {entry.id}: {bad.message}"))
            self.done.by_model += len(part)
            self._progress(len(part))
        return rows


def _record(number: int) -> Incoming:
    return Incoming(_NOWHERE, number, None, None, (), 0)


def _tweet(entry: Entry) -> Tweet:
    return Tweet(id=entry.id, text=entry.text, created_at=as_time(entry.at_us))
