"""Each safeguard alone stands between what comes late, or once more, and a figure that is final."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from schemas.identity_links import Command
from schemas.journey_log import Touchpoint
from streams.journeys import step_limits
from streams.journeys.partition import POSITION
from streams.settings import Settings
from tests.simulation.broker import BIG
from tests.simulation.guests import ALONE, LOG, guest, login
from tests.simulation.script import LINKED, STATE, Script, before
from tests.unit.journeys.play import DAY, HOUR, SECOND, T0, order, seen_page

LONGER = Settings(partitions=1, allowed_lateness_days=1_000)
LATER = T0 + 200 * DAY


async def raised(*orders: Touchpoint) -> Script:
    """Return a cluster whose allowed lateness was raised when some orders were final, their hour and buckets gone."""
    script = Script(ALONE)
    script.arrive(*orders)
    # Who has no timer is not looked at by the second one: the orders are known for longer than they are counted.
    script.settle(LATER, 0)
    script.settle(LATER)
    await script.read(LOG)
    script.arrive(order(200 * DAY, customer_key="bob"), watermark=LATER)
    await script.read(LOG)
    script.settings = LONGER
    script.restart()
    return script


async def test_a_bucket_that_was_final_stays_as_it_was_when_more_lateness_is_allowed() -> None:
    """It would be counted from zero."""
    script = await raised(order(0), order(SECOND))

    script.arrive(order(2 * SECOND, customer_key="dan"), watermark=LATER)
    await script.read(LOG)

    assert script.metric("orders") == 3
    assert script.column("touchpoints", "late") == [False] * 4


@pytest.mark.parametrize("repeated", [False, True])
async def test_an_hour_that_was_final_stays_as_it_was_when_more_lateness_is_allowed(*, repeated: bool) -> None:
    """What comes is told one by one; in the hour's row it would be counted from zero."""
    first = order(0)
    script = await raised(first, order(SECOND))

    script.arrive(first if repeated else order(2 * SECOND, customer_key="dan"), watermark=LATER)
    await script.read(LOG)

    assert script.counted() == (3, 0)
    assert script.outcomes() == {"duplicate" if repeated else "accepted": 1}


async def test_a_repeat_counts_in_its_hour_or_alone_wherever_chunks_are_cut() -> None:
    """The hour is settled before the repeat, in one chunk with it; read again, it has been forgotten by then."""
    script, page = Script(ALONE), seen_page(0)
    script.arrive(page)
    script.settle(LATER, 0)
    script.settle(LATER)
    script.arrive(page, watermark=LATER)
    await script.dies(LOG, STATE, before(POSITION))

    await script.read(LOG, most=3)
    await script.read(LOG)

    assert (script.counted(), script.outcomes()) == ((1, 0), {"duplicate": 1})


async def test_a_repeat_whose_hour_is_forgotten_by_the_same_write_is_counted_once() -> None:
    """A repeat changes no customer: its hour alone tells that it has been counted."""
    script, page = Script(ALONE), seen_page(0)
    script.arrive(page)
    script.settle(LATER, 0)
    script.arrive(page, watermark=LATER)
    script.settle(LATER)
    await script.dies(LOG, STATE, before(POSITION))
    script.compact()

    await script.read(LOG)

    assert (script.counted(), script.outcomes()) == ((1, 1), {})


async def test_a_late_repeat_covers_no_row_that_counts() -> None:
    """It is known no longer, so it is taken for one that comes late."""
    script, page = Script(ALONE), seen_page(0, customer_key="anon:cookie:k")
    script.arrive(page)
    script.settle(LATER)
    await script.read(LOG)

    script.arrive(page, watermark=LATER)
    await script.read(LOG)

    assert script.column("touchpoints", "late") == [False]
    assert script.outcomes() == {"late": 1}


async def test_of_two_late_touchpoints_of_one_id_the_first_stands() -> None:
    script = Script(ALONE)
    script.settle(LATER)
    for channel in ("web", "shop"):
        script.arrive(seen_page(0, event_id="e", channel=channel), watermark=LATER)
        await script.read(LOG)

    assert script.column("touchpoints", "channel") == ["web"]


async def test_who_is_further_on_does_not_go_back_to_what_the_settled_time_passes() -> None:
    """The late order happened at the very time that is settled before it comes, and waits for its recomputation.

    Its customer's entry is written, and the tick before it is read again: what the tick would bring about bears a
    version, and an offset, that others have passed.
    """
    script = Script(Settings(partitions=1, identity_window_days=0))
    with patch.multiple(step_limits, AT_ONCE=-1, STEP_WORK=1):
        script.arrive(*(order(SECOND * (1 + number)) for number in range(12)))
        script.settle(T0 + 3 * DAY)
        script.arrive(order(0))
        await script.dies(LOG, STATE, before(POSITION))
        await script.read(LOG)

        script.settle(T0 + 3 * DAY + HOUR)
        await script.read(LOG)

    assert script.metric("orders") == 13
    assert script.column("customers", "touchpoints") == [13]


async def test_what_a_person_decides_moves_nothing_into_journeys_that_are_settled() -> None:
    """The page is sent by a record before the tick that settles its time, and arrives behind it."""
    script = Script(ALONE)
    script.arrive(guest(0), seen_page(-HOUR, customer_key="ann"))
    script.order(Command("link", ("customer", "ann"), ("cookie", "k"), T0 + HOUR, "d"))
    await script.read(LINKED)
    script.settle(LATER)

    await script.read()

    assert touchpoints_of(script, "ann") == 1


async def test_what_moves_is_not_put_before_what_a_robot_has_folded() -> None:
    script = Script(ALONE)
    with patch.object(step_limits, "PENDING_MAX", 4):
        script.arrive(*(seen_page(HOUR + number, customer_key="ann") for number in range(10)))
        script.arrive(guest(0), login(2 * HOUR, "ann"))
        await script.read()

    assert touchpoints_of(script, "ann") == 11


@pytest.mark.parametrize("most", [1, BIG])
async def test_what_is_in_no_journey_has_its_row_wherever_chunks_are_cut(most: int) -> None:
    """Its own key's partition lets it go by the write that would send its row."""
    script, page = Script(ALONE), guest(0)
    with patch.object(step_limits, "PENDING_MAX", 4):
        script.arrive(*(seen_page(HOUR + number, customer_key="ann") for number in range(10)))
        script.arrive(page, login(2 * HOUR, "ann"))
        await script.read(LINKED)
        while script.broker.chunk(LOG, 1):
            await script.read(LOG, most=most)

    (row,) = [row for row in script.rows("touchpoints") if row["event_id"] == page.event_id]
    assert (row["customer_id"], row["journey_id"], row["late"]) == ("ann", "", False)
    assert len(script.rows("touchpoints")) == script.counted()[0] == 12


def touchpoints_of(script: Script, customer_id: str) -> int:
    """Return how many touchpoints are in a customer's journeys."""
    (found,) = [row["touchpoints"] for row in script.rows("customers") if row["customer_id"] == customer_id]
    return int(found)
