"""Reading a log partition's state back from its changelog, `journeys.state.v1`."""

from __future__ import annotations

import time
from typing import Protocol, TypeVar

import structlog

from schemas.topics import JOURNEYS_STATE
from streams.kafka.reader import read_to_end
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings

PROGRESS_EVERY_S = 10.0

log = structlog.get_logger(__name__)


class Restorable(Protocol):
    """What is used of `streams.journeys.partition.Partition` here."""

    offset: int

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one entry of the changelog; without a value, a tombstone."""

    def restored(self) -> None:
        """Take note that it was the last."""


P = TypeVar("P", bound=Restorable)


async def restore(settings: Settings, telemetry: Telemetry, number: int, partition: P) -> P:
    """Fill an empty partition with the state that was written for it; return it.

    Args:
        number: which partition of the journeys log.
        partition: as it is before its first record.

    Raises:
        KafkaError: Kafka refuses us. While it is away, it is waited for.
    """
    began = logged_at = time.monotonic()
    entries = 0
    async for run in read_to_end(settings, JOURNEYS_STATE, [number]):
        for record in run.records:
            if record.key is not None:
                partition.restore(record.key, record.value)
        entries += len(run.records)
        if time.monotonic() - logged_at > PROGRESS_EVERY_S:
            logged_at = time.monotonic()
            log.info("reading state back", partition=number, at=run.position, end=run.end)
    partition.restored()
    took = time.monotonic() - began
    telemetry.restored_entries.labels(str(number)).inc(entries)
    telemetry.restore_duration.observe(took)
    log.info(
        "state is back",
        partition=number,
        entries=entries,
        seconds=round(took, 2),
        log_offset=partition.offset,
    )
    return partition
