"""How a shop served its customers in a month, made by hand: what the report's queries on service would answer."""

from __future__ import annotations

from typing import Any

from touchline.report import service_queries as queries

HOUR_S = 3_600
DAY_S = 24 * HOUR_S


def medians(**found: tuple[float, int]) -> dict[str, Any]:
    """Return the row of medians: of each duration its median and number, none where it is not named."""
    row: dict[str, Any] = {"most_silence": None}
    for name in queries.DURATIONS:
        row[name], row[f"{name}_n"] = found.get(name, (None, "0"))
    return row


def open_case(number: int, age: float, answered: int) -> dict[str, Any]:
    """Return the row of one of seven open cases, of which three are not answered."""
    return {
        "customer_id": f"C{number}",
        "case_id": f"t-{number}",
        "topic": "delivery" if number else "",
        "answered": answered,
        "age": age,
        "open_cases": "7",
        "unanswered": "3",
    }


def question(survey: str, name: str, text: str, favourable: int, of: int) -> dict[str, Any]:
    """Return the row of a question."""
    return {"survey_id": survey, "question": name, "text": text, "favourable": str(favourable), "of": str(of)}


SERVED: dict[str, list[dict[str, Any]]] = {
    queries.SHARE_SUMS: [
        {"metric": "service_level", "counted": 75, "of": "100", "target": 0.8},
        {"metric": "answered_in_24h", "counted": 40, "of": "80", "target": 0.9},
        {"metric": "promises_kept", "counted": 3, "of": "4", "target": None},
        {"metric": "follow_ups_in_time", "counted": 30, "of": "40", "target": 0.9},
    ],
    queries.MEDIANS: [
        medians(first_response=(2 * HOUR_S, 70), resolution=(3 * DAY_S, 12), resolution_business=(9 * HOUR_S, 10))
        | {"most_silence": 5 * DAY_S}
    ],
    queries.OPEN_CASES: [open_case(0, 9 * DAY_S, 0), open_case(1, 4 * DAY_S, 1)],
    queries.OPEN_FOLLOW_UPS: [
        {"reason": "complaint", "customers": "3", "late": "2", "oldest": 5 * DAY_S},
        {"reason": "worse", "customers": "1", "late": "0", "oldest": 2 * HOUR_S},
    ],
    queries.QUESTIONS: [
        question("service", "greeting", "How were you greeted?", 24, 32),
        question("own", "q7", "", 1, 8),
        question("service", "did_well", "What did we do well?", 0, 0),
    ],
    queries.STAFF: [
        {"agent": "mia", "favourable": "40", "of": "40"},
        {"agent": "leo", "favourable": "29", "of": "29"},
        {"agent": "eli", "favourable": "20", "of": "50"},
    ],
    queries.PRAISED: [{"name": "Mia", "n": "5"}, {"name": "the cat", "n": "1"}],
    queries.POSTS: [{"posts": "20", "answered": "15", "oldest": 2 * DAY_S}],
    queries.PAGES: [
        {"page": "/", "sessions": "400", "failed": "4", "lost": "100"},
        {"page": "/pay", "sessions": "50", "failed": "5", "lost": "10"},
    ],
    queries.FEWEST: [{"fewest": 30}],
}

UNSERVED: dict[str, list[dict[str, Any]]] = {
    **{sql: [] for sql in SERVED},
    queries.MEDIANS: [medians()],
    queries.POSTS: [{"posts": "0", "answered": "0", "oldest": None}],
    queries.FEWEST: [{"fewest": 30}],
}
