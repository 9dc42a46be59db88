"""Orders that are stated more than once: placed once, the latest statement holds, and an amount of 0 cancels."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.journey_log import Touchpoint
from schemas.kinds.purchase import PurchaseItem
from streams.journeys.rules import Rules
from tests.unit.journeys.play import DAY, HOUR, MINUTE, SECOND, T0, Play, call, cart, changed, order, played, seen_page

NOTHING = {"n": 0, "numerator": 0, "samples": []}


def stated(at: int, amount: int, source: str = "shop", **more: Any) -> Touchpoint:
    """Return a statement of the order `o`."""
    return order(at, amount, **{"order_id": "o", "source": source, **more})


def refund(at: int, amount: int, **more: Any) -> Touchpoint:
    return order(at, amount, **{"order_id": "o", "action": "refunded", **more})


def bought(play: Play) -> tuple[int, int, int, int]:
    """Return a customer's purchases and spend, and those of the current journey."""
    customer, journey = play.row("customers"), play.rows("journeys")[-1]
    return customer["purchases"], customer["spend_minor"], journey["purchases"], journey["revenue_minor"]


def revenue(play: Play, currency: str = "EUR") -> int:
    amount: int = play.metric("revenue", "currency", currency)["numerator"]
    return amount


def bucket_of(play: Play, metric: str) -> list[int]:
    rows = play.rows("metric_buckets")
    return [row["bucket"] - T0 for row in rows if (row["metric"], row["dimension"]) == (metric, "channel")]


def superseded(play: Play) -> dict[str, str]:
    return {row["event_id"]: row["by"] for row in play.tables.seen().get("superseded", [])}


def test_an_order_from_two_systems_is_one_and_the_latest_statement_holds() -> None:
    shop, books = stated(0, 1_190), stated(HOUR, 1_000, "books")
    play = played([shop, books], until=DAY)

    assert bought(play) == (1, 1_000, 1, 1_000)
    assert play.metric("orders")["n"] == 1
    assert revenue(play) == 1_000
    assert bucket_of(play, "orders") == bucket_of(play, "revenue") == [0]
    assert superseded(play) == {shop.event_id: books.event_id}
    assert play.row("journeys")["touchpoints"] == play.row("customers")["touchpoints"] == 2


def test_statements_in_any_order_of_arrival_give_the_same() -> None:
    first, last = stated(0, 1_190), stated(HOUR, 1_000, "books")
    play = Play().send(last).send(first).at(DAY)

    assert bought(play) == (1, 1_000, 1, 1_000)
    assert revenue(play) == 1_000
    assert bucket_of(play, "revenue") == [0]
    assert superseded(play) == {first.event_id: last.event_id}


def test_of_statements_of_one_moment_the_greater_event_id_holds() -> None:
    play = played([stated(0, 500, event_id="b"), stated(0, 700, event_id="a")], until=DAY)

    assert (revenue(play), superseded(play)) == (500, {"a": "b"})


@pytest.mark.parametrize("sources", [("shop", "books"), ("books", "shop"), ("books", "shop", "books")])
def test_the_leading_sources_statement_holds(sources: tuple[str, ...]) -> None:
    amounts = {"shop": 1_190, "books": 1_000}
    made = [stated(i * HOUR, amounts[source], source) for i, source in enumerate(sources)]
    play = Play(Rules(order_source="shop")).send(*made).at(DAY)

    assert bought(play) == (1, 1_190, 1, 1_190)
    assert revenue(play) == 1_190
    assert bucket_of(play, "revenue") == [0]
    assert len(superseded(play)) == len(sources) - 1


def test_the_leading_sources_own_correction_holds() -> None:
    made = [stated(0, 1_190), stated(HOUR, 1_000, "books"), stated(2 * HOUR, 500)]
    play = Play(Rules(order_source="shop")).send(*made).at(DAY)

    assert (bought(play), revenue(play)) == ((1, 500, 1, 500), 500)


