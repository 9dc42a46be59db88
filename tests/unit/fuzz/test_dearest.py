"""A search for the dearest accepted message of every stage, by instructions: none takes more than 20 ms at once.

The inputs are those that `make fuzz` makes, which measures CPU time on whatever machine it runs. Here instructions of
Python are counted, which are the same on all machines, so that a fault is one wherever it is found.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from contextlib import suppress
from itertools import pairwise

import msgspec
import pytest
from msgspec.structs import replace

from schemas import journey_log
from schemas.identity_links import CUSTOMER, Identity, Link, key_of
from schemas.journey_log import Touchpoint
from schemas.subjects import Statement
from schemas.topics import JOURNEYS_LOG
from streams.agents.facts import encode_facts
from streams.agents.identity_changes import Changed
from streams.agents.journeys_results import entries_of
from streams.identity.erasures import Erasures
from streams.identity.graph import LINKS_MAX, IdentityGraph
from streams.identity.limits import LIMIT_OF_IDENTIFIER
from streams.identity.strength import pair_of
from streams.identity.subject_owners import SubjectOwners
from streams.journeys.output import Output
from streams.journeys.partition import Partition
from streams.kafka.producer import partition_for
from streams.settings import Settings
from tests.fuzz.measure import input_of
from tests.fuzz.target import CPU_MS, Target
from tests.fuzz.targets import TARGETS
from tests.simulation.arrivals import RULES
from tests.unit.identity.said import links_by
from tests.unit.instructions import OPCODES, opcodes_of_steps
from tests.unit.journeys.play import MINUTE, SECOND, T0
from tests.unit.journeys.robots import KINDS, stream
from tests.unit.journeys.test_cost import counted
from tests.unit.streams.records import FakeRecord

OPCODES_A_MS = OPCODES // 2
MESSAGE = round(CPU_MS * OPCODES_A_MS)
"""What a message may take: 800,000 instructions. They take 10 to 15 ns each, and 25 at most."""
DEAREST = 8
SEARCHED = {
    "intake": 300,
    "identity": 400,
    "json": 40,
    "lines": 300,
    "pseudonyms": 20,
    "writers": 60,
    "links": 8,
    "subjects": 3,
    "log": 4,
    "moves": 1,
}
"""The targets whose inputs are messages, or what is made of these, and how many of each are tried."""


def part_of_allowed(target: Target, data: bytes) -> float:
    """Return what the dearest step of an input takes of what it may take."""
    allowed: list[float] = []

    def noted() -> Generator[None, None, None]:
        with suppress(*target.documented):
            for ms in target.steps(data):
                allowed.append(ms)
                yield

    _, *steps = opcodes_of_steps(noted())
    return max((step / (ms * OPCODES_A_MS) for step, ms in zip(steps, allowed, strict=True)), default=0.0)


@pytest.mark.parametrize("name", SEARCHED)
def test_a_search_finds_no_step_of_a_message_beyond_20_ms(name: str) -> None:
    target = TARGETS[name]()

    parts = [part_of_allowed(target, input_of(target, 1, number)) for number in range(SEARCHED[name])]

    assert 0.0001 < max(parts) < 1


def test_a_search_finds_no_statement_of_a_subject_that_takes_more_than_20_ms_in_all() -> None:
    """As many hang on a key as may, or more; each answers another, and is of as many people as there are sources."""
    target, costs = TARGETS["subjects"](), list[int]()
    for number in range(12):
        *known, last = msgspec.msgpack.decode(input_of(target, 2, number), type=list[tuple[str, Statement]])
        owners = SubjectOwners(10, lambda identity: [(0, f"owner of {identity[1]}")])
        for subject, stated in known:
            owners.restore(subject, stated)
        costs.append(sum(opcodes_of_steps(all_of(owners, *last))))

    assert MESSAGE / 1_000 < max(costs) < MESSAGE


def all_of(owners: SubjectOwners, subject: str, stated: Statement) -> Generator[None, None, None]:
    """Take a statement, and find out who owns all that it tells of."""
    told = yield from owners.adding(subject, stated)
    for _ in owners.owning(told):
        yield


@pytest.mark.parametrize("length", [1, 1_000])
def test_no_touchpoint_renames_the_largest_profile_in_more_than_20_ms_in_all(length: int) -> None:
    """With all that is written of it: each of its identifiers had another name for each link before."""
    names = [(f"crm{999 - number}", str(number).ljust(length, "x")) for number in range(LINKS_MAX + 1)]
    graph, changed = IdentityGraph(), Changed(Settings(partitions=1), Erasures())
    *known, last = [Link(other, one, T0 + at, f"e{at}") for at, (one, other) in enumerate(pairwise(names))]
    for link in known:
        graph.restore(link)
    for name in names:
        partition_for(key_of(name).encode(), 1)  # remembered since it was first stated

    def doing() -> Generator[None, None, None]:
        changes = yield from graph.adding(last)
        yield from changed.add(changes, FakeRecord(0, b""))

    steps = opcodes_of_steps(doing())

    assert len(changed.taken()[JOURNEYS_LOG, 0]) == LINKS_MAX
    assert MESSAGE / 20 < sum(steps) < MESSAGE
    assert max(steps) < OPCODES


def stars(count: int, links: int) -> tuple[list[Identity], list[Link]]:
    """Return identifiers, and the links of each with so many others of its own."""
    centers = [(f"crm{number}", f"h{number}") for number in range(count)]
    others = [
        (one, (f"shop{number % 40}", f"{one[1]}-{number}"), T0 + number) for one in centers for number in range(links)
    ]
    return centers, [Link(*pair_of(one, other), at, f"e{at}") for one, other, at in others]


def with_customers(links: list[Link], centers: list[Identity]) -> list[Link]:
    """Return links, and those of each identifier with as many customers as it may have."""
    return [*links, *(Link((CUSTOMER, name), one, T0 + 5_000, name) for one in centers for name in "abc")]


def connecting() -> tuple[list[Link], list[Identity]]:
    """Return eight components that are as large as they may be, and a touchpoint that connects them."""
    centers, links = stars(8, LINKS_MAX - 7)
    return links, centers


def passing() -> tuple[list[Link], list[Identity]]:
    """Return eight identifiers with as many links as they may have, and a touchpoint by which all have more."""
    centers, links = stars(8, LIMIT_OF_IDENTIFIER)
    return links, centers


def one_customer_too_many() -> tuple[list[Link], list[Identity]]:
    """Return seven that are connected with too many, and a touchpoint by which they are nobody's."""
    centers, links = stars(7, LIMIT_OF_IDENTIFIER - 5)
    between = [Link(*pair_of(one, other), T0, "e") for one, other in pairwise(centers)]
    return with_customers([*links, *between], centers), [(CUSTOMER, "d"), *centers]


