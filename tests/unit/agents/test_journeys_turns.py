"""JOURNEYS gives the event loop back while it writes, and nothing that is half made is ever written."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
import pytest

from schemas import journey_log
from schemas.journey_log import Tick
from schemas.kinds.cart_event import CartEvent
from schemas.rows import TABLES, encode_rows
from schemas.topics import FACTS_TOPICS, SIGNAL_TOPICS
from streams.agents import facts
from streams.agents.facts import MAX_ROWS, encode_facts
from streams.agents.journeys_results import entries_of
from streams.journeys.output import Output
from tests.unit.agents.test_journeys import DAY_MS, START, Kafka, a_log, chunk_of, process, rows_of, touchpoint, worker
from tests.unit.agents.turns import turns_of_others

CUSTOMERS = 200


def rows_in(kafka: Kafka, table: str) -> int:
    """Return how many rows of a table were written."""
    written = [message.value or b"" for (topic, _), all_of in kafka.written.items() for message in all_of]
    tables = [topic for (topic, _), all_of in kafka.written.items() for _ in all_of]
    return sum(
        len(msgspec.msgpack.decode(value)[1])
        for topic, value in zip(tables, written, strict=True)
        if FACTS_TOPICS.get(topic) == table
    )


async def test_others_have_their_turn_while_a_chunk_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind each customer, bucket and signal: 200 carts are abandoned at one tick."""
    monkeypatch.setattr("streams.runtime.turn.YIELD_AFTER_S", 0.0)
    own = {"action": "item_added", "quantity": 1, "value_minor": 100, "currency": "EUR", "cart_id": "k"}
    entries = [touchpoint(CartEvent, n, START, customer_key=f"c-{n}", **own) for n in range(CUSTOMERS)]
    entries.append(journey_log.encode(Tick(START + DAY_MS, START + DAY_MS)))
    kafka = Kafka()
    journeys = worker(kafka)
    await journeys.process(chunk_of(entries, 0, CUSTOMERS))
    kafka.written.clear()

    async with turns_of_others() as turns:
        await journeys.process(chunk_of(entries, CUSTOMERS, CUSTOMERS + 1))

    signals = sum(len(messages) for (topic, _), messages in kafka.written.items() if topic in SIGNAL_TOPICS.values())
    assert signals == CUSTOMERS
    # Each is woken, written and told of.
    assert turns.count >= 3 * CUSTOMERS + rows_in(kafka, "metric_buckets")


@pytest.mark.parametrize("turns", range(0, 400, 19))
async def test_a_cancellation_at_any_turn_of_a_flush_changes_no_row(
    turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries, undisturbed, kafka = a_log(), Kafka(), Kafka()
    await process(worker(undisturbed), entries, size=len(entries))
    monkeypatch.setattr("streams.runtime.turn.YIELD_AFTER_S", 0.0)
    journeys = worker(kafka)
    half = len(entries) // 2
    await journeys.process(chunk_of(entries, 0, half))
    written = len(kafka.sends)
    task = asyncio.create_task(journeys.process(chunk_of(entries, half, len(entries))))
    for _ in range(half + turns):
        await asyncio.sleep(0)
    is_over = task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert is_over or len(kafka.sends) in (written, written + 1, written + 2)
    await journeys.process(chunk_of(entries, half, len(entries)))
    assert rows_of(kafka) == rows_of(undisturbed)


def test_an_entry_of_the_state_is_a_message_and_many_are_made_little_by_little() -> None:
    output = Output(customers=[(b"c%d" % number, b"v") for number in range(1_000)], position=(b"p", b"v"))

    steps = entries_of(output)
    turns = sum(1 for _ in steps)

    assert turns >= 30


def test_what_is_written_is_freed_little_by_little() -> None:
    output = Output(customers=[(b"c", b"v")] * 1_000, forgotten=[(b"c", None)] * 1_000)

    assert sum(1 for _ in output.emptying()) >= 60
    assert output.state == [(b"", b"")]


def test_no_more_rows_are_encoded_than_the_next_message_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of 50,000 durations: 500 of them took 100 MB at once, before it was found that a message takes one."""
    count = 0

    def counted(row: object) -> bytes:
        nonlocal count
        count += 1
        return msgspec.msgpack.encode(row)

    monkeypatch.setattr(facts, "encode_row", counted)
    wide = [TABLES["clocks"](1, START, START, "x" * 200_000, 7) for _ in range(MAX_ROWS)]
    next(encode_facts(wide))
    assert count == 2

    narrow = [TABLES["clocks"](1, START, START, number, 7) for number in range(3 * MAX_ROWS)]
    assert [*encode_facts(narrow)] == [
        encode_rows(narrow[first : first + MAX_ROWS]) for first in range(0, len(narrow), MAX_ROWS)
    ]
    assert [*encode_facts([])] == []
