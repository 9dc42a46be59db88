"""The order to erase somebody: written among the links, and decided by the workers; who it was is read back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from secrets import token_bytes
from typing import NamedTuple
from uuid import uuid4

from msgspec.structs import replace

from schemas import erasures, identity_links
from schemas.erasures import ERASED, SALT_BYTES, ErasedRows, Erasure, digest_of, joined
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
ASK_AGAIN_S = 2.0
ASKED = 5
"""So often it is asked for the messages to the sink: an erasure may be written a little before them."""


class Erased(NamedTuple):
    """Somebody who was erased.

    Attributes:
        erasure: as the workers have decided it.
        rows: whose rows are deleted, with all stated keys.
        parts: the messages by which IDENTITY tells the sink so.
    """

    erasure: Erasure
    rows: ErasedRows
    parts: Sequence[ErasedRows]


def identities_named(settings: Settings, said: str) -> list[Identity]:
    """Return the identities that somebody means: with pseudonyms, that by each key.

    Raises:
        CommandError: it identifies nobody.
    """
    return list(dict.fromkeys(identity_of(said, one) for one in looked_up_by(settings)))


async def give_order(settings: Settings, identities: Sequence[Identity], *, unsure_letters: bool = False) -> Erase:
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
    salt = known.salt or token_bytes(SALT_BYTES)
    order = Erase(list(identities), wall_clock(), str(uuid4()), salt, unsure_letters)
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
            erasure = await _erasure(settings, erasure_id)
            parts = await _parts(settings, erasure)
            keys = list(dict.fromkeys(key for part in parts for key in part.customer_keys))
            return Erased(erasure, replace(parts[0], customer_keys=keys), parts)
    except TimeoutError:
        raise CommandError(
            f"the workers have not carried the order {erasure_id} out after {wait_s:g} s. It stands: they do it when "
            f"they run. Have it proved then: touchline erase --check {erasure_id}"
        ) from None


async def _erasure(settings: Settings, erasure_id: str) -> Erasure:
    parts: list[Erasure] = []
    async for records in follow(settings, ERASURES, 0):
        found = [erasures.decode(record.value or b"") for record in records]
        parts += [one for one in found if one.erasure_id == erasure_id]
        for whole in joined(parts):
            return whole
    raise AssertionError("a topic that is followed has no end")


async def _parts(settings: Settings, erasure: Erasure) -> Sequence[ErasedRows]:
    """Return whose rows are deleted: it stands where the rows of identities do, as long as these."""
    for _ in range(ASKED):
        parts = [part async for part in _parts_there(settings, erasure.erasure_id)]
        named = {digest_of(erasure.salt, key) for part in parts for key in part.customer_keys}
        if parts and named.issuperset(erasure.digests):
            return parts
        await asyncio.sleep(ASK_AGAIN_S)
    raise CommandError(
        f"{IDENTITIES} does not tell any more whose rows the order {erasure.erasure_id} deletes: its retention has "
        "ended. Give the order again: it proves what is left"
    )


async def _parts_there(settings: Settings, erasure_id: str) -> AsyncIterator[ErasedRows]:
    """Yield the messages that tell the sink of an order."""
    async for run in read_to_end(settings, IDENTITIES, [0]):
        for record in run.records:
            if record.key != ERASED:
                continue
            try:
                found = erasures.decode_rows(record.value or b"")
            except NOT_READ:
                continue
            if found.erasure_id == erasure_id:
                yield found
