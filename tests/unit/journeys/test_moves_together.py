"""What moves together is put in its place together: a run of moved touchpoints costs one recomputation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from schemas import journey_log
from schemas.journey_log import Moved, Owners, Withdrawn
from streams.journeys import applying, fold, recomputation, snapshot
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, Play, order, seen_page

KEY = "anon:cookie:k"
VIEWS = 600
VIEWS_LAST = VIEWS * MINUTE


@contextmanager
def counting() -> Iterator[list[str]]:
    """Yield a list that gets the kind of every touchpoint that is applied meanwhile."""
    applied: list[str] = []
    apply = fold.apply_touchpoint

    def counted(*given: Any) -> None:
        applied.append(given[1].kind)
        apply(*given)

    with ExitStack() as patches:
        for module in (applying, recomputation, snapshot):
            patches.enter_context(patch.object(module, "apply_touchpoint", counted))
        yield applied


def sent(guest: Play) -> list[Moved | Withdrawn]:
    """Return what the last chunk has sent."""
    records = [journey_log.decode(record) for _, record in guest.outputs[-1].forwarded]
    return [one for one in records if isinstance(one, Moved | Withdrawn)]


def a_guest() -> Play:
    """Return the partition of a guest who has looked at a page each minute."""
    views = [seen_page(number * MINUTE, event_id=f"e{number}", customer_key=KEY) for number in range(VIEWS)]
    return Play().send(*views)


@pytest.mark.parametrize("ordered_at", [VIEWS_LAST, VIEWS_LAST // 2])
def test_a_guest_of_600_page_views_who_logs_in_is_one_recomputation(ordered_at: int) -> None:
    """The owner's order is behind all of the views, or behind half of them: then the last one moves in order."""
    guest = a_guest().send(Owners(KEY, [T0], ["ann"], 1))
    owner = Play().send(order(ordered_at))

    with counting() as applied:
        owner.send(*sent(guest)).at(DAY)

    assert owner.counted("recomputations") == 1
    # Each view once, and what is behind the first of them twice more, by either fold.
    behind = 1 if ordered_at == VIEWS_LAST else 1 + VIEWS // 2
    assert len(applied) <= VIEWS + 2 * behind
    assert owner.row("customers")["touchpoints"] == VIEWS + 1
    assert owner.row("journeys")["touchpoints"] == VIEWS + 1


@pytest.mark.parametrize("ordered_at", [HOUR, 5 * MINUTE])
def test_nothing_waits_for_more_when_the_last_of_them_is_there(ordered_at: int) -> None:
    """No time has to go on for it."""
    guest = Play().send(*(seen_page(n * MINUTE, event_id=f"e{n}", customer_key=KEY) for n in range(10)))
    guest.send(Owners(KEY, [T0], ["ann"], 1))
    owner = Play().send(order(ordered_at))
    *first, last = sent(guest)

    owner.send(*first)
    assert owner.counted("recomputations") == 0

    owner.send(last)
    assert owner.counted("recomputations") == 1
    assert {row["journey_id"] for row in owner.rows("touchpoints")} == {"ann#1"}


def test_what_is_close_to_the_end_of_the_lateness_does_not_wait_for_more() -> None:
    """Left due, it would be put in its place by the next record, or by its own once more after a crash."""
    guest = Play().send(*(seen_page(HOUR // 2 + n, event_id=f"e{n}", customer_key=KEY) for n in range(2)))
    guest.send(Owners(KEY, [T0], ["ann"], 1))
    owner = Play().send(order(3 * DAY)).at(3 * DAY)

    owner.send(sent(guest)[0])

    assert owner.counted("recomputations") == 1
    assert {row["journey_id"] for row in owner.rows("touchpoints")} == {"ann#1"}


def test_each_owner_is_told_which_is_the_last_of_its_own() -> None:
    guest = Play().send(*(seen_page(n * HOUR, event_id=f"e{n}", customer_key=KEY) for n in range(4)))

    guest.send(Owners(KEY, [T0, T0 + 2 * HOUR], ["ann", "bob"], 1))

    assert [(one.customer_key, one.more) for one in sent(guest) if isinstance(one, Moved)] == [
        ("ann", True),
        ("ann", False),
        ("bob", True),
        ("bob", False),
    ]


def test_what_moves_on_to_another_owner_is_one_recomputation_for_either() -> None:
    guest = a_guest().send(Owners(KEY, [T0], ["ann"], 1))
    ann, bob = (Play().send(order(VIEWS_LAST, customer_key=name)) for name in ("ann", "bob"))
    ann.send(*sent(guest)).at(VIEWS_LAST)

    records = sent(guest.send(Owners(KEY, [T0], ["bob"], 2)))
    ann.send(*(one for one in records if one.customer_key == "ann")).at(DAY)
    bob.send(*(one for one in records if one.customer_key == "bob")).at(DAY)

    assert (ann.counted("recomputations"), bob.counted("recomputations")) == (2, 1)
    assert (ann.row("customers")["touchpoints"], bob.row("customers")["touchpoints"]) == (1, VIEWS + 1)


def test_what_leaves_its_own_key_and_comes_back_is_one_recomputation_each_way() -> None:
    guest = a_guest().send(order(VIEWS_LAST, event_id="own", customer_key=KEY))
    guest.send(Owners(KEY, [T0, T0 + VIEWS_LAST], ["ann", KEY], 1)).at(VIEWS_LAST)
    assert (guest.counted("recomputations"), guest.row("customers")["touchpoints"]) == (1, 1)

    guest.send(Owners(KEY, [T0], [KEY], 2)).at(DAY)

    assert (guest.counted("recomputations"), guest.row("customers")["touchpoints"]) == (2, VIEWS + 1)
