"""The view of follow-ups: one row each as it is now, and how long it has been waiting."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sinks.database import select
from sinks.migrate import migrate
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.oracle.shares import interval
from tests.unit.sinks.views import DAY, HOUR, only, write

pytestmark = pytest.mark.embedded

PAGE = Path(__file__).parents[3] / "docs/metrics.md"
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


@pytest.mark.parametrize("number", range(3))
def test_the_queries_of_the_page_can_be_asked(chdb: Engine, number: int) -> None:
    write(chdb, "clocks", time=MAY_1 + 2 * DAY)
    write(chdb, "follow_ups")
    write(chdb, "follow_ups", follow_up_id="f2", contacted_at=MAY_1 + HOUR, experience_after=5000)
    part = PAGE.read_text("utf-8").split("\n## Follow-ups\n")[1].split("\n## ")[0]
    queries = re.findall(r"```sql\n(.*?)```", part, re.DOTALL)

    assert len(queries) == 3
    assert len(chdb.query(queries[number], output_format="JSONEachRow").splitlines()) == 1


def test_under_two_customers_one_follow_up_is_two_rows(chdb: Engine) -> None:
    """The guest's row is taken back when the cause is the owner's; until then neither hides the other."""
    write(chdb, "follow_ups", customer_id="anon:cookie:k")
    write(chdb, "follow_ups", version=2)
    write(chdb, "follow_ups", version=3, customer_id="anon:cookie:k", deleted=True)

    assert select(chdb, "SELECT customer_id FROM follow_ups") == [["c1"]]


def metrics(chdb: Engine, grain: str = "1mo", dimension: str = "all") -> dict[tuple[object, ...], list[object]]:
    """Return n, numerator, and what is to come, by metric, value of the dimension, and the bucket's first day."""
    rows = select(
        chdb,
        "SELECT metric, dimension_value, toString(toDate(bucket)), n, numerator, undecided FROM follow_up_metrics "
        "WHERE grain = {grain:String} AND dimension = {dimension:String}",
        {"grain": grain, "dimension": dimension},
    )
    return {tuple(row[:3]): [int(str(value)) for value in row[3:]] for row in rows}


