"""Each safeguard alone stands between links that are not decided yet and a time that makes final what they move.

A guest's page is 20 days old when IDENTITY reads the link that moves it: nothing is settled meanwhile.
"""

from __future__ import annotations

from unittest.mock import patch

import pytest

from schemas import watermarks
from schemas.watermarks import PartitionTime, TaskWatermark
from streams.agents import identity_changes
from streams.journeys.partition import POSITION
from streams.kafka.producer import Message
from streams.settings import Settings
from tests.simulation.guests import ALONE, GUEST, LOG, guest, login, owner_of
from tests.simulation.script import LINKED, REPORTS, STATE, Script, before
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, case, seen_page

LATER = T0 + 20 * DAY
ELSEWHERE = seen_page(HOUR, customer_key="dan", customer_id="dan", identifiers={"cookie": "j"})
"""It links nobody in the other stories."""


async def begun(settings: Settings = ALONE) -> Script:
    """Return a cluster that has decided all links: there are none."""
    script = Script(settings)
    await script.pass_to(T0 - DAY)
    return script


async def test_nothing_is_settled_before_the_links_of_ingest_are_decided() -> None:
    script, page = await begun(), guest(0)
    script.arrive(page, login(HOUR, "ann"))

    await script.pass_to(LATER, but=[LINKED])
    await script.read()

    assert owner_of(script, page) == "ann"


async def test_links_are_decided_when_it_is_written_what_they_change() -> None:
    """Meanwhile their worker reports up to where it was before."""
    script, page = await begun(), guest(0)
    script.arrive(page, login(HOUR, "ann"))
    late = await script.pauses(LINKED, 0, loses=False)

    await script.pass_to(LATER, but=[LINKED])
    await script.goes_on(late)
    await script.read()

    assert owner_of(script, page) == "ann"


@pytest.mark.parametrize("happens", ["nothing", "a restart", "a crash", "a late report"])
async def test_nothing_is_settled_before_the_links_of_a_partition_are_decided(happens: str) -> None:
    """It writes what was said of a subject that somebody waits for; and tells again where those links end."""
    script, step = await begun(), case(0, "resolved", "17", customer_key="anon:case:17")
    script.arrive(step, case(HOUR, "opened", "17", customer_key="ann", customer_id="ann"))
    if happens == "a crash":
        await script.dies(LOG, STATE, before(POSITION))
    await script.read(LOG)
    if happens == "a restart":
        script.restart()
    if happens == "a late report":
        await script.pass_to(LATER, but=[LINKED])
        report = PartitionTime(0, 0, 0)
        script.broker.append(REPORTS, [Message(report.key, watermarks.encode(report))])
        script.restart()
        await script.read(REPORTS)
        await script.worker.watermarks.tick()

    await script.pass_to(LATER, but=[LINKED])
    await script.read()

    assert owner_of(script, step) == "ann"


async def test_nothing_is_decided_that_a_partition_may_still_write_links_of() -> None:
    """It is behind: it reads the statement, and the tick that tells of a later time, in one go."""
    script, step = await begun(), case(0, "resolved", "17", customer_key="anon:case:17")
    script.arrive(step, case(HOUR, "opened", "17", customer_key="ann", customer_id="ann"))

    await script.pass_to(LATER, but=[LINKED, LOG])
    await script.pass_to(LATER, but=[LINKED])
    await script.read()

    assert owner_of(script, step) == "ann"


@pytest.mark.parametrize("acknowledged", [0, 1])
async def test_a_new_epoch_is_told_of_all_links_before_anything_is_decided(acknowledged: int) -> None:
    """A rebuild forgets what was read; else whoever begins tells the new log what was acknowledged."""
    first, page = await begun(), guest(0)
    first.arrive(login(HOUR, "ann"))
    await first.pass_to(LATER)
    script = Script(Settings(partitions=1, epoch=1))
    for place in (LINKED, REPORTS):
        script.broker.logs[place] = list(first.broker.logs[place])
    script.broker.committed[LINKED] = acknowledged
    script.arrive(page)

    await script.pass_to(LATER, but=[LINKED])
    await script.read()

    assert owner_of(script, page) == "ann"


async def test_whoever_loses_the_links_amid_their_reading_reads_them_anew_when_they_come_back() -> None:
    """It was paused when it told the log of a new epoch, and another read the next one meanwhile."""
    first, page = await begun(), guest(4 * HOUR)
    first.arrive(login(3 * HOUR, "ann"))
    await first.read()
    script = Script(Settings(partitions=1, epoch=1))
    script.broker.logs[LINKED] = list(first.broker.logs[LINKED])
    script.broker.committed[LINKED] = 1
    script.arrive(page, ELSEWHERE)
    worker = script.worker
    late = await script.pauses(LINKED, 0)
    script.arrive(login(HOUR, "bob"))
    await script.read()
    await script.goes_on(late)

    script.worker = worker
    script.arrive(login(2 * HOUR, "dan"))
    await script.read()

    assert owner_of(script, page) == "bob"


