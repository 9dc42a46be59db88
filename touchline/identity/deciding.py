"""A person's decision that two identities are, or are not, one customer's: written where all links are."""

from __future__ import annotations

from typing import Literal
from uuid import uuid4

from schemas.identity_links import CUSTOMER, Command, Identity, encode
from schemas.topics import LINKS
from streams.agents.pseudonym_key import PseudonymKeyError, check_key_of_command
from streams.identity.identities import Identities
from streams.kafka.producer import BatchProducer, Message
from streams.runtime.clock import wall_clock
from streams.settings import Settings
from touchline.errors import CommandError
from touchline.identity.names import is_name, named, of_kind


def identity_of(said: str, identities: Identities) -> Identity:
    """Return the identity that somebody means: `kind:value`, a customer's id, or a name as views show it.

    Raises:
        CommandError: it identifies nobody.
    """
    written = said.strip()
    kind, colon, value = written.partition(":")
    if is_name(written):
        found = named(written, identities)
    elif colon and kind.strip().lower() != CUSTOMER:
        found = of_kind(kind, value, identities)
    else:
        customer = identities.customer(value if colon else written)
        found = None if customer is None else (CUSTOMER, customer)
    if found is None:
        raise CommandError(
            f"{said!r} identifies nobody; write a customer's id, or the kind and the value: email:ann@example.com"
        )
    return found


async def decide(settings: Settings, action: Literal["link", "unlink"], first: Identity, second: Identity) -> Command:
    """Write a decision on two identities; it holds for touchpoints of all times.

    Raises:
        CommandError: the two are the same, or the workers' key of pseudonyms is another.
        KafkaError: Kafka does not answer.
        ProduceError: Kafka does not take it.
    """
    if first == second:
        raise CommandError(f"both are {first[0]} {first[1]!r}: there is nothing to decide")
    try:
        await check_key_of_command(settings)
    except PseudonymKeyError as error:
        raise CommandError(str(error)) from error
    command = Command(action, first, second, wall_clock(), str(uuid4()))
    producer = BatchProducer(settings)
    await producer.start()
    try:
        await producer.send({(LINKS, 0): [Message(None, encode(command))]})
    finally:
        await producer.stop()
    return command
