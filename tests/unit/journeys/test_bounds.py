"""What one customer may grow to: bounded, counted whole, and final figures stay."""

from __future__ import annotations

from collections import Counter

import pytest

from schemas.journey_log import Touchpoint
from schemas.limits import LARGEST_AMOUNT
from schemas.units import DAY_MS, SCALE
from streams.journeys.dimensions import MOST_NAMES, dimensions_of
from streams.journeys.rules import Rules
from tests.unit.journeys.play import DAY, HOUR, MINUTE, Play, cart, order, said, seen_page

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
    assert trimmed(play)["kept"] > 0


def test_a_longer_horizon_does_not_bring_back_what_is_final() -> None:
    play = Play().send(*(order(i) for i in range(50))).at(10 * DAY)
    play.restarted(Rules(allowed_lateness_ms=60 * DAY_MS))

    play.send(order(51))

    assert play.metric("orders")["n"] == 50


def refund(at: int, amount: int) -> Touchpoint:
    return order(at, amount, action="refunded")


@pytest.mark.parametrize(("length", "events"), [(1_000_000, 3), (32_000, 65)])
def test_a_log_that_holds_ids_without_limit_ends_no_worker(length: int, events: int) -> None:
    """An earlier release took them, and wrote them to the log."""
    play = Play()
    for number in range(events):
        long_id = f"{number}".ljust(length, "x")
        play.send(cart(number * MINUTE, "item_added", long_id), order(number * MINUTE, 100, customer_key="bob"))
    play.at(DAY)

    assert largest_entry(play) < LARGEST_MESSAGE * 3 // 4
    assert trimmed(play)["state"] > 0
    spent = {row["customer_id"]: row["spend_minor"] for row in play.rows("customers")}
    assert spent == {"ann": 0, "bob": 100 * events}


def trimmed(play: Play) -> Counter[str]:
    total: Counter[str] = Counter()
    for output in play.outputs:
        total.update(output.trimmed)
    return total


def test_nine_million_of_the_greatest_amounts_add_up_within_64_bits() -> None:
    """The proof for every sum: amounts saturate beyond that; nothing else comes near 2^63."""
    records_in_a_partition = 2**40
    longest_call_or_wait_ms = 30 * DAY_MS

    assert LARGEST_AMOUNT == 10**12
    assert 9_223_372 * LARGEST_AMOUNT < 2**63 <= 9_223_373 * LARGEST_AMOUNT
    assert records_in_a_partition * SCALE < 2**63, "the sum of a customer's, and of a minute's, experiences"
    assert 3 * 10**9 * longest_call_or_wait_ms < 2**63, "three thousand million waits of one minute"
    assert 9 * 10**10 * SCALE**2 < 2**63, "squares: ninety thousand million scores of one minute"


def test_thousands_of_the_greatest_purchases_are_summed_exactly() -> None:
    play = Play()
    for start in range(0, 10_000, 500):
        play.send(*(order(0, 10**12, event_id=f"o{number:05}") for number in range(start, start + 500)))
    play.send(*(refund(MINUTE, 10**12) for _ in range(3)))

    row = play.row("customers")
    assert (row["spend_minor"], row["refunded_minor"]) == (10_000 * 10**12, 3 * 10**12)
    assert play.row("journeys")["revenue_minor"] == 10_000 * 10**12
    assert play.metric("revenue")["numerator"] == 10_000 * 10**12
    assert trimmed(play)["sums"] == 0


def test_a_sum_that_no_column_holds_stays_at_the_greatest_and_is_counted() -> None:
    play = Play().send(order(0, 2**62), order(1, 2**62), order(2, 2**62)).send(*(refund(3, 2**62) for _ in range(5)))

    row = play.row("customers")
    assert (row["spend_minor"], row["refunded_minor"]) == (2**63 - 1, 2**63 - 1)
    assert play.row("journeys")["revenue_minor"] == 2**63 - 1
    assert play.metric("revenue")["numerator"] == 2**63 - 1
    assert trimmed(play)["sums"] > 0
    again = play.restarted().send(order(MINUTE, 5))
    assert again.row("customers")["purchases"] == 4


def test_pieces_without_end_in_a_cart_end_no_worker() -> None:
    play = Play()
    play.send(*(cart(number, "item_added", quantity=2**62, value=5) for number in range(5)))

    assert play.restarted().at(HOUR).row("abandonments")["value_minor"] == 5


def test_a_path_lists_the_first_ten_thousand_touchpoints() -> None:
    play = Play().send(seen_page(0), order(1))
    for start in range(1, 11_001, 1_000):
        play.send(*(seen_page(MINUTE * (start + number)) for number in range(1_000)))

    row = play.row("journeys")
    assert row["touchpoints"] == 11_002
    assert len(row["path"]) == 2 * 10_000
    assert row["path"].startswith("vvppvv")
    assert trimmed(play)["path"] > 0


def test_what_goes_by_its_age_is_not_counted_as_trimmed() -> None:
    play = Play()
    for month in range(6):
        play.send(cart(month * 40 * DAY, "item_added", f"k{month}"), order(month * 40 * DAY + HOUR))
        play.at(month * 40 * DAY + 2 * HOUR)

    assert not trimmed(play)
