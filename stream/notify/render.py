"""A notice as text, Markdown or HTML. Pure. Every text is taken for foreign (``safe``), every link is checked.

One template walks the notice; a ``Dialect`` says how its parts are written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stream.notify import safe
from stream.notify.notice import Link, Notice, Section

Format = Literal["text", "markdown", "html"]
MOST_TITLE, MOST_LINE, MOST_TWEET = 120, 1_200, 280


@dataclass(frozen=True)
class Dialect:
    """How a format writes its parts. All take text that is escaped already, except ``escape``."""

    escape: Callable[[str, int], str]
    heading: Callable[[str], str]
    paragraph: Callable[[str], str]
    fact: Callable[[str, str], str]
    item: Callable[[str], str]
    quote: Callable[[str, str], str]
    link: Callable[[str, str], str]
    group: Callable[[str, list[str]], list[str]]
    """A list under its name."""


def _lines(name: str, items: list[str]) -> list[str]:
    return ["", f"{name}:", *items]


def _html_list(name: str, items: list[str]) -> list[str]:
    return [f"<p><b>{name}</b></p>", "<ul>", *items, "</ul>"]


_TEXT = Dialect(
    escape=safe.plain,
    heading=lambda text: f"\n{text}",
    paragraph=lambda text: text,
    fact=lambda name, value: f"{name}: {value}",
    item=lambda text: f"- {text}",
    quote=lambda text, note: f'- "{text}" ({note})',
    link=lambda label, url: f"- {label}: {url}",
    group=_lines,
)
_MARKDOWN = Dialect(
    escape=safe.markdown,
    heading=lambda text: f"\n**{text}**\n",
    paragraph=lambda text: f"{text}\n",
    fact=lambda name, value: f"- **{name}:** {value}",
    item=lambda text: f"- {text}",
    quote=lambda text, note: f"- “{text}” ({note})",
    link=lambda label, url: f"- [{label}](<{url}>)",
    group=lambda name, items: ["", f"**{name}**", "", *items],
)
_HTML = Dialect(
    escape=safe.html,
    heading=lambda text: f"<h3>{text}</h3>",
    paragraph=lambda text: f"<p>{text}</p>",
    fact=lambda name, value: f"<p><b>{name}:</b> {value}</p>",
    item=lambda text: f"<li>{text}</li>",
    quote=lambda text, note: f"<li>“{text}” <i>({note})</i></li>",
    link=lambda label, url: f'<li><a href="{url}">{label}</a></li>',
    group=_html_list,
)
_DIALECTS: dict[Format, Dialect] = {"text": _TEXT, "markdown": _MARKDOWN, "html": _HTML}


def title(notice: Notice) -> str:
    """The subject, which services take for text: harmless in Markdown and HTML too, should one not."""
    return safe.markdown(notice.title, MOST_TITLE)


def body(notice: Notice, form: Format) -> str:
    """Everything but the subject."""
    dialect = _DIALECTS[form]
    lines: list[str] = []
    for number, section in enumerate(notice.sections):
        if number or len(notice.sections) > 1:
            lines.append(dialect.heading(dialect.escape(section.title, MOST_TITLE)))
        lines += _section(section, dialect)
    if notice.left_out:
        lines += ["", dialect.paragraph(f"and {notice.left_out} more alerts of this group")]
    return "\n".join(lines).strip("\n") + "\n"


def _section(section: Section, dialect: Dialect) -> list[str]:
    def safely(text: str, most: int = MOST_LINE) -> str:
        return dialect.escape(text, most)

    lines = [dialect.paragraph(safely(section.headline))] if section.headline else []
    lines += [dialect.fact(safely(name), safely(value)) for name, value in section.facts]
    groups = {
        "What they say now": [dialect.item(safely(term)) for term in section.terms],
        "Tweets": [dialect.quote(safely(quote.text, MOST_TWEET), safely(quote.note)) for quote in section.quotes],
        "Next": [dialect.item(safely(step)) for step in section.steps],
        "Links": [_link(link, dialect) for link in section.links],
    }
    for name, items in groups.items():
        if items:
            lines += dialect.group(name, items)
    return lines


def _link(link: Link, dialect: Dialect) -> str:
    """A link that can be followed; what is no address is shown as text."""
    label, url = dialect.escape(link.label, MOST_TITLE), safe.link(link.url)
    if not url:
        return dialect.item(f"{label}: {safe.path(link.url) or dialect.escape(link.url, MOST_LINE)}")
    if dialect is _HTML:
        url = url.replace("&", "&amp;")
    return dialect.link(label, url)
