"""Up to when signals were sent before a rebuild: how far an epoch has come, and what earlier rebuilds have noted.

A rebuild notes it before it deletes anything. Every worker reads it before it begins: what happened up to then is not
signalled again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec

from schemas import epochs
from schemas.errors import NOT_READ, TouchlineError
from schemas.topics import EPOCHS, WATERMARKS
from schemas.watermarks import PartitionTime
from streams.kafka.offsets import Record
from streams.kafka.reader import read_to_end
from streams.settings import Settings

Records = AsyncIterator[Sequence[Record]]

_decode = msgspec.msgpack.Decoder(PartitionTime).decode


class EpochError(TouchlineError):
    """A record of `journeys.epochs.v1` cannot be read."""


async def noted_until(settings: Settings, history: Records | None = None) -> int:
    """Return up to when signals of this epoch were sent before it was last rebuilt, ms; 0 where nothing was noted.

    Args:
        settings: tell the epoch.
        history: what the topic holds; by default it is read from Kafka.

    Raises:
        EpochError: a record cannot be read.
    """
    until = 0
    async for records in history if history is not None else _read_from_kafka(settings, EPOCHS):
        for record in records:
            try:
                noted = epochs.decode(record.value or b"")
            except NOT_READ as error:
                raise EpochError(
                    f"{EPOCHS}, offset {record.offset}, is no record of this release ({error}): another release or "
                    "program has written to it. Run that release; or delete the topic while no worker runs, and create "
                    "it anew with: touchline topics --create. A rebuild that is not caught up then sends all signals"
                ) from error
            if noted.epoch == settings.epoch:
                until = max(until, noted.until)
    return until


async def reached_until(settings: Settings, partitions: int, history: Records | None = None) -> int:
    """Return up to when all signals of this epoch have been sent, ms; 0 where one of its partitions does not say.

    Args:
        settings: tell the epoch.
        partitions: how many the journeys log has: not always as many as are set, for a rebuild changes that.
        history: what `journeys.watermarks.v1` holds; by default it is read from Kafka.
    """
    done: dict[int, int] = {}
    async for records in history if history is not None else _read_from_kafka(settings, WATERMARKS):
        for record in records:
            try:
                found = _decode(record.value or b"")
            except NOT_READ:
                continue  # another kind of report, or of a release that has written it otherwise: it says nothing here
            if found.epoch == settings.epoch and found.partition < partitions:
                done[found.partition] = max(found.done, done.get(found.partition, 0))
    return min(done.values()) if len(done) == partitions else 0


async def _read_from_kafka(settings: Settings, topic: str) -> Records:
    async for run in read_to_end(settings, topic, [0]):
        yield run.records
