"""The views hold what the contract says: names, order and types of columns, and figures worked out by hand."""

from __future__ import annotations

import pytest

from sinks.database import select
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.sinks.views import DAY, only, write

pytestmark = pytest.mark.embedded

TIME = "DateTime64(3, 'UTC')"
CONTRACT: dict[str, dict[str, str]] = {
    "touchpoints": {
        "event_id": "String",
        "kind": "String",
        "occurred_at": TIME,
        "received_at": TIME,
        "customer_id": "String",
        "journey_id": "String",
        "channel": "String",
        "source": "String",
        "action": "String",
        "text": "String",
        "sentiment": "Nullable(Float64)",
        "experience": "Nullable(Float64)",
        "value_minor": "Nullable(Int64)",
        "currency": "Nullable(String)",
        "subject_id": "String",
        "attributes": "Map(String, String)",
        "ahead": "Bool",
        "superseded": "Bool",
        "topics": "Array(String)",
        "topics_by": "String",
    },
    "journeys": {
        "journey_id": "String",
        "customer_id": "String",
        "started_at": TIME,
        "last_touch_at": TIME,
        "ended_at": f"Nullable({TIME})",
        "touchpoints": "UInt64",
        "channels": "Array(String)",
        "path": "Array(String)",
        "steps": "Array(String)",
        "purchases": "UInt64",
        "revenue_minor": "Int64",
        "currency": "String",
        "experience_first": "Nullable(Float64)",
        "experience_last": "Nullable(Float64)",
        "experience_mean": "Nullable(Float64)",
        "outcome": "String",
    },
    "sentiment_shifts": {
        "shift_id": "String",
        "customer_id": "String",
        "journey_id": "String",
        "direction": "String",
        "detected_at": TIME,
        "onset_at": TIME,
        "onset_event_id": "String",
        "before_mean": "Float64",
        "after_mean": "Float64",
        "n_before": "UInt64",
        "n_after": "UInt64",
        "cause_event_id": "Nullable(String)",
        "cause_kind": "Nullable(String)",
        "detector": "String",
        "previous_customer_id": "Nullable(String)",
    },
    "abandonments": {
        "subject": "String",
        "subject_id": "String",
        "customer_id": "String",
        "journey_id": "String",
        "started_at": TIME,
        "abandoned_at": TIME,
        "waited_seconds": "Float64",
        "value_minor": "Nullable(Int64)",
        "currency": "Nullable(String)",
        "status": "String",
        "recovered_at": f"Nullable({TIME})",
        "recovered_by": "Nullable(String)",
        "channel": "String",
        "attributes": "Map(String, String)",
        "previous_customer_id": "Nullable(String)",
    },
    "rolling_metrics": {
        "metric": "String",
        "grain": "String",
        "bucket": TIME,
        "dimension": "String",
        "dimension_value": "String",
        "n": "UInt64",
        "numerator": "Nullable(Float64)",
        "denominator": "Float64",
        "promoters": "Nullable(UInt64)",
        "detractors": "Nullable(UInt64)",
        "value": "Nullable(Float64)",
        "p50": "Nullable(Float64)",
        "p90": "Nullable(Float64)",
        "p99": "Nullable(Float64)",
        "ci_low": "Nullable(Float64)",
        "ci_high": "Nullable(Float64)",
        "final": "Bool",
        "target": "Nullable(Float64)",
    },
    "customers": {
        "customer_id": "String",
        "first_seen_at": TIME,
        "last_seen_at": TIME,
        "touchpoints": "UInt64",
        "purchases": "UInt64",
        "spend_minor": "Int64",
        "refunded_minor": "Int64",
        "currency": "String",
        "experience_mean": "Nullable(Float64)",
        "last_nps": "Nullable(Float64)",
        "open_cases": "UInt64",
        "status": "String",
        "first_order_at": f"Nullable({TIME})",
        "last_order_at": f"Nullable({TIME})",
        "order_days": "UInt64",
        "recency_days": "Nullable(Int64)",
        "frequency": "Nullable(UInt64)",
        "tenure_days": "Nullable(Int64)",
        "monetary_value_minor": "Nullable(Float64)",
        "repeat_purchase": "Bool",
        "silence_days": "Nullable(Int64)",
        "rhythm_days": "Nullable(Float64)",
        "loyalty_status": "Nullable(String)",
        "nps_group": "Nullable(String)",
        "good_experiences": "UInt64",
        "bad_experiences": "UInt64",
        "experience_balance": "Float64",
        "acquired_by": "String",
        "acquisition_cost_minor": "Nullable(Float64)",
        "lifetime_value_minor": "Nullable(Float64)",
        "referrals": "UInt64",
        "praises": "UInt64",
        "loyal": "Bool",
        "extra_care": "Bool",
        "care_reasons": "Array(String)",
        "unmended_since": f"Nullable({TIME})",
        "loyalty_method": "String",
        "as_of": TIME,
    },
    "reconciliation": {
        "topic": "String",
        "kind": "String",
        "hour": TIME,
        "accepted": "UInt64",
        "late": "UInt64",
        "refused": "UInt64",
        "duplicates": "UInt64",
        "superseded": "UInt64",
        "found": "UInt64",
        "refused_found": "UInt64",
        "erased": "UInt64",
        "missing": "UInt64",
        "final": "Bool",
    },
    "dead_letters": {
        "topic": "String",
        "partition": "UInt32",
        "offset": "UInt64",
        "reason": "String",
        "detail": "String",
        "stage": "String",
        "refused_at": TIME,
        "raw": "String",
    },
}