def test_a_correction_counts_under_the_channel_and_attributes_of_the_first() -> None:
    first = stated(0, 1_190, channel="store", attributes={"region": "eu"})
    play = played([first, stated(HOUR, 1_000, channel="web", attributes={"region": "us"})], until=DAY)

    assert play.metric("revenue", "channel", "store")["numerator"] == 1_000
    assert play.metric("revenue", "region", "eu")["numerator"] == 1_000
    assert play.metric("orders", "channel", "web") == NOTHING
    assert play.metric("orders", "region", "us") == NOTHING


def test_a_corrected_currency_moves_the_amount() -> None:
    play = played([stated(0, 1_000), stated(HOUR, 900, currency="USD")], until=DAY)

    assert (revenue(play, "EUR"), revenue(play, "USD")) == (0, 900)
    assert play.metric("orders")["n"] == 1


def test_an_amount_of_zero_cancels_the_order_everywhere() -> None:
    play = played([stated(0, 1_000), stated(HOUR, 0)], until=DAY)

    assert bought(play) == (0, 0, 0, 0)
    assert play.metric("orders") == NOTHING
    assert play.metric("revenue", "currency", "EUR") == NOTHING
    assert play.at(40 * DAY).row("journeys")["outcome"] == "visited"


def test_a_cancelled_order_stated_again_is_placed_again_where_it_was() -> None:
    play = played([stated(0, 1_000), stated(HOUR, 0), stated(2 * HOUR, 800)], until=DAY)

    assert bought(play) == (1, 800, 1, 800)
    assert play.metric("orders")["n"] == 1
    assert bucket_of(play, "orders") == [0]


def test_a_cart_that_only_a_cancelled_order_had_converted_is_abandoned_at_its_deadline() -> None:
    play = played([cart(0, "item_added", value=700), stated(10 * MINUTE, 700, cart_id="k")], until=HOUR)
    assert play.rows("abandonments") == []

    play.send(stated(2 * HOUR, 0)).at(DAY)

    row = play.row("abandonments")
    assert (row["status"], row["abandoned_at"], row["value_minor"]) == ("abandoned", T0 + 30 * MINUTE, 700)
    assert (row["recovered_at"], row["recovered_by"]) == (None, None)
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 1, "samples": []}


def test_an_order_cancelled_before_the_carts_deadline_leaves_the_deadline_as_it_was() -> None:
    made = [cart(0, "item_added"), stated(10 * MINUTE, 700, cart_id="k"), stated(20 * MINUTE, 0)]
    play = Play().send(*made).at(30 * MINUTE - 1)
    assert play.rows("abandonments") == []

    assert play.at(30 * MINUTE).row("abandonments")["abandoned_at"] == T0 + 30 * MINUTE


@pytest.mark.parametrize("fields", [{"cart_id": "k"}, {"items": [PurchaseItem("a", 1, 700)]}, {}])
def test_a_cart_that_only_a_cancelled_order_had_recovered_is_abandoned(fields: dict[str, Any]) -> None:
    made = [cart(0, "item_added", sku="a"), stated(2 * HOUR, 700, **fields), stated(3 * HOUR, 0)]
    play = played(made, until=DAY)

    row = play.row("abandonments")
    assert (row["status"], row["recovered_at"], row["recovered_by"]) == ("abandoned", None, None)
    assert play.metric("cart_abandonment_rate")["numerator"] == 1
    assert play.at(40 * DAY).row("journeys")["outcome"] == "abandoned"


def test_a_call_that_only_a_cancelled_order_had_recovered_is_abandoned() -> None:
    made = [call(0, "queued"), call(45 * SECOND, "ended"), stated(HOUR, 700), stated(2 * HOUR, 0)]
    row = played(made, until=DAY).row("abandonments")

    assert (row["status"], row["recovered_at"], row["recovered_by"]) == ("abandoned", None, None)


def test_after_a_cancelled_order_the_next_one_is_what_recovered() -> None:
    made = [cart(0, "item_added", sku="a"), call(0, "queued"), call(45 * SECOND, "ended")]
    made += [stated(2 * HOUR, 700), order(3 * HOUR), stated(4 * HOUR, 0)]
    play = played(made, until=DAY)

    recovered = [(row["status"], row["recovered_at"], row["recovered_by"]) for row in play.rows("abandonments")]
    assert recovered == [("recovered", T0 + 3 * HOUR, "order")] * 2


