"""Queries of docs/questions.md on what the sample lacks: calls passed on, cases reopened, fields stated once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sinks.database import select
from sinks.migrate import migrate
from tests.contract.engine import Engine
from tests.unit.played_lines import store
from tests.unit.test_questions import QUERIES

pytestmark = pytest.mark.embedded

Line = dict[str, Any]


def call(call_id: str, minute: int, phase: str, **more: Any) -> Line:
    """Return an event of a call, some minutes after noon."""
    return event("support_call", f"2026-06-01T12:{minute:02}:00Z", call_id=call_id, phase=phase, **more)


def case(case_id: str, day: int, phase: str, by: str, hour: int = 12, **more: Any) -> Line:
    """Return an event of a case, on a day of June."""
    return event("case_event", f"2026-06-{day:02}T{hour:02}:00:00Z", case_id=case_id, phase=phase, by=by, **more)


def order(order_id: str, day: int, amount: int, month: int = 6) -> Line:
    """Return a statement of an order, on a day of a month."""
    own = {"order_id": order_id, "amount_minor": amount, "currency": "EUR"}
    return event("purchase", f"2026-{month:02}-{day:02}T12:00:00Z", **own)


def event(kind: str, at: str, **more: Any) -> Line:
    own = json.dumps(more, sort_keys=True)
    return {"kind": kind, "event_id": f"{at} {own}"[:128], "occurred_at": at, "source": "s", "customer_id": "c", **more}


def answer(database: Engine, folder: Path, number: int, lines: list[Line]) -> list[Any]:
    file = folder / "odd.jsonl"
    file.write_text("\n".join(map(json.dumps, sorted(lines, key=lambda line: str(line["occurred_at"])))))
    migrate(database)
    store(database, file, 1_790_000_000_000, [])
    return [list(row) for row in select(database, QUERIES[number])]


def test_a_call_is_that_of_the_agent_who_had_it_last_whichever_event_names_them(
    chdb_opened: Engine, tmp_path: Path
) -> None:
    lines = [
        call("named once", 0, "queued", topic="delivery"),
        call("named once", 1, "answered", agent_id="mia"),
        call("named once", 9, "ended", resolved=True, solutions_offered=1),
        call("passed on", 10, "answered", agent_id="mia"),
        call("passed on", 12, "transferred", agent_id="leo"),
        call("passed on", 15, "ended", resolved=False, solutions_offered=4),
        call("not told", 20, "answered", agent_id="mia"),
        call("not told", 21, "ended"),
    ]
    assert answer(chdb_opened, tmp_path, 18, lines) == [["leo", 1, 0, 0, 4], ["mia", 1, 1, 1, 1]]


def test_an_agent_who_opens_a_case_has_not_replied_and_its_first_topic_counts(
    chdb_opened: Engine, tmp_path: Path
) -> None:
    lines = [
        case("by an agent", 1, "opened", "agent", 8, topic="delivery"),
        case("by an agent", 1, "updated", "agent", 10),
        case("passed on", 1, "opened", "customer", 8, topic="delivery"),
        case("passed on", 1, "updated", "agent", 12, topic="billing"),
        case("not replied", 1, "opened", "customer", 8, topic="delivery"),
        case("not replied", 1, "acknowledged", "bot", 9, topic="delivery"),
    ]
    assert answer(chdb_opened, tmp_path, 17, lines) == [["delivery", 3, 2, 3.0]]


def test_an_order_counts_from_its_first_statement_and_a_cancelled_one_not_at_all(
    chdb_opened: Engine, tmp_path: Path
) -> None:
    too_late = [order("first", 1, 1000), order("first", 3, 900), order("next", 2, 500, month=7)]
    assert answer(chdb_opened, tmp_path, 14, too_late) == [[1, 0]]

    cancelled = [order("first", 1, 1000), order("next", 2, 500), order("next", 3, 0)]
    assert answer(chdb_opened, tmp_path, 14, cancelled) == [[1, 0]]


def test_an_order_that_was_cancelled_sold_nothing(chdb_opened: Engine, tmp_path: Path) -> None:
    items = [{"sku": "beans", "quantity": 1, "price_minor": 1000}]
    lines = [
        order("kept", 1, 1000) | {"items": items},
        order("kept", 9, 1000) | {"items": items, "action": "refunded"},
        order("cancelled", 1, 1000) | {"items": items},
        order("cancelled", 2, 0) | {"items": items},
        order("liked", 3, 1000) | {"items": items},
    ]
    assert answer(chdb_opened, tmp_path, 13, lines) == [["beans", 2, 1, 0.5]]


def test_deliveries_of_two_customers_may_share_an_event_id(chdb_opened: Engine, tmp_path: Path) -> None:
    lines = [
        case(f"parcel of {customer}", 1, "updated", "bot", topic="delivery")
        | {"customer_id": customer, "event_id": "e"}
        for customer in ("c", "d")
    ]
    assert answer(chdb_opened, tmp_path, 21, [*lines, call("c", 1, "queued")]) == [[2, 1]]


def test_a_promise_is_kept_by_what_is_resolved_after_it_was_given(chdb_opened: Engine, tmp_path: Path) -> None:
    lines = [
        case("reopened", 1, "resolved", "agent", topic="delivery"),
        case("reopened", 2, "reopened", "customer"),
        case("reopened", 3, "eta_given", "agent", eta_at="2026-06-05T12:00:00Z"),
        case("in time", 1, "eta_given", "agent", topic="delivery", eta_at="2026-06-03T12:00:00Z"),
        case("in time", 2, "resolved", "agent"),
        case("in time", 4, "reopened", "customer"),
        case("in time", 9, "resolved", "agent"),
        case("put off", 1, "eta_given", "agent", topic="delivery", eta_at="2026-06-02T12:00:00Z"),
        case("put off", 2, "eta_given", "agent", eta_at="2026-06-06T12:00:00Z"),
        case("put off", 5, "resolved", "agent"),
        case("late", 1, "eta_given", "agent", topic="delivery", eta_at="2026-06-02T12:00:00Z"),
        case("late", 3, "resolved", "agent"),
    ]
    assert answer(chdb_opened, tmp_path, 20, lines) == [["delivery", 4, 2]]
