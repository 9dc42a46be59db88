"""The views of who is who: as it is known now, and as it was known then."""

from __future__ import annotations

import pytest

from sinks.database import select
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.sinks.views import MINUTE, write

pytestmark = pytest.mark.embedded


def told(chdb: Engine) -> list[bytes]:
    """Return what the view says of the one cookie, each row's columns side by side."""
    return chdb.query(
        "SELECT customer_id, event_id, toUnixTimestamp64Milli(since), toUnixTimestamp64Milli(known_from), "
        "toUnixTimestamp64Milli(superseded_at) FROM identities WHERE kind = 'cookie' AND value = 'k1' "
        "ORDER BY known_from, since",
        output_format="CSV",
    ).splitlines()


def test_what_is_known_now_is_not_superseded(chdb: Engine) -> None:
    write(chdb, "identities")

    assert told(chdb) == [f'"c1","e1",{MAY_1},{MAY_1 + 5},\\N'.encode()]


def test_what_was_known_then_is_superseded_when_it_changed(chdb: Engine) -> None:
    first, second = MAY_1, MAY_1 + MINUTE
    write(chdb, "identities", customer_ids=["anon:email:a"], event_ids=["e0"], changed_at=first, version=1)
    write(
        chdb,
        "identities",
        since=[MAY_1, MAY_1 + 7],
        customer_ids=["anon:email:a", "c1"],
        event_ids=["e0", "e1"],
        changed_at=second,
        version=2,
    )
    write(chdb, "identities", since=[], customer_ids=[], event_ids=[], changed_at=second + 1, version=3)

    assert told(chdb) == [
        f'"anon:email:a","e0",{MAY_1},{first},{second + 1}'.encode(),
        f'"c1","e1",{MAY_1 + 7},{second},{second + 1}'.encode(),
    ]


def test_a_row_that_is_stored_twice_is_one(chdb: Engine) -> None:
    write(chdb, "identities")
    write(chdb, "identities")

    assert len(told(chdb)) == 1


def test_a_conflict_that_is_settled_is_none_any_more(chdb: Engine) -> None:
    count = "SELECT toInt32(count()) FROM identity_conflicts"
    write(chdb, "identity_conflicts")
    assert select(chdb, count) == [[1]]

    write(chdb, "identity_conflicts", deleted=True, version=2)
    assert select(chdb, count) == [[0]]
