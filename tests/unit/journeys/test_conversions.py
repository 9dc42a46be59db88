"""What converts a cart and what only recovers its row, with expectations worked out by hand.

A cart of 10:00 is abandoned at 10:30. The order that names it, or holds all its skus, takes it out of the rate; any
other order recovers the row alone.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from schemas.journey_log import Touchpoint
from schemas.kinds.purchase import PurchaseItem
from tests.unit.journeys.play import DAY, HOUR, MINUTE, SECOND, T0, Play, call, cart, order, played, survey

LOST = {"n": 1, "numerator": 1, "samples": []}
KEPT = {"n": 1, "numerator": 0, "samples": []}
RATE = "cart_abandonment_rate"
COMPARED = ("journeys", "abandonments", "metric_buckets", "customers")


def bought(at: int, *skus: str, **more: Any) -> Touchpoint:
    return order(at, items=[PurchaseItem(sku, 1, 100) for sku in skus], **more)


def filled(*skus: str | None, cart_id: str = "k", at: int = 0) -> list[Touchpoint]:
    return [cart(at, "item_added", cart_id, sku=sku) for sku in skus]


def recovery(play: Play) -> tuple[str, int | None, str | None]:
    row = play.row("abandonments")
    at = row["recovered_at"]
    return row["status"], None if at is None else at - T0, row["recovered_by"]


@pytest.mark.parametrize(
    ("made", "by"),
    [
        (bought(2 * HOUR, cart_id="k"), "cart_id"),
        (cart(2 * HOUR, "ordered"), "cart_id"),
        (bought(2 * HOUR, "a", "b"), "skus"),
        (bought(2 * HOUR, "c", "b", "a"), "skus"),
    ],
)
def test_the_order_of_an_abandoned_cart_takes_it_out_of_the_rate(made: Touchpoint, by: str) -> None:
    play = played([*filled("a", "b"), made], until=DAY)

    assert recovery(play) == ("recovered", 2 * HOUR, by)
    assert play.metric(RATE) == KEPT


@pytest.mark.parametrize(
    "made",
    [
        bought(10 * MINUTE, cart_id="k"),
        cart(10 * MINUTE, "ordered"),
        bought(10 * MINUTE, "a", "b"),
        bought(30 * MINUTE - 1, "a", "b"),
    ],
)
def test_the_order_of_a_cart_in_time_leaves_nothing_abandoned(made: Touchpoint) -> None:
    play = played([*filled("a", "b"), made], until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric(RATE) == KEPT


@pytest.mark.parametrize(
    ("skus", "made"),
    [
        (("a", "b"), bought(2 * HOUR, "a")),
        (("a", "b"), bought(2 * HOUR)),
        (("a", "b"), bought(2 * HOUR, "c")),
        (("a", None), bought(2 * HOUR, "a")),
        ((None,), bought(2 * HOUR, "a")),
        (("a",), bought(2 * HOUR, "a", cart_id="another")),
    ],
)
def test_any_other_order_recovers_the_row_and_leaves_the_rate_alone(
    skus: tuple[str | None, ...], made: Touchpoint
) -> None:
    play = played([*filled(*skus), made], until=DAY)

    assert recovery(play) == ("recovered", 2 * HOUR, "order")
    assert play.metric(RATE) == LOST


def test_another_order_before_the_deadline_recovers_nothing() -> None:
    play = played([*filled("a", "b"), bought(10 * MINUTE, "a")], until=DAY)

    assert recovery(play) == ("abandoned", None, None)
    assert play.metric(RATE) == LOST


def test_the_number_of_pieces_does_not_matter() -> None:
    play = played([cart(0, "item_added", sku="a", quantity=5), bought(10 * MINUTE, "a")], until=DAY)

    assert play.rows("abandonments") == []


def test_what_was_taken_out_of_the_cart_need_not_be_in_the_order() -> None:
    made = [*filled("a", "b"), cart(MINUTE, "item_removed", sku="b"), bought(10 * MINUTE, "a")]

    assert played(made, until=DAY).rows("abandonments") == []


def test_an_emptied_cart_is_not_converted_by_skus() -> None:
    made = [*filled("a"), cart(MINUTE, "item_removed", sku="a"), bought(10 * MINUTE, "a")]
    made.append(cart(12 * MINUTE, "item_added", sku="b"))

    play = played(made, until=DAY)

    assert play.row("abandonments")["status"] == "abandoned"
    assert play.metric(RATE) == LOST


def test_an_order_converts_each_cart_all_of_whose_skus_it_holds() -> None:
    made = [*filled("a", cart_id="k1"), *filled("b", "a", cart_id="k2"), *filled("c", cart_id="k3")]
    play = played([*made, bought(10 * MINUTE, "a", "b")], until=DAY)

    assert [row["subject_id"] for row in play.rows("abandonments")] == ["k3"]
    assert play.metric(RATE) == {"n": 3, "numerator": 1, "samples": []}


def test_an_order_that_names_a_cart_converts_that_one_alone() -> None:
    made = [*filled("a", cart_id="k1"), *filled("a", cart_id="k2"), bought(2 * HOUR, "a", cart_id="k1")]
    play = played(made, until=DAY)

    assert [(row["subject_id"], row["recovered_by"]) for row in play.rows("abandonments")] == [
        ("k1", "cart_id"),
        ("k2", "order"),
    ]
    assert play.metric(RATE) == {"n": 2, "numerator": 1, "samples": []}


@pytest.mark.parametrize(("late", "abandoned"), [(0, False), (1, True)])
def test_a_cart_that_begins_five_minutes_after_the_order_is_the_orders(late: int, abandoned: bool) -> None:
    play = played([bought(0, "a"), *filled("a", at=5 * MINUTE + late)], until=DAY)

    assert bool(play.rows("abandonments")) is abandoned
    assert play.metric(RATE)["numerator"] == int(abandoned)


def test_an_order_five_minutes_before_a_cart_needs_all_its_skus_too() -> None:
    play = played([bought(0, "b"), *filled("a", at=MINUTE)], until=DAY)

    assert recovery(play) == ("abandoned", None, None)


def test_a_cart_that_went_on_after_an_order_of_other_skus_is_not_the_orders() -> None:
    # When the order was placed the cart held a; that it holds b an hour later is no part of the order.
    made = [*filled("a"), bought(10 * MINUTE, "b"), cart(20 * MINUTE, "item_removed", sku="a")]
    play = played([*made, cart(21 * MINUTE, "item_added", sku="b")], until=DAY)

    assert recovery(play) == ("abandoned", None, None)
    assert play.metric(RATE) == LOST


@pytest.mark.parametrize(
    ("days", "expected", "rate"),
    [
        (30 * DAY, ("recovered", 30 * DAY, "skus"), KEPT),
        # More than 30 days after its last event, and no more than 30 after it was abandoned.
        (30 * DAY + 1, ("recovered", 30 * DAY + 1, "order"), LOST),
        (30 * DAY + 30 * MINUTE, ("recovered", 30 * DAY + 30 * MINUTE, "order"), LOST),
        (30 * DAY + 30 * MINUTE + 1, ("abandoned", None, None), LOST),
    ],
)
def test_the_skus_of_an_order_convert_for_thirty_days_from_the_last_event(
    days: int, expected: tuple[str, int | None, str | None], rate: dict[str, Any]
) -> None:
    play = Play().send(*filled("a")).at(29 * DAY).send(bought(days, "a")).at(31 * DAY)

    assert recovery(play) == expected
    assert play.metric(RATE) == rate


def test_a_row_recovered_by_some_order_leaves_the_rate_with_the_carts_own() -> None:
    made = [*filled("a", "b"), bought(2 * HOUR, "c"), bought(3 * HOUR, "a", "b")]
    play = played(made, until=DAY)

    assert play.row("abandonments")["status"] == "recovered"
    assert play.row("abandonments")["recovered_by"] == "skus"
    assert play.metric(RATE) == KEPT


def test_a_cart_that_some_order_recovered_may_be_abandoned_again() -> None:
    made = [*filled("a"), bought(2 * HOUR, "c"), cart(3 * HOUR, "item_added", sku="b")]
    play = played(made, until=DAY)

    assert recovery(play) == ("abandoned", None, None)
    assert play.row("abandonments")["abandoned_at"] == T0 + 3 * HOUR + 30 * MINUTE
    assert play.metric(RATE) == LOST


def test_a_call_is_recovered_by_an_order_and_a_survey_by_its_completion() -> None:
    made = [call(0, "queued"), call(45 * SECOND, "ended"), survey(0, "started")]
    play = Play().send(*made).at(8 * DAY).send(order(9 * DAY), survey(9 * DAY, "completed")).at(10 * DAY)

    assert [(row["subject"], row["recovered_by"]) for row in play.rows("abandonments")] == [
        ("call", "order"),
        ("survey", "completion"),
    ]
    assert play.metric("call_abandonment_rate")["numerator"] == 1
    assert play.metric("survey_abandonment_rate")["numerator"] == 1


def test_the_signal_says_the_recovery_of_a_row() -> None:
    play = Play().send(*filled("a")).at(HOUR).send(bought(2 * HOUR, "c")).at(DAY)

    last = play.outputs[-2].signals[-1].record
    assert (last["status"], last["recovered_at"], last["retracted"]) == ("recovered", T0 + 2 * HOUR, False)


def test_an_abandonment_has_the_channel_and_attributes_of_its_thing() -> None:
    play = played([cart(0, "item_added", channel="app", attributes={"region": "eu"})], until=DAY)

    row = play.row("abandonments")
    assert (row["channel"], row["attributes"]) == ("app", {"region": "eu"})


@pytest.mark.parametrize("gap", [0, MINUTE, HOUR])
def test_the_order_of_arrival_of_carts_and_orders_changes_nothing(gap: int) -> None:
    made = [
        cart(0, "item_added", "k1", sku="a"),
        cart(gap, "item_added", "k2", sku="b"),
        bought(2 * gap, "a"),
        bought(3 * gap, "b", cart_id="k2"),
        cart(4 * gap, "item_added", "k3", sku="a"),
    ]
    shown = []
    for received in permutations(made):
        seen = Play().send(*received[:2]).send(*received[2:]).at(DAY).tables.seen()
        shown.append({table: seen.get(table) for table in COMPARED})

    assert all(each == shown[0] for each in shown)


def test_a_cart_that_some_order_recovered_is_not_converted_after_thirty_days() -> None:
    play = Play().send(*filled("a")).at(19 * DAY).send(bought(20 * DAY, "c")).at(30 * DAY)

    play.send(bought(31 * DAY, "a", cart_id="k")).at(32 * DAY)

    assert recovery(play) == ("recovered", 20 * DAY, "order")
    assert play.metric(RATE) == LOST
