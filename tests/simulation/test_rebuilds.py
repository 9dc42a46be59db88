"""A rebuild reads all inputs again, also what came late before, in its time: everyone has the owner of before."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.journey_log import Touchpoint
from schemas.rows import TABLES
from streams.settings import Settings
from tests.simulation.cluster import Cluster
from tests.simulation.identities import owners
from tests.simulation.nameless import with_nameless
from tests.simulation.people import people
from tests.simulation.test_moves import END
from tests.unit.journeys.play import DAY, HOUR, T0, case, order

SEEDS = int(os.environ.get("SEEDS", "40"))
SETTINGS = Settings(partitions=3, subjects="case,call,post,order,cart")


def imported(seed: int, known: list[Touchpoint]) -> list[Touchpoint]:
    """Return orders and cases of ten months before, in which an old customer states what is others' now."""
    rng = random.Random(seed)
    found = []
    for number in range(8):
        one = rng.choice([one for one in known if one.identifiers])
        # Some is an old customer's, and some of those who state the same today.
        customer_id = one.customer_id or f"old-{rng.randrange(3)}"
        stated: dict[str, Any] = {
            "event_id": f"imported-{number}",
            "fingerprint": 1_000 + number,
            "source_offset": 1_000 + number,
            "customer_id": customer_id,
            "identifiers": one.identifiers,
            "customer_key": customer_id,
        }
        at = -300 * DAY + number * HOUR
        thing = f"{rng.randrange(4)}-{rng.randrange(3)}"
        found.append(rng.choice((order(at, **stated), case(at, "opened", f"d{thing}", **stated))))
    return found


def of_subjects(cluster: Cluster) -> dict[str, Any]:
    """Return in whose journeys the touchpoints that state nobody are."""
    columns = TABLES["touchpoints"].__struct_fields__
    newest: dict[str, dict[str, Any]] = {}
    for row in cluster.tables().rows("touchpoints"):
        found = dict(zip(columns, row, strict=True))
        key = str(found["event_id"])
        if key not in newest or newest[key]["version"] < found["version"]:
            newest[key] = found
    return {key: row["customer_id"] for key, row in newest.items() if str(row["stated_key"]).startswith("anon:case:")}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_came_late_takes_nothing_after_a_rebuild_that_reads_it_in_its_time(seed: int) -> None:
    """An import of its own topic: all that it holds is read before what happened later."""
    known = with_nameless(people(seed, 60), seed)
    late = imported(seed, known)
    first, second = (
        Cluster(seed + run, SETTINGS, 1 + seed % 3, crashes=seed % 8 * 2, disorder_ms=3 * HOUR, late_before=before)
        for run, before in enumerate((T0, 0))
    )
    first.run([*known, *late], [], END)

    second.rebuild(first)
    second.run([replace(one, watermark=0) for one in sorted([*known, *late], key=lambda one: one.occurred_at)], [], END)

    assert owners(second) == owners(first)
    assert of_subjects(second) == of_subjects(first)
