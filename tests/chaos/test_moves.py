"""Workers are killed one after the other while touchpoints move to their owners: no row tells of it.

People browse by cookie and device, call by telephone and post by name, log in now and then, and some share a computer.
What is stored in the end is compared with an undisturbed run in which every touchpoint states its owner.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

import pytest

from schemas.identity_links import CUSTOMER, Identity, identity_of, key_of
from schemas.kinds import TOUCHPOINT_KINDS
from servers.clickhouse import ClickHouseServer
from servers.kafka import Kafka
from streams.identity.graph import IdentityGraph
from streams.identity.groups import WINDOW_MS
from streams.identity.identities import Identities
from streams.identity.limits import DEFAULT_LIMIT, LIMITS
from tests.integration.installation import whatever_the_partition
from tests.integration.shop import Event, shop, write
from tests.oracle.identity import FOREVER, owner_at, voids
from tests.oracle.identity_people import connected_by
from tests.servers.load import Load
from tests.servers.pipeline import App, pipeline_on, until
from tests.servers.rows import Rows, differences, embedded_rows
from tests.unit.identity.said import links_by
from tests.unit.schemas.records import minimal

pytestmark = [pytest.mark.chaos, pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.embedded]

LONG = "CHAOS_SAMPLE" in os.environ
SEED = 20_25
CUSTOMERS, DAYS, PER_SECOND, KILLS = (150, 90, 50, 30) if LONG else (25, 45, 60, 4)
NEVER_S = 3_600
"""Time goes by what is published alone: else whoever is killed would find the others ahead by days of event time."""
BY_LINKS = {"subjects": ""}
"""Whose a post is that the brand answers, a run in which everybody states their owner would not know of the links."""
SETTINGS = {"partitions": 2, "session_timeout_s": 2, "chunk_records": 50, "tick_s": 0.25, **BY_LINKS}
DAY_MS = 86_400_000
MOVES_AFTER_MS = (30 - 3) * DAY_MS
"""An owner's journeys have what happened from so much later on than what is theirs: the window less the lateness."""
OF_LINKS = {"identities", "identity_conflicts"}


def people() -> list[Event]:
    """Return a shop's events in which fewer state the customer, and each fifth customer has the browser of another."""
    chance = random.Random(SEED)
    events = list(shop(CUSTOMERS, DAYS, SEED))
    for event in events:
        identifiers = event.get("identifiers", {})
        if identifiers and chance.random() < 0.4:
            event.pop("customer_id", None)
        cookie = identifiers.get("cookie", "")
        if cookie.startswith("c-H") and int(cookie[3:]) % 5 == 0:
            identifiers["cookie"] = f"c-H{int(cookie[3:]) - 1:05}"
    return [*events, *strangers()]


def strangers() -> Iterator[Event]:
    """Yield touchpoints of every day for every input: time keeps up with the others, whatever is rare."""
    end = datetime(2026, 1, 1, tzinfo=UTC)
    for day in range(DAYS):
        for kind in TOUCHPOINT_KINDS:
            for name in ("stranger", "visitor"):
                said = {"customer_id": name, "event_id": f"{name} {kind} {day}", "kind": kind}
                yield minimal(kind) | said | {"occurred_at": (end - timedelta(days=day + 0.5)).isoformat()}


class Owners:
    """Whose everything is, by all that the events state."""

    def __init__(self, events: list[Event]) -> None:
        self._identities = Identities()
        self._graph = IdentityGraph()
        self.links = [link for one in events for link in links_by(self._stated(one), at(one), one["event_id"])]
        for link in self.links:
            self._graph.add(link)

    def now(self) -> dict[Identity, str]:
        """Return who owns each identity that is another's in the end."""
        return {one: key_of(owned[-1].owner) for some in self._graph.all_owned() for one, owned in some.items()}

    def known(self, event: Event) -> Event:
        """Return an event as it would be if it stated whose journeys it is in, and nobody else."""
        stated = self._stated(event)
        if not stated:
            return event
        owner = stated[0]
        for owned in self._graph.owned(stated[0]):
            if owned.since + MOVES_AFTER_MS <= at(event):
                owner = owned.owner
        kind, value = owner
        known = {"customer_id": value} if kind == CUSTOMER else {"identifiers": {kind: value}}
        return {**{name: said for name, said in event.items() if name not in {"customer_id", "identifiers"}}, **known}

    def _stated(self, event: Event) -> list[Identity]:
        """Return what an event states of who it is, the strongest first."""
        customer = event.get("customer_id")
        return [*([(CUSTOMER, customer)] if customer else []), *self._identities.usable(event.get("identifiers", {}))]


