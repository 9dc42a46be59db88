"""The screens: figures as the rows have them, text from outside as text, and every text through the catalogues."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from gettext import NullTranslations
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from schemas.metrics import METRICS
from sinks.database import Database
from sinks.migrate import migrate
from sinks.statement import reading_statement
from streams.identity.identities import Identities
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.sinks.views import DAY, write
from tests.unit.touchline.page.door import HERE, NOW, PERIOD, Lent, Shown, page_over, shown
from touchline.page import app as application
from touchline.page.access import Access
from touchline.page.all_screens import SCREENS
from touchline.page.app import build_app, page_of
from touchline.page.basis import BASIS, MARK, PARTS
from touchline.page.language import Language, read_languages
from touchline.page.reader import Reader
from touchline.page.wording import METRIC_TITLES

pytestmark = pytest.mark.embedded

HOSTILE = "<script>alert('x')</script>\" onload=\"\u202egnp\u2066"
ESCAPED = "<script>alert('x')</script>\" onload=\"\\u202egnp\\u2066"
NEEDED = {"journey": "customer=c1"}
"""What an address has to say besides its screen."""


def write_story(chdb: Engine, said: str = "It broke.", experience: int = 2_500) -> None:
    """Write three touchpoints of two customers, a turn for the worse, orders, and what is due."""
    ended = {"kind": "support_call", "channel": "phone", "action": "ended", "experience": experience}
    write(chdb, "touchpoints", event_id="e1", text=said, **ended)
    write(chdb, "touchpoints", event_id="e2", occurred_at=MAY_1 + 1)
    write(chdb, "touchpoints", event_id="e3", occurred_at=MAY_1 + 2, customer_id="anon:cookie:k", stated_key="")
    write(chdb, "sentiment_shifts", cause_event_id="e1", cause_kind="support_call", customer_id="c1")
    for minute, n in enumerate((2, 1)):
        at = MAY_1 + minute * 60_000
        plain = {"bucket": at, "dimension": "all", "dimension_value": "", "currency": "", "squares": 0, "samples": []}
        write(chdb, "metric_buckets", metric="orders", n=n, numerator=n, **plain)
        write(chdb, "metric_buckets", metric="csat", n=2 * n, numerator=n, **plain)
    write(chdb, "follow_ups")


def test_figures_are_those_of_the_rows(chdb: Engine, browser: TestClient) -> None:
    write_story(chdb)
    text = shown(browser, f"/today?{PERIOD}").text

    assert "3 touchpoints of 2 customers, 1 of whom are anonymous." in text
    assert "purchase 2 support call 1" in text
    assert re.search(r"Orders 3 .*?of 3 observations", text)  # 2 and 1
    assert re.search(r"Satisfied \(CSAT\) 50% .*?of 6 observations", text)  # 3 of 6
    assert re.search(r"c1 .*?\+0\.60 -0\.25 support call ended It broke\.", text)
    assert re.search(r"c1 complaint 2 May 2024, 00:00 open delivery care €1,289\.00", text)


def test_a_journey_has_its_touchpoints_turns_and_what_is_open(chdb: Engine, browser: TestClient) -> None:
    write_story(chdb)
    write(chdb, "customers", customer_id="c1", status="lost")
    write(chdb, "abandonments", value_minor=1250, currency="EUR")
    found = shown(browser, "/journey?customer=c1")

    assert "Journey c1 Status lost" in found.text
    # e1 is where it turned, and why; anon:cookie:k's touchpoint is not c1's.
    assert "worse 1 May 2024, 00:00 : from +0.60 to -0.25; most likely the cause: support call" in found.text
    assert re.search(
        r"worse : from \+0\.60 to -0\.25 1 May 2024, 00:00 support call ended most likely the cause phone", found.text
    )
    assert found.text.count("purchase placed") == 1
    assert "complaint 2 May 2024, 00:00 open delivery care €1,289.00" in found.text
    assert "checkout abandoned €12.50" in found.text
    assert "of this id" in shown(browser, "/journey?customer=nobody").text
    assert browser.get("/journey").status_code == 400


def test_of_a_long_text_the_beginning_is_shown(chdb: Engine, browser: TestClient) -> None:
    write_story(chdb, "é" * 3_000, experience=-2_500)

    for path in ("/journey?customer=c1", f"/voice?{PERIOD}", f"/today?{PERIOD}"):
        assert [len(text) for text in re.findall("é+", shown(browser, path).text)] == [2_000], path


def test_whatever_customers_bring_a_table_has_an_end() -> None:
    """Those without a limit have rows by day, metric, kind, partition or reason, and one of a customer or of all."""
    without = {
        f"{name}/{one.name}" for name, screen in SCREENS.items() for one in screen.queries if "LIMIT" not in one.sql
    }

    assert without == {
        "today/came-in", "today/values", "today/levels", "abandoned/values", "abandoned/days", "voice/values",
        "voice/months", "service/values", "pipeline/clocks", "pipeline/refused", "pipeline/reconciliation",
        "journey/totals", "changes/judged",
    }  # fmt: skip


def test_a_period_and_a_part_hold_for_what_came_in(chdb: Engine, browser: TestClient) -> None:
    write_story(chdb)

    assert "1 touchpoints of 1 customers" in shown(browser, f"/today?{PERIOD}&part=channel:phone").text
    assert "3 touchpoints of 2 customers" in shown(browser, f"/today?{PERIOD}&part=region:north").text
    assert "0 touchpoints of 0 customers" in shown(browser, "/today?since=2024-05-02&until=2024-05-03").text


def test_where_data_have_ended_the_page_says_when_and_otherwise_nothing_of_it(
    chdb: Engine, browser: TestClient
) -> None:
    write_story(chdb)
    write(chdb, "clocks", time=MAY_1 + 400 * DAY)
    said = "Nothing has come in since May 1, 2024: ages are those of then."

    assert shown(browser, f"/service?{PERIOD}").text.count(said) == 1
    write(chdb, "clocks", time=MAY_1 + DAY, version=2)
    with page_over(chdb) as anew:
        assert said not in shown(anew, f"/service?{PERIOD}").text


def test_what_a_table_shows_is_there_as_csv(chdb: Engine, browser: TestClient) -> None:
    write_story(chdb)
    answer = browser.get(f"/today/values.csv?{PERIOD}&metric=csat")

    names, only = answer.text.splitlines()
    assert answer.headers["content-type"].startswith("text/csv")
    row = dict(zip(names.replace('"', "").split(","), only.replace('"', "").split(","), strict=True))
    assert (row["metric"], row["n"], row["value"]) == ("csat", "6", "0.5")
    assert browser.get("/today/secrets.csv").status_code == 404


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_of_an_empty_database_is_shown(name: str, browser: TestClient) -> None:
    assert "h1" in shown(browser, f"/{name}?{NEEDED.get(name, '')}").tags


def test_those_screens_keep_themselves_up_to_date_that_something_flows_through(browser: TestClient) -> None:
    live = {name for name in SCREENS if shown(browser, f"/{name}?{NEEDED.get(name, '')}").scripts}

    assert live == {"today", "journey", "pipeline"}


@pytest.mark.parametrize("name", SCREENS)
def test_text_from_outside_is_text(name: str, chdb: Engine, browser: TestClient) -> None:
    write_story(chdb, HOSTILE)
    write(chdb, "follow_ups", follow_up_id="f2", topic=HOSTILE, owner=HOSTILE, reason=HOSTILE, customer_id=HOSTILE)
    write(chdb, "metric_buckets", metric="orders", dimension="region", dimension_value=HOSTILE)
    write(chdb, "dead_letters", detail=HOSTILE, raw=HOSTILE.encode(), reason="unreadable")
    write(chdb, "abandonments", channel=HOSTILE, attributes={"region": HOSTILE})
    write(chdb, "business_changes", name=HOSTILE, topic=HOSTILE, source=HOSTILE)
    found = shown(browser, f"/{name}?{PERIOD}&{NEEDED.get(name, '')}&part=region:{HOSTILE}")

    assert not {"iframe", "style"} & found.tags
    assert found.scripts <= {"/static/live.js"}
    assert "onload" not in found.attributes
    assert ESCAPED in found.text
    assert "\u202e" not in found.text


class Asked(Lent):
    """A database that remembers what it was asked."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.statements: list[str] = []

        def query(sql: str, parameters: Mapping[str, object] | None = None, output_format: str = "JSON") -> bytes:
            self.statements.append(sql)
            return database.query(sql, parameters, output_format)

        self.query = query


