"""What links have changed, as it is written: rows of tables, and what journeys are told, within a bound of bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from schemas import erasures, journey_log
from schemas.erasures import ERASED, ErasedRows, Erasure, in_parts, parts_of
from schemas.identity_links import Erase, Identity, key_of
from schemas.journey_log import Erased, Owners
from schemas.rows import IdentityConflictRow, IdentityRow, Row, topic_of
from schemas.topics import ERASURES, JOURNEYS_LOG
from schemas.units import DAY_MS, TIMES
from schemas.versions import row_version
from streams.agents.facts import encode_facts
from streams.agents.identity_told import CHARACTER_BYTES, Told, ToldOwned
from streams.identity.difference import Changes
from streams.identity.erasures import Erasures
from streams.identity.groups import Conflict, Ownership
from streams.identity.subject_owners import Piece, SubjectOwned
from streams.kafka.offsets import Record
from streams.kafka.producer import Batches, Message, partition_for
from streams.settings import Settings

CHANGES_HELD = 2_000
HELD_BYTES = 4 << 20
"""When so many rows and owners, or about so many bytes of them, wait to be written, they are, also amid what one link
changes: that may be all identities of a component, or of a thousand components."""
_OwnersByIdentity = Mapping[Identity, tuple[Ownership, ...]]


class Changed:
    """What links have changed and is not written yet: rows, and what the partitions of stated keys are told.

    Args:
        settings: of the process.
        erased: who was erased; they own nothing that happened before.
    """

    def __init__(self, settings: Settings, erased: Erasures) -> None:
        self._erased = erased
        self._epoch = settings.epoch
        self._partitions = settings.partitions
        self._later_ms = later_ms_of(settings)
        self._clear()

    def _clear(self) -> None:
        self._rows: dict[str, list[Row]] = {"identities": [], "identity_conflicts": []}
        self._owners: list[tuple[int, Message]] = []
        self._others: list[tuple[str, int, Message]] = []
        self._count = self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether it is to be written before more is added."""
        return self._count >= CHANGES_HELD or self._bytes >= HELD_BYTES

    def add(self, changes: Changes, record: Record) -> Iterator[None]:
        """Add what a record has changed, little by little; it may be taken at each yield."""
        version = row_version(self._epoch, record.offset)
        told = Told(self._erased)
        for identity, every in changes.owners.items():
            owned = told.of(every)
            row, size = _identity_row(identity, owned, told.begins(owned, 0), record.timestamp, version)
            self._rows["identities"].append(row)
            self._note(size)
            yield
            self._tell(_owners(identity, told, owned, self._later_ms, record.offset))
            yield
        yield from self._add_rows("identity_conflicts", _conflict_rows(changes, version))
        yield  # what changes nothing has taken its time, too

    def add_owners(self, owners: _OwnersByIdentity, offset: int) -> Iterator[None]:
        """Add what the partitions of stated keys are told, as of the link with an offset; as `add`."""
        told = Told(self._erased)
        for identity, every in owners.items():
            owned = told.of(every)
            self._tell(_owners(identity, told, owned, self._later_ms, offset))
            yield

    def add_subjects(self, owning: Iterable[tuple[str, SubjectOwned] | None], offset: int) -> Iterator[None]:
        """Add what the partitions of subjects' own profiles are told, as of the link with an offset; as `add`.

        Args:
            owning: who owns them; None where others may have their turn.
        """
        for one in owning:
            if one is not None:
                subject, found = one
                by_source = {source: _apart(pieces) for source, pieces in found.by_source.items()}
                self._tell(Owners(subject, *_apart(found.pieces), offset, by_source))
            yield

    def add_erasure(
        self, erasure: Erasure, identities: Sequence[Identity], *, unsure_letters: bool = False
    ) -> Iterator[None]:
        """Add what is told of an erasure: to the partitions of the stated keys, INGEST and the sink; as `add`."""
        keys = [key_of(one) for one in identities]
        for key in keys:
            self._tell_all(Erased(key, erasure.at, erasure.erasure_id, erasure.salt, erasure.links_offset))
            yield
        version = row_version(self._epoch, erasure.links_offset)
        # Sorted: whoever takes the order again makes the same parts, also where a crash came between them.
        rows = ErasedRows(erasure.erasure_id, erasure.at, sorted(keys), version, unsure_letters)
        # What one of them had stated may be on its way to whoever owned it for a while, in any partition.
        places = [(topic_of(table), 0) for table in ("identities", "identity_conflicts")]
        places += [(topic_of("touchpoints"), number) for number in range(self._partitions)]
        for part in parts_of(rows):
            message = Message(ERASED, erasures.encode(part))
            self._others += [(topic, number, message) for topic, number in places]
            self._note(len(places) * message.size)
            yield
        for one in in_parts(erasure):
            message = Message(one.key, erasures.encode(one))
            self._others.append((ERASURES, 0, message))
            self._note(message.size)
            yield

    def _tell_all(self, record: Erased) -> None:
        """Tell all partitions: whose a subject is may have been said in any of them."""
        self._tell(record)
        key = record.customer_key.encode()
        message = Message(key, journey_log.encode(replace(record, is_elsewhere=True)))
        own = partition_for(key, self._partitions)
        self._owners += [(number, message) for number in range(self._partitions) if number != own]
        self._note(self._partitions * message.size)

    def _tell(self, record: Owners | Erased) -> None:
        """Tell the partition of a stated key, behind what it was told before."""
        key = record.customer_key.encode()
        message = Message(key, journey_log.encode(record))
        self._owners.append((partition_for(key, self._partitions), message))
        self._note(message.size)

    def _add_rows(self, table: str, rows: Iterable[tuple[Row, int]]) -> Iterator[None]:
        for row, size in rows:
            self._rows[table].append(row)
            self._note(size)
            yield

    def _note(self, size: int) -> None:
        self._count += 1
        self._bytes += size

    def taken(self) -> Batches:
        """Take all of it, as messages."""
        taken = {
            (topic_of(table), 0): [Message(None, value) for value in encode_facts(rows)]
            for table, rows in self._rows.items()
            if rows
        }
        for place, message in self._owners:
            taken.setdefault((JOURNEYS_LOG, place), []).append(message)
        # Behind the rows: the sink deletes none that it has yet to store.
        for topic, place, message in self._others:
            taken.setdefault((topic, place), []).append(message)
        self._clear()
        return taken


