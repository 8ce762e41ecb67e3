"""Foreign text in a notification: nobody is called, nothing is a link, no markup is obeyed."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from apprise.plugins.discord import USER_ROLE_DETECTION_RE
from apprise.plugins.slack import NotifySlack
from hypothesis import example, given
from hypothesis import strategies as st

from stream.notify import safe

HOSTILE = [
    "@channel @here @everyone read this <!channel> <!here|here> <@U123> <#C1>",
    "[free money](https://evil.example/x) ![x](http://evil.example/p.png)",
    "see http://evil.example/a?b=c&d or www.evil.example or evil.example/now",
    "**bold** _it_ ~~gone~~ `code` ```block``` > quote | table",
    "<script>alert(1)</script> <img src=x onerror=alert(1)> &lt;b&gt;",
    "# heading\n- list\n1. item\n> quote",
    "javascript:alert(1) mailto:a@evil.example tel:+1234",
    "\u202egnp.exe \u200b\u200d \x1b[31mred\x07",
    "\\[x\\](http://evil.example)",
    "<https://evil.example|your bank>",
]
texts = st.one_of(
    st.text(max_size=80),
    st.lists(st.sampled_from([*HOSTILE, *"@<>[]()*_`~|\\#!:/.& \n", "http://", "a", "evil.example"]), max_size=12).map(
        "".join
    ),
)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(texts)
@example(HOSTILE[0])
def test_nobody_is_called(text: str) -> None:
    for written in (safe.plain(text), safe.markdown(text), safe.html(text)):
        assert not re.search(r"[@\uff20][^\u200b…]", written), "every @ is followed by a gap, or the end"
        assert not USER_ROLE_DETECTION_RE.search(written), "Discord"
        assert not re.search(r"<[!@#]", written), "Slack"


@given(texts)
@example(HOSTILE[2])
def test_nothing_is_a_link(text: str) -> None:
    for written in (safe.plain(text), safe.markdown(text), safe.html(text)):
        assert not re.search(r"(?i)(https?|ftp)://\w", written)
        assert not re.search(r"(?i)[a-z0-9]\.[a-z]{2,}", re.sub(r"&[a-z#0-9]+;", "", written)), "a bare domain"
        assert not re.search(r"(?i)\b(mailto|tel|javascript|data):", written)


@given(texts)
def test_no_dialect_of_markdown_finds_anything_to_obey(text: str) -> None:
    written = safe.markdown(text)
    assert not set(written) & set("*`~[]<>|\\")
    assert not re.search(r"(?<!\w)_|_(?!\w)", written), "an underscore stands only within a word"
    assert not re.match(r"#|[-+]\s|\d+[.)]\s", written)
    untyped: Any = NotifySlack
    slack = untyped._commonmark_to_slack(f"- “{written}”")
    assert not set(slack) & set("*`~<>|\\")


@given(texts)
def test_html_is_text(text: str) -> None:
    parser = _Tags()
    parser.feed(f"<p>{safe.html(text)}</p>")
    parser.close()
    assert parser.tags == ["p"]
    assert parser.text == safe.plain(text)
    assert '"' not in safe.html(text)


@given(texts)
def test_it_is_one_short_line(text: str) -> None:
    written = safe.plain(text, 40)
    assert len(written.splitlines()) <= 1
    assert len(written) <= 2 * 40 + 40


def test_what_people_write_can_still_be_read() -> None:
    text = "Is @QuillonBank down? Error 503 at 10:20, see https://t.co/abc #quillon_down. Fees: 3.5% & more"
    assert safe.plain(text).replace(safe.GAP, "") == (
        "Is @QuillonBank down? Error 503 at 10:20, see (link: t.co) #quillon_down. Fees: 3.5% & more"
    )
    assert safe.markdown("#quillon_down and 2 * 3") == f"{safe.GAP}#quillon_down and 2 \u2217 3"


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://grafana.example/d/x?var-brand=Kettle%20%26%20Crane&from=1", True),
        ("http://127.0.0.1:8000/#/spike/1", True),
        ("javascript:alert(1)", False),
        ("https://", False),
        ('https://a.example/"onclick=', False),
        ("https://a.example/x y", False),
        ("https://a.example/)(<b>", False),
        ("docs/runbooks/WorkerDown.md", False),
        ("http://[::1", False),
    ],
)
def test_only_addresses_that_nothing_can_break_out_of_are_links(url: str, kept: bool) -> None:
    assert safe.link(url) == (url if kept else "")
