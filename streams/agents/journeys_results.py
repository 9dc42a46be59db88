"""What a run of records of the journeys log has brought about, as messages: facts, signals, links and dead letters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator
from dataclasses import replace

import structlog

from schemas import dead_letters, erasures, identity_links
from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.dead_letters import DeadLetter, rfc3339
from schemas.erasures import ERASED, ERASED_FROM
from schemas.rows import FOLLOWERS, topic_of
from schemas.steps import parts_of
from schemas.topics import DEAD_LETTERS, JOURNEYS_LOG, LINKS
from streams.agents.facts import encode_facts
from streams.agents.journeys_records import STAGE
from streams.agents.services import Services
from streams.journeys.output import Output, Refused
from streams.kafka.offsets import Record
from streams.kafka.producer import Message, Place, partition_for
from streams.runtime.logging import Sampler
from streams.runtime.turn import Turn

REFUSED_FETCHED = 200
REFUSED_BYTES = 16 << 20
"""Of a chunk's refused touchpoints so many, and about so many bytes of them, are fetched from their topics."""

Fetch = Callable[[str, int, int], Awaitable[Record | None]]
Results = dict[Place, list[Message]]

log = structlog.get_logger(__name__)


class Encoding:
    """Makes messages of what runs of records have brought about.

    Args:
        services: of the process.
        fetch: returns a record by topic, partition and offset; None where the topic lacks it.
    """

    def __init__(self, services: Services, fetch: Fetch) -> None:
        self._services = services
        self._fetch = fetch
        self._codec = Codec(FileRegistry())
        self._refusals = Sampler()

    async def results(self, number: int, output: Output, turn: Turn) -> Results:
        """Return the messages of all but the state of a partition, and let others have their turn meanwhile."""
        batches: Results = defaultdict(list)
        await turn.take(self._add(batches, number, output))
        room = REFUSED_BYTES
        for count, refused in enumerate(output.refused):
            letter = await self._dead_letter(refused, is_fetched=count < REFUSED_FETCHED and room > 0)
            room -= letter.size
            batches[DEAD_LETTERS, refused.partition % self._services.settings.partitions].append(letter)
            if turn.is_over:
                await turn.give()
        return batches

    def _add(self, batches: Results, number: int, output: Output) -> Generator[None, None, None]:
        # A follower's rows stand behind those that they speak of, in the same partition of the same topic.
        for table in sorted(output.facts, key=FOLLOWERS.__contains__):
            follows = table in FOLLOWERS
            key, to = (table.encode(), "touchpoints") if follows else (None, table)
            for value in encode_facts(output.facts[table]):
                batches[topic_of(to), number].append(Message(key, value))
                yield
        for erased in output.erased_rows:
            for table in ERASED_FROM:
                batches[topic_of(table), number].append(Message(ERASED, erasures.encode(erased)))
            yield
        for signal in output.signals:
            value = self._codec.encode(signal.name, signal.record)
            batches[signal.topic, self._place_of(signal.key)].append(Message(signal.key, value))
            yield
        for customer_key, record in output.forwarded:
            key = customer_key.encode()
            batches[JOURNEYS_LOG, self._place_of(key)].append(Message(key, record))
            yield
        for link in output.links:
            batches[LINKS, 0].append(Message(None, identity_links.encode(link)))
            yield

    def _place_of(self, key: bytes) -> int:
        return partition_for(key, self._services.settings.partitions)

    async def _dead_letter(self, refused: Refused, *, is_fetched: bool) -> Message:
        place = refused.topic, refused.partition, refused.offset
        count = self._refusals.count((refused.topic, refused.reason))
        if count:
            log.warning(
                "touchpoints were refused; this is one of them. Their details: touchline dlq list",
                reason=refused.reason,
                topic=refused.topic,
                partition=refused.partition,
                offset=refused.offset,
                refused_since_last_logged=count,
            )
        is_withheld = self._services.settings.has_pseudonyms
        found = await self._fetch(*place) if is_fetched and not is_withheld else None
        letter = DeadLetter(
            reason=refused.reason,
            detail=refused.detail,
            stage=STAGE,
            topic=refused.topic,
            partition=refused.partition,
            offset=refused.offset,
            at=rfc3339(self._services.clock()),
        )
        if is_withheld:
            return Message(*dead_letters.encode(dead_letters.without_contents(letter)))
        if not is_fetched:
            return Message(*dead_letters.encode_left(letter))
        if found is None:
            return Message(*dead_letters.encode_lost(letter))
        letter = replace(letter, key=found.key, value=found.value, headers=found.headers)
        return Message(*dead_letters.encode(letter))


def entries_of(output: Output) -> Generator[None, None, list[Message]]:
    """Return the messages of a partition's state in their order, little by little."""
    messages: list[Message] = []
    for part in parts_of(output.state):
        messages += [Message(key, value) for key, value in part]
        yield
    return messages
