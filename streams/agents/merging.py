"""One INGEST task: the inputs that are its own, merged, written to the journeys log, and acknowledged.

Everything a task writes is written under one lock, its batches and its watermarks between them: so a
watermark is never written ahead of a record that was to come before it. A chunk is acknowledged
only when Kafka has acknowledged all that it gave.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import structlog

from schemas.journey_log import Touchpoint, decode, encode, watermark_place, with_watermark
from schemas.rows import OUTCOMES, BusinessChangeRow, MarketingSpendRow, OutcomeRow, encode_rows, topic_of
from schemas.topics import DEAD_LETTERS, JOURNEYS_LOG, LINKS
from schemas.units import DAY_MS, SECOND_MS
from schemas.versions import row_version
from schemas.watermarks import TaskWatermark
from streams.agents.pausing import Inputs, Pausing, Place
from streams.agents.services import Services
from streams.agents.stating import Stating
from streams.agents.validation import STAGE, Validated
from streams.intake.accept import Accepted
from streams.intake.merge import NO_BOUND, MergedBatch, PartitionMerge
from streams.intake.reading_time import ReadingTime
from streams.kafka.offsets import Chunk
from streams.kafka.producer import Batches, Ends, Message, partition_for
from streams.settings import Settings

MAX_BATCH = 2_000
"""Most records of the log written at a time."""

PATIENCE_S = 0.5
"""How long the other inputs wait for one that waits for a schema: as a rule the registry answers sooner."""

log = structlog.get_logger(__name__)

Row = BusinessChangeRow | MarketingSpendRow
_TABLES = {BusinessChangeRow: "business_changes", MarketingSpendRow: "marketing_spend"}


class ReceivedChunk(NamedTuple):
    """A chunk, and when it was received, epoch ms."""

    chunk: Chunk
    received_at: int


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """A touchpoint that waits for its turn, encoded: decoded it takes up to 27 times the bytes of its message.

    Attributes:
        occurred_at: when it happened, ms.
        key: the record's.
        record: as it is written, but without a watermark.
        watermark_place: where that belongs in the record.
    """

    occurred_at: int
    key: bytes
    record: bytes
    watermark_place: int


Item = Waiting | Row


class IngestTask:
    """A task, from its partitions' assignment until it is closed.

    Args:
        number: of the log partition with which it goes: of every input topic it reads the partitions whose number,
            divided by that of the log's partitions, leaves this one. It may have none to read.
        services: write, count, tell the time.
        inputs: tell which inputs are read to their end, and are told which not to read.
        stating: tells what touchpoints state anew of who is who.
        reached: the watermark that the task had reached before, ms; 0 if it had none.

    Attributes:
        refused_in_a_row: by input, how many of its last messages were refused.
        pausing: which inputs are paused.
        waiting: by input that waits for a schema, its chunks behind the one that names it. The watermark waits
            with it, and for a moment so do the other inputs.
        closed: whether its partitions are no longer ours.
    """

    def __init__(self, number: int, services: Services, inputs: Inputs, stating: Stating, reached: int) -> None:
        settings = services.settings
        self.number = number
        places = _places(number, settings, inputs)
        undealt = _undealt(number, services, places)
        self.refused_in_a_row = dict.fromkeys(places, 0)
        self.waiting: dict[Place, deque[Chunk]] = {}
        self.closed = False
        self._services = services
        self._inputs = inputs
        self._partitions = settings.partitions
        self._epoch_version = row_version(settings.epoch, 0)
        self._merge = PartitionMerge[ReceivedChunk, Item](
            [*places, *undealt], round(settings.idle_s * 1000), services.clock()
        )
        self._await_dealing(undealt)
        self.pausing = Pausing(services, inputs, self._merge)
        self._stating = stating
        self._reading = {place: ReadingTime() for place in places}
        self._allowed_lateness_ms = settings.allowed_lateness_days * DAY_MS
        self._dead_letters: list[Message] = []
        self._erased: list[Message] = []
        self._stated: list[tuple[Place, Message]] = []
        self._links_end = 0
        # The records of those whose statements wait to be written, or are being written.
        self._waiting_to_state: list[bytes] = []
        self._writing: list[bytes] = []
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._last_chunk: Chunk | None = None
        self._last_watermark = 0
        if reached:
            self._move(reached)
        # From now on others wait for what it may have to write.
        self._update_inputs()
        services.alignment.note(number, self._merge.next_place(services.clock()))
        self._writer: asyncio.Task[None] | None = None
        self._group: asyncio.TaskGroup | None = None
        self._learning: set[asyncio.Task[None]] = set()

    def _await_dealing(self, undealt: list[Place]) -> None:
        """Have the watermark wait, for a limited time, for inputs that the group's leader has dealt to nobody.

        A broker that starts may not know of a topic yet, and then the leader does not: were its inputs taken for none,
        all that they hold would be late.
        """
        hold_s = self._services.settings.pause_hold_s
        for topic, partition in undealt:
            self._merge.hold((topic, partition), self._services.clock() + round(hold_s * SECOND_MS))
            log.warning(
                "an input partition is not dealt to its task, and time waits for it: does its topic still exist, and "
                "may we describe it?",
                topic=topic,
                partition=partition,
                waits_at_most_s=hold_s,
            )

    @property
    def revoked(self) -> bool:
        """Whether a rebalance has taken the task's chunks away."""
        return self._last_chunk is not None and not self._last_chunk.current

    def start(self, group: asyncio.TaskGroup) -> None:
        """Begin to write the merged records."""
        self._group = group
        self._writer = group.create_task(self._write_batches(), name=f"{STAGE}-{self.number}")

    def close(self) -> None:
        """End the task: the next owner of its partitions reads unacknowledged chunks again."""
        self.closed = True
        # They may come again to this very worker.
        stated = map(decode, (*self._writing, *self._waiting_to_state))
        self._stating.forget(one for one in stated if isinstance(one, Touchpoint))
        if self._writer is not None:
            self._writer.cancel()
        for learning in self._learning:
            learning.cancel()
        self.waiting.clear()
        self.pausing.close()
        self._services.alignment.leave(self.number)
        if self._last_watermark:
            self._services.telemetry.watermark.remove(str(self.number))

    def add(self, received: ReceivedChunk, validated: Validated) -> None:
        """Add a chunk's records to the merge; pause its input where too many messages in a row were refused.

        Then the chunk ends with the last refusal: all of it is acknowledged once it is written, and the rest is kept.
        """
        chunk = received.chunk
        place, excess = chunk.place, validated.excess
        rest = None if excess is None else chunk.split(validated.count)
        self.refused_in_a_row[place] = validated.refused_in_a_row
        self._dead_letters += validated.refused
        self._erased += validated.erased
        reading = self._reading[place]
        items = [(time, self._take(item, reading.read(time))) for time, item in validated.accepted]
        self._last_chunk = chunk
        self._merge.add(received, place, items, caught_up=chunk.caught_up, now=self._services.clock())
        if validated.accepted:
            self.pausing.accept(place)
        if excess is not None:
            self.pausing.begin(place, excess, rest)
        self._wake.set()

    def _take(self, accepted: Accepted, reached: int) -> Item:
        """Take what a record states anew; return it as it waits for its turn.

        Args:
            accepted: the record.
            reached: the time up to which its input has been read, ms.
        """
        if not isinstance(accepted, Touchpoint):
            return accepted
        record = encode(accepted)
        late_before = max(self._last_watermark, reached) - self._allowed_lateness_ms
        messages = self._stating.messages_of(accepted, late_before)
        if messages:
            self._stated += messages
            self._waiting_to_state.append(record)
        return Waiting(accepted.occurred_at, accepted.customer_key.encode(), record, watermark_place(accepted))

    def wait_for(self, place: Place, learn: Coroutine[Any, Any, None]) -> None:
        """Have an input wait until its schemas are learnt, which ends with `go_on`; no other input waits for long."""
        self.waiting[place] = deque()
        group = self._group or asyncio
        learning = group.create_task(learn)
        self._learning.add(learning)
        learning.add_done_callback(self._learning.discard)
        asyncio.get_running_loop().call_later(PATIENCE_S, self._hold, place, learning)

    def _hold(self, place: Place, learning: asyncio.Task[None]) -> None:
        """Let the other inputs go on without one that still waits; the watermark waits for it."""
        if learning in self._learning and place in self.waiting:
            self._merge.hold(place, NO_BOUND)
            self._wake.set()

    def go_on(self, place: Place) -> deque[Chunk]:
        """End an input's waiting; return the chunks that were kept of it, to be taken after the one that waited."""
        self._merge.release(place, self._services.clock())
        return self.waiting.pop(place)

    def take_up(self, place: Place, why: str) -> deque[Chunk]:
        """End the pause of an input; return what was kept of it, to be validated and added first."""
        self.refused_in_a_row[place] = 0
        return self.pausing.end(place, why)

    def wake(self) -> None:
        """Make the task look whether time has freed something to write."""
        self._wake.set()

    async def _write_batches(self) -> None:
        backlog = self._services.backlog
        while True:
            await self._wake.wait()
            self._wake.clear()
            await backlog.wait_for_room()
            while await self._write_batch():
                await backlog.wait_for_room()

    async def _write_batch(self) -> bool:
        """Write a batch and acknowledge the chunks that end with it; return whether there was one."""
        async with self._lock:
            self._update_inputs()
            batch = self._drain()
            refused, self._dead_letters = self._dead_letters, []
            erased, self._erased = self._erased, []
            stated, self._stated = self._stated, []
            self._writing, self._waiting_to_state = self._waiting_to_state, []
            if not (batch.items or batch.done or refused or erased or stated):
                return False
            ends = await self._services.producer.send(
                self._messages(batch, {DEAD_LETTERS: refused, topic_of("touchpoints"): erased}, stated)
            )
            self._writing = []
            self._note_ends(ends)
            for received in batch.done:
                received.chunk.ack()
        self._record(batch)
        return True

    def _drain(self) -> MergedBatch[ReceivedChunk, Item]:
        """Return the next items: not for long any that are much later than what another task has yet to write."""
        now, alignment = self._services.clock(), self._services.alignment
        alignment.note(self.number, self._merge.next_place(now))
        until = alignment.until(self.number, now)
        batch = self._merge.drain(MAX_BATCH, now, until)
        count, following = len(batch.items), self._merge.next_place(now)
        alignment.move(self.number, following, count, is_full=count == MAX_BATCH)
        if until < following < NO_BOUND:
            alignment.wait(self.number, now, self._wake.set)
        return batch

    def _note_ends(self, ends: Ends) -> None:
        self._links_end = max(self._links_end, ends.get((LINKS, 0), 0))
        for (topic, partition), end in ends.items():
            if topic == JOURNEYS_LOG:
                self._services.backlog.grow(partition, end)

    def _update_inputs(self) -> None:
        for place in self.refused_in_a_row:
            caught_up = place not in self.waiting and self._inputs.caught_up(*place)
            self._merge.set_caught_up(place, caught_up)

    def _messages(
        self,
        batch: MergedBatch[ReceivedChunk, Item],
        beside: Mapping[str, Sequence[Message]],
        stated: Sequence[tuple[Place, Message]],
    ) -> Batches:
        """Return the messages that a batch gives, and those that the task writes beside it, by topic.

        What touchpoints state stands before them.
        """
        count = self._partitions
        records: list[list[Message]] = [[] for _ in range(count)]
        for (topic, number), message in stated:
            if topic == JOURNEYS_LOG:
                records[number].append(message)
        facts: dict[str, list[Message]] = {table: [] for table in _TABLES.values()}
        for item, watermark in batch.items:
            if not isinstance(item, Waiting):
                item.version |= self._epoch_version
                facts[_TABLES[type(item)]] += [
                    Message(None, encode_rows([item])),
                    Message(OUTCOMES, encode_rows([_statement(item)])),
                ]
                continue
            value = with_watermark(item.record, item.watermark_place, watermark)
            records[partition_for(item.key, count)].append(Message(item.key, value))
        batches: dict[Place, Sequence[Message]] = {(topic, self.number): messages for topic, messages in beside.items()}
        batches[LINKS, 0] = [message for place, message in stated if place[0] == LINKS]
        batches |= {(JOURNEYS_LOG, partition): messages for partition, messages in enumerate(records)}
        batches |= {(topic_of(table), self.number): messages for table, messages in facts.items()}
        return {place: messages for place, messages in batches.items() if messages}

    def _record(self, batch: MergedBatch[ReceivedChunk, Item]) -> None:
        now = self._services.clock()
        self._services.telemetry.record_stage(
            STAGE,
            now_ms=now,
            durations_s=[(now - received.received_at) / 1000 for received in batch.done],
            touchpoints=len(batch.items),
            newest_ms=max((item.occurred_at for item, _ in batch.items), default=0),
        )

    async def new_watermark(self) -> TaskWatermark | None:
        """Return the task's watermark where it has moved since this was last asked, else None.

        All that the task wrote before is acknowledged by then.
        """
        async with self._lock:
            if self.closed:
                return None
            self._update_inputs()
            watermark = self._merge.watermark(self._services.clock())
            self.pausing.record(watermark)
            if watermark <= self._last_watermark:
                return None
            self._move(watermark)
            return TaskWatermark(self._services.settings.epoch, self.number, watermark, self._links_end)

    def _move(self, watermark: int) -> None:
        self._last_watermark = watermark
        self._services.telemetry.watermark.labels(str(self.number)).set(watermark / 1000)


def _places(number: int, settings: Settings, inputs: Inputs) -> list[Place]:
    """Return the inputs of a task: those that are ours and go with its number."""
    return [
        (topic, partition)
        for topic in settings.inputs
        for partition in sorted(inputs.assigned(topic))
        if partition % settings.partitions == number
    ]


def _undealt(number: int, services: Services, places: list[Place]) -> list[Place]:
    """Return the inputs that go with a task's number, were there at the start, and are not among its own."""
    step, dealt = services.settings.partitions, set(places)
    of_task = [
        (topic, partition)
        for topic, count in services.input_partitions.items()
        for partition in range(number, count, step)
    ]
    return [place for place in of_task if place not in dealt]


def _statement(row: Row) -> OutcomeRow:
    """Return the row that says that one was stated."""
    if isinstance(row, BusinessChangeRow):
        kind, subject = "business_change", row.change_id
    else:
        kind, subject = "marketing_spend", row.spend_id
    return OutcomeRow(kind, row.occurred_at, "stated", subject, row.event_id, row.version)