def at(event: Event) -> int:
    return round(datetime.fromisoformat(event["occurred_at"]).timestamp() * 1000)


def test_the_owners_that_are_expected_are_those_of_the_rules_own_words() -> None:
    """What the graph finds is expected below; the oracle knows sets of identities, and no graph."""
    owners = Owners(people())
    void = voids(owners.links, LIMITS, DEFAULT_LIMIT)
    connected = connected_by([link for link in owners.links if frozenset(link.pair) not in void])
    found, groups = owners.now(), dict[Identity, set[frozenset[Identity]]]()
    for identity, links in connected.items():
        group = owner_at(identity, FOREVER, links, [], set(), WINDOW_MS)
        owner = identity_of(found.get(identity, key_of(identity)))
        assert owner in group
        groups.setdefault(owner, set()).add(group)

    assert all(len(some) == 1 for some in groups.values())
    assert len(groups) == len({group for some in groups.values() for group in some}) > 20


@dataclass(frozen=True)
class Run:
    """What was published, the rows that were stored of it, and those of a run in which all were known.

    Attributes:
        sent: the number of messages sent by the end of the last kill.
    """

    events: list[Event]
    owners: Owners
    known: Rows
    stored: Rows
    sent: int


def kill_in_turn(workers: list[App], load: Load) -> None:
    chance = random.Random(SEED)
    for worker in islice(cycle(workers), KILLS):
        until(lambda worker=worker: worker.processed("journeys") > 0, f"{worker.name} to be at work")  # type: ignore[misc]
        time.sleep(chance.uniform(0, 1.5))
        worker.kill9()
        worker.start()
        load.check()


@pytest.fixture(scope="module")
def run(kafka: Kafka, clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("moves")
    events = people()
    owners = Owners(events)
    known = embedded_rows(write([owners.known(event) for event in events], folder / "known.jsonl"), folder, **BY_LINKS)
    with pipeline_on(kafka, clickhouse_server, folder, **SETTINGS) as pipeline:
        load = Load(pipeline.settings, write(events, folder / "people.jsonl"), PER_SECOND, repeats=0, seed=SEED)
        pipeline.start("sink")
        workers = [pipeline.start("worker", idle_s=NEVER_S) for _ in range(2)]
        with load:
            kill_in_turn(workers, load)
            sent = load.sent
            load.finish()
        for worker in workers:
            worker.stop()
        pipeline.start("worker", idle_s=1)
        pipeline.drain()
        return Run(events, owners, known, pipeline.rows(), sent)


def shown(rows: Rows) -> Rows:
    """Return rows as they are whatever the touchpoints state: who is who, and by what that is known, is left out."""
    shown = {table: found for table, found in rows.items() if table not in OF_LINKS}
    shown["touchpoints"] = [{**row, "stated_key": row["customer_id"]} for row in rows["touchpoints"]]
    for table in ("abandonments", "sentiment_shifts", "follow_ups"):
        shown[table] = [{**row, "previous_customer_id": None} for row in rows[table]]
    # A shift's id is made of whom its onset states, and a follow-up's of whom its cause does.
    shown["sentiment_shifts"] = [{**row, "shift_id": row["onset_event_id"]} for row in shown["sentiment_shifts"]]
    shown["follow_ups"] = [{**row, "follow_up_id": f"{row['reason']} {row['event_id']}"} for row in shown["follow_ups"]]
    return whatever_the_partition(shown)


def test_the_kills_came_under_load(run: Run) -> None:
    assert len(run.events) / 8 < run.sent < len(run.events)


def test_many_touchpoints_are_anothers_than_they_state(run: Run) -> None:
    moved = [row for row in run.stored["touchpoints"] if row["customer_id"] != row["stated_key"]]
    assert len(moved) > len(run.events) / 20
    assert len({row["customer_id"] for row in moved}) > CUSTOMERS / 2


def test_every_row_of_every_table_is_as_if_all_had_been_known_and_nobody_killed(run: Run) -> None:
    assert differences(shown(run.known), shown(run.stored)) == []


def test_every_identity_is_whose_the_links_say(run: Run) -> None:
    assert {
        (row["kind"], row["value"]): row["customer_ids"][-1] for row in run.stored["identities"]
    } == run.owners.now()
