"""How well the rule of who is who finds simulated people, and what it costs: the figures of docs/identity.md.

    python -m bench.identity --people 100000

All links are known before a touchpoint is looked up, as in a rebuild. Pairs are pairs of touchpoints: precision is the
share of pairs under one owner that are one person's, recall the share of one person's pairs that are under one owner.
"""

from __future__ import annotations

import sys
import tempfile
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import comb
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple, TypeVar

import click
import msgspec

from bench.identity_intake import Sent, measure_intake
from schemas.identity_links import CUSTOMER, IdentitiesStated, Identity, decode, encode, identity_of, key_of
from schemas.kinds import TOUCHPOINT_KINDS
from schemas.kinds.names import KindName
from schemas.subjects import SUBJECT_KINDS, Statement
from streams.identity.graph import IdentityGraph
from streams.identity.groups import WINDOW_MS
from streams.identity.identities import Identities
from streams.identity.links import links_of, stated_as
from streams.identity.statements import REMEMBERED
from streams.identity.subject_owners import SubjectOwners
from streams.identity.subjects import Named, statements_of
from touchline.simulate.identities import write_identities
from touchline.simulate.stream import period_of

Line = TypeVar("Line", bound=msgspec.Struct)
Owner = TypeVar("Owner")


class Seen(msgspec.Struct):
    """What the rule sees of a touchpoint."""

    kind: KindName
    event_id: str
    occurred_at: datetime
    source: str
    customer_id: str | None = None
    identifiers: dict[str, str] = {}
    author: str = "customer"
    platform: str = "twitter"
    post_id: str | None = None
    in_reply_to: str | None = None
    case_id: str | None = None
    call_id: str | None = None
    order_id: str | None = None
    cart_id: str | None = None

    @property
    def at(self) -> int:
        """When it happened, ms."""
        return round(self.occurred_at.timestamp() * 1_000)


class Owned(msgspec.Struct):
    """Whose a touchpoint truly is: a line of FILE.owners.jsonl."""

    event_id: str
    person: str


class Known(msgspec.Struct):
    """A person: a line of FILE.people.jsonl."""

    person: str
    scenario: str
    shares: bool
    customer_id: str | None = None


class Rule:
    """Who is who, by the links of the touchpoints alone.

    Attributes:
        costs_us: microseconds of CPU that the links of each touchpoint took that stated something new.
        links: how many were taken.
        records: that said so, as they are written.
    """

    def __init__(self) -> None:
        self.graph = IdentityGraph()
        self.subjects = SubjectOwners(WINDOW_MS, self._pieces)
        self.costs_us = array("d")
        self.links = 0
        self.records: list[bytes] = []
        self._identities = Identities(subjects=SUBJECT_KINDS)
        self._stated: dict[tuple[Identity, ...], None] = {}
        self._owned: dict[Identity, tuple[tuple[int, Identity], ...]] = {}

    def identities_of(self, seen: Seen) -> list[Identity]:
        """Return the identities that a touchpoint states, the strongest first."""
        is_answer = seen.author == "brand" and seen.in_reply_to is not None
        found: list[Identity] = [] if is_answer else list(self._identities.usable(seen.identifiers))
        customer = None if seen.customer_id is None else self._identities.customer(seen.customer_id)
        return found if customer is None else [(CUSTOMER, customer), *found]

    def learn(self, seen: Seen) -> None:
        """Take the links of a touchpoint; touchpoints come in order of time. What was stated lately is no new link."""
        stated = tuple(self.identities_of(seen))
        self._learn_subjects(seen, stated)
        if stated in self._stated:
            return
        self._stated[stated] = None
        if len(self._stated) > REMEMBERED:
            del self._stated[next(iter(self._stated))]
        record = stated_as(stated, seen.at, seen.event_id)
        if record is None:
            return
        self.records.append(encode(record))
        began = time.thread_time_ns()
        links = links_of(record)
        self.graph.add(*links)
        self.costs_us.append((time.thread_time_ns() - began) / 1_000)
        self.links += len(links)

    def owner_of(self, seen: Seen) -> Identity:
        """Return whose a touchpoint is once all links are known; one that states nobody is its subject's owner's."""
        stated = self.identities_of(seen)
        if stated:
            return _at(seen.at, self._owned_by(stated[0]), stated[0])
        named = self._named(seen)
        if not named:
            return "event", seen.event_id
        [(profile, owned)] = self.subjects.owned([named[0].profile])
        pieces = owned.by_source.get(seen.source, owned.pieces)
        return identity_of(_at(seen.at, pieces, profile))

    def _learn_subjects(self, seen: Seen, stated: Sequence[Identity]) -> None:
        named = self._named(seen)
        if named:
            key = key_of(stated[0]) if stated else named[0].profile
            for one in statements_of(named, Statement(key, seen.source, seen.at, seen.event_id)):
                if one.statement is not None:
                    self.subjects.add(one.customer_key, one.statement)

    def _named(self, seen: Seen) -> list[Named]:
        return list(self._identities.subjects.named(TOUCHPOINT_KINDS[seen.kind].struct, partial(getattr, seen)))

    def _owned_by(self, identity: Identity) -> tuple[tuple[int, Identity], ...]:
        if identity not in self._owned:
            self._owned[identity] = tuple((each.since, each.owner) for each in self.graph.owned(identity))
        return self._owned[identity]

    def _pieces(self, identity: Identity) -> list[tuple[int, str]]:
        return [(since, key_of(owner)) for since, owner in self._owned_by(identity)]


