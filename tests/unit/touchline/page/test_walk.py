"""A browser walks the page over the sample: every screen, in light and dark, as everybody meets it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

import touchline
from sinks.database import Database, select
from sinks.migrate import migrate
from streams.identity.identities import Identities
from tests.contract.engine import Engine
from tests.servers.threaded import ThreadedServer
from tests.unit.played_lines import store
from tests.unit.sinks.views import write
from tests.unit.touchline.page.door import Lent
from touchline.collect.server import Server, listening, serve_on
from touchline.page.access import Access
from touchline.page.all_screens import SCREENS
from touchline.page.app import build_app, page_of
from touchline.page.reader import PATIENCE_S, THREADS, Reader
from touchline.page.screens.journey import STEPS

pytestmark = [pytest.mark.embedded, pytest.mark.chromium]

SAMPLE = Path(touchline.__file__).with_name("sample.jsonl")
UNTIL = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""When the sample's last day is over."""
HOSTILE = "<script>document.title = 'theirs'</script><img src=x onerror=\"document.title = 'theirs'\">\u202egnp"
HURT = "SELECT customer_id FROM sentiment_shifts WHERE direction = 'worse' ORDER BY after_mean - before_mean LIMIT 1"
PATIENCE_MS = 60_000.0
expect.set_options(timeout=PATIENCE_MS)


class Served(ThreadedServer):
    """The page, as its process serves it."""

    def __init__(self, database: Database, patience_s: float = 60.0) -> None:
        self._reader = Reader([Lent(database)] * THREADS)
        self._page = page_of(self._reader, Access(None, "127.0.0.1"), [Identities("GB")], patience_s=patience_s)
        self._server: Server = serve_on(build_app(self._page), ends_within_s=1.0)

    async def _serve(self, started: Any) -> None:
        self.stopping = asyncio.Event()
        bound = listening("127.0.0.1", 0, "")
        self.port = bound.getsockname()[1]
        serving = asyncio.create_task(self._server.serve([bound]))
        started.set()
        await self.stopping.wait()
        self._server.should_exit = True
        self._page.end()
        await serving
        self._reader.close()


@pytest.fixture(scope="module")
def database(chdb_opened: Engine) -> Engine:
    """The sample, and a customer who writes what is no text alone."""
    migrate(chdb_opened)
    store(chdb_opened, SAMPLE, UNTIL, ["region", "product"])
    at = UNTIL - 3_600_000
    write(
        chdb_opened, "touchpoints", customer_id="h1", stated_key="h1", occurred_at=at, text=HOSTILE, experience=-10_000
    )
    write(chdb_opened, "customers", customer_id="h1", first_seen_at=at, last_seen_at=at)
    return chdb_opened


@pytest.fixture(scope="module")
def address(database: Engine) -> Iterator[str]:
    with Served(database) as served:
        yield f"http://127.0.0.1:{served.port}"


@pytest.fixture
def tab(chromium: Browser, address: str) -> Iterator[Page]:
    """A tab whose console has to stay empty."""
    context = chromium.new_context(base_url=address, locale="en-GB", color_scheme="light")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    said: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        said.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert said == []


