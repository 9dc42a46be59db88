"""IDENTITY: reads all links in their order, decides who is who, and writes what has changed.

One worker does it for all, the one that has partition 0 of `identity.links.v1`. Who is who follows from the links
alone, so the next owner reads them from the beginning, and two of them at a time write the same rows.

A journeys log of a new epoch knows nothing of links that were acknowledged before. Whoever finds no report of its epoch
in `journeys.watermarks.v1` tells that log all owners, and reports only then; after a crash they are told once more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Sequence

import faust
import structlog

from schemas import watermarks
from schemas.errors import NOT_READ, TouchlineError
from schemas.identity_links import (
    Command,
    Erase,
    Erasure,
    IdentitiesStated,
    Identity,
    Link,
    LinkRecord,
    decode,
    identity_of,
    key_of,
)
from schemas.subjects import Statement, SubjectStated
from schemas.topics import LINKS, WATERMARKS
from schemas.units import DAY_MS
from schemas.watermarks import LinksDecided
from streams.agents.identity_changes import Changed, erased_by, later_ms_of, pieces_of
from streams.agents.services import Services
from streams.agents.watermarks import read_report
from streams.identity.difference import NO_CHANGES, Adding, Changes
from streams.identity.erasures import Erasures
from streams.identity.graph import IdentityGraph
from streams.identity.links import left_of
from streams.identity.subject_index import alone
from streams.identity.subject_owners import Piece, SubjectOwners
from streams.identity.verdicts import Verdicts
from streams.kafka.consumer import chunks_of, consumer_of, topic
from streams.kafka.offsets import Chunk, Record
from streams.kafka.producer import Message
from streams.kafka.reader import read_to_end
from streams.runtime.exit import exit_on_error
from streams.runtime.turn import Turn

STAGE = "identity"
History = Callable[[str], AsyncIterator[Sequence[Record]]]
Position = Callable[[], int | None]

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
        self._erasures = Erasures()
        self._verdicts = Verdicts()
        self._subjects = self._no_subjects(None)
        self._decided = self._reported = -1
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
        if not chunk.current:
            return  # of an assignment that has ended: others may have gone on from it
        graph = await self._begun(chunk.first_offset)
        if graph is None:
            return
        changed = Changed(self._services.settings, self._erasures)
        # If the partition is no longer ours, the next owner takes the links again, and writes what they change.
        if not await self._write(changed, self._apply(graph, chunk, changed), lambda: chunk.current):
            return
        self._decided = chunk.last_offset + 1
        chunk.ack()
        self._services.telemetry.identity_links.inc(len(chunk.records))
        self._show(graph)

    def _apply(self, graph: IdentityGraph, chunk: Chunk, changed: Changed) -> Iterator[None]:
        """Take a chunk's links, and add what they change; the caller may write it at each yield."""
        for record in chunk.records:
            yield from self._take(graph, _read(record), record, changed)

    def _take(self, graph: IdentityGraph, read: LinkRecord, record: Record, changed: Changed) -> Iterator[None]:
        """Take a record, and add what it changes."""
        subjects: Sequence[str] = ()
        if isinstance(read, Erasure):
            self._erasures.add(read)
            self._subjects.forget_owners()
        elif isinstance(read, Erase):
            identities = yield from graph.finding(*read.identities)
            theirs = yield from self._subjects.finding(map(key_of, identities))
            erased = [*identities, *map(identity_of, theirs)]
            erasure = erased_by(read, erased, record.offset)
            self._erasures.add(erasure)
            self._subjects.forget_owners()
            yield from changed.add_erasure(erasure, erased, unsure_letters=read.unsure_letters)
            changes = yield from graph.forgetting(identities, read.at)
            yield from changed.add(changes, record)
            others = yield from self._of(changes)
            # Their own partitions forget whose they are, also where that stays.
            forgotten = yield from self._subjects.forgetting(map(key_of, erased), read.at)
            subjects = list(dict.fromkeys([*theirs, *forgotten, *others]))
            log.info("somebody was erased", erasure_id=read.erasure_id, identities=len(identities))
        elif isinstance(read, SubjectStated):
            said = self._counting(read)
            subjects = () if said is None else (yield from self._subjects.adding(read.customer_key, said))
        else:
            changes = yield from self._changes(graph, read)
            yield from changed.add(changes, record)
            subjects = yield from self._of(changes)
        yield from changed.add_subjects(self._subjects.owning(subjects), record.offset)

    def _changes(self, graph: IdentityGraph, read: IdentitiesStated | Command) -> Adding:
        """Take links, or a command; return what they have changed."""
        if isinstance(read, IdentitiesStated):
            return (yield from graph.adding(*self._links_of(read)))
        return NO_CHANGES if _is_erased(read, self._erasures) else (yield from graph.obeying(read))

    def _of(self, changes: Changes) -> Generator[None, None, Sequence[str]]:
        """Return the subjects that have other owners as those whose owners have changed."""
        return self._subjects.regrouped(changes.owners, changes.were, changes.are)

    def _counting(self, read: SubjectStated) -> Statement | None:
        """Return what is said of a subject, unless it is of somebody who was erased since."""
        said = read.statement
        if said is None:
            return None
        if any(self._erasures.holds(key, said.occurred_at) for key in (read.customer_key, said.stated_key)):
            return None
        return self._verdicts.statement_of(read)

    def _links_of(self, read: IdentitiesStated) -> list[Link]:
        """Return what a touchpoint links, but for those who were erased since: that is as if it had never been."""
        at, known = read.occurred_at, self._erasures
        left = left_of(read, lambda one: known.holds(key_of(one), at)) if at <= known.latest else read
        return [] if left is None else self._verdicts.links_of(left)

    async def _write(self, changed: Changed, adding: Iterable[None], is_ours: Callable[[], bool]) -> bool:
        """Write what is added, a bounded part at a time, and let others have their turn; stop if it is not ours.

        A part may end amid what one link changes. After a crash the next owner takes that link again: rows of one link
        have one version, and whoever was told of it already passes it over.

        Returns:
            Whether all is written, and is still ours to acknowledge.
        """
        turn = Turn()
        for _ in adding:
            if changed.is_full:
                await self._services.producer.send(changed.taken())
            elif not turn.is_over:
                continue
            await turn.give()
            if not is_ours():
                return False
        await self._services.producer.send(changed.taken())
        return is_ours()

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
        assignment = self._assignment
        async with self._beginning:
            if assignment != self._assignment:
                return None  # since then, the partition may have been another's, who has gone on from that offset
            # Links come from before what is decided only if their topic was made anew.
            if self._graph is None or until < self._decided:
                is_told = await self._is_told()
                graph, subjects, last, end = await self._restore(until)
                if not is_told:
                    await self._tell(graph, subjects, last, assignment)
                if assignment != self._assignment:
                    return None  # the next owner tells all again
                self._graph, self._subjects = graph, subjects
                self._decided, self._due = last + 1, 0 if is_told else end
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

    async def _tell(self, graph: IdentityGraph, subjects: SubjectOwners, last: int, assignment: int) -> None:
        """Tell the journeys log who owns what by the links up to an offset; stop where the partition is revoked."""
        told, count = Changed(self._services.settings, self._erasures), 0

        def adding() -> Iterator[None]:
            nonlocal count
            for owners in graph.all_owned():
                count += len(owners)
                yield from told.add_owners(owners, last)
                yield  # to look at a component takes its time, also where nobody owns anything of it
            count += len(subjects)
            yield from told.add_subjects(subjects.owning(subjects), last)

        is_ours = await self._write(told, adding(), lambda: assignment == self._assignment)
        if count and is_ours:
            log.info("a new journeys log was told who is who", epoch=self._services.settings.epoch, identities=count)

    def _no_subjects(self, graph: IdentityGraph | None) -> SubjectOwners:
        """Return the owners of subjects before any is stated."""
        settings = self._services.settings
        later_ms = later_ms_of(settings)

        def owned_by(identity: Identity) -> Iterable[Piece]:
            return pieces_of(graph.owned(identity), self._erasures, later_ms) if graph is not None else ()

        connected = alone if graph is None else graph.connected
        return SubjectOwners(settings.moved_days * DAY_MS, owned_by, connected)

    async def _restore(self, until: int) -> tuple[IdentityGraph, SubjectOwners, int, int]:
        """Return who is who by the links before an offset, the offset of the last of them, and where all links end."""
        graph = IdentityGraph(window_ms=self._services.settings.identity_window_days * DAY_MS)
        # An erasure behind the offset says nothing of the links before it.
        self._erasures, self._verdicts = Erasures(), Verdicts()
        subjects = self._no_subjects(graph)
        began, turn = time.monotonic(), Turn()
        count, last, end = 0, -1, 0
        async for records in self._history(LINKS):
            for record in records:
                end = record.offset + 1
                if record.offset < until:
                    self._restore_one(graph, subjects, _read(record), record.offset)
                    count, last = count + 1, record.offset
                    if turn.is_over:
                        await turn.give()
        log.info("links are back", links=count, identities=len(graph), seconds=round(time.monotonic() - began, 2))
        return graph, subjects, last, end

    def _restore_one(self, graph: IdentityGraph, subjects: SubjectOwners, read: LinkRecord, offset: int) -> None:
        """Take a record again whose changes are known."""
        if isinstance(read, Erase):
            identities = graph.person(*read.identities)
            erased = [*identities, *map(identity_of, subjects.of(map(key_of, identities)))]
            self._erasures.add(erased_by(read, erased, offset))
            graph.forget(identities, read.at)
            subjects.forget(map(key_of, erased), read.at)
        elif isinstance(read, SubjectStated):
            if (said := self._counting(read)) is not None:
                subjects.restore(read.customer_key, said)
        elif isinstance(read, Erasure):
            self._erasures.add(read)
        elif isinstance(read, IdentitiesStated):
            graph.restore(*self._links_of(read))
        elif not _is_erased(read, self._erasures):
            graph.obey_again(read)

    def _show(self, graph: IdentityGraph) -> None:
        telemetry = self._services.telemetry
        telemetry.identities.set(len(graph))
        telemetry.identities_too_connected.set(graph.alone)
        telemetry.subjects_crowded.inc(self._subjects.crowded)
        self._subjects.crowded = 0

    async def _read_from_kafka(self, source: str) -> AsyncIterator[Sequence[Record]]:
        async for run in read_to_end(self._services.settings, source, [0]):
            yield run.records


def _read(record: Record) -> LinkRecord:
    try:
        found: LinkRecord = decode(record.value or b"")
    except NOT_READ as error:
        raise LinkError(
            f"{LINKS}, offset {record.offset}, is no link of this release ({error}): another release or program has "
            "written to it. Run that release, or make the topic anew: docs/operating.md#rebuilding"
        ) from error
    return found


def _is_erased(read: Command, erasures: Erasures) -> bool:
    """Whether something was decided of somebody before they were erased: it is as if it had never been."""
    return any(erasures.holds(key_of(one), read.at) for one in (read.first, read.second))
