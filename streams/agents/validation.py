"""What becomes of each message of an input: decoded and accepted, or refused with its reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from schemas.avro.registry import RegistryUnavailableError
from schemas.errors import RefusalError, UndecodableError, UnknownSchemaError
from schemas.topics import TOPIC_KINDS
from streams.agents.dead_letters import dead_letter
from streams.intake.accept import Accepted, Source, accept, check_size
from streams.intake.checks import AHEAD_MS, EARLIEST
from streams.intake.merge import PartitionMerge
from streams.kafka.offsets import Chunk, Record
from streams.kafka.producer import Message
from streams.runtime.clock import Clock
from streams.runtime.telemetry import Telemetry
from streams.sentiment import Scorer

STAGE = "ingest"
CONFLUENT = b"\x00"
CONFLUENT_HEADER = 5
"""Confluent framing: a zero byte and the four bytes of a schema's id."""
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0

log = structlog.get_logger(__name__)


class Decoder(Protocol):
    """What is used of `schemas.avro.codec.Codec`."""

    def decode(self, kind: str, data: bytes) -> dict[str, Any]:
        """Return the record in a message, or raise `RefusalError` or `RegistryUnavailableError`."""


@dataclass(frozen=True)
class Validated:
    """What a chunk gave: what was accepted of it, each with its `occurred_at`, and dead letters."""

    accepted: list[tuple[int, Accepted]] = field(default_factory=list)
    refused: list[Message] = field(default_factory=list)


class Validator:
    """Judges messages; the same for all tasks of a worker.

    Args:
        codec: decodes messages; its registry may block, and is asked in a thread.
        scorer: scores what customers wrote.
        telemetry: where refusals are counted.
        clock: tells the wall-clock time.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        *,
        codec: Decoder,
        scorer: Scorer,
        telemetry: Telemetry,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._codec = codec
        self._scorer = scorer
        self._telemetry = telemetry
        self._clock = clock
        self._sleep = sleep
        self._learnt: set[tuple[str, bytes]] = set()
        self._surprises: set[type[Exception]] = set()

    def unlearnt(self, chunk: Chunk) -> dict[bytes, bytes]:
        """Return a message for each schema id in a chunk that the codec has not met yet, by its header."""
        kind = TOPIC_KINDS[chunk.topic]
        return {
            value[:CONFLUENT_HEADER]: value
            for record in chunk.records
            if (value := record.value) is not None
            and value[:1] == CONFLUENT
            and (kind, value[:CONFLUENT_HEADER]) not in self._learnt
        }

    async def learn(self, chunk: Chunk, messages: dict[bytes, bytes]) -> dict[bytes, UnknownSchemaError]:
        """Make the codec learn schemas, however long the registry is away.

        Args:
            chunk: whose messages they are; once it is no longer ours, this gives up.
            messages: as `unlearnt` gives them.

        Returns:
            The refusal of each schema that nobody knows, by the header of its messages.
        """
        kind = TOPIC_KINDS[chunk.topic]
        unknown = {}
        for header, value in messages.items():
            try:
                await self._decode_in_thread(chunk, kind, value)
            except UnknownSchemaError as refusal:
                unknown[header] = refusal
                continue
            except RefusalError as refusal:
                log.debug("schema learnt from a message that is refused", cause=str(refusal))
            except Exception as error:  # whether it is the message that is wrong, `judge` will say
                log.debug("schema met in a message that cannot be validated", cause=repr(error))
            self._learnt.add((kind, header))
        return unknown

    async def _decode_in_thread(self, chunk: Chunk, kind: str, value: bytes) -> None:
        wait = FIRST_WAIT_S
        while chunk.current:
            try:
                await asyncio.to_thread(self._codec.decode, kind, value)
            except RegistryUnavailableError as error:
                self._telemetry.retries.labels("schema_registry").inc()
                log.warning("the schema registry is away; trying again", cause=str(error), retry_in_s=wait)
            else:
                return
            await self._sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)

    def validate(
        self,
        chunk: Chunk,
        unknown: dict[bytes, UnknownSchemaError],
        task: PartitionMerge[Any, Accepted],
        validated: Validated,
    ) -> None:
        """Validator all messages of a chunk, in their order. One that nobody can judge is refused too.

        Args:
            chunk: of the task's partition.
            unknown: what `learn` returned.
            task: counts how many are refused in a row.
            validated: is filled, as far as it comes.

        Raises:
            TooManyRefusalsError: too many.
        """
        now = self._clock()
        in_a_run = True  # for all we know, the last message of the chunk before was refused
        for record in chunk.records:
            try:
                accepted = self._accepted(chunk, record, unknown, now)
            except RefusalError as refusal:
                in_a_run = True
                validated.refused.append(self._letter(chunk, record, refusal, now))
                task.refused(chunk.topic, str(refusal))
                continue
            if in_a_run:
                in_a_run = False
                task.accepted(chunk.topic)
            validated.accepted.append((accepted.occurred_at, accepted))

    def _accepted(self, chunk: Chunk, record: Record, unknown: dict[bytes, UnknownSchemaError], now: int) -> Accepted:
        kind = TOPIC_KINDS[chunk.topic]
        value = record.value or b""
        check_size(value)
        if unknown and (refusal := unknown.get(value[:CONFLUENT_HEADER])) is not None:
            raise refusal
        # The timestamp is the producer's to choose, unless the topic says otherwise.
        timestamp = record.timestamp
        try:
            return accept(
                kind,
                self._codec.decode(kind, value),
                Source(
                    task=chunk.partition,
                    topic=chunk.topic,
                    partition=chunk.partition,
                    offset=record.offset,
                    received_at=timestamp if EARLIEST <= timestamp <= now + AHEAD_MS else now,
                ),
                now=now,
                scorer=self._scorer,
            )
        except (RefusalError, RegistryUnavailableError, MemoryError):
            raise
        except Exception as error:
            # What becomes of a message depends on it alone: it would stop us again at every start.
            self._report(error, chunk, record)
            raise UndecodableError(f"the message cannot be validated: {type(error).__name__}: {error}") from error

    def _report(self, error: Exception, chunk: Chunk, record: Record) -> None:
        """Log an error that nobody thought of, the first of each type."""
        if type(error) in self._surprises:
            return
        self._surprises.add(type(error))
        log.error(
            "a message cannot be validated, and is refused; please report this, it is a fault of touchline's",
            topic=chunk.topic,
            partition=chunk.partition,
            offset=record.offset,
            exc_info=error,
        )

    def _letter(self, chunk: Chunk, record: Record, refusal: RefusalError, now: int) -> Message:
        self._telemetry.messages_refused.labels(refusal.reason).inc()
        return dead_letter(
            record,
            topic=chunk.topic,
            partition=chunk.partition,
            reason=refusal.reason,
            detail=refusal.detail,
            stage=STAGE,
            at_ms=now,
        )