def owning() -> tuple[list[Link], list[Identity]]:
    """Return seven components that are as large as they may be, and a touchpoint that gives a customer all of them."""
    centers, links = stars(7, LINKS_MAX - 1)
    return links, [(CUSTOMER, "ann"), *centers]


@pytest.mark.parametrize("story", [connecting, passing, one_customer_too_many, owning])
def test_no_touchpoint_that_changes_eight_components_takes_more_than_twice_as_much(
    story: Callable[[], tuple[list[Link], list[Identity]]],
) -> None:
    """With all that is written of it. There were components of 250 links, and identifiers with a thousand: 0.5 s."""
    links, last = story()
    graph, changed = IdentityGraph(), Changed(Settings(partitions=1), Erasures())
    for link in links:
        graph.restore(link)

    def doing() -> Generator[None, None, None]:
        changes = yield from graph.adding(*links_by(last, T0 + 9_000, "last"))
        yield from changed.add(changes, FakeRecord(0, b""))

    steps = opcodes_of_steps(doing())

    assert MESSAGE < sum(steps) < 2 * MESSAGE
    assert max(steps) < OPCODES


def written(partition: Partition) -> Generator[None, None, None]:
    """Write what has changed, as JOURNEYS does."""
    output: Output = yield from partition.flushing()
    for rows in output.facts.values():
        for _ in encode_facts(rows):
            yield
    yield from entries_of(output)
    yield from output.emptying()


def taken(partition: Partition, data: bytes) -> Generator[None, None, None]:
    """Apply a record, and write what it changes, as if it were a chunk of its own."""
    yield from partition.apply_in_parts(partition.offset + 1, journey_log.decode(data), data)
    yield from written(partition)


def dearest_of(records: list[bytes]) -> set[int]:
    """Return the numbers of the touchpoints that take the most work, each in a chunk of its own."""
    partition, work = Partition(0, 1, RULES), dict[int, int]()
    for number, data in enumerate(records):
        with counted() as cost:
            partition.apply(number, journey_log.decode(data), data)
            output = partition.flush()
        if isinstance(journey_log.decode(data), Touchpoint):
            work[number] = cost.applied + cost.timers + len(output.state) + sum(map(len, output.facts.values()))
    return set(sorted(work, key=work.__getitem__)[-DEAREST:])


@pytest.mark.parametrize("seed", [0, 3, 5])
def test_a_search_finds_no_touchpoint_that_takes_journeys_more_than_20_ms_in_all(seed: int) -> None:
    """Of a robot's 1,600 touchpoints those are counted that apply and write the most, with all that they write."""
    records = list(stream(random.Random(seed), 1_600))
    dearest, partition, costs = dearest_of(records), Partition(0, 1, RULES), list[int]()
    for number, data in enumerate(records):
        if number in dearest:
            costs.append(sum(opcodes_of_steps(taken(partition, data))))
        else:
            partition.apply(number, journey_log.decode(data), data)
            partition.flush()

    assert max(costs) < MESSAGE


@pytest.mark.parametrize("attributes", [0, 64])
@pytest.mark.parametrize("customers", [1, 300])
def test_a_search_finds_no_chunk_that_is_written_in_a_step_beyond_1_ms(customers: int, attributes: int) -> None:
    """Of all kinds, of one customer or of many, with attributes or without, of one minute or of days."""
    rng = random.Random(customers + attributes)
    gap = rng.choice((0, SECOND, 20 * MINUTE))
    kinds = sorted(KINDS)
    partition = Partition(0, 1, RULES)
    for number in range(300):
        touchpoint = replace(
            KINDS[rng.choice(kinds)](number * gap, number),
            customer_key=f"c{rng.randrange(customers)}",
            event_id=f"e{number}",
            attributes={f"a{place}": f"v{rng.randrange(300)}" for place in range(attributes)},
        )
        partition.apply(number, touchpoint, journey_log.encode(touchpoint))

    steps = opcodes_of_steps(written(partition))

    assert sum(steps) > OPCODES / 4
    assert max(steps) < OPCODES / 2