def test_a_correction_that_is_no_cancellation_leaves_what_the_order_converted() -> None:
    made = [cart(0, "item_added"), stated(10 * MINUTE, 700, cart_id="k"), stated(HOUR, 600, cart_id="k")]
    play = played(made, until=DAY)

    assert play.rows("abandonments") == []
    assert play.metric("cart_abandonment_rate")["numerator"] == 0


def test_an_order_corrected_to_other_skus_converts_their_cart_and_no_other() -> None:
    made = [cart(0, "item_added", "ka", sku="a"), cart(0, "item_added", "kb", sku="b")]
    made += [stated(10 * MINUTE, 700, items=[PurchaseItem("a", 1, 700)])]
    made += [stated(20 * MINUTE, 700, items=[PurchaseItem("b", 1, 700)])]
    play = played(made, until=DAY)

    assert [(row["subject_id"], row["status"]) for row in play.rows("abandonments")] == [("ka", "abandoned")]
    assert play.metric("cart_abandonment_rate") == {"n": 2, "numerator": 1, "samples": []}


def test_partial_refunds_of_one_order_each_count() -> None:
    made = [stated(0, 1_000), refund(HOUR, 300), refund(2 * HOUR, 200), stated(3 * HOUR, 900)]
    play = played(made, until=DAY)

    assert play.metric("refunds", "currency", "EUR") == {"n": 2, "numerator": 500, "samples": []}
    assert play.row("customers")["refunded_minor"] == 500
    assert bought(play) == (1, 900, 1, 900)
    assert list(superseded(play)) == [made[0].event_id]


def test_an_order_is_known_for_ninety_days() -> None:
    play = Play().send(stated(0, 1_000))
    for day in range(20, 100, 20):
        play.send(seen_page(day * DAY)).at(day * DAY)
    within = Play().send(stated(0, 1_000))
    for day in range(20, 81, 20):
        within.send(seen_page(day * DAY)).at(day * DAY)

    within.send(stated(89 * DAY, 500)).at(89 * DAY)
    play.send(seen_page(90 * DAY)).at(90 * DAY).send(stated(91 * DAY, 500)).at(91 * DAY)

    assert (within.row("customers")["purchases"], within.row("customers")["spend_minor"]) == (1, 500)
    assert (play.row("customers")["purchases"], play.row("customers")["spend_minor"]) == (2, 1_500)


@pytest.mark.parametrize(("late", "amount"), [(-1, 500), (1, 1_000)])
def test_three_days_after_the_bucket_a_correction_changes_rows_and_no_metric(late: int, amount: int) -> None:
    play = Play().send(stated(0, 1_000)).at(2 * DAY).send(stated(3 * DAY + MINUTE + late, 500)).at(4 * DAY)

    assert revenue(play) == amount
    assert (play.counted("final") > 0) is (late > 0)
    assert bought(play) == (1, 500, 1, 500)
    assert len(superseded(play)) == 1


def test_a_superseded_statement_holds_again_when_the_one_that_took_its_place_is_late() -> None:
    first, last = stated(0, 1_190), stated(HOUR, 1_000, "books")
    play = Play(Rules(order_source="shop")).send(last)
    assert superseded(play) == {}

    play.send(first).at(DAY)

    assert superseded(play) == {last.event_id: first.event_id}


def test_a_superseded_mark_names_the_statement_that_holds_in_the_end() -> None:
    first, last = stated(0, 1_000), stated(2 * HOUR, 800)
    play = Play().send(first, last)
    between = stated(HOUR, 900)

    play.send(between)

    assert set(superseded(play)) == {first.event_id, between.event_id}
    assert bought(play) == (1, 800, 1, 800)


def test_a_restart_keeps_what_was_ordered() -> None:
    made = [stated(0, 1_000), stated(HOUR, 900), stated(2 * HOUR, 0)]
    play = Play().send(made[0]).restarted().send(made[1]).at(HOUR).restarted().send(made[2]).restarted().at(DAY)

    assert bought(play) == (0, 0, 0, 0)
    assert len(superseded(play)) == 2


