"""The order to erase somebody: written among the links, and decided by the workers; who it was is read back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from secrets import token_bytes
from typing import NamedTuple
from uuid import uuid4

from schemas import erasures, identity_links
from schemas.erasures import ERASED, SALT_BYTES, ErasedRows, Erasure
from schemas.errors import NOT_READ
from schemas.identity_links import Erase, Identity
from schemas.rows import topic_of
from schemas.topics import ERASURES, LINKS
from streams.agents.erasures import take
from streams.agents.identities import looked_up_by
from streams.agents.pseudonym_key import PseudonymKeyError, check_key_of_command
from streams.identity.erasures import Erasures
from streams.kafka.producer import BatchProducer, Message
from streams.kafka.reader import follow, read_to_end
from streams.runtime.clock import wall_clock
from streams.settings import Settings
from touchline.errors import CommandError
from touchline.identity.deciding import identity_of

IDENTITIES = topic_of("identities")


class Erased(NamedTuple):
    """Somebody who was erased.

    Attributes:
        erasure: as the workers have decided it.
        rows: whose rows are deleted.
    """

    erasure: Erasure
    rows: ErasedRows


def identities_named(settings: Settings, said: str) -> list[Identity]:
    """Return the identities that somebody means: with pseudonyms, that by each key.

    Raises:
        CommandError: it identifies nobody.
    """
    return list(dict.fromkeys(identity_of(said, one) for one in looked_up_by(settings)))


async def give_order(settings: Settings, identities: Sequence[Identity]) -> Erase:
    """Write the order to erase whoever has one of some identities; return it.

    Raises:
        CommandError: the workers' key of pseudonyms is another.
        ErasureError: it cannot be read who was erased before.
        KafkaError: Kafka does not answer.
        ProduceError: Kafka does not take it.
    """
    try:
        await check_key_of_command(settings)
    except PseudonymKeyError as error:
        raise CommandError(str(error)) from error
    known = Erasures()
    async for run in read_to_end(settings, ERASURES, [0]):
        take(run.records, known)
    order = Erase(list(identities), wall_clock(), str(uuid4()), known.salt or token_bytes(SALT_BYTES))
    producer = BatchProducer(settings)
    await producer.start()
    try:
        await producer.send({(LINKS, 0): [Message(None, identity_links.encode(order))]})
    finally:
        await producer.stop()
    return order


async def decided(settings: Settings, erasure_id: str, wait_s: float) -> Erased:
    """Return who was erased by an order, once the workers have decided it.

    Raises:
        CommandError: they have not in time, or it is so long ago that Kafka tells no longer whose rows it were.
        KafkaError: Kafka refuses us.
    """
    try:
        async with asyncio.timeout(wait_s):
            return Erased(await _erasure(settings, erasure_id), await _rows(settings, erasure_id))
    except TimeoutError:
        raise CommandError(
            f"the workers have not carried the order {erasure_id} out after {wait_s:g} s. It stands: they do it when "
            f"they run. Have it proved then: touchline erase --check {erasure_id}"
        ) from None


async def _erasure(settings: Settings, erasure_id: str) -> Erasure:
    async for records in follow(settings, ERASURES, 0):
        for record in records:
            if record.key == erasure_id.encode():
                found: Erasure = erasures.decode(record.value or b"")
                return found
    raise AssertionError("a topic that is followed has no end")


async def _rows(settings: Settings, erasure_id: str) -> ErasedRows:
    """Return whose rows are deleted: it stands where the rows of identities do, as long as these."""
    async for run in read_to_end(settings, IDENTITIES, [0]):
        for record in run.records:
            if record.key != ERASED:
                continue
            try:
                found: ErasedRows = erasures.decode_rows(record.value or b"")
            except NOT_READ:
                continue
            if found.erasure_id == erasure_id:
                return found
    raise CommandError(
        f"{IDENTITIES} does not tell any more whose rows the order {erasure_id} deletes: its retention has ended. "
        "Give the order again: it proves what is left"
    )
