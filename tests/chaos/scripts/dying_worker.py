"""A worker that kills itself while it writes a chunk's state: `dying_worker.py KINDS`, such as `bc`.

KINDS names the entries of the state that it writes before it dies, at the third large write of JOURNEYS before the
log ends: b metric buckets, their dimensions' values and hourly counts, c customers and the blocks of touchpoints that
they name, f what is forgotten, p the position. It always writes facts and signals.
"""

from __future__ import annotations

import copy
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from schemas.topics import JOURNEYS_STATE
from streams.agents import journeys as agent
from streams.agents.journeys import Journeys
from streams.agents.services import Producer
from streams.journeys.output import Entry, Output
from streams.journeys.partition import POSITION, Partition
from streams.kafka.offsets import Chunk
from streams.kafka.producer import Batches, Ends, Message
from streams.process.run import run_worker
from streams.runtime.turn import Turn
from streams.settings import load

FATAL_WRITE = 3
LARGE = 10
"""Touchpoints of a large write."""
KINDS = sys.argv[1]

large_writes = 0
write = Journeys._write


def kept(output: Output) -> frozenset[Entry]:
    """Return what is written of an output's state, the position apart."""
    entries: dict[str, list[Entry]] = {
        "b": [*output.values, *output.buckets],
        "c": output.customers,
        "f": output.forgotten,
    }
    return frozenset(entry for kind in KINDS for entry in entries.get(kind, []))


class Dying:
    """A producer that writes all but the state, of that only some entries, and then kills the process."""

    def __init__(self, producer: Producer, entries: frozenset[Entry]) -> None:
        self._producer = producer
        self._entries = entries

    async def send(self, batches: Batches) -> Ends:
        if not any(topic == JOURNEYS_STATE for topic, _ in batches):
            return await self._producer.send(batches)
        parts = {place: self._part(place[0], messages) for place, messages in batches.items()}
        ends = await self._producer.send(parts)
        os.kill(os.getpid(), signal.SIGKILL)
        return ends

    def _part(self, topic: str, messages: Sequence[Message]) -> Sequence[Message]:
        return [message for message in messages if topic != JOURNEYS_STATE or self._is_kept(message)]

    def _is_kept(self, message: Message) -> bool:
        # The position is made anew where the write has sent links.
        if message.key == POSITION:
            return "p" in KINDS
        return (message.key, message.value) in self._entries


async def write_or_die(self: Journeys, chunk: Chunk, state: Partition, output: Output, turn: Turn) -> None:
    global large_writes  # noqa: PLW0603  # this process has no other purpose
    # At the end of the log a wrong order of writes would do no harm: no later touchpoint would show the loss.
    large_writes += output.counts["touchpoints"] >= LARGE and not chunk.caught_up
    journeys: Any = copy.copy(self)
    if large_writes >= FATAL_WRITE:
        journeys._services = replace(journeys._services, producer=Dying(journeys._services.producer, kept(output)))
    await write(journeys, chunk, state, output, turn)


agent.MAX_RECORDS = 1  # a chunk a write: its end is that of the write
Journeys._write = write_or_die  # type: ignore[method-assign]  # that is the point
run_worker(load())
