"""From a queued message to what is sent: the spikes that its alerts are about, and a plot of the first."""

from __future__ import annotations

import asyncio
import logging

from infra.errors import BarometerError
from infra.settings import Settings
from stream.notify.evidence import SpikeBook, minutes_of
from stream.notify.memory import Message
from stream.notify.notice import Surroundings, notice
from stream.notify.outbox import Outbox
from stream.notify.plot import png, span_of
from stream.notify.sender import Letter
from stream.notify.webhook import Alert
from stream.records import Spike

EVIDENCE_S = 5.0
"""A spike is on its topic before its alert fires; this much is allowed for the reading of it."""
_LOOK_EVERY_S = 0.1
_KEPT_PLOTS = 16

log = logging.getLogger(__name__)


class Composer:
    """Callable: a message in, a letter out. What cannot be found out is left out, and nothing is waited for long."""

    def __init__(self, settings: Settings, book: SpikeBook, outbox: Outbox) -> None:
        self._settings = settings
        self._book = book
        self._outbox = outbox
        self._plots: dict[tuple[str, object], bytes | None] = {}

    async def __call__(self, message: Message) -> Letter:
        alerts = [told.alert for told in message.told]
        spikes = {alert.fingerprint: spike for alert in alerts if (spike := await self._spike(alert)) is not None}
        around = Surroundings(
            self._settings.page_url.rstrip("/"),
            self._settings.grafana_url.rstrip("/"),
            message.told[0].external_url.rstrip("/"),
            self._settings.docs_url.rstrip("/"),
        )
        said = notice(alerts, spikes, around)
        first = next((spikes[alert.fingerprint] for alert in alerts if alert.fingerprint in spikes), None)
        plot = None if first is None else await self._plot(first)
        return Letter(said, plot, {fingerprint: spike.id for fingerprint, spike in spikes.items()})

    async def _spike(self, alert: Alert) -> Spike | None:
        if not alert.kind:
            return None
        known = self._outbox.spike_of(alert)
        for _look in range(round(EVIDENCE_S / _LOOK_EVERY_S)):
            spike = self._book.spike(alert, known)
            if spike is not None:
                return spike
            await asyncio.sleep(_LOOK_EVERY_S)
        log.warning("no %s spike of %s is known: told without evidence", alert.kind, alert.brand)
        return None

    async def _plot(self, spike: Spike) -> bytes | None:
        """Drawn once for each state of a spike, whatever number of targets and attempts."""
        key = (spike.id, spike.updated_at)
        if key not in self._plots:
            if len(self._plots) >= _KEPT_PLOTS:
                del self._plots[next(iter(self._plots))]
            self._plots[key] = await asyncio.to_thread(self._draw, spike)
        return self._plots[key]

    def _draw(self, spike: Spike) -> bytes | None:
        try:
            return png(spike, minutes_of(self._settings, spike.brand, *span_of(spike)))
        except BarometerError as error:
            log.warning("told without a plot: %s", error)
        except Exception:
            log.exception("told without a plot: it cannot be drawn")
        return None
