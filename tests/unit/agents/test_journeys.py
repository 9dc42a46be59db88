"""JOURNEYS: the order of its writes, and that a kill between any two of them changes no row."""

from __future__ import annotations

import time
import tracemalloc
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from unittest.mock import patch

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from structlog.testing import capture_logs

from schemas import journey_log
from schemas.dead_letters import HEADERS
from schemas.journey_log import Owners, Tick
from schemas.kinds.cart_event import CartEvent
from schemas.kinds.page_view import PageView
from schemas.kinds.purchase import Purchase
from schemas.kinds.tweet import Tweet
from schemas.rows import TABLES, encode_rows
from schemas.topics import DEAD_LETTERS, FACTS_TOPICS, JOURNEYS_LOG, JOURNEYS_STATE, KIND_TOPICS, MAX_MESSAGE_BYTES
from sinks.batch import Batch
from sinks.memory.writer import MemoryWriter
from streams.agents import journeys, journeys_results
from streams.agents.facts import MAX_BYTES, MAX_ROWS, encode_facts
from streams.agents.journeys import JourneyLogError, Journeys, PartitionRevokedError, rules_of
from streams.agents.services import Services
from streams.journeys.partition import Partition
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker, Record
from streams.kafka.producer import Batches, Ends, Message
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.unit.agents.turns import turns_of_others
from tests.unit.streams.records import FakeRecord

DAY_MS = 86_400_000
START = 1_767_225_600_000
SETTINGS = Settings(partitions=2)
BIG = 1 << 40


class Killed(Exception):  # noqa: N818  # it stands for a signal
    """The process was killed."""


@dataclass
class Kafka:
    """What was written, by topic and partition; it kills the writer at the `killed_at`-th write.

    Of that write it keeps a beginning of what each partition was to get: `keeps` of it. One that `forgets` keeps only
    how many bytes there were.
    """

    written: dict[tuple[str, int], list[Message]] = field(default_factory=lambda: defaultdict(list))
    sends: list[list[str]] = field(default_factory=list)
    killed_at: int | None = None
    keeps: float = 0.5
    forgets: bool = False
    bytes: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    ends: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    async def send(self, batches: Batches) -> Ends:
        batches = {place: messages for place, messages in batches.items() if messages}
        for place, messages in batches.items():
            self.bytes[place] += sum(message.size for message in messages)
            self.ends[place] += len(messages)
        if self.forgets:
            return {place: self.ends[place] for place in batches}
        self.sends.append(sorted({topic for topic, _ in batches}))
        for place, messages in batches.items():
            if len(self.sends) - 1 == self.killed_at:
                self.written[place] += messages[: round(len(messages) * self.keeps)]
            else:
                self.written[place] += messages
        if len(self.sends) - 1 == self.killed_at:
            raise Killed
        return {place: len(self.written[place]) for place in batches}


async def restored(kafka: Kafka, number: int, signalled_until: int = 0) -> Partition:
    partition = Partition(number, SETTINGS.partitions, rules_of(SETTINGS, signalled_until))
    for message in kafka.written[JOURNEYS_STATE, number]:
        partition.restore(message.key or b"", message.value)
    partition.restored()
    return partition


def worker(
    kafka: Kafka,
    originals: dict[int, Record] | None = None,
    log_end: int = BIG,
    telemetry: Telemetry | None = None,
    signalled_until: int = 0,
) -> Journeys:
    services = Services(SETTINGS, kafka, telemetry or Telemetry.on(CollectorRegistry()))

    async def fetch(topic: str, _partition: int, offset: int) -> Record | None:
        if topic == JOURNEYS_LOG:
            return FakeRecord(offset) if offset < log_end else None
        return (originals or {}).get(offset)

    return Journeys(services, restore=lambda number: restored(kafka, number, signalled_until), fetch=fetch)


