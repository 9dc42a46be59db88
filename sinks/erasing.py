"""Deletes the rows of those who were erased, and tells what was deleted.

It may be repeated: what was deleted before is counted once. So that the table of outcomes still says what became of
every message, each touchpoint that was counted and is deleted leaves a row there, which names nobody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import NamedTuple

from schemas.erasures import PART_BYTES, ErasedRows, literal_bytes, parts_of
from schemas.identity_links import key_of
from sinks.cluster import cluster_of, in_place
from sinks.database import Database, select
from sinks.literals import quoted
from sinks.tables import OWNERS, Row, table_of

_BY_CUSTOMER = "customer_id IN {keys} AND version < {version_of_customer}"
_IDENTITY = "if({kind} = 'customer', {value}, concat('anon:', {kind}, ':', {value})) IN {{keys}}"
_FIRST = _IDENTITY.format(kind="kind", value="value")
_SECOND = _IDENTITY.format(kind="other_kind", value="other_value")
_AT = "fromUnixTimestamp64Milli(toInt64({at}), 'UTC')"
CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "touchpoints": f"(customer_id IN {{keys}} OR stated_key IN {{keys}}) AND occurred_at <= {_AT}",
        "journeys": _BY_CUSTOMER,
        "sentiment_shifts": _BY_CUSTOMER,
        "abandonments": _BY_CUSTOMER,
        "follow_ups": _BY_CUSTOMER,
        "superseded": _BY_CUSTOMER,
        "customers": _BY_CUSTOMER,
        "outcomes": f"outcome IN ('accepted', 'late') AND subject IN {{keys}} AND at <= {_AT}",
        "identities": f"({_FIRST} OR hasAny(customer_ids, [{{list}}])) AND version < {{version}}",
        "identity_conflicts": f"({_FIRST} OR {_SECOND} OR hasAny(customer_ids, [{{list}}])) AND version < {{version}}",
    }
)
"""By table, which rows are those of whoever was erased, from before that."""

_OWNERS_CONDITION = "(name IN {keys} OR hasAny(customer_ids, [{list}])) AND version < {version}"

_NOTE_TOUCHPOINTS = """
INSERT INTO touchline.outcomes_rows (kind, at, outcome, subject, event, version)
SELECT
    kind,
    toStartOfHour(occurred_at),
    'deleted',
    '',
    lower(hex(SHA256(concat({erasure}, '/', stated_key, '/', event_id)))),
    bitShiftLeft(bitAnd(bitShiftRight(version, 48), 16383), 48)
FROM touchline.touchpoints_rows FINAL WHERE NOT late AND {condition}
"""
_NOTE_ACCEPTED = """
INSERT INTO touchline.outcomes_rows (kind, at, outcome, subject, event, version)
SELECT kind, toStartOfHour(at), outcome, '', lower(hex(SHA256(concat({erasure}, '/', subject, '/', event)))), version
FROM touchline.outcomes_rows FINAL WHERE outcome = 'accepted' AND {condition}
"""
_NOTE_LETTERS = """
INSERT INTO touchline.outcomes_rows (kind, at, outcome, subject, event, version)
SELECT kind, at, 'erased', subject, event, version FROM touchline.outcomes_rows FINAL WHERE {condition}
"""
_NOTE_DONE = """
INSERT INTO touchline.erasures_rows (erasure_id, table, part, erased_at, deleted, version)
SELECT {erasure}, {table}, part, {at}, if(part = {first}, {deleted}, 0) AS rows, rows
FROM (SELECT arrayJoin([{parts}]) AS part)
"""
_COUNT = "SELECT uniqExact({key}) FROM {stored} WHERE {condition}"
# A mutation writes the parts anew: the rows are gone from the disk when it has ended, not only hidden.
_DELETE = "ALTER TABLE {stored} DELETE WHERE {condition} SETTINGS mutations_sync = 2"
NAMED_BYTES = 100_000
"""About so many bytes of one statement name dead letters: ClickHouse reads statements of 256 KiB, and a name in a text
in a statement has up to twice as many."""
PLACE_BYTES = len("('', '4294967295/18446744073709551615'), ")
"""Most bytes of a statement that a dead letter takes beside its topic."""
NOTES_AT_ONCE = 2_000
"""Most notes that one statement stores, for the same reason."""
VERSION_BYTES = len("18446744073709551615, ")
REMEMBERED = 1_000
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class LateRows:
    """Knows rows that come after their like were deleted: whoever wrote them was paused meanwhile.

    Args:
        remembered: stated keys of a table that are known, those that were deleted last; of the last order all are.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._known: dict[str, dict[str, ErasedRows]] = {}

    def add(self, table: str, erased: ErasedRows) -> None:
        """Remember whose rows of a table are deleted; those of touchpoints take their outcomes with them."""
        for name in (table, "outcomes") if table == "touchpoints" else (table,):
            known = self._known.setdefault(name, {})
            for key in erased.customer_keys:
                known.pop(key, None)  # so that it stands last
                known[key] = erased
            while len(known) > self._remembered and known[first := next(iter(known))].erasure_id != erased.erasure_id:
                del known[first]

    def of(self, table: str) -> Callable[[Row], bool] | None:
        """Return what tells late rows of a table from others; None where there are none."""
        known = self._known.get(table)
        if not known:
            return None
        columns = table_of(table).columns
        named = [columns.index(name) for name in ("customer_id", "stated_key", "subject") if name in columns]
        pairs = [
            (columns.index(kind), columns.index(value))
            for kind, value in (("kind", "value"), ("other_kind", "other_value"))
            if value in columns
        ]
        time = {"touchpoints": "occurred_at", "outcomes": "at"}.get(table)
        at = -1 if time is None else columns.index(time)

        def is_late(row: Row) -> bool:
            keys = [str(row[place]) for place in named]
            keys += [key_of((str(row[kind]), str(row[value]))) for kind, value in pairs]
            orders = [order for key in keys if (order := known.get(key)) is not None]
            said = int(str(row[at]))
            return any(said < order.version if time is None else said <= order.at for order in orders)

        return is_late


