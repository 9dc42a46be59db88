"""Validation of an input's messages: each is decoded and accepted, or refused with its reason."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from traceback import extract_tb
from typing import Any, Protocol

import structlog

from schemas import dead_letters
from schemas.avro.registry import RegistryUnavailableError
from schemas.dead_letters import DeadLetter, rfc3339
from schemas.errors import RefusalError, Stage, UndecodableError, UnknownSchemaError
from schemas.topics import TOPIC_KINDS
from schemas.units import SECOND_MS
from streams.agents.pausing import Excess
from streams.agents.services import Services
from streams.intake.accept import Accepted, Source, accept, check_size
from streams.intake.checks import EARLIEST
from streams.intake.merge import NO_TIME
from streams.kafka.offsets import Chunk, Record
from streams.kafka.producer import Message
from streams.runtime.logging import Sampler
from streams.runtime.retry import Backoff, Failure, retry
from streams.sentiment import Scorer

STAGE: Stage = "ingest"
CONFLUENT = b"\x00"
CONFLUENT_HEADER = 5
"""Confluent framing: a zero byte and the four bytes of a schema's id."""
REGISTRY_BACKOFF = Backoff(first_s=0.2, longest_s=5.0)

log = structlog.get_logger(__name__)


class Decoder(Protocol):
    """What is used of `schemas.avro.codec.Codec`."""

    def decode(self, kind: str, data: bytes) -> dict[str, Any]:
        """Return the record in a message, or raise `RefusalError` or `RegistryUnavailableError`."""


@dataclass(frozen=True)
class Validated:
    """The result of a chunk's validation.

    Attributes:
        accepted: the accepted records in offset order, each with its `occurred_at`, ms; with `NO_TIME` if it is ahead.
        refused: a dead letter for each refused message.
        count: how many of the chunk's messages were validated, accepted or refused.
        refused_in_a_row: how many of the last messages, in this chunk and before, were refused.
        excess: set where those are too many; the messages behind the last of them are not validated.
    """

    accepted: list[tuple[int, Accepted]] = field(default_factory=list)
    refused: list[Message] = field(default_factory=list)
    count: int = 0
    refused_in_a_row: int = 0
    excess: Excess | None = None


