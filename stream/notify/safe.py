"""Foreign text made harmless for a notification, whatever reads it.

Tweets, names of brands and words of rules come from anybody. Chat services
ping people for ``@here``, fetch a preview of every link, and obey markup in
dialects that differ. So foreign text loses what any of them acts on before a
service sees it, and is escaped for the format in which it goes besides:

- one line, nothing invisible (``infra.terminal.printable``);
- an address becomes the name of its host, and neither that nor a bare domain is a link any more;
- after ``@``, and after the ``<`` of ``<!here>``, stands a space that has no width, so that nobody is called.
"""

from __future__ import annotations

import re
from html import escape
from urllib.parse import urlsplit

from infra.terminal import cut, printable

GAP = "\u200b"
"""A space without width."""
_URL = re.compile(r"\b(?:[a-z][a-z0-9+.-]{1,20}):/{1,3}[^\s<>\"']+|\bwww\.[^\s<>\"']+", re.IGNORECASE)
_DOMAIN = re.compile(r"(?<=[a-z0-9])\.(?=[a-z]{2,})", re.IGNORECASE)
_MENTION = re.compile(r"[@\uff20]")
_NAMED = re.compile(r"\b(?:mailto|tel|javascript|data)(?=:)", re.IGNORECASE)
_TOKEN = re.compile(r"<(?=[!@#])")
"""Begins what Slack takes for a channel or a person, as in ``<!here>``."""
_LOOK_ALIKES = str.maketrans(
    {
        "*": "\u2217",
        "`": "\u02cb",
        "~": "\u223c",
        "[": "\uff3b",
        "]": "\uff3d",
        "<": "\u2039",
        ">": "\u203a",
        "|": "\u00a6",
        "\\": "\u2216",
        "_": "\u02cd",
    }
)
"""Signs of markup and what looks like them. Dialects disagree on escapes (Slack shows a backslash), not on these."""
_BLOCK = re.compile(r"^(?=#|[-+]\s|=|\d+[.)]\s|:)")
_WORDS_ONLY = re.compile(r"(?<=\w)_(?=\w)")
_KEPT = "\ue000"
"""Stands for an underscore within a word, which no dialect takes for markup; ``printable`` lets none through."""


def plain(text: str, most: int = 400) -> str:
    """Foreign text on one line, for text of any kind: nobody is called, nothing is a link. At most ``most`` cells."""
    text = _URL.sub(_host, printable(text))
    text = _DOMAIN.sub(f".{GAP}", text)
    text = _TOKEN.sub(f"<{GAP}", text)
    text = _NAMED.sub(lambda found: found[0] + GAP, text)
    return cut(_MENTION.sub(lambda found: found[0] + GAP, text), most)


def markdown(text: str, most: int = 400) -> str:
    """``plain`` text in which no dialect of Markdown finds anything to obey."""
    text = _WORDS_ONLY.sub(_KEPT, plain(text, most)).translate(_LOOK_ALIKES).replace(_KEPT, "_")
    return _BLOCK.sub(GAP, text).replace("://", f":{GAP}//")


def html(text: str, most: int = 400) -> str:
    """``plain`` text escaped for HTML, attributes included."""
    return escape(plain(text, most))


def link(url: str) -> str:
    """An address that may be followed, as we made it or a rule's author did; empty when it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    fit = parts.scheme in {"http", "https"} and parts.hostname and not re.search(r"[\s<>\"'`()\\|\x00-\x1f]", url)
    return url if fit else ""


def path(text: str) -> str:
    """A relative path of a file, as it can be copied; empty when it is none."""
    return text if re.fullmatch(r"[\w-]+(/[\w-]+)+(\.[a-z]{2,4})?", text, re.ASCII) else ""


def _host(found: re.Match[str]) -> str:
    try:
        host = urlsplit(found[0] if "://" in found[0] else f"http://{found[0]}").hostname or ""
    except ValueError:
        host = ""
    host = re.sub(r"[^\w.-]", "", host)
    return f"(link: {cut(host, 60)})" if host else "(link)"