def test_the_first_order_placed_fixes_the_currency_and_no_refund_before_it() -> None:
    made = [refund(0, 300, currency="USD"), refund(1, 200), order(HOUR, 1_000)]
    play = played(made, until=DAY)

    customer = play.row("customers")
    assert (customer["currency"], customer["spend_minor"], customer["refunded_minor"]) == ("EUR", 1_000, 200)
    assert play.row("journeys")["currency"] == "EUR"


def test_without_an_order_there_is_no_currency() -> None:
    play = played([refund(0, 300, currency="USD")], until=DAY)

    assert (play.row("customers")["currency"], play.row("customers")["refunded_minor"]) == ("", 0)
    assert play.row("journeys")["currency"] == ""


def test_an_order_that_arrives_late_and_is_the_first_fixes_the_currency() -> None:
    play = Play().send(order(HOUR, 1_000), refund(2 * HOUR, 100)).at(2 * HOUR)

    play.send(changed(order(0, 900), currency="USD"))

    customer = play.row("customers")
    assert (customer["currency"], customer["spend_minor"], customer["refunded_minor"]) == ("USD", 900, 0)
    assert customer["purchases"] == 2


def test_an_order_that_is_placed_after_all_counts_from_its_first_statement() -> None:
    # Stated at 10:10 with an amount of 0, and at 12:00 with 800: it is the order of a cart that was never abandoned.
    made = [cart(0, "item_added"), stated(10 * MINUTE, 0, cart_id="k"), stated(2 * HOUR, 800, cart_id="k")]
    play = Play().send(*made[:2]).at(HOUR)
    assert play.row("abandonments")["status"] == "abandoned"

    play.send(made[2]).at(DAY)

    assert play.rows("abandonments") == []
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 0, "samples": []}
    last = play.outputs[-2].signals[-1].record
    assert (last["retracted"], last["status"]) == (True, "abandoned")
    assert play.send(stated(25 * HOUR, 0, cart_id="k")).at(2 * DAY).row("abandonments")["status"] == "abandoned"
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 1, "samples": []}


def test_an_order_that_is_placed_after_all_recovers_no_later_abandonment() -> None:
    made = [cart(0, "item_added", sku="a"), stated(10 * MINUTE, 0), stated(2 * HOUR, 800)]
    play = played([*made, call(20 * MINUTE, "queued"), call(21 * MINUTE, "ended")], until=DAY)

    assert [row["status"] for row in play.rows("abandonments")] == ["abandoned", "abandoned"]


def test_a_statement_later_than_a_cart_does_not_make_the_order_convert_it() -> None:
    # The order is of 10:00; the cart began an hour later, and the order was corrected to its sku at 12:00.
    made = [stated(0, 700, items=[PurchaseItem("a", 1, 700)]), cart(HOUR, "item_added", sku="b")]
    made.append(stated(2 * HOUR, 700, items=[PurchaseItem("b", 1, 700)]))

    assert played(made, until=DAY).row("abandonments")["status"] == "abandoned"


def test_a_corrected_currency_of_the_first_order_is_the_customers() -> None:
    made = [stated(0, 1_000), order(HOUR, 400), refund(2 * HOUR, 100, currency="USD")]
    play = played([*made, stated(3 * HOUR, 900, currency="USD")], until=DAY)

    customer = play.row("customers")
    assert (customer["currency"], customer["spend_minor"], customer["refunded_minor"]) == ("USD", 900, 100)
    assert (play.row("journeys")["currency"], play.row("journeys")["revenue_minor"]) == ("USD", 900)


def test_a_cancelled_first_order_fixes_no_currency() -> None:
    play = played([stated(0, 1_000, currency="USD"), order(HOUR, 400), stated(2 * HOUR, 0)], until=DAY)

    customer = play.row("customers")
    assert (customer["currency"], customer["spend_minor"]) == ("EUR", 400)
    assert (play.row("journeys")["currency"], play.row("journeys")["revenue_minor"]) == ("EUR", 400)


