"""Screens that are tables: their figures, worked out by hand of made-up rows."""

from __future__ import annotations

from datetime import date

import pytest
from starlette.testclient import TestClient

from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.sinks.views import DAY, HOUR, write
from tests.unit.touchline.page.door import PERIOD, shown
from touchline.page.all_screens import SCREENS
from touchline.page.asked import Basis, read_asked
from touchline.page.language import NOTHING
from touchline.page.query import Query
from touchline.page.sql import filled
from touchline.page.tables import Column, Plan

MAY = read_asked({"since": "2024-05-01", "until": "2024-05-31"}, Basis.unknown(), date(2024, 6, 1))


@pytest.mark.embedded
def test_the_pipeline_shows_clocks_refusals_and_what_is_missing(chdb: Engine, browser: TestClient) -> None:
    write(chdb, "clocks", partition=3, offset=1017)
    write(chdb, "dead_letters", offset=41, detail="an older one")
    write(chdb, "dead_letters", offset=42, refused_at=MAY_1 + 1)
    write(chdb, "touchpoints")
    write(chdb, "hourly_counts", accepted=3)
    write(chdb, "hourly_counts", accepted=2, hour=MAY_1 - 9 * 24 * HOUR)  # before the period
    text = shown(browser, f"/pipeline?{PERIOD}").text

    assert "3 1 May 2024, 00:00 1 May 2024, 00:00 1,017" in text
    assert "undecodable ingest touchpoints.tweets.v1 2 1 May 2024, 00:00 no Avro" in text
    assert "purchase 3 0 0 0 0 1 0 2 4" in text  # accepted, ..., found, erased, missing, missing in all hours


@pytest.mark.embedded
def test_what_was_left_is_counted_by_channel_with_what_came_back(chdb: Engine, browser: TestClient) -> None:
    write(chdb, "abandonments", subject_id="k1", value_minor=1250, currency="EUR")
    write(
        chdb, "abandonments", subject_id="k2", value_minor=750, currency="EUR", status="recovered", recovered_at=MAY_1
    )
    write(chdb, "abandonments", subject_id="k3", channel="app", attributes={"region": "north"})
    text = shown(browser, f"/abandoned?{PERIOD}").text

    # Two of one customer, one of them: Wilson's interval of a half of one.
    assert "checkout web 2 1 50% (5.5% to 94.5%) €20.00 €12.50" in text
    assert "checkout app 1 0 0%" in text
    assert "checkout web" not in shown(browser, f"/abandoned?{PERIOD}&part=region:north").text.partition("SELECT")[0]
    assert "checkout web" not in shown(browser, "/abandoned?since=2024-05-02&until=2024-05-02").text


@pytest.mark.embedded
def test_voice_has_scores_with_intervals_and_the_words_of_the_unhappy(chdb: Engine, browser: TestClient) -> None:
    plain = {"bucket": MAY_1, "dimension": "all", "dimension_value": "", "currency": "", "squares": 0, "samples": []}
    write(chdb, "metric_buckets", metric="csat", n=6, numerator=3, **plain)
    write(chdb, "touchpoints", event_id="e1", text="It broke.", experience=-5000, topics=["delivery"])
    write(chdb, "touchpoints", event_id="e2", text="Lovely.", experience=5000)
    text = shown(browser, f"/voice?{PERIOD}").text

    # Wilson's interval of 3 in 6.
    assert "Satisfied (CSAT) May 2024 50 (18.76 to 81.24) 6" in text
    assert "c1 1 May 2024, 00:00 purchase web delivery -0.50 It broke." in text
    assert "Lovely." not in text
    # Whole months that the period touches, and no others.
    assert "May 2024 50" in shown(browser, "/voice?since=2024-05-31&until=2024-06-01").text
    assert "May 2024 50" not in shown(browser, "/voice?since=2024-06-01&until=2024-06-02").text


@pytest.mark.embedded
def test_changes_are_those_in_force_at_some_time_of_the_period(chdb: Engine, browser: TestClient) -> None:
    write(chdb, "business_changes", change_id="b1")
    write(chdb, "business_changes", change_id="b2", name="over before", reverted_at=MAY_1 + 1)

    later, _, verdicts = shown(browser, "/changes?since=2024-05-02&until=2024-05-02").text.partition(
        "Did it get better?"
    )
    assert later.partition("By ")[2].startswith(f"new returns policy {NOTHING} 1 May 2024, 00:00 {NOTHING} backoffice")
    assert "over before" not in later
    assert "new returns policy Experience too few to tell" in verdicts  # nobody has an experience
    assert "over before Experience" not in verdicts  # it is named beside the other one
    assert "the 20 nearest are named. None." in verdicts
    assert "over before" in shown(browser, f"/changes?{PERIOD}").text


@pytest.mark.embedded
def test_changes_without_a_verdict_are_counted(chdb: Engine, browser: TestClient) -> None:
    for number in range(101):
        write(chdb, "business_changes", change_id=f"b{number}")

    assert "Left out 101 100 1" in shown(browser, f"/changes?{PERIOD}").text


@pytest.mark.embedded
@pytest.mark.parametrize("name", [name for name, screen in SCREENS.items() if screen.in_navigation])
def test_every_query_of_a_screen_is_there_as_csv(name: str, browser: TestClient) -> None:
    told = {query.name: browser.get(f"/{name}/{query.name}.csv").status_code for query in SCREENS[name].queries}

    assert set(told.values()) == {200}


def test_whole_numbers_that_json_writes_as_text_are_numbers() -> None:
    plan = Plan(Query("q", ""), "T", (Column("A", "a", "number"), Column("B", "b", "share", ("low", "high"))))
    ((a, b),) = plan.filled(MAY, {"q": [{"a": "9007199254740993", "b": 0.5, "low": 0.25, "high": None}]}).rows

    assert a.value == 9007199254740993
    assert (b.value, b.ends) == (0.5, None)


def test_of_one_answer_for_all_periods_what_lasts_in_the_period_is_shown() -> None:
    plan = Plan(Query("q", ""), "T", (Column("A", "a"),), span=("begins", "ends"))
    june_1 = MAY_1 + 31 * DAY
    spans = {"before": (0, MAY_1), "in": (0, MAY_1 + 1), "goes on": (MAY_1, None), "last": (june_1 - 1, june_1)}
    rows = [{"a": name, "begins": str(begins), "ends": ends} for name, (begins, ends) in spans.items()]
    rows.append({"a": "after", "begins": str(june_1), "ends": None})
    shown_rows = plan.filled(MAY, {"q": rows}).rows

    assert [cell.value for (cell,) in shown_rows] == ["in", "goes on", "last"]


def test_marks_are_filled_with_bound_values_alone() -> None:
    assert filled("SELECT 1 WHERE {period of at}") == (
        "SELECT 1 WHERE at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')\n"
        "  AND at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')"
    )
