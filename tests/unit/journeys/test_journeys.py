"""Journeys, customers, late touchpoints and repeats, with expectations worked out by hand."""

from __future__ import annotations

from tests.unit.journeys.play import (
    DAY,
    HOUR,
    MINUTE,
    T0,
    Play,
    call,
    cart,
    case,
    changed,
    order,
    played,
    said,
    seen_page,
    times,
)


def test_a_journey_ends_after_thirty_days_of_silence_at_that_moment() -> None:
    play = played([seen_page(0), seen_page(DAY)], until=31 * DAY - 1)
    assert play.row("journeys")["outcome"] == "open"

    row = play.at(31 * DAY).row("journeys")

    assert (row["journey_id"], row["outcome"], row["touchpoints"]) == ("ann#1", "visited", 2)
    assert times(row, "started_at", "last_touch_at", "ended_at") == [0, DAY, 31 * DAY]


def test_a_touchpoint_after_the_end_starts_the_next() -> None:
    play = played([seen_page(0), seen_page(30 * DAY)], until=30 * DAY)

    assert [row["journey_id"] for row in play.rows("journeys")] == ["ann#1", "ann#2"]
    assert [row["journey_id"] for row in play.rows("touchpoints")] == ["ann#1", "ann#2"]


def test_a_late_touchpoint_can_join_two_journeys_into_one() -> None:
    play = played([seen_page(0), seen_page(31 * DAY)], until=31 * DAY + HOUR)
    assert len(play.rows("journeys")) == 2

    play.send(seen_page(29 * DAY))

    assert play.row("journeys")["touchpoints"] == 3
    assert {row["journey_id"] for row in play.rows("touchpoints")} == {"ann#1"}


def test_path_and_channels_are_in_order() -> None:
    made = [seen_page(0), call(MINUTE, "queued"), cart(2 * MINUTE, "created"), seen_page(3 * MINUTE)]

    row = played(made, until=HOUR).row("journeys")

    assert (row["path"], row["channels"]) == ("vvcqkcvv", ["web", "phone"])


def test_outcomes_in_the_contracts_order() -> None:
    end = 40 * DAY
    abandoned = [cart(0, "item_added")]
    resolved = [
        *abandoned,
        call(HOUR, "queued"),
        call(HOUR + 6_000, "answered"),
        call(2 * HOUR, "ended", resolved=True),
    ]
    unresolved = [call(0, "queued"), call(6_000, "answered"), call(HOUR, "ended", resolved=False)]

    assert played([*resolved, order(3 * HOUR)], end).row("journeys")["outcome"] == "purchased"
    assert played(resolved, end).row("journeys")["outcome"] == "resolved"
    assert played(abandoned, end).row("journeys")["outcome"] == "abandoned"
    assert played(unresolved, end).row("journeys")["outcome"] == "unresolved"
    assert played([seen_page(0)], end).row("journeys")["outcome"] == "visited"


def test_an_open_case_or_a_last_call_in_vain_leave_a_journey_unresolved() -> None:
    in_vain = [call(0, "answered"), call(MINUTE, "ended", resolved=False)]
    closed = [case(HOUR, "opened"), case(2 * HOUR, "closed")]

    assert played([*in_vain, *closed], 40 * DAY).row("journeys")["outcome"] == "unresolved"
    assert played(closed, 40 * DAY).row("journeys")["outcome"] == "visited"
    assert played(closed[:1], 40 * DAY).row("journeys")["outcome"] == "unresolved"


def test_a_case_reopened_the_moment_it_was_resolved_is_open() -> None:
    made = [case(0, "opened"), case(HOUR, "resolved"), case(HOUR, "reopened", event_id="a")]

    assert played(made, DAY).row("customers")["open_cases"] == 1


def test_money_is_exact_and_of_one_currency() -> None:
    made = [order(0, 1_999), order(HOUR, 1), order(2 * HOUR, 500, currency="USD"), order(DAY, 300, action="refunded")]

    play = played(made, until=2 * DAY)

    customer = play.row("customers")
    assert (customer["purchases"], customer["spend_minor"], customer["refunded_minor"]) == (3, 2_000, 300)
    assert customer["currency"] == "EUR"
    assert play.row("journeys")["revenue_minor"] == 2_000
    assert play.metric("revenue", "currency", "USD")["numerator"] == 500
    assert play.metric("orders")["n"] == 3
    assert play.metric("refunds")["numerator"] == 300


def test_a_repeat_is_counted_and_changes_nothing() -> None:
    first = order(0)
    play = Play().send(first, first).send(changed(first, source_offset=99)).at(HOUR)

    assert play.counted("duplicates") == 2
    assert play.row("customers")["purchases"] == 1


def test_an_event_id_with_another_payload_is_refused_as_a_collision() -> None:
    first = order(0)
    play = Play().send(
        first, changed(first, amount_minor=5, fingerprint=-1, source_topic="shop", source_partition=9, source_offset=77)
    )

    (collision,) = play.outputs[0].refused
    assert (collision.topic, collision.partition, collision.offset) == ("shop", 9, 77)
    assert play.row("customers")["spend_minor"] == 1_000


def test_what_comes_after_the_horizon_is_kept_counted_and_changes_no_figure() -> None:
    play = played([seen_page(0)], until=10 * DAY)

    play.send(order(6 * DAY, 4_000))

    assert play.counted("late") == 1
    late = next(row for row in play.rows("touchpoints") if row["late"])
    assert (late["value_minor"], late["journey_id"]) == (4_000, "ann#1")
    assert play.row("customers")["purchases"] == 0
    assert play.metric("orders")["n"] == 0


def test_a_repeat_after_the_horizon_leaves_the_row_that_counted() -> None:
    first = order(0)
    play = Play().send(first).at(20 * DAY).send(first)

    assert play.row("touchpoints")["late"] is False
    assert play.row("customers")["purchases"] == 1


def test_a_restart_goes_on_where_it_was() -> None:
    made = [cart(0, "item_added", value=100), said(MINUTE, 4_000)]
    straight = Play().send(*made).at(HOUR).send(order(DAY, cart_id="k")).at(2 * DAY)
    restarted = Play().send(*made).restarted().at(HOUR).restarted().send(changed(order(DAY, cart_id="k"))).at(2 * DAY)

    def without_ids(play: Play) -> dict[str, object]:
        return {table: play.rows(table) for table in ("abandonments", "metric_buckets", "customers", "journeys")}

    assert without_ids(restarted) == without_ids(straight)


def test_a_robots_thousands_are_bounded_and_counted_whole() -> None:
    play = Play()
    for burst in range(30):
        play.send(*(seen_page(burst * MINUTE + i) for i in range(100)))

    assert play.row("journeys")["touchpoints"] == 3_000
    state = max((value or b"" for _, value in play.outputs[-1].customers), key=len)
    assert len(state) < 512 * 1024


def test_two_customers_do_not_touch_each_other() -> None:
    play = played([seen_page(0), seen_page(0, customer_key="bob")], until=HOUR)

    assert [(row["customer_id"], row["touchpoints"]) for row in play.rows("customers")] == [("ann", 1), ("bob", 1)]


def test_an_event_from_the_future_of_the_clock_is_no_matter() -> None:
    play = Play().send(seen_page(0)).at(-DAY)

    assert play.row("journeys")["started_at"] == T0
