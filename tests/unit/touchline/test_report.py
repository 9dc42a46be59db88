"""The report: its figures come from the tables, and a shop owner can read them anywhere."""

from __future__ import annotations

import re

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
    assert "They are 700 page views, 300 purchases." in text
    assert "Known are 1,300 identifiers of 90 customers: cookies, addresses and others." in text
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


def test_a_currency_without_a_loss_has_a_row_too() -> None:
    recovered = {"subject": "cart", "status": "recovered", "currency": "USD", "n": 1, "value_minor": 500}

    text = printed({**STORY, queries.ABANDONED: [*STORY[queries.ABANDONED], recovered]})

    assert re.search(r"Carts +11 +3 +EUR 700\.50 +EUR 99\.00 *\n +JPY 12,000 +- *\n +- +USD 5\.00", text)


def test_it_names_who_turned_when_and_after_what() -> None:
    text = printed(STORY, 120)

    assert "2 turned sour, most often after support call, ended (2):" in text
    assert re.search(r"C7 +07 Sep: \+0\.50 to -0\.80 +after support call, ended “waited forty minutes", text)
    assert "1 turned sweet" in text


def test_who_turned_without_a_known_cause_is_told_with_what_it_began() -> None:
    unknown = shift(
        "C7", 0.5, -0.8, cause_event_id=None, cause_kind=None, cause_action="", cause_text="", cause_at=None
    )

    text = printed({**STORY, queries.SHIFTS: [unknown]}, 120)

    assert "1 turned sour, most often from post (1):" in text
    assert re.search(r"C7 +07 Sep: \+0\.50 to -0\.80 +post “never again”", text)


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
    journey = build_journey(worst, [worst], "open", steps)

    drawn = shorten(journey)

    # What came before, the cause, the turn, its touchpoint, the next, and what came later.
    assert len(list(draw(journey, 80))) == 6
    shown = {item.event_id for item in drawn if not isinstance(item, Gap)}
    assert shown == {"e99", "e100", "e101"}
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


def told(*rows: dict[str, object]) -> str:
    """Return the page on changes, on one line."""
    page = printed({**STORY, queries.CHANGES: list(rows)}, 120)
    return " ".join(page[page.index("Did your changes help?") :].split())


def test_a_change_has_its_verdict_its_days_and_how_customers_fared_around_it() -> None:
    text = told(changed("worse", reverted_at=str(SEPTEMBER + 20 * DAY)))

    assert "worse 16 Sep 2026 to 21 Sep 2026: New call centre" in text
    # A quarter and a half of the way to either end, of four blocks.
    assert "+0.26 │█ -0.50 ██│ turned sour: 2, then 3" in text


def test_what_makes_a_verdict_doubtful_is_told_once_with_how_many_it_concerns() -> None:
    text = told(
        changed("better", has_trend=1),
        changed("no difference seen", has_trend=1, overlaps=["Sale", "Strike"]),
        changed("too few to tell", days_after=3.5, overlaps=["Sale"]),
        changed("worse"),
    )

    assert "better * 16 Sep" in text
    assert "worse 16 Sep" in text
    # A trend makes a difference where there is none, and none where one is.
    assert "* another change in the same days (2), too little history to tell it from a trend (1)," in text
    assert "a trend (1), not all 14 days seen (1)." in text
    assert "* another" not in told(changed("worse"))


def test_of_many_changes_those_that_made_a_difference_stand_first_and_then_the_newest() -> None:
    rows = [changed("no difference seen", name=f"N{day}", effective_at=SEPTEMBER + day * DAY) for day in range(9)]
    rows.insert(3, changed("worse", name="Carrier", effective_at=SEPTEMBER))

    text = told(*rows)

    assert text.index(": Carrier") < text.index(": N8") < text.index(": N7")
    assert "… and 7 more (7 no difference seen): SELECT * FROM change_effects" in text


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


def test_changes_without_a_verdict_are_counted() -> None:
    assert "without a verdict" not in printed(STORY, 120)
    text = printed({**STORY, queries.COUNT_CHANGES: [{"n": 1_234}]}, 120)
    assert "Changes without a verdict: 1,134. The newest 100 have one." in text
