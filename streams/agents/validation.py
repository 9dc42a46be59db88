"""Validation of an input's messages: each is decoded and accepted, or refused with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from traceback import extract_tb
from typing import Any

import msgspec
import structlog

from schemas import dead_letters
from schemas.avro.codec import CONFLUENT_SIZE
from schemas.avro.envelopes import event_of
from schemas.dead_letters import DeadLetter, rfc3339
from schemas.errors import NOT_READ, RefusalError, Stage, UndecodableError
from schemas.kinds.touchpoint import Touchpoint
from schemas.limits import MESSAGE_BYTES
from schemas.rows import OUTCOMES, OutcomeRow, encode_rows, place
from schemas.units import SECOND_MS, TIMES
from schemas.versions import row_version
from streams.agents.erased_messages import ErasedMessages
from streams.agents.learning import Decoder, SchemaLearner, Unknown
from streams.agents.pausing import Excess
from streams.agents.services import Services
from streams.identity.erasures import NEVER
from streams.identity.identities import Identities
from streams.intake.accept import Accepted, Source, accept, check_size
from streams.intake.checks import EARLIEST
from streams.intake.merge import NO_TIME
from streams.kafka.batches import Unread, UnreadBatchError
from streams.kafka.offsets import Chunk, Record
from streams.kafka.producer import Message
from streams.runtime.logging import Sampler
from streams.sentiment import Scorer
from streams.topics import TopicFinder

STAGE: Stage = "ingest"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Validated:
    """The result of a chunk's validation.

    Attributes:
        accepted: the accepted records in offset order, each with its `occurred_at`, ms; with `NO_TIME` if it is ahead.
        refused: a dead letter for each refused message.
        erased: a row for each message of somebody who was erased, from before that, whether or not it holds.
        count: how many of the chunk's messages were validated, accepted or refused.
        refused_in_a_row: how many of the last messages, in this chunk and before, were refused.
        excess: set where those are too many; the messages behind the last of them are not validated.
    """

    accepted: list[tuple[int, Accepted]] = field(default_factory=list)
    refused: list[Message] = field(default_factory=list)
    erased: list[Message] = field(default_factory=list)
    count: int = 0
    refused_in_a_row: int = 0
    excess: Excess | None = None


class _Said(msgspec.Struct):
    """What is read of a message that is none of its kind."""

    customer_id: str | None = None
    identifiers: dict[str, str] = {}
    occurred_at: int | None = None


class Validator:
    """Validates messages; the same for all tasks of a worker.

    Args:
        services: count refusals and records that are ahead, tell the time, wait.
        codec: decodes messages.
        scorer: scores what customers wrote.
        identities: say whose a touchpoint is.
        finder: finds what customers write about.

    Attributes:
        schemas: makes the codec learn the schemas of a chunk, which has to come before its validation.
    """

    def __init__(
        self,
        services: Services,
        codec: Decoder,
        scorer: Scorer,
        identities: Identities,
        finder: TopicFinder | None = None,
    ) -> None:
        self.schemas = SchemaLearner(services, codec)
        self._services = services
        self._codec = codec
        self._scorer = scorer
        self._identities = identities
        self._finder = finder
        self._erasures = services.erasures
        self._erased_messages = ErasedMessages(services)
        inputs = services.settings.inputs
        self._kinds = {topic: inputs.only_kind(topic) for topic in inputs}
        self._carried = inputs.kinds
        self._partitions = services.settings.partitions
        self._max_in_a_row = services.settings.max_consecutive_refusals
        self._ahead_ms = services.settings.timer_delay_s * SECOND_MS
        self._logged_errors: set[type[Exception]] = set()
        self._refusals = Sampler()

    def validate(self, chunk: Chunk, unknown: Unknown, refused_in_a_row: int) -> Validated:
        """Validate the messages of a chunk, in their order. One that breaks its decoder is refused too.

        Args:
            chunk: of one input.
            unknown: what `schemas.learn` returned.
            refused_in_a_row: `Validated.refused_in_a_row` of the input's chunk before; 0 for its first.
        """
        now = self._services.clock()
        accepted: list[tuple[int, Accepted]] = []
        refused: list[Message] = []
        erased: list[Message] = []
        excess = None
        for record in chunk.records:
            # The timestamp is the producer's to choose, unless the topic says otherwise: it may lie after now.
            timestamp = record.timestamp
            received_at = timestamp if EARLIEST <= timestamp <= now else now
            try:
                item = self._accepted(chunk, record, unknown, received_at, now)
            except RefusalError as refusal:
                if self._erasures.latest != NEVER and (gone := self._erased(chunk, record, now)) is not None:
                    erased.append(gone)
                    continue
                refused.append(self._dead_letter(chunk, record, refusal, now))
                refused_in_a_row += not isinstance(refusal, UnreadBatchError) or refusal.first
                if refused_in_a_row > self._max_in_a_row:
                    excess = Excess(refused_in_a_row, record.offset, refusal)
                    break
                continue
            refused_in_a_row = 0
            time = item.occurred_at
            if time <= self._erasures.latest and isinstance(item, Touchpoint) and self._is_erased(item, record):
                erased.append(self._note_erased(chunk, record, item.kind, time))
                continue
            if time > received_at + self._ahead_ms:
                time = NO_TIME
                label = self._services.sources.label(item.source)
                self._services.telemetry.touchpoints_ahead.labels(chunk.topic, label).inc()
            accepted.append((time, item))
        count = len(accepted) + len(refused) + len(erased)
        return Validated(accepted, refused, erased, count, refused_in_a_row, excess)

    def _accepted(self, chunk: Chunk, record: Record, unknown: Unknown, received_at: int, now: int) -> Accepted:
        kind = self._kinds[chunk.topic]
        value = record.value
        if not value:
            if isinstance(value, Unread):
                raise value.refusal
            value = b""
        check_size(value)
        if unknown and (refusal := unknown.get(value[:CONFLUENT_SIZE])) is not None:
            raise refusal
        try:
            if kind is None:
                kind = self._codec.kind_of(self._carried[chunk.topic], value)
            said, is_event = self._decoded(kind, value, record)
            return accept(
                kind,
                said,
                Source(
                    task=chunk.partition % self._partitions,
                    topic=chunk.topic,
                    partition=chunk.partition,
                    offset=record.offset,
                    received_at=received_at,
                    # A CloudEvent's headers may fill fields as well: then every length is looked at.
                    size=MESSAGE_BYTES if is_event else len(value),
                ),
                now=now,
                scorer=self._scorer,
                identities=self._identities,
                finder=self._finder,
            )
        except RefusalError:
            raise
        except Exception as error:
            # A lack of memory too: it would stop us again at every start.
            self._log_error(error, chunk, record)
            raise UndecodableError(f"the message cannot be validated: {type(error).__name__}: {error}") from error

    def _decoded(self, kind: str, value: bytes, record: Record) -> tuple[dict[str, Any], bool]:
        """Return what a message says, and whether its headers describe a CloudEvent."""
        # Most messages have no headers; of those that have, few are CloudEvents.
        event = event_of(record.headers) if record.headers else None
        if event is None:
            return self._codec.decode(kind, value), False
        return self._codec.decode_event(kind, value, event), True

    def _is_erased(self, touchpoint: Touchpoint, record: Record) -> bool:
        def decoded() -> dict[str, Any]:
            return self._decoded(touchpoint.kind, record.value or b"", record)[0]

        return self._erased_messages.has(touchpoint, decoded)

    def _erased(self, chunk: Chunk, record: Record, now: int) -> Message | None:
        """Return the row of a message that does not hold, where it is of somebody who was erased; else None.

        One that does not tell its time is of the time at which it was written.
        """
        kind = self._kinds[chunk.topic]
        value = record.value or b""
        try:
            kind = kind or self._codec.kind_of(self._carried[chunk.topic], value)
            said, _ = self._decoded(kind, value, record)
        except Exception:  # whatever it is: the message is not one of its kind
            said = _said_in(value)
        try:
            at = int(said.get("occurred_at", record.timestamp))
            is_erased = self._erased_messages.has_said(said, at)
        except Exception:  # whatever it is: the message does not tell whose it is
            return None
        if not is_erased:
            return None
        return self._note_erased(chunk, record, kind or chunk.topic, at if at in TIMES else now)

    def _note_erased(self, chunk: Chunk, record: Record, kind: str, at: int) -> Message:
        """Count a message of somebody who was erased, and return the row that says what became of it."""
        self._services.telemetry.touchpoints_erased.labels(chunk.topic).inc()
        where = place(chunk.partition, record.offset)
        version = row_version(self._services.settings.epoch, 0)
        return Message(OUTCOMES, encode_rows([OutcomeRow(kind, at, "erased", chunk.topic, where, version)]))

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
        self._services.telemetry.messages_refused.labels(chunk.topic, refusal.reason).inc()
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
            value=None if isinstance(record.value, Unread) else record.value,
            headers=record.headers,
        )
        if self._services.settings.has_pseudonyms:
            letter = dead_letters.without_contents(letter)
        return Message(*dead_letters.encode(letter))


def _place(error: Exception) -> str:
    """Return where an error was raised, without its message and values, which may be a customer's."""
    return " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(extract_tb(error.__traceback__)))


def _said_in(value: bytes) -> dict[str, Any]:
    """Return what a message in JSON says of whose it is and when it happened, though it is none of its kind."""
    try:
        found = msgspec.json.decode(value, type=_Said)
    except NOT_READ:
        return {}
    said: dict[str, Any] = {"customer_id": found.customer_id, "identifiers": found.identifiers}
    return said if found.occurred_at is None else said | {"occurred_at": found.occurred_at}