def touchpoint(kind: type[journey_log.Touchpoint], number: int, at: int, **own: Any) -> bytes:
    customer = f"c-{number % 3}"
    common: dict[str, Any] = {
        "task": 0,
        "watermark": at,
        "source_topic": "test",
        "source_partition": 0,
        "source_offset": number,
        "received_at": at,
        "fingerprint": number,
        "event_id": f"e-{number}",
        "occurred_at": at,
        "source": "shop",
        "customer_key": customer,
        "channel": "web",
        "attributes": {"region": "north"},
    }
    return journey_log.encode(
        msgspec.convert({"type": kind.__struct_config__.tag, **common, **own}, dict) and kind(**common | own)
    )


def a_log() -> list[bytes]:
    """Carts, some ordered and some left, of three customers over five days, with ticks between."""
    entries: list[bytes] = []
    for number in range(60):
        at = START + number * DAY_MS // 12
        cart = {"cart_id": f"k-{number // 3}", "quantity": 1, "value_minor": 100 + number, "currency": "EUR"}
        entries.append(touchpoint(CartEvent, number, at, action="item_added", **cart))
        if number % 2:
            own = {"order_id": f"o-{number}", "action": "placed", "amount_minor": 100 + number, "currency": "EUR"}
            entries.append(touchpoint(Purchase, 1000 + number, at + 60_000, cart_id=f"k-{number // 3}", **own))
        entries.append(journey_log.encode(Tick(at + 3_600_000, at + 3_600_000)))
    return entries


def chunk_of(entries: Sequence[bytes], first: int, last: int) -> Chunk:
    tracker = OffsetTracker(JOURNEYS_LOG, 0, first, first, BIG, BIG)
    records = [FakeRecord(offset, entries[offset]) for offset in range(first, last)]
    (chunk,) = tracker.track(Fetched(records, last, len(entries)), BIG)
    return chunk


def rows_of(kafka: Kafka) -> dict[str, list[list[object]]]:
    """Return what the tables hold when a sink has written all facts."""
    writer, batch = MemoryWriter(), Batch()
    for (topic, _), messages in kafka.written.items():
        if topic in FACTS_TOPICS:
            for message in messages:
                batch.add_message((message.key or b"").decode() or FACTS_TOPICS[topic], message.value or b"")
    batch.flush(writer)
    # Versions depend on where chunks end: they only say which content is the later one.
    return {
        table: [row[:-1] for row in writer.rows(table)] for table in TABLES if table not in ("dead_letters", "clocks")
    }


async def process(journeys: Journeys, entries: Sequence[bytes], size: int, start: int = 0) -> None:
    for first in range(start, len(entries), size):
        chunk = chunk_of(entries, first, min(first + size, len(entries)))
        await journeys.process(chunk)
        assert chunk.acked


async def test_facts_come_before_state_and_the_position_last() -> None:
    kafka = Kafka()
    entries = a_log()
    await worker(kafka).process(chunk_of(entries, 0, len(entries)))
    facts, state = kafka.sends
    assert {"facts.touchpoints.v1", "facts.abandonments.v1", "signals.abandonments.v1"} <= set(facts)
    assert not {JOURNEYS_STATE, "facts.clocks.v1"} & set(facts)
    assert state == ["facts.clocks.v1", JOURNEYS_STATE]
    kinds = [chr((message.key or b"?")[0]) for message in kafka.written[JOURNEYS_STATE, 0]]
    forgotten = [message.value for message in kafka.written[JOURNEYS_STATE, 0]].count(None)
    # Values of dimensions, hourly counts and buckets, customers, buckets that are final, the position: see
    # `Output.state`.
    assert kinds == sorted(kinds[: len(kinds) - forgotten - 1], key="ahbc".index) + ["b"] * forgotten + ["p"]


