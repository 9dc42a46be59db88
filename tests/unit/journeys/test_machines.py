"""What holds of every machine, also one to come: it is listed, it forgets, its metrics say how long they change."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import streams.journeys
from schemas.journey_log import Touchpoint
from schemas.kinds import TOUCHPOINT_KINDS
from schemas.units import MINUTE_MS
from streams.intake.accept import Source, accept
from streams.journeys.bounds import PARTS
from streams.journeys.effects import Effects
from streams.journeys.fold import apply_touchpoint, fire_timers
from streams.journeys.machine import Machine
from streams.journeys.machines import MACHINES
from streams.journeys.purchases import REMEMBERED_MAX
from streams.journeys.state import CustomerState
from streams.sentiment import VaderScorer
from tests.simulation.strategies import TOUCHPOINTS
from tests.unit.schemas.records import FILLED, SCHEMAS, T0, minimal

SCORER = VaderScorer()
FOLDER = Path(streams.journeys.__file__).parent
MODULES = [import_module(f"streams.journeys.{file.stem}") for file in FOLDER.glob("[a-z]*.py")]
DECLARED: set[type[Machine]] = {
    value
    for module in MODULES
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Machine) and value is not Machine
}


@pytest.mark.parametrize("machine", sorted(DECLARED, key=str))
def test_every_machine_is_listed(machine: type[Machine]) -> None:
    assert machine in map(type, MACHINES), f"add {machine.__name__}() to MACHINES in streams/journeys/machines.py"


@pytest.mark.parametrize("kind", TOUCHPOINT_KINDS)
def test_the_state_of_a_customer_is_bounded(kind: str) -> None:
    """A robot that begins one thing after another does not outgrow a message of the changelog."""
    customer = CustomerState()
    for number in range(REMEMBERED_MAX + 100):
        apply_touchpoint(customer, touchpoint_about(kind, number), Effects("robot"))

    for field in customer.__struct_fields__:
        value = getattr(customer, field)
        if isinstance(value, (dict, list)):
            assert len(value) <= REMEMBERED_MAX + 1, f"let the machine of {kind} forget what is in {field}"


def test_all_that_a_customer_has_many_of_can_be_shed() -> None:
    """Where a state outgrows its bound, the older half of its largest part goes: each has to be such a part."""
    customer = CustomerState()
    for number in range(100):
        for kind in TOUCHPOINT_KINDS:
            apply_touchpoint(customer, touchpoint_about(kind, number), Effects("robot"))
    many = {name: len(value) for name, value in collections_of(customer).items() if len(value) > 1}

    for _ in range(10):
        for part in PARTS:
            part.shed(customer)

    assert many.keys() >= {"carts", "calls", "surveys", "cases", "unanswered", "orders"}
    for name, value in collections_of(customer).items():
        assert len(value) < many.get(name, 2), f"let the machine that keeps {name} say so in `kept`"


def collections_of(customer: CustomerState) -> dict[str, Any]:
    values = {name: getattr(customer, name) for name in customer.__struct_fields__}
    return {name: value for name, value in values.items() if isinstance(value, (dict, list))}


def touchpoint_about(kind: str, number: int) -> Touchpoint:
    """Return a touchpoint of a kind about a thing of its own, `number` ms after `T0`."""
    record: dict[str, Any] = {
        field["name"]: field.get("default") for field in SCHEMAS[TOUCHPOINT_KINDS[kind].record]["fields"]
    }
    about = {FILLED[kind][0]: f"thing {number}", "event_id": f"e{number:05}", "occurred_at": T0 + number}
    made = accept(kind, record | minimal(kind) | about, Source(0, "test", 0, number, T0), now=T0, scorer=SCORER)
    assert isinstance(made, Touchpoint)
    return made


@settings(max_examples=40, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("kind", TOUCHPOINT_KINDS)
def test_a_metric_that_later_events_change_says_for_how_long(kind: str, data: st.DataObject) -> None:
    """Without `restated_ms`, changes that come after a bucket's minute would be dropped."""
    customer, effects, at = CustomerState(), Effects("c"), T0
    for number, step in enumerate(data.draw(st.lists(TOUCHPOINTS[kind], min_size=8, max_size=12))):
        at += 2 * MINUTE_MS
        fire_timers(customer, at, effects)
        apply_touchpoint(customer, replace(step, event_id=f"e{number}", occurred_at=at), effects)

    for delta in effects.deltas:
        is_late = delta.caused_at >= delta.attribution.at + MINUTE_MS
        assert delta.metric.restated_ms or not is_late, f"{delta.metric.name} in schemas/metrics.py needs restated_ms"
