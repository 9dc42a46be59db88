"""Things that both a profile and its owner have, and in which order an owner keeps them."""

from __future__ import annotations

from schemas.transfers import Adopted, Parted, transfer
from streams.journeys import things
from streams.journeys.adoption import adopt
from streams.journeys.bounds import TRIMMED_TO_BYTES
from streams.journeys.effects import Effects
from streams.journeys.fold import apply_touchpoint
from streams.journeys.state import (
    STATE_MAX_BYTES,
    Answer,
    Attribution,
    Call,
    CustomerState,
    Order,
    Survey,
    encode_state,
)
from streams.journeys.things import Things
from tests.simulation.arrivals import RULES
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, seen_page

LATER = T0 + DAY
GUEST = "anon:cookie:k"


def asked(at: int) -> Attribution:
    return Attribution(at=at, channel="web", attributes={}, journey=1)


ANSWER = Answer(asked(T0 + HOUR), (T0 + HOUR, "e"), "", None, None, None, scored=False)


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


def test_of_more_cases_than_may_be_kept_the_oldest_go_with_the_next_touchpoint() -> None:
    """Neither of the two had too many, and the customer's were looked through a moment ago."""
    customer = CustomerState(touchpoints=9, last_seen_at=LATER, forget_again=1_000)
    customer.cases = {f"own {number}": T0 + number for number in range(150)}
    adopted_by(customer, Things(cases={f"guest {number}": T0 + number for number in range(150)}))

    apply_touchpoint(customer, seen_page(DAY + MINUTE), Effects("ann", RULES))

    assert len(customer.cases) == 250
    assert {*customer.cases.values()} == {T0 + number for number in range(25, 150)}


def test_what_had_to_go_where_things_leave_or_come_is_counted() -> None:
    """Of 251 cases one is too many."""
    cases = {f"{number}": T0 + number for number in range(251)}
    for sent in (
        transfer(Parted, "ann", "e", LATER, owner="bob", began=T0),
        transfer(Adopted, GUEST, "e", LATER, things=things.encode(Things())),
    ):
        effects = Effects("ann", RULES)
        apply_touchpoint(CustomerState(cases=dict(cases)), sent, effects)
        assert effects.trimmed == ["kept"]


def test_two_calls_that_a_guest_began_in_one_moment_are_two() -> None:
    calls = {name: Call(asked(T0), name, T0, T0) for name in ("a", "b")}

    assert set(adopted_by(CustomerState(), Things(calls=calls)).calls) == {"a", "b"}


def test_an_order_that_was_cancelled_recovers_no_call() -> None:
    for amount, became in ((4_200, "recovered"), (0, "abandoned")):
        left = Call(asked(T0), "c", T0, T0, status="abandoned", family="call", started_at=T0, abandoned_at=T0 + MINUTE)
        ordered = Order(asked(T0 + HOUR), (T0 + HOUR, "e"), leading=False, amount_minor=amount, currency="EUR")

        adopted = adopted_by(CustomerState(orders={"o": ordered}), Things(calls={"c": left}))

        assert adopted.calls["c"].status == became


def test_a_response_that_was_begun_by_the_guest_alone_has_the_answers_of_both_and_the_later_end() -> None:
    for own, guests in ((T0 + HOUR, T0 + MINUTE), (T0 + MINUTE, T0 + HOUR)):
        answered = Survey(asked(T0 + HOUR), own, answers={"q": ANSWER}, observation="e")

        adopted = adopted_by(
            CustomerState(surveys={"r": answered}), Things(surveys={"r": Survey(asked(T0), guests, started_at=T0)})
        )

        (survey,) = adopted.surveys.values()
        assert (survey.started_at, survey.answers, survey.observation) == (T0, {"q": ANSWER}, "e")
        assert survey.last_at == T0 + HOUR
