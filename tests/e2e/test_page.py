"""The live page in Chromium, before a real Kafka on which a crisis has happened."""

from __future__ import annotations

import datetime as dt
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from infra.settings import Settings
from stream.replay import ReplayOptions, replay_file
from stream.scenario import ScenarioFacts, write_scenario
from tests.conftest import CACHE
from tests.e2e.site import PATIENCE_S, VENDOR, Site, Watch, chromium
from tests.kafka_tools import wait_until

expect.set_options(timeout=20_000)
VIEWS = ("#/", "#/brand/{brand}", "#/compare?brands={brand},Veloria%20Air", "#/spikes", "#/spike/{spike}", "#/try")
REPLAY_S = 200
"""On a machine with better things to do; some 20 s on one without."""
PHONE = {"width": 360, "height": 740}
# In the dark, only colours are other.
RULES: dict[str, dict[str, Any]] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
SERIOUS = {"serious", "critical"}
HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=\"alert('owned')\">",
    "\u202emirrored \u2066 and left open",
    "z" + "\u0335\u0321\u0353" * 300 + " zalgo",
    "W" * 100_000,
)
Open = Callable[..., Page]


class Story(Site):
    """The demo's scenario has been replayed here: one of its brands has had a crisis."""

    facts: ScenarioFacts

    @property
    def brand(self) -> str:
        return self.facts.crisis.brand

    def crisis(self) -> dict[str, Any] | None:
        """The crisis as a spike, once it is one."""
        found = self.get("spikes?kind=negative")["spikes"]
        return next((spike for spike in found if spike["brand"] == self.brand), None)

    def is_over(self) -> bool:
        """All of the scenario is counted, and its crisis was seen."""
        now = self.get("brands?limit=1")["freshness"]["watermark"]
        over = now is not None and dt.datetime.fromisoformat(now) >= self.facts.end - dt.timedelta(minutes=2)
        return over and self.crisis() is not None

    def address(self, view: str) -> str:
        spike = self.crisis()
        assert spike is not None
        return view.format(brand=self.brand.replace(" ", "%20"), spike=spike["id"])


