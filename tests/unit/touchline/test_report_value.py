"""The report says who comes back, what campaigns brought for what they cost, and who is stuck where."""

from __future__ import annotations

import re
from typing import Any

from tests.unit.touchline.pages import page_of
from tests.unit.touchline.stories import NOTHING, STORY, teller
from touchline.report.value_page import print_value
from touchline.report.value_queries import COHORTS, read_value


def printed(story: dict[str, list[dict[str, Any]]]) -> str:
    return page_of(lambda console: print_value(read_value(teller(story), 0), console), 80)


def test_a_cohort_stands_with_how_many_bought_again_and_a_chart_of_each_month() -> None:
    text = printed(STORY)

    assert re.search(r"Jul 2026 +20 +100% +50% +█▅ *\n", text)
    assert re.search(r"Sep 2026 +40 +- +- *\n", text)
    assert (
        "Of those who looked in Sep 2026, 10 of 16 existing customers and 40 of 90 new ones bought: EUR 50.00 and "
        "EUR 90.00." in " ".join(text.split())
    )


def test_cohorts_of_several_currencies_name_theirs() -> None:
    both = [*STORY[COHORTS], {**STORY[COHORTS][0], "currency": "USD"}]

    assert re.search(r"Sep 2026, USD +40 ", printed({**STORY, COHORTS: both}))


def test_a_campaign_stands_with_its_cost_whom_it_brought_and_what_for_each_coin() -> None:
    text = printed(STORY)

    assert re.search(r"autumn +EUR 100\.00 +4 +EUR 250\.00 +2\.50 +█{8} *\n", text)
    assert re.search(r"friends +EUR 0\.00 +1 +EUR 9\.00 +- *\n", text)


def test_a_step_at_which_customers_are_stuck_stands_with_what_is_usual_there() -> None:
    text = printed(STORY)

    assert re.search(r"case, opened +12 +4 +2\.0 h +5\.0 days +█{12} *\n", text)
    assert "Those who have bought most: C7 (EUR 120.50)." in text


def test_sections_of_which_there_is_nothing_are_left_out_and_who_has_not_bought_is_said() -> None:
    text = printed(NOTHING)

    assert "Nobody has bought anything." in text
    assert "campaigns" not in text
    assert "stuck" not in text
