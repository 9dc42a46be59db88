"""Orders that are corrected after all that followed them: carts and calls become what they would always have been."""

from __future__ import annotations

from typing import Any

from schemas.journey_log import Touchpoint
from streams.journeys.carts import STEPS_MAX
from streams.journeys.rules import Rules
from tests.unit.journeys.play import DAY, HOUR, MINUTE, SECOND, T0, Play, call, cart, order, played

RATE = "cart_abandonment_rate"


def stated(at: int, amount: int, **more: Any) -> Touchpoint:
    """Return a statement of the order `o`."""
    return order(at, amount, **{"order_id": "o", **more})


def left(play: Play) -> list[tuple[int, int, str]]:
    """Return when each abandoned thing began and was abandoned, since the start, and its status."""
    rows = play.rows("abandonments")
    return [(row["started_at"] - T0, row["abandoned_at"] - T0, row["status"]) for row in rows]


def rate(play: Play) -> tuple[int, int]:
    counted = play.metric(RATE)
    return counted["n"], counted["numerator"]


def test_a_cart_first_named_by_a_cancelled_order_begins_at_its_own_first_event() -> None:
    made = [stated(0, 700, cart_id="k"), cart(10 * MINUTE, "item_added"), stated(2 * HOUR, 0)]
    play = played(made, until=DAY)

    assert left(play) == [(10 * MINUTE, 40 * MINUTE, "abandoned")]
    assert rate(play) == (1, 1)
    buckets = {row["bucket"] - T0 for row in play.rows("metric_buckets") if row["metric"] == RATE and row["n"]}
    assert buckets == {10 * MINUTE}


def test_a_cart_that_only_a_cancelled_order_named_never_was() -> None:
    play = played([stated(0, 700, cart_id="k"), stated(HOUR, 0)], until=DAY)

    assert (left(play), rate(play)) == ([], (0, 0))


def test_a_cart_that_a_cancelled_order_kept_is_two_without_it() -> None:
    # Abandoned at 10:30 and ordered 20 days later; what is added 21 days after the order's cancelled is another cart.
    made = [cart(0, "item_added"), stated(20 * DAY, 700, cart_id="k"), cart(41 * DAY, "item_added")]
    play = Play().send(*made).at(41 * DAY)
    assert left(play) == [(0, 30 * MINUTE, "recovered")]

    play.send(stated(41 * DAY + HOUR, 0)).at(42 * DAY)

    assert left(play) == [(0, 30 * MINUTE, "abandoned"), (41 * DAY, 41 * DAY + 30 * MINUTE, "abandoned")]
    # The first cart's bucket was final after 30 days and 30 minutes: there, it stays recovered.
    assert rate(play) == (2, 1)


def test_an_order_that_is_placed_again_takes_back_what_came_of_its_cart_meanwhile() -> None:
    made = [cart(0, "created"), stated(10 * MINUTE, 700, cart_id="k"), cart(20 * MINUTE, "item_added")]
    play = Play().send(*made, stated(HOUR, 0)).at(90 * MINUTE)
    assert (left(play), rate(play)) == ([(0, 50 * MINUTE, "abandoned")], (1, 1))

    play.send(stated(2 * HOUR, 700)).at(DAY)

    assert (left(play), rate(play)) == ([], (0, 0))
    assert play.row("journeys")["outcome"] == "open"


def test_an_order_that_is_cancelled_and_placed_again_a_month_later_recovers_what_it_recovered() -> None:
    made = [cart(0, "item_added"), call(HOUR, "queued"), call(HOUR + 45 * SECOND, "ended"), stated(26 * DAY, 700)]
    play = Play().send(*made, stated(31 * DAY, 0)).at(32 * DAY)
    assert [status for _, _, status in left(play)] == ["abandoned", "abandoned"]

    play.send(stated(33 * DAY, 800)).at(34 * DAY)

    assert [status for _, _, status in left(play)] == ["recovered", "recovered"]
    assert {row["recovered_at"] for row in play.rows("abandonments")} == {T0 + 26 * DAY}


def test_of_two_orders_the_first_recovers_a_call_whichever_was_placed_again_last() -> None:
    made = [call(0, "queued"), call(45 * SECOND, "ended"), stated(HOUR, 700), order(2 * HOUR, 500)]
    play = Play().send(*made, stated(3 * HOUR, 0)).at(4 * HOUR)
    assert play.row("abandonments")["recovered_at"] == T0 + 2 * HOUR

    play.send(stated(5 * HOUR, 600)).at(DAY)

    assert play.row("abandonments")["recovered_at"] == T0 + HOUR


def test_a_journey_whose_only_order_is_cancelled_ends_as_abandoned() -> None:
    made = [cart(0, "item_added"), stated(HOUR, 700), stated(3 * HOUR, 0)]
    play = Play().send(*made).at(40 * DAY)

    assert play.row("journeys")["outcome"] == "abandoned"


def test_a_correction_does_not_depend_on_when_the_state_was_stored() -> None:
    made = [cart(0, "item_added"), stated(10 * MINUTE, 700, cart_id="k"), cart(HOUR, "item_added", sku="b")]
    play = Play()
    for touchpoint in [*made, stated(3 * HOUR, 0), stated(4 * HOUR, 900), stated(5 * HOUR, 0)]:
        play.send(touchpoint).restarted()

    assert left(play.at(DAY)) == [(0, 90 * MINUTE, "abandoned")]
    assert rate(play) == (1, 1)