async def test_counts_stand_behind_the_rows_that_they_count() -> None:
    kafka = Kafka()
    entries = a_log()
    for first in range(0, len(entries), 50):
        await worker(kafka).process(chunk_of(entries, first, min(first + 50, len(entries))))
    stored: set[object] = set()
    counted: dict[tuple[object, ...], int] = {}
    for message in kafka.written["facts.touchpoints.v1", 0]:
        _, rows = msgspec.msgpack.decode(message.value or b"", type=tuple[int, list[list[Any]]])
        if message.key is None:
            stored |= {event_id for event_id, *_ in rows}
            continue
        assert message.key == b"hourly_counts"
        counted |= {(kind, hour): accepted for kind, hour, _, accepted, *_ in rows}
        assert sum(counted.values()) <= len(stored)
    assert sum(counted.values()) == len(stored) == 90


@pytest.mark.parametrize("keeps", [0.0, 0.15, 0.3, 0.5, 0.7, 0.85, 0.97, 1.0])
@pytest.mark.parametrize(("size", "every"), [(7, 7), (40, 1), (1000, 1)])
async def test_a_kill_at_any_write_changes_no_row(size: int, every: int, keeps: float) -> None:
    entries = a_log()
    undisturbed = Kafka()
    await process(worker(undisturbed), entries, size=25)
    expected = rows_of(undisturbed)
    assert expected["abandonments"]
    assert expected["metric_buckets"]
    kill = 0
    while True:
        kafka = Kafka(killed_at=kill, keeps=keeps)
        journeys = worker(kafka)
        committed = 0
        try:
            for first in range(0, len(entries), size):
                await journeys.process(chunk_of(entries, first, min(first + size, len(entries))))
                committed = min(first + size, len(entries))
        except Killed:
            kafka.killed_at = None
            await process(worker(kafka), entries, size=13, start=committed)
        else:
            break
        assert rows_of(kafka) == expected, f"killed at write {kill}"
        kill += every
    assert kill > 1


async def test_a_kill_at_any_write_amid_a_chunk_changes_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = a_log()[:90]
    undisturbed = Kafka()
    await process(worker(undisturbed), entries, size=25)
    monkeypatch.setattr(journeys, "MAX_UNWRITTEN_BYTES", 6_000)
    chunk, kill = (0, len(entries)), 0
    while True:
        kafka = Kafka(killed_at=kill, keeps=(0.3, 0.85, 1.0)[kill % 3])
        dying = chunk_of(entries, *chunk)
        try:
            await worker(kafka).process(dying)
        except Killed:
            kafka.killed_at = None
            assert not dying.acked
            await worker(kafka).process(chunk_of(entries, *chunk))
        else:
            break
        assert rows_of(kafka) == rows_of(undisturbed), f"killed at write {kill}"
        kill += 2
    assert kill > 4, "one chunk is written in several goes"


async def test_a_robot_whose_touchpoints_move_again_and_again_fills_no_memory() -> None:
    """2 MB of touchpoints move 15 times in one chunk, which is 30 MB of records, and more than that in states."""
    keys, moves, text = 8, 15, "w" * 1_900
    came = [
        touchpoint(
            Tweet, n, START + n, customer_key=f"anon:cookie:{n % keys}", text=text, post_id="p", author="customer"
        )
        for n in range(130 * keys)
    ]
    told = [
        journey_log.encode(Owners(f"anon:cookie:{key}", [START - DAY_MS], [f"c-{move}"], move))
        for move in range(moves)
        for key in range(keys)
    ]
    kafka = Kafka(forgets=True)
    of_one = worker(kafka)
    tracemalloc.start()
    try:
        await of_one.process(chunk_of(came, 0, len(came)))
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        await of_one.process(chunk_of([*came, *told], len(came), len(came) + len(told)))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert sum(size for (topic, _), size in kafka.bytes.items() if topic == JOURNEYS_LOG) > 30_000_000
    assert most - held < 48 << 20