def _at(at: int, owners: Iterable[tuple[int, Owner]], otherwise: Owner) -> Owner:
    """Return the last of some owners who is one by a time, ms."""
    found = [owner for since, owner in owners if since <= at]
    return found[-1] if found else otherwise


@dataclass(frozen=True)
class Found:
    """How well the people of a scenario were found.

    Attributes:
        known: share of the touchpoints of people with a customer's number that are that customer's; None without such.
        groups: owners that the touchpoints of one person have, on average.
    """

    people: int
    touchpoints: int
    precision: float
    recall: float
    known: float | None
    groups: float


class _Cells(NamedTuple):
    """Touchpoints by owner and person, and by owner and scenario."""

    by_person: Counter[tuple[Identity, str]]
    by_scenario: Counter[tuple[Identity, str]]


def measure(owners: Iterator[tuple[str, Identity]], people: Mapping[str, Known]) -> dict[str, Found]:
    """Return how well the rule found the people of each scenario.

    Args:
        owners: of each touchpoint the person whose it is, and the owner that the rule has found.
    """
    cells = _Cells(Counter(), Counter())
    for person, owner in owners:
        cells.by_person[owner, person] += 1
        cells.by_scenario[owner, people[person].scenario] += 1
    sizes = Counter[Identity]()
    of_person, groups, right, known = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for (owner, person), count in cells.by_person.items():
        scenario = people[person].scenario
        sizes[owner] += count
        of_person[person] += count
        groups[scenario] += 1
        right[scenario] += comb(count, 2)
        if owner == (CUSTOMER, people[person].customer_id):
            known[scenario] += count
    together = Counter[str]()
    for (owner, scenario), count in cells.by_scenario.items():
        together[scenario] += comb(count, 2) + count * (sizes[owner] - count)
    persons = defaultdict(list)
    for person in of_person:
        persons[people[person].scenario].append(person)
    found = {}
    for scenario, names in persons.items():
        customers = sum(of_person[name] for name in names if people[name].customer_id is not None)
        found[scenario] = Found(
            people=len(names),
            touchpoints=sum(of_person[name] for name in names),
            precision=_share(right[scenario], together[scenario]),
            recall=_share(right[scenario], sum(comb(of_person[name], 2) for name in names)),
            known=known[scenario] / customers if customers else None,
            groups=groups[scenario] / len(names),
        )
    return found


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def resolve(lines: Path, rule: Rule) -> dict[str, Found]:
    """Return how well a rule finds the people of a simulation that `touchline simulate --identities` has written."""
    for seen in read_lines(lines, Seen):
        rule.learn(seen)
    people = {known.person: known for known in read_lines(lines.with_suffix(".people.jsonl"), Known)}
    owned = read_lines(lines.with_suffix(".owners.jsonl"), Owned)
    pairs = zip(read_lines(lines, Seen), owned, strict=True)
    return measure(((truly.person, rule.owner_of(seen)) for seen, truly in pairs), people)


