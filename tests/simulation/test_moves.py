"""Touchpoints move to their owners: the rows are those of a log in which everyone was known from the beginning."""

from __future__ import annotations

from collections import Counter, deque
from functools import partial
from itertools import count
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from schemas import identity_links, journey_log
from schemas.identifiers import ANONYMOUS
from schemas.identity_links import Command, IdentitiesStated, key_of
from schemas.journey_log import LogRecord, Owners, Tick, Touchpoint
from schemas.rows import TABLES
from schemas.topics import JOURNEYS_LOG, LINKS
from streams.agents.identity_told import Told
from streams.agents.journeys import rules_of
from streams.identity.erasures import Erasures
from streams.identity.graph import IdentityGraph
from streams.identity.links import links_of
from streams.journeys.customer_timeline import CustomerTimeline
from streams.journeys.partition import Partition
from streams.settings import Settings
from tests.oracle.subjects import owners
from tests.simulation.cluster import Cluster
from tests.simulation.identities import check_identities
from tests.simulation.journeys_log import Tables
from tests.simulation.limits import ends_of_adopted_calls, heard_late, without_things
from tests.simulation.nameless import about, with_nameless
from tests.simulation.people import PERSONS, commands, people
from tests.simulation.seeds import SEEDS
from tests.simulation.signals import check_signals
from tests.unit.journeys.play import DAY, HOUR, T0

SETTINGS = Settings(partitions=3)
SUBJECTS = Settings(partitions=3, subjects="case,call,post,order,cart")
NOTHING_IS_FOLDED = Settings(partitions=3, allowed_lateness_days=3650)
END = T0 + 200 * DAY
NOBODY = Erasures()
LIMIT = 3
"""So many customers may share what identifies them."""
COMPARED = ("touchpoints", "journeys", "customers", "abandonments", "sentiment_shifts", "superseded", "follow_ups")


def key_owner(graph: IdentityGraph, settings: Settings, erased: Erasures, key: str, at: int) -> str:
    """Return in whose journeys is what a stated key did at a time; who was erased has none from before."""
    later_ms = (settings.identity_window_days - settings.moved_days) * DAY
    kind, _, value = key.removeprefix(ANONYMOUS).partition(":") if key.startswith(ANONYMOUS) else ("customer", "", key)
    owner = key
    owned = graph.owned((kind, value))
    told = Told(erased)
    for begin, one in zip(told.begins(told.of(owned), later_ms), owned, strict=True):
        if begin <= at:
            owner = key_of(one.owner)
    return owner


def expected(
    touchpoints: list[Touchpoint], graph: IdentityGraph, settings: Settings, erased: Erasures = NOBODY
) -> dict[str, list[Any]]:
    """Return the rows of a log in which every touchpoint states its owner."""
    return read_alone([*of_their_owners(touchpoints, graph, settings, erased)], settings)


def of_their_owners(
    touchpoints: list[Touchpoint], graph: IdentityGraph, settings: Settings, erased: Erasures = NOBODY
) -> list[Touchpoint]:
    """Return touchpoints that all state their owners."""
    owner_of = partial(key_owner, graph, settings, erased)
    by_subject = owners(map(about, touchpoints), owner_of, settings.moved_days * DAY)
    return [
        replace(one, customer_key=by_subject.get(one.event_id) or owner_of(one.customer_key, one.occurred_at))
        for one in touchpoints
    ]


def read_alone(records: list[LogRecord], settings: Settings) -> dict[str, list[Any]]:
    """Return the rows of a log that one partition reads, and what it sends to itself, in no disorder."""
    partition, tables = Partition(0, 1, rules_of(settings)), Tables()
    # What waits takes its steps as time goes on.
    left: deque[LogRecord] = deque([*records, *(Tick(END + second * 1_000) for second in range(20))])
    sent: deque[LogRecord] = deque()
    for offset in count():
        if not sent and not left:
            break
        record = sent.popleft() if sent else left.popleft()
        partition.apply(offset, record, journey_log.encode(record))
        if partition._steps.output.forwarded or not left:
            output = partition.flush()
            tables.write(output)
            sent.extend(journey_log.decode(data) for _, data in output.forwarded)
    return shown({table: list(rows.values()) for table, rows in tables.rows.items()})


def known_at_once(touchpoints: list[Touchpoint], graph: IdentityGraph, settings: Settings) -> dict[str, list[Any]]:
    """Return the rows of a log that tells who owns what before anything else, and whose each subject is."""
    stated = owners(map(about, touchpoints), lambda key, _at: key, settings.moved_days * DAY)
    known = [replace(one, customer_key=stated.get(one.event_id) or one.customer_key) for one in touchpoints]
    return read_alone([*told(graph, settings, known), *known], settings)


