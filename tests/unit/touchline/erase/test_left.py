"""What is left is counted by the rows' own times, whoever has deleted them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from schemas.erasures import ErasedRows
from sinks.erasing import CONDITIONS, note_done
from streams.settings import Settings
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.sinks.views import write
from touchline.erase.left import LEFT, await_sink, rows_left
from touchline.errors import CommandError

pytestmark = pytest.mark.embedded

WHO = "o'ann"
ERASED = ErasedRows("order left", MAY_1, [WHO, "anon:email:a@x"], 1)
EARLY = MAY_1 - 1
THEIRS: dict[str, dict[str, Any]] = {
    "touchpoints": {"stated_key": WHO, "occurred_at": MAY_1},
    "journeys": {"customer_id": WHO, "started_at": MAY_1},
    "sentiment_shifts": {"customer_id": WHO, "onset_at": MAY_1},
    "abandonments": {"customer_id": WHO, "started_at": MAY_1},
    "follow_ups": {"customer_id": WHO, "happened_at": MAY_1},
    "superseded": {"customer_id": WHO, "event_id": "gone"},
    "customers": {"customer_id": WHO, "first_seen_at": MAY_1},
    "outcomes": {"outcome": "late", "subject": WHO, "at": MAY_1},
    "identities": {"kind": "email", "value": "a@x", "customer_ids": [], "changed_at": EARLY},
    "identity_conflicts": {"other_kind": "email", "other_value": "a@x", "customer_ids": [], "occurred_at": MAY_1},
}


FILLED = {"identities": "owners"}
"""Each row of one is a row of the other, too: ClickHouse fills that from it."""


@pytest.mark.parametrize("table", sorted(THEIRS))
def test_a_row_of_theirs_that_is_left_is_told(chdb: Engine, table: str) -> None:
    write(chdb, table)
    assert not any(rows_left(chdb, Settings(), ERASED).values())

    write(chdb, table, **THEIRS[table])

    assert {name: count for name, count in rows_left(chdb, Settings(), ERASED).items() if count} == {
        one: 1 for one in (table, FILLED.get(table)) if one is not None
    }


def test_all_tables_from_which_rows_are_deleted_are_counted() -> None:
    assert LEFT.keys() == CONDITIONS.keys() | set(FILLED.values())


PARTS = [["a", "b"], ["c", "d"]]
BY_KEY = (
    "touchpoints", "outcomes", "journeys", "sentiment_shifts", "abandonments", "follow_ups", "superseded", "customers",
)  # fmt: skip
BY_PART = ("touchpoints", "outcomes", "identities", "identity_conflicts", "dead_letters")
NOTES = [(table, [key], number) for table in BY_KEY for number, key in enumerate("abcd", 1)]
NOTES += [(table, part, 4) for table in BY_PART for part in PARTS]
"""What the sink notes of an order in two parts: a table, of whom, and how many rows were deleted."""


@pytest.mark.parametrize(
    ("table", "keys"),
    [("journeys", ["a"]), ("customers", ["d"]), *((table, part) for table in BY_PART for part in PARTS)],
)
async def test_the_sink_is_waited_for_until_it_has_said_so_of_every_key_and_every_part(
    chdb: Engine, table: str, keys: list[str]
) -> None:
    parts = [replace(ERASED, erasure_id=f"order but {table} {keys}", customer_keys=part) for part in PARTS]
    with pytest.raises(CommandError, match="has not deleted the rows of abandonments, customers, dead_letters"):
        await await_sink(chdb, parts, 0)

    def note(of: str, theirs: list[str], deleted: int) -> None:
        one = replace(parts[0], customer_keys=theirs)
        note_done(chdb, of, [one], deleted)

    for one in NOTES:
        if one[:2] != (table, keys):
            note(*one)
    with pytest.raises(CommandError, match=f"of {table} after"):
        await await_sink(chdb, parts, 0)
    [last] = [one for one in NOTES if one[:2] == (table, keys)]
    note(*last)

    told = await await_sink(chdb, parts, 0)

    of_keys = 1 + 2 + 3 + 4
    assert (told["journeys"], told["touchpoints"], told["identities"]) == (of_keys, of_keys + 2 * 4, 2 * 4)


def test_rows_of_a_thousand_large_names_are_counted(chdb: Engine) -> None:
    keys = [f"{number:04d}" + "\U0001f600" * 1250 for number in range(1000)]
    before = rows_left(chdb, Settings(), ERASED)
    write(chdb, "customers", customer_id=keys[0], first_seen_at=MAY_1)
    write(chdb, "customers", customer_id=keys[-1], first_seen_at=MAY_1)

    left = rows_left(chdb, Settings(), replace(ERASED, customer_keys=keys))

    assert {name: count for name, count in left.items() if count} == {"customers": 2}
    assert rows_left(chdb, Settings(), ERASED) == before
