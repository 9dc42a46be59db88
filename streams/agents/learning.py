"""Learning the schemas that messages in Confluent framing name: the registry is asked beside the other inputs' work.

An input whose messages name a schema that is not known yet waits, for a limited time, and no other input does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog

from schemas.avro.codec import CONFLUENT, CONFLUENT_SIZE
from schemas.avro.envelopes import CloudEvent
from schemas.avro.registry_client import RegistryUnavailableError
from schemas.errors import RefusalError, UnknownSchemaError
from schemas.topics import MAX_TOUCHPOINT_BYTES
from streams.agents.services import Services
from streams.kafka.offsets import Chunk
from streams.runtime.retry import Backoff, Failure, retry

REGISTRY_BACKOFF = Backoff(first_s=0.2, longest_s=5.0)
MAX_QUESTIONS = 16
"""How many questions are put to the registry at a time."""
MAX_GIVEN_UP = 10_000
"""How many schemas that could not be had are remembered, how many that are refused, and how many that were met."""
REFUSED_S = 30.0
"""For so many seconds a schema that is refused is not read again: that takes long where it is large."""

K = TypeVar("K")
V = TypeVar("V")
Unknown = dict[bytes, UnknownSchemaError]
"""The refusals of messages by their header, which names a schema that cannot be had."""

log = structlog.get_logger(__name__)


class Decoder(Protocol):
    """What is used of `schemas.avro.codec.Codec`."""

    def kind_of(self, kinds: tuple[str, ...], data: bytes) -> str:
        """Return the kind of a message of a topic that carries several, or raise as `decode` does."""

    def decode(self, kind: str, data: bytes) -> dict[str, Any]:
        """Return the record in a message, or raise `RefusalError` or `RegistryUnavailableError`."""

    def decode_event(self, kind: str, data: bytes, event: CloudEvent) -> dict[str, Any]:
        """Return the record in a message whose headers describe a CloudEvent; else as `decode`."""

    def learn(self, kind: str, data: bytes) -> int:
        """Ask for the schema that a message names, or raise as `decode` does; return the size of its header."""


@dataclass(eq=False)
class _Asking:
    """What is asked for the sake of one chunk.

    Attributes:
        pending: a message for each schema that is still to be learnt, by its header.
        unknown: the refusals so far.
        causes: why a schema could not be had when it was last asked for, by header.
    """

    chunk: Chunk
    pending: dict[bytes, bytes]
    unknown: Unknown = field(default_factory=dict)
    causes: dict[bytes, str] = field(default_factory=dict)


class SchemaLearner:
    """Makes a codec learn schemas; the same for all tasks of a worker.

    Args:
        services: settings, telemetry, sleep, standing.
        codec: its registry may block, and is asked in threads.
        clock: tells seconds.
    """

    def __init__(self, services: Services, codec: Decoder, clock: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._codec = codec
        self._clock = clock
        self._inputs = services.settings.inputs
        self._known: dict[tuple[tuple[str, ...], bytes], None] = {}
        self._given_up: dict[bytes, None] = {}
        self._refused: dict[tuple[tuple[str, ...], bytes], tuple[float, str]] = {}
        self._waiting: set[_Asking] = set()
        self._threads = ThreadPoolExecutor(MAX_QUESTIONS, "schemas")

    def new_schemas(self, chunk: Chunk) -> dict[bytes, bytes]:
        """Return a message for each schema id in a chunk that the codec has not met yet, by its header."""
        kinds = self._inputs.kinds[chunk.topic]
        return {
            value[:CONFLUENT_SIZE]: value
            for record in chunk.records
            if (value := record.value) is not None
            and value[:1] == CONFLUENT
            and (kinds, value[:CONFLUENT_SIZE]) not in self._known
            and CONFLUENT_SIZE <= len(value) <= MAX_TOUCHPOINT_BYTES  # others are refused, whatever their schema
        }

    async def learn(self, chunk: Chunk, messages: dict[bytes, bytes]) -> Unknown:
        """Make the codec learn schemas; give those up that cannot be had within `TOUCHLINE_SCHEMA_WAIT_S`.

        A schema that was given up before is asked for only once.

        Args:
            chunk: whose messages they are; once its partition is revoked, this ends.
            messages: as `new_schemas` gives them.

        Returns:
            The refusals of the schemas that the registry does not know, or could not tell in time. Schemas that were
            not learnt when the partition was revoked stay new.
        """
        asking = _Asking(chunk, dict(messages))
        self._refuse_again(asking)
        wait_s = self._services.settings.schema_wait_s
        try:
            async with asyncio.timeout(wait_s):
                await retry(
                    lambda: self._ask(asking),
                    transient=RegistryUnavailableError,
                    backoff=REGISTRY_BACKOFF,
                    on_failure=lambda failure: self._note_failure(asking, failure),
                    sleep=self._services.sleep,
                )
        except TimeoutError:
            for header in list(asking.pending):
                self._give_up(asking, header, f"within {wait_s:g} s")
        finally:
            self._waiting.discard(asking)
            if not self._waiting:
                self._services.standing.go_on("schema_registry")
        return asking.unknown

    def _refuse_again(self, asking: _Asking) -> None:
        """Refuse the schemas that were refused lately."""
        kinds, now = self._inputs.kinds[asking.chunk.topic], self._clock()
        for header in list(asking.pending):
            until, why = self._refused.get((kinds, header), (0.0, ""))
            if until > now:
                asking.unknown[header] = UnknownSchemaError(why)
                del asking.pending[header]

    async def _ask(self, asking: _Asking) -> None:
        """Ask for each pending schema once; raise the last failure where one is left to be asked for again."""
        kinds = self._inputs.kinds[asking.chunk.topic]
        failure = None
        for header, value in list(asking.pending.items()):
            if not asking.chunk.current:
                return
            try:
                await asyncio.get_running_loop().run_in_executor(self._threads, self._learn, kinds, value)
            except RegistryUnavailableError as error:
                failure = error
                self._services.telemetry.retries.labels("schema_registry").inc()
                asking.causes[header] = str(error)
                if header in self._given_up:
                    self._give_up(asking, header, "when it was asked again")
                continue
            except UnknownSchemaError as refusal:
                asking.unknown[header] = refusal
                _note(self._refused, (kinds, header), (self._clock() + REFUSED_S, str(refusal)))
            except RefusalError as refusal:
                log.debug("schema learnt from a message that is refused", reason=refusal.reason)
                _note(self._known, (kinds, header), None)
            except Exception as error:  # `validate` will tell whether the message is wrong
                log.debug("schema met in a message that cannot be validated", cause=type(error).__name__)
                _note(self._known, (kinds, header), None)
            else:
                _note(self._known, (kinds, header), None)
            del asking.pending[header]
            self._given_up.pop(header, None)
        if failure is not None and asking.pending:
            raise failure

    def _learn(self, kinds: tuple[str, ...], value: bytes) -> None:
        """Make the codec learn the schema that a message names; blocks."""
        self._codec.learn(kinds[0] if len(kinds) == 1 else self._codec.kind_of(kinds, value), value)

    def _note_failure(self, asking: _Asking, failure: Failure[RegistryUnavailableError]) -> None:
        cause = str(failure.error)
        self._waiting.add(asking)
        self._services.standing.wait("schema_registry", cause)
        log.warning(
            "a schema cannot be had of the registry; trying again",
            topic=asking.chunk.topic,
            partition=asking.chunk.partition,
            cause=cause,
            retry_in_s=failure.retry_in_s,
        )

    def _give_up(self, asking: _Asking, header: bytes, when: str) -> None:
        del asking.pending[header]
        schema_id = int.from_bytes(header[1:], "big")
        cause = asking.causes.get(header, "it was not asked for in that time")
        asking.unknown[header] = UnknownSchemaError(
            f"the schema with id {schema_id} could not be had of the schema registry {when}; "
            f"replay the message when it can. {cause}"
        )
        _note(self._given_up, header, None)


def _note(noted: dict[K, V], key: K, value: V) -> None:
    """Note a value as the newest; of more than `MAX_GIVEN_UP` the oldest is forgotten."""
    noted.pop(key, None)
    if len(noted) >= MAX_GIVEN_UP:
        del noted[next(iter(noted))]
    noted[key] = value
