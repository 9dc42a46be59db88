"""Each safeguard alone stands between an erasure and somebody who comes back, or is lost with those who were erased."""

from __future__ import annotations

from schemas.identity_links import Command, Erase
from schemas.journey_log import Erased
from streams.journeys.partition import CUSTOMER, ERASED, POSITION
from tests.simulation.guests import ALONE, GUEST, LOG, SALT, guest, login, owner_of
from tests.simulation.script import LINKED, STATE, Script, before
from tests.unit.journeys.play import DAY, HOUR, T0, case, order, seen_page


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

    script.restart()
    script.arrive(order(0, customer_key="bob"))
    await script.read()
    script.compact()
    assert script.named() == {"bob"}


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


async def test_what_somebody_said_of_a_subject_is_told_nobody_when_they_are_erased() -> None:
    """It stands in the subject's partition until somebody asks; the links would have their name for good."""
    script = Script(ALONE)
    script.arrive(case(-HOUR, "opened", "17", customer_key="ann", customer_id="ann"))
    script.order(Erase([("customer", "ann")], T0, "order", SALT))
    await script.read()

    script.arrive(case(HOUR, "resolved", "17", customer_key="anon:case:17"))
    await script.read()

    assert [record.offset for record in script.broker.logs[LINKED] if b"ann" in (record.value or b"")] == [0]


async def test_whose_a_touchpoint_was_is_known_again_by_what_was_said_after_the_erasure() -> None:
    """The order's own record tells it anew, as the partition has forgotten it."""
    script, page = Script(ALONE), guest(2 * HOUR)
    script.arrive(page, login(HOUR, "ann"))
    await script.read()

    script.order(Erase([("customer", "ann")], T0, "order", SALT))
    await script.read()

    assert owner_of(script, page) == "ann"


async def test_of_two_erasures_the_later_time_holds() -> None:
    script = Script(ALONE)
    script.tell(Erased(GUEST, T0 + 2 * HOUR, "first", SALT, 1), Erased(GUEST, T0, "second", SALT, 0))
    script.arrive(guest(HOUR))

    await script.read()

    assert script.outcomes() == {"erased": 1}


async def test_of_two_erasures_the_later_time_holds_though_a_late_worker_writes_the_first_alone() -> None:
    script = Script(ALONE)
    script.tell(Erased(GUEST, T0, "first", SALT, 0))
    late = await script.pauses(LOG, STATE)
    script.tell(Erased(GUEST, T0 + 2 * HOUR, "second", SALT, 1))
    await script.read()
    await script.goes_on(late)

    script.restart()
    script.arrive(order(0, customer_key="bob"))
    await script.read()
    script.compact()
    script.restart()
    script.arrive(guest(HOUR))
    await script.read()

    assert script.outcomes() == {"erased": 1}