class Letter(NamedTuple):
    """A dead letter: where the refused message stood."""

    topic: str
    partition: int
    offset: int


class Whose(NamedTuple):
    """Whose rows one statement deletes.

    Attributes:
        at: touchpoints that happened up to then are deleted, ms.
        versions: by stated key, below which version rows of other tables are.
    """

    at: int
    versions: dict[str, int]


def together(table: str, messages: Iterable[ErasedRows]) -> Collection[Sequence[ErasedRows]]:
    """Return messages behind a table's rows in groups, each of one order, which `erase` takes together."""
    is_by_customer = CONDITIONS[table] in {_BY_CUSTOMER, CONDITIONS["touchpoints"]}
    groups: dict[tuple[str, int, int], list[ErasedRows]] = {}
    for one in messages:
        # A row of two identities has one version to be compared with.
        group = one.erasure_id, one.at, 0 if is_by_customer else one.version
        groups.setdefault(group, []).append(one)
    return groups.values()


def erase(database: Database, table: str, *messages: ErasedRows) -> int:
    """Delete the rows of a table, by as many statements as their keys need, and return how many they were.

    Args:
        database: holds the table.
        table: its name.
        messages: of one order, as `together` gives them: each message by itself would take 10 ms and more.

    Raises:
        TransientWriteError: the database is out of reach; to be repeated.
        PermanentWriteError: the database refuses it, or no table has this name.
    """
    return sum(_erase_some(database, table, whose, messages[0].erasure_id) for whose in whose_of(messages))


def whose_of(messages: Iterable[ErasedRows]) -> Iterator[Whose]:
    """Yield whose rows messages of one order speak of, as many at a time as a statement has room for."""
    whose, size = Whose(0, {}), 0
    for part in (part for message in messages for part in parts_of(message)):
        more = sum(literal_bytes(key) + VERSION_BYTES for key in part.customer_keys)
        if whose.versions and size + more > PART_BYTES:
            yield whose
            whose, size = Whose(0, {}), 0
        known = whose.versions
        known.update({key: max(part.version, known.get(key, 0)) for key in part.customer_keys})
        whose, size = Whose(part.at, known), size + more
    if whose.versions:
        yield whose


def _erase_some(database: Database, table: str, whose: Whose, erasure_id: str) -> int:
    condition = condition_of(table, whose)
    if table == "touchpoints":
        database.execute(_filled(_NOTE_TOUCHPOINTS, erasure=quoted(erasure_id), condition=condition))
    elif table == "outcomes":
        database.execute(_filled(_NOTE_ACCEPTED, erasure=quoted(erasure_id), condition=condition))
    elif table == "identities":
        # ClickHouse fills that table from this one, and deletes from neither by itself.
        _delete_from(database, OWNERS, _with_keys(_OWNERS_CONDITION, whose))
    return _delete(database, table, condition)


