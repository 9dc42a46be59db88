"""Partings: at the moment from which on somebody owns a profile, the things that it began lately leave its state.

What leaves is a result of the fold as a row is: where a touchpoint comes late, or the parting is taken out again, the
recomputation tells what else has to be sent. The owner's fold takes it in (see `streams.journeys.adoption`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from msgspec.structs import replace

from schemas.rows import Row
from schemas.transfers import Parted
from streams.journeys import calls, carts, follow_ups_adoption, surveys, things
from streams.journeys.effects import Effects
from streams.journeys.machines import forget
from streams.journeys.state import Attribution, CustomerState
from streams.journeys.things import Things

DEPARTED = "departed"
"""What leaves stands among the effects as rows of this name do; it is sent, and is in no table."""

T = TypeVar("T")


class Departure(Row):
    """Things that leave a profile for their owner at a time (ms): a part of them; `deleted` takes them back."""

    profile: str
    owner: str
    at: int
    part: int
    things: bytes
    deleted: bool = False


def part(customer: CustomerState, parted: Parted, effects: Effects) -> None:
    """Let the things that began lately leave a profile, and put among the effects what is to be sent."""
    at = effects.now = parted.occurred_at
    forget(customer, at, effects)
    effects.work += 1 + customer.kept
    leaving = Things(
        carts={key: one for key, one in customer.carts.items() if one.attribution.at >= parted.began},
        calls={key: one for key, one in customer.calls.items() if one.attribution.at >= parted.began},
        surveys={key: one for key, one in customer.surveys.items() if one.started_at >= max(parted.began, 1)},
        cases={key: opened_at for key, opened_at in customer.cases.items() if opened_at >= parted.began},
        unanswered={key: asked for key, asked in customer.unanswered.items() if asked.at >= parted.began},
        follow_ups=follow_ups_adoption.leave(customer, parted.began, effects),
    )
    if customer.journey is not None and leaving.cases:
        # As at its end: the journey is not restated by what the owner does about them.
        customer.journey.unresolved = True
    for kept, gone in _pairs(customer, leaving):
        for key in gone:
            del kept[key]
    _take_rows_back(leaving, effects)
    _rename(leaving, effects)
    for number, data in enumerate(things.parts_of(leaving)):
        departure = Departure(effects.customer_id, parted.owner, at, number, data)
        effects.put(DEPARTED, (str(at), parted.owner, str(number)), departure)


def _pairs(customer: CustomerState, leaving: Things) -> Iterator[tuple[dict[str, object], dict[str, object]]]:
    for name in ("carts", "calls", "surveys", "cases", "unanswered"):
        yield getattr(customer, name), getattr(leaving, name)


def _take_rows_back(leaving: Things, effects: Effects) -> None:
    """Delete the rows of what was abandoned: the owner sends them as theirs."""
    rows = effects.fresh()
    for cart in leaving.carts.values():
        if cart.abandoned_as is not None:
            carts.put_row(cart, rows)
    for call in leaving.calls.values():
        calls.put_row(call, rows)
    for response_id, survey in leaving.surveys.items():
        surveys.put_row(response_id, survey, rows)
    for table, entities in rows.entities.items():
        for key, row in entities.items():
            effects.put(table, key, _deleted(row))


def _deleted(row: T) -> T:
    return replace(row, deleted=True)  # type: ignore[type-var]  # a row of what was abandoned


def _rename(leaving: Things, effects: Effects) -> None:
    """Let things say where they come from; what stays the profile's is left out."""
    for cart in leaving.carts.values():
        cart.attribution = _elsewhere(cart.attribution, effects)
        if cart.status not in {"open", "abandoned"}:
            # An order of the profile's has led to this: the owner has only orders of their own to replay it beside.
            cart.is_settled = True
        steps = [] if cart.is_settled else cart.steps
        cart.steps = [
            one if one.attribution is None else replace(one, attribution=_elsewhere(one.attribution, effects))
            for one in steps
        ]
    for call in leaving.calls.values():
        call.attribution = _elsewhere(call.attribution, effects)
    for survey in leaving.surveys.values():
        survey.attribution = _elsewhere(survey.attribution, effects)
        # Answers are in the profile's sums, and in the series of its shift detector.
        survey.answers, survey.observation = {}, ""
    for one in leaving.follow_ups.values():
        one.attribution = _elsewhere(one.attribution, effects)
    for question, asked in leaving.unanswered.items():
        leaving.unanswered[question] = _elsewhere(asked, effects)


def _elsewhere(attribution: Attribution, effects: Effects) -> Attribution:
    journey_id = effects.journey_id(attribution.journey)
    return replace(attribution, journey=journey_id, stated_key=attribution.stated_key or effects.customer_id)