def told(graph: IdentityGraph, settings: Settings, touchpoints: list[Touchpoint]) -> list[Owners]:
    """Return who owns what, as the partitions of all stated keys are told once all links are known."""
    found: list[Owners] = []
    for key in sorted({one.customer_key for one in touchpoints}):
        kind, _, value = key.removeprefix(ANONYMOUS).partition(":")
        identity = (kind, value) if key.startswith(ANONYMOUS) else ("customer", key)
        owned = graph.owned(identity)
        later_ms, ownings = (settings.identity_window_days - settings.moved_days) * DAY, Told(NOBODY)
        of_it = ownings.of(owned)
        since, adopted_since = ownings.begins(of_it, later_ms), ownings.begins(of_it, 0)
        found.append(Owners(key, since, of_it.names, 0, adopted_since=adopted_since))
    return found


def shown(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[Any]]:
    """Return what can be compared: rows that hold, without versions; metrics added up over the partitions."""
    # Under which name a signal was sent before is no part of what holds now. The ids of a shift and of a follow-up are
    # made of whom its onset, or its cause, states: in the other logs that may be the owner.
    hidden = {"version", "deleted", "stated_key", "fields", "previous_customer_id", "shift_id", "follow_up_id"}
    found: dict[str, list[Any]] = {
        table: sorted(
            (
                sorted((name, str(value)) for name, value in row.items() if name not in hidden)
                for row in tables.get(table, [])
                if not row.get("deleted")
            ),
        )
        for table in COMPARED
    }
    sums: Counter[Any] = Counter()
    for row in tables.get("metric_buckets", []):
        key = tuple(str(row[name]) for name in ("metric", "bucket", "dimension", "dimension_value", "currency"))
        for name in ("n", "numerator", "squares"):
            sums[*key, name] += row[name]
        for name, times in (("samples", 1), ("samples_less", -1)):
            for sample in row[name]:
                sums[*key, "sample", sample] += times
        for group, n, numerator in zip(row["groups"], row["group_counts"], row["group_sums"], strict=True):
            sums[*key, f"group {group}", "counts"] += n
            sums[*key, f"group {group}", "sums"] += numerator
    found["accepted"] = sorted(_counted(tables.get("hourly_counts", [])).items())
    found["metrics"] = sorted((*key, str(value)) for key, value in sums.items() if value)
    return found