def erase_letters(database: Database, letters: Sequence[Letter]) -> int:
    """Delete dead letters, and return how many they were; the messages then count as erased, not as refused."""
    return sum(_erase_some_letters(database, some) for some in named_together(letters))


def named_together(letters: Iterable[Letter]) -> Iterator[Sequence[Letter]]:
    """Yield dead letters, in their order, as many at a time as one statement names."""
    return within(letters, lambda letter: literal_bytes(letter.topic) + PLACE_BYTES, NAMED_BYTES)


def within(letters: Iterable[Letter], size_of: Callable[[Letter], int], most: int) -> Iterator[Sequence[Letter]]:
    """Yield dead letters, in their order, as many at a time as have a size of `most` together, or one of more."""
    some: list[Letter] = []
    size = 0
    for letter in letters:
        more = size_of(letter)
        if some and size + more > most:
            yield some
            some, size = [], 0
        some.append(letter)
        size += more
    if some:
        yield some


def _erase_some_letters(database: Database, letters: Sequence[Letter]) -> int:
    places = ", ".join(f"({quoted(one.topic)}, {quoted(f'{one.partition}/{one.offset}')})" for one in letters)
    refused = f"outcome = 'refused' AND (subject, event) IN ({places})"
    database.execute(_filled(_NOTE_LETTERS, condition=refused))
    _delete(database, "outcomes", refused)
    return _delete(database, "dead_letters", condition_of_letters(letters))


def condition_of_letters(letters: Iterable[Letter]) -> str:
    """Return which rows hold some dead letters, as SQL."""
    places = ", ".join(f"({quoted(one.topic)}, {one.partition}, {one.offset})" for one in letters)
    return f"(topic, partition, offset) IN ({places})"


def note_done(database: Database, table: str, messages: Sequence[ErasedRows], deleted: int) -> None:
    """Store that the rows of a table are deleted, of which messages of one order speak.

    How many they were stands beside the first. Of several notes of one message that with most of them stands.
    """
    parts = [quoted(part_of(one)) for one in messages]
    said = {"erasure": quoted(messages[0].erasure_id), "table": quoted(table), "first": parts[0]}
    said |= {"at": _AT.format(at=messages[0].at), "deleted": str(deleted)}
    for first in range(0, len(parts), NOTES_AT_ONCE):
        database.execute(_filled(_NOTE_DONE, **said, parts=", ".join(parts[first : first + NOTES_AT_ONCE])))


def part_of(erased: ErasedRows) -> str:
    """Return what tells the messages of one order apart, and names nobody."""
    return sha256("\0".join(erased.customer_keys).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def condition_of(table: str, whose: Whose) -> str:
    """Return which rows of a table are to be deleted, as SQL."""
    return _with_keys(CONDITIONS[table], whose)


def _with_keys(condition: str, whose: Whose) -> str:
    """Return a condition with whom it speaks of, and of when."""
    named, versions = listed(whose.versions), whose.versions.values()
    of_customer = version = str(max(versions))
    if len(set(versions)) > 1:
        below = ", ".join(map(str, versions))
        of_customer = f"transform(customer_id, [{named}], CAST([{below}] AS Array(UInt64)), toUInt64(0))"
    said = {"keys": f"({named})", "list": named, "at": str(whose.at), "version": version}
    return _filled(condition, **said, version_of_customer=of_customer)


def listed(texts: Iterable[str]) -> str:
    """Return texts as literals of SQL, with commas between."""
    return ", ".join(map(quoted, texts))


def _filled(statement: str, **values: str) -> str:
    """Return a statement with literals of SQL, or conditions made of them, in the places that it names."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], statement)


def _count(database: Database, table: str, condition: str) -> int:
    known = table_of(table)
    key = ", ".join(known.key)
    ((count,),) = select(database, _filled(_COUNT, key=key, stored=known.stored, condition=condition))
    return int(str(count))


def _delete(database: Database, table: str, condition: str) -> int:
    """Delete rows, with all their versions, and return how many they were."""
    count = _count(database, table, condition)
    if count:
        _delete_from(database, table_of(table).stored, condition)
    return count


def _delete_from(database: Database, stored: str, condition: str) -> None:
    where = in_place(stored, cluster_of(database))
    database.execute(_filled(_DELETE, stored=where, condition=condition))
