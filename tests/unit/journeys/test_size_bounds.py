"""Whatever INGEST takes, a customer's state, rows, log records and signals stay far below what their topics take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import journey_log
from schemas.journey_log import Tick, Touchpoint
from schemas.kinds import TOUCHPOINT_KINDS
from schemas.rows import encode_rows
from streams.journeys.customer_timeline import CustomerTimeline
from streams.journeys.effects import Effects
from streams.journeys.fold import FORGET_SHARE, apply_touchpoint
from streams.journeys.machine import KEPT_MAX
from streams.journeys.output import Output
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.journeys.state import CustomerState, encode_state
from streams.journeys.step_limits import TIMELINE_MAX_BYTES
from tests.unit.journeys.fat import WIDE, currency, fat
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, is_busy, order

TOPIC_BYTES = 4 << 20
"""`max.message.bytes` of the topics."""
STATE_BYTES = 600_000
LOG_RECORD_BYTES = 1_200_000
ROW_BYTES = 1_200_000
SIGNAL_BYTES = 100_000

PHASES: dict[str, list[dict[str, Any]]] = {
    "purchase": [{"action": "placed", "amount_minor": 10**12}, {"action": "refunded", "amount_minor": 10**12}],
    "tweet": [{"author": "customer"}, {"author": "customer", "rating": 1}, {"author": "brand"}],
    "support_call": [{"phase": phase} for phase in ("queued", "answered", "held", "ended")],
    "survey_answer": [
        {"phase": "started"},
        {"phase": "answered", "question_kind": "nps", "score": 1.0},
        {"phase": "answered", "question_kind": "csat", "score": 5.0},
        {"phase": "completed"},
    ],
    "cart_event": [{"action": action, "quantity": 2**31 - 1} for action in ("created", "item_added", "item_added")],
    "case_event": [{"phase": "opened", "by": "customer"}, {"phase": "escalated", "by": "customer"}],
    "page_view": [{"ok": False}, {"ok": True}],
}
"""What the touchpoints of a kind say in turn: what makes its machines keep most."""
NAMES = {"support_call": "call_id", "survey_answer": "response_id", "cart_event": "cart_id"}
"""The ids of things that several touchpoints are about."""


class Measured:
    """A partition, and the largest of all that it has written."""

    def __init__(self) -> None:
        self.partition = Partition(0, 1, Rules())
        self.largest = dict.fromkeys(("timeline", "state", "row", "record", "signal"), 0)
        self.trimmed: dict[str, int] = {}
        self._offsets = count()

    def send(self, touchpoints: Iterable[Touchpoint]) -> Measured:
        """Let touchpoints arrive, each in a chunk of its own."""
        for touchpoint in touchpoints:
            data = journey_log.encode(touchpoint)
            self._note("record", len(data))
            self.partition.apply(next(self._offsets), touchpoint, data)
            self._flush()
        return self

    def at(self, at: int) -> Measured:
        tick = Tick(at + 5 * MINUTE, at + 5 * MINUTE)
        self.partition.apply(next(self._offsets), tick, journey_log.encode(tick))
        self._flush()
        return self.at(self.partition.time + 1 - 5 * MINUTE) if is_busy(self.partition) else self

    @property
    def timeline(self) -> CustomerTimeline:
        (timeline,) = self.partition.customers._cache.values()
        return timeline

    def _flush(self) -> None:
        output = self.partition.flush()
        for what, size in sizes_of(output):
            self._note(what, size)
        for timeline in self.partition.customers._cache.values():
            current = len(encode_state(timeline.current))
            assert timeline.current.most_bytes >= current
            self._note("state", max(current, len(timeline.snapshot)))
        for what, times in output.trimmed.items():
            self.trimmed[what] = self.trimmed.get(what, 0) + times

    def _note(self, what: str, size: int) -> None:
        self.largest[what] = max(self.largest[what], size)

    def check(self) -> None:
        assert self.largest["timeline"] <= TIMELINE_MAX_BYTES
        assert self.largest["state"] <= STATE_BYTES
        assert self.largest["record"] <= LOG_RECORD_BYTES
        assert self.largest["row"] <= ROW_BYTES
        assert self.largest["signal"] <= SIGNAL_BYTES


def sizes_of(output: Output) -> Iterator[tuple[str, int]]:
    for key, value in [*output.customers, *output.buckets]:
        yield "timeline", len(key) + len(value or b"")
    for rows in output.facts.values():
        for row in rows:
            yield "row", len(encode_rows([row]))
    for signal in output.signals:
        yield "signal", len(signal.key) + sum(len(str(value).encode()) for value in signal.record.values())


def told(kind: str, number: int, at: int, **more: Any) -> Touchpoint:
    phases = PHASES[kind]
    about = {}
    if kind in NAMES:
        about = {NAMES[kind]: f"thing {number // len(phases)}".ljust(256, WIDE)}
    return fat(kind, number, at, **about, **phases[number % len(phases)], **more)


def test_the_declared_bound_is_far_below_what_the_topic_takes() -> None:
    assert TIMELINE_MAX_BYTES <= TOPIC_BYTES * 3 // 4


@pytest.mark.parametrize("kind", TOUCHPOINT_KINDS)
def test_a_robot_of_one_kind_stays_within_the_bounds(kind: str) -> None:
    play = Measured()
    for number in range(0, 150, 50):
        play.send(told(kind, one, T0 + one * HOUR) for one in range(number, number + 50))
        play.at(T0 + (number + 49) * HOUR)

    # Carts hold up what comes behind their deadlines.
    play.at(T0 + 151 * HOUR)
    play.check()
    assert play.timeline.current.touchpoints == 150


def test_a_robot_of_all_kinds_does_too() -> None:
    play = Measured()
    for number in range(40):
        play.send(told(kind, number, T0 + number * HOUR) for kind in TOUCHPOINT_KINDS).at(T0 + number * HOUR)

    play.check()
    assert play.trimmed["state"] > 0


@settings(max_examples=10, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(tuple(TOUCHPOINT_KINDS)),
            st.integers(0, 60),
            st.integers(-3 * DAY, 3 * DAY),
            st.sampled_from([0, 0, 1_000, 300_000, 900_000]),
        ),
        min_size=20,
        max_size=40,
    )
)
def test_no_order_and_no_mixture_exceeds_them(steps: list[tuple[str, int, int, int]]) -> None:
    play = Measured()
    for place, (kind, number, shift, written) in enumerate(steps):
        at = T0 + place * HOUR + shift
        text = {"tweet": "text", "case_event": "text", "survey_answer": "text", "support_call": "notes"}.get(kind)
        more = {text: "x" * written} if text else {}
        play.send([told(kind, number, at, event_id=f"e{place}", **more)])
        if place % 7 == 6:
            play.at(at)

    play.check()


def test_the_longest_answers_of_one_response_stay_within_the_bounds() -> None:
    play = Measured()
    response = {"response_id": "r".ljust(256, WIDE), "phase": "answered", "question_kind": "nps", "score": 9.0}
    play.send(fat("survey_answer", number, T0 + number * MINUTE, **response) for number in range(120))

    play.check()


@pytest.mark.parametrize("length", [60, 130])
def test_carts_that_a_corrected_order_brings_back_count_too(length: int) -> None:
    """The carts of the newest orders are replayed, of which some were kept no more."""
    customer = CustomerState()

    def place(number: int, amount: int, at: int) -> None:
        names = {"order_id": f"{number:04}".ljust(length, "o"), "cart_id": f"{number:04}".ljust(length, "k")}
        placed = order(at, amount, **names)
        apply_touchpoint(customer, placed, Effects("ann"), len(journey_log.encode(placed)))

    for number in range(1_000):
        place(number, 5, number * MINUTE)
    place(999, 0, 1_000 * MINUTE)

    assert len(customer.carts) <= KEPT_MAX + KEPT_MAX // FORGET_SHARE
    assert len(encode_state(customer)) <= min(customer.most_bytes, STATE_BYTES)


def test_items_with_long_names_stay_within_the_bounds() -> None:
    play = Measured()
    items = [{"sku": f"{place:04}".ljust(220, WIDE), "quantity": 1, "price_minor": 1} for place in range(1_000)]
    play.send(
        fat("purchase", number, T0 + number * MINUTE, amount_minor=5, items=items, attributes={}, identifiers={})
        for number in range(6)
    )

    play.check()
    assert play.timeline.current.purchases == 6


def test_money_of_every_currency_there_is_leaves_a_small_state() -> None:
    play = Measured()
    play.send(
        fat("purchase", number, T0 + number, amount_minor=7, attributes={}, identifiers={}, order_id=f"o{number}")
        for number in range(100)
    )

    current = play.timeline.current
    assert len({currency(number) for number in range(100)}) == 100
    assert len(current.spend) == 64
    assert current.purchases == 100
    assert play.trimmed["currencies"] > 0
