"""Who was erased, as INGEST knows it: all of it before a worker reads anything else, and what is new as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import structlog

from schemas.erasures import decode
from schemas.errors import NOT_READ, TouchlineError
from schemas.topics import ERASURES
from streams.agents.services import Services
from streams.identity.erasures import Erasures
from streams.kafka.offsets import Record
from streams.kafka.reader import follow, read_to_end
from streams.settings import Settings

log = structlog.get_logger(__name__)

Records = AsyncIterator[Sequence[Record]]


class ErasureError(TouchlineError):
    """A record of `identity.erasures.v1` cannot be read."""


async def load_erasures(services: Services, history: Records | None = None) -> None:
    """Learn who was erased so far.

    Args:
        services: is told.
        history: what the topic holds; by default it is read from Kafka.

    Raises:
        ErasureError: a record cannot be read.
    """
    async for records in history if history is not None else _read_from_kafka(services.settings):
        take(records, services.erasures)


async def follow_erasures(services: Services, changed: Callable[[], None], news: Records | None = None) -> None:
    """Learn who is erased from now on, until cancelled.

    Args:
        services: is told.
        changed: is called when somebody was.
        news: the topic's records, and those that come; by default they are read from Kafka.

    Raises:
        ErasureError: a record cannot be read.
    """
    async for records in news if news is not None else follow(services.settings, ERASURES, 0):
        if take(records, services.erasures):
            changed()


def take(records: Sequence[Record], known: Erasures) -> bool:
    """Add what records of the topic say; return whether any of it is new.

    Raises:
        ErasureError: a record cannot be read.
    """
    is_new = False
    for record in records:
        try:
            erasure = decode(record.value or b"")
        except NOT_READ as error:
            raise ErasureError(
                f"{ERASURES}, offset {record.offset}, is no erasure of this release ({error}): another release or "
                "program has written to it. Run that release: without this topic, those who were erased come back"
            ) from error
        is_new = known.add(erasure) or is_new
    return is_new


async def _read_from_kafka(settings: Settings) -> Records:
    async for run in read_to_end(settings, ERASURES, [0]):
        yield run.records