@pytest.mark.parametrize("view", CONTRACT)
def test_columns_are_those_of_the_contract(chdb: Engine, view: str) -> None:
    described = select(chdb, f"DESCRIBE TABLE {view}")

    columns = {str(row[0]): _plain(str(row[1])) for row in described}

    assert list(columns.items()) == list(CONTRACT[view].items())


def _plain(column_type: str) -> str:
    """Return a type without LowCardinality, which nobody who queries can tell."""
    for inner in ("String", "Nullable(String)"):
        column_type = column_type.replace(f"LowCardinality({inner})", inner)
    return column_type


def test_a_touchpoint_in_natural_units(chdb: Engine) -> None:
    write(chdb, "touchpoints", sentiment=-3333, text="late again")

    assert only(chdb, "SELECT * FROM touchpoints") == {
        "event_id": "e1",
        "kind": "purchase",
        "occurred_at": "2024-05-01 00:00:00.000",
        "received_at": "2024-05-01 00:00:00.250",
        "customer_id": "c1",
        "journey_id": "j1",
        "channel": "web",
        "source": "shop",
        "action": "placed",
        "text": "late again",
        "sentiment": -0.3333,
        "experience": 0.25,
        "value_minor": 1299,
        "currency": "EUR",
        "subject_id": "o1",
        "attributes": {"product": "shoe", "region": "north"},
        "ahead": False,
        "superseded": False,
        "topics": [],
        "topics_by": "",
    }


def test_a_touchpoint_without_scores(chdb: Engine) -> None:
    write(chdb, "touchpoints", sentiment=None, experience=None, value_minor=None, currency=None)

    row = only(chdb, "SELECT sentiment, experience, value_minor, currency FROM touchpoints")

    assert list(row.values()) == [None] * 4


def test_a_journey_with_its_path_of_kinds_and_its_steps(chdb: Engine) -> None:
    write(chdb, "journeys", path="vvkkpptccqsaeo", ended_at=MAY_1 + 30 * DAY, outcome="purchased")

    assert only(chdb, "SELECT * FROM journeys") == {
        "journey_id": "j1",
        "customer_id": "c1",
        "started_at": "2024-05-01 00:00:00.000",
        "last_touch_at": "2024-05-01 00:00:00.001",
        "ended_at": "2024-05-31 00:00:00.000",
        "touchpoints": 3,
        "channels": ["web", "phone"],
        "path": [
            "page_view",
            "cart_event",
            "purchase",
            "tweet",
            "support_call",
            "survey_answer",
            "case_event",
        ],
        "steps": [
            "page_view:view",
            "cart_event:checkout_started",
            "purchase:placed",
            "tweet:customer",
            "support_call:queued",
            "survey_answer:answered",
            "case_event:opened",
        ],
        "purchases": 1,
        "revenue_minor": 1299,
        "currency": "EUR",
        "experience_first": -0.1,
        "experience_last": 0.25,
        "experience_mean": 0.075,
        "outcome": "purchased",
    }


def test_a_step_whose_action_is_not_declared_is_its_kind_and_an_unknown_code_itself(chdb: Engine) -> None:
    write(chdb, "journeys", path="v_vs??")

    row = only(chdb, "SELECT path, steps FROM journeys")

    assert row == {"path": ["page_view", "page_view", "??"], "steps": ["page_view", "page_view:search", "??"]}


def test_a_journey_without_experience(chdb: Engine) -> None:
    write(
        chdb,
        "journeys",
        path="",
        channels=[],
        experience_first=None,
        experience_last=None,
        experience_sum=0,
        experience_n=0,
    )

    row = only(
        chdb,
        "SELECT path, channels, ended_at, experience_first, experience_last, experience_mean FROM journeys",
    )

    assert list(row.values()) == [[], [], None, None, None, None]


def test_a_shift(chdb: Engine) -> None:
    write(chdb, "sentiment_shifts", cause_event_id="e0", cause_kind="support_call")

    assert only(chdb, "SELECT * FROM sentiment_shifts") == {
        "shift_id": "s1",
        "customer_id": "c1",
        "journey_id": "j1",
        "direction": "worse",
        "detected_at": "2024-05-01 00:00:00.002",
        "onset_at": "2024-05-01 00:00:00.000",
        "onset_event_id": "e1",
        "before_mean": 0.6,
        "after_mean": -0.25,
        "n_before": 4,
        "n_after": 3,
        "cause_event_id": "e0",
        "cause_kind": "support_call",
        "detector": "cusum/1",
        "previous_customer_id": None,
    }


