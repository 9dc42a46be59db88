"""Each safeguard alone stands between a worker's death, a late worker or a late record, and a wrong row."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from schemas.journey_log import Erased
from streams.journeys import step_limits
from streams.journeys.partition import CUSTOMER, POSITION
from streams.settings import Settings
from tests.simulation.script import FACTS, STATE, Script, before
from tests.unit.journeys.play import DAY, SECOND, T0, order

ALONE = Settings(partitions=1)
LOG = Script(ALONE).log_of("ann")
SALT = b"s" * 16


@pytest.mark.parametrize("is_somebody_erased", [False, True])
async def test_what_a_customers_entry_has_is_not_applied_again(*, is_somebody_erased: bool) -> None:
    """It is folded there: read again, it would be late."""
    script = Script(ALONE)
    if is_somebody_erased:
        # So each touchpoint is looked at that happened before.
        script.tell(Erased("bob", T0 + DAY, "order", SALT, 0))
        await script.read(LOG)
    script.arrive(order(0, 5))
    script.settle(T0 + 20 * DAY)
    script.arrive(order(20 * DAY, 7), watermark=T0 + 20 * DAY)

    await script.dies(LOG, STATE, before(POSITION))
    await script.read(LOG)

    assert script.outcomes() == {}
    assert (script.counted(), script.metric("orders")) == ((2, 0), 2)


async def test_what_a_bucket_and_an_hour_count_is_not_counted_again() -> None:
    """Their entries stand before those of the customers."""
    script = Script(ALONE)
    repeated = order(0, 5)
    script.arrive(repeated, repeated)

    await script.dies(LOG, STATE, before(CUSTOMER))
    await script.read(LOG)

    assert script.metric("orders") == 1
    assert script.counted() == (1, 1)


async def test_of_two_entries_of_one_thing_the_later_one_counts() -> None:
    """A worker that was paused writes what it had counted, behind all that others have counted since."""
    script = Script(ALONE)
    script.arrive(order(0, 5))
    late = await script.pauses(LOG, STATE)
    script.arrive(order(SECOND, 5))
    await script.read(LOG)

    await script.goes_on(late)
    script.restart()
    script.arrive(order(2 * SECOND, 5))
    await script.read(LOG)

    assert script.metric("orders") == 3
    assert script.counted() == (3, 0)
    assert script.column("customers", "touchpoints") == [3]


async def test_what_the_settled_time_passes_is_done_before_it_is_final() -> None:
    """Orders that came late are put in their places in steps, as time goes on: here it stands."""
    script = Script(ALONE)
    with patch.multiple(step_limits, AT_ONCE=-1, STEP_WORK=1):
        script.arrive(*(order(number * SECOND, 1) for number in range(12)))
        script.arrive(*(order(-1 - number, 1) for number in range(3)))
        script.settle(T0 + 10 * DAY, 0)
        await script.read(LOG)
        assert script.metric("orders") < 15, "the recomputation has ended already"

        script.settle(T0 + 10 * DAY, T0 + 10 * DAY)
        await script.read(LOG)

    assert script.metric("orders") == 15


async def test_a_worker_that_has_lost_its_partition_writes_no_state() -> None:
    """Its entries would stand behind those of the next owner, and be all that compaction leaves."""
    script = Script(ALONE)
    script.arrive(order(0, 5))
    late = await script.pauses(LOG, FACTS)
    script.arrive(order(SECOND, 5))
    await script.read(LOG)

    await script.goes_on(late)
    script.compact()
    script.restart()
    script.arrive(order(2 * SECOND, 5))
    await script.read(LOG)

    assert script.metric("orders") == 3
    assert script.column("customers", "touchpoints") == [3]