def faults(page: Page, axe: str) -> list[tuple[str, str]]:
    """Return what axe-core finds: each rule, and what breaks it."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [(one["id"], node["html"]) for one in found["violations"] for node in one["nodes"]]


def address_of(name: str, database: Engine) -> str:
    if name != "journey":
        return f"/{name}"
    ((customer,),) = select(database, HURT)
    return f"/journey?customer={customer}"


@pytest.mark.parametrize("name", SCREENS)
def test_whoever_reads_otherwise_can_read_a_screen(name: str, tab: Page, axe: str, database: Engine) -> None:
    tab.goto(address_of(name, database))
    # What is folded is looked at, too.
    tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = {"light": faults(tab, axe)}
    tab.emulate_media(color_scheme="dark")
    found["dark"] = faults(tab, axe)

    assert found == {"light": [], "dark": []}


def test_a_reader_finds_the_customer_hurt_most_and_changes_language(tab: Page, axe: str, database: Engine) -> None:
    ((customer,),) = select(database, HURT)
    tab.goto("/")
    hurt = tab.get_by_role("region", name="Whom we hurt most")
    hurt.get_by_role("link").first.click()
    expect(tab.get_by_role("heading", level=1)).to_have_text(f"Journey {customer}")
    assert tab.get_by_role("img", name="line of experience").count() == 1

    tab.get_by_role("link", name="Customers").click()
    tab.get_by_role("searchbox").fill(str(customer))
    tab.get_by_role("button", name="Search").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text(f"Journey {customer}")

    tab.get_by_role("link", name="اردو").click()
    assert tab.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["ur", "rtl"]
    assert faults(tab, axe) == []


def test_a_reader_chooses_the_colours_and_keeps_them_on_the_next_screen(tab: Page) -> None:
    shown = "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    tab.goto("/today")
    light = tab.evaluate(shown)
    tab.get_by_role("link", name="Dark").click()
    tab.wait_for_url(re.compile("theme=dark"))
    dark = tab.evaluate(shown)
    tab.get_by_role("link", name="Voice").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Voice")
    tab.get_by_role("button", name="Show").click()
    tab.wait_for_url(re.compile("since="))
    kept = tab.evaluate(shown)
    tab.emulate_media(color_scheme="dark")
    tab.get_by_role("link", name="Light", exact=True).click()
    tab.wait_for_url(re.compile("theme=light"))

    assert light == ["rgb(255, 255, 255)", "rgb(26, 29, 33)"]
    assert dark == kept == ["rgb(20, 23, 27)", "rgb(232, 234, 237)"]
    assert tab.evaluate(shown) == light
    tab.get_by_role("link", name="As the system has them").click()
    tab.wait_for_url(lambda url: "theme" not in url)
    assert tab.evaluate(shown) == dark


def test_a_list_is_filtered_by_the_keyboard_alone(tab: Page, database: Engine) -> None:
    unhappy = select(database, "SELECT count() FROM customers WHERE status = 'unhappy'")
    tab.goto("/customers?since=2025-11-01")
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("link", name="Skip to the content")).to_be_focused()
    tab.get_by_label("Status").focus()
    tab.keyboard.type("unhappy")
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Show").press("Enter")
    tab.wait_for_url(re.compile("status=unhappy"))

    assert [[int(tab.get_by_text(re.compile(r"^\d+ customers\.")).inner_text().split()[0])]] == unhappy


def test_what_a_customer_writes_is_text(tab: Page) -> None:
    tab.goto("/journey?customer=h1")

    assert "<script>document.title" in tab.get_by_role("main").inner_text()
    assert "\\u202egnp" in tab.get_by_role("main").inner_text()
    assert tab.title() == "Journey · touchline"
    assert tab.evaluate("[document.images.length, [...document.scripts].map(one => one.src)]") == [
        0,
        [tab.url.partition("/journey")[0] + "/static/live.js"],
    ]


def test_a_journey_shows_what_has_just_come_and_keeps_what_is_unfolded(tab: Page, database: Engine) -> None:
    tab.goto("/journey?customer=h1")
    steps = tab.get_by_role("group", name="Touchpoints", exact=True).get_by_role("row")
    expect(steps).to_have_count(2)  # with the head
    tab.get_by_text("SQL and CSV").last.click()
    focused = tab.get_by_text("Download as CSV").last
    focused.focus()
    write(database, "touchpoints", customer_id="h1", stated_key="h1", occurred_at=UNTIL - 60_000, event_id="news")
    write(database, "clocks", time=UNTIL, settled=UNTIL, offset=1 << 40, version=1 << 61)

    expect(steps).to_have_count(3)
    expect(focused).to_be_visible()
    expect(focused).to_be_focused()


class Slow(Lent):
    """A database that takes longer for the steps of a journey than a screen waits for an answer."""

    def __init__(self, database: Engine) -> None:
        super().__init__(database)
        self._database = database
        self.query = self._slowly

    def _slowly(
        self, sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSONEachRow"
    ) -> bytes:
        answer = self._database.query(sql, parameters, output_format)
        if sql == STEPS.sql:
            time.sleep(2 * PATIENCE_S)  # it cannot be slow otherwise
        return answer


def test_an_answer_that_is_shown_again_though_there_is_more_gives_way_to_the_next(
    chromium: Browser, database: Engine
) -> None:
    with Served(Slow(database)) as served:
        page = chromium.new_page(base_url=f"http://127.0.0.1:{served.port}", locale="en-GB")
        page.goto("/journey?customer=h2")
        steps = page.get_by_role("group", name="Touchpoints", exact=True).get_by_role("row")
        write(database, "touchpoints", customer_id="h2", stated_key="h2", occurred_at=UNTIL - 60_000, event_id="only")
        write(database, "clocks", time=UNTIL, settled=UNTIL, offset=1 << 41, version=1 << 61)
        expect(steps).to_have_count(2)  # with the head
        page.close()


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_fits_a_phone(name: str, tab: Page, database: Engine) -> None:
    tab.set_viewport_size({"width": 360, "height": 740})
    tab.goto(address_of(name, database))

    assert tab.evaluate("document.documentElement.scrollWidth") <= 360


def test_parts_that_a_screen_did_not_wait_for_come_by_themselves(chromium: Browser, database: Engine) -> None:
    with Served(database, patience_s=0.0) as served:
        page = chromium.new_page(base_url=f"http://127.0.0.1:{served.port}", locale="en-GB")
        page.goto("/service")
        expect(page.get_by_role("heading", name="The oldest open cases")).to_be_visible()
        expect(page.locator("main[data-late]")).to_have_count(0)
        expect(page.get_by_text("This takes longer.")).to_have_count(0)
        expect(page.get_by_role("table").first).to_be_visible()
        page.close()