def test_an_abandonment_and_its_recovery(chdb: Engine) -> None:
    write(chdb, "abandonments")
    write(chdb, "abandonments", version=2, status="recovered", recovered_at=MAY_1 + DAY, recovered_by="order")

    assert only(chdb, "SELECT * FROM abandonments") == {
        "subject": "checkout",
        "subject_id": "k1",
        "customer_id": "c1",
        "journey_id": "j1",
        "started_at": "2024-05-01 00:00:00.000",
        "abandoned_at": "2024-05-01 00:30:00.000",
        "waited_seconds": 1800.5,
        "value_minor": None,
        "currency": None,
        "status": "recovered",
        "recovered_at": "2024-05-02 00:00:00.000",
        "recovered_by": "order",
        "channel": "web",
        "attributes": {},
        "previous_customer_id": None,
    }


def test_a_checkout_replaces_the_cart_it_was(chdb: Engine) -> None:
    write(chdb, "abandonments", subject="cart", version=1)
    write(chdb, "abandonments", subject="checkout", version=2)

    assert select(chdb, "SELECT subject FROM abandonments") == [["checkout"]]


@pytest.mark.parametrize("view", ["sentiment_shifts", "follow_ups"])
def test_what_moved_to_another_customer_is_shown_though_it_was_taken_back_later(chdb: Engine, view: str) -> None:
    """Versions of two log partitions tell nothing of which came first."""
    write(chdb, view, version=1, customer_id="ann")
    write(chdb, view, version=2, customer_id="anon:cookie:k", deleted=True)

    assert select(chdb, f"SELECT customer_id FROM {view}") == [["ann"]]


@pytest.mark.parametrize("view", ["journeys", "sentiment_shifts", "abandonments", "customers"])
def test_what_was_taken_back_is_not_shown(chdb: Engine, view: str) -> None:
    write(chdb, view, version=1)
    write(chdb, view, version=2, deleted=True)

    assert select(chdb, f"SELECT count() FROM {view}") == [[0]]


def test_a_customer(chdb: Engine) -> None:
    write(chdb, "customers", last_nps=8.5, experience_sum=-5000, experience_n=4)

    # Those behind are of loyalty: tests/unit/sinks/test_view_loyalty.py.
    totals = ", ".join(list(CONTRACT["customers"])[:12])
    assert only(chdb, f"SELECT {totals} FROM customers") == {
        "customer_id": "c1",
        "first_seen_at": "2024-05-01 00:00:00.000",
        "last_seen_at": "2024-05-01 00:00:00.001",
        "touchpoints": 3,
        "purchases": 1,
        "spend_minor": 1299,
        "refunded_minor": 0,
        "currency": "EUR",
        "experience_mean": -0.125,
        "last_nps": 8.5,
        "open_cases": 0,
        "status": "active",
    }


def test_a_dead_letter_with_its_bytes(chdb: Engine) -> None:
    write(chdb, "dead_letters")

    assert only(chdb, "SELECT * EXCEPT raw, hex(raw) AS raw FROM dead_letters") == {
        "topic": "touchpoints.tweets.v1",
        "partition": 2,
        "offset": 41,
        "reason": "undecodable",
        "detail": "no Avro",
        "stage": "ingest",
        "refused_at": "2024-05-01 00:00:00.000",
        "raw": "00FFFE",
    }


def test_business_facts(chdb: Engine) -> None:
    write(chdb, "business_changes", reverted_at=MAY_1 + DAY)
    write(chdb, "marketing_spend")

    change = only(chdb, "SELECT * FROM business_changes")
    spend = only(chdb, "SELECT * FROM marketing_spend")

    assert (change["change_id"], change["topic"]) == ("b1", None)
    assert change["reverted_at"] == "2024-05-02 00:00:00.000"
    assert (spend["spend_id"], spend["amount_minor"]) == ("m1", 100_000)
    assert spend["attributes"] == {"agency": "x"}


# Every metric: the stored sums of one minute -> n, numerator, denominator, value, ci_low, ci_high.
# Intervals were worked out apart from the project, with z = 1.959964:
#   NPS, 6 promoters, 1 passive, 3 detractors: (3/13, variance 10.5/13 - (3/13)^2, n 13) -> 23.077 +- 47.216
#   Wilson 3 of 4: (0.300642, 0.954413); 0 of 5: (0, 0.434482); 5 of 5: (0.565518, 1)
#   Scores 0.2, 0.4, 0.9, 0.1, -0.3, 0.5: mean 0.3, sample variance 0.164, variance of the mean 0.164 / 6 and
