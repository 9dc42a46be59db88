"""What is left of somebody who was erased: rows in the tables, state in the changelog."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import inf
from types import MappingProxyType

import msgspec

from schemas.erasures import ERASED_FROM, ErasedRows, Erasure, digest_of
from schemas.erasures import parts_of as rows_of
from schemas.errors import NOT_READ
from schemas.subjects import PROFILES
from schemas.topics import JOURNEYS_STATE
from sinks.database import Database, select
from sinks.erasing import part_of
from streams.agents.erased_letters import LetterSearch
from streams.journeys.customer_timeline import Outline
from streams.journeys.erasing import ErasedCustomer
from streams.journeys.output import Entry
from streams.journeys.partition import BLOCK, CUSTOMER, ERASED
from streams.journeys.pending_blocks import parts_of
from streams.journeys.position import Header
from streams.kafka.producer import partition_for
from streams.kafka.reader import read_to_end
from streams.settings import Settings
from touchline.errors import CommandError

ASK_AGAIN_S = 0.5
STATE_WITHIN_S = 15.0
_AT = "fromUnixTimestamp64Milli({at:Int64}, 'UTC')"
_FIRST = "has({keys:Array(String)}, if(kind = 'customer', value, concat('anon:', kind, ':', value)))"
_SECOND = (
    "has({keys:Array(String)}, if(other_kind = 'customer', other_value, concat('anon:', other_kind, ':', other_value)))"
)
_NAMED = "has({keys:Array(String)}, customer_id)"
_OWNED = "has({keys:Array(String)}, name)"
_NO_TOUCHPOINT = "(customer_id, event_id) NOT IN (SELECT customer_id, event_id FROM touchpoints_rows)"
LEFT: Mapping[str, str] = MappingProxyType(
    {
        "touchpoints": f"({_NAMED} OR has({{keys:Array(String)}}, stated_key)) AND occurred_at <= {_AT}",
        "journeys": f"{_NAMED} AND started_at <= {_AT}",
        "sentiment_shifts": f"{_NAMED} AND onset_at <= {_AT}",
        "abandonments": f"{_NAMED} AND started_at <= {_AT}",
        "follow_ups": f"{_NAMED} AND happened_at <= {_AT}",
        "superseded": f"{_NAMED} AND {_NO_TOUCHPOINT}",
        "customers": f"{_NAMED} AND first_seen_at <= {_AT}",
        "outcomes": f"has({{keys:Array(String)}}, subject) AND at <= {_AT}",
        "identities": f"({_FIRST} OR hasAny(customer_ids, {{keys:Array(String)}})) AND changed_at < {_AT}",
        "owners": f"({_OWNED} OR hasAny(customer_ids, {{keys:Array(String)}})) AND changed_at < {_AT}",
        "identity_conflicts": (
            f"({_FIRST} OR {_SECOND} OR hasAny(customer_ids, {{keys:Array(String)}})) AND occurred_at <= {_AT}"
        ),
    }
)
"""By table, which rows are of before the erasure: by their own time, and not by how the sink finds them."""
_DONE = """
SELECT table, groupArray(part), toInt64(sum(deleted)) FROM erasures_rows FINAL
WHERE erasure_id = {id:String} GROUP BY table
"""

_SUBJECTS = tuple(CUSTOMER + profile.encode() for profile in PROFILES)
_outlines = msgspec.msgpack.Decoder(Outline)
_headers = msgspec.msgpack.Decoder(Header)
_erased = msgspec.msgpack.Decoder(ErasedCustomer)


async def await_sink(database: Database, parts: Sequence[ErasedRows], wait_s: float) -> Mapping[str, int]:
    """Wait until the sink has deleted all rows; return how many of each table.

    Args:
        parts: of the order, as IDENTITY tells the sink. The partitions tell it of each stated key by itself.

    Raises:
        CommandError: it has not in time.
        SinkError: the database does not answer.
    """
    of_keys = {
        part_of(msgspec.structs.replace(part, customer_keys=[key])) for part in parts for key in part.customer_keys
    }
    of_parts = set(map(part_of, parts))
    wanted = dict.fromkeys((*ERASED_FROM, "outcomes"), of_keys)
    wanted |= dict.fromkeys(("touchpoints", "outcomes"), of_keys | of_parts)
    wanted |= dict.fromkeys(("identities", "identity_conflicts", "dead_letters"), of_parts)
    erasure_id = parts[0].erasure_id
    until = time.monotonic() + wait_s
    while True:
        rows = await asyncio.to_thread(select, database, _DONE, {"id": erasure_id})
        done = {str(table): set(map(str, parts)) for table, parts, _ in rows if isinstance(parts, list)}
        late = sorted(table for table, parts in wanted.items() if not parts <= done.get(table, set()))
        if not late:
            return {str(table): int(str(deleted)) for table, _, deleted in rows}
        if time.monotonic() > until:
            raise CommandError(
                f"the sink has not deleted the rows of {', '.join(late)} after {wait_s:g} s. It does it when it runs; "
                f"have it proved then: touchline erase --check {erasure_id}"
            )
        await asyncio.sleep(ASK_AGAIN_S)


def rows_left(database: Database, settings: Settings, erased: ErasedRows) -> Mapping[str, int]:
    """Return how many rows of each table are left that name whoever was erased, and are of before that.

    A row that names two of many thousand identities may count twice.

    Raises:
        SinkError: the database does not answer.
    """
    left = {}
    for table, condition in LEFT.items():
        counted = f"SELECT count() FROM {table}_rows WHERE {condition}"  # noqa: S608  # of this module's own texts
        left[table] = 0
        for part in rows_of(erased):
            ((count,),) = select(database, counted, {"keys": part.customer_keys, "at": part.at})
            left[table] += int(str(count))
    left["dead_letters"] = len(set(LetterSearch(settings).find(database, erased)))
    return left


async def state_left(settings: Settings, erased: ErasedRows, erasure: Erasure) -> int:
    """Return how many states in the changelog are of one of the stated keys before the erasure, or name one.

    Those that may name one are those of subjects: whose a case is, by what was said before.

    It is written behind the rows: it is asked again where some have.

    Raises:
        KafkaError: Kafka does not answer.
    """
    left = await _state_left(settings, erased, erasure)
    for _ in range(round(STATE_WITHIN_S / ASK_AGAIN_S) if left else 0):
        await asyncio.sleep(ASK_AGAIN_S)
        left = await _state_left(settings, erased, erasure)
        if not left:
            break
    return left


async def _state_left(settings: Settings, erased: ErasedRows, erasure: Erasure) -> int:
    places: dict[int, list[str]] = {number: [] for number in range(settings.partitions)}
    for key in erased.customer_keys:
        places[partition_for(key.encode(), settings.partitions)].append(key)
    left, everyone = 0, frozenset(erased.customer_keys)
    for partition, keys in places.items():
        kept: dict[bytes, bytes | None] = {}
        subjects: dict[bytes, bytes | None] = {}
        blocks: dict[bytes, bytes | None] = {}
        names, theirs = {name for key in keys for name in _names(key, erasure)}, {key.encode() for key in keys}
        async for run in read_to_end(settings, JOURNEYS_STATE, [partition]):
            kept.update({one.key: one.value for one in run.records if one.key in names})
            found = [(one.key or b"", one.value) for one in run.records]
            subjects.update({name: value for name, value in found if name.startswith(_SUBJECTS)})
            blocks.update({name: value for name, value in _blocks(found) if parts_of(name)[0] in theirs})
        left += sum(not _is_gone(kept, *_names(key, erasure)) for key in keys)
        erased_at = {key.encode(): _erased_at(kept, key, erasure) for key in keys}
        there = [parts_of(name) for name, value in blocks.items() if value is not None]
        left += sum(sealed_at < erased_at[key] for key, sealed_at in there)
        left += sum(_names_one(value, everyone, erased.at) for value in subjects.values() if value is not None)
    return left


def _names_one(value: bytes, erased: Collection[str], at: int) -> bool:
    """Return whether a subject's state says that the subject is of somebody who was erased since."""
    try:
        ownership = _outlines.decode(value).ownership
    except NOT_READ:
        return True
    said = ownership.subject.statements if ownership is not None and ownership.subject is not None else ()
    return any(one.stated_key in erased and one.occurred_at <= at for one in said)


def _names(key: str, erasure: Erasure) -> tuple[bytes, bytes]:
    """Return the keys of a customer's state, and of the entry by which the partition knows that they were erased."""
    return CUSTOMER + key.encode(), ERASED + digest_of(erasure.salt, key)


def _blocks(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the blocks of touchpoints among a changelog's entries, by their names."""
    return ((key[1:], value) for key, value in entries if key.startswith(BLOCK))


def _erased_at(kept: Mapping[bytes, bytes | None], key: str, erasure: Erasure) -> float:
    """Return the offset at which the partition has erased a customer, infinite where it has not yet."""
    entry = kept.get(_names(key, erasure)[1])
    try:
        return inf if entry is None else _erased.decode(entry).offset
    except NOT_READ:
        return inf


def _is_gone(kept: Mapping[bytes, bytes | None], customer: bytes, erased: bytes) -> bool:
    state, entry = kept.get(customer), kept.get(erased)
    if entry is None:
        return False
    try:
        return state is None or _headers.decode(state).offset >= _erased.decode(entry).offset
    except NOT_READ:
        return False