async def test_a_partition_cancelled_midway_is_read_back() -> None:
    entries = a_log()
    undisturbed, kafka = Kafka(), Kafka(killed_at=7)
    await process(worker(undisturbed), entries, size=25)
    journeys = worker(kafka)
    for first in range(0, len(entries), 25):
        chunk = chunk_of(entries, first, min(first + 25, len(entries)))
        try:
            await journeys.process(chunk)
        except Killed:
            kafka.killed_at = None
            assert not chunk.acked
            await journeys.process(chunk)  # the same worker goes on, as after a rebalance
    assert rows_of(kafka) == rows_of(undisturbed)


async def test_where_another_worker_had_the_partition_meanwhile_its_state_is_read_back() -> None:
    entries = a_log()
    undisturbed, kafka = Kafka(), Kafka()
    await process(worker(undisturbed), entries, size=25)
    one, other = worker(kafka), worker(kafka)
    await one.process(chunk_of(entries, 0, 40))
    await other.process(chunk_of(entries, 40, 80))
    await one.process(chunk_of(entries, 80, len(entries)))
    assert rows_of(kafka) == rows_of(undisturbed)


async def test_once_the_partition_is_gone_nothing_more_is_written() -> None:
    entries = a_log()
    kafka = Kafka()
    journeys = worker(kafka)
    chunk = chunk_of(entries, 0, 40)
    send = kafka.send

    async def send_and_lose(batches: Batches) -> Ends:
        ends = await send(batches)
        chunk._tracker.close()
        return ends

    kafka.send = send_and_lose  # type: ignore[method-assign]  # a rebalance during the first write
    with pytest.raises(PartitionRevokedError):
        await journeys.process(chunk)
    assert len(kafka.sends) == 1
    assert not kafka.written[JOURNEYS_STATE, 0]


@pytest.mark.parametrize("lost_at_write", [None, 2])
async def test_ingest_waits_for_nothing_that_others_may_have_applied_since(lost_at_write: int | None) -> None:
    entries, kafka = a_log(), Kafka()
    journeys = worker(kafka)
    backlog, chunk = journeys._services.backlog, chunk_of(entries, 0, 40)
    backlog.grow(0, len(entries))
    send = kafka.send

    async def send_and_lose(batches: Batches) -> Ends:
        ends = await send(batches)
        if len(kafka.sends) == lost_at_write:  # the last: it is assigned anew before Kafka's answer comes
            chunk._tracker.close()
            journeys.retain({0, 1})
        return ends

    kafka.send = send_and_lose  # type: ignore[method-assign]
    await journeys.process(chunk)
    if lost_at_write is None:
        assert backlog.records == len(entries) - 40
        journeys.retain({0, 1})  # it stays, but while the worker was silent others had it
    assert backlog.records == 0


