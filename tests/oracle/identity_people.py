"""Whether the graph finds the rule's own groups of simulated people, whatever the order of their links.

    python -m tests.oracle.identity_people --people 100000

One touchpoint of each identity and month is looked up, as owners change by windows.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import NamedTuple

import click

from bench.identity import Rule, Seen, read_lines
from schemas.identity_links import Identity, Link
from streams.identity.graph import LINKS_MAX
from streams.identity.groups import WINDOW_MS
from streams.identity.limits import DEFAULT_LIMIT, LIMITS
from tests.oracle.identity import owner_at, voids
from tests.unit.identity.said import links_by
from touchline.simulate.identities import write_identities
from touchline.simulate.stream import period_of


class Compared(NamedTuple):
    """What was looked up, and where the graph says otherwise than the oracle.

    Attributes:
        looked_up: pairs of an identity and a time.
        differences: owners of the graph who stand for two groups, or are in none, and groups with two owners.
    """

    looked_up: int
    differences: list[tuple[Identity, Identity]]


def compare(lines: Path, seed: int = 1) -> Compared:
    """Compare whose identities are in the end, of people that `touchline simulate --identities` has written."""
    rule, links, at = Rule(), list[Link](), dict[tuple[Identity, int], Seen]()
    for seen in read_lines(lines, Seen):
        identities = rule.identities_of(seen)
        if identities:
            links += links_by(identities, seen.at, seen.event_id)
            at[identities[0], seen.at // WINDOW_MS] = seen
    earliest: dict[tuple[Identity, Identity], Link] = {}
    for link in sorted(links, key=lambda one: (one.occurred_at, one.event_id)):
        earliest.setdefault(link.pair, link)
    shuffled = list(links)
    Random(seed).shuffle(shuffled)
    for link in shuffled:
        rule.graph.add(link)
    void = voids(links, LIMITS, DEFAULT_LIMIT)
    counting = [link for link in earliest.values() if frozenset(link.pair) not in void]
    return Compared(len(at), _differences(rule, at, counting))


def _differences(
    rule: Rule, at: dict[tuple[Identity, int], Seen], links: list[Link]
) -> list[tuple[Identity, Identity]]:
    """Return where owners and groups are not one to one."""
    connected = connected_by(links)
    assert all(len(some) <= LINKS_MAX for some in connected.values())  # The rule for more is not looked at here.
    owners, groups = defaultdict(set), defaultdict(set)
    for (identity, _), seen in at.items():
        group = owner_at(identity, seen.at, connected.get(identity, []), [], set(), WINDOW_MS)
        owner, named = rule.owner_of(seen), _name_of(group)
        owners[owner].add(named)
        groups[named].add(owner)
        if owner not in group:
            owners[owner].add(("", "in none"))
    return [
        *((owner, named) for owner, some in owners.items() if len(some) > 1 for named in some),
        *((owner, named) for named, some in groups.items() if len(some) > 1 for owner in some),
    ]


def _name_of(group: frozenset[Identity]) -> Identity:
    """Return what tells the groups of all times apart: a person's may grow."""
    customers = [identity for identity in group if identity[0] == "customer"]
    return customers[0] if customers else min(group)


def connected_by(links: list[Link]) -> dict[Identity, list[Link]]:
    """Return by identity the links that may bear on it: those of all that are linked, over any steps."""
    of: dict[Identity, set[Identity]] = {}
    for one, other in (link.pair for link in links):
        kept, joined = sorted((of.get(one, {one}), of.get(other, {other})), key=len, reverse=True)
        kept |= joined
        for identity in joined:
            of[identity] = kept
        of[one] = of[other] = kept
    by_group = defaultdict(list)
    for link in links:
        by_group[id(of[link.first])].append(link)
    return {identity: by_group[id(group)] for identity, group in of.items()}


@click.command()
@click.option("--people", default=10_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(people: int, seed: int) -> None:
    """Print how many owners differ; end with 1 if any does."""
    with tempfile.TemporaryDirectory(prefix="touchline-identity-") as folder:
        lines = Path(folder) / "people.jsonl"
        write_identities(people, seed, period_of(365), lines)
        looked_up, differences = compare(lines, seed)
    click.echo(f"{people:,} people: {looked_up:,} identities and months looked up, {len(differences)} differences")
    for owner, group in differences[:20]:
        click.echo(f"{owner} {group}")
    sys.exit(bool(differences))


if __name__ == "__main__":
    main()
