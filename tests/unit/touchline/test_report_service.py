"""The report says how customers are served, beside what it should be, and says so where it cannot tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.touchline.pages import page_of
from tests.unit.touchline.service_story import DAY_S, SERVED, UNSERVED, medians, open_case, question
from tests.unit.touchline.stories import teller
from touchline.report import service_queries as queries
from touchline.report.service_page import print_service

Story = Mapping[str, list[dict[str, Any]]]


def printed(story: Story, width: int = 120) -> str:
    return page_of(lambda console: print_service(queries.read_care(teller(story), until=0), console), width)


def test_figures_stand_beside_their_targets_with_intervals_and_numbers() -> None:
    text = printed(SERVED, 80)

    # Wilson for 40 of 80, by hand: 0.5 ± 1.96 * sqrt(0.25 / 80 + 3.8416 / (4 * 80²)) / (1 + 3.8416 / 80) = 0.5 ± 0.107.
    assert re.search(r"Answered by a person within a day +! 50% +90% +39% and 61% +80\n", text)
    # For 75 of 100: (0.75 + 0.0192 ± 1.96 * sqrt(0.1875 / 100 + 0.0000960)) / 1.0384, so 0.657 to 0.825.
    assert re.search(r"Calls answered within 20 s +75% +80% +66% and 82% +100\n", text)
    assert re.search(r"Promises kept +75% +30% and 95% +4\n", text)
    assert re.search(r"Unhappy customers: got back to in time +! 75% +90% +60% and 86% +40\n", text)
    assert re.search(r"Until a person answers +2\.0 h +70\n", text)
    assert re.search(r"Until a case is solved +3\.0 days +12\n +in business hours +9\.0 h +10\n", text)
    assert "The longest that a customer had no news of a case: 5.0 days." in text
    assert "Cases solved at the first contact" not in text


def test_a_target_is_missed_only_where_chance_does_not_explain_it() -> None:
    assert re.findall(r"(\S.*\S) +! ", printed(SERVED)) == [
        "Answered by a person within a day",
        "Unhappy customers: got back to in time",
    ]
    assert "! is below its target, and not by chance." in printed(SERVED)
    met = [{**row, "target": None} for row in SERVED[queries.SHARE_SUMS]]
    assert "!" not in printed({**SERVED, queries.SHARE_SUMS: met})


def test_what_waits_is_told_with_its_age_and_whether_anybody_has_answered() -> None:
    text = printed(SERVED)

    assert "7 cases not solved yet, 3 of them not answered by a person. The oldest:" in text
    assert re.search(r"\n  9\.0 days, not answered: C0, t-0 *\n  4\.0 days: C1, t-1 \(delivery\) *\n", text)
    assert "… and 5 more: SELECT * FROM cases WHERE status = 'open'" in text
    assert "20 posts and reviews: 75% answered, 5 not, the oldest for 2.0 days." in text


def test_whom_nobody_has_got_back_to_is_told_by_reason() -> None:
    text = printed(SERVED)

    assert "Get back to them:" in text
    assert re.search(r"\n  3 customers who complained: 2 too late, the first 5\.0 days ago *\n", text)
    assert re.search(r"\n  1 customer who turned sour: none too late, the first 2\.0 h ago *\n", text)


def test_pages_are_told_that_fail_and_on_which_visits_end() -> None:
    text = printed(SERVED)

    assert "Most often something fails on /pay: in 5 of 50 visits." in text
    assert "Most often visits end on /: 25% of 400" in text


def test_questions_are_told_by_their_words_the_worst_first() -> None:
    text = printed(SERVED)

    assert re.search(r"own, q7 +12% +2% and 47% +8\nHow were you greeted\? +75% +58% and 87% +32\n", text)
    assert "What did we do well?" not in text
    assert "1 question with fewer than 30 answers: they say little." in text


def test_of_many_questions_the_worst_are_told_and_the_others_counted() -> None:
    many = [question("s", f"q{number}", "", number, 40) for number in range(11)]

    text = printed({**SERVED, queries.QUESTIONS: many})

    # Heading, head, four questions, the rest, two lines on who is liked best, and one on who is praised.
    assert "s, q3 " in text
    assert "s, q4 " not in text
    assert "… and 7 better ones: SELECT * FROM survey_results" in text


def test_staff_are_named_of_whom_enough_customers_have_spoken() -> None:
    text = printed(SERVED)

    # Wilson's lower end for 40 of 40 is 40 / (40 + 3.8416) = 0.912.
    said = (
        "Best liked after calls and cases: mia, by 100% of 40 customers (95 % sure between 91% and 100%), of 2 whom 30"
    )
    assert said in " ".join(text.split())
    assert "Praised by name, most often: Mia (5)." in text
    assert "leo" not in text
    assert "the cat" not in text


def test_where_few_customers_have_spoken_nobody_is_called_the_best() -> None:
    few = [{"agent": "mia", "favourable": "29", "of": "29"}, {"agent": "leo", "favourable": "3", "of": "3"}]

    text = " ".join(printed({**SERVED, queries.STAFF: few}).split())

    assert (
        "Too few answers after calls and cases to say whom customers like best: mia has those of 29 customers" in text
    )
    assert "Best liked" not in text


def test_where_nothing_is_known_it_says_so() -> None:
    text = printed(UNSERVED)

    assert "there is nothing to tell of service" in text
    assert "Nothing waits: no case is open." in text
    assert "Nobody waits for you to get back to them." in text
    assert "Nobody has posted or reviewed anything." in text
    assert "Too few visits to say where the site fails." in text
    assert "No question of a survey was answered with a score." in text
    assert "No survey followed a call or case whose staff is known." in text


@pytest.mark.parametrize("width", [60, 80])
def test_no_line_is_wider_than_the_page(width: int) -> None:
    wordy = {
        **SERVED,
        queries.QUESTIONS: [question("s", "q", "How did you like all that we did for you? " * 4, 3, 40)],
        queries.OPEN_CASES: [{**open_case(1, DAY_S, 0), "customer_id": "c" * 90}],
        queries.MEDIANS: [medians()],
    }

    assert [line for line in printed(wordy, width).splitlines() if len(line) > width] == []
