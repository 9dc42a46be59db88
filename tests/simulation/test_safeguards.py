"""Each safeguard alone stands between a worker's death, a late worker or a late record, and a wrong row."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import pytest

from schemas.journey_log import Erased
from streams.journeys import step_limits
from streams.journeys.dimension_values import OTHER
from streams.journeys.partition import BUCKET, COUNT, CUSTOMER, POSITION, VALUE
from streams.settings import Settings
from tests.simulation.guests import ALONE, GUEST, LOG, SALT
from tests.simulation.script import FACTS, STATE, Script, There, before, up_to
from tests.unit.journeys.play import DAY, MINUTE, SECOND, T0, order, seen_page


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


@pytest.mark.parametrize("kind", [COUNT, BUCKET, CUSTOMER, POSITION])
@pytest.mark.parametrize("there", [before, up_to])
async def test_wherever_amid_the_changelogs_entries_a_worker_dies(there: Callable[[bytes], There], kind: bytes) -> None:
    """What counts stands before whom it counts, and what says that all is there stands last."""
    script = Script(ALONE)
    script.arrive(order(0, 5))
    await script.dies(LOG, STATE, there(kind))
    await script.read(LOG)

    script.arrive(order(SECOND, 5))
    await script.read(LOG)

    assert script.metric("orders") == 2
    assert script.counted() == (2, 0)
    assert script.column("customers", "touchpoints") == [2]


async def test_a_state_whose_write_was_given_up_is_read_back() -> None:
    """Its partition was taken from the worker amid a write, and came back to it."""
    script = Script(ALONE)
    script.arrive(order(0, 5))
    await script.read(LOG)
    script.arrive(order(SECOND, 5))
    late = await script.pauses(LOG, FACTS, loses=False)
    late.tracker.close()
    await script.goes_on(late)

    await script.read(LOG)
    script.restart()
    script.arrive(order(2 * SECOND, 5))
    await script.read(LOG)

    assert script.metric("orders") == 3
    assert script.column("customers", "touchpoints") == [3]


@pytest.mark.parametrize("kind", [COUNT, CUSTOMER])
async def test_a_bucket_is_forgotten_behind_whom_it_counts(kind: bytes) -> None:
    """Else it would be counted from zero, by a record that has restated it."""
    script = Script(ALONE)
    script.arrive(order(0, 5))
    await script.read(LOG)
    script.arrive(order(SECOND, 5))
    script.settle(T0 + 200 * DAY)

    await script.dies(LOG, STATE, before(kind))
    script.compact()
    await script.read(LOG)

    assert script.metric("orders") == 2


async def test_a_value_takes_its_place_before_whom_it_counts() -> None:
    """Else nobody would take it, and the next value that comes would."""
    script = Script(Settings(partitions=1, metric_values=1))
    script.arrive(order(0, channel="web"))
    await script.dies(LOG, STATE, before(VALUE))
    await script.read(LOG)

    script.arrive(order(SECOND, channel="shop"))
    await script.read(LOG)

    found = [row for row in script.rows("metric_buckets") if (row["metric"], row["dimension"]) == ("orders", "channel")]
    assert {row["dimension_value"]: row["n"] for row in found} == {"web": 1, OTHER: 1}


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
    assert script.restored(LOG).offset == 1
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


async def test_an_empty_entry_stays_until_no_record_before_it_is_read_again() -> None:
    """Without it a repeat of what the profile has done would begin a new one."""
    script, page = Script(ALONE), seen_page(0, customer_key=GUEST)
    script.arrive(page, seen_page(SECOND, customer_key=GUEST))
    await script.read(LOG)
    script.arrive(order(0), page)
    script.settle(T0 + 200 * DAY)
    await script.dies(LOG, STATE, before(POSITION))

    await script.read(LOG, most=1)
    await script.read(LOG)

    assert {row["customer_id"]: row["touchpoints"] for row in script.rows("customers")} == {GUEST: 2, "ann": 1}


@pytest.mark.parametrize("dies", [False, True])
async def test_a_profile_that_comes_again_before_its_tombstone_gets_none(*, dies: bool) -> None:
    """After a crash the tombstone waits for longer, as the position is behind the empty entry."""
    script = Script(ALONE)
    script.arrive(seen_page(0, customer_key=GUEST))
    await script.read(LOG)
    script.settle(T0 + 200 * DAY)
    if dies:
        await script.dies(LOG, STATE, before(POSITION))
    else:
        await script.read(LOG)
    for number in range(3):
        script.arrive(seen_page(200 * DAY + number, customer_key=GUEST), watermark=T0 + 200 * DAY)
        await script.read(LOG)
        script.arrive(order(200 * DAY + number))
        await script.read(LOG)

    shown = {row["customer_id"]: row["touchpoints"] for row in script.rows("customers")}
    assert shown == {GUEST: 3, "ann": 3}


async def test_a_profile_that_has_left_stays_away_though_a_late_worker_writes_what_it_was() -> None:
    script = Script(ALONE)
    script.arrive(seen_page(0, customer_key=GUEST))
    late = await script.pauses(LOG, STATE)
    script.settle(T0 + 200 * DAY)
    await script.read(LOG)
    script.arrive(order(200 * DAY))
    await script.read(LOG)

    await script.goes_on(late)

    assert script.kept() == {"ann"}

    script.restart()
    script.arrive(order(201 * DAY))
    await script.read(LOG)
    script.compact()
    assert script.named() == {"ann"}


@pytest.mark.parametrize("is_read_back", [False, True])
async def test_what_a_late_worker_writes_is_not_left_alone_by_compaction(*, is_read_back: bool) -> None:
    """Nobody comes again of whom it writes: who has the partition finds it, and writes what holds behind it."""
    script = Script(ALONE)
    script.arrive(order(0, 5))
    late = await script.pauses(LOG, STATE)
    script.arrive(order(SECOND, 5))
    await script.read(LOG)
    await script.goes_on(late)

    if is_read_back:
        script.restart()
    for number in range(2):
        script.arrive(seen_page(MINUTE * (1 + number), customer_key="bob"))
        await script.read(LOG)
    script.compact()
    script.restart()
    script.arrive(order(2 * SECOND, 5))
    await script.read(LOG)

    assert script.metric("orders") == 3
    assert [row["accepted"] for row in script.rows("hourly_counts") if row["kind"] == "purchase"] == [3]
    assert sorted(script.column("customers", "touchpoints")) == [2, 3]


async def test_a_count_that_is_written_again_is_of_as_many_records_as_it_was() -> None:
    """A late worker's is behind it, and the position is behind both: the records are read again, one by one."""
    script, repeated = Script(ALONE), order(0, 5)
    script.arrive(repeated)
    late = await script.pauses(LOG, STATE)
    script.arrive(repeated, repeated)
    await script.dies(LOG, STATE, up_to(COUNT))
    await script.goes_on(late)
    script.restart()

    for _ in range(3):
        await script.read(LOG, most=1)
        script.compact()
        script.restart()

    assert script.counted() == (1, 2)
