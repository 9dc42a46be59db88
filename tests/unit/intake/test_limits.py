"""Every field has a limit: what lies within is taken, what exceeds it is refused by the field's name."""

from __future__ import annotations

import pytest

from schemas import limits
from schemas.avro.codec import KIND_RECORDS
from schemas.journey_log import Touchpoint
from schemas.kinds.checks import InvalidRecordError
from schemas.kinds.page_view import PageView
from streams.intake.lengths import check_lengths
from tests.unit.intake.acceptance import EVERY_KIND, TOUCHPOINTS, refused, taken
from tests.unit.schemas.records import SCHEMAS

LIMITS = {"event_id": 128, "name": 1_024, "about": 1_024, "page": 8_192}
OTHERS = 256
WRITTEN = {"text", "notes"}
"""The contract's limits, in characters: written out, since no table in the code is the contract's."""
WIDE = "\N{GRINNING FACE}"
"""Four bytes in UTF-8."""
ITEM = {"sku": "x", "quantity": 1, "price_minor": 5}


def texts_of(kind: str) -> list[str]:
    return [
        field["name"]
        for field in SCHEMAS[KIND_RECORDS[kind]]["fields"]
        if field["type"] == "string" or (isinstance(field["type"], list) and "string" in field["type"])
    ]


LIMITED = [
    (kind, name) for kind in EVERY_KIND for name in texts_of(kind) if name not in {*WRITTEN, "event_id", "currency"}
]


@pytest.mark.parametrize(("kind", "name"), LIMITED)
def test_a_text_is_taken_up_to_its_limit(kind: str, name: str) -> None:
    most = LIMITS.get(name, OTHERS)
    taken(kind, **{name: WIDE * most})
    for length in (most + 1, 32_000):
        refusal = refused(kind, **{name: WIDE * length})
        assert (refusal.reason, refusal.detail) == (
            "too_large",
            f"{name} has {length:,} characters; at most {most:,} are taken",
        )


@pytest.mark.parametrize(("kind", "name"), LIMITED)
def test_a_million_characters_are_refused_by_the_fields_name(kind: str, name: str) -> None:
    refusal = refused(kind, **{name: "x" * 1_000_000})

    assert refusal.reason == "too_large"
    assert refusal.detail.startswith(f"{name} has 1,000,000 characters")


@pytest.mark.parametrize(("kind", "name"), [("tweet", "text"), ("case_event", "text"), ("support_call", "notes")])
def test_what_people_write_may_fill_the_message(kind: str, name: str) -> None:
    touchpoint = taken(kind, **{name: "x" * 1_000_000})

    assert isinstance(touchpoint, Touchpoint)
    assert len(touchpoint.text) == 1_000_000


def numbered(count: int) -> dict[str, str]:
    return {f"a{number}": "v" for number in range(count)}


MAPS = [
    ("attributes", 256, 256, 8_192),
    ("identifiers", 100, 256, 1_024),
]


@pytest.mark.parametrize("kind", TOUCHPOINTS)
@pytest.mark.parametrize(("name", "entries", "key", "value"), MAPS)
def test_a_map_is_limited_in_entries_names_and_values(kind: str, name: str, entries: int, key: int, value: int) -> None:
    taken(kind, **{name: numbered(entries)})
    taken(kind, **{name: {WIDE * key: WIDE * value}})
    for wrong in (numbered(entries + 1), {WIDE * (key + 1): ""}, {"region": WIDE * (value + 1)}):
        refusal = refused(kind, **{name: wrong})
        assert refusal.reason == "too_large"
        assert refusal.detail.startswith(name)
    assert "'region'" in refusal.detail


@pytest.mark.parametrize("kind", TOUCHPOINTS)
def test_identifiers_are_limited_together(kind: str) -> None:
    of_160 = {f"k{number:02}": WIDE * 157 for number in range(100)}
    most = of_160 | {"k99": WIDE * (157 + 16_384 - 16_000)}
    taken(kind, identifiers=most)
    refusal = refused(kind, identifiers=most | {"k00": WIDE * 158})
    assert refusal.reason == "too_large"
    assert refusal.detail == "identifiers has 16,385 characters; at most 16,384 are taken"


@pytest.mark.parametrize("kind", TOUCHPOINTS)
@pytest.mark.parametrize("name", ["phone", "email", "crm"])
def test_identifiers_of_one_kind_are_limited_however_its_name_is_written(kind: str, name: str) -> None:
    spelled = [name, name.upper(), name.title(), *(f"{' ' * blanks}{name}" for blanks in range(1, 6))]
    taken(kind, identifiers=dict.fromkeys(spelled, "+442079460958") | {"device": "d"})
    for more in (f"{name}\u200b", f"\uff30{name[1:]}" if name == "phone" else f"{name} "):
        refusal = refused(kind, identifiers=dict.fromkeys((*spelled, more), "7"))
        assert refusal.reason == "too_large"
        assert refusal.detail == f"identifiers: the kind {name!r} has 9 entries; at most 8 are taken"


def test_a_small_message_is_looked_into_for_many_identifiers() -> None:
    small = {f"{' ' * blanks}phone": "7" for blanks in range(9)}
    with pytest.raises(InvalidRecordError, match="at most 8"):
        check_lengths("page_view", {"identifiers": small}, 200)


def test_names_that_are_too_long_to_be_a_kind_are_none_and_so_not_folded() -> None:
    """To fold what 256 characters become, 18 each, takes 0.2 ms for each name."""
    spelled = {"\ufdfa" * 200 + "\u200b" * blanks: "7" for blanks in range(9)}
    check_lengths("page_view", {"identifiers": spelled}, 200)


@pytest.mark.parametrize("kind", ["business_change", "marketing_spend"])
def test_the_business_has_the_same_limits(kind: str) -> None:
    assert refused(kind, attributes=numbered(257)).detail == "attributes has 257 entries; at most 256 are taken"


def test_an_order_is_limited_in_items_and_each_of_them() -> None:
    taken("purchase", items=[ITEM] * 2_000)
    assert refused("purchase", items=[ITEM] * 2_001).detail == "items has 2,001 entries; at most 2,000 are taken"
    taken("purchase", items=[ITEM | {"sku": WIDE * 256}])
    refusal = refused("purchase", items=[ITEM, ITEM | {"sku": WIDE * 257}])
    assert refusal.detail == "items[1].sku has 257 characters; at most 256 are taken"
    assert refusal.reason == "too_large"


@pytest.mark.parametrize("length", [10**12 + 1, -(10**12) - 1, 2**63 - 1])
def test_a_page_is_not_looked_at_for_thirty_years(length: int) -> None:
    refusal = refused("page_view", duration_ms=length)

    assert refusal.reason == "invalid_amount"
    assert "duration_ms" in refusal.detail


@pytest.mark.parametrize("length", [None, 0, -5, 10**12])
def test_a_clock_that_was_set_meanwhile_loses_no_page(length: int | None) -> None:
    page = taken("page_view", duration_ms=length)

    assert isinstance(page, PageView)
    assert page.duration_ms == length


def test_a_message_that_is_not_looked_into_can_exceed_no_limit() -> None:
    """A text has no more characters than bytes; an entry of a map takes two bytes and more, of a list one."""
    texts = [most for name, most in limits.CHARACTERS.items() if name != "event_id"]
    texts += [most for limit in limits.MAPS.values() for most in (limit.name, limit.value)]

    assert min(*texts, *limits.ENTRIES.values()) >= limits.SHORT
    # One name is empty, 128 have one byte behind their length: 101 entries take 302 bytes at least.
    assert all(limit.entries >= 100 for limit in limits.MAPS.values())
