"""Records for the tests: one of each kind by hand, and any record at all from its schema."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from schemas.avro.codec import Codec
from schemas.avro.registry import current_schemas
from schemas.kinds import TOUCHPOINT_KINDS

T0 = 1_714_564_800_000
"""2024-05-01T12:00:00Z, ms."""

SINGLE_OBJECT_SIZE = 10
"""Bytes of the header of single-object encoding."""

SCHEMAS = current_schemas()
CUSTOMER_RECORDS = tuple(kind.record for kind in TOUCHPOINT_KINDS.values())

_BUSINESS = {"event_id": "e-1", "occurred_at": T0, "source": "shop"}
_CUSTOMERS = _BUSINESS | {"customer_id": "c-1"}
EXAMPLES: dict[str, dict[str, Any]] = {
    "purchase": _CUSTOMERS | {"order_id": "o-1", "amount_minor": 1299, "currency": "EUR"},
    "tweet": _CUSTOMERS | {"post_id": "p-1", "text": "Great, thank you!"},
    "support_call": _CUSTOMERS | {"call_id": "l-1", "phase": "queued"},
    "survey_answer": _CUSTOMERS | {"response_id": "r-1", "survey_id": "s-1", "phase": "answered"},
    "cart_event": _CUSTOMERS | {"cart_id": "k-1", "action": "item_added"},
    "case_event": _CUSTOMERS | {"case_id": "a-1", "phase": "opened", "by": "customer"},
    "page_view": _CUSTOMERS | {"page": "/help"},
    "business_change": _BUSINESS | {"change_id": "b-1", "name": "new prices", "effective_at": T0},
    "marketing_spend": _BUSINESS
    | {"spend_id": "m-1", "period_start": T0, "period_end": T0 + 1, "amount_minor": 500, "currency": "EUR"},
}
"""By kind: a record with no field that may be left out, but for the customer's id."""

FILLED: dict[str, list[str]] = {
    "purchase": ["order_id"],
    "tweet": ["post_id"],
    "support_call": ["call_id"],
    "survey_answer": ["response_id", "survey_id"],
    "cart_event": ["cart_id"],
    "case_event": ["case_id"],
    "page_view": ["page"],
    "business_change": ["change_id", "name"],
    "marketing_spend": ["spend_id"],
}
"""By kind: its own fields that may not be empty."""


def minimal(kind: str) -> dict[str, Any]:
    """Return the least that a record of a kind must hold."""
    return dict(EXAMPLES[kind])


def confluent_message(codec: Codec, record_name: str, record: dict[str, Any], schema_id: int) -> bytes:
    """Return a record in Confluent framing, under its current schema's id in the registry."""
    return b"\x00" + schema_id.to_bytes(4, "big") + codec.encode(record_name, record)[SINGLE_OBJECT_SIZE:]


def records(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return any record that fits a schema in force."""
    return values_of(SCHEMAS[name])


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Return any value of an Avro type, times as epoch milliseconds."""
    if isinstance(kind, list):
        return st.one_of([values_of(branch) for branch in kind])
    if isinstance(kind, str):
        return _PRIMITIVES[kind]
    found: st.SearchStrategy[Any]
    match kind["type"]:
        case "enum":
            found = st.sampled_from(kind["symbols"])
        case "map":
            found = st.dictionaries(st.text(max_size=9), values_of(kind["values"]), max_size=70)
        case "array":
            found = st.lists(values_of(kind["items"]), max_size=5)
        case "record":
            found = st.fixed_dictionaries({f["name"]: values_of(f["type"]) for f in kind["fields"]})
        case primitive:
            found = _PRIMITIVES[primitive]
    return found


_PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    # Whole range, and the neighbourhood of our days, which the decoder has a path of its own for.
    "long": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2**42) | st.integers(-100, 100),
    "double": st.floats(allow_nan=False),
    "string": st.text(max_size=80),
}
