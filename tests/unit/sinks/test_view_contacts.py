"""The view of contacts names what preceded each of them, worked out a second time, and by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.contract.engine import Engine
from tests.oracle.compare import unequal
from tests.oracle.contacts import CONTACT_KEY, contacts
from tests.oracle.touchpoints import DAY, HOUR, MINUTE
from tests.unit.sinks.made_up import MadeUp, play, rows_of
from tests.unit.sinks.test_view_causes import Shop

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 3, tzinfo=UTC).timestamp() * 1000)
CAUSE = "cause_kind, cause_step, caused_at, failed_step"


def test_each_contact_has_the_last_that_may_have_turned_its_customer(chdb: Engine, tmp_path: Path) -> None:
    shop = Shop(seed=7, first=FIRST, days=60)
    for number in range(700):
        shop.look(f"c{number % 40}", shop.start())
        if number % 2 == 0:
            shop.ask(f"c{number % 31}", shop.start())
    world = play(chdb, tmp_path, shop.lines)
    found = rows_of(chdb, "SELECT * FROM customer_contacts")

    assert list(unequal("customer_contacts", CONTACT_KEY, found, contacts(world))) == []
    # Nothing of the above holds by there being nothing.
    assert {row["contact"] for row in found} == {"call", "case", "post"}
    assert {row["cause_kind"] for row in found} == {None, "page_view", "purchase", "support_call", "case_event"}
    assert {row["failed_step"] for row in found} >= {None, "page_view:view", "support_call:ended"}
    assert any(row["handling_seconds"] for row in found)


def by_hand(chdb: Engine, folder: Path, lines: MadeUp) -> dict[str, tuple[object, ...]]:
    play(chdb, folder, lines.lines, until=FIRST + 100 * DAY)
    rows = rows_of(chdb, f"SELECT contact_id, {CAUSE} FROM customer_contacts")
    return {row["contact_id"]: (row["cause_kind"], row["cause_step"], row["failed_step"]) for row in rows}


def test_a_contact_is_caused_within_a_week_in_its_journey_and_not_by_itself(chdb: Engine, tmp_path: Path) -> None:
    shop = MadeUp(seed=1, first=FIRST, days=1)

    def botch(customer: str, at: int) -> None:
        shop.add("case_event", at, customer, case_id=f"of {customer}", phase="updated", by="agent")

    def call(customer: str, at: int, call_id: str) -> None:
        phases = (("queued", 0), ("answered", MINUTE), ("ended", 5 * MINUTE))
        for phase, later in phases:
            resolved = False if phase == "ended" else None
            shop.add("support_call", at + later, customer, call_id=call_id, phase=phase, resolved=resolved)

    for customer, days in (("soon", 1), ("a week", 7)):
        botch(customer, FIRST)
        call(customer, FIRST + days * DAY, customer)
    # A moment more than a week later; at the very same moment; and in the journey before, which 30 silent days ended.
    botch("late", FIRST)
    call("late", FIRST + 7 * DAY + 1, "late")
    botch("at once", FIRST)
    call("at once", FIRST, "at once")
    call("at once", FIRST + HOUR, "and again")
    # What a bot says that has received something causes nothing, nor what customers do.
    shop.add("case_event", FIRST, "asks", case_id="c", phase="opened", by="customer")
    shop.add("case_event", FIRST + 1, "asks", case_id="c", phase="acknowledged", by="bot")
    shop.add("tweet", FIRST + HOUR, "asks", post_id="p", text="!", rating=1)
    shop.add("tweet", FIRST + HOUR, "content", post_id="good", text="!", rating=5)

    botched = ("case_event", "case_event:updated")
    assert by_hand(chdb, tmp_path, shop) == {
        "soon": (*botched, None),
        "a week": (*botched, None),
        "late": (None, None, None),
        "at once": (None, None, None),
        # The first call had ended, unsolved, by then.
        "and again": ("support_call", "support_call:ended", "support_call:ended"),
        "c": (None, None, None),
        "p": (None, None, None),
    }
