"""Adoptions: things of a profile go on as its owner's, and meet what the owner has ordered meanwhile.

What they were counted for stays where it was counted. What follows is counted as usual, by differences, under the
attribution that a thing brings. A thing that the owner has already, by its id and its beginning, stays as it is.
"""

from __future__ import annotations

from schemas.transfers import Adopted
from streams.journeys import abandonment, bounds, calls, carts_adoption, follow_ups_adoption, surveys, things
from streams.journeys.effects import Effects
from streams.journeys.lifetime import begin_anew, ends_at
from streams.journeys.machines import KEPT_A_UNIT, forget
from streams.journeys.state import STATE_MAX_BYTES, Call, CustomerState, Survey


def adopt(customer: CustomerState, adopted: Adopted, effects: Effects) -> None:
    """Take a profile's things into a customer's state."""
    at = effects.now = adopted.occurred_at
    if at > ends_at(customer, effects.customer_id, effects.rules):
        begin_anew(customer)
    # Else it would go by when the customer was looked through last which of two things has a name.
    forget(customer, at, effects)
    found = things.decode(adopted.things)
    effects.work += 1 + found.count + customer.kept // KEPT_A_UNIT
    carts_adoption.adopt(customer, found.carts, effects)
    for call in found.calls.values():
        _adopt_call(customer, call, effects)
    for response_id, survey in found.surveys.items():
        _adopt_survey(customer, response_id, survey, effects)
    for case_id, opened_at in found.cases.items():
        customer.cases[case_id] = min(opened_at, customer.cases.get(case_id, opened_at))
    for question, asked in found.unanswered.items():
        known = customer.unanswered.get(question)
        if known is None or asked.at < known.at:
            customer.unanswered[question] = asked
    follow_ups_adoption.adopt(customer, found.follow_ups, effects)
    _sort(customer)
    customer.forget_again = customer.touchpoints
    # What it adds is not told from the bytes of a touchpoint: it is measured, with the room for that number itself.
    customer.most_bytes = STATE_MAX_BYTES
    bounds.trim(customer, effects)


def _adopt_call(customer: CustomerState, call: Call, effects: Effects) -> None:
    namesake = customer.calls.get(call.call_id)
    if any(one.call_id == call.call_id and one.attribution == call.attribution for one in customer.calls.values()):
        return
    customer.calls[call.call_id if namesake is None else f"{call.call_id} {call.began_at}"] = call
    for order in customer.orders.values():
        if order.amount_minor and abandonment.recover_by_order(customer, call, order.attribution.at):
            break
    calls.put_row(call, effects)


def _adopt_survey(customer: CustomerState, response_id: str, survey: Survey, effects: Effects) -> None:
    key = name = survey.response_id or response_id
    known = {key: one for key, one in customer.surveys.items() if (one.response_id or key) == name}
    if any(one.attribution == survey.attribution for one in known.values()):
        return
    own = known.get(name)
    if own is not None and own.started_at:
        key, survey.response_id = f"{name} {survey.started_at}", name
    elif own is not None:
        # Of one that was not begun here there are answers alone.
        survey.answers, survey.observation = own.answers, own.observation
        survey.last_at = max(survey.last_at, own.last_at)
    customer.surveys[key] = survey
    surveys.put_row(key, survey, effects)


def _sort(customer: CustomerState) -> None:
    """Let the oldest be first: those go where there are too many."""
    customer.calls = dict(sorted(customer.calls.items(), key=lambda item: item[1].began_at))
    customer.surveys = dict(sorted(customer.surveys.items(), key=lambda item: item[1].attribution.at))
    customer.cases = dict(sorted(customer.cases.items(), key=lambda item: item[1]))
    customer.unanswered = dict(sorted(customer.unanswered.items(), key=lambda item: item[1].at))