def read_lines(path: Path, line: type[Line]) -> Iterator[Line]:
    """Yield the lines of a file of the simulation."""
    decode = msgspec.json.Decoder(line).decode
    with path.open("rb") as file:
        for each in file:
            yield decode(each)


def restarted_in(records: Iterable[bytes]) -> float:
    """Return how many seconds of CPU it takes to read back what is acknowledged."""
    graph, began = IdentityGraph(), time.process_time()
    for record in records:
        read = decode(record)
        if isinstance(read, IdentitiesStated):
            graph.restore(*links_of(read))
    return time.process_time() - began


def size_of(graph: IdentityGraph) -> tuple[int, int]:
    """Return how many identities a graph knows, and the bytes that it takes for them."""
    size, of, blobs = 0, graph._components, dict[int, bytes]()
    for kept in (*of.known.parts, of.void.links, of.void.keys, of.lone.links, of.lone.keys):
        blobs |= ((id(blob), blob) for blob in kept.values())
        size += sys.getsizeof(kept) + sum(map(sys.getsizeof, kept))
    return len(graph), size + sum(map(sys.getsizeof, blobs.values()))


def largest_of(graph: IdentityGraph) -> int:
    """Return how many links the largest component has."""
    return max((len(component.links) for component in graph._components.each()), default=0)


@click.command()
@click.option("--people", default=10_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--subject-only", is_flag=True, help="As of `touchline simulate --identities`.")
@click.option("--intake", is_flag=True, help="Tell what INGEST takes for identities, too.")
def main(people: int, seed: int, subject_only: bool, intake: bool) -> None:
    """Print a table by scenario, and what a link and an identity cost."""
    rule = Rule()
    with tempfile.TemporaryDirectory(prefix="touchline-bench-") as folder:
        lines = Path(folder) / "people.jsonl"
        began = time.process_time()
        write_identities(people, seed, period_of(365), lines, subject_only=subject_only)
        print(f"simulated in {time.process_time() - began:.0f} s of CPU: {lines.stat().st_size / 1e6:,.0f} MB")
        shares = {known.scenario: known.shares for known in read_lines(lines.with_suffix(".people.jsonl"), Known)}
        found = resolve(lines, rule)
        taken = measure_intake(map(_sent, read_lines(lines, Seen))) if intake else None
    print("| scenario | shares | people | touchpoints | precision | recall | under their customer | groups a person |")
    print("|---|---|---|---|---|---|---|---|")
    for scenario, each in sorted(found.items(), key=lambda item: (shares[item[0]], item[0])):
        known = "" if each.known is None else f"{each.known:.1%}"
        print(
            f"| `{scenario}` | {'yes' if shares[scenario] else ''} | {each.people:,} | {each.touchpoints:,} "
            f"| {each.precision:.4f} | {each.recall:.3f} | {known} | {each.groups:.2f} |"
        )
    identities, size = size_of(rule.graph)
    print(
        f"{rule.links:,} links of {len(rule.records):,} records, at most {largest_of(rule.graph)} in a component; "
        f"microseconds of CPU a record: median {median(rule.costs_us):.0f}, mean {mean(rule.costs_us):.0f}, "
        f"most {max(rule.costs_us):.0f}; {identities:,} identities, {size / identities:.0f} bytes each; "
        f"{sum(map(len, rule.records)) / len(rule.records):.0f} bytes a record, all read back in "
        f"{restarted_in(rule.records):.1f} s of CPU"
    )
    if taken is not None:
        print(
            f"INGEST: {taken.others.touchpoints:,} touchpoints of known telephones, {taken.others.mean_us:.2f} us each "
            f"({taken.others.stated:,} state something new); {taken.first_phones.touchpoints:,} of new ones, "
            f"{taken.first_phones.mean_us:.1f} us each; {taken.hits:.1%} of telephones found in the cache"
        )


def _sent(seen: Seen) -> Sent:
    return Sent(seen.event_id, seen.at, seen.customer_id, seen.identifiers)


if __name__ == "__main__":
    main()
