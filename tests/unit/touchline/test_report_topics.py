"""The report says what people talk about, how they sound, and what grows."""

from __future__ import annotations

import re

from tests.unit.touchline.pages import page_of
from tests.unit.touchline.stories import NOTHING, STORY, teller
from touchline.report import topics_queries
from touchline.report.topics_page import print_topics
from touchline.report.topics_queries import read_topics


def printed(story: dict[str, list[dict[str, object]]]) -> str:
    return page_of(lambda console: print_topics(read_topics(teller(story)), console), 80)


def test_a_topic_stands_with_how_often_by_how_many_and_how_they_sound() -> None:
    text = printed(STORY)

    # Of 800 mentions that sound like anything, 600 sound bad and 80 good; nobody knows how callers sounded.
    assert re.search(r"^delivery +1,200 +310 +75% +10%\n", text, re.MULTILINE)
    assert re.search(r"^parking +3 +2 +- +-\n", text, re.MULTILINE)


def test_what_grows_is_told_with_both_counts_and_without_any_nothing_is() -> None:
    nothing_grows = {sql: rows if "verdict" not in sql else [] for sql, rows in STORY.items()}

    assert "More often in the last 14 days than in the 14 before: delivery 420, before 100." in " ".join(
        printed(STORY).split()
    )
    assert "More often" not in printed(nothing_grows)


def test_topics_beyond_those_told_are_counted_and_it_says_so_where_nothing_is_told() -> None:
    more = {**STORY, topics_queries.TOPICS: [{**row, "topics": 12} for row in STORY[topics_queries.TOPICS]]}

    assert "… and 10 more: SELECT * FROM topics" in printed(more)
    assert "… and" not in printed(STORY)
    assert "No topic was found in what they say." in printed(NOTHING)
