"""Things that both a profile and its owner have, and in which order an owner keeps them."""

from __future__ import annotations

from schemas.transfers import Adopted, transfer
from streams.journeys import things
from streams.journeys.adoption import adopt
from streams.journeys.bounds import TRIMMED_TO_BYTES
from streams.journeys.effects import Effects
from streams.journeys.state import STATE_MAX_BYTES, Attribution, CustomerState, encode_state
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


def test_a_state_that_adopts_too_much_is_made_small_and_knows_how_large_it_is() -> None:
    """Two tills' cases, each of which has half of what a state may take, by names of a thousand bytes."""
    half = STATE_MAX_BYTES // 2_000
    own, others = ({f"{who}{number:04}".ljust(1_000, "."): T0 for number in range(half)} for who in "ab")

    customer = adopted_by(CustomerState(cases=own), Things(cases=others))

    assert TRIMMED_TO_BYTES // 2 < len(encode_state(customer)) <= min(TRIMMED_TO_BYTES, customer.most_bytes)
