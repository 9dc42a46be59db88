"""The report's queries run on real tables that are filled by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from schemas.rows import (
    AbandonmentRow,
    BucketRow,
    BusinessChangeRow,
    CustomerRow,
    DeadLetterRow,
    IdentityRow,
    JourneyRow,
    Row,
    ShiftRow,
    TouchpointRow,
)
from sinks.batch import Batch
from tests.contract.engine import Engine
from touchline.report import read_findings
from touchline.report.findings import Findings

pytestmark = pytest.mark.embedded

SEPTEMBER = 1_788_220_800_000
"""1 September 2026, 00:00 UTC."""
DAY = 86_400_000


def at(day: int) -> int:
    return SEPTEMBER + day * DAY


def touchpoint(day: int, kind: str, action: str, experience: int | None, text: str = "") -> Row:
    return TouchpointRow(
        event_id=f"e{day}",
        kind=kind,
        occurred_at=at(day),
        received_at=at(day),
        customer_id="C1",
        journey_id="J1",
        channel="web",
        source="test",
        action=action,
        text=text,
        sentiment=None,
        scorer="",
        topics=[],
        topics_by="",
        experience=experience,
        value_minor=None,
        currency=None,
        subject_id="s",
        attributes={},
        fields=b"",
        late=False,
        ahead=False,
        stated_key="C1",
        version=1,
    )


def shift(customer: str, journey: str, before: int, after: int, cause: str | None) -> Row:
    return ShiftRow(
        shift_id=f"{customer}@e7",
        customer_id=customer,
        journey_id=journey,
        direction="worse",
        detected_at=at(9),
        onset_at=at(7),
        onset_event_id="e7",
        before_mean=before,
        after_mean=after,
        n_before=3,
        n_after=3,
        cause_event_id=cause,
        cause_kind="support_call" if cause else None,
        detector="test",
        previous_customer_id=None,
        deleted=False,
        version=1,
    )


def cart(subject_id: str, status: str, value: int | None, currency: str | None) -> Row:
    recovered_at = at(3) if status == "recovered" else None
    return AbandonmentRow(
        family="cart",
        subject="cart",
        subject_id=subject_id,
        customer_id="C1",
        journey_id="J1",
        started_at=at(1),
        abandoned_at=at(2),
        waited_ms=1000,
        value_minor=value,
        currency=currency,
        status=status,
        recovered_at=recovered_at,
        recovered_by=None,
        channel="web",
        attributes={},
        previous_customer_id=None,
        deleted=False,
        version=1,
    )


def bucket(metric: str, day: int, n: int, numerator: int, squares: int = 0, dimension: str = "all") -> Row:
    value = "EUR" if dimension == "currency" else ""
    return BucketRow(
        metric=metric,
        bucket=at(day),
        dimension=dimension,
        dimension_value=value,
        currency="EUR" if metric in {"revenue", "refunds"} else "",
        partition=0,
        n=n,
        numerator=numerator,
        squares=squares,
        samples=[],
        samples_less=[],
        groups=[],
        group_counts=[],
        group_sums=[],
        version=1,
    )


def identity(kind: str, value: str, *owners: str) -> Row:
    """Return whose an identity was, one day after the other."""
    days = range(len(owners))
    return IdentityRow(kind, value, [at(day) for day in days], list(owners), [f"e{day}" for day in days], at(9), 1)


ROWS: dict[str, list[Row]] = {
    "identities": [
        # Two of C1's, one of another customer; a profile's, and a customer who is another one, by a decision.
        identity("cookie", "k", "anon:email:c1@example.com", "C1"),
        identity("email", "c1@example.com", "C1"),
        identity("email", "c2@example.com", "C2"),
        identity("cookie", "j", "anon:phone:+493012345678"),
        identity("customer", "C9", "C1"),
    ],
    "touchpoints": [
        *(touchpoint(day, "tweet", "customer", 5000, "nice") for day in range(6)),
        touchpoint(6, "support_call", "ended", None, "was cut off"),
        *(touchpoint(day, "tweet", "customer", -7000, "awful") for day in range(7, 10)),
    ],
    "sentiment_shifts": [
        shift("C1", "J1", 5000, -7000, "e6"),
        shift("C2", "J2", 5000, -6000, None),
    ],
    "journeys": [
        JourneyRow(
            journey_id="J1",
            customer_id="C1",
            started_at=at(0),
            last_touch_at=at(9),
            ended_at=None,
            touchpoints=10,
            channels=["web"],
            path="tc",
            purchases=0,
            revenue_minor=0,
            currency="EUR",
            experience_first=1,
            experience_last=1,
            experience_sum=1,
            experience_n=1,
            outcome="unresolved",
            deleted=False,
            version=1,
        )
    ],
    "customers": [
        CustomerRow(
            customer_id="C1",
            first_seen_at=at(0),
            last_seen_at=at(9),
            touchpoints=10,
            purchases=0,
            spend_minor=0,
            refunded_minor=0,
            currency="EUR",
            experience_sum=1,
            experience_n=1,
            last_nps=9.0,
            open_cases=0,
            status="active",
            deleted=False,
            version=1,
        ),
        CustomerRow(
            customer_id="anon:cookie:nobody",
            first_seen_at=at(0),
            last_seen_at=at(9),
            touchpoints=0,
            purchases=0,
            spend_minor=0,
            refunded_minor=0,
            currency="",
            experience_sum=0,
            experience_n=0,
            last_nps=None,
            open_cases=0,
            status="active",
            deleted=False,
            version=1,
        ),
    ],
    "abandonments": [
        cart("k1", "abandoned", 4999, "EUR"),
        cart("k2", "abandoned", 1, "EUR"),
        cart("k3", "abandoned", 700, "JPY"),
        cart("k4", "recovered", 300, "EUR"),
        cart("k5", "abandoned", None, None),
    ],
    "metric_buckets": [
        # Promoters and detractors: 4 and 1 before the change, 1 and 4 after it.
        bucket("nps", 3, 10, 3, 5),
        bucket("nps", 8, 10, -3, 5),
        bucket("csat", 3, 4, 3),
        bucket("revenue", 3, 2, 12345, dimension="currency"),
        bucket("speed_of_answer", 3, 2, 90_000),
    ],
    "dead_letters": [
        DeadLetterRow(
            topic="t",
            partition=0,
            offset=1,
            reason="no_identity",
            detail="",
            stage="ingest",
            refused_at=at(1),
            raw=b"\x00\xff",
            version=1,
        )
    ],
    "business_changes": [
        BusinessChangeRow(
            change_id="B1",
            name="New help line",
            topic="support",
            effective_at=at(6),
            reverted_at=None,
            event_id="b",
            occurred_at=at(6),
            source="test",
            attributes={},
            version=1,
        )
    ],
}


@pytest.fixture
def findings(chdb: Engine) -> Findings:
    return stored(chdb, ROWS)


def stored(chdb: Engine, tables: Mapping[str, list[Row]]) -> Findings:
    """Store rows; return what the report finds in them."""
    batch = Batch()
    for table, rows in tables.items():
        for row in rows:
            batch.add_row(table, row)
    batch.flush(chdb)

    def ask(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        lines = chdb.query(sql, parameters, "JSONEachRow").splitlines()
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]

    return read_findings(ask)


def test_what_came_in_is_counted(findings: Findings) -> None:
    intake = findings.intake

    assert (intake.touchpoints, intake.customers, intake.anonymous) == (10, 2, 1)
    assert (intake.identifiers, intake.identified) == (3, 2)
    assert intake.kinds == {"tweet": 9, "support_call": 1}
    assert (intake.first_at, intake.last_at) == (at(0), at(9))
    assert intake.revenue == {"EUR": 12345}
    assert intake.refused == {"no_identity": 1}


def test_ratings_are_summed_over_all_days(findings: Findings) -> None:
    assert (findings.ratings["nps"].value, findings.ratings["nps"].n) == (0, 20)
    assert (findings.ratings["csat"].value, findings.ratings["csat"].n) == (0.75, 4)
    assert findings.service["speed_of_answer"].value == 45


def test_abandoned_money_stays_apart_by_currency_and_fate(findings: Findings) -> None:
    (carts,) = findings.abandoned

    assert (carts.abandoned, carts.came_back) == (5, 1)
    assert carts.lost == {"EUR": 5000, "JPY": 700}
    assert carts.recovered == {"EUR": 300}


def test_the_most_hurt_customers_journey_comes_with_its_cause(findings: Findings) -> None:
    assert findings.worst_journey is not None
    worst = findings.worst_journey.shift

    assert (worst.customer_id, worst.onset_kind, worst.onset_text) == ("C1", "tweet", "awful")
    assert (worst.cause_event_id, worst.cause_at, worst.cause_text) == ("e6", at(6), "was cut off")
    assert findings.worst_journey.outcome == "unresolved"
    assert [step.event_id for step in findings.worst_journey.steps] == [f"e{day}" for day in range(10)]
    assert findings.worse[1].cause_kind is None


def test_who_turned_sour_after_a_change_was_taken_back_is_not_its(chdb: Engine) -> None:
    """Shifts begin on day 7: within the days after a change on day 6, if it is not taken back before."""
    changes = [
        BusinessChangeRow(
            change_id=name, name=name, topic="support", effective_at=at(day), reverted_at=reverted_at, event_id=name,
            occurred_at=at(day), source="test", attributes={}, version=1,
        )
        for name, day, reverted_at in (("kept", 6, None), ("short", 6, at(7)), ("later", 8, None), ("once", -8, None))
    ]  # fmt: skip

    found = {change.name: change for change in stored(chdb, {**ROWS, "business_changes": [*changes]}).changes}

    assert {name: (one.soured_before, one.soured_after) for name, one in found.items()} == {
        "kept": (0, 2), "short": (0, 0), "later": (2, 0), "once": (0, 0),
    }  # fmt: skip


def test_a_change_is_judged_by_the_days_on_either_side_of_it(findings: Findings) -> None:
    (change,) = findings.changes

    # Six good posts of 0.5 before it, three bad ones of -0.7 after it.
    assert change.before == pytest.approx(0.5)
    assert change.after == pytest.approx(-0.7)
    assert (change.soured_before, change.soured_after) == (0, 2)
    # One customer cannot tell what a change did to all.
    assert change.verdict == "too few to tell"
