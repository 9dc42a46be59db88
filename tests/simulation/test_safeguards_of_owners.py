"""Each safeguard alone stands between a late or repeated record and a touchpoint in the wrong journeys."""

from __future__ import annotations

from unittest.mock import patch

from schemas import journey_log
from schemas.identity_links import Command
from schemas.journey_log import Tick
from streams.journeys import ownership
from streams.kafka.producer import Message
from streams.settings import Settings
from tests.simulation.guests import ALONE, GUEST, LOG, guest, login, owner_of
from tests.simulation.script import FACTS, LINKED, Script
from tests.unit.journeys.play import DAY, HOUR, T0, case


async def test_owners_by_an_older_link_change_nothing() -> None:
    """Whoever was paused when it told them tells them behind those that a later record of the links has decided."""
    script, page = Script(ALONE), guest(2 * HOUR)
    script.arrive(page, login(3 * HOUR, "bob"))
    late = await script.pauses(LINKED, 0)
    script.arrive(login(HOUR, "ann"))
    await script.read()

    await script.goes_on(late)
    await script.read()

    assert owner_of(script, page) == "ann"


async def test_what_is_sent_to_an_owner_twice_is_there_once() -> None:
    """Whoever was paused sends what its successor has sent, and the owner's next worker knows by the numbers."""
    script = Script(ALONE)
    script.arrive(login(0, "ann"))
    await script.read()
    script.arrive(guest(HOUR))
    late = await script.pauses(LOG, FACTS)
    await script.read()
    script.restart()

    await script.goes_on(late)
    await script.read()

    assert script.column("customers", "touchpoints") == [2]


async def test_the_row_of_the_owner_stands_whatever_the_offsets_of_two_partitions() -> None:
    script, page = Script(Settings(partitions=2)), guest(0)
    for _ in range(20):
        script.broker.append(LOG, [Message(None, journey_log.encode(Tick(0)))])
    script.arrive(page, login(HOUR, "dan"))

    await script.read()

    assert owner_of(script, page) == "dan"


async def test_what_a_link_that_comes_as_late_as_it_may_moves_is_not_settled() -> None:
    """The page happened three days before the login, and that comes three days late."""
    script, page = Script(ALONE), guest(0)
    script.arrive(page)
    script.settle(T0 + 5 * DAY)
    script.arrive(login(2 * DAY, "ann"), watermark=T0 + 5 * DAY)

    await script.read()

    assert owner_of(script, page) == "ann"


async def test_a_touchpoint_that_has_come_back_is_known_when_it_is_repeated() -> None:
    script, page = Script(ALONE), guest(HOUR)
    script.arrive(page, login(2 * HOUR, "ann"))
    await script.read()
    script.order(Command("unlink", ("cookie", "k"), ("customer", "ann"), T0 + 3 * HOUR, "d"))
    await script.read()
    assert owner_of(script, page) == GUEST

    script.arrive(page)
    await script.read()

    assert script.counted() == (2, 1)
    assert script.column("customers", "touchpoints") == [1, 1]


async def test_what_was_forgotten_early_stays_late_when_the_owner_changes() -> None:
    """A robot's: it cannot be told from a repeat any more."""
    script, page = Script(ALONE), guest(0)
    with patch.object(ownership, "FORWARDED_MAX", 1):
        script.arrive(page, guest(HOUR), login(3 * HOUR, "bob"))
        await script.read()
        script.arrive(login(2 * HOUR, "ann"))
        await script.read()

        script.arrive(page)
        await script.read()

    assert (script.counted(), script.outcomes()) == ((4, 0), {"late": 1})


async def test_what_was_said_of_a_subject_stays_when_its_owner_is_told() -> None:
    """An earlier statement that comes later has to reach IDENTITY, too: the first one counts."""
    script, step = Script(ALONE), case(3 * HOUR, "resolved", "17", customer_key="anon:case:17")
    script.arrive(step, case(2 * HOUR, "opened", "17", customer_key="bob", customer_id="bob"))
    await script.read()
    assert owner_of(script, step) == "bob"

    script.arrive(case(HOUR, "opened", "17", customer_key="ann", customer_id="ann"))
    await script.read()

    assert owner_of(script, step) == "ann"


async def test_a_profile_that_has_an_owner_stays_when_it_is_over() -> None:
    script = Script(ALONE)
    script.arrive(guest(0), login(40 * DAY, "ann"))
    await script.read()
    script.settle(T0 + 200 * DAY)
    await script.read()

    page = guest(200 * DAY)
    script.arrive(page, watermark=T0 + 200 * DAY)
    await script.read()

    assert owner_of(script, page) == "ann"
