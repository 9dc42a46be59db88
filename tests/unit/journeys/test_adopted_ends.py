"""Calls and questions of a guest that end as the customer's, by hand: what becomes of them, and where that counts."""

from __future__ import annotations

import pytest

from tests.unit.journeys.play import DAY, HOUR, MINUTE, call, order, said
from tests.unit.journeys.test_adoption import LOGS_IN, found
from tests.unit.journeys.two_partitions import GUEST, Two


def test_a_call_that_was_given_up_is_recovered_by_the_customers_order() -> None:
    phases = (call(-5 * DAY, "queued", customer_key=GUEST), call(MINUTE - 5 * DAY, "ended", customer_key=GUEST))
    two = Two().send(*phases).at(-MINUTE).send(LOGS_IN, order(HOUR)).at(2 * HOUR)

    assert found(two) == {"c": ("ann", "recovered", "order")}
    assert two.rate("call_abandonment_rate") == (1, 1)


def test_an_order_from_before_the_login_recovers_a_call() -> None:
    phases = (call(-6 * DAY, "queued", customer_key=GUEST), call(MINUTE - 6 * DAY, "ended", customer_key=GUEST))
    two = Two().send(*phases, order(-5 * DAY)).at(-MINUTE).send(LOGS_IN).at(HOUR)

    assert found(two) == {"c": ("ann", "recovered", "order")}


def test_a_call_in_which_the_guest_waited_and_that_ends_as_the_customers_was_given_up() -> None:
    """The customer's touchpoints begin three days before the login, amid the call."""
    waits = call(-10 * MINUTE - 3 * DAY, "queued", customer_key=GUEST, event_id="queued")
    hangs_up = call(10 * MINUTE - 3 * DAY, "ended", customer_key=GUEST, event_id="ended")
    two = Two().send(waits, hangs_up).at(-MINUTE).send(LOGS_IN).at(HOUR)

    felt = {(row["customer_id"], row["event_id"]): row["experience"] for row in two.seen("touchpoints")}
    assert felt["ann", "ended"] == -6_000
    assert found(two) == {"c": ("ann", "abandoned", None)}
    assert two.rate("experience") == (-6_000, 1)
    assert two.rate("call_abandonment_rate") == (1, 1)


def test_a_first_answer_after_the_login_is_counted_from_the_guests_question() -> None:
    two = Two().send(said(-5 * DAY, None, post_id="p", customer_key=GUEST)).at(-MINUTE).send(LOGS_IN)
    two.send(said(HOUR, None, post_id="a", author="brand", in_reply_to="p")).at(2 * HOUR)

    assert two.rate("first_response_time") == (5 * DAY + HOUR, 1)


@pytest.mark.parametrize(("customers_day", "expected"), [(-2, (DAY, 1)), (8, (DAY + 14 * DAY, 2))])
def test_an_owner_hears_that_a_question_was_answered_unless_their_partition_has_settled(
    customers_day: int, expected: tuple[int, int]
) -> None:
    """ADR 31 names the limit: the partitions are days apart, and the customer's business answers once more."""
    two = Two().send(said(-5 * DAY, None, post_id="p", customer_key=GUEST)).at(-2 * DAY).send(LOGS_IN)
    two.at(customers_day * DAY, [1])

    two.send(said(-4 * DAY, None, post_id="a", author="brand", in_reply_to="p", customer_key=GUEST))
    two.send(said(9 * DAY, None, post_id="b", author="brand", in_reply_to="p")).at(10 * DAY)

    assert two.rate("first_response_time") == expected