def test_a_screen_that_nothing_is_chosen_on_is_there_before_its_first_reader(chdb: Engine) -> None:
    migrate(chdb)
    write_story(chdb)
    database = Asked(chdb)
    reader = Reader([database], clock=lambda: 0.0)
    page = page_of(reader, Access(None, "127.0.0.1"), [Identities("GB")], clock=lambda: NOW, patience_s=60)
    asyncio.run(page.prepare())
    database.statements.clear()
    browser = TestClient(build_app(page), base_url=HERE)
    for name, screen in SCREENS.items():
        if screen.in_navigation:
            assert browser.get(f"/{name}").status_code == 200
    reader.close()

    assert set(database.statements) == {MARK.sql}


def test_a_wrong_period_is_told(browser: TestClient) -> None:
    answer = browser.get("/today?since=<b>soon</b>")

    assert answer.status_code == 400
    assert "“<b>soon</b>” is no day; write it as 2026-05-31." in Shown(answer.text).text


def test_a_database_without_views_is_told(chdb_without_tables: Engine) -> None:
    with page_over(chdb_without_tables) as browser:
        answer = browser.get("/today")

    assert answer.status_code == 502
    assert "refused" in Shown(answer.text).text


@pytest.mark.parametrize(
    "sql", [BASIS.sql, MARK.sql, PARTS.sql, *(query.sql for screen in SCREENS.values() for query in screen.queries)]
)
def test_every_query_only_reads(sql: str) -> None:
    assert reading_statement(sql).output_format is None


def test_every_metric_has_a_title() -> None:
    assert set(METRIC_TITLES) == {metric.name for metric in METRICS}


class Marking(NullTranslations):
    """A catalogue that shows which texts went through it."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@pytest.mark.parametrize("name", SCREENS)
def test_every_text_goes_through_the_catalogues(name: str, chdb: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(chdb)
    write_story(chdb)
    monkeypatch.setattr(application, "read_languages", lambda: {"en": Language("en", Marking())})
    with page_over(chdb) as browser:
        html = browser.get(f"/{name}?{PERIOD}&{NEEDED.get(name, '')}").text
    ours = re.sub(r"<([\w-]+)(?=[^>]*translate=\"no\")[^>]*>.*?</\1>", "", html, flags=re.DOTALL)
    # What is formatted by the language goes through Babel: times, numbers, and axes made of these.
    formatted = re.sub(r"<(time|text|title|td|th|b)\b[^>]*>[^⟦<]*</\1>", "", ours)
    left = [text for text in Shown(formatted).texts if re.search(r"[A-Za-z]", re.sub(r"⟦.*?⟧|· touchline", "", text))]

    assert left == []


def test_a_catalogue_is_read_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "ur.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Today"\nmsgstr "آج"\n', "utf-8"
    )
    urdu = read_languages(tmp_path)["ur"]

    assert urdu.texts.gettext("Today") == "آج"
    assert urdu.direction == "rtl"
