"""The base of every error that touchline raises, the whole tree of them, and why a message is refused.

TouchlineError                          schemas.errors
    AskedError                          touchline.page.asked
    BadLineError                        schemas.avro.jsonl_careful
        MissingFieldError               schemas.avro.jsonl_careful
    BatchError                          streams.kafka.batches
    BrokerError                         streams.kafka.client
    CalendarError                       schemas.calendars
    CommandError                        touchline.errors
    CrowdedError                        touchline.page.live
    DeliveryError                       touchline.notify.errors
        RefusedDeliveryError            touchline.notify.errors
    EpochError                          streams.agents.signalled
    ErasureError                        streams.agents.erasures
    FileError                           streams.settings.files
    FollowUpError                       schemas.follow_ups
    FormError                           touchline.page.app
    HealthServerError                   streams.runtime.health
    InflationError                      streams.kafka.inflate
        TooLargeError                   streams.kafka.inflate
    JourneyLogError                     streams.agents.journeys
    LinkError                           streams.agents.identity
    ListenError                         touchline.collect.server
    PartitionRevokedError               streams.agents.journeys
    PatternError                        streams.identity.patterns
    ProduceError                        streams.kafka.producer
    PseudonymKeyError                   streams.agents.pseudonym_key
    RefusalError                        schemas.errors
        InvalidRecordError              schemas.kinds.checks
        UndecodableError                schemas.errors
        UnknownSchemaError              schemas.errors
        UnreadBatchError                streams.kafka.batches
    RegistryUnavailableError            schemas.avro.registry_client
    RequestError                        touchline.collect.errors
    SentimentError                      streams.sentiment.errors
    SettingsError                       streams.settings.reading
    SinkError                           sinks.errors
        AddressError                    sinks.errors
        MigrationError                  sinks.errors
        PermanentWriteError             sinks.errors
        QueryError                      sinks.errors
        TransientWriteError             sinks.errors
    StackError                          touchline.stack.errors
        ChildExitedError                touchline.stack.errors
    StateFormatError                    streams.journeys.formats
    SurveyError                         schemas.surveys
    TargetsError                        touchline.notify.errors
    TomlError                           schemas.toml
    TopicsError                         streams.topics.errors
    UnsupportedSchemaError              schemas.avro.decoder
    WatermarkError                      streams.agents.watermarks
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from schemas.text import shortened

Reason = Literal[
    "undecodable",
    "unknown_schema",
    "missing_field",
    "no_identity",
    "invalid_time",
    "invalid_score",
    "invalid_amount",
    "too_large",
    "event_id_collision",
    "too_many_ahead",
]
"""Why a message is refused, in the contract's words."""
REASONS: tuple[Reason, ...] = get_args(Reason)

Stage = Literal["ingest", "journeys", "sink"]
"""The stages that a message passes, in their order."""
STAGES: tuple[Stage, ...] = get_args(Stage)


NOT_READ: tuple[type[Exception], ...] = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What msgspec raises where it cannot read bytes: of a text that is not UTF-8, and of deep nesting, Python's errors."""


class TouchlineError(Exception):
    """The base of every error that touchline raises: its message says what was wrong, where, and what to do."""


class RefusalError(TouchlineError):
    """A message is refused; the worker sends it to the dead letters and goes on.

    Attributes:
        reason: one of `REASONS`.
        detail: what was wrong with the message, for the person who reads the dead letters; printable, and cut at
            500 characters, since it may quote the message.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        detail = shortened(detail)
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class UndecodableError(RefusalError):
    """The bytes are not a record of the topic's kind."""

    def __init__(self, detail: str) -> None:
        super().__init__("undecodable", detail)


class UnknownSchemaError(RefusalError):
    """The message names a schema that is in no registry: permanent."""

    def __init__(self, detail: str) -> None:
        super().__init__("unknown_schema", detail)
