"""The report says which figures are not as they usually are, since when, and draws their last days."""

from __future__ import annotations

import re

from schemas.metrics import METRICS
from tests.unit.touchline.pages import page_of
from tests.unit.touchline.stories import NOTHING, STORY, teller
from touchline.report.charts import sparkline
from touchline.report.levels import Odd
from touchline.report.levels_page import name_of, print_levels
from touchline.report.levels_queries import LEVELS, read_levels


def printed(story: dict[str, list[dict[str, object]]]) -> str:
    return page_of(lambda console: print_levels(read_levels(teller(story), 0), console), 100)


def test_a_figure_that_is_odd_stands_with_its_start_what_is_usual_what_is_now_and_its_days() -> None:
    text = printed(STORY)

    # The anomaly began within the third day: of it and the fourth, 70.00 are usual, and 20.00 came in. Of the greatest,
    # 80.00, the days are all, seven eighths, three eighths, and an eighth: blocks 8, 7, 4 and 2 of eight, from 1 on.
    assert re.search(r"Revenue a day +worse +03 Sep +EUR 70\.00 +EUR 20\.00 +█▇▄▂ *\n", text)


def test_one_that_is_over_has_its_end_and_days_without_answers_are_dots() -> None:
    # It ended before the third day; the second has no value.
    assert re.search(r"CSAT +better +01 Sep to 03 Sep +60% +90% +█·▂ *\n", printed(STORY))


def test_it_counts_the_figures_that_are_as_usual_and_those_of_which_too_little_is_known() -> None:
    text = printed(STORY)

    # Of eleven one is odd now, and one unknown; one that was odd is as usual again.
    assert "9 figures are as usual." in text
    assert "Of 1 figure too little is known to say what is usual: it takes four weeks." in text
    usual = {**NOTHING, LEVELS: [{"metrics": "1", "unknown": "0"}]}
    assert printed(usual).splitlines()[2:] == ["1 figure is as usual."]
    assert "Nothing is known yet of what is usual." in printed(NOTHING)


def test_every_metric_has_a_name_in_words() -> None:
    for metric in METRICS:
        name = name_of(Odd(metric.name, "", "worse", 0, None, None, None, []))
        assert "_" not in name
        assert name[0].isupper()


def test_a_chart_begins_at_zero_and_ends_at_the_most_that_is_named() -> None:
    assert sparkline([0, 1, 2, None]) == "▁▅█·"
    assert sparkline([-1, 0.5, 3], 1) == "▁▅█"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""
