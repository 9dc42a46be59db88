"""Carts and checkouts, by the contract's definition, with expectations worked out by hand."""

from __future__ import annotations

from tests.unit.journeys.play import DAY, HOUR, MINUTE, Play, cart, order, played, times


def test_a_cart_left_for_half_an_hour_is_abandoned_at_that_moment() -> None:
    play = played([cart(0, "created"), cart(MINUTE, "item_added", value=2_500)], until=40 * MINUTE)

    row = play.row("abandonments")
    assert (row["subject"], row["status"], row["value_minor"], row["currency"]) == ("cart", "abandoned", 2_500, "EUR")
    assert times(row, "started_at", "abandoned_at") == [0, 31 * MINUTE]
    assert row["waited_ms"] == 31 * MINUTE
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 1, "samples": []}


def test_nothing_is_abandoned_before_its_deadline_has_passed() -> None:
    play = played([cart(0, "item_added")], until=30 * MINUTE - 1)

    assert play.rows("abandonments") == []
    assert play.at(30 * MINUTE).row("abandonments")["status"] == "abandoned"


def test_a_checkout_begun_is_an_abandoned_checkout() -> None:
    play = played([cart(0, "item_added"), cart(MINUTE, "checkout_started", value=900)], until=HOUR)

    assert play.row("abandonments")["subject"] == "checkout"


def test_an_order_in_time_leaves_nothing_abandoned() -> None:
    play = played([cart(0, "item_added"), cart(29 * MINUTE, "ordered")], until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 0, "samples": []}


def test_a_purchase_that_names_the_cart_is_its_order() -> None:
    play = played([cart(0, "item_added"), order(20 * MINUTE, cart_id="k")], until=DAY)

    assert play.rows("abandonments") == []


def test_a_cart_that_was_emptied_is_not_abandoned() -> None:
    play = played([cart(0, "item_added"), cart(MINUTE, "item_removed")], until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric("cart_abandonment_rate")["n"] == 1


def test_a_cart_without_an_item_is_no_cart() -> None:
    play = played([cart(0, "created")], until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric("cart_abandonment_rate")["n"] == 0


def test_a_cart_and_its_order_of_one_moment_are_a_cart_and_its_order() -> None:
    play = played([order(0, cart_id="k", event_id="a"), cart(0, "created"), cart(0, "item_added")], until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 0, "samples": []}


def test_an_order_within_thirty_days_recovers() -> None:
    play = played([cart(0, "item_added", value=700)], until=DAY)
    play.send(order(29 * DAY, cart_id="k")).at(29 * DAY)

    row = play.row("abandonments")
    assert row["status"] == "recovered"
    assert times(row, "abandoned_at", "recovered_at") == [30 * MINUTE, 29 * DAY]
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 0, "samples": []}


def test_an_order_after_thirty_days_does_not() -> None:
    play = played([cart(0, "item_added", value=700)], until=DAY)
    play.send(order(31 * DAY, cart_id="k")).at(31 * DAY)

    assert play.row("abandonments")["status"] == "abandoned"


def test_a_cart_taken_up_again_is_abandoned_at_its_later_deadline() -> None:
    play = played([cart(0, "item_added", value=700)], until=HOUR)
    play.send(cart(2 * HOUR, "checkout_started", value=800)).at(3 * HOUR)

    row = play.row("abandonments")
    assert (row["subject"], row["value_minor"]) == ("checkout", 800)
    assert times(row, "started_at", "abandoned_at") == [0, 2 * HOUR + 30 * MINUTE]
    assert play.metric("cart_abandonment_rate")["numerator"] == 1


def test_a_checkout_on_the_way_to_the_order_that_recovers_does_not_change_what_was_abandoned() -> None:
    play = played([cart(0, "item_added", value=700)], until=HOUR)
    play.send(cart(2 * HOUR, "checkout_started", value=900), cart(2 * HOUR + MINUTE, "ordered", value=900)).at(DAY)

    row = play.row("abandonments")
    assert (row["subject"], row["status"], row["value_minor"]) == ("cart", "recovered", 700)
    assert times(row, "abandoned_at", "recovered_at") == [30 * MINUTE, 2 * HOUR + MINUTE]


def test_an_order_that_comes_late_takes_the_row_away() -> None:
    play = played([cart(0, "item_added", value=700)], until=HOUR)
    assert len(play.rows("abandonments")) == 1

    play.send(cart(10 * MINUTE, "ordered"))

    assert play.rows("abandonments") == []
    assert play.metric("cart_abandonment_rate")["numerator"] == 0
    assert play.outputs[-1].signals[-1].record["retracted"] is True


def test_its_metric_is_counted_where_the_cart_began() -> None:
    made = [cart(0, "created", channel="app", attributes={"region": "eu"}), cart(MINUTE, "item_added")]

    play = played(made, until=HOUR)

    assert play.metric("cart_abandonment_rate", "channel", "app")["numerator"] == 1
    assert play.metric("cart_abandonment_rate", "region", "eu")["numerator"] == 1


def test_two_carts_of_one_customer_are_two() -> None:
    play = Play().send(cart(0, "item_added", "k1", 100), cart(0, "item_added", "k2", 200)).at(HOUR)

    assert [row["subject_id"] for row in play.rows("abandonments")] == ["k1", "k2"]
