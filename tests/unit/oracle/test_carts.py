"""Carts: what is in them, and which order converts or recovers them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.touchpoints import DAY, HOUR, MINUTE
from tests.unit.oracle.told import Story

Event = tuple[str, str | None, int]
"""Action, sku, and the stated value."""
ADD_A: Event = ("item_added", "a", 0)
ADD_B: Event = ("item_added", "b", 0)
TAKE_A: Event = ("item_removed", "a", 0)


def cart(*events: Event) -> Story:
    """Return a story of a cart with one event a minute."""
    story = Story()
    for minute, (action, sku, value) in enumerate(events):
        story.cart(minute * MINUTE, action, sku, value)
    return story


def items(*skus: str) -> list[dict[str, Any]]:
    return [{"sku": sku, "quantity": 1, "price_minor": 1} for sku in skus]


@pytest.mark.parametrize(
    ("events", "abandoned"),
    [
        ([ADD_A], 1),
        ([ADD_A, TAKE_A], 0),
        # The second click removes nothing: b stays.
        ([ADD_A, ADD_B, TAKE_A, TAKE_A], 1),
        ([TAKE_A, ADD_A], 1),
        # An event without sku speaks of one unnamed sku.
        ([ADD_A, ("item_removed", None, 0)], 1),
        ([("item_added", None, 0), ("item_removed", None, 0)], 0),
        ([ADD_A, ("cleared", None, 0)], 0),
        ([ADD_A, ("cleared", None, 500)], 0),
        # The value says that something is in it that no event named …
        ([ADD_A, ("item_removed", "a", 500)], 1),
        ([("created", None, 500), ("checkout_started", None, 0)], 1),
        # … until a value is stated of a cart whose contents are known.
        ([("created", None, 500), ("item_added", "a", 900), TAKE_A], 0),
    ],
)
def test_a_cart_is_abandoned_with_something_in_it(events: list[Event], abandoned: int) -> None:
    story = cart(*events)

    assert len(story.abandonments()) == abandoned


def test_an_order_recovers_the_cart_that_it_names_and_the_rate_forgets_it() -> None:
    story = cart(ADD_A)
    story.order(HOUR, cart_id="c", items=items("spoon"))

    (row,) = story.abandonments()
    assert (row["abandoned_at"], row["recovered_at"], row["recovered_by"]) == (30 * MINUTE, HOUR, "cart_id")
    assert story.metric("cart_abandonment_rate") == [(0, 1, 0)]


@pytest.mark.parametrize("skus", [["a", "b"], ["b", "a", "spoon"]])
def test_an_order_that_holds_all_skus_converts_the_cart(skus: list[str]) -> None:
    story = cart(ADD_A, ADD_B)
    story.order(10 * MINUTE, items=items(*skus))

    assert story.abandonments() == []
    assert story.metric("cart_abandonment_rate") == [(0, 1, 0)]


@pytest.mark.parametrize(
    ("at", "by", "lost"),
    [
        (30 * DAY, "skus", 0),
        # The cart's last event lies over 30 days before it, its abandonment does not.
        (30 * DAY + 1, "order", 1),
        (30 * DAY + 30 * MINUTE, "order", 1),
        (30 * DAY + 30 * MINUTE + 1, None, 1),
    ],
)
def test_an_order_reaches_back_30_days(at: int, by: str | None, lost: int) -> None:
    story = cart(ADD_A)
    story.order(at, items=items("a"))

    assert [row["recovered_by"] for row in story.abandonments()] == [by]
    assert story.metric("cart_abandonment_rate") == [(0, 1, lost)]


@pytest.mark.parametrize(("after", "rows"), [(5 * MINUTE, 0), (5 * MINUTE + 1, 1)])
def test_an_order_converts_a_cart_that_begins_up_to_5_minutes_after_it(after: int, rows: int) -> None:
    story = Story()
    story.order(0, items=items("a"))
    story.cart(after, "created")
    story.cart(after + 1, "item_added", "a")

    assert len(story.abandonments()) == rows


@pytest.mark.parametrize("order", [{"items": items("a")}, {"cart_id": "another", "items": items("a", "b")}, {}])
def test_any_other_order_recovers_the_row_and_leaves_the_rate(order: dict[str, Any]) -> None:
    story = cart(ADD_A, ADD_B)
    story.order(HOUR, **order)

    assert [(row["status"], row["recovered_by"]) for row in story.abandonments()] == [("recovered", "order")]
    assert story.metric("cart_abandonment_rate") == [(0, 1, 1)]


def test_an_order_of_the_cart_replaces_the_recovery_by_another() -> None:
    story = cart(ADD_A)
    story.order(HOUR, order="another")
    story.order(2 * HOUR, cart_id="c")

    assert [(row["recovered_at"], row["recovered_by"]) for row in story.abandonments()] == [(2 * HOUR, "cart_id")]
    assert story.metric("cart_abandonment_rate") == [(0, 1, 0)]


def test_a_cart_taken_up_again_after_another_order_is_abandoned_anew() -> None:
    story = cart(ADD_A)
    story.order(HOUR)
    story.cart(DAY, "item_added", "a")

    assert [(row["abandoned_at"], row["recovered_by"]) for row in story.abandonments()] == [(DAY + 30 * MINUTE, None)]


@pytest.mark.parametrize("event", [("item_added", None, 0), ("created", None, 500)])
def test_a_cart_of_unnamed_things_is_not_converted_by_skus(event: Event) -> None:
    story = cart(event)
    story.order(10 * MINUTE, items=items("a"))

    assert [row["recovered_by"] for row in story.abandonments()] == [None]


def test_a_cancelled_order_leaves_its_cart_as_if_it_had_never_been() -> None:
    story = cart(ADD_A)
    story.order(10 * MINUTE, cart_id="c")
    story.cart(20 * MINUTE, "item_added", "b", 700)
    story.order(5 * DAY, amount=0, cart_id="c")

    (row,) = story.abandonments()
    assert (row["status"], row["abandoned_at"], row["value_minor"]) == ("abandoned", 50 * MINUTE, 700)
    assert story.metric("cart_abandonment_rate") == [(0, 1, 1)]


def test_an_order_names_what_its_last_statement_names_when_it_was_first_stated() -> None:
    story = cart(ADD_A)
    story.order(10 * MINUTE, items=items("spoon"))
    story.order(2 * DAY, cart_id="c")

    assert story.abandonments() == []


def test_a_row_has_channel_and_attributes_of_its_first_touchpoint() -> None:
    story = Story()
    story.cart(0, "created", channel="app", attributes={"region": "north"})
    story.cart(MINUTE, "item_added", "a", channel="web")

    (row,) = story.abandonments()
    assert (row["channel"], row["attributes"]) == ("app", {"region": "north"})
