"""Things that both a profile and its owner have, and in which order an owner keeps them."""

from __future__ import annotations

from schemas.transfers import Adopted, transfer
from streams.journeys import things
from streams.journeys.adoption import adopt
from streams.journeys.effects import Effects
from streams.journeys.state import Attribution, CustomerState
from streams.journeys.things import Things
from tests.simulation.arrivals import RULES
from tests.unit.journeys.play import DAY, T0

LATER = T0 + DAY
GUEST = "anon:cookie:k"


def asked(at: int) -> Attribution:
    return Attribution(at=at, channel="web", attributes={}, journey=1)


def adopted_by(customer: CustomerState, found: Things, customer_id: str = "ann", at: int = LATER) -> CustomerState:
    """Return a customer with a profile's things."""
    sent = transfer(Adopted, GUEST, "e", at, things=things.encode(found))
    adopt(customer, sent, Effects(customer_id, RULES))
    return customer


def test_a_case_is_open_since_the_first_that_opened_it() -> None:
    for own, others in ((T0, T0 + 1), (T0 + 1, T0)):
        assert adopted_by(CustomerState(cases={"d": own}), Things(cases={"d": others})).cases == {"d": T0}


def test_a_question_is_unanswered_since_it_was_first_asked() -> None:
    for own, others in ((T0, T0 + 1), (T0 + 1, T0)):
        customer = CustomerState(unanswered={"q": asked(own)})
        assert adopted_by(customer, Things(unanswered={"q": asked(others)})).unanswered["q"].at == T0


def test_the_oldest_are_first_whoever_had_them() -> None:
    """Of too many the first go."""
    customer = CustomerState(cases={"b": T0 + 1}, unanswered={"b": asked(T0 + 1)})

    adopted_by(customer, Things(cases={"a": T0, "c": T0 + 2}, unanswered={"a": asked(T0), "c": asked(T0 + 2)}))

    assert list(customer.cases) == list(customer.unanswered) == ["a", "b", "c"]


def test_a_profile_that_is_over_begins_anew_with_what_it_adopts() -> None:
    customer = CustomerState(touchpoints=5, last_seen_at=T0, unanswered={"q": asked(T0)})

    adopted_by(customer, Things(cases={"d": T0}), "anon:email:e", T0 + 91 * DAY)

    assert (customer.touchpoints, customer.unanswered, customer.cases) == (0, {}, {"d": T0})