def _counted(rows: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """Return how many touchpoints were accepted, by kind and hour."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        counts[row["kind"], str(row["hour"])] += row["accepted"]
    return counts


def stored(cluster: Cluster) -> dict[str, list[Any]]:
    writer = cluster.tables()
    tables = {}
    for table in (*COMPARED, "hourly_counts", "metric_buckets"):
        columns = TABLES[table].__struct_fields__
        kept = writer._rows.get(table, {})
        tables[table] = [dict(zip(columns, row, strict=True)) for row in kept.values()]
    return shown(tables)


def final_graph(cluster: Cluster) -> IdentityGraph:
    graph = IdentityGraph()
    for record in cluster.broker.logs[LINKS, 0]:
        read = identity_links.decode(record.value or b"")
        if isinstance(read, IdentitiesStated):
            graph.add(*links_of(read))
        elif isinstance(read, Command):
            graph.obey(read)
    return graph


def check(cluster: Cluster, touchpoints: list[Touchpoint], settings: Settings) -> None:
    """Compare what is stored with a log in which all was known at once, and with one in which all stated their owners.

    Of what things have come to, which go on in their owner's journeys from before the touchpoints move, only the first
    one knows. What either does not know is named in `tests.simulation.limits`.
    """
    graph, have = final_graph(cluster), stored(cluster)
    logs = (cluster.broker.logs[JOURNEYS_LOG, number] for number in range(settings.partitions))
    late = heard_late(([journey_log.decode(one.value or b"") for one in log] for log in logs), rules_of(settings))
    compare(late.without(known_at_once(touchpoints, graph, settings)), late.without(have))
    known = of_their_owners(touchpoints, graph, settings)
    ends = ends_of_adopted_calls(known, partial(key_owner, graph, settings, NOBODY))
    want = ends.without(read_alone([*known], settings))
    compare(without_things(want), without_things(ends.without(have)))


def compare(want: dict[str, list[Any]], have: dict[str, list[Any]]) -> None:
    for table, rows in want.items() if want != have else ():
        missing = [row for row in rows if row not in have[table]]
        surplus = [row for row in have[table] if row not in rows]
        assert (table, missing[:3], surplus[:3]) == (table, [], [])


def check_state(cluster: Cluster, settings: Settings) -> None:
    """Compare each partition's state, and what it has sent, with what its log alone says, read without a crash."""
    sent = {record.value for log in cluster.broker.logs.values() for record in log}
    for number in range(settings.partitions):
        partition = Partition(number, settings.partitions, rules_of(settings))
        for record in cluster.broker.logs[JOURNEYS_LOG, number]:
            value = record.value or b""
            partition.apply(record.offset, journey_log.decode(value), value)
            # It would be due again, and be done twice, when the record is read once more after a crash.
            assert not partition.customers.timers.is_due(partition.clock.timers_until)
        output = partition.flush()
        assert [journey_log.decode(record) for _, record in output.forwarded if record not in sent] == []
        assert [link for link in output.links if identity_links.encode(link) not in sent] == []
        kept = cluster.restored(number)
        assert kept._steps.received == partition._steps.received
        assert timelines(kept) == timelines(partition)


def timelines(partition: Partition) -> dict[str, CustomerTimeline]:
    """Return what is kept of the customers; an empty timeline says no more than none: its tombstone is to come."""
    # Encoded and read again: as they are in the changelog, with what is in blocks.
    decoded = {
        key: msgspec.msgpack.decode(msgspec.msgpack.encode(partition.customers.timeline(key)), type=CustomerTimeline)
        for key in partition.customers._encoded
    }
    return {key: one for key, one in decoded.items() if not (one.is_empty and one.ownership is None)}


@pytest.mark.parametrize("seed", SEEDS)
def test_moved_touchpoints_are_as_if_their_owners_had_been_known(seed: int) -> None:
    touchpoints = people(seed, 100)
    cluster = Cluster(seed, SETTINGS, workers=1 + seed % 4, crashes=(0, 20)[seed % 2], disorder_ms=3 * HOUR)

    cluster.run(touchpoints, [], END)

    check(cluster, touchpoints, SETTINGS)
    check_state(cluster, SETTINGS)
    check_identities(cluster)
    check_signals(cluster, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_comes_as_late_as_it_may_moves_though_the_settled_time_is_close_behind(seed: int) -> None:
    # With a fourth customer the shared browser would be nobody's, also in what is final.
    touchpoints = people(seed, 100, LIMIT, seldom=True)
    cluster = Cluster(seed, SETTINGS, 1 + seed % 4, crashes=(0, 20)[seed % 2], disorder_ms=3 * HOUR, calm=True)

    cluster.run(touchpoints, [], END)

    check(cluster, touchpoints, SETTINGS)
    check_state(cluster, SETTINGS)


@pytest.mark.parametrize("seed", SEEDS)
def test_touchpoints_that_state_nobody_are_as_if_they_had_stated_the_owners_of_their_subjects(seed: int) -> None:
    touchpoints = with_nameless(people(seed, 80), seed)
    cluster = Cluster(seed, SUBJECTS, workers=1 + seed % 4, crashes=(0, 20)[seed % 2], disorder_ms=3 * HOUR)

    cluster.run(touchpoints, [], END)

    check(cluster, touchpoints, SUBJECTS)
    check_state(cluster, SUBJECTS)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_said_of_subjects_later_changes_nothing_that_is_final(seed: int) -> None:
    touchpoints = with_nameless(people(seed, 80, LIMIT), seed)
    cluster = Cluster(seed, SUBJECTS, 1 + seed % 4, crashes=(0, 20)[seed % 2], disorder_ms=3 * HOUR, calm=True)

    cluster.run(touchpoints, [], END)

    check(cluster, touchpoints, SUBJECTS)
    check_state(cluster, SUBJECTS)


@pytest.mark.parametrize("seed", SEEDS[::4])
def test_a_log_of_a_new_epoch_is_told_who_owns_what_though_no_link_is_stated_anew(seed: int) -> None:
    touchpoints = people(seed, 50)
    first, second = (
        Cluster(seed, Settings(partitions=3, epoch=epoch), 1 + seed % 3, crashes=seed % 8 * 2, disorder_ms=3 * HOUR)
        for epoch in (0, 1)
    )
    first.run(touchpoints, [], END)

    second.take_over(first)
    second.run(touchpoints, [], END)

    check(second, touchpoints, SETTINGS)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_people_decide_moves_all_that_is_not_folded(seed: int) -> None:
    # A browser of more than three customers is nobody's: what it had moved comes back.
    touchpoints = people(seed, 100, *((PERSONS, 0.6) if seed % 3 == 0 else ()))
    cluster = Cluster(seed, NOTHING_IS_FOLDED, workers=1 + seed % 4, crashes=(0, 20)[seed % 2], disorder_ms=3 * HOUR)

    cluster.run(touchpoints, commands(seed, seed % 8), END)

    check(cluster, touchpoints, NOTHING_IS_FOLDED)
    check_state(cluster, NOTHING_IS_FOLDED)
    check_identities(cluster)
    check_signals(cluster, seed)


def test_rows_of_identities_are_compared_in_most_stories() -> None:
    """None of a story in which a link comes late; of most stories all are."""
    compared = []
    for seed in range(10):
        cluster = Cluster(seed, SETTINGS, workers=1, crashes=0, disorder_ms=3 * HOUR)
        cluster.run(people(seed, 100), [], END)
        compared.append(check_identities(cluster))

    assert sum(map(bool, compared)) > 5
