"""What a message leaves in memory, however it is made: 64 KB at most."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from schemas import journey_log
from schemas.avro.codec import KIND_RECORDS
from schemas.identity_links import CUSTOMER, IdentitiesStated, Identity
from schemas.kinds.touchpoint import Touchpoint
from schemas.limits import MAPS, SHORT
from schemas.subjects import Statement
from streams.agents.identity_told import CHARACTER_BYTES, OWNERSHIPS_MAX, OWNERSHIPS_MAX_BYTES
from streams.identity.graph import LINKS_MAX, IdentityGraph
from streams.identity.identities import Identities
from streams.identity.links import PAIRS_BYTES, links_of, stated_as
from streams.identity.statements import Statements
from streams.identity.subject_owners import SubjectOwners
from streams.intake.accept import Source, accept
from streams.journeys import customers
from streams.journeys.partition import Partition
from streams.sentiment import VaderScorer
from tests.simulation.arrivals import RULES
from tests.unit.schemas.records import SCHEMAS, T0, minimal

MOST = 64 << 10
"""Bytes that a message may leave."""
COUNT, FIRST = 24, 8
"""Messages whose memory is measured, and those before them, which fill what is made once."""
SCORER = VaderScorer()

Make = Callable[[int], tuple[str, dict[str, Any]]]
"""Returns the kind of the message with a number, and the fields that it states."""


def wide(name: object, characters: int = SHORT) -> str:
    """Return a text of so many characters of four bytes each, of its own."""
    return f"{name}".ljust(characters, "\N{GRINNING FACE}")


def long(name: object, characters: int) -> str:
    return f"{name}".ljust(characters, "x")


def common(n: int) -> dict[str, Any]:
    """Return what every touchpoint may state, as long as it may be."""
    attributes = {wide(f"{n}-{place}"): wide(n) for place in range(100)}
    identifiers = {f"k{place}": wide(f"{n}-{place}", 150) for place in range(100)}
    said = {"source": wide(f"s{n}"), "channel": wide(n), "attributes": attributes, "identifiers": identifiers}
    return said | {"customer_id": wide(f"c{n}"), "event_id": wide(n, 128)}


def items(n: int, count: int) -> list[dict[str, Any]]:
    return [{"sku": wide(f"{n}-{place}"), "quantity": 1, "price_minor": 1} for place in range(count)]


MADE: dict[str, Make] = {
    "a page of 8,192 characters": lambda n: ("page_view", common(n) | {"page": wide(n, 8_192)}),
    "a page, and nobody": lambda n: (
        "page_view",
        {"customer_id": None, "identifiers": {"k": wide(n, 1_024)}, "page": wide(n, 8_192)},
    ),
    "an order of 600 skus": lambda n: (
        "purchase",
        common(n) | {"order_id": wide(n), "cart_id": wide(f"k{n}"), "items": items(n, 600)},
    ),
    "a cart": lambda n: ("cart_event", common(n) | {"cart_id": wide(n), "sku": wide(n)}),
    "a case with a text": lambda n: (
        "case_event",
        common(n) | {"case_id": wide(n), "topic": wide(n), "owner": wide(n), "text": long(n, 500_000)},
    ),
    "an answer with a text": lambda n: (
        "survey_answer",
        common(n)
        | {"survey_id": wide(n), "response_id": wide(f"r{n}"), "about": wide(n, 1_024), "text": long(n, 500_000)},
    ),
    "a call with notes": lambda n: (
        "support_call",
        common(n)
        | {name: wide(n) for name in ("call_id", "agent_id", "topic", "case_id")}
        | {"notes": long(n, 500_000)},
    ),
    "a post": lambda n: ("tweet", common(n) | {"post_id": wide(n), "text": long(n, 500_000)}),
    "a megabyte of attributes": lambda n: (
        "page_view",
        {"attributes": {f"{n}-{place}": long(n, 4_000) for place in range(250)}, "customer_id": f"c{n}"},
    ),
}


def touchpoint(make: Make, number: int, customer_id: str | None) -> Touchpoint:
    """Return the touchpoint that is accepted of the message with a number."""
    kind, said = make(number)
    defaults = {field["name"]: field.get("default") for field in SCHEMAS[KIND_RECORDS[kind]]["fields"]}
    at = T0 + number * 1_000
    record = defaults | minimal(kind) | {"event_id": f"e{number}"} | said | {"occurred_at": at}
    if customer_id is not None:
        record["customer_id"] = customer_id
    accepted = accept(kind, record, Source(0, "t", 0, number, at), now=at, scorer=SCORER)
    assert isinstance(accepted, Touchpoint)
    return accepted


def left_by(steps: Iterator[None]) -> float:
    """Return the bytes that each step behind the first ones leaves."""
    for _ in range(FIRST):
        next(steps)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        count = sum(1 for _ in steps)
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / count
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("customer_id", [None, "c"], ids=["of each their own", "of one customer"])
@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_a_touchpoint_leaves_64_kb_in_journeys(
    make: Make, customer_id: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is kept decoded has a bound for all customers together, and is no message's.
    monkeypatch.setattr(customers, "CACHED_BYTES", 0)
    records = [journey_log.encode(touchpoint(make, number, customer_id)) for number in range(FIRST + COUNT)]
    partition = Partition(0, 1, RULES)

    def steps() -> Iterator[None]:
        for offset, record in enumerate(records):
            data = bytes(bytearray(record))  # as it comes from Kafka, its own
            partition.apply(offset, journey_log.decode(data), data)
            del data
            partition.flush()
            yield

    assert 100 < left_by(steps()) < MOST


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_a_touchpoint_leaves_a_digest_where_what_is_stated_is_remembered(make: Make) -> None:
    stated = Statements(Identities())
    told = [touchpoint(make, number, None) for number in range(FIRST + COUNT)]

    assert left_by(None for one in told if stated.stated_by(one, 0) or True) < 2_000


def eight(characters: int) -> Callable[[int], list[Identity]]:
    return lambda n: [(f"k{place}", wide(f"{n}-{place}", characters)) for place in range(8)]


STATED: dict[str, Callable[[int], list[Identity]]] = {
    "two as long as may be": lambda n: [(wide(f"{n}a"), wide(n, 1_024)), (wide(f"{n}b"), wide(n, 1_024))],
    "eight of 290 bytes": eight(72),
    "two as long as may be, in a chain": lambda n: [
        (wide(f"{n}a"), wide(n, 1_024)),
        (wide(f"{n + 1}a"), wide(n + 1, 1_024)),
    ],
    "two as long as may be, one of them everybody's": lambda n: [
        (wide("a"), wide("hub", 1_024)),
        (wide(f"{n}b"), wide(n, 1_024)),
    ],
    "eight short ones": lambda n: [(f"k{place}", f"{n}-{place}") for place in range(8)],
    "a customer with seven": lambda n: [(CUSTOMER, wide(f"c{n}")), *eight(72)(n)[:7]],
    "eight that others have, too": lambda n: [("crm", "hub"), *eight(72)(n)[:7]],
    "four long ones": lambda n: [(f"k{place}", wide(f"{n}-{place}", 500)) for place in range(4)],
}


@pytest.mark.parametrize("links_max", [20, LINKS_MAX], ids=["connected with too many", "with few"])
@pytest.mark.parametrize("identities", STATED.values(), ids=STATED)
def test_a_touchpoint_leaves_64_kb_where_it_is_decided_who_is_who(
    identities: Callable[[int], list[Identity]], links_max: int
) -> None:
    graph = IdentityGraph(links_max=links_max)

    def steps() -> Iterator[None]:
        for number in range(FIRST + 4 * COUNT):
            stated = stated_as(identities(number), T0 + number, wide(number, 128))
            assert isinstance(stated, IdentitiesStated)
            graph.add(*links_of(stated))
            yield

    assert PAIRS_BYTES / 100 < left_by(steps()) < MOST


def test_a_statement_of_whose_a_subject_is_leaves_64_kb_with_what_is_remembered_of_its_owners() -> None:
    """Of a name as long as there may be, and of as many owners as are told."""

    def owned_by(identity: Identity) -> list[tuple[int, str]]:
        each = OWNERSHIPS_MAX_BYTES // CHARACTER_BYTES // OWNERSHIPS_MAX
        return [(n, f"{n}{identity[1]}"[:each]) for n in range(OWNERSHIPS_MAX)]

    owners = SubjectOwners(1, owned_by)

    def steps() -> Iterator[None]:
        for number in range(FIRST + 4 * COUNT):
            key = f"anon:{wide(number)}:{wide(number, 1_024)}"
            stated = Statement(key, wide(f"s{number}"), T0, wide(number, 128))
            for _ in owners.owned(owners.add(f"anon:case:{wide(number)}", stated)):
                yield

    assert 1_000 < left_by(steps()) < MOST


def test_the_longest_identities_are_as_long_as_a_message_may_state() -> None:
    limit = MAPS["identifiers"]
    ((kind, value), _) = STATED["two as long as may be"](0)
    assert (len(kind), len(value)) == (limit.name, limit.value)
