"""Each safeguard alone stands between what was said of a subject before an erasure, and whose it is later."""

from __future__ import annotations

import pytest

from schemas.identity_links import Erase
from schemas.journey_log import Touchpoint
from streams.journeys.partition import POSITION
from streams.kafka.producer import partition_for
from streams.settings import Settings
from tests.simulation.broker import Place
from tests.simulation.guests import ALONE, LOG, SALT, owner_of
from tests.simulation.script import LINKED, STATE, Script, before
from tests.unit.journeys.play import HOUR, T0, case

CASE = "anon:case:17"
ERASE_ANN = Erase([("customer", "ann")], T0, "order", SALT)


def said(at: int, customer_id: str, source: str = "test") -> Touchpoint:
    """Return what a customer does about the case."""
    return case(at, "opened", "17", customer_key=customer_id, customer_id=customer_id, source=source)


def step(at: int, source: str = "test") -> Touchpoint:
    """Return what is done about the case by somebody who states nobody."""
    return case(at, "resolved", "17", customer_key=CASE, source=source)


async def erase_ann(script: Script, *places: Place) -> None:
    """Let an order be read, at some places alone or at all; INGEST takes nothing for said any more."""
    script.order(ERASE_ANN)
    await script.read(*places)
    script.restart_ingest()


def named_in_links(script: Script, customer_id: str) -> list[int]:
    """Return the offsets of the links' records that name a customer."""
    return [one.offset for one in script.broker.logs[LINKED] if customer_id.encode() in (one.value or b"")]


async def test_what_was_said_by_who_is_erased_stays_forgotten_when_another_worker_takes_over() -> None:
    script = Script(ALONE)
    script.arrive(said(-HOUR, "ann"))
    await script.read()
    await erase_ann(script)

    script.restart()
    script.arrive(step(HOUR))
    await script.read()

    assert named_in_links(script, "ann") == [0]


@pytest.mark.parametrize("partitions", [1, 2])
async def test_what_was_said_by_who_is_erased_and_comes_later_is_told_nobody(partitions: int) -> None:
    """It was on its way to the case's partition when the order was read; that may be another than the customer's."""
    script = Script(Settings(partitions=partitions))
    assert (partition_for(b"ann", partitions) == partition_for(CASE.encode(), partitions)) == (partitions == 1)
    await erase_ann(script)

    script.arrive(said(-HOUR, "ann"), step(HOUR))
    await script.read()

    assert named_in_links(script, "ann") == [0]


async def test_a_case_is_its_own_again_when_who_had_it_is_erased() -> None:
    script, page = Script(ALONE), step(2 * HOUR)
    script.arrive(said(-HOUR, "ann"), step(-HOUR))
    await script.read()
    await erase_ann(script)

    script.arrive(page)
    await script.read()

    assert owner_of(script, page) == CASE


async def test_whose_a_case_is_by_what_is_said_after_the_erasure_of_who_had_it() -> None:
    """What another helpdesk said before is erased with the case: dan is the first whom that one names since."""
    script, later = Script(ALONE), step(2 * HOUR, "desk")
    script.arrive(said(-2 * HOUR, "ann"), said(-HOUR, "bob", "desk"), step(-HOUR))
    await script.read()
    await erase_ann(script)

    script.arrive(said(HOUR, "dan", "desk"), later)
    await script.read()

    assert owner_of(script, later) == "dan"


async def test_what_is_said_after_an_erasure_by_who_was_erased_counts() -> None:
    """It stood in the case's partition when the order was read."""
    script, later = Script(ALONE), step(2 * HOUR)
    script.arrive(said(HOUR, "ann"))
    await script.read()
    await erase_ann(script)

    script.arrive(later)
    await script.read()

    assert owner_of(script, later) == "ann"


async def test_whoever_reads_the_links_anew_forgets_what_was_said_of_a_case_before_its_erasure() -> None:
    script, later = Script(ALONE), step(2 * HOUR)
    script.arrive(said(-HOUR, "ann"), step(-HOUR))
    await script.read()
    await erase_ann(script)

    script.restart()
    script.arrive(said(HOUR, "dan"), later)
    await script.read()

    assert owner_of(script, later) == "dan"


async def test_what_is_forgotten_of_a_case_stays_forgotten_when_the_order_is_read_again() -> None:
    """It was said anew, and asked for, by records behind the order in the same chunk; then the worker died."""
    script, later = Script(ALONE), step(2 * HOUR)
    script.arrive(said(-HOUR, "ann"))
    await script.read()
    await erase_ann(script, LINKED)
    script.arrive(said(HOUR, "dan"), later)
    await script.dies(LOG, STATE, before(POSITION))

    await script.read()

    assert owner_of(script, later) == "dan"
    assert named_in_links(script, "ann") == [0]


async def test_what_is_written_of_a_case_behind_an_order_and_was_said_before_counts_for_nothing() -> None:
    """IDENTITY reads the order before anybody has asked whose the case is; the partition is behind."""
    script, later = Script(ALONE), step(HOUR)
    script.arrive(said(-HOUR, "ann"), later)
    await erase_ann(script, LINKED)

    await script.read()

    assert named_in_links(script, "ann") == [0, 1]
    assert owner_of(script, later) == CASE


async def test_what_another_said_of_a_case_is_erased_with_it_though_it_is_written_behind_the_order() -> None:
    script, later = Script(ALONE), step(HOUR, "desk")
    script.arrive(said(-2 * HOUR, "ann"), step(-HOUR))
    await script.read()
    script.arrive(said(-HOUR, "bob", "desk"))
    await erase_ann(script, LINKED)

    script.arrive(later)
    await script.read()

    assert named_in_links(script, "bob") != []
    assert owner_of(script, later) == CASE


async def test_whose_a_case_is_that_waits_since_before_its_erasure_is_told_when_somebody_says() -> None:
    """What waits happened after it."""
    script, waits = Script(ALONE), step(2 * HOUR)
    script.arrive(said(-HOUR, "ann"), step(-HOUR), waits)
    await script.read()
    await erase_ann(script)

    script.arrive(said(HOUR, "dan"))
    await script.read()

    assert owner_of(script, waits) == "dan"
