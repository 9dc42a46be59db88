"""Each safeguard alone stands between a late or repeated record and a touchpoint in the wrong journeys."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from schemas.identity_links import Command, Erase
from schemas.journey_log import Erased, Touchpoint
from schemas.topics import JOURNEYS_LOG
from streams.journeys import ownership
from streams.journeys.partition import CUSTOMER, ERASED, POSITION
from streams.settings import Settings
from tests.simulation.script import FACTS, LINKED, STATE, Script, before
from tests.unit.journeys.play import DAY, HOUR, T0, case, order, seen_page

ALONE = Settings(partitions=1)
LOG = (JOURNEYS_LOG, 0)
SALT = b"s" * 16
GUEST = "anon:cookie:k"


def guest(at: int, **more: Any) -> Touchpoint:
    """Return a page that a browser shows which names nobody."""
    return seen_page(at, customer_key=GUEST, identifiers={"cookie": "k"}, **more)


def login(at: int, customer_id: str, **more: Any) -> Touchpoint:
    """Return a page that a customer sees in that browser: it links the two."""
    return seen_page(at, customer_key=customer_id, customer_id=customer_id, identifiers={"cookie": "k"}, **more)


def owner_of(script: Script, touchpoint: Touchpoint) -> str:
    """Return whose the row of a touchpoint is."""
    (found,) = [row for row in script.rows("touchpoints") if row["event_id"] == touchpoint.event_id]
    return str(found["customer_id"])


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


async def test_what_is_withdrawn_from_somebody_who_is_erased_leaves_no_trace_of_them() -> None:
    """The page is later than the order: the browser's partition withdraws it, and a new profile begins with it."""
    script, page = Script(ALONE), guest(HOUR)
    script.arrive(page, login(-HOUR, "ann"))
    await script.read()
    assert owner_of(script, page) == "ann"

    script.order(Erase([("customer", "ann")], T0, "order", SALT))
    await script.read()

    assert owner_of(script, page) == GUEST
    assert script.kept() == {GUEST}


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


async def test_what_was_said_before_an_erasure_and_comes_later_counts_for_nothing() -> None:
    """It was on its way when the order was read: a link of the browser, and a person's decision."""
    script, page = Script(ALONE), guest(HOUR)
    script.arrive(seen_page(-3 * HOUR, customer_key="ann", customer_id="ann"))
    script.order(Erase([("customer", "ann")], T0, "order", SALT))
    await script.read()

    script.arrive(login(-2 * HOUR, "ann"), page)
    script.order(Command("link", ("customer", "ann"), ("cookie", "k"), T0 - HOUR, "d"))
    await script.read()

    assert owner_of(script, page) == GUEST


async def test_who_was_erased_is_noted_when_their_new_entry_was_written_before() -> None:
    """The entry that holds off what is older stands behind it, and the worker died between the two."""
    script = Script(ALONE)
    script.arrive(guest(HOUR))
    script.tell(Erased(GUEST, T0, "order", SALT, 0))
    await script.dies(LOG, STATE, before(ERASED))
    await script.read()

    script.arrive(guest(-HOUR))
    await script.read()

    assert script.column("touchpoints", "occurred_at") == [T0 + HOUR]
    assert script.outcomes() == {"erased": 1}


async def test_what_happened_after_an_erasure_is_there_before_the_entry_that_says_so() -> None:
    """The page stood in an entry that is older than the erasure, and so holds no longer."""
    script = Script(ALONE)
    script.arrive(guest(HOUR))
    await script.read()
    script.tell(Erased(GUEST, T0, "order", SALT, 0))
    await script.dies(LOG, STATE, before(CUSTOMER))
    await script.read()

    script.arrive(guest(2 * HOUR))
    await script.read()

    assert script.column("customers", "touchpoints") == [2]


async def test_a_touchpoint_of_before_an_erasure_is_erased_once() -> None:
    """It was accepted and counted, and the sink deletes its row: read again, it is not noted as one that came later."""
    script = Script(ALONE)
    script.arrive(guest(-HOUR))
    script.tell(Erased(GUEST, T0, "order", SALT, 0))

    await script.dies(LOG, STATE, before(POSITION))
    await script.read()

    assert (script.counted(), script.outcomes()) == ((1, 0), {})


async def test_what_counts_of_who_was_erased_is_not_counted_again() -> None:
    """Nothing is kept of ann, and what of her was later than the order is folded: her erasure alone tells its offset.

    Their bucket is forgotten by the same write.
    """
    script = Script(ALONE)
    script.arrive(order(HOUR, customer_key="bob"), order(HOUR))
    script.settle(T0 + 200 * DAY)
    script.tell(Erased("ann", T0, "order", SALT, 0))
    await script.dies(LOG, STATE, before(POSITION))
    script.compact()

    await script.read()

    assert script.metric("orders") == 2


async def test_who_was_erased_stays_away_though_a_late_worker_writes_what_they_were() -> None:
    script = Script(ALONE)
    script.arrive(guest(-HOUR))
    late = await script.pauses(LOG, STATE)
    script.tell(Erased(GUEST, T0, "order", SALT, 0))
    await script.read()

    await script.goes_on(late)

    assert script.kept() == set()


async def test_owners_by_a_link_from_before_an_erasure_own_nothing() -> None:
    """Whoever was paused when it told them tells them behind the erasure."""
    script = Script(ALONE)
    script.arrive(guest(-2 * HOUR), login(-HOUR, "ann"))
    late = await script.pauses(LINKED, 0)
    script.order(Erase([("customer", "ann")], T0, "order", SALT))
    await script.read()

    await script.goes_on(late)
    page = guest(HOUR)
    script.arrive(page)
    await script.read()

    assert owner_of(script, page) == GUEST
    assert script.kept() == {GUEST}


async def test_an_order_to_delete_rows_stands_behind_those_of_the_links_before_it() -> None:
    """The sink deletes what it has stored by then, and remembers few orders."""
    script = Script(ALONE)
    script.arrive(guest(-2 * HOUR), login(-HOUR, "ann"))
    script.order(Erase([("customer", "ann")], T0, "order", SALT))

    await script.read()

    assert script.behind_erased("identities") == []
