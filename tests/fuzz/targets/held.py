"""What agents hold at once of what strangers make them write: each write is a part of bounded size."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence

import msgspec
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from typing_extensions import override

from schemas import identity_links, journey_log
from schemas.identity_links import CUSTOMER, IdentitiesStated, Identity, Link
from schemas.journey_log import Owners, Touchpoint
from schemas.limits import CHARACTERS, MAPS
from schemas.topics import JOURNEYS_LOG, LINKS
from streams.agents.identity import Linking
from streams.agents.identity_changes import HELD_BYTES
from streams.agents.journeys import MAX_UNWRITTEN_BYTES, Journeys, rules_of
from streams.agents.services import Services
from streams.identity.links import links_of, stated_as
from streams.journeys.partition import Partition
from streams.kafka.offsets import Chunk, Fetched, OffsetTracker, Record
from streams.kafka.producer import Batches, Ends
from streams.runtime.telemetry import Telemetry
from streams.settings import Settings
from tests.fuzz.target import CPU_MS, Target
from tests.unit.identity.said import record_of
from tests.unit.journeys.play import DAY, SECOND, T0, order, said, seen_page
from tests.unit.streams.records import FakeRecord

LINK_MS = 0.05
"""CPU time that a link may take when it falls away, ms: once, so that the touchpoint that states it pays for it."""
FALLING_MS = 40.0
"""And all that fall away by one touchpoint: eight identifiers have 64 links at most."""
ROW_BYTES = 64 << 10
"""More than a row of an identity takes, or what journeys are told of it."""
RECORD_BYTES = 4 << 20
"""More than one record makes a partition write: what a key has in its journeys and with its owners may move, and is
written as a record, as a row, and as the state of who had it."""
_BIG = 1 << 40
_SETTINGS = Settings(partitions=1)


class _Producer:
    """Forgets what is written; no write may be larger than a bound."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ends: dict[tuple[str, int], int] = {}

    async def send(self, batches: Batches) -> Ends:
        size = sum(message.size for messages in batches.values() for message in messages)
        assert size <= self._most, f"{size} bytes are written at once"
        for place, messages in batches.items():
            self._ends[place] = self._ends.get(place, 0) + len(messages)
        return {place: self._ends[place] for place in batches}


class Renames(Target):
    """Robots whose profiles have long names, and are renamed again and again; and touchpoints of eight identifiers.

    What IDENTITY takes for each, and what it writes of it.
    """

    def __init__(self) -> None:
        producer = _Producer(HELD_BYTES + ROW_BYTES)
        self._services = Services(_SETTINGS, producer, Telemetry.on(CollectorRegistry()))

    @override
    def make(self, rng: random.Random) -> bytes:
        stated = _many(rng) if rng.random() < 0.5 else [record_of(link) for link in self._renaming(rng)]
        return msgspec.msgpack.encode([identity_links.encode(one) for one in stated])

    def _renaming(self, rng: random.Random) -> list[Link]:
        """Return links that give a profile a stronger name, again and again."""
        limit = MAPS["identifiers"]
        wide = rng.choice(("x", "\N{GRINNING FACE}"))
        kind, value = rng.choice(((8, 8), (200, 200), (3, limit.value), (limit.name, limit.value)))
        count = rng.choice((10, 20, 40) if value > kind else (10, 20, 40, 80))
        names = [(f"{count - n:03}".ljust(kind, wide), f"{n}".ljust(value, wide)) for n in range(count)]
        event_id = "e".ljust(rng.choice((1, CHARACTERS["event_id"])), wide)
        pairs: list[tuple[Identity, Identity]] = []
        for number in range(1, count):
            # A chain is renamed at each link; a star at its first ones, and passes limits; a tree is in between.
            other = rng.choice((number - 1, 0, rng.randrange(number)))
            pairs.append((names[number], names[other]))
            if rng.random() < 0.02:
                pairs.append(((CUSTOMER, f"c{number % 5}"), names[other]))
        if rng.random() < 0.2:
            rng.shuffle(pairs)
        return [Link(*pair, T0 + n, event_id) for n, pair in enumerate(pairs)]

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        records = msgspec.msgpack.decode(data, type=list[bytes])
        linking = Linking(self._services, lambda: None, _nothing)
        paid = 0.0
        with capture_logs(), asyncio.Runner() as runner:
            for offset, record in enumerate(records):
                paid += LINK_MS * _links_in(record)
                yield CPU_MS + min(paid, FALLING_MS)
                began = time.process_time()
                runner.run(linking.receive(_chunk(LINKS, [FakeRecord(offset, record)])))
                paid -= min(paid, max(0.0, (time.process_time() - began) * 1_000 - CPU_MS))