@pytest.fixture(scope="module")
def story(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("page")
    settings = Settings(
        kafka_bootstrap_servers=kafka,
        topic_prefix=f"page-{uuid.uuid4().hex[:8]}.",
        partitions=2,
        cache_dir=CACHE,
        serve_tweets_per_s=50,
        serve_text_chars=20_000,
    )
    with Story(settings, folder, ["-m", "stream", "worker"]) as site:
        site.facts = write_scenario(folder / "scenario.jsonl")
        replay_file(
            site.settings,
            ReplayOptions(folder / "scenario.jsonl", order="file"),
            on_progress=lambda _: None,
            on_rejected=lambda _: None,
            stop=threading.Event(),
        )
        wait_until(site.is_over, REPLAY_S, "the scenario is labelled and counted to its end")
        yield site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def watch(story: Story) -> Watch:
    return Watch(story.url)


@pytest.fixture
def open_page(story: Story, browser: Browser, watch: Watch) -> Iterator[Open]:
    """Opens a view; afterwards there must have been no error on the console, and no request off this machine."""
    contexts = []

    def open_(view: str = "#/", **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        watch.look_at(page)
        page.goto(f"{story.url}/{story.address(view)}")
        if watch.network_changed():
            page.reload()
        expect(page.locator("main h1")).to_be_attached()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert watch.errors == []
    assert watch.strangers == []


def test_a_brand_appears_as_soon_as_it_is_spoken_of(story: Story, open_page: Open) -> None:
    page, brand = open_page(), f"Newcomer {uuid.uuid4().hex[:6]}"
    expect(page.get_by_role("link", name=story.brand).first).to_be_visible()
    expect(page.get_by_role("link", name=brand)).to_have_count(0)
    story.say(brand, *["Thank you, that was lovely"] * 5)
    expect(page.get_by_role("link", name=brand)).to_be_visible()


def test_the_chart_of_a_brand_moves_as_tweets_come(story: Story, open_page: Open) -> None:
    page = open_page("#/brand/{brand}?range=1h&size=1m")
    volume = page.get_by_role("img", name=re.compile("Tweets about"))
    expect(volume).to_be_visible()
    before, drawn = volume.get_attribute("aria-label"), _pixels(page)
    story.say(story.brand, *["The new app is great"] * 30)
    expect(volume).not_to_have_attribute("aria-label", before or "")
    wait_until(lambda: _pixels(page) != drawn, PATIENCE_S, "the chart is drawn anew")


def test_the_crisis_shows_as_a_spike_with_its_terms(story: Story, open_page: Open) -> None:
    begin, end = story.facts.start.isoformat(), story.facts.end.isoformat()
    page = open_page("#/brand/{brand}?" + f"from={begin}&to={end}".replace("+00:00", "Z"))
    page.locator("time-chart a.flag").first.click()
    expect(page.get_by_text("Negative spike").first).to_be_visible()
    expect(page.locator(".headline")).to_contain_text(f"Negative share of {story.brand} rose from")
    terms = page.locator(".terms tbody th")
    expect(terms.first).to_be_visible()
    assert set(story.facts.crisis.terms) & set(terms.all_inner_texts())
    expect(page.locator(".tweet").first).to_be_visible()


def test_tweets_are_filtered_by_label_and_the_address_says_so(story: Story, open_page: Open) -> None:
    page = open_page("#/brand/{brand}")
    page.get_by_role("link", name="negative", exact=True).click()
    expect(page).to_have_url(re.compile("label=negative"))
    labels = page.locator(".tweets .label")
    expect(labels.first).to_contain_text("negative")
    assert {text.split()[-2] for text in labels.all_inner_texts()} == {"negative"}
    marker = f"awful {uuid.uuid4().hex[:8]}"
    story.say(story.brand, f"Terrible service, I hate it, {marker}", "Thank you so much, I love it, wonderful day")
    expect(page.get_by_text(marker)).to_be_visible()
    assert {text.split()[-2] for text in labels.all_inner_texts()} == {"negative"}


def test_a_paused_list_holds_still_and_goes_on_when_asked(story: Story, open_page: Open) -> None:
    page, marker = open_page("#/brand/{brand}"), f"waiting {uuid.uuid4().hex[:8]}"
    page.get_by_role("button", name="Pause").click()
    story.say(story.brand, marker)
    expect(page.locator(".waiting")).to_have_text("1 new")
    expect(page.get_by_text(marker)).to_have_count(0)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text(marker)).to_be_visible()


def test_hostile_text_stays_text_in_its_own_box(story: Story, open_page: Open) -> None:
    brand = f"Hostile {uuid.uuid4().hex[:6]} <b>{'x' * 100}"
    story.say(brand, *HOSTILE)
    wait_until(
        lambda: any(b["brand"] == brand for b in story.get("brands")["brands"]), PATIENCE_S, "the brand is there"
    )
    page = open_page(f"#/brand/{brand.replace(' ', '%20')}", viewport=PHONE)
    expect(page.locator(".tweet")).to_have_count(len(HOSTILE))
    expect(page.get_by_text("onerror=")).to_be_visible()
    assert page.locator(".tweet img, .tweet script, main b b").count() == 0
    assert page.title().startswith(brand)
    assert not _scrolls_sideways(page)
    heights = page.locator(".tweet").evaluate_all("rows => rows.map(row => row.offsetHeight)")
    assert max(heights) < 300
    page.goto(f"{story.url}/#/compare")
    expect(page.get_by_label("Add a brand")).to_contain_text(brand)
    assert not _scrolls_sideways(page)
    page.get_by_label("Add a brand").select_option(brand)
    expect(page.locator(".picker").get_by_role("link", name=brand, exact=True)).to_be_visible()
    assert not _scrolls_sideways(page)


def test_the_page_goes_on_by_itself_when_the_server_was_away(story: Story, open_page: Open, watch: Watch) -> None:
    page, marker = open_page("#/brand/{brand}"), f"back {uuid.uuid4().hex[:8]}"
    expect(page.locator(".health")).to_have_text(re.compile("Live|Stale"))
    story.kill_server()
    expect(page.locator(".notice")).to_contain_text("No connection to the server")
    story.start_server()
    expect(page.locator(".notice.bad")).to_have_count(0)
    story.say(story.brand, marker)
    expect(page.get_by_text(marker)).to_be_visible()
    watch.forget_lost_connections()


def test_the_model_can_be_tried_and_says_when_it_read_only_a_part(open_page: Open) -> None:
    page = open_page("#/try")
    page.get_by_label("Text of a tweet").fill("This is the worst bank I have ever had, never again")
    page.get_by_label("Text of a tweet").press("Control+Enter")
    expect(page.locator(".verdict").first).to_contain_text("negative")
    page.get_by_label("Text of a tweet").fill("a very long word after another " * 300)
    page.get_by_role("button", name="Label it").click()
    expect(page.get_by_text("only its beginning counted")).to_be_visible()


def test_everything_is_reached_by_keys(story: Story, open_page: Open) -> None:
    page = open_page()
    expect(page.get_by_role("link", name=story.brand).first).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("[data-filter]")).to_be_focused()
    page.keyboard.type(story.brand[:4])
    expect(page.locator("table.brands tbody tr")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(story.brand)
    page.keyboard.press("3")
    expect(page).to_have_url(re.compile("size=15m"))
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", level=1)).to_have_text("Spikes")


def test_dragging_over_a_chart_shows_that_stretch_and_its_address_can_be_shared(open_page: Open) -> None:
    page = open_page("#/brand/{brand}")
    chart = page.locator("time-chart .u-over").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 50, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile("from=.*to="))
    expect(page.get_by_role("link", name="Back to live")).to_be_visible()


