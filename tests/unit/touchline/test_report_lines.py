"""No section of the report has more than ten lines, however much there is to tell and however long the names are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sinks.database import select
from tests.contract.engine import Engine
from tests.unit.touchline.pages import page_of
from tests.unit.touchline.stories import DAY, NOTHING, SEPTEMBER, STORY, changed, shift, teller
from touchline.report import (
    levels_queries,
    people_queries,
    print_report,
    queries,
    read_findings,
    reasons_queries,
    service_queries,
    topics_queries,
    value_queries,
)
from touchline.report.printing import Rows, rows_shown

MANY = 40
LONG = "a name that goes on and on, as names that others give may do, " * 5
Story = dict[str, list[dict[str, Any]]]


def printed(story: Story, width: int = 80) -> str:
    findings = read_findings(teller(story))
    return page_of(lambda console: print_report(findings, console, [], bad_lines=3), width)


def sections(page: str) -> dict[str, list[str]]:
    """Return the lines of each section, its heading among them, by its title."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^\n(?=.* ─+$)", page, flags=re.MULTILINE):
        lines = part.splitlines()
        if lines:
            found[lines[0].rstrip("─ ")] = lines
    return found


def many(sql: str, **named: Callable[[int], object]) -> list[dict[str, Any]]:
    """Return many rows like the first that answers a query, but for what is named."""
    first = STORY[sql][0]
    return [{**first, **{name: told(number) for name, told in named.items()}} for number in range(MANY)]


def long(number: int) -> str:
    return f"{number} {LONG}"


MUCH: Story = {
    **STORY,
    queries.KINDS: many(queries.KINDS, kind=long),
    queries.REVENUE: many(queries.REVENUE, currency=lambda number: f"C{number}"),
    queries.REFUSED: many(queries.REFUSED, reason=long),
    queries.ABANDONED: many(queries.ABANDONED, subject=long),
    queries.SHIFTS: [
        shift(long(number), 0.5 * sign, -0.8 * sign, cause_text=LONG, cause_action=LONG, cause_kind=LONG)
        for number in range(MANY)
        for sign in (1, -1)
    ],
    queries.STEPS: many(
        queries.STEPS,
        event_id=lambda number: f"e{number}",
        kind=long,
        text=long,
        experience=lambda number: (number % 3 - 1) / 2,
    ),
    queries.OUTCOME: [{"outcome": LONG}],
    queries.CHANGES: [
        changed(("better", "worse", "too few to tell", "no difference seen")[number % 4], name=long(number),
                overlaps=[LONG], days_after=3, has_trend=1, effective_at=SEPTEMBER + number * DAY,
                reverted_at=SEPTEMBER + (number + 1) * DAY)
        for number in range(MANY)
    ],
    levels_queries.ANOMALIES: many(levels_queries.ANOMALIES, metric=long),
    people_queries.STITCHED: [
        {"customer_id": LONG, "people": 4_000,
         "steps": [[SEPTEMBER + number * DAY, LONG, LONG, LONG] for number in range(MANY)]}
    ],
    reasons_queries.CAUSES: many(
        reasons_queries.CAUSES, step=long, detail=long, detail_value=long, in_all=lambda _: 90
    ),
    reasons_queries.LOYALTY: many(
        reasons_queries.LOYALTY, customer_id=long, reasons=lambda _: [LONG, LONG], at_risk=lambda _: 400,
    ),
    reasons_queries.LEFT: many(reasons_queries.LEFT, currency=long),
    reasons_queries.LEFT_AFTER: many(reasons_queries.LEFT_AFTER, step=long, in_all=lambda _: 90),
    service_queries.SHARE_SUMS: [
        {"metric": name, "counted": 10, "of": "100", "target": 0.8} for name in service_queries.SHARES
    ],
    service_queries.MEDIANS: [
        {"most_silence": 9_000_000, **dict.fromkeys(service_queries.DURATIONS, 3_600),
         **{f"{name}_n": 7 for name in service_queries.DURATIONS}}
    ],
    service_queries.OPEN_CASES: many(service_queries.OPEN_CASES, customer_id=long, open_cases=lambda _: 900),
    service_queries.OPEN_FOLLOW_UPS: many(service_queries.OPEN_FOLLOW_UPS, reason=long),
    service_queries.QUESTIONS: many(service_queries.QUESTIONS, text=long, question=long),
    service_queries.STAFF: many(service_queries.STAFF, agent=long),
    service_queries.PRAISED: many(service_queries.PRAISED, name=long),
    service_queries.PAGES: many(service_queries.PAGES, page=long),
    topics_queries.TOPICS: many(topics_queries.TOPICS, topic=long, topics=lambda _: 90),
    topics_queries.GROWING: many(topics_queries.GROWING, topic=long),
    value_queries.COHORTS: many(
        value_queries.COHORTS, currency=lambda number: f"C{number}", retention=lambda _: [0.5] * MANY
    ),
    value_queries.CAMPAIGNS: many(value_queries.CAMPAIGNS, campaign=long, currency=lambda number: f"C{number}"),
    value_queries.STUCK: many(value_queries.STUCK, step=long),
    value_queries.WORTH: many(value_queries.WORTH, customer_id=long),
}  # fmt: skip
"""A shop of which there is more to tell in every section than it has room for."""


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("story", [STORY, MUCH, NOTHING], ids=["a month", "much", "nothing"])
def test_a_section_has_ten_lines_at_most_and_none_is_wider_than_the_page(story: Story, width: int) -> None:
    page = printed(story, width)

    assert {title: len(lines) for title, lines in sections(page).items() if len(lines) > 10} == {}
    assert [line for line in page.splitlines() if len(line) > width] == []


