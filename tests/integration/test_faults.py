"""The faults that the field showed, each as a small story of its own, all in one input through the whole pipeline.

Each customer is a story, and so is the attribute `story` of its touchpoints: the metrics' dimension of that name keeps
the figures apart. They were worked out by hand; `tests/unit/journeys/` has the rules one by one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.integration import kept

pytestmark = pytest.mark.embedded

T0 = 1_717_236_000_000
"""2024-06-01 10:00:00 UTC."""
SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
NOW = int(time.time() * 1_000)

_numbers = count()


def line(story: str, kind: str, at: int, **fields: Any) -> dict[str, Any]:
    """Return a touchpoint of a story's customer, `at` ms after `T0`."""
    common = {
        "kind": kind,
        "event_id": f"e{next(_numbers):03}",
        "occurred_at": T0 + at,
        "source": "test",
        "customer_id": story,
        "attributes": {"story": story},
    }
    return {**common, **fields}


def answer(story: str, at: int, score: float, question: str | None = "q1", **more: Any) -> dict[str, Any]:
    fields = {"response_id": story, "survey_id": "s", "phase": "answered", "question_id": question}
    return line(story, "survey_answer", at, **{**fields, "question_kind": "nps", "score": score, **more})


def order(story: str, at: int, amount: int, *skus: str, **more: Any) -> dict[str, Any]:
    items = [{"sku": sku, "quantity": 1, "price_minor": amount} for sku in skus]
    fields = {"order_id": story, "amount_minor": amount, "currency": "EUR", "items": items}
    return line(story, "purchase", at, **{**fields, **more})


def cart(story: str, at: int, action: str, sku: str | None = None, **more: Any) -> dict[str, Any]:
    return line(story, "cart_event", at, cart_id=story, action=action, sku=sku, **more)


def call(story: str, at: int, phase: str, **more: Any) -> dict[str, Any]:
    return line(story, "support_call", at, call_id=story, phase=phase, **more)


def touchpoints() -> Iterator[dict[str, Any]]:
    """Give the stories, none in order of time."""
    yield answer("answered twice", MINUTE, 3, None, phase="completed")
    yield answer("answered twice", 0, 9)
    yield answer("half a point", 0, 6.5)
    yield order("two systems", HOUR, 1_000, source="books")
    yield order("two systems", 0, 1_190, source="shop")
    yield order("two systems", 2 * HOUR, 300, action="refunded")
    yield order("two systems", 3 * HOUR, 200, action="refunded")
    yield cart("cancelled", 0, "item_added", "a")
    yield order("cancelled", 10 * MINUTE, 500, cart_id="cancelled")
    yield order("cancelled", 2 * HOUR, 0, cart_id="cancelled")
    for at, (action, sku) in enumerate(
        [("item_added", "a"), ("item_added", "b"), ("item_removed", "a"), ("item_removed", "a")]
    ):
        yield cart("removed twice", at, action, sku)
    yield cart("cleared", 0, "item_added", "a", value_minor=900)
    yield cart("cleared", MINUTE, "cleared")
    yield cart("same skus", 0, "item_added", "a")
    yield order("same skus", 2 * HOUR, 700, "a", "b")
    yield cart("other skus", 0, "item_added", "a")
    yield order("other skus", 2 * HOUR, 700, "b")
    for at, phase in [(0, "queued"), (10, "answered"), (60, "transferred"), (60, "queued"), (65, "ended")]:
        yield call("queued again", at * SECOND, phase)
    yield call("resolved in the queue", 0, "queued")
    yield call("resolved in the queue", MINUTE, "ended", resolved=True)
    yield order("refunded first", 0, 300, action="refunded", currency="USD")
    yield order("refunded first", HOUR, 1_000)
    yield cart("ahead", NOW - MINUTE - T0, "item_added", "a")
    yield line("ahead", "page_view", NOW + 20 * HOUR - T0, page="/")


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    folder: Path = tmp_path_factory.mktemp("faults")
    file = folder / "faults.jsonl"
    file.write_text("".join(f"{json.dumps(touchpoint)}\n" for touchpoint in touchpoints()), encoding="utf-8")
    kept.demo(folder / "kept", file)
    return kept.rows(folder / "kept", *kept.VIEWS)


Views = dict[str, list[dict[str, Any]]]


def rows(views: Views, view: str, story: str) -> list[dict[str, Any]]:
    return [row for row in views[view] if row["customer_id"] == story]


def metric(views: Views, name: str, story: str) -> tuple[int, float] | None:
    """Return n and the numerator of a story's only bucket of a day, or None without one."""
    found = [
        (row["n"], row["numerator"])
        for row in views["rolling_metrics"]
        if (row["metric"], row["dimension"], row["dimension_value"], row["grain"]) == (name, "story", story, "1d")
    ]
    assert len(found) <= 1
    return found[0] if found else None


def superseded(views: Views, story: str) -> list[str]:
    return [row["action"] for row in rows(views, "touchpoints", story) if row["superseded"]]