def test_an_address_that_leads_nowhere_says_so(open_page: Open, watch: Watch) -> None:
    page = open_page("#/nothing")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such view")
    page = open_page("#/spike/none")
    expect(page.get_by_role("alert")).to_contain_text("Not found")
    watch.errors = [error for error in watch.errors if "404" not in error]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_barrier(story: Story, open_page: Open, scheme: Literal["light", "dark"]) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    found = []
    for view in VIEWS:
        page.goto(f"{story.url}/{story.address(view)}")
        expect(page.locator(".skeleton")).to_have_count(0)
        # Read by the test, not by the page: its security policy holds here too.
        page.evaluate((VENDOR / "axe.min.js").read_text(encoding="utf-8"))
        result = page.evaluate("only => axe.run(document, {resultTypes: ['violations'], ...only})", RULES[scheme])
        found += [
            f"{view}: {violation['id']}: {violation['help']}: {violation['nodes'][0]['html'][:200]}"
            for violation in result["violations"]
            if violation["impact"] in SERIOUS
        ]
    assert found == []


def test_no_view_scrolls_sideways_on_a_phone(story: Story, open_page: Open) -> None:
    page = open_page(viewport=PHONE)
    for view in VIEWS:
        page.goto(f"{story.url}/{story.address(view)}")
        expect(page.locator(".skeleton")).to_have_count(0)
        assert not _scrolls_sideways(page), view


def test_nothing_moves_once_a_view_is_there(story: Story, open_page: Open) -> None:
    page = open_page("#/brand/{brand}")
    expect(page.locator("time-chart canvas").first).to_be_visible()
    shift = page.evaluate(
        """() => new Promise(done => {
            let sum = 0;
            const seen = new PerformanceObserver(list => {
                for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
            });
            seen.observe({type: "layout-shift", buffered: true});
            setTimeout(() => { seen.disconnect(); done(sum); }, 1500);
        })"""
    )
    assert shift < 0.1  # "good", by the usual measure of pages


def _pixels(page: Page) -> str:
    return str(page.locator("time-chart canvas").last.evaluate("canvas => canvas.toDataURL()"))


def _scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))
