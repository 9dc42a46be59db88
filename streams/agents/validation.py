"""Validation of an input's messages: each is decoded and accepted, or refused with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from traceback import extract_tb

import structlog

from schemas import dead_letters
from schemas.avro.codec import CONFLUENT_SIZE
from schemas.avro.envelopes import event_of
from schemas.dead_letters import DeadLetter, rfc3339
from schemas.errors import RefusalError, Stage, UndecodableError
from schemas.limits import MESSAGE_BYTES
from schemas.units import SECOND_MS
from streams.agents.learning import Decoder, SchemaLearner, Unknown
from streams.agents.pausing import Excess
from streams.agents.services import Services
from streams.identity.identities import Identities
from streams.intake.accept import Accepted, Source, accept, check_size
from streams.intake.checks import EARLIEST
from streams.intake.merge import NO_TIME
from streams.kafka.batches import Unread, UnreadBatchError
from streams.kafka.offsets import Chunk, Record
from streams.kafka.producer import Message
from streams.runtime.logging import Sampler
from streams.sentiment import Scorer

STAGE: Stage = "ingest"

log = structlog.get_logger(__name__)


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
        codec: decodes messages.
        scorer: scores what customers wrote.
        identities: say whose a touchpoint is.

    Attributes:
        schemas: makes the codec learn the schemas of a chunk, which has to come before its validation.
    """

    def __init__(self, services: Services, codec: Decoder, scorer: Scorer, identities: Identities) -> None:
        self.schemas = SchemaLearner(services, codec)
        self._services = services
        self._codec = codec
        self._scorer = scorer
        self._identities = identities
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
        excess = None
        for record in chunk.records:
            # The timestamp is the producer's to choose, unless the topic says otherwise: it may lie after now.
            timestamp = record.timestamp
            received_at = timestamp if EARLIEST <= timestamp <= now else now
            try:
                item = self._accepted(chunk, record, unknown, received_at, now)
            except RefusalError as refusal:
                refused.append(self._dead_letter(chunk, record, refusal, now))
                refused_in_a_row += not isinstance(refusal, UnreadBatchError) or refusal.first
                if refused_in_a_row > self._max_in_a_row:
                    excess = Excess(refused_in_a_row, record.offset, refusal)
                    break
                continue
            refused_in_a_row = 0
            time = item.occurred_at
            if time > received_at + self._ahead_ms:
                time = NO_TIME
                label = self._services.sources.label(item.source)
                self._services.telemetry.touchpoints_ahead.labels(chunk.topic, label).inc()
            accepted.append((time, item))
        return Validated(accepted, refused, len(accepted) + len(refused), refused_in_a_row, excess)

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
            # Most messages have no headers; of those that have, few are CloudEvents.
            event = event_of(record.headers) if record.headers else None
            return accept(
                kind,
                self._codec.decode(kind, value) if event is None else self._codec.decode_event(kind, value, event),
                Source(
                    task=chunk.partition % self._partitions,
                    topic=chunk.topic,
                    partition=chunk.partition,
                    offset=record.offset,
                    received_at=received_at,
                    # A CloudEvent's headers may fill fields as well: then every length is looked at.
                    size=len(value) if event is None else MESSAGE_BYTES,
                ),
                now=now,
                scorer=self._scorer,
                identities=self._identities,
            )
        except RefusalError:
            raise
        except Exception as error:
            # A lack of memory too: it would stop us again at every start.
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