def _owners(identity: Identity, told: Told, owned: ToldOwned, later_ms: int, offset: int) -> Owners:
    """Return what the partition of a stated key is told, as of the link with an offset."""
    since, adopted_since = told.begins(owned, later_ms), told.begins(owned, 0)
    return Owners(key_of(identity), since, owned.names, offset, adopted_since=adopted_since)


def erased_by(order: Erase, identities: Sequence[Identity], offset: int) -> Erasure:
    """Return the erasure of whoever has some identities, as the order at an offset has it.

    The digests are sorted: whoever takes the order again makes the same parts of it.
    """
    digests = sorted(erasures.digest_of(order.salt, key_of(one)) for one in identities)
    return Erasure(order.erasure_id, order.at, order.salt, digests, offset)


def _identity_row(
    identity: Identity, owned: ToldOwned, begins: Sequence[int], changed_at: int, version: int
) -> tuple[Row, int]:
    """Return a row, and how many bytes it takes at most, but for its numbers."""
    kind, value = identity
    row = IdentityRow(
        kind=kind,
        value=value,
        since=[max(since, TIMES.start) for since in begins],
        customer_ids=owned.names,
        event_ids=owned.event_ids,
        changed_at=changed_at,
        version=version,
    )
    return row, _bytes_of(kind, value) + owned.size


def _bytes_of(*texts: str) -> int:
    return CHARACTER_BYTES * sum(map(len, texts))


def later_ms_of(settings: Settings) -> int:
    """Return by how much later than all that is the owner's begins what is moved to the owner's journeys."""
    return (settings.identity_window_days - settings.moved_days) * DAY_MS


def pieces_of(every: Sequence[Ownership], erased: Erasures, later_ms: int) -> list[Piece]:
    """Return from when on, ms, who owns the touchpoints of a stated key, as its partition is told."""
    told = Told(erased)
    owned = told.of(every)
    return list(zip(told.begins(owned, later_ms), owned.names, strict=True))


def _apart(pieces: Sequence[Piece]) -> tuple[list[int], list[str]]:
    return [since for since, _ in pieces], [owner for _, owner in pieces]


def _conflict_rows(changes: Changes, version: int) -> Iterator[tuple[Row, int]]:
    """Yield rows, and how many bytes each takes at most, but for its numbers."""
    for conflict in changes.conflicts:
        yield _conflict_row(conflict, version, deleted=False)
    for conflict in changes.settled:
        yield _conflict_row(conflict, version, deleted=True)


def _conflict_row(conflict: Conflict, version: int, *, deleted: bool) -> tuple[Row, int]:
    link = conflict.link
    row = IdentityConflictRow(
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
    return row, _bytes_of(*link.first, *link.second, *conflict.customers, link.event_id)
