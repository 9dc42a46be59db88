"""Follow-ups that leave a profile, and what they become beside the customer's own, by hand."""

from __future__ import annotations

from streams.journeys.effects import Effects
from streams.journeys.follow_ups import kept_of
from streams.journeys.follow_ups_adoption import adopt, leave
from streams.journeys.state import CustomerFollowUps, CustomerState, FollowUp
from tests.simulation.arrivals import RULES
from tests.unit.journeys.play import DAY, HOUR, T0
from tests.unit.journeys.test_adopt import asked

TABLE = "follow_ups"


def follow_up(name: str, at: int = T0, closed_at: int = 0) -> FollowUp:
    """Return a follow-up that was opened an hour after it arose."""
    due = at + DAY
    return FollowUp(asked(at), name, "e", at, due, due, 0, due, "open", opened_at=at + HOUR, closed_at=closed_at)


def with_one(reason: str, one: FollowUp) -> CustomerState:
    return CustomerState(follow_ups=CustomerFollowUps(running={reason: one}))


def causes_told(effects: Effects) -> dict[object, object]:
    """Return of each follow-up that is told anew how many causes it has."""
    return {key: getattr(row, "causes", None) for key, row in effects.entities.get(TABLE, {}).items()}


def test_what_leaves_is_the_profiles_no_more_and_what_is_over_or_older_is() -> None:
    running = {
        "complaint": follow_up("older", T0 - 1),
        "detractor": follow_up("first", T0),
        "low_csat": follow_up("over", T0, closed_at=T0 + HOUR),
    }
    customer, effects = CustomerState(follow_ups=CustomerFollowUps(running=running)), Effects("anon:cookie:k", RULES)

    left = leave(customer, T0, effects)

    assert set(left) == {"detractor"}
    assert set(kept_of(customer).running) == {"complaint", "low_csat"}
    assert {key: getattr(row, "deleted", None) for key, row in effects.entities[TABLE].items()} == {("first",): True}


def test_the_customers_own_goes_on_for_both_and_tells_of_all_causes() -> None:
    customer, effects = with_one("complaint", follow_up("own")), Effects("ann", RULES)

    adopt(customer, {"complaint": follow_up("guest's")}, effects)

    assert [one.follow_up_id for one in kept_of(customer).running.values()] == ["own"]
    assert causes_told(effects) == {("own",): 2}


def test_one_that_is_sent_again_changes_nothing() -> None:
    customer, effects = CustomerState(), Effects("ann", RULES)
    adopt(customer, {"complaint": follow_up("guest's")}, Effects("ann", RULES))

    adopt(customer, {"complaint": follow_up("guest's")}, effects)

    assert kept_of(customer).running["complaint"].causes == 1
    assert causes_told(effects) == {}


def test_one_goes_on_where_the_customers_own_is_over() -> None:
    customer, effects = with_one("complaint", follow_up("own", closed_at=T0 + HOUR)), Effects("ann", RULES)

    adopt(customer, {"complaint": follow_up("guest's")}, effects)

    assert kept_of(customer).running["complaint"].follow_up_id == "guest's"
    assert causes_told(effects) == {("guest's",): 1}


def test_whoever_is_both_is_thanked_when_the_later_was_and_for_nothing_else() -> None:
    for reason, own, guests, thanked in (
        ("thank_you", T0, T0 + HOUR, T0 + HOUR),
        ("thank_you", T0 + HOUR, T0, T0 + HOUR),
        ("complaint", T0, T0 + HOUR, T0),
    ):
        customer = CustomerState(follow_ups=CustomerFollowUps(thanked_at=own))

        adopt(customer, {reason: follow_up("guest's", guests)}, Effects("ann", RULES))

        assert kept_of(customer).thanked_at == thanked
