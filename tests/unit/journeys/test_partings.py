"""When things part from a profile, and where they come in their owner's time: on two partitions, by hand."""

from __future__ import annotations

from unittest.mock import patch

from streams.journeys import moves, step_limits
from tests.unit.journeys.play import DAY, HOUR, MINUTE, cart, changed, seen_page
from tests.unit.journeys.two_partitions import GUEST, Two, owners

LEFT = cart(-5 * DAY, "item_added", "k1", 4_200, customer_key=GUEST)
LOGS_IN = owners(7, (0, "ann"))


def test_what_stays_with_a_guest_who_has_an_owner_stays_when_that_owner_has_another() -> None:
    """The cart was left while the guest was Ann's, and was moved as often as may be: it is Bob's no more than hers."""
    two = Two().send(cart(-2 * DAY, "item_added", "k1", 4_200, customer_key=GUEST)).at(-MINUTE)
    with patch.object(moves, "MOVES_MAX", 0):
        two.send(owners(7, (0, "ann"), (2 * DAY, "bob"))).at(HOUR)

    assert [(row["customer_id"], row["subject_id"]) for row in two.seen("abandonments")] == [(GUEST, "k1")]


def test_what_parts_at_a_time_that_has_not_come_waits_for_it() -> None:
    """The guest's partition is behind: what else was done until then may change what leaves."""
    two = Two().send(LEFT).at(-4 * DAY).send(LOGS_IN)
    assert two.sent == []

    two.at(-MINUTE)
    assert len(two.sent) == two.adopted == 1


def test_what_parts_late_comes_back_if_the_link_is_taken_back_at_once() -> None:
    """The login comes when its time is settled, so the cart leaves at the time that is settled just now."""
    two = Two().send(LEFT).at(8 * DAY).send(LOGS_IN)
    assert [row["customer_id"] for row in two.seen("abandonments")] == ["ann"]

    two.send(owners(8))

    assert [row["customer_id"] for row in two.seen("abandonments")] == [GUEST]


def test_what_comes_to_a_robot_lets_none_of_its_touchpoints_count_twice() -> None:
    """The robot's are folded beyond the login, and a fold ends with what has come: a repeat is known to be folded."""
    pages = [seen_page(number * MINUTE, customer_key="ann") for number in range(10)]
    with patch.object(step_limits, "PENDING_MAX", 4):
        two = Two().send(LEFT).at(-MINUTE).send(*pages)
        assert last_folded(two) == pages[5].event_id

        two.send(LOGS_IN)
        assert last_folded(two).startswith("\0adopted")
        two.send(changed(pages[5], source_offset=99))

    assert {row["customer_id"]: row["touchpoints"] for row in two.seen("customers")} == {GUEST: 1, "ann": 10}


def last_folded(two: Two) -> str:
    """Return the event id of the last of Ann's that no other can be put before any more."""
    return two.partitions[1].customers.timeline("ann").folded_up_to[2]