async def test_whoever_has_lost_the_links_takes_none_that_it_was_given_before() -> None:
    """It has them again by then, and begins anew: what it wrote of the old chunk in parts is not all that is due."""
    script, page = Script(ALONE), guest(0)
    script.arrive(page, login(HOUR, "ann"))
    found = script.broker.chunk(LINKED, 1)
    assert found is not None
    chunk, tracker = found
    tracker.close()
    script.worker.linking.close()

    with patch.object(identity_changes, "CHANGES_HELD", 1):
        await script.worker.linking.receive(chunk)
        await script.read()

    assert owner_of(script, page) == "ann"


async def test_whoever_has_the_links_again_forgets_none_by_a_chunk_that_it_was_given_before() -> None:
    """Another has gone on meanwhile; the old chunk says that nothing before it is read."""
    script, page = Script(ALONE), guest(3 * HOUR)
    script.arrive(page, login(2 * HOUR, "bob"))
    found = script.broker.chunk(LINKED, 1)
    assert found is not None
    chunk, tracker = found
    tracker.close()
    script.arrive(login(HOUR, "ann"))
    await script.read()
    script.restart()
    await script.worker.linking.begin()

    await script.worker.linking.receive(chunk)
    script.arrive(login(90 * MINUTE, "dan"))
    await script.read()

    assert owner_of(script, page) == "ann"


async def test_whoever_has_lost_the_links_amid_a_write_takes_no_more_of_them() -> None:
    """It has them again by then: a case would be that of whom the links are not yet known of that it reads anew."""
    script, step = Script(ALONE), case(3 * HOUR, "resolved", "17", customer_key="anon:case:17")
    script.arrive(ELSEWHERE, login(HOUR, "ann"), step)
    script.arrive(case(2 * HOUR, "opened", "17", customer_key=GUEST, identifiers={"cookie": "k"}))
    await script.read(LOG)
    worker = script.worker
    with patch.object(identity_changes, "CHANGES_HELD", 1):
        late = await script.pauses(LINKED, 0)
        script.worker = worker
        await worker.linking.begin()
        await script.goes_on(late)
        await script.read()

    assert owner_of(script, step) == "ann"


async def test_whoever_has_lost_the_links_reports_nothing_of_them() -> None:
    """A new epoch's first report waits for all links that there were, and this one has read the first of two."""
    first, page = await begun(), guest(0)
    first.arrive(
        seen_page(HOUR, customer_key="bob", customer_id="bob", identifiers={"cookie": "j"}), login(HOUR, "ann")
    )
    script = Script(Settings(partitions=1, epoch=1))
    script.broker.logs[LINKED] = list(first.broker.logs[LINKED])
    script.arrive(page)
    worker = script.worker
    late = await script.pauses(LINKED, 0, most=1)
    await script.goes_on(late)
    await worker.linking.report()

    await script.pass_to(LATER, but=[LINKED])
    await script.read()

    assert owner_of(script, page) == "ann"


async def test_time_waits_for_all_tasks() -> None:
    """The page comes after another task has gone on by 20 days."""
    script = Script(Settings(partitions=2))
    report = TaskWatermark(0, 1, LATER)
    script.broker.append(REPORTS, [Message(report.key, watermarks.encode(report))])
    await script.tick()

    script.arrive(guest(0))
    await script.read()

    assert script.column("touchpoints", "late") == [False]


async def test_a_link_that_comes_late_takes_nothing_that_has_an_owner() -> None:
    """An import states what happened 20 days before; by its time it would be the first."""
    script, page = await begun(), guest(20 * DAY + HOUR)
    script.arrive(login(20 * DAY, "ann"), page, login(0, "bob"), watermark=LATER)

    await script.read()

    assert owner_of(script, page) == "ann"


async def test_a_late_link_takes_no_place_of_one_of_the_same_two() -> None:
    """Else theirs would come after that of whoever shares the browser."""
    script, page = await begun(), guest(20 * DAY + 3 * HOUR)
    script.arrive(login(20 * DAY, "ann"), watermark=LATER)
    script.restart_ingest()
    script.arrive(login(0, "ann"), login(20 * DAY + HOUR, "bob"), page, watermark=LATER)

    await script.read()

    assert owner_of(script, page) == "ann"


async def test_a_statement_that_comes_late_takes_no_subject_that_is_somebodys() -> None:
    script, step = await begun(), case(20 * DAY + HOUR, "resolved", "17", customer_key="anon:case:17")
    known = case(20 * DAY, "opened", "17", customer_key="ann", customer_id="ann")
    imported = case(0, "opened", "17", customer_key="bob", customer_id="bob")
    script.arrive(known, step, watermark=LATER)
    script.restart_ingest()
    script.arrive(imported, watermark=LATER)

    await script.read()

    assert owner_of(script, step) == "ann"
