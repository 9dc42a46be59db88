"""INGEST refuses what is missing, out of reach or out of range, and takes what lies just within."""

from __future__ import annotations

from typing import Any

import pytest

from streams.intake.accept import InvalidRecordError, check_size
from tests.unit.intake.acceptance import EVERY_KIND, HOUR, NOW, TOUCHPOINTS, YEAR_1990, refused, taken
from tests.unit.schemas.records import FILLED, T0

# --- missing fields and identity ---


@pytest.mark.parametrize("blank", ["", "  ", "\t"])
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_an_empty_name_is_a_missing_field(kind: str, blank: str) -> None:
    for name in ["event_id", "source", *FILLED[kind]]:
        refusal = refused(kind, **{name: blank})
        assert (refusal.reason, refusal.detail) == ("missing_field", f"{name} is empty")


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_nul_in_an_event_id_is_refused(kind: str) -> None:
    """The journeys tell moved touchpoints by it: nobody may write an id that looks like one's."""
    refusal = refused(kind, event_id="e\0anon:cookie:k-1")
    assert refusal.reason == "missing_field"
    assert "NUL" in refusal.detail


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_an_event_id_has_at_most_128_characters(kind: str) -> None:
    taken(kind, event_id="é" * 128)
    refusal = refused(kind, event_id="é" * 129)
    assert refusal.reason == "missing_field"
    assert "129" in refusal.detail


@pytest.mark.parametrize("kind", TOUCHPOINTS)
def test_a_touchpoint_of_nobody_is_refused(kind: str) -> None:
    refusal = refused(kind, customer_id="Guest", identifiers={"cookie": "undefined"})
    assert refusal.reason == "no_identity"
    assert "'Guest'" in refusal.detail
    assert "cookie" in refusal.detail
    assert refused(kind, customer_id=None).reason == "no_identity"


def test_a_detail_stays_short_whatever_was_sent() -> None:
    many = {f"kind-{i}": "null" for i in range(10_000)}
    assert len(refused("tweet", customer_id=" " * 10_000, identifiers=many).detail) <= 500


def test_an_identifier_is_enough() -> None:
    touchpoint = taken("tweet", customer_id=None, identifiers={"twitter": "@Ann"})
    assert getattr(touchpoint, "customer_key", None) == "anon:twitter:ann"


# --- times ---


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("time", [YEAR_1990 - 1, 0, -1, T0 // 1000, NOW + 24 * HOUR + 1, T0 * 1000, 1 << 62])
def test_a_time_out_of_reach_is_refused(kind: str, time: int) -> None:
    refusal = refused(kind, occurred_at=time)
    assert refusal.reason == "invalid_time"
    assert f"occurred_at is {time}" in refusal.detail


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("time", [YEAR_1990, NOW, NOW + 24 * HOUR])
def test_a_time_within_reach_is_taken(kind: str, time: int) -> None:
    assert taken(kind, occurred_at=time).occurred_at == time


def test_seconds_are_recognised() -> None:
    assert "seconds" in refused("tweet", occurred_at=T0 // 1000).detail


PLANS = [
    ("case_event", "eta_at"),
    ("business_change", "effective_at"),
    ("business_change", "reverted_at"),
    ("marketing_spend", "period_start"),
    ("marketing_spend", "period_end"),
]


@pytest.mark.parametrize(("kind", "name"), PLANS)
@pytest.mark.parametrize("time", [YEAR_1990 - 1, 0, -1, T0 * 1000])
def test_other_times_are_checked_too(kind: str, name: str, time: int) -> None:
    refusal = refused(kind, **{name: time})
    assert refusal.reason == "invalid_time"
    assert name in refusal.detail


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("case_event", {"eta_at": NOW + 240 * HOUR}),
        ("business_change", {"effective_at": NOW + 9000 * HOUR, "reverted_at": NOW + 9999 * HOUR}),
        ("marketing_spend", {"period_start": NOW, "period_end": NOW + 720 * HOUR}),
    ],
)
def test_plans_may_lie_ahead(kind: str, said: dict[str, int]) -> None:
    taken(kind, **said)


def test_a_period_does_not_end_before_it_starts() -> None:
    refusal = refused("marketing_spend", period_start=T0, period_end=T0 - 1)
    assert refusal.reason == "invalid_time"


# --- amounts ---

ITEM = {"sku": "x", "quantity": 1, "price_minor": 5}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("purchase", {"amount_minor": -1}),
        ("purchase", {"discount_minor": -1}),
        ("purchase", {"items": [ITEM, ITEM | {"quantity": -1}]}),
        ("purchase", {"items": [ITEM | {"price_minor": -1}]}),
        ("cart_event", {"value_minor": -1}),
        ("cart_event", {"quantity": -1}),
        ("marketing_spend", {"amount_minor": -1}),
        ("purchase", {"amount_minor": 10**12 + 1}),
        ("purchase", {"discount_minor": 2**63 - 1}),
        ("purchase", {"items": [ITEM | {"price_minor": 10**12 + 1}]}),
        ("cart_event", {"value_minor": 10**12 + 1}),
        ("marketing_spend", {"amount_minor": 10**12 + 1}),
        *(
            (kind, {"currency": currency})
            for kind in ("purchase", "cart_event", "marketing_spend")
            for currency in ("", "eur", "EURO", "EU", "E1R", "ÄÖÜ", "€")
        ),
    ],
)
def test_an_amount_out_of_range_is_refused(kind: str, said: dict[str, Any]) -> None:
    refusal = refused(kind, **said)
    assert refusal.reason == "invalid_amount"
    (name,) = said
    assert name in refusal.detail or "item" in refusal.detail


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("purchase", {"amount_minor": 0, "items": [ITEM | {"quantity": 0, "price_minor": 0}]}),
        ("cart_event", {"value_minor": 0, "quantity": 0, "currency": None}),
        ("marketing_spend", {"amount_minor": 0}),
    ],
)
def test_zero_is_an_amount(kind: str, said: dict[str, Any]) -> None:
    taken(kind, **said)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("purchase", "amount_minor"), ("cart_event", "value_minor"), ("marketing_spend", "amount_minor")],
)
def test_the_greatest_amount_is_taken(kind: str, name: str) -> None:
    assert getattr(taken(kind, **{name: 10**12}), name) == 10**12


def test_a_message_over_a_mebibyte_is_too_large() -> None:
    check_size(b"x" * 1_048_576)
    with pytest.raises(InvalidRecordError, match="1048577") as caught:
        check_size(b"x" * 1_048_577)
    assert caught.value.reason == "too_large"
