"""What lies in a cart, by sku, with expectations worked out by hand: a cart with something in it is abandoned."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from schemas.journey_log import Touchpoint
from tests.unit.journeys.play import DAY, MINUTE, Play, cart, changed, played

Step = tuple[str, dict[str, Any]]
COMPARED = ("journeys", "abandonments", "metric_buckets", "customers")


def add(sku: str | None, value: int = 0, quantity: int = 1) -> Step:
    return "item_added", {"sku": sku, "value": value, "quantity": quantity}


def remove(sku: str | None, value: int = 0, quantity: int = 1) -> Step:
    return "item_removed", {"sku": sku, "value": value, "quantity": quantity}


def other(action: str, value: int = 0) -> Step:
    return action, {"value": value}


def steps(*made: Step) -> list[Touchpoint]:
    """Return one cart's events, a minute apart."""
    return [cart(place * MINUTE, action, **fields) for place, (action, fields) in enumerate(made)]


def is_abandoned(*made: Step) -> bool:
    rows = played(steps(*made), until=DAY).rows("abandonments")
    assert len(rows) <= 1
    return bool(rows)


@pytest.mark.parametrize(
    "made",
    [
        [add("a"), add("b"), remove("a"), remove("a")],
        [add("a"), remove("b")],
        [add("a"), remove(None)],
        [add(None), remove("a")],
        [add("a", quantity=2), remove("a")],
        [remove("a"), add("a")],
        [add("a"), other("cleared"), add("a")],
        [add("a", quantity=2), remove("a", quantity=5), add("a")],
    ],
)
def test_what_is_not_in_a_cart_cannot_be_taken_out_of_it(made: list[Step]) -> None:
    assert is_abandoned(*made)


@pytest.mark.parametrize(
    "made",
    [
        [add("a"), remove("a")],
        [add(None), remove(None)],
        [add("a", 500), remove("a")],
        [add("a"), add("b"), remove("a"), remove("b")],
        [add("a", quantity=2), remove("a"), remove("a")],
        [add("a", quantity=2), remove("a", quantity=5)],
        [add("a"), add("b"), other("cleared")],
        [add("a", 500), add(None, 900), other("cleared", 900)],
        [remove("a")],
        [other("created"), other("checkout_started")],
    ],
)
def test_an_empty_cart_is_not_abandoned(made: list[Step]) -> None:
    assert not is_abandoned(*made)


@pytest.mark.parametrize(
    "made",
    [
        [other("created", 500)],
        [other("checkout_started", 900)],
        [add("a"), remove("a", 500)],
        [add("a"), other("cleared"), other("checkout_started", 500)],
        [other("checkout_started", 900), remove("a")],
        [other("created", 900), add("a"), remove("a")],
    ],
)
def test_a_stated_value_above_zero_means_that_something_is_in_it(made: list[Step]) -> None:
    play = played(steps(*made), until=DAY)

    assert len(play.rows("abandonments")) == 1
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 1, "samples": []}


def test_a_cart_of_which_only_the_order_states_a_value_is_a_cart() -> None:
    play = played(steps(other("created"), other("ordered", 900)), until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 0, "samples": []}


def test_a_cart_keeps_its_last_stated_value_while_something_is_in_it() -> None:
    play = played(steps(add("a", 500), add("b", 900), remove("a")), until=DAY)

    assert play.row("abandonments")["value_minor"] == 900


def test_a_cleared_cart_has_lost_its_value() -> None:
    play = played(steps(add("a", 500), other("cleared"), add("b")), until=DAY)

    assert play.row("abandonments")["value_minor"] == 0


def test_a_cart_that_was_emptied_stays_among_the_carts() -> None:
    assert played(steps(add("a"), remove("a")), until=DAY).metric("cart_abandonment_rate") == {
        "n": 1,
        "numerator": 0,
        "samples": [],
    }


@pytest.mark.parametrize(
    "made",
    [
        [add("a"), add("b"), remove("a"), remove("a")],
        [add("a", 500), remove("a"), add("b"), other("checkout_started", 700)],
        [add("a"), other("cleared"), remove("a"), add(None, 300)],
        [other("created", 900), add("a"), remove("a"), remove(None)],
    ],
)
def test_the_order_of_arrival_of_events_at_several_moments_changes_nothing(made: list[Step]) -> None:
    events = steps(*made)
    expected = played(events, until=DAY).tables.seen()

    for received in permutations(events):
        shown = Play().send(*received[:2]).send(*received[2:]).at(DAY).tables.seen()
        assert {table: shown.get(table) for table in COMPARED} == {table: expected.get(table) for table in COMPARED}


@pytest.mark.parametrize(
    ("made", "abandoned"),
    [
        # An addition comes before a removal, and what empties a cart comes after both.
        ([add("a"), remove("a"), remove("a"), add("b")], True),
        ([add("a"), remove("a")], False),
        ([add("a", 500), other("cleared"), remove("b"), other("checkout_started")], False),
        ([add("a"), other("checkout_started", 500), add("b", 700), remove("c")], True),
    ],
)
def test_the_order_of_arrival_of_events_at_one_moment_changes_nothing(made: list[Step], abandoned: bool) -> None:
    events = [
        changed(cart(0, action, **fields), event_id=f"one {place}") for place, (action, fields) in enumerate(made)
    ]
    expected = played(events, until=DAY).tables.seen()
    assert bool(expected.get("abandonments")) is abandoned

    for received in permutations(events):
        shown = Play().send(*received[:2]).send(*received[2:]).at(DAY).tables.seen()
        assert {table: shown.get(table) for table in COMPARED} == {table: expected.get(table) for table in COMPARED}
