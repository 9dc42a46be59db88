"""The report: its figures come from the tables, and a shop owner can read them anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.touchline.pages import page_of
from tests.unit.touchline.stories import DAY, NOTHING, SEPTEMBER, STORY, changed, shift, step, teller
from touchline.report import print_report, queries, read_findings
from touchline.report.estimates import share_estimate
from touchline.report.findings import build_journey, build_shifts
from touchline.report.formatting import plural, quote, singular
from touchline.report.money import format_money
from touchline.report.timeline import Gap, draw, shorten


def printed(story: dict[str, list[dict[str, object]]], width: int = 80, bad_lines: int = 0) -> str:
    findings = read_findings(teller(story))
    command = 'touchline query "SELECT 1" --data d'
    return page_of(lambda console: print_report(findings, console, [command], bad_lines), width)


def test_it_tells_what_came_in_and_what_was_refused() -> None:
    text = printed(STORY, 120)

    assert "1,000 touchpoints of 120 customers, 20 of them not known by name" in text
    assert "from 01 Sep 2026 to 30 Sep 2026" in text
    assert "Known of 90 customers: 1,300 identifiers (cookies, addresses and others)." in text
    assert re.search(r"Page views +700 +70%", text)
    assert "Sold: EUR 12,345.67, JPY 98,000." in text
    assert "3 messages refused: 2 invalid_score, 1 no_identity." in text


def test_bad_lines_of_the_input_are_told_beside_refused_messages_and_without_any() -> None:
    several, one = printed(STORY, 120, bad_lines=1_200), printed(NOTHING, 120, bad_lines=1)

    assert "3 messages refused: 2 invalid_score, 1 no_identity." in several
    assert "1,200 lines of the input were bad, and not published." in several
    assert "1 line of the input was bad, and not published." in one
    assert "Nothing was refused" not in one


def test_nps_and_csat_come_with_their_intervals() -> None:
    text = printed(STORY)

    # NPS: 50 promoters, 20 detractors of 100; adjusted Wald by hand: 30 / 103 = 0.2913,
    # 1.96 * sqrt((71.5 / 103 - 0.2913**2) / 103) = 0.1507, so 14.1 to 44.2
    assert re.search(r"NPS .* \+30 +\+14 and \+44 +100", text)
    # Wilson for 60 of 80 is 0.645 to 0.832 (Newcombe's formula, worked by hand)
    assert re.search(r"CSAT .* 75% +65% and 83% +80", text)
    assert re.search(r"CES .* no answers", text)


def test_abandoned_money_is_told_in_the_currencys_own_decimals() -> None:
    text = printed(STORY)

    assert re.search(r"Carts +10 +2 +EUR 700\.50 +EUR 99\.00", text)
    assert "JPY 12,000" in text
    assert re.search(r"Calls, in the queue +10 +0 +- +-", text)


def test_it_names_who_turned_when_and_after_what() -> None:
    text = printed(STORY)

    assert "2 turned sour" in text
    assert "Most often after: support call, ended (2)." in text
    assert "C7: +0.50 to -0.80, since 07 Sep 2026 00:00" in text
    assert "began with post “never again”" in text
    assert "after support call, ended of 06 Sep 2026 00:00 “waited forty minutes" in text
    assert "1 turned sweet" in text


def test_the_timeline_marks_the_turn_just_before_its_first_touchpoint() -> None:
    lines = printed(STORY).splitlines()

    turn = next(n for n, line in enumerate(lines) if "HERE IT TURNED SOUR" in line)
    assert "most hurt" not in lines[turn]
    assert "▶" in lines[turn - 1]
    assert "support call, ended" in lines[turn - 1]
    assert "never again" in lines[turn + 1]


def test_what_customers_wrote_cannot_colour_or_control_the_terminal() -> None:
    text = printed(STORY, 120)

    assert "\x1b" not in text
    assert "[bold]really[/bold]" in text


STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200f\u202a-\u202e\u2066-\u2069]")
OURS = ("metric", "direction", "event_id", "onset_event_id", "cause_event_id")
"""The fields whose values the report knows: every other text may come from outside."""


def test_no_text_of_the_tables_steers_the_terminal() -> None:
    def hostile(name: str, value: object) -> object:
        if not isinstance(value, str) or name in OURS or value.isdecimal():
            return value
        return f"[red]\x1b[2J\x9b\u202e\r\nfaked line {value}"

    story = {
        query: [{name: hostile(name, value) for name, value in row.items()} for row in rows]
        for query, rows in STORY.items()
    }

    text = printed(story, 1000)

    assert not STEERING.search(text)
    assert not [line for line in text.splitlines() if line.lstrip().startswith("faked line")]
    # Customers, their words, what they did, kinds, subjects, reasons, currencies, and changes.
    assert text.count("\\u001b[2J\\u009b\\u202e") > 30
    assert "[red]" in text


def test_words_are_cut_as_they_are_shown() -> None:
    assert quote("never\n\x1b again", 40) == "“never \\u001b again”"
    assert quote("\x1b" * 50, 20) == "“\\u001b\\u001b\\u001…”"


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_but_the_commands_is_wider_than_the_page(width: int) -> None:
    wide = [line for line in printed(STORY, width).splitlines() if len(line) > width and "touchline query" not in line]

    assert wide == []


def test_an_empty_database_is_told_in_words_not_in_blank_tables() -> None:
    text = printed(NOTHING)

    assert "no touchpoint is in the tables" in text
    assert "No survey was answered" in text
    assert "Nothing was abandoned" in text
    assert "no customer's experience changed lastingly" in text
    assert "Nobody turned sour" in text
    assert "No change in the business was reported" in text
    assert "Nothing was refused" in text


def test_a_long_journey_is_shortened_around_the_turn_and_counts_what_it_leaves_out() -> None:
    steps = [step(n, "tweet", "customer", 0.1, f"words {n}") for n in range(200)]
    worst = build_shifts([shift("C1", 0.5, -0.5, onset_event_id="e100", cause_event_id="e99")])[0]

    drawn = shorten(build_journey(worst, [worst], "open", steps))

    assert len(drawn) < 35
    shown = {item.event_id for item in drawn if not isinstance(item, Gap)}
    assert {"e0", "e99", "e100", "e101", "e199"} <= shown
    left_out = sum(len(item.steps) for item in drawn if isinstance(item, Gap))
    assert left_out + len(shown) == 200


def test_pages_seen_in_a_row_share_a_line() -> None:
    steps = [
        step(0, "tweet", "customer", 0.5, "nice"),
        *(step(n, "page_view", "view", None) for n in range(1, 6)),
        step(6, "tweet", "customer", -0.5, "bad"),
    ]
    worst = build_shifts([shift("C1", 0.5, -0.5, onset_event_id="e6", cause_event_id=None)])[0]

    lines = [line.plain for line in draw(build_journey(worst, [worst], "open", steps), 80)]

    assert len(lines) == 4
    assert "5 page views" in lines[1]


def test_the_most_hurt_customer_is_the_one_who_fell_furthest() -> None:
    findings = read_findings(teller(STORY))

    assert findings.worst_journey is not None
    assert findings.worst_journey.shift.customer_id == "C7"


def told(rows: list[dict[str, object]]) -> str:
    """Return the page on changes, on one line."""
    return " ".join(printed({**STORY, queries.CHANGES: rows}, 120).split())


def test_a_change_has_its_verdict_and_the_difference_that_it_rests_on() -> None:
    text = told(changed("better", controls=["trend", "weekday"], difference=0.31, ci_low=0.1, ci_high=0.52))

    assert "New call centre (support), 16 Sep 2026: better" in text
    assert (
        "Difference in other touchpoints, without trend and weekday: +0.31 (+0.10 to +0.52), "
        "30 customers before, 29 after." in text
    )


def test_a_change_that_few_saw_says_how_many() -> None:
    text = told(changed("no difference seen"))

    assert "Too few customers with survey scores: 9 before and 9 after; 10 are needed on each side" in text
    assert "Too few customers with other touchpoints" not in text


def test_what_is_seen_of_the_days_after_a_change_is_told_where_it_is_not_all() -> None:
    assert "3.5 of the 14 days after it are seen" in told(changed("no difference seen", days_after=3.5))
    assert "days after it are seen" not in told(changed("no difference seen"))


def test_a_verdict_from_a_short_history_is_warned_of() -> None:
    warning = "Less than 28 days of history: other touchpoints may only have gone on as before the change."

    assert warning in told(changed("better"))
    assert warning not in told(changed("better", controls=["trend"]))
    assert warning not in told(changed("no difference seen"))


def test_a_change_is_warned_of_where_another_falls_into_its_days() -> None:
    overlapping = told(changed("better", overlaps=["Sale", "Strike"]))

    assert "Within the same days: Sale; Strike. Their effects cannot be told apart." in overlapping
    assert "Within the same days" not in told(changed("better"))


def test_the_days_after_a_change_end_when_it_is_taken_back() -> None:
    asked: list[tuple[int, int]] = []

    def ask(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        if sql == queries.EXPERIENCE:
            asked.append((parameters["since"] - SEPTEMBER, parameters["until"] - SEPTEMBER))
        return teller(STORY | {queries.CHANGES: rows})(sql, parameters)

    rows = changed("better", reverted_at=str(SEPTEMBER + 20 * DAY))
    read_findings(ask)

    assert asked == [(DAY, 15 * DAY), (15 * DAY, 20 * DAY)]


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123450, "EUR", "EUR 1,234.50"),
        (5, "USD", "USD 0.05"),
        (-5, "USD", "USD -0.05"),
        (98000, "JPY", "JPY 98,000"),
        (1234567, "KWD", "KWD 1,234.567"),
        (12345, "CLF", "CLF 1.2345"),
    ],
)
def test_money_has_the_decimals_of_iso_4217(amount: int, currency: str, text: str) -> None:
    assert format_money(amount, currency) == text


def test_a_share_of_nothing_and_of_all_keeps_its_interval_within_bounds() -> None:
    nothing, everything = share_estimate(0, 10), share_estimate(10, 10)

    assert nothing is not None
    assert everything is not None
    # Wilson's upper end for 0 of 10: z^2 / (n + z^2) = 0.2775
    assert nothing.low == 0.0
    assert nothing.high == pytest.approx(0.2775, abs=1e-4)
    assert everything.low == pytest.approx(0.7225, abs=1e-4)
    assert everything.high == pytest.approx(1.0)
    assert share_estimate(0, 0) is None


def test_a_kind_without_words_of_its_own_is_called_by_its_name() -> None:
    assert (singular("store_visit"), plural("store_visit")) == ("store visit", "store visits")
