"""Dimensions with very many values: the first of a day have buckets of their own, the others share one."""

from __future__ import annotations

import hashlib
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.journey_log import Touchpoint
from streams.journeys import dimension_values
from streams.journeys.rules import Rules
from tests.simulation.arrivals import as_log, delayed
from tests.simulation.journeys_log import process, process_with_crashes
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, Play, order, said
from tests.unit.journeys.test_order import LAGS, histories, rows

FEW = Rules(dimension_values=2)


def counted(play: Play, dimension: str) -> dict[str, int]:
    """Return the orders by the values of a dimension."""
    values = {row["dimension_value"] for row in play.rows("metric_buckets") if row["dimension"] == dimension}
    return {value: play.metric("orders", dimension, value)["n"] for value in values}


def shop(at: int, number: int, **more: object) -> Touchpoint:
    return order(at, 100, attributes={"shop": f"s{number}"}, **more)


def test_the_first_values_of_a_day_have_buckets_of_their_own_and_all_others_share_one() -> None:
    play = Play(FEW).send(*(shop(number * MINUTE, number) for number in range(5)), shop(6 * MINUTE, 0))

    assert counted(play, "shop") == {"s0": 2, "s1": 1, "(other)": 3}
    assert play.metric("orders")["n"] == 6


def test_the_next_day_begins_with_free_places() -> None:
    play = Play(FEW).send(*(shop(number * MINUTE, number) for number in range(3)), shop(DAY, 3), shop(DAY, 4))

    assert counted(play, "shop") == {"s0": 1, "s1": 1, "(other)": 1, "s3": 1, "s4": 1}


def test_places_outlive_a_restart() -> None:
    play = Play(FEW).send(shop(0, 0), shop(MINUTE, 1)).restarted(FEW).send(shop(2 * MINUTE, 2), shop(3 * MINUTE, 1))

    assert counted(play, "shop") == {"s0": 1, "s1": 2, "(other)": 1}


def test_what_is_taken_back_leaves_the_bucket_that_it_was_counted_in() -> None:
    play = Play(FEW).send(shop(0, 0), shop(1, 1), shop(2, 2, order_id="o"))

    play.send(order(HOUR, 0, order_id="o"))

    assert counted(play, "shop") == {"s0": 1, "s1": 1}


def test_places_are_freed_when_nothing_of_their_day_can_be_restated_any_more() -> None:
    play = Play(FEW).send(shop(0, 0))
    keys = {key for output in play.outputs for key, _ in output.values}
    play.at(37 * DAY)
    assert not [key for output in play.outputs for key, value in output.forgotten if key in keys]

    # An abandoned survey is restated for 37 days, and the allowed lateness comes on top.
    play.at(45 * DAY)

    assert {key for output in play.outputs for key, value in output.forgotten if value is None} >= keys


def test_attributes_beyond_the_first_of_a_day_are_no_dimensions() -> None:
    play = Play()
    for number in range(dimension_values.NAMES_MAX + 9):
        play.send(order(number, 100, attributes={f"name{number:03}": "x"}))

    dimensions = {row["dimension"] for row in play.rows("metric_buckets")} - {"all", "channel", "currency"}
    assert dimensions == {f"name{number:03}" for number in range(dimension_values.NAMES_MAX)}
    assert sum(sum(output.overflow.values()) for output in play.outputs) == 2 * 9  # orders, and revenue


def test_channels_have_no_more_places_than_attributes() -> None:
    play = Play(FEW).send(*(order(number, 100, channel=f"c{number}") for number in range(4)))

    assert counted(play, "channel") == {"c0": 1, "c1": 1, "(other)": 2}


def test_a_dimension_that_overflows_is_named_by_its_hash() -> None:
    play = Play(FEW).send(*(said(number * MINUTE, 100, attributes={"session": f"x{number}"}) for number in range(3)))

    name = hashlib.sha256(b"session").hexdigest()[:16]
    assert play.outputs[-1].overflow == {name: 2}  # sentiment, and experience


def test_customers_whose_timers_are_due_at_once_take_places_in_the_same_order_after_a_restart() -> None:
    first, second, later = {"b": "first"}, {"b": "second"}, 31 * DAY
    history = [
        order(1_000, 100, attributes=second),
        said(0, 100, customer_key="bob", attributes=first),
        said(1_000, 100, customer_key="bob", attributes=first),
        # All of these wait for their time: it comes for both customers with one record.
        order(later, 100, received_at=T0, attributes=first),
        said(later, 100, received_at=T0, customer_key="bob", attributes=first),
        said(later, 100, received_at=T0, attributes=second),
    ]
    records, rules = as_log(history), Rules(dimension_values=1)
    whole = rows(process(records, rules))

    for seed in range(50):
        assert rows(process_with_crashes(records, rules, seed, crashes=4)) == whole


@settings(max_examples=300, deadline=None)
@given(histories(), st.integers(0, 10_000), st.lists(st.integers(1, 25)), LAGS, st.integers(1, 3), st.integers(2, 6))
def test_cuts_and_crashes_change_nothing(
    history: list[Touchpoint], seed: int, cuts: list[int], lag: int, most: int, values: int
) -> None:
    attributes = [{f"a{n % 4}": f"v{n % values}", "b": f"w{n * 7 % values}"} for n in range(len(history))]
    history = [replace(one, attributes=own) for one, own in zip(history, attributes, strict=True)]
    records = as_log(delayed(history, seed, 2 * DAY), lag)
    rules = Rules(dimension_values=most)
    with patch.object(dimension_values, "NAMES_MAX", 3):
        whole = rows(process(records, rules))

        assert rows(process(records, rules, cuts)) == whole
        assert rows(process_with_crashes(records, rules, seed, crashes=4)) == whole
