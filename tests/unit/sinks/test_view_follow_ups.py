"""The view of follow-ups: one row each as it is now, and how long it has been waiting."""

from __future__ import annotations

import pytest

from sinks.database import select
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.sinks.views import DAY, HOUR, only, write

pytestmark = pytest.mark.embedded

TIME = "DateTime64(3, 'UTC')"
MAYBE = f"Nullable({TIME})"
TYPES = {
    "follow_up_id": "String", "customer_id": "String", "journey_id": "String", "reason": "String", "status": "String",
    "happened_at": TIME, "opened_at": TIME, "due_at": TIME, "settle_due_at": MAYBE, "warned_at": MAYBE,
    "missed_at": MAYBE, "contacted_at": MAYBE, "closed_at": MAYBE, "causes": "UInt32", "event_id": "String",
    "subject_id": "String", "topic": "String", "lang": "String", "owner": "String", "value_minor": "Int64",
    "currency": "String", "experience_before": "Nullable(Float64)", "experience_after": "Nullable(Float64)",
    "may_ask": "Bool", "channel": "String", "attributes": "Map(String, String)", "changed_at": TIME,
    "previous_customer_id": "Nullable(String)", "age_seconds": "Nullable(Float64)",
    "left_seconds": "Nullable(Float64)", "as_of": TIME,
}  # fmt: skip


def test_the_columns_have_plain_types(chdb: Engine) -> None:
    described = select(chdb, "DESCRIBE TABLE follow_ups")

    assert {str(name): str(kind).replace("LowCardinality(String)", "String") for name, kind, *_ in described} == TYPES


def test_a_follow_up_as_it_is_now(chdb: Engine) -> None:
    write(chdb, "follow_ups")
    write(
        chdb, "follow_ups", version=2, status="settled", contacted_at=MAY_1 + HOUR, closed_at=MAY_1 + DAY,
        changed_at=MAY_1 + DAY, experience_after=5000, causes=2,
    )  # fmt: skip

    assert only(chdb, "SELECT * FROM follow_ups") == {
        "follow_up_id": "f1",
        "customer_id": "c1",
        "journey_id": "j1",
        "reason": "complaint",
        "status": "settled",
        "happened_at": "2024-05-01 00:00:00.000",
        "opened_at": "2024-05-01 00:00:00.000",
        "due_at": "2024-05-02 00:00:00.000",
        "settle_due_at": "2024-05-05 00:00:00.000",
        "warned_at": None,
        "missed_at": None,
        "contacted_at": "2024-05-01 01:00:00.000",
        "closed_at": "2024-05-02 00:00:00.000",
        "causes": 2,
        "event_id": "e1",
        "subject_id": "t1",
        "topic": "delivery",
        "lang": "",
        "owner": "care",
        "value_minor": 128_900,
        "currency": "EUR",
        "experience_before": -0.7,
        "experience_after": 0.5,
        "may_ask": False,
        "channel": "email",
        "attributes": {"region": "north"},
        "changed_at": "2024-05-02 00:00:00.000",
        "previous_customer_id": None,
        "age_seconds": None,
        "left_seconds": None,
        "as_of": "2024-05-02 00:00:00.000",
    }


def test_what_is_open_has_its_age_and_the_time_that_is_left_by_the_time_that_all_partitions_have_reached(
    chdb: Engine,
) -> None:
    for partition, hours in enumerate((30, 20)):
        write(chdb, "clocks", partition=partition, time=MAY_1 + hours * HOUR)
    write(chdb, "follow_ups", follow_up_id="open")
    write(chdb, "follow_ups", follow_up_id="late", due_at=MAY_1 + 17 * HOUR)
    write(chdb, "follow_ups", follow_up_id="contacted", contacted_at=MAY_1 + HOUR, changed_at=MAY_1 + 21 * HOUR)
    write(chdb, "follow_ups", follow_up_id="closed", closed_at=MAY_1 + HOUR)

    found = select(chdb, "SELECT follow_up_id, age_seconds, left_seconds FROM follow_ups ORDER BY follow_up_id")

    hour = 3_600
    assert found == [
        ["closed", None, None],
        # Its own partition is further on than all of them.
        ["contacted", 21 * hour, None],
        ["late", 20 * hour, -3 * hour],
        ["open", 20 * hour, 4 * hour],
    ]


def test_what_was_taken_back_is_not_shown(chdb: Engine) -> None:
    write(chdb, "follow_ups")
    write(chdb, "follow_ups", version=2, deleted=True)

    assert select(chdb, "SELECT count() FROM follow_ups") == [[0]]


def test_under_two_customers_one_follow_up_is_two_rows(chdb: Engine) -> None:
    """The guest's row is taken back when the cause is the owner's; until then neither hides the other."""
    write(chdb, "follow_ups", customer_id="anon:cookie:k")
    write(chdb, "follow_ups", version=2)
    write(chdb, "follow_ups", version=3, customer_id="anon:cookie:k", deleted=True)

    assert select(chdb, "SELECT customer_id FROM follow_ups") == [["c1"]]
