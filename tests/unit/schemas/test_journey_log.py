"""The layout of the journeys log: a record of another version or program is an error, never misread."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.journey_log import Tick, decode, encode, watermark_place, with_watermark
from schemas.kinds import TOUCHPOINT_KINDS
from schemas.kinds.touchpoint import FORMAT, Touchpoint

ENVELOPE = (
    "task", "source_topic", "source_partition", "source_offset", "watermark", "received_at", "fingerprint",
    "customer_key", "event_id", "occurred_at", "source", "channel", "attributes", "customer_id", "identifiers", "text",
    "sentiment", "scorer", "topics", "topics_by", "moves",
)  # fmt: skip
LAYOUTS: dict[str, tuple[str, ...]] = {
    "purchase": ("order_id", "action", "amount_minor", "currency", "discount_minor", "cart_id", "items"),
    "tweet": ("post_id", "author", "platform", "lang", "in_reply_to", "rating"),
    "support_call": ("call_id", "phase", "agent_id", "topic", "case_id", "resolved", "solutions_offered"),
    "survey_answer": (
        "response_id", "survey_id", "phase", "question_id", "question_kind", "score", "scale_min", "scale_max",
        "higher_is_better", "about", "normalised",
    ),
    "cart_event": ("cart_id", "action", "quantity", "value_minor", "currency", "sku"),
    "case_event": ("case_id", "phase", "by", "topic", "owner", "eta_at", "complaint"),
    "page_view": ("page", "area", "action", "duration_ms", "ok"),
}  # fmt: skip
"""The fields of version 3, in their order. A later field with a default may follow them."""


def test_the_layout_changes_only_with_its_version() -> None:
    found = {name: kind.struct.__struct_fields__ for name, kind in TOUCHPOINT_KINDS.items()}
    assert found.keys() == LAYOUTS.keys(), "write down each kind's fields in LAYOUTS: none of them may move later"
    begun = {name: fields[: len(ENVELOPE) + len(LAYOUTS[name])] for name, fields in found.items()}

    assert FORMAT == 3, "write down the new version's layout here"
    assert Touchpoint.__struct_fields__ == ENVELOPE, "a record's fields moved: raise FORMAT"
    assert begun == {name: ENVELOPE + own for name, own in LAYOUTS.items()}, "a record's fields moved: raise FORMAT"


def test_a_tick_comes_back() -> None:
    assert decode(encode(Tick(99, 88, 77))) == Tick(99, 88, 77)
    assert msgspec.msgpack.decode(encode(Tick(99, 88, 77))) == ["tick/3", 99, 88, 77]


def test_a_tick_without_a_settled_time_settles_nothing() -> None:
    assert decode(msgspec.msgpack.encode(["tick/3", 99])) == Tick(99, 0)


@pytest.mark.parametrize(
    "tag", ["tick", "tick/1", "tick/2", "tick/4", "purchase", "purchase/1", "parcel/1", "", 1, None]
)
def test_another_version_or_type_is_an_error(tag: Any) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode(msgspec.msgpack.encode([tag, 3, 99]))


@pytest.mark.parametrize("data", [b"", b"{}", msgspec.msgpack.encode(["tick/3"]), msgspec.msgpack.encode({"a": 1})])
def test_what_is_no_record_is_an_error(data: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode(data)


@pytest.mark.parametrize("kind", TOUCHPOINT_KINDS)
@pytest.mark.parametrize("offset", [0, 127, 128, 65_535, 1 << 40])
@pytest.mark.parametrize("topic", ["t", "t" * 31, "t" * 32, "t" * 249])
def test_a_record_takes_its_watermark_later(kind: str, offset: int, topic: str) -> None:
    values: dict[str, Any] = dict.fromkeys(LAYOUTS[kind]) | {
        name: "" for name in ENVELOPE if name not in {"attributes", "identifiers", "watermark", "source_offset"}
    }
    values |= {"source_topic": topic, "source_offset": offset, "source_partition": offset >> 9, "task": offset >> 9}
    struct = TOUCHPOINT_KINDS[kind].struct
    waiting = struct(**values, attributes={}, watermark=0)
    record, place = encode(waiting), watermark_place(waiting)

    for watermark in (0, 1, 127, 128, 1 << 20, 1_790_000_000_000):
        whole = struct(**values, attributes={}, watermark=watermark)
        assert with_watermark(record, place, watermark) == msgspec.msgpack.encode(whole)


def test_a_record_takes_a_watermark_once() -> None:
    values: dict[str, Any] = dict.fromkeys((*LAYOUTS["page_view"], *ENVELOPE), 1)
    values |= {"source_topic": "t", "watermark": 0}
    waiting = TOUCHPOINT_KINDS["page_view"].struct(**values)
    place = watermark_place(waiting)
    record = with_watermark(encode(waiting), place, 9)

    with pytest.raises(ValueError, match="already"):
        with_watermark(record, place, 10)
