"""IDENTITY: reads all links in their order, decides who is who, and writes what has changed.

One worker does it for all, the one that has partition 0 of `identity.links.v1`. Who is who follows from the links
alone, so the next owner reads them from the beginning, and two of them at a time write the same rows.

A journeys log of a new epoch knows nothing of links that were acknowledged before. Whoever finds no report of its epoch
in `journeys.watermarks.v1` tells that log all owners, and reports only then; after a crash they are told once more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

import faust
import structlog

from schemas import journey_log, watermarks
from schemas.errors import NOT_READ, TouchlineError
from schemas.identity_links import CUSTOMER, Identity, Link, LinkRecord, decode
from schemas.journey_log import Owners
from schemas.rows import IdentityConflictRow, IdentityRow, Row, topic_of
from schemas.topics import JOURNEYS_LOG, LINKS, WATERMARKS
from schemas.units import DAY_MS, TIMES
from schemas.versions import row_version
from schemas.watermarks import LinksDecided
from streams.agents.facts import encode_facts
from streams.agents.services import YIELD_AFTER_S, Services
from streams.agents.watermarks import read_report
from streams.identity.graph import Changes, IdentityGraph
from streams.identity.groups import ALWAYS, Conflict, Ownership
from streams.identity.identities import ANONYMOUS
from streams.kafka.consumer import chunks_of, consumer_of, topic
from streams.kafka.offsets import Chunk, Record
from streams.kafka.producer import Batches, Message, partition_for
from streams.kafka.reader import read_to_end
from streams.runtime.exit import exit_on_error
from streams.settings import Settings

STAGE = "identity"
CHANGES_HELD = 2_000
"""When so many rows and owners wait to be written, they are: a link may change all identities of a component."""
OWNERS_HELD_BYTES = 4 << 20
"""When owners of so many bytes wait to be told again, they are."""
OWNERSHIPS_MAX = 100
"""Most ownerships of an identity that are told, the newest: people have a few, and a row has to fit a message."""

History = Callable[[str], AsyncIterator[Sequence[Record]]]
Position = Callable[[], int | None]

_OwnersByIdentity = Mapping[Identity, tuple[Ownership, ...]]

log = structlog.get_logger(__name__)


class LinkError(TouchlineError):
    """A record of `identity.links.v1` cannot be read."""


def register(app: faust.App, services: Services) -> None:
    """Add the agent to an app."""
    linking = Linking(services, lambda: consumer_of(app).unacknowledged(LINKS, 0))

    @app.agent(topic(app, [LINKS]), name=STAGE)
    async def run(stream: faust.StreamT[object]) -> None:
        with exit_on_error(STAGE):
            await linking.run(chunks_of(stream))

    async def close(*_: object, **__: object) -> None:
        linking.close()

    app.on_partitions_revoked.connect(close, weak=False)


class Linking:
    """Who is who, from the assignment of the links' partition until its revocation.

    Args:
        services: write, count, tell the settings.
        position: returns the offset of the first link that is not acknowledged; None where the partition is not ours.
        history: returns what partition 0 of a topic holds already; by default it asks Kafka.
    """

    def __init__(self, services: Services, position: Position, history: History | None = None) -> None:
        self._services = services
        self._position = position
        self._history = history or self._read_from_kafka
        self._beginning = asyncio.Lock()
        self._assignment = 0
        self._forget()

    def _forget(self) -> None:
        self._graph: IdentityGraph | None = None
        self._applied = self._decided = self._reported = -1
        self._due = 0

    def close(self) -> None:
        """Forget the links: the partition may no longer be ours."""
        self._assignment += 1
        self._forget()
        self._services.telemetry.identities.set(0)
        self._services.telemetry.identities_too_connected.set(0)

    async def run(self, chunks: AsyncIterator[Chunk]) -> None:
        """Take links as they come, and report how far that is."""
        reporting = asyncio.create_task(self._report_for_ever(), name=STAGE)
        try:
            async for chunk in chunks:
                await self.receive(chunk)
        finally:
            reporting.cancel()

    async def receive(self, chunk: Chunk) -> None:
        """Take a chunk's links, write what they change, and acknowledge it.

        Raises:
            LinkError: a record cannot be read.
        """
        graph = await self._begun(chunk.first_offset)
        if graph is None or not chunk.current:
            return
        changed, began = _Changed(self._services.settings), time.monotonic()
        for record in chunk.records:
            if record.offset <= self._applied:
                continue
            self._applied = record.offset
            changed.add(_take(graph, _read(record)), record)
            if len(changed) >= CHANGES_HELD:
                await self._services.producer.send(changed.taken())
            elif time.monotonic() - began >= YIELD_AFTER_S:
                await asyncio.sleep(0)
            else:
                continue
            if not chunk.current:
                return  # the next owner takes the links again, and writes what they change
            began = time.monotonic()
        await self._services.producer.send(changed.taken())
        if not chunk.current:
            return
        self._decided = chunk.last_offset + 1
        chunk.ack()
        self._services.telemetry.identity_links.inc(len(chunk.records))
        self._show(graph)

    async def begin(self) -> None:
        """Find out who is who once the partition is ours: also where no link comes, a new epoch's log has to be told.

        Raises:
            LinkError: a record cannot be read.
        """
        position = self._position() if self._graph is None else None
        if position is not None:
            await self._begun(position)

    async def report(self) -> None:
        """Write up to where links are decided, where it has moved since this was last asked.

        The first report of an epoch waits for all links that were there before it.
        """
        decided = self._decided
        if decided > self._reported and decided >= self._due:
            found = LinksDecided(self._services.settings.epoch, decided)
            await self._services.producer.send({(WATERMARKS, 0): [Message(found.key, watermarks.encode(found))]})
            self._reported = decided

    async def _report_for_ever(self) -> None:
        with exit_on_error(STAGE):
            while True:
                await self.begin()
                await self.report()
                await self._services.sleep(self._services.settings.tick_s)

    async def _begun(self, until: int) -> IdentityGraph | None:
        """Return who is who by the links before an offset and those taken since, None where the partition is revoked.

        The links before the offset are acknowledged: what they changed was written, but perhaps not to this log.
        """
        async with self._beginning:
            # Links come from before where we began only if their topic was made anew.
            if self._graph is None or (self._applied < 0 and until < self._decided):
                assignment = self._assignment
                is_told = await self._is_told()
                graph, last, end = await self._restore(until)
                if not is_told:
                    await self._tell(graph, last, assignment)
                if assignment != self._assignment:
                    return None  # the next owner tells all again
                self._graph, self._decided, self._due = graph, last + 1, 0 if is_told else end
                self._show(graph)
            return self._graph

    async def _is_told(self) -> bool:
        """Return whether the journeys log of this epoch knows what acknowledged links have decided."""
        epoch = self._services.settings.epoch
        async for records in self._history(WATERMARKS):
            for record in records:
                found = read_report(record)
                if isinstance(found, LinksDecided) and found.epoch == epoch:
                    return True
        return False

    async def _tell(self, graph: IdentityGraph, last: int, assignment: int) -> None:
        """Tell the journeys log who owns what by the links up to an offset; stop where the partition is revoked."""
        told, turn, count = _Changed(self._services.settings), time.monotonic(), 0
        for owners in graph.all_owned():
            told.add_owners(owners, last)
            count += len(owners)
            if len(told) >= CHANGES_HELD or told.size >= OWNERS_HELD_BYTES:
                await self._services.producer.send(told.taken())
            elif time.monotonic() - turn >= YIELD_AFTER_S:
                await asyncio.sleep(0)
            else:
                continue
            if assignment != self._assignment:
                return
            turn = time.monotonic()
        await self._services.producer.send(told.taken())
        if count:
            log.info("a new journeys log was told who is who", epoch=self._services.settings.epoch, identities=count)

    async def _restore(self, until: int) -> tuple[IdentityGraph, int, int]:
        """Return who is who by the links before an offset, the offset of the last of them, and where all links end."""
        graph = IdentityGraph(window_ms=self._services.settings.identity_window_days * DAY_MS)
        began = turn = time.monotonic()
        count, last, end = 0, -1, 0
        async for records in self._history(LINKS):
            for record in records:
                end = record.offset + 1
                if record.offset < until:
                    graph.restore(_read(record))
                    count, last = count + 1, record.offset
                    if time.monotonic() - turn >= YIELD_AFTER_S:
                        await asyncio.sleep(0)
                        turn = time.monotonic()
        log.info("links are back", links=count, identities=len(graph), seconds=round(time.monotonic() - began, 2))
        return graph, last, end

    def _show(self, graph: IdentityGraph) -> None:
        telemetry = self._services.telemetry
        telemetry.identities.set(len(graph))
        telemetry.identities_too_connected.set(graph.alone)

    async def _read_from_kafka(self, source: str) -> AsyncIterator[Sequence[Record]]:
        async for run in read_to_end(self._services.settings, source, [0]):
            yield run.records


class _Changed:
    """What links have changed and is not written yet: rows, and what the partitions of stated keys are told.

    Attributes:
        size: bytes of the latter.
    """

    def __init__(self, settings: Settings) -> None:
        self._epoch = settings.epoch
        self._partitions = settings.partitions
        self._later_ms = (settings.identity_window_days - settings.moved_days) * DAY_MS
        self._rows: dict[str, list[Row]] = {"identities": [], "identity_conflicts": []}
        self._owners: list[tuple[int, Message]] = []
        self.size = 0

    def __len__(self) -> int:
        return sum(map(len, self._rows.values())) + len(self._owners)

    def add(self, changes: Changes, record: Record) -> None:
        """Add what a record has changed."""
        version = row_version(self._epoch, record.offset)
        self._rows["identities"] += _identity_rows(changes, record.timestamp, version)
        self._rows["identity_conflicts"] += _conflict_rows(changes, version)
        self.add_owners(changes.owners, record.offset)

    def add_owners(self, owners: _OwnersByIdentity, offset: int) -> None:
        """Add what the partitions of stated keys are told, as of the link with an offset."""
        for found in _owners(owners, offset, self._later_ms):
            key = found.customer_key.encode()
            message = Message(key, journey_log.encode(found))
            self._owners.append((partition_for(key, self._partitions), message))
            self.size += message.size

    def taken(self) -> Batches:
        """Take all of it, as messages."""
        taken = {
            (topic_of(table), 0): [Message(None, value) for value in encode_facts(rows)]
            for table, rows in self._rows.items()
            if rows
        }
        for place, message in self._owners:
            taken.setdefault((JOURNEYS_LOG, place), []).append(message)
        self._owners, self.size = [], 0
        for rows in self._rows.values():
            rows.clear()
        return taken


def _read(record: Record) -> LinkRecord:
    try:
        found: LinkRecord = decode(record.value or b"")
    except NOT_READ as error:
        raise LinkError(
            f"{LINKS}, offset {record.offset}, is no link of this release ({error}): another release or program has "
            "written to it. Run that release, or make the topic anew: docs/operating.md#rebuilding"
        ) from error
    return found


def _take(graph: IdentityGraph, record: LinkRecord) -> Changes:
    return graph.add(record) if isinstance(record, Link) else graph.obey(record)


def _identity_rows(changes: Changes, changed_at: int, version: int) -> Iterable[Row]:
    for (kind, value), every in changes.owners.items():
        owned = every[-OWNERSHIPS_MAX:]
        yield IdentityRow(
            kind=kind,
            value=value,
            since=[_since(one) for one in owned],
            customer_ids=[key_of(one.owner) for one in owned],
            event_ids=[one.event_id for one in owned],
            changed_at=changed_at,
            version=version,
        )


def _owners(owners: _OwnersByIdentity, offset: int, later_ms: int) -> Iterable[Owners]:
    """Yield what the partitions of the stated keys are told: who owns their touchpoints.

    Args:
        later_ms: by how much later than all that is the owner's begins what is moved to the owner's journeys.
    """
    for identity, every in owners.items():
        owned = every[-OWNERSHIPS_MAX:]
        since = [one.since if one.since == ALWAYS else one.since + later_ms for one in owned]
        yield Owners(key_of(identity), since, [key_of(one.owner) for one in owned], offset)


def _since(owned: Ownership) -> int:
    return max(owned.since, TIMES.start)


def key_of(identity: Identity) -> str:
    """Return what customers are called by whose identity it is: a customer's id, or the name of a profile."""
    kind, value = identity
    return value if kind == CUSTOMER else f"{ANONYMOUS}{kind}:{value}"


def _conflict_rows(changes: Changes, version: int) -> Iterable[Row]:
    for conflict in changes.conflicts:
        yield _conflict_row(conflict, version, deleted=False)
    for conflict in changes.settled:
        yield _conflict_row(conflict, version, deleted=True)


def _conflict_row(conflict: Conflict, version: int, *, deleted: bool) -> IdentityConflictRow:
    link = conflict.link
    return IdentityConflictRow(
        kind=link.first[0],
        value=link.first[1],
        other_kind=link.second[0],
        other_value=link.second[1],
        reason=conflict.reason,
        customer_ids=list(conflict.customers),
        event_id=link.event_id,
        occurred_at=link.occurred_at,
        deleted=deleted,
        version=version,
    )
