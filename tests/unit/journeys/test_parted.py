"""Which things leave a profile, and what its journey has come to then, by hand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schemas.journey_log import Touchpoint
from schemas.transfers import Parted, transfer
from streams.journeys import things
from streams.journeys.effects import Effects
from streams.journeys.fold import apply_touchpoint
from streams.journeys.parting import DEPARTED, Departure
from streams.journeys.state import Call, Cart, CartStep, CustomerState, Survey
from tests.simulation.arrivals import RULES
from tests.unit.journeys.play import DAY, T0, case, said
from tests.unit.journeys.test_adopt import GUEST, asked
from tests.unit.journeys.test_adoption import LOGS_IN
from tests.unit.journeys.two_partitions import Two

BEGAN = T0 + 3 * DAY


def test_what_began_at_the_first_moment_that_is_the_owners_leaves_and_what_began_before_stays() -> None:
    times = {"before": BEGAN - 1, "first": BEGAN, "later": BEGAN + 1}
    customer = CustomerState(
        carts={name: Cart(asked(at), name, BEGAN) for name, at in times.items()},
        calls={name: Call(asked(at), name, at, BEGAN) for name, at in times.items()},
        surveys={name: Survey(asked(at), BEGAN, started_at=at) for name, at in times.items()},
        cases=dict(times),
        unanswered={name: asked(at) for name, at in times.items()},
    )
    customer.surveys["never begun"] = Survey(asked(BEGAN), BEGAN)
    effects = Effects(GUEST, RULES)

    apply_touchpoint(customer, transfer(Parted, GUEST, "e", BEGAN + DAY, owner="ann", began=BEGAN), effects)

    [departure] = effects.entities[DEPARTED].values()
    assert isinstance(departure, Departure)
    gone = things.decode(departure.things)
    for kind in ("carts", "calls", "surveys", "cases", "unanswered"):
        assert set(getattr(gone, kind)) == {"first", "later"}, kind
        assert set(getattr(customer, kind)) - {"never begun"} == {"before"}, kind
    assert "never begun" in customer.surveys


def test_what_leaves_says_in_which_journey_it_began_and_what_was_stated_first() -> None:
    """The second event was in another channel; the second cart came to the profile from a browser's."""
    elsewhere = replace(asked(BEGAN + 1), channel="app")
    steps = [CartStep(BEGAN, "item_added", "tea", 1, 100, "EUR", None)]
    steps.append(CartStep(BEGAN + 1, "item_added", "tea", 1, 100, "EUR", elsewhere))
    came = replace(asked(BEGAN), journey="anon:cookie:b#19876", stated_key="anon:cookie:b")
    carts = {"own": Cart(asked(BEGAN), "own", BEGAN, steps=steps), "came": Cart(came, "came", BEGAN)}
    effects = Effects(GUEST, RULES)

    parted = transfer(Parted, GUEST, "e", BEGAN + DAY, owner="ann", began=BEGAN)
    apply_touchpoint(CustomerState(carts=carts), parted, effects)

    [departure] = effects.entities[DEPARTED].values()
    assert isinstance(departure, Departure)
    gone = things.decode(departure.things).carts
    assert gone["own"].attribution == replace(asked(BEGAN), journey=f"{GUEST}#1", stated_key=GUEST)
    assert [one.attribution for one in gone["own"].steps] == [
        None,
        replace(elsewhere, journey=f"{GUEST}#1", stated_key=GUEST),
    ]
    assert gone["came"].attribution == came


@pytest.mark.parametrize(
    ("touchpoint", "outcome"),
    [
        (case(-5 * DAY, "opened", customer_key=GUEST), "unresolved"),
        (said(-5 * DAY, None, customer_key=GUEST), "visited"),
    ],
)
def test_a_journey_that_an_open_case_leaves_ends_unresolved(touchpoint: Touchpoint, outcome: str) -> None:
    two = Two().send(touchpoint).at(-1).send(LOGS_IN).at(40 * DAY)

    assert [(row["customer_id"], row["outcome"]) for row in two.seen("journeys")] == [(GUEST, outcome)]
