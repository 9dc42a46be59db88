"""Calls and responses of one name, some of them sent more than once: each is there once, by hand."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.journey_log import Moved
from streams.journeys.state import Call, CustomerState, Survey
from streams.journeys.things import Things
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, call, order, survey
from tests.unit.journeys.test_adopt import adopted_by, asked
from tests.unit.journeys.test_adoption import LOGS_IN
from tests.unit.journeys.two_partitions import GUEST, Two


def test_two_calls_of_one_name_are_two_and_an_order_recovers_both() -> None:
    own = (call(-6 * DAY, "queued"), call(MINUTE - 6 * DAY, "ended"))
    guests = (call(-5 * DAY, "queued", customer_key=GUEST), call(MINUTE - 5 * DAY, "ended", customer_key=GUEST))
    two = Two().send(*own, *guests).at(-MINUTE).send(LOGS_IN, order(HOUR)).at(2 * HOUR)

    rows = two.seen("abandonments")
    assert sorted((row["customer_id"], row["subject_id"], row["status"]) for row in rows) == [
        ("ann", "c", "recovered"),
        ("ann", "c", "recovered"),
    ]
    assert two.rate("call_abandonment_rate") == (2, 2)


def test_two_calls_that_began_in_one_moment_are_two_also_if_they_come_one_after_the_other() -> None:
    customer = CustomerState()
    for name in ("a", "b"):
        adopted_by(customer, Things(calls={name: Call(asked(T0), name, T0, T0)}))

    assert set(customer.calls) == {"a", "b"}


def test_two_responses_that_began_in_one_moment_are_two_also_if_they_come_one_after_the_other() -> None:
    customer = CustomerState()
    for name in ("a", "b"):
        adopted_by(customer, Things(surveys={name: Survey(asked(T0), T0, started_at=T0)}))

    assert set(customer.surveys) == {"a", "b"}


def test_a_response_that_had_a_namesake_has_its_own_name_where_it_has_none() -> None:
    """It has another key in the state of whoever had it before."""
    response = Survey(asked(T0), T0, started_at=T0, response_id="r")

    assert set(adopted_by(CustomerState(), Things(surveys={f"r {T0}": response})).surveys) == {"r"}


def test_a_response_beside_the_customers_own_is_no_third_when_it_is_sent_again() -> None:
    customer = CustomerState(surveys={"r": Survey(asked(T0 + HOUR), T0 + HOUR, started_at=T0 + HOUR)})
    for _ in range(2):
        adopted_by(customer, Things(surveys={"r": Survey(asked(T0), T0, started_at=T0)}))

    assert sorted(one.started_at for one in customer.surveys.values()) == [T0, T0 + HOUR]
    assert customer.surveys["r"].started_at == T0 + HOUR


def test_a_response_beside_the_customers_own_is_left_once_though_it_is_sent_again_after_that() -> None:
    begun = [survey(-5 * DAY, "started", customer_key=GUEST), survey(-4 * DAY, "started")]
    two = Two().send(*begun).at(-MINUTE).send(LOGS_IN)
    [adopted] = [record for _, record in two.sent if isinstance(record, Moved)]
    two.at(20 * DAY)
    assert two.rate("survey_abandonment_rate") == (2, 2)

    two.send(replace(adopted, number=adopted.number + 1)).at(30 * DAY)

    assert two.rate("survey_abandonment_rate") == (2, 2)