class Validator:
    """Validates messages; the same for all tasks of a worker.

    Args:
        services: count refusals and records that are ahead, tell the time, wait.
        codec: decodes messages; its registry may block, and is asked in a thread.
        scorer: scores what customers wrote.
    """

    def __init__(self, services: Services, codec: Decoder, scorer: Scorer) -> None:
        self._services = services
        self._codec = codec
        self._scorer = scorer
        self._max_in_a_row = services.settings.max_consecutive_refusals
        self._ahead_ms = services.settings.timer_delay_s * SECOND_MS
        self._known_schemas: set[tuple[str, bytes]] = set()
        self._logged_errors: set[type[Exception]] = set()
        self._refusals = Sampler()

    def new_schemas(self, chunk: Chunk) -> dict[bytes, bytes]:
        """Return a message for each schema id in a chunk that the codec has not met yet, by its header."""
        kind = TOPIC_KINDS[chunk.topic]
        return {
            value[:CONFLUENT_HEADER]: value
            for record in chunk.records
            if (value := record.value) is not None
            and value[:1] == CONFLUENT
            and (kind, value[:CONFLUENT_HEADER]) not in self._known_schemas
        }

    async def learn(self, chunk: Chunk, messages: dict[bytes, bytes]) -> dict[bytes, UnknownSchemaError]:
        """Make the codec learn schemas, however long the registry is away.

        Args:
            chunk: whose messages they are; once its partition is revoked, this gives up.
            messages: as `new_schemas` gives them.

        Returns:
            The refusal of each schema that the registry does not know, by the header of its messages. Schemas that
            were not learnt when the partition was revoked stay new.
        """
        kind = TOPIC_KINDS[chunk.topic]
        unknown = {}
        for header, value in messages.items():
            try:
                if not await self._decode_in_thread(chunk, kind, value):
                    break
            except UnknownSchemaError as refusal:
                unknown[header] = refusal
                continue
            except RefusalError as refusal:
                log.debug("schema learnt from a message that is refused", reason=refusal.reason)
            except Exception as error:  # `validate` will tell whether the message is wrong
                log.debug("schema met in a message that cannot be validated", cause=type(error).__name__)
            self._known_schemas.add((kind, header))
        return unknown

    async def _decode_in_thread(self, chunk: Chunk, kind: str, value: bytes) -> bool:
        """Return whether a message was decoded: not once its chunk's partition is revoked."""

        async def attempt() -> bool:
            if chunk.current:
                await asyncio.to_thread(self._codec.decode, kind, value)
                return True
            return False

        def note_failure(failure: Failure[RegistryUnavailableError]) -> None:
            cause = str(failure.error)
            self._services.telemetry.retries.labels("schema_registry").inc()
            standing.wait("schema_registry", cause)
            log.warning("the schema registry is away; trying again", cause=cause, retry_in_s=failure.retry_in_s)

        standing = self._services.standing
        try:
            return await retry(
                attempt,
                transient=RegistryUnavailableError,
                backoff=REGISTRY_BACKOFF,
                on_failure=note_failure,
                sleep=self._services.sleep,
            )
        finally:
            standing.go_on("schema_registry")

    def validate(self, chunk: Chunk, unknown: dict[bytes, UnknownSchemaError], refused_in_a_row: int) -> Validated:
        """Validate the messages of a chunk, in their order. One that breaks its decoder is refused too.

        Args:
            chunk: of one input.
            unknown: what `learn` returned.
            refused_in_a_row: `Validated.refused_in_a_row` of the input's chunk before; 0 for its first.
        """
        now = self._services.clock()
        accepted: list[tuple[int, Accepted]] = []
        refused: list[Message] = []
        ahead = 0
        excess = None
        for record in chunk.records:
            # The timestamp is the producer's to choose, unless the topic says otherwise: it may lie after now.
            timestamp = record.timestamp
            received_at = timestamp if EARLIEST <= timestamp <= now else now
            try:
                item = self._accepted(chunk, record, unknown, received_at, now)
            except RefusalError as refusal:
                refused.append(self._dead_letter(chunk, record, refusal, now))
                refused_in_a_row += 1
                if refused_in_a_row > self._max_in_a_row:
                    excess = Excess(refused_in_a_row, record.offset, refusal)
                    break
                continue
            refused_in_a_row = 0
            time = item.occurred_at
            if time > received_at + self._ahead_ms:
                time = NO_TIME
                ahead += 1
            accepted.append((time, item))
        self._services.telemetry.touchpoints_ahead.inc(ahead)
        return Validated(accepted, refused, len(accepted) + len(refused), refused_in_a_row, excess)

    def _accepted(
        self, chunk: Chunk, record: Record, unknown: dict[bytes, UnknownSchemaError], received_at: int, now: int
    ) -> Accepted:
        kind = TOPIC_KINDS[chunk.topic]
        value = record.value or b""
        check_size(value)
        if unknown and (refusal := unknown.get(value[:CONFLUENT_HEADER])) is not None:
            raise refusal
        try:
            return accept(
                kind,
                self._codec.decode(kind, value),
                Source(
                    task=chunk.partition,
                    topic=chunk.topic,
                    partition=chunk.partition,
                    offset=record.offset,
                    received_at=received_at,
                    size=len(value),
                ),
                now=now,
                scorer=self._scorer,
            )
        except (RefusalError, RegistryUnavailableError, MemoryError):
            raise
        except Exception as error:
            # The result depends on the message alone: it would stop us again at every start.
            self._log_error(error, chunk, record)
            raise UndecodableError(f"the message cannot be validated: {type(error).__name__}: {error}") from error

    def _log_error(self, error: Exception, chunk: Chunk, record: Record) -> None:
        """Log an unexpected error, the first of each type."""
        if type(error) in self._logged_errors:
            return
        self._logged_errors.add(type(error))
        log.error(
            "a message cannot be validated, and is refused; please report this, it is a fault of touchline's",
            topic=chunk.topic,
            partition=chunk.partition,
            offset=record.offset,
            cause=type(error).__name__,
            raised_at=_place(error),
        )

    def _log_refusal(self, chunk: Chunk, record: Record, refusal: RefusalError) -> None:
        """Log a sample of the refusals, without their details: these may quote what a customer has written."""
        count = self._refusals.count((chunk.topic, refusal.reason))
        if count:
            log.warning(
                "messages were refused; this is one of them. Their details: touchline dlq list",
                reason=refusal.reason,
                topic=chunk.topic,
                partition=chunk.partition,
                offset=record.offset,
                refused_since_last_logged=count,
            )

    def _dead_letter(self, chunk: Chunk, record: Record, refusal: RefusalError, now: int) -> Message:
        self._services.telemetry.messages_refused.labels(refusal.reason).inc()
        self._log_refusal(chunk, record, refusal)
        letter = DeadLetter(
            reason=refusal.reason,
            detail=refusal.detail,
            stage=STAGE,
            topic=chunk.topic,
            partition=chunk.partition,
            offset=record.offset,
            at=rfc3339(now),
            key=record.key,
            value=record.value,
            headers=record.headers,
        )
        return Message(*dead_letters.encode(letter))


def _place(error: Exception) -> str:
    """Return where an error was raised, without its message and values, which may be a customer's."""
    return " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(extract_tb(error.__traceback__)))