def _links_in(record: bytes) -> int:
    """Return how many links a touchpoint states."""
    stated = identity_links.decode(record)
    return len(links_of(stated)) if isinstance(stated, IdentitiesStated) else 0


def _many(rng: random.Random) -> list[IdentitiesStated]:
    """Return touchpoints that state eight of some identifiers, each earlier than the last, and some of customers."""
    kinds = rng.choice(
        (("crm",), ("cookie", "device"), ("email", "phone", "cookie"), tuple(f"k{n}" for n in range(40)))
    )
    pool = [(rng.choice(kinds), f"v{n}") for n in range(rng.choice((8, 22, 40, 400)))]
    stated = []
    for number in range(rng.choice((20, 100, 300))):
        some = rng.sample(pool, 8)
        if rng.random() < 0.1:
            some.append((CUSTOMER, f"c{rng.randrange(30)}"))
        one = stated_as(some, T0 - number, f"e{number}")
        stated += [one] if one is not None else []
    return stated


class Carries(Target):
    """Robots' touchpoints, few large ones or many, that move again and again in a chunk: what JOURNEYS writes of it."""

    def __init__(self) -> None:
        producer = _Producer(MAX_UNWRITTEN_BYTES + RECORD_BYTES)
        self._services = Services(_SETTINGS, producer, Telemetry.on(CollectorRegistry()))

    @override
    def make(self, rng: random.Random) -> bytes:
        keys, moves = rng.choice((1, 4, 20)), rng.choice((1, 15, 15))
        length, count = rng.choice(((100, 300), (1_900, 900), (1_900, 900), (480_000, 20)))
        records: list[bytes] = []
        for number in range(count):
            at = rng.randrange(1_000) * SECOND
            one = rng.choice((seen_page(at), order(at, 1, order_id=f"o{number}"), said(at, 1, post_id=f"p{number}")))
            told: Touchpoint = replace(
                one,
                event_id=f"e{number:06}",
                fingerprint=number,
                source_offset=number,
                customer_key=f"anon:cookie:{number % keys}",
                text="w" * length,
                received_at=T0 - DAY if rng.random() < 0.01 else one.received_at,
            )
            records.append(journey_log.encode(told))
        for move in range(moves * keys):
            owner = f"c{move // keys % rng.choice((2, 99))}"
            owners = Owners(f"anon:cookie:{move % keys}", [T0 - DAY], [owner], move + 1)
            records.append(journey_log.encode(owners))
        return msgspec.msgpack.encode(records)

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        records = msgspec.msgpack.decode(data, type=list[bytes])
        agent = Journeys(self._services, _fresh, _lost)
        yield CPU_MS * len(records)
        numbered = [FakeRecord(offset, record) for offset, record in enumerate(records)]
        with capture_logs():
            asyncio.run(agent.process(_chunk(JOURNEYS_LOG, numbered)))


def _chunk(topic: str, records: Sequence[FakeRecord]) -> Chunk:
    first, last = records[0].offset, records[-1].offset
    tracker = OffsetTracker(topic, 0, first, first, _BIG, _BIG)
    (chunk,) = tracker.track(Fetched(records, len(records), last + 1), _BIG)
    return chunk


async def _nothing(_topic: str) -> AsyncIterator[Sequence[Record]]:
    yield []


async def _fresh(number: int) -> Partition:
    return Partition(number, _SETTINGS.partitions, rules_of(_SETTINGS))


async def _lost(_topic: str, _partition: int, _offset: int) -> Record | None:
    return None