def test_a_second_journeys_currency_is_that_of_its_own_first_order() -> None:
    play = Play().send(order(0, 1_000)).at(31 * DAY).send(order(31 * DAY, 500, currency="USD")).at(32 * DAY)

    assert [(row["currency"], row["revenue_minor"]) for row in play.rows("journeys")] == [("EUR", 1_000), ("USD", 500)]
    assert (play.row("customers")["currency"], play.row("customers")["spend_minor"]) == ("EUR", 1_000)


def test_what_lay_in_a_cart_after_an_order_is_not_what_the_order_held() -> None:
    # The order of tea was placed while the cart held a cup; that another order is taken back later changes nothing.
    tea = order(10 * MINUTE, items=[PurchaseItem("tea", 1, 100)])
    made = [cart(0, "item_added", sku="cup"), tea, cart(20 * MINUTE, "item_removed", sku="cup")]
    made += [cart(21 * MINUTE, "item_added", sku="tea"), stated(2 * HOUR, 500, cart_id="k"), stated(3 * HOUR, 0)]
    play = played(made, until=DAY)

    assert play.row("abandonments")["status"] == "abandoned"
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 1, "samples": []}


def test_after_a_cancelled_order_a_cart_is_as_its_later_events_left_it() -> None:
    # Without the order, the cart was last taken up at 11:00, and its deadline was 11:30.
    made = [cart(0, "item_added", sku="a"), stated(10 * MINUTE, 700, cart_id="k"), cart(HOUR, "item_added", sku="b")]
    play = played([*made, stated(3 * HOUR, 0)], until=DAY)

    row = play.row("abandonments")
    assert (row["status"], row["abandoned_at"]) == ("abandoned", T0 + 90 * MINUTE)
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 1, "samples": []}


def test_a_cart_that_says_itself_that_it_was_ordered_survives_a_cancelled_order() -> None:
    made = [cart(0, "item_added"), stated(HOUR, 700, cart_id="k"), cart(2 * HOUR, "ordered"), stated(3 * HOUR, 0)]
    play = played(made, until=DAY)

    row = play.row("abandonments")
    assert (row["status"], row["recovered_at"], row["recovered_by"]) == ("recovered", T0 + 2 * HOUR, "cart_id")
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 0, "samples": []}


def test_an_order_late_in_the_recovery_window_may_still_be_cancelled_after_it() -> None:
    play = Play().send(cart(0, "item_added"), call(0, "queued"), call(45 * SECOND, "ended")).at(20 * DAY)
    play.send(stated(29 * DAY, 700)).at(29 * DAY)
    assert {row["status"] for row in play.rows("abandonments")} == {"recovered"}

    play.send(stated(31 * DAY, 0)).at(32 * DAY)

    assert {row["status"] for row in play.rows("abandonments")} == {"abandoned"}


def test_a_cart_taken_up_again_before_a_cancelled_order_is_abandoned_at_its_later_deadline() -> None:
    made = [cart(0, "item_added"), cart(2 * HOUR, "item_added"), stated(130 * MINUTE, 700, cart_id="k")]
    play = played([*made, stated(5 * HOUR, 0)], until=DAY)

    row = play.row("abandonments")
    assert (row["status"], row["abandoned_at"]) == ("abandoned", T0 + 150 * MINUTE)
    assert play.metric("cart_abandonment_rate") == {"n": 1, "numerator": 1, "samples": []}


def test_the_source_that_holds_is_the_same_where_statements_are_folded() -> None:
    """What is folded is applied once more, to the state before the touchpoints that can still be corrected."""
    play = Play(Rules(order_source="till"))
    play.send(stated(0, 1_000, "till"), stated(MINUTE, 2_000, "shop"))
    for number in range(40):
        play.send(seen_page(number * 6 * HOUR + HOUR)).at(number * 6 * HOUR + HOUR)
    assert play.partition.customers.timeline("ann").folded_up_to[0] > T0 + MINUTE

    play.send(seen_page(9 * DAY)).at(9 * DAY + 2 * HOUR)

    assert play.counted("recomputations") == 1
    assert bought(play)[:2] == (1, 1_000)
