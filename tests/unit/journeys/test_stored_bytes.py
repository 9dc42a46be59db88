"""A customer's entry in the changelog is read as an earlier build has written it, and written so, with later fields."""

from __future__ import annotations

import msgspec

from streams.journeys.customer_timeline import CustomerTimeline, Outline
from tests.unit.journeys.play import DAY, HOUR, T0, Play, seen_page

KEY = "anon:cookie:k"
STORED = bytes.fromhex(
    "dc00130102cf000001906dbcad00930000a062c4009197cf0000018fd33de50000a2653001c45adc0019ab706167655f766965772f3200a4"
    "74657374000000cf0000018fd33de50001ad616e6f6e3a636f6f6b69653a6ba26530cf0000018fd33de500a474657374a377656280c080a0"
    "c0a000a12fa473697465a476696577c0c3c20001dc001adc001101cf0000018fd33de500cf0000018fd33de5000191a3776562a276760080"
    "a0a090900000c2c20001cf0000018fd33de500cf0000018fd33de50001008080a0a00000c0000080808080908080a000cd03680090cf4000"
    "0000000000000100000090980000ff0000000000c29691cf0000018fd374d38091a3616e6e079198cf0000018fd3abc200a26531b0653100"
    "616e6f6e3a636f6f6b69653a6b02a3616e6e01c45adc0019ab706167655f766965772f3200a474657374000100cf0000018fd3abc20002ad"
    "616e6f6e3a636f6f6b69653a6ba26531cf0000018fd3abc200a474657374a377656280c080a0c0a001a12fa473697465a476696577c0c300"
    "ccaeff"
)
"""Of a cookie that has seen a page, and another two hours later, which was forwarded: an hour after the first one the
cookie was ann's. Written by the build of 2026-11-29."""


CURRENT = 8
"""The field of the entry that holds the customer's state: what a later field adds stands at its end."""
OWNERSHIP = 18
"""The last field of the entry."""
FORWARDED = 3
"""Its field of what was forwarded."""


def test_it_is_read_and_written_as_it_stands_with_the_later_fields_empty_behind() -> None:
    timeline = msgspec.msgpack.decode(STORED, type=CustomerTimeline)

    assert (timeline.offset, timeline.current.touchpoints) == (2, 1)
    assert timeline.ownership is not None
    assert (timeline.ownership.since, timeline.ownership.owners) == ([T0 + HOUR], ["ann"])
    stored, written = (msgspec.msgpack.decode(value) for value in (STORED, msgspec.msgpack.encode(timeline)))
    stored[CURRENT] += [None, []]
    assert written[:OWNERSHIP] == stored[:OWNERSHIP]
    ownership = stored[OWNERSHIP]
    ownership[FORWARDED] = [[*one, False] for one in ownership[FORWARDED]]
    assert written[OWNERSHIP:] == [[*ownership, {}, None, []]]


def test_its_outline_tells_what_wakes_the_customer() -> None:
    outline = msgspec.msgpack.decode(STORED, type=Outline)

    assert outline.next_timer_at == T0 + 30 * DAY
    assert outline.ownership is not None
    assert [one.event_id for one in outline.ownership.forwarded] == ["e1"]


def test_an_outline_has_the_fields_of_a_timeline_and_then_the_blocks() -> None:
    assert Outline.__struct_fields__ == (*CustomerTimeline.__struct_fields__, "blocks")


def test_an_entry_without_the_later_fields_has_an_outline_too() -> None:
    """What was written before a field was added ends before it."""
    first_three = msgspec.msgpack.encode(msgspec.msgpack.decode(STORED)[:3])

    assert msgspec.msgpack.decode(first_three, type=Outline).ownership is None


def test_customers_are_counted_alike_before_and_after_a_restart() -> None:
    """Also who has no timer, as one whose journey has ended."""
    play = Play().send(seen_page(0)).at(31 * DAY)
    assert play.partition.sizes["customers"] == 1

    assert play.restarted().partition.sizes["customers"] == 1
