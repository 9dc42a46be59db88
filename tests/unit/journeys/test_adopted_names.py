"""A thing of a guest's whose name the customer has used long ago: the name is the guest's thing's, by hand."""

from __future__ import annotations

import pytest

from schemas.journey_log import Touchpoint
from schemas.transfers import Adopted, transfer
from streams.journeys import things
from streams.journeys.adoption import adopt
from streams.journeys.effects import Effects
from streams.journeys.state import AbandonedCart, Attribution, Cart, CartStep, CustomerState, Order
from streams.journeys.things import Things
from tests.simulation.arrivals import RULES
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, call, cart, order, survey, times
from tests.unit.journeys.test_adoption import LOGS_IN, found, guests_cart
from tests.unit.journeys.two_partitions import GUEST, Two

ORDERED_LONG_AGO = order(-40 * DAY, cart_id="k1")
SAYS_MORE = cart(-12 * DAY, "item_added", "k1", 100, sku="milk")
"""An event of the cart that its order has made ineffective: for its sake the cart is kept for another month."""


@pytest.mark.parametrize("customers", [[], [ORDERED_LONG_AGO], [ORDERED_LONG_AGO, SAYS_MORE]])
def test_what_comes_after_the_guests_order_changes_nothing_though_the_customer_once_had_a_cart_of_that_name(
    customers: list[Touchpoint],
) -> None:
    """The guest ordered the cart six days before the login. The customer's own is over: 30 days after its order."""
    two = Two().send(*customers).send(guests_cart(-6 * DAY), order(MINUTE - 6 * DAY, cart_id="k1", customer_key=GUEST))
    two.at(-MINUTE).send(LOGS_IN, cart(HOUR, "item_added", "k1", 4_200, sku="tea")).at(2 * HOUR)

    assert two.seen("abandonments") == []
    assert two.rate() == (0, 1)


@pytest.mark.parametrize(("is_kept", "corrected"), [(True, 0), (False, 0), (True, T0 + 38 * DAY)])
def test_what_a_guests_cart_becomes_does_not_hang_on_when_the_customers_old_one_was_forgotten(
    is_kept: bool, corrected: int
) -> None:
    """The customer ordered the guest's cart on day 36, between its two events: the order recovers it.

    A robot's carts are looked through seldom, so one that was over on day 31 may still be there. It had too many events
    to be replayed. Where an order was corrected that may have been its own, it is kept for a month from then.
    """
    old = Cart(on_day(0), "k", status="ordered", last_at=T0, is_settled=True, corrected_at=corrected)
    placed = Order(on_day(36), (T0, "e"), leading=True, amount_minor=100, currency="EUR", cart_id="k")
    customer = CustomerState(carts={"k": old} if is_kept else {}, orders={"o": placed})
    added = [CartStep(T0 + day * DAY, "item_added", "tea", 1, 100, "EUR", None) for day in (35, 37)]
    guests = Cart(on_day(35), "k", T0 + 37 * DAY, {"tea": 2}, status="abandoned", counted=True, steps=added)
    guests.abandoned_at, guests.abandoned_as = T0 + 37 * DAY + 30 * MINUTE, AbandonedCart("cart", 100, "EUR")

    sent = transfer(Adopted, GUEST, "e", T0 + 40 * DAY, things=things.encode(Things(carts={"k": guests})))
    adopt(customer, sent, Effects("ann", RULES))

    stays = {f"k {T0}": ("ordered", None)} if corrected else {}
    assert {name: (one.status, one.recovered_at) for name, one in customer.carts.items()} == {
        "k": ("recovered", T0 + 36 * DAY),
        **stays,
    }


def on_day(day: int) -> Attribution:
    return Attribution(at=T0 + day * DAY, channel="web", attributes={}, journey=1)


def test_a_guests_response_is_completed_though_the_customer_once_left_one_of_that_name() -> None:
    begun = [survey(-50 * DAY, "started"), survey(-5 * DAY, "started", customer_key=GUEST)]
    two = Two().send(*begun).at(-MINUTE).send(LOGS_IN, survey(HOUR, "completed")).at(9 * DAY)

    assert [times(row, "started_at") for row in two.seen("abandonments")] == [[-50 * DAY]]


def test_a_call_of_the_guests_is_given_up_by_the_customer_though_they_once_had_one_of_that_name() -> None:
    """The customer's touchpoints begin three days before the login, amid the call."""
    old = [call(-50 * DAY, "queued"), call(MINUTE - 50 * DAY, "answered"), call(HOUR - 50 * DAY, "ended")]
    waits = call(-10 * MINUTE - 3 * DAY, "queued", customer_key=GUEST)
    hangs_up = call(10 * MINUTE - 3 * DAY, "ended", customer_key=GUEST)
    two = Two().send(*old, waits, hangs_up).at(-MINUTE).send(LOGS_IN).at(HOUR)

    assert found(two) == {"c": ("ann", "abandoned", None)}
