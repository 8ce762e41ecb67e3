"""How well spikes tell incidents: precision, recall, delay, false alarms a brand and week. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Any, NamedTuple

from model.quantification import wilson
from stream.backtest.incidents import Incident
from stream.backtest.result import as_time
from stream.records import Spike
from stream.spikes.pane import Kind


class Alarm(NamedTuple):
    """A spike as it is judged. Times in seconds since 1970; ``closed`` is infinite while it is open."""

    brand: str
    kind: Kind
    started: float
    opened: float
    closed: float


class Told(NamedTuple):
    """What became of an incident; ``delay_s`` is None when no alarm was raised in it."""

    incident: Incident
    delay_s: float | None


@dataclass(frozen=True)
class Score:
    """``false``: alarms that overlap no incident of their brand and kind. ``weeks``: brand-weeks that were watched.

    ``outside``: incidents that are not judged, since the file has no tweets about their brand then.
    """

    told: Sequence[Told]
    alarms: int
    false: Sequence[Alarm]
    weeks: float
    outside: Sequence[Incident] = ()

    @property
    def found(self) -> int:
        return sum(one.delay_s is not None for one in self.told)

    @property
    def recall(self) -> float | None:
        """Incidents in which an alarm was raised, by all; None without incidents."""
        return self.found / len(self.told) if self.told else None

    @property
    def precision(self) -> float | None:
        """Alarms that overlap an incident, by all; None without alarms."""
        return 1 - len(self.false) / self.alarms if self.alarms else None

    @property
    def delay_s(self) -> float | None:
        """Median over the incidents that were found; None when none was."""
        return median(one.delay_s for one in self.told if one.delay_s is not None) if self.found else None

    @property
    def false_alarms(self) -> float:
        """A brand and week."""
        return len(self.false) / self.weeks if self.weeks else 0.0

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "incidents": len(self.told),
            "found": self.found,
            "recall": self.recall,
            "recall_interval": wilson(self.found, len(self.told)),
            "alarms": self.alarms,
            "precision": self.precision,
            "precision_interval": wilson(self.alarms - len(self.false), self.alarms),
            "median_delay_s": self.delay_s,
            "false_alarms": len(self.false),
            "brand_weeks": round(self.weeks, 4),
            "false_alarms_per_brand_week": round(self.false_alarms, 4),
            "by_incident": [
                {**_described(one.incident), "found": one.delay_s is not None, "delay_s": one.delay_s}
                for one in self.told
            ],
            "outside": [_described(incident) for incident in self.outside],
        }


def alarm_of(spike: Spike) -> Alarm:
    """A spike's record as an alarm."""
    closed = inf if spike.closed_at is None else spike.closed_at.timestamp()
    return Alarm(spike.brand, Kind(spike.kind), spike.started_at.timestamp(), spike.opened_at.timestamp(), closed)


def score(alarms: Iterable[Alarm], incidents: Sequence[Incident], watched: Mapping[str, tuple[int, int]]) -> Score:
    """Judge ``alarms`` of the kinds that ``incidents`` has. ``watched``: by brand, from when to when it has tweets.

    An incident is found by an alarm that opens in it, or that is open when it
    begins (without delay: such a start was noted too late). An alarm that
    overlaps an incident but opens after its end finds nothing, and is not false.
    """
    judged = [one for one in incidents if _overlaps(one, watched.get(one.brand))]
    kinds = {incident.kind for incident in incidents}
    raised = sorted((alarm for alarm in alarms if alarm.kind in kinds), key=lambda alarm: alarm.opened)
    told = [Told(incident, _delay(incident, raised)) for incident in judged]
    false = [alarm for alarm in raised if not any(_belongs(alarm, incident) for incident in incidents)]
    weeks = sum(end - start for start, end in watched.values()) / dt.timedelta(weeks=1).total_seconds()
    return Score(told, len(raised), false, weeks, [one for one in incidents if one not in judged])


def _overlaps(incident: Incident, span: tuple[int, int] | None) -> bool:
    return span is not None and incident.start < span[1] and incident.end > span[0]


def _belongs(alarm: Alarm, incident: Incident) -> bool:
    same = alarm.brand == incident.brand and alarm.kind == incident.kind
    return same and alarm.started < incident.end and alarm.closed > incident.start


def _delay(incident: Incident, raised: Sequence[Alarm]) -> float | None:
    for alarm in raised:
        if _belongs(alarm, incident) and alarm.opened < incident.end:
            return max(0.0, alarm.opened - incident.start)
    return None


def _described(incident: Incident) -> dict[str, Any]:
    return {
        "brand": incident.brand,
        "kind": incident.kind.value,
        "start": as_time(incident.start),
        "end": as_time(incident.end),
    }
