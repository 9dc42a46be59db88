"""A worker that is suspended before it writes a chunk's state, and is killed after it.

It suspends itself at the first large write of JOURNEYS, its check that the partition is still its own behind it. Woken,
it writes what it was about to write.
"""

from __future__ import annotations

import asyncio
import copy
import os
import signal
from dataclasses import replace
from typing import Any

from schemas.topics import JOURNEYS_STATE
from streams.agents.journeys import Journeys
from streams.agents.services import Producer
from streams.journeys.output import Output
from streams.journeys.partition import Partition
from streams.kafka.offsets import Chunk
from streams.kafka.producer import Batches, Ends
from streams.process.run import run_worker
from streams.runtime.turn import Turn
from streams.settings import load

LARGE = 10
"""Touchpoints of a large write."""

suspended = False
write = Journeys._write


class Suspending:
    """A producer that suspends the process before it writes state, and kills it when the state is written."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    async def send(self, batches: Batches) -> Ends:
        if not any(topic == JOURNEYS_STATE for topic, _ in batches):
            return await self._producer.send(batches)
        global suspended  # noqa: PLW0603  # this process has no other purpose
        if suspended:  # other partitions would suspend it once more
            await asyncio.Event().wait()
        suspended = True
        os.kill(os.getpid(), signal.SIGSTOP)
        # A task of its own: the one that calls is cancelled as soon as the group is found to have gone on.
        return await asyncio.shield(asyncio.create_task(self._write_and_die(batches)))

    async def _write_and_die(self, batches: Batches) -> Ends:
        ends = await self._producer.send(batches)
        os.kill(os.getpid(), signal.SIGKILL)
        return ends


async def write_late(self: Journeys, chunk: Chunk, state: Partition, output: Output, turn: Turn) -> None:
    journeys: Any = copy.copy(self)
    if output.counts["touchpoints"] >= LARGE:
        journeys._services = replace(journeys._services, producer=Suspending(journeys._services.producer))
    await write(journeys, chunk, state, output, turn)


Journeys._write = write_late  # type: ignore[method-assign]  # that is the point
run_worker(load())