async def test_a_collision_sends_the_original_message_to_the_dead_letters() -> None:
    first = touchpoint(Purchase, 1, START, order_id="o", action="placed", amount_minor=1, currency="EUR")
    other = msgspec.structs.replace(
        cast(Purchase, journey_log.decode(first)),
        fingerprint=99,
        source_topic="shop.orders",
        source_partition=3,
        source_offset=17,
    )
    kafka = Kafka()
    original = FakeRecord(17, b"as it came", key=b"k", headers=[("h", b"\xff")])
    with capture_logs() as logs:
        await worker(kafka, {17: original}).process(chunk_of([first, journey_log.encode(other)], 0, 2))
    (letter,) = kafka.written[DEAD_LETTERS, 1]
    assert (letter.key, letter.value, letter.headers[0]) == (b"k", b"as it came", ("h", b"\xff"))
    headers = dict(letter.headers)
    assert headers["dlq.reason"] == b"event_id_collision"
    assert headers["dlq.stage"] == b"journeys"
    assert headers["dlq.topic"] == b"shop.orders"
    assert (headers["dlq.partition"], headers["dlq.offset"]) == (b"3", b"17")
    (said,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert (said["reason"], said["topic"], said["offset"]) == ("event_id_collision", "shop.orders", 17)
    assert other.customer_key not in str(said)


async def test_what_is_ahead_beyond_the_number_is_a_dead_letter_with_its_message() -> None:
    records = [
        journey_log.encode(
            msgspec.structs.replace(
                cast(
                    PageView, journey_log.decode(touchpoint(PageView, number, START, page="/", area="", action="view"))
                ),
                customer_key="ann",
                received_at=START - 3_600_000,
                source_offset=number,
            )
        )
        for number in range(501)
    ]
    kafka, telemetry = Kafka(), Telemetry.on(CollectorRegistry())
    await worker(kafka, {500: FakeRecord(500, b"as it came")}, telemetry=telemetry).process(chunk_of(records, 0, 501))

    (letter,) = kafka.written[DEAD_LETTERS, 0]
    assert letter.value == b"as it came"
    assert dict(letter.headers)["dlq.reason"] == b"too_many_ahead"
    labels = {"topic": "test", "reason": "too_many_ahead"}
    assert telemetry.registry.get_sample_value("touchline_messages_refused_total", labels) == 1


async def test_a_collision_whose_original_is_gone_is_still_told() -> None:
    first = touchpoint(Purchase, 1, START, order_id="o", action="placed", amount_minor=1, currency="EUR")
    other = msgspec.structs.replace(cast(Purchase, journey_log.decode(first)), fingerprint=99, source_offset=17)
    kafka = Kafka()
    await worker(kafka).process(chunk_of([first, journey_log.encode(other)], 0, 2))
    (letter,) = kafka.written[DEAD_LETTERS, 0]
    assert letter.value is None


async def test_where_there_are_pseudonyms_a_collision_is_told_without_its_message() -> None:
    first = touchpoint(Purchase, 1, START, order_id="o", action="placed", amount_minor=1, currency="EUR")
    other = msgspec.structs.replace(cast(Purchase, journey_log.decode(first)), fingerprint=99, source_offset=17)
    kafka = Kafka()
    with patch(f"{__name__}.SETTINGS", SETTINGS.model_copy(update={"pseudonym_key": SecretStr("k" * 16)})):
        journeys_with_key = worker(kafka, {17: FakeRecord(17, b"as it came", key=b"k", headers=[("h", b"x")])})
        await journeys_with_key.process(chunk_of([first, journey_log.encode(other)], 0, 2))

    (letter,) = kafka.written[DEAD_LETTERS, 0]
    assert (letter.key, letter.value) == (None, None)
    assert dict(letter.headers).keys() == HEADERS
    assert other.event_id.encode() not in (dict(letter.headers)["dlq.detail"] or b"")


async def test_only_so_many_collisions_of_a_chunk_are_fetched() -> None:
    first = touchpoint(Purchase, 1, START, order_id="o", action="placed", amount_minor=1, currency="EUR")
    others = [
        journey_log.encode(
            msgspec.structs.replace(cast(Purchase, journey_log.decode(first)), fingerprint=99 + n, source_offset=17 + n)
        )
        for n in range(4)
    ]
    originals: dict[int, Record] = {17 + n: FakeRecord(17 + n, b"x" * 600, key=b"k") for n in range(4)}
    kafka = Kafka()
    with patch.object(journeys_results, "REFUSED_FETCHED", 3), patch.object(journeys_results, "REFUSED_BYTES", 1_000):
        await worker(kafka, originals).process(chunk_of([first, *others], 0, 5))

    letters = kafka.written[DEAD_LETTERS, 0]
    assert [letter.value is not None for letter in letters] == [True, True, False, False], "1,000 bytes, then no more"
    assert b"too many came at once" in (dict(letters[-1].headers)["dlq.detail"] or b"")


@pytest.mark.parametrize("data", [b"?", b"\x91\xa1\xff", b"\x91" * 100_000, b""])
async def test_what_is_no_record_of_the_log_stops_the_worker_and_names_the_offset(data: bytes) -> None:
    chunk = chunk_of([a_log()[0], data], 0, 2)
    with pytest.raises(JourneyLogError, match=r"partition 0, offset 1"):
        await worker(Kafka()).process(chunk)
    assert not chunk.acked


async def test_ids_of_a_million_characters_in_the_log_end_no_worker() -> None:
    telemetry = Telemetry.on(CollectorRegistry())
    kafka = Kafka()
    cart = {"action": "item_added", "quantity": 1, "value_minor": 1, "currency": "EUR"}
    entries = [touchpoint(CartEvent, 3 * n, START + n, cart_id=f"{n}" + "x" * 1_000_000, **cart) for n in range(3)]
    entries.append(touchpoint(CartEvent, 1, START + 9, cart_id="short", **cart))

    await process(worker(kafka, telemetry=telemetry), entries, size=4)

    assert {str(row[0]) for row in rows_of(kafka)["customers"]} == {"c-0", "c-1"}
    assert max(message.size for messages in kafka.written.values() for message in messages) < MAX_MESSAGE_BYTES
    assert telemetry.registry.get_sample_value("touchline_trimmed_total", {"what": "state"})


async def test_records_that_were_gone_before_they_were_read_are_told_of() -> None:
    entries = a_log()
    kafka, telemetry = Kafka(), Telemetry.on(CollectorRegistry())
    began = round(time.time(), 3) - 0.001  # whole milliseconds are told
    await worker(kafka).process(chunk_of(entries, 0, 40))
    late = worker(kafka, telemetry=telemetry)
    with capture_logs() as logs:
        await process(late, entries, size=25, start=60)  # and goes on: every chunk of the rest is acknowledged
    (line,) = [line for line in logs if line["log_level"] == "error"]
    assert (line["topic"], line["partition"]) == (JOURNEYS_LOG, 0)
    assert (line["first_missing"], line["last_missing"]) == (40, 59)
    assert "docs/operating.md#rebuilding" in line["event"]
    value = telemetry.registry.get_sample_value
    assert value("touchline_log_gaps_total", {"partition": "0"}) == 1
    assert began <= (value("touchline_log_gap_timestamp_seconds", {"partition": "0"}) or 0) <= time.time()
    assert (await restored(kafka, 0)).offset == len(entries) - 1


async def test_touchpoints_are_counted_by_where_they_came_from_late_ones_apart() -> None:
    order = {"action": "placed", "amount_minor": 1, "currency": "EUR"}
    entries = [journey_log.encode(Tick(START))]
    for number, (at, source) in enumerate(
        [
            (START, "shop"),
            (START - DAY_MS, "till"),
            (START - 4 * DAY_MS, "till"),
            (START - 365 * DAY_MS, "ann@example.com"),
        ]
    ):
        sent_by = {"source": source, "source_topic": KIND_TOPICS["purchase"]}
        entries.append(touchpoint(Purchase, number, at, order_id=f"o-{number}", **order, **sent_by))
    repeated = entries[1]
    telemetry = Telemetry.on(CollectorRegistry())
    await worker(Kafka(), telemetry=telemetry).process(chunk_of([*entries, repeated], 0, 6))

    def counted(metric: str) -> dict[str, float | None]:
        return {
            source: telemetry.registry.get_sample_value(metric, {"topic": KIND_TOPICS["purchase"], "source": source})
            for source in ("shop", "till", "other")
        }

    assert counted("touchline_touchpoints_on_time_total") == {"shop": 1, "till": 1, "other": 0}
    assert counted("touchline_late_touchpoints_total") == {"shop": 0, "till": 1, "other": 1}
    assert counted("touchline_touchpoints_ahead_total") == {"shop": 0, "till": 0, "other": 0}


async def test_a_profile_that_is_over_leaves_state_changelog_and_gauge() -> None:
    visit = touchpoint(PageView, 1, START, page="/", area="shop", action="view", customer_key="anon:cookie:k")
    ticks = [
        journey_log.encode(Tick(at, at)) for at in (START + 50 * DAY_MS, START + 100 * DAY_MS, START + 101 * DAY_MS)
    ]
    kafka, telemetry = Kafka(), Telemetry.on(CollectorRegistry())
    value = telemetry.registry.get_sample_value
    entries = {"partition": "0", "kind": "customers"}
    journeys = worker(kafka, telemetry=telemetry)

    await process(journeys, [visit, ticks[0]], 1)
    assert (value("touchline_profiles_forgotten_total"), value("touchline_state_entries", entries)) == (0, 1)
    assert (await restored(kafka, 0)).sizes["customers"] == 1

    await process(journeys, [visit, *ticks], 1, start=2)
    assert (value("touchline_profiles_forgotten_total"), value("touchline_state_entries", entries)) == (1, 0)
    assert (await restored(kafka, 0)).sizes["customers"] == 0
    assert [message.value for message in kafka.written[JOURNEYS_STATE, 0] if message.key == b"canon:cookie:k"][
        -1
    ] is None


async def test_a_log_whose_beginning_is_gone_is_no_gap_without_a_state() -> None:
    with capture_logs() as logs:
        await process(worker(Kafka()), a_log(), size=25, start=60)
    assert [line for line in logs if line["log_level"] == "error"] == []


@pytest.mark.parametrize("warm", [True, False])
async def test_a_log_made_anew_stops_the_worker_and_names_the_way_out(warm: bool) -> None:
    entries = a_log()
    kafka = Kafka()
    journeys = worker(kafka, log_end=30)
    await journeys.process(chunk_of(entries, 0, 60))
    chunk = chunk_of(entries, 0, 30)
    written = len(kafka.sends)
    with pytest.raises(
        JourneyLogError, match=r"partition 0, ends before offset 59.*made anew.*operating\.md#rebuilding"
    ):
        await (journeys if warm else worker(kafka, log_end=30)).process(chunk)
    assert not chunk.acked
    assert len(kafka.sends) == written


async def test_a_log_that_is_read_again_from_its_beginning_is_no_other_log() -> None:
    entries = a_log()
    kafka = Kafka()
    await process(worker(kafka), entries, size=25)
    expected = rows_of(kafka)
    await process(worker(kafka, log_end=len(entries)), entries, size=25)
    assert rows_of(kafka) == expected


async def test_the_event_loop_gets_its_turn_within_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    # After so little work, whatever the number of records: each of them may have taken that long.
    monkeypatch.setattr("streams.runtime.turn.YIELD_AFTER_S", 0.0)
    entries = [journey_log.encode(Tick(START + n)) for n in range(1000)]

    async with turns_of_others() as turns:
        await worker(Kafka()).process(chunk_of(entries, 0, len(entries)))

    assert turns.count >= 1000


async def test_timers_that_are_due_at_one_tick_leave_the_event_loop_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.runtime.turn.YIELD_AFTER_S", 0.0)
    cart = {"action": "item_added", "quantity": 1, "value_minor": 100, "currency": "EUR", "cart_id": "k"}
    entries = [touchpoint(CartEvent, n, START, customer_key=f"c-{n}", **cart) for n in range(200)]
    entries.append(journey_log.encode(Tick(START + DAY_MS, START + DAY_MS)))
    journeys_of = worker(Kafka())
    await journeys_of.process(chunk_of(entries, 0, 200))

    async with turns_of_others() as turns:
        await journeys_of.process(chunk_of(entries, 200, 201))

    assert turns.count >= 200


def test_facts_messages_hold_few_enough_rows_and_bytes() -> None:
    rows = [TABLES["clocks"](1, START, START, 5, 7) for _ in range(MAX_ROWS * 2 + 1)]
    values = list(encode_facts(rows))
    assert len(values) == 3
    decoded = [row for value in values for row in msgspec.msgpack.decode(value)[1]]
    assert decoded == msgspec.msgpack.decode(encode_rows(rows))[1]
    wide = [TABLES["clocks"](1, START, START, "x" * 1000, 7) for _ in range(MAX_ROWS)]
    assert all(len(value) <= MAX_BYTES for value in encode_facts(wide))