def test_what_has_no_room_is_summed_in_one_line_that_names_the_query_which_shows_it() -> None:
    told = sections(printed(MUCH))
    rests = {title: [line for line in lines if line.startswith("… and ")] for title, lines in told.items()}

    whole = {"What came in", "How they rate you", "How they were served", "How well you look after them",
             "How long it takes you", "Where the site loses people"}  # fmt: skip
    hurt = next(title for title in told if title.startswith("The customer who was hurt most"))
    assert {title for title, lines in rests.items() if not lines} == whole | {hurt}
    for title, lines in rests.items():
        for line in lines:
            assert re.fullmatch(r"… and .*[1-9].*: SELECT \* FROM [a-z_]+( WHERE .*)?", line), title
    # Of forty changes two are shown, of forty cohorts of forty customers five, and of ninety topics five.
    assert rests["Did your changes help?"][0].startswith("… and 38 more (9 worse, 9 better, ")
    assert rests["Do customers come back?"][0].startswith("… and 1,400 customers of 35 more: ")
    assert rests["What people talk about"][0].startswith("… and 85 more: ")


def test_the_rows_that_are_shown_and_the_sum_of_the_rest_are_all_there_are() -> None:
    assert rows_shown([Rows(("a",), [["x"]] * 5, "q")], 6) == [5]
    assert rows_shown([Rows(("a",), [["x"]] * 6, "q")], 6) == [4]
    assert rows_shown([Rows(("",), [["x"]] * 6, "q")], 6) == [6]
    assert rows_shown([Rows(("",), [["x"]] * 6, "q", more=1)], 6) == [5]
    # Two lines a row, and one of the rest.
    assert rows_shown([Rows(("",), [["x"]] * 6, "q", height=2)], 6) == [2]
    # Two tables share the room, and what one does not need the other has.
    assert rows_shown([Rows(("",), [["x"]] * 9, "q"), Rows(("",), [["x"]] * 9, "q")], 7) == [3, 2]
    assert rows_shown([Rows(("",), [["x"]], "q"), Rows(("",), [["x"]] * 9, "q")], 7) == [1, 5]


@pytest.mark.embedded
def test_each_query_that_is_named_can_be_asked(chdb: Engine) -> None:
    named = set(re.findall(r"^… and .*?: (SELECT .*)$", printed(MUCH), re.MULTILINE))

    assert len(named) >= 12
    for query in sorted(named):
        assert select(chdb, query) == [], query
