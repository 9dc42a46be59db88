"""What one customer may grow to: bounded, counted whole, and final figures stay."""

from __future__ import annotations

from schemas.units import DAY_MS
from streams.journeys.dimensions import MOST_NAMES, dimensions_of
from streams.journeys.rules import Rules
from tests.unit.journeys.play import DAY, HOUR, MINUTE, Play, cart, order, said

LARGEST_MESSAGE = 4 << 20


def largest_entry(play: Play) -> int:
    return max(len(value or b"") for output in play.outputs for _, value in output.customers)


def test_many_orders_of_one_moment_are_all_counted() -> None:
    play = Play()
    for start in range(0, 5_000, 500):
        play.send(*(order(0, 100, event_id=f"o{number:05}") for number in range(start, start + 500)))

    assert play.row("customers")["purchases"] == 5_000
    assert play.metric("revenue")["numerator"] == 500_000
    assert play.counted("late") == 0


def test_attributes_that_are_long_or_many_are_no_dimensions() -> None:
    attributes = {"region": "eu", "note": "x" * 300, **{f"a{number:03}": "v" for number in range(100)}}

    kept = dimensions_of(attributes)

    assert len(kept) == MOST_NAMES
    assert "note" not in kept
    assert dimensions_of({"region": "eu"}) == {"region": "eu"}


def test_large_attributes_do_not_outgrow_a_message() -> None:
    play = Play()
    for number in range(12):
        play.send(said(number * HOUR, 100, attributes={"blob": "x" * 700_000}))

    assert largest_entry(play) < LARGEST_MESSAGE
    assert len(play.rows("touchpoints")[0]["attributes"]["blob"]) == 700_000


def test_a_till_with_thousands_of_carts_does_not_either() -> None:
    play = Play()
    for burst in range(20):
        play.send(*(cart(burst * DAY + i * MINUTE, "item_added", f"k{burst}-{i}") for i in range(500)))
        play.at(burst * DAY + 12 * HOUR)

    assert largest_entry(play) < LARGEST_MESSAGE
    assert play.metric("cart_abandonment_rate")["n"] == 10_000


def test_a_longer_horizon_does_not_bring_back_what_is_final() -> None:
    play = Play().send(*(order(i) for i in range(50))).at(10 * DAY)
    play.restarted(Rules(allowed_lateness_ms=60 * DAY_MS))

    play.send(order(51))

    assert play.metric("orders")["n"] == 50