def test_an_answer_that_is_stated_twice_counts_once(views: Views) -> None:
    story = "answered twice"

    assert metric(views, "nps", story) == (1, -1)
    assert superseded(views, story) == ["answered"]
    (customer,) = rows(views, "customers", story)
    assert (customer["last_nps"], customer["touchpoints"], customer["experience_mean"]) == (3, 2, -0.4)


def test_half_a_point_stays(views: Views) -> None:
    (customer,) = rows(views, "customers", "half a point")

    assert customer["last_nps"] == 6.5
    assert metric(views, "nps", "half a point") == (1, 0)


def test_an_order_of_two_systems_is_one_and_its_partial_refunds_are_two(views: Views) -> None:
    story = "two systems"

    (customer,) = rows(views, "customers", story)
    assert (customer["purchases"], customer["spend_minor"], customer["refunded_minor"]) == (1, 1_000, 500)
    assert metric(views, "orders", story) == (1, 1)
    assert superseded(views, story) == ["placed"]


def test_a_cancelled_order_leaves_its_cart_abandoned(views: Views) -> None:
    story = "cancelled"

    (customer,) = rows(views, "customers", story)
    (abandonment,) = rows(views, "abandonments", story)
    (journey,) = rows(views, "journeys", story)
    assert (customer["purchases"], journey["outcome"]) == (0, "abandoned")
    assert (abandonment["status"], abandonment["abandoned_at"]) == ("abandoned", "2024-06-01 10:30:00.000")
    assert metric(views, "orders", story) is None
    assert metric(views, "cart_abandonment_rate", story) == (1, 1)


def test_a_cart_holds_what_was_put_in(views: Views) -> None:
    assert len(rows(views, "abandonments", "removed twice")) == 1
    assert metric(views, "cart_abandonment_rate", "removed twice") == (1, 1)
    assert rows(views, "abandonments", "cleared") == []
    assert metric(views, "cart_abandonment_rate", "cleared") == (1, 0)


@pytest.mark.parametrize(("story", "by", "counted"), [("same skus", "skus", 0), ("other skus", "order", 1)])
def test_what_converts_a_cart_leaves_the_rate_and_any_other_order_does_not(
    views: Views, story: str, by: str, counted: int
) -> None:
    (abandonment,) = rows(views, "abandonments", story)

    assert (abandonment["status"], abandonment["recovered_by"]) == ("recovered", by)
    assert (abandonment["channel"], abandonment["attributes"]) == ("web", {"story": story})
    assert metric(views, "cart_abandonment_rate", story) == (1, counted)


def test_a_call_may_wait_more_than_once(views: Views) -> None:
    (abandonment,) = rows(views, "abandonments", "queued again")
    (journey,) = rows(views, "journeys", "queued again")

    assert (abandonment["subject"], abandonment["waited_seconds"]) == ("call", 5)
    assert journey["outcome"] == "abandoned"
    assert metric(views, "call_abandonment_rate", "queued again") == (1, 1)
    assert metric(views, "speed_of_answer", "queued again") == (1, 10)
    assert metric(views, "service_level", "queued again") == (1, 1)


def test_a_call_resolved_in_the_queue_is_not_abandoned(views: Views) -> None:
    story = "resolved in the queue"

    (journey,) = rows(views, "journeys", story)
    assert rows(views, "abandonments", story) == []
    assert journey["outcome"] == "resolved"
    assert metric(views, "call_abandonment_rate", story) == (1, 0)


def test_the_first_order_fixes_the_currency(views: Views) -> None:
    (customer,) = rows(views, "customers", "refunded first")

    assert (customer["currency"], customer["spend_minor"], customer["refunded_minor"]) == ("EUR", 1_000, 0)


def test_money_of_two_currencies_is_not_added(views: Views) -> None:
    shown = [
        row for row in views["rolling_metrics"] if row["grain"] == "1d" and row["metric"] in {"revenue", "refunds"}
    ]

    assert {row["value"] for row in shown if row["dimension"] != "currency"} == {None}
    assert {
        (row["metric"], row["dimension_value"]): row["value"] for row in shown if row["dimension"] == "currency"
    } == {("revenue", "EUR"): 3_400, ("refunds", "EUR"): 500, ("refunds", "USD"): 300}


def test_a_clock_that_is_ahead_abandons_nothing_before_its_time(views: Views) -> None:
    by_kind = {row["kind"]: row for row in rows(views, "touchpoints", "ahead")}
    (journey,) = rows(views, "journeys", "ahead")

    assert (by_kind["page_view"]["ahead"], by_kind["page_view"]["journey_id"]) == (True, "")
    assert (by_kind["cart_event"]["ahead"], by_kind["cart_event"]["journey_id"]) == (False, "ahead#1")
    assert (journey["touchpoints"], journey["outcome"]) == (1, "open")
    assert rows(views, "abandonments", "ahead") == []