AS_OF = 50 * HOUR
CASES: dict[str, tuple[dict[str, object], list[int] | None, list[int] | None, list[int] | None]] = {
    # What the row says; of in_time, settled and recovered: n, numerator, undecided.
    "contacted in time": ({"contacted_at": 24 * HOUR}, [1, 1, 0], [0, 0, 1], [0, 0, 1]),
    "contacted late": ({"contacted_at": 24 * HOUR + 1}, [1, 0, 0], [0, 0, 1], [0, 0, 1]),
    "nobody yet": ({"due_at": 50 * HOUR}, [0, 0, 1], [0, 0, 1], [0, 0, 1]),
    "nobody in time": ({"due_at": 50 * HOUR - 1}, [1, 0, 0], [0, 0, 1], [0, 0, 1]),
    "settled alone": ({"status": "settled", "closed_at": 24 * HOUR}, None, [1, 1, 0], [0, 0, 1]),
    "settled alone, late": ({"status": "settled", "closed_at": 24 * HOUR + 1}, [1, 0, 0], [1, 1, 0], [0, 0, 1]),
    "settled late": (
        {"status": "settled", "contacted_at": HOUR, "closed_at": 49 * HOUR, "settle_due_at": 48 * HOUR},
        [1, 1, 0], [1, 0, 0], [0, 0, 1],
    ),
    "never settled": ({"contacted_at": HOUR, "settle_due_at": 48 * HOUR}, [1, 1, 0], [1, 0, 0], [0, 0, 1]),
    "without a deadline": ({"contacted_at": HOUR, "settle_due_at": None}, [1, 1, 0], None, [0, 0, 1]),
    "recovered": ({"contacted_at": HOUR, "experience_after": -6_999}, [1, 1, 0], [0, 0, 1], [1, 1, 0]),
    "not recovered": ({"contacted_at": HOUR, "experience_after": -7_000}, [1, 1, 0], [0, 0, 1], [1, 0, 0]),
    "unfelt": ({"contacted_at": HOUR, "experience_before": None}, [1, 1, 0], [0, 0, 1], None),
    "expired": ({"status": "expired", "closed_at": 49 * HOUR, "settle_due_at": 48 * HOUR}, [1, 0, 0], [1, 0, 0], None),
    "withdrawn": ({"status": "withdrawn", "contacted_at": HOUR, "closed_at": HOUR}, None, None, None),
    "thanks": ({"reason": "thank_you", "contacted_at": HOUR, "experience_after": 5}, None, None, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_counts_in_the_metrics(chdb: Engine, case: str) -> None:
    changes, *wanted = CASES[case]
    at = {
        name: MAY_1 + value if isinstance(value, int) and name.endswith("_at") else value
        for name, value in changes.items()
    }
    write(chdb, "clocks", time=MAY_1 + AS_OF)
    write(chdb, "follow_ups", **at)

    names = ("follow_ups_in_time", "follow_ups_settled", "recovered_share")
    expected = {(name, "", "2024-05-01"): one for name, one in zip(names, wanted, strict=True) if one is not None}
    assert metrics(chdb) == expected


def test_the_buckets_are_those_of_the_business_and_the_dimensions_are_told_apart(chdb: Engine) -> None:
    migrate(chdb, time_zone="Asia/Kolkata")
    write(chdb, "clocks", time=MAY_1 + 40 * DAY)
    # 1 May, 20:00 UTC is 2 May in Kolkata, a Thursday.
    for number, reason in enumerate(("complaint", "complaint", "worse")):
        at = MAY_1 + 20 * HOUR
        write(
            chdb, "follow_ups", follow_up_id=str(number), reason=reason, happened_at=at, due_at=at + DAY,
            contacted_at=at + (number + 1) * 20 * HOUR, channel=("email", "phone", "email")[number], topic="",
            owner=("a", "a", "b")[number],
        )  # fmt: skip

    def in_time(dimension: str, grain: str = "1d") -> dict[object, list[object]]:
        found = metrics(chdb, grain, dimension).items()
        return {key[1:]: row[:2] for key, row in found if key[0] == "follow_ups_in_time"}

    began = "2024-05-01"  # at 18:30 UTC, the midnight of 2 May
    assert in_time("all") == {("", began): [3, 1]}
    assert in_time("reason") == {("complaint", began): [2, 1], ("worse", began): [1, 0]}
    assert in_time("channel") == {("email", began): [2, 1], ("phone", began): [1, 0]}
    assert in_time("owner") == {("a", began): [2, 1], ("b", began): [1, 0]}
    assert in_time("topic") == {}
    assert in_time("all", "1w") == {("", "2024-04-28"): [3, 1]}
    assert in_time("all", "1mo") == {("", "2024-04-30"): [3, 1]}


def test_the_target_and_wilsons_interval_stand_beside_the_value(chdb: Engine) -> None:
    write(chdb, "clocks", time=MAY_1 + 2 * DAY)
    for number in range(10):
        contacted_at = MAY_1 + (1 if number < 8 else 30) * HOUR
        write(chdb, "follow_ups", follow_up_id=str(number), customer_id=str(number), contacted_at=contacted_at)

    row = only(
        chdb,
        "SELECT n, value, target, ci_low, ci_high FROM follow_up_metrics "
        "WHERE metric = 'follow_ups_in_time' AND grain = '1d' AND dimension = 'all'",
    )

    # Of 8 in 10: E. B. Wilson's interval, by hand with z = 1.959964.
    assert row == {
        "n": 10, "value": 0.8, "target": 0.9,
        "ci_low": pytest.approx(0.4901625), "ci_high": pytest.approx(0.9433178),
    }  # fmt: skip
    assert select(chdb, "SELECT DISTINCT target FROM follow_up_metrics WHERE metric != 'follow_ups_in_time'") == [
        [None]
    ]


def test_follow_ups_of_one_customer_count_as_fewer_than_as_many_independent_ones(chdb: Engine) -> None:
    write(chdb, "clocks", time=MAY_1 + 2 * DAY)
    customers = {"c1": (4, 4), "c2": (3, 0), "c3": (1, 1), "c4": (2, 1)}
    for customer, (given, in_time) in customers.items():
        for number in range(given):
            contacted_at = MAY_1 + (1 if number < in_time else 30) * HOUR
            write(
                chdb, "follow_ups", follow_up_id=f"{customer}-{number}", customer_id=customer, contacted_at=contacted_at
            )  # fmt: skip

    row = only(
        chdb,
        "SELECT n, numerator, ci_low, ci_high FROM follow_up_metrics "
        "WHERE metric = 'follow_ups_in_time' AND grain = '1mo' AND dimension = 'all'",
    )

    low, high = interval(customers.values())
    assert row == {"n": 10, "numerator": 6, "ci_low": pytest.approx(low), "ci_high": pytest.approx(high)}
