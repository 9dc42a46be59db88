"""What stands between two identities: the shortest way from one to the other through links that touchpoints state."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import NamedTuple, get_args

from schemas.identifiers import ANONYMOUS
from schemas.identity_links import CUSTOMER, Identity, Pair, key_of
from schemas.kinds.kind import SubjectKind
from sinks.database import Database, select
from streams.identity.identities import Identities
from streams.identity.links import links_of, stated_as

STATEMENTS = 10_000
"""Of touchpoints that state different identities, so many are looked at: the first of them."""
AT_ONCE = 500
"""Identities in one question: they may be long, and a question has a limit."""
DECIDED_SINCE = "1900-01-01 00:00:00.000"
"""Since when an identity is somebody's by a person's decision."""

_SUBJECTS = tuple(f"{ANONYMOUS}{kind}:" for kind in get_args(SubjectKind))
_OWNERS = """
SELECT customer_id, toString(since) FROM identities
WHERE superseded_at IS NULL
    AND (kind, value) IN (SELECT arrayJoin(arrayZip({kinds:Array(String)}, {values:Array(String)})))
"""
_STATED = """
SELECT stated_key, identifiers, argMin(event_id, (occurred_at, event_id)), toString(min(occurred_at)) AS first_at
FROM owned_touchpoints
WHERE owner IN {owners:Array(String)} AND notEmpty(identifiers)
GROUP BY stated_key, identifiers
ORDER BY first_at, stated_key
LIMIT {limit:UInt64}
"""
_REFUSED = """
SELECT kind, value, other_kind, other_value FROM identity_conflicts
WHERE (kind, value) IN (SELECT arrayJoin(arrayZip({kinds:Array(String)}, {values:Array(String)})))
"""


class Stated(NamedTuple):
    """A link that touchpoints state, the first of them, and when it happened, UTC."""

    first: Identity
    second: Identity
    event_id: str
    occurred_at: str


class Between(NamedTuple):
    """What makes two identities one person's.

    Attributes:
        way: the links from the first to the second, in order: one where touchpoints link the two themselves, and none
            where no links that touchpoints in the tables state lead from one to the other.
        decided: whether a person has decided on one of them.
        is_whole: whether all that their owners' touchpoints state was looked at.
    """

    way: list[Stated]
    decided: bool
    is_whole: bool


def between(database: Database, first: Identity, second: Identity, identities: Identities) -> Between:
    """Return what makes two identities one person's, by the touchpoints of their owners.

    Raises:
        QueryError: the tables are not there.
        TransientWriteError: the database is out of reach.
    """
    ends = _parameters((first, second))
    owned = select(database, _OWNERS, ends)
    owners = list(dict.fromkeys([key_of(first), key_of(second), *(str(owner) for owner, _ in owned)]))
    links: dict[Pair, Stated] = {}
    statements = select(database, _STATED, {"owners": owners, "limit": STATEMENTS})
    for stated_key, identifiers, event_id, at in statements:
        said = _said(str(stated_key), identifiers, identities)  # type: ignore[arg-type]  # a map, as selected
        stated = stated_as(said, 0, str(event_id))
        for link in links_of(stated) if stated is not None else ():
            links.setdefault(link.pair, Stated(link.first, link.second, str(event_id), str(at)))
    refused = _refused(database, sorted({identity for pair in links for identity in pair}))
    holding = [link for pair, link in links.items() if frozenset(pair) not in refused]
    decided = any(since == DECIDED_SINCE for _, since in owned)
    return Between(way_between(holding, first, second), decided, len(statements) < STATEMENTS)


def _refused(database: Database, identities: list[Identity]) -> set[frozenset[Identity]]:
    """Return the pairs with one of some identities that are conflicts."""
    found: set[frozenset[Identity]] = set()
    for begin in range(0, len(identities), AT_ONCE):
        for row in select(database, _REFUSED, _parameters(identities[begin : begin + AT_ONCE])):
            kind, value, other_kind, other_value = map(str, row)
            found.add(frozenset(((kind, value), (other_kind, other_value))))
    return found


def way_between(links: Iterable[Stated], first: Identity, second: Identity) -> list[Stated]:
    """Return the fewest links that lead from one identity to another, in order, each from its beginning; else none."""
    beside: dict[Identity, list[Stated]] = defaultdict(list)
    for link in links:
        beside[link.first].append(link)
        beside[link.second].append(link._replace(first=link.second, second=link.first))
    reached_by: dict[Identity, Stated | None] = {first: None}
    queue = deque([first])
    while queue and second not in reached_by:
        for link in beside[queue.popleft()]:
            if link.second not in reached_by:
                reached_by[link.second] = link
                queue.append(link.second)
    way: list[Stated] = []
    link_to = reached_by.get(second)
    while link_to is not None:
        way.append(link_to)
        link_to = reached_by[link_to.first]
    return way[::-1]


def _said(stated_key: str, identifiers: dict[str, str], identities: Identities) -> list[Identity]:
    """Return what a touchpoint states of who is who; one that is its subject's links nothing."""
    if stated_key.startswith(_SUBJECTS):
        return []
    customer = [] if stated_key.startswith(ANONYMOUS) else [(CUSTOMER, stated_key)]
    return list(dict.fromkeys([*customer, *identities.usable(identifiers)]))


def _parameters(identities: Iterable[Identity]) -> dict[str, list[str]]:
    ordered = sorted(identities)
    return {"kinds": [kind for kind, _ in ordered], "values": [value for _, value in ordered]}
