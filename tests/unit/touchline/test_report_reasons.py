"""The report says why customers call, whose loyalty is at risk, and why people left."""

from __future__ import annotations

import re

from tests.unit.touchline.pages import page_of
from tests.unit.touchline.stories import NOTHING, STORY, teller
from touchline.report.reasons_page import print_reasons
from touchline.report.reasons_queries import LEFT_AFTER, LOYALTY, read_reasons


def printed(story: dict[str, list[dict[str, object]]]) -> str:
    return page_of(lambda console: print_reasons(read_reasons(teller(story), 0), console), 80)


def test_what_leads_to_calls_stands_with_how_many_more_and_a_bar_of_them() -> None:
    text = printed(STORY)

    # 20.4 is the most, and 10.2 is half of it: twelve full blocks, and six.
    assert re.search(r"case, updated \(visit: failed\) +40 +30 +20 +2\.0 h +█{12}\n", text)
    assert re.search(r"page view, pay, which failed +50 +20 +10 +- +█{6} *\n", text)
    assert "… and 7 more: SELECT * FROM contact_causes" in text


def test_the_loyal_who_are_at_risk_are_named_with_why_and_since_when() -> None:
    text = printed(STORY)

    assert "12 customers loyal, 2 of them at risk." in text
    assert "C7 (EUR 120.50): silent for long, turned sour; unmended since 07 Sep 2026" in text
    assert "C2 (JPY 900): a case is open" in text
    assert "C1 " not in text


def test_who_left_is_counted_with_what_they_had_brought_and_what_was_bad() -> None:
    text = printed(STORY)

    assert "8 customers left, 2 of them loyal. They had brought EUR 700.50, JPY 1,200." in text
    # Four of eight: half of the bar.
    assert re.search(r"support call, ended +4 +█{6} *\n", text)


def test_a_query_is_named_where_the_views_tell_the_same_that_is_where_the_data_ended_today() -> None:
    story = {**STORY, LOYALTY: [{**row, "at_risk": "9"} for row in STORY[LOYALTY]]}
    past = {**story, **{query: [{**row, "days_ago": "7"} for row in story[query]] for query in (LOYALTY, LEFT_AFTER)}}

    assert "… and 7 more: SELECT * FROM customers WHERE extra_care\n" in printed(story)
    assert "… and 2 more: SELECT * FROM departures\n" in printed(story)
    assert "… and 7 more\n" in printed(past)
    assert "… and 2 more\n" in printed(past)


def test_where_there_is_nothing_each_section_says_so() -> None:
    nothing = printed(NOTHING)

    assert "No step is followed by more calls" in nothing
    assert "Nobody has bought on so many days that they are loyal." in nothing
    assert "Nobody has been silent for so long" in nothing
