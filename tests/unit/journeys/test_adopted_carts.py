"""Carts of a guest's that meet the customer's own carts and orders: what they become, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.transfers import Adopted, transfer
from streams.journeys import things
from streams.journeys.adoption import adopt
from streams.journeys.effects import Effects
from streams.journeys.state import Attribution, Cart, CartStep, CustomerState, Order
from streams.journeys.things import Things
from tests.simulation.arrivals import RULES
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, cart, order, times
from tests.unit.journeys.test_adoption import LOGS_IN, found, guests_cart, left_a_cart
from tests.unit.journeys.two_partitions import GUEST, Two


def at_day(day: float) -> int:
    return T0 + round(day * DAY)


def on_day(day: float, channel: str = "web") -> Attribution:
    return Attribution(at=at_day(day), channel=channel, attributes={}, journey="guest's")


def added(day: float, channel: str | None = None) -> CartStep:
    """Return how something was put into a cart; in the cart's channel, unless another is given."""
    return CartStep(at_day(day), "item_added", "tea", 1, 100, "EUR", None if channel is None else on_day(day, channel))


def made_of(*steps: CartStep, name: str = "k", **known: Any) -> Cart:
    """Return a cart that holds something."""
    first, last = steps[0].occurred_at, steps[-1].occurred_at
    kept = [] if known.get("is_settled") else list(steps)
    return Cart(Attribution(first, "web", {}, "guest's"), name, last, {"tea": 1}, counted=True, steps=kept, **known)


def adopted_by(customer: CustomerState, *carts: Cart) -> Effects:
    """Let a customer have a guest's carts on day 40; return what that does."""
    sent = things.encode(Things(carts={str(number): one for number, one in enumerate(carts)}))
    effects = Effects("ann", RULES)
    adopt(customer, transfer(Adopted, GUEST, "e", at_day(40), things=sent), effects)
    return effects


def test_the_customers_other_carts_stay() -> None:
    two = left_a_cart(5, -6 * HOUR).send(cart(-5 * HOUR, "item_added", "own", 100, sku="milk")).at(-MINUTE)

    two.send(LOGS_IN, order(HOUR, cart_id="own")).at(2 * HOUR)

    assert found(two) == {"k1": ("ann", "recovered", "order"), "own": ("ann", "recovered", "cart_id")}
    assert two.rate() == (1, 2)


def test_two_carts_that_a_guest_began_in_one_moment_are_two_also_if_they_come_one_after_the_other() -> None:
    customer = CustomerState()
    for name in ("a", "b"):
        adopted_by(customer, made_of(added(35), name=name))

    assert set(customer.carts) == {"a", "b"}


def test_an_ordered_cart_that_is_sent_again_is_no_second_cart() -> None:
    customer = CustomerState()
    for _ in range(2):
        adopted_by(customer, made_of(added(35), status="ordered", is_settled=True))

    assert len(customer.carts) == 1


def test_a_cart_that_went_into_the_customers_own_is_no_second_cart_when_it_is_sent_again() -> None:
    """The customer's own began a day earlier."""
    customer = CustomerState(carts={"k": made_of(added(34))})
    adopted_by(customer, made_of(added(35)))

    again = adopted_by(customer, made_of(added(35)))

    [(name, one)] = customer.carts.items()
    assert (name, one.attribution.at, len(one.steps)) == ("k", at_day(34), 2)
    assert (again.entities, again.deltas) == ({}, [])


def test_of_a_cart_that_the_guest_began_the_customers_part_does_not_stay_behind() -> None:
    """It was ordered on day 2, was over on day 32, and is kept for an event of day 25; on day 34 another began."""
    old = made_of(added(1), added(25), status="ordered")
    old.last_at = at_day(2)
    placed = Order(on_day(2), (at_day(2), "e"), leading=True, amount_minor=100, currency="EUR", cart_id="k")
    customer = CustomerState(carts={f"k {at_day(1)}": old, "k": made_of(added(34))}, orders={"o": placed})

    adopted_by(customer, made_of(added(0.5)))

    began = {name: one.attribution.at for name, one in customer.carts.items()}
    assert began == {f"k {at_day(0.5)}": at_day(0.5), "k": at_day(34)}


def test_a_cart_that_begins_with_a_later_event_begins_where_that_was() -> None:
    """The customer's order of day 0 ordered the guest's cart, so it was over on day 30: day 31 is of another cart."""
    placed = Order(on_day(0.1), (at_day(0.1), "e"), leading=True, amount_minor=100, currency="EUR", cart_id="k")
    customer = CustomerState(orders={"o": placed})

    adopted_by(customer, made_of(added(0), added(25), added(31, "app")))

    assert customer.carts["k"].attribution == on_day(31, "app")


def test_what_the_guest_took_out_of_a_cart_was_not_left_in_the_customers_journey() -> None:
    """The shop's server told of the first event by the customer's id, the browser of the second."""
    two = Two().send(cart(-5 * DAY, "item_added", "k1", 100, sku="tea"))
    two.send(cart(10 * MINUTE - 5 * DAY, "item_removed", "k1", sku="tea", customer_key=GUEST)).at(-MINUTE)
    assert (found(two), two.rate()) == ({"k1": ("ann", "abandoned", None)}, (1, 1))

    two.send(LOGS_IN).at(40 * DAY)

    assert (found(two), two.rate()) == ({}, (0, 1))
    assert {one["customer_id"]: one["outcome"] for one in two.seen("journeys")} == {"ann": "visited", GUEST: "visited"}


def test_a_cart_that_the_guest_ordered_leaves_the_customers_own_of_that_name_alone() -> None:
    two = Two().send(guests_cart(-6 * DAY), order(MINUTE - 6 * DAY, cart_id="k1", customer_key=GUEST))
    two.send(cart(-5 * DAY, "item_added", "k1", 100, sku="milk")).at(-MINUTE)

    two.send(LOGS_IN, order(HOUR, cart_id="k1")).at(2 * HOUR)

    [row] = two.seen("abandonments")
    assert (row["customer_id"], row["recovered_by"]) == ("ann", "cart_id")
    assert times(row, "started_at", "recovered_at") == [-5 * DAY, HOUR]


@pytest.mark.parametrize(
    ("placed", "became", "rate"),
    [
        ([(-6 * DAY + HOUR, {})], (-5 * DAY, "order"), (1, 1)),
        ([(-6 * DAY + HOUR, {"cart_id": "k1"})], (-5 * DAY, "order"), (1, 1)),
        ([(-4 * DAY, {"cart_id": "k1"})], (-4 * DAY, "cart_id"), (0, 1)),
        ([(-4 * DAY, {"cart_id": "k1", "amount": 0})], (-5 * DAY, "order"), (1, 1)),
        ([(-4 * DAY, {"cart_id": "k1"}), (HOUR - 4 * DAY, {"cart_id": "k1"})], (-4 * DAY, "cart_id"), (0, 1)),
    ],
)
def test_a_cart_that_an_order_of_the_guests_recovered_meets_the_customers_orders_after_it(
    placed: list[tuple[int, dict[str, Any]]], became: tuple[int, str], rate: tuple[int, int]
) -> None:
    """Of day -5, by which the guest bought something else."""
    two = left_a_cart(6, -5 * DAY - HOUR).send(order(-5 * DAY, customer_key=GUEST))
    two.send(*(order(at, **more) for at, more in placed)).at(-MINUTE).send(LOGS_IN).at(HOUR)

    [row] = two.seen("abandonments")
    assert (*times(row, "recovered_at"), row["recovered_by"]) == became
    assert (row["customer_id"], row["status"], two.rate()) == ("ann", "recovered", rate)
