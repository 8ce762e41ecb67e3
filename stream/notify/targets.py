"""Where notifications go: the settings' URLs, and sending to one of them through Apprise.

A URL is a secret (it holds tokens and passwords). A target is called by a name
made of what Apprise shows of its URL with the secrets taken out; only that is
logged, exported and remembered.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from types import ModuleType
from typing import TYPE_CHECKING, Any

from infra.errors import MissingExtraError, UsageError
from infra.secrets import secret_of, variable
from infra.settings import Settings
from stream.notify import render
from stream.notify.notice import Notice

if TYPE_CHECKING:
    from apprise import Apprise, NotifyBase

SEND_TIMEOUT_S = 30.0
CONNECT_S, ANSWER_S = 8.0, 20.0
"""Apprise waits 4 s for an answer; what is slower would be sent again although it was taken."""
PLOT_NAME = "spike.png"
_ENTRY = re.compile(r"(?:(?P<receivers>[\w.,-]+)=)?(?P<url>[a-z][a-z0-9+.-]*://\S+)", re.IGNORECASE)
_TALKATIVE = ("apprise", "urllib3", "requests", "requests_oauthlib")
"""Libraries that write URLs, tokens included, into their logs at level debug."""


class SendError(Exception):
    """A target did not take a notification. Says nothing of its URL."""


@dataclass(frozen=True)
class Target:
    """One address. ``receivers``: those of Alertmanager that it hears; none means all."""

    name: str
    receivers: frozenset[str]
    form: render.Format
    apprise: Apprise

    def hears(self, receiver: str) -> bool:
        """Whether what Alertmanager routes to this receiver goes here."""
        return not self.receivers or receiver in self.receivers

    def send(self, notice: Notice, plot: bytes | None) -> None:
        """Hand a notification over. Blocking, SEND_TIMEOUT_S at most. Raises SendError."""
        from apprise import AppriseAttachment

        attach = None
        if plot is not None:
            attach = AppriseAttachment()
            attach.add(_in_memory(plot))
        took = self.apprise.notify(
            body=render.body(notice, self.form),
            title=render.title(notice),
            notify_type=notice.level,
            body_format=self.form,
            attach=attach,
        )
        if not took:
            raise SendError(f"{self.name} did not take it")


def load_targets(settings: Settings) -> list[Target]:
    """The targets of the settings, in their order.

    Raises UsageError for none, or for a URL that Apprise does not know (by its
    number: it is a secret); MissingExtraError without Apprise.
    """
    try:
        import apprise
    except ImportError as error:
        raise MissingExtraError("barometer notify", "notify") from error
    keep_urls_out_of_logs(logging.CRITICAL)  # what it says of a URL that it does not know may be a part of it
    entries = secret_of(settings, "notify_urls", "URL").split()
    if not entries:
        raise UsageError(
            f"nobody to notify: set {variable('notify_urls')} or {variable('notify_urls_file')} "
            "to URLs of Apprise, such as slack://TOKEN or mailto://USER:PASSWORD@HOST; docs/notifications.md has more"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of modules that it looks for, and can do without
        targets = [*_loaded(apprise, entries)]
    keep_urls_out_of_logs()
    return targets


def _loaded(apprise: ModuleType, entries: Sequence[str]) -> Iterator[Target]:
    asset = apprise.AppriseAsset(
        app_id="Barometer", app_desc="Barometer", app_url="", service_timeout=SEND_TIMEOUT_S, secure_logging=True
    )
    seen: Counter[str] = Counter()
    for number, entry in enumerate(entries, start=1):
        found = _ENTRY.fullmatch(entry)
        service = found and apprise.Apprise.instantiate(found["url"], asset=asset)
        if not found or not service:
            raise UsageError(
                f"{variable('notify_urls')}: entry {number} of {len(entries)} is no URL that Apprise knows; "
                "`barometer notify --test` tries them, docs/notifications.md has examples"
            )
        name = _name(service)
        seen[name] += 1
        if seen[name] > 1:
            name = f"{name}-{seen[name]}"
        receivers = frozenset(filter(None, (found["receivers"] or "").split(",")))
        service.socket_connect_timeout = max(service.socket_connect_timeout, CONNECT_S)
        service.socket_read_timeout = max(service.socket_read_timeout, ANSWER_S)
        box = apprise.Apprise(asset=asset)
        box.add(service)
        yield Target(name, receivers, _form(service), box)


def hearing(targets: Iterable[Target], receiver: str) -> list[str]:
    """Names of the targets for what is routed to ``receiver``."""
    return [target.name for target in targets if target.hears(receiver)]


def keep_urls_out_of_logs(level: int = logging.WARNING) -> None:
    """At no level of our own log does a library write where it connects to: the path of a webhook is its password."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(level)


def _name(service: NotifyBase) -> str:
    """The service, and a mark of what may be known of its URL: passwords and tokens are not in it."""
    untyped: Any = service
    shown = str(untyped.url(privacy=True))
    kind = re.sub(r"[^a-z0-9]+", "-", str(service.service_name).lower()).strip("-") or "target"
    return f"{kind}-{blake2b(shown.encode(), digest_size=3).hexdigest()}"


def _form(service: NotifyBase) -> render.Format:
    """What to write for a service: what it can show, richest first; for one that hands anything on, text.

    ``?format=`` in its URL decides, where it is given.
    """
    from apprise import NotifyFormat

    formats: Any = service.notify_format  # one, or several
    offered = [NotifyFormat(one) for one in ([formats] if isinstance(formats, str) else formats)]
    chosen = service.resolve_format(None)
    if NotifyFormat.TEXT in offered and len(offered) < len(NotifyFormat) and not _asked_for(service):
        chosen = next((one for one in offered if one is not NotifyFormat.TEXT), NotifyFormat.TEXT)
    forms: dict[NotifyFormat, render.Format] = {
        NotifyFormat.HTML: "html",
        NotifyFormat.MARKDOWN: "markdown",
        NotifyFormat.TEXT: "text",
    }
    return forms[chosen]


def _in_memory(plot: bytes) -> Any:
    from apprise.attachment import memory

    untyped: Any = memory
    return untyped.AttachMemory(content=plot, name=PLOT_NAME, mimetype="image/png")


def _asked_for(service: NotifyBase) -> bool:
    return getattr(service, "_format_override", None) is not None