def test_a_cart_of_more_events_than_are_kept_stays_as_it_is() -> None:
    steps = [cart(i * SECOND, "item_added") for i in range(STEPS_MAX + 1)]
    made = [*steps, stated(10 * MINUTE, 700, cart_id="k"), cart(HOUR, "item_added", "other"), stated(3 * HOUR, 0)]
    play = played(made, until=DAY)

    assert left(play) == [(HOUR, 90 * MINUTE, "abandoned")]
    assert rate(play) == (2, 1)


def test_a_till_with_hundreds_of_long_carts_does_not_outgrow_a_message() -> None:
    play = Play()
    sku, where = "s" * 36, {"region": "eu-west", "campaign": "summer-sale", "product": "tea"}
    for number in range(250):
        name, start = f"{number:032}", number * HOUR
        play.send(*(cart(start + i * MINUTE, "item_added", name, sku=sku, attributes=where) for i in range(50)))

    assert max(len(value or b"") for output in play.outputs for _, value in output.customers) < 4 << 20


def test_what_a_forgotten_order_did_stays_when_another_is_corrected() -> None:
    # At days 29, 58 and 87 another order is placed and cancelled; on day 95 the first order is known no more.
    made = [cart(0, "item_added"), stated(10 * MINUTE, 700, cart_id="k"), call(HOUR, "queued")]
    made += [call(HOUR + 45 * SECOND, "ended"), order(2 * HOUR, 500, order_id="x")]
    for day in (29, 58, 87, 95):
        name = f"o{day}"
        made += [order(day * DAY, 500, order_id=name), order(day * DAY + HOUR, 0, order_id=name)]
    play = played(made, until=100 * DAY)

    assert [status for _, _, status in left(play)] == ["recovered"], "the call alone"


def test_more_orders_than_are_known_do_not_unmake_an_order() -> None:
    many = [order(HOUR + i * SECOND, 100, order_id=f"x{i}") for i in range(1_002)]
    made = [cart(0, "item_added"), stated(10 * MINUTE, 700, cart_id="k"), *many]
    play = played([*made, order(3 * HOUR, 0, order_id="x1001")], until=DAY)

    assert (left(play), rate(play)) == ([], (1, 0))


def test_a_cancelled_order_abandons_its_cart_no_earlier_than_its_time() -> None:
    made = [cart(0, "item_added"), stated(10 * MINUTE, 700, cart_id="k"), stated(33 * MINUTE, 0)]
    play = Play().at(0).send(*made[:2]).at(28 * MINUTE)
    # The log's time, less the timers' delay, is 10:28: the deadline of 10:30 is not due.
    play.send(made[2])
    assert left(play) == []

    assert left(play.at(30 * MINUTE)) == [(0, 30 * MINUTE, "abandoned")]


def test_events_that_an_order_made_ineffective_may_be_of_another_cart_without_it() -> None:
    # The order is of 10:10 but placed after all on day 41: since 30 days after it, what comes is another cart.
    made = [cart(0, "item_added"), stated(10 * MINUTE, 0, cart_id="k"), cart(20 * DAY, "item_added")]
    made += [cart(40 * DAY, "item_added"), stated(41 * DAY, 700)]
    play = Play().send(*made[:2]).at(HOUR).send(made[2]).at(21 * DAY).send(made[3]).at(40 * DAY + HOUR).send(made[4])

    assert left(play.at(42 * DAY)) == [(40 * DAY, 40 * DAY + 30 * MINUTE, "abandoned")]


def test_a_cart_is_known_for_a_month_after_an_event_that_its_order_made_ineffective() -> None:
    made = [cart(0, "item_added"), stated(10 * MINUTE, 700, cart_id="k"), cart(20 * DAY, "item_added")]
    play = Play().send(*made[:2]).at(HOUR).send(made[2]).at(34 * DAY).send(stated(35 * DAY, 0)).at(36 * DAY)

    assert left(play) == [(0, 20 * DAY + 30 * MINUTE, "abandoned")]


def test_a_statement_that_does_not_hold_names_the_cart_that_the_leading_one_leaves_out() -> None:
    made = [cart(0, "item_added"), stated(MINUTE, 600, source="books"), stated(2 * MINUTE, 700, cart_id="k")]
    play = Play(Rules(order_source="books")).send(*made).at(DAY)

    assert (left(play), rate(play)) == ([], (1, 0))


def test_an_order_that_named_a_cart_which_is_forgotten_opens_none_when_another_is_corrected() -> None:
    # Ordered after 40 minutes and named once more after 29 days. From day 31 on the id is another cart's.
    made = [cart(0, "item_added"), cart(40 * MINUTE, "ordered"), order(29 * DAY, 700, order_id="n", cart_id="k")]
    made += [cart(32 * DAY, "item_added"), cart(50 * DAY, "item_added"), stated(62 * DAY, 700, cart_id="other")]
    play = Play().send(*made).at(62 * DAY + HOUR)
    were = [(0, 30 * MINUTE, "recovered"), (32 * DAY, 50 * DAY + 30 * MINUTE, "recovered")]
    assert left(play) == were

    play.send(stated(63 * DAY, 0)).at(64 * DAY)

    assert left(play) == [were[0], (32 * DAY, 50 * DAY + 30 * MINUTE, "abandoned")]
