"""Compares the rows of identities with the rule's own words: sets of identities, and no graph."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from schemas import identity_links
from schemas.identity_links import Command, IdentitiesStated, Identity, Link, identity_of
from schemas.rows import TABLES
from schemas.topics import LINKS
from streams.identity.groups import WINDOW_MS
from streams.identity.limits import DEFAULT_LIMIT, LIMITS
from tests.oracle.identity import owner_at, voids
from tests.simulation.cluster import Cluster
from tests.simulation.people import IDENTITIES

MOMENTS = 12
"""Times at which owners are compared: those from which links count, and a moment before each."""


def check_identities(cluster: Cluster) -> int:
    """Compare whose each identity is at some times; return how many were compared.

    The oracle knows no links that came late: of a log that has one, nothing is compared.
    """
    links, commands = _said(cluster)
    if any(link.late for link in links):
        return 0
    void, owned = voids(links, LIMITS, DEFAULT_LIMIT), owners(cluster)
    begins = sorted({link.occurred_at - WINDOW_MS for link in links})
    earliest: dict[tuple[Identity, Identity], Link] = {}
    for link in sorted(links, key=lambda one: (one.occurred_at, one.event_id)):
        earliest.setdefault(link.pair, link)
    moments = [at for begin in begins[:: max(len(begins) // (MOMENTS // 2), 1)] for at in (begin - 1, begin)]
    for at in moments:
        groups = {one: owner_at(one, at, [*earliest.values()], commands, void, WINDOW_MS) for one in IDENTITIES}
        found = {one: _owner(owned, one, at) for one in IDENTITIES}
        for one in IDENTITIES:
            assert found[one] in groups[one]
            for other in IDENTITIES:
                assert (found[one] == found[other]) == (groups[one] == groups[other])
    return len(moments) * len(IDENTITIES)


def _said(cluster: Cluster) -> tuple[list[Link], list[Command]]:
    links, commands = [], []
    for record in cluster.broker.logs[LINKS, 0]:
        read = identity_links.decode(record.value or b"")
        if isinstance(read, IdentitiesStated):
            links += [
                Link(first, second, read.occurred_at, read.event_id, read.late)
                for first, second in combinations(read.identities, 2)
            ]
        elif isinstance(read, Command):
            commands.append(read)
    return links, commands


def owners(cluster: Cluster) -> dict[tuple[Any, Any], dict[str, Any]]:
    """Return whose each identity is, and since when, by the newest of its rows."""
    columns = TABLES["identities"].__struct_fields__
    newest: dict[tuple[Any, Any], dict[str, Any]] = {}
    for row in cluster.tables().rows("identities"):
        found = dict(zip(columns, row, strict=True))
        key = found["kind"], found["value"]
        if key not in newest or newest[key]["version"] < found["version"]:
            newest[key] = found
    return {key: {name: row[name] for name in ("since", "customer_ids")} for key, row in newest.items()}


def _owner(owned: dict[tuple[Any, Any], dict[str, Any]], identity: Identity, at: int) -> Identity:
    """Return whose an identity is at a time (ms), by its row; its own before the first ownership, and without a row."""
    row = owned.get(identity, {"since": [], "customer_ids": []})
    names = [name for since, name in zip(row["since"], row["customer_ids"], strict=True) if since <= at]
    return identity_of(names[-1]) if names else identity
