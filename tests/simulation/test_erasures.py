"""Somebody is erased while workers die, pause and rebalance: what is left is as if they had begun after that."""

from __future__ import annotations

import random

import pytest

from schemas import erasures, identity_links
from schemas.identity_links import Command, Erase, Erasure, Identity, key_of
from schemas.journey_log import Touchpoint
from schemas.subjects import SubjectStated
from schemas.topics import ERASURES, LINKS
from streams.agents.identity_changes import erased_by
from streams.identity.erasures import Erasures
from streams.identity.graph import IdentityGraph
from streams.identity.links import links_of
from tests.simulation.cluster import Cluster
from tests.simulation.people import IDENTITIES, commands, people
from tests.simulation.seeds import SEEDS
from tests.simulation.test_moves import COMPARED, END, NOTHING_IS_FOLDED, expected, stored, timelines
from tests.unit.journeys.play import HOUR

SALT = b"s" * 16
FAULTS = (1131, 1170, 1199, 2063)
"""Seeds that have found faults: links taken again after an erasure, and a parting from nothing that was erased."""


def by_the_links(cluster: Cluster) -> tuple[IdentityGraph, Erasures]:
    """Return who is who, and who was erased, by all links in their order."""
    graph, erased = IdentityGraph(), Erasures()
    for record in cluster.broker.logs[LINKS, 0]:
        read = identity_links.decode(record.value or b"")
        assert not isinstance(read, Erasure)
        if isinstance(read, SubjectStated):
            continue
        if isinstance(read, Erase):
            theirs = [one for named in read.identities for one in graph.person(named)]
            erased.add(erased_by(read, theirs, record.offset))
            graph.forget(theirs, read.at)
            continue
        if isinstance(read, Command):
            if not any(erased.holds(key_of(one), read.at) for one in (read.first, read.second)):
                graph.obey(read)
            continue
        for link in links_of(read):
            if not any(erased.holds(key_of(one), link.occurred_at) for one in link.pair):
                graph.add(link)
    return graph, erased


def told(cluster: Cluster) -> Erasures:
    """Return who was erased by what INGEST is told."""
    found = Erasures()
    for record in cluster.broker.logs[ERASURES, 0]:
        found.add(erasures.decode(record.value or b""))
    return found


def story(seed: int) -> tuple[list[Touchpoint], list[Command | Erase]]:
    """Return what people do, and what is ordered meanwhile: decisions, and the erasures of two of them."""
    touchpoints, rng = people(seed, 100), random.Random(seed)
    times = sorted(one.occurred_at for one in touchpoints)
    ordered: list[Command | Erase] = [*commands(seed, seed % 4)]
    for number, named in enumerate(rng.sample(IDENTITIES, 2)):
        order = Erase([named], rng.choice(times[len(times) // 4 :]), f"order {number}", SALT)
        ordered.insert(rng.randint(0, len(ordered)), order)
    return touchpoints, ordered


@pytest.mark.parametrize("seed", [*SEEDS, *FAULTS])
def test_who_is_erased_begins_anew_and_nothing_else_changes(seed: int) -> None:
    touchpoints, ordered = story(seed)
    cluster = Cluster(seed, NOTHING_IS_FOLDED, workers=1 + seed % 4, crashes=(0, 20)[seed % 2], disorder_ms=3 * HOUR)

    cluster.run(touchpoints, ordered, END)

    graph, erased = by_the_links(cluster)
    left = [one for one in touchpoints if not erased.holds(one.customer_key, one.occurred_at)]
    want, have = expected(left, graph, NOTHING_IS_FOLDED, erased), stored(cluster)
    for table in COMPARED:
        missing = [row for row in want[table] if row not in have[table]]
        surplus = [row for row in have[table] if row not in want[table]]
        assert (table, missing[:3], surplus[:3]) == (table, [], [])
    check_state(cluster, erased)
    check_told(cluster, erased, [one.customer_key for one in touchpoints])


def check_state(cluster: Cluster, erased: Erasures) -> None:
    """No state is of before its customer's erasure."""
    for number in range(NOTHING_IS_FOLDED.partitions):
        for key, timeline in timelines(cluster.restored(number)).items():
            assert [one for one in timeline.pending if one.occurred_at <= erased.until(key)] == []
            forwarded = timeline.ownership.forwarded if timeline.ownership is not None else []
            assert [one for one in forwarded if one.occurred_at <= erased.until(key)] == []
            subject = timeline.ownership.subject if timeline.ownership is not None else None
            statements = subject.statements if subject is not None else []
            assert [one for one in statements if one.occurred_at <= erased.until(one.stated_key)] == []


def check_told(cluster: Cluster, erased: Erasures, keys: list[str]) -> None:
    """INGEST is told of the same people."""
    known = told(cluster)
    assert {key: known.until(key) for key in keys} == {key: erased.until(key) for key in keys}


def test_the_rows_of_identities_name_nobody_who_was_erased() -> None:
    """The last order comes when all is done: no row of theirs is left."""
    touchpoints = people(3, 60)
    named: Identity = ("cookie", "k0")
    order = Erase([named], max(one.occurred_at for one in touchpoints) + 1, "order", SALT)
    cluster = Cluster(3, NOTHING_IS_FOLDED, workers=2, crashes=10, disorder_ms=3 * HOUR)
    cluster.run(touchpoints, [], END)
    assert any("k0" in str(row) for row in cluster.tables().rows("identities"))

    cluster.run([], [order], END + HOUR)

    _, erased = by_the_links(cluster)
    gone = {one.customer_key for one in touchpoints if erased.until(one.customer_key) >= 0}
    assert "anon:cookie:k0" in gone
    for table in ("identities", "identity_conflicts", *COMPARED):
        found = [row for row in cluster.tables().rows(table) if any(f"'{key}'" in str(row) for key in gone)]
        assert (table, found) == (table, [])
