"""Somebody is forgotten as if they had never been, and only they."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.identity_links import CUSTOMER, Command, Identity, Link
from streams.identity.difference import Changes
from streams.identity.graph import IdentityGraph
from streams.identity.groups import Conflict, Ownership
from streams.identity.limits import Limits
from tests.unit.identity.test_graph import IDENTITIES, WINDOW, commands, links

ALL = 1_000
LATER = 200
UNLIMITED = Limits(dict.fromkeys((CUSTOMER, "email", "cookie"), ALL), ALL, ALL, ALL)
Said = list[Link | Command]


def graph_of(said: Said, links_max: int = ALL, limits: Limits = UNLIMITED) -> IdentityGraph:
    graph = IdentityGraph(limits, WINDOW, links_max)
    for one in said:
        take(graph, one)
    return graph


def take(graph: IdentityGraph, one: Link | Command) -> Changes:
    return graph.add(one) if isinstance(one, Link) else graph.obey(one)


def names(one: Link | Command) -> set[Identity]:
    return {one.first, one.second}


def owned(graph: IdentityGraph) -> dict[Identity, tuple[Ownership, ...]]:
    return {one: found for one in IDENTITIES if (found := graph.owned(one))}


def refused(graph: IdentityGraph) -> set[Conflict]:
    return {conflict for one in IDENTITIES for conflict in graph.conflicts(one)}


@given(st.lists(st.one_of(links, commands), max_size=25), st.sampled_from(IDENTITIES))
def test_a_person_is_all_that_have_one_owner_in_the_end(said: Said, one: Identity) -> None:
    graph = graph_of(said)

    def owner(identity: Identity) -> Identity:
        found = graph.owned(identity)
        return found[-1].owner if found else identity

    assert set(graph.person(one)) == {other for other in IDENTITIES if owner(other) == owner(one)}


@given(
    st.lists(st.one_of(links, commands), max_size=25),
    st.sampled_from(IDENTITIES),
    st.sampled_from([2, 4, ALL]),
    st.sampled_from([50, LATER]),
    st.lists(st.one_of(links, commands), max_size=5),
)
def test_who_is_forgotten_is_as_if_nobody_had_ever_named_them(
    said: Said, one: Identity, links_max: int, until: int, more: Said
) -> None:
    graph = graph_of(said, links_max)
    gone = set(graph.person(one))
    before, conflicts = owned(graph), refused(graph)

    changes = graph.forget(gone, until)

    def at(one: Link | Command) -> int:
        return one.occurred_at if isinstance(one, Link) else one.at

    def left_of(some: Said) -> Said:
        return [one for one in some if at(one) > until or not names(one) & gone]

    # Of a pair the first statement alone is known, whatever was stated later.
    earliest = {link.pair: link for link in sorted((o for o in said if isinstance(o, Link)), key=_order, reverse=True)}
    known: Said = [*earliest.values(), *(one for one in said if isinstance(one, Command))]
    plain = graph_of(left_of(known), links_max)
    assert (owned(graph), refused(graph)) == (owned(plain), refused(plain))
    after = owned(graph)
    changed = {identity for identity in IDENTITIES if before.get(identity) != after.get(identity)}
    assert {one: changes.owners.get(one, ()) for one in changed - gone} == {
        one: after.get(one, ()) for one in changed - gone
    }
    assert all(owners == after.get(one, ()) for one, owners in changes.owners.items())
    assert gone & after.keys() == gone & changes.owners.keys()
    others = {one for one in refused(graph) - conflicts if not names(one.link) & gone}
    assert others <= set(changes.conflicts)

    for late in more:
        take(graph, late)
        take(plain, late)
    assert (owned(graph), refused(graph)) == (owned(plain), refused(plain))
    if until == LATER and not more:
        assert len(graph) == len({name for kept in left_of(said) for name in names(kept)} | _neighbours(said, gone))


def _order(link: Link) -> tuple[object, ...]:
    return link.occurred_at, link.event_id


def _neighbours(said: Said, gone: set[Identity]) -> set[Identity]:
    """Identities that stay known though nothing names them any more: those stated with who is gone."""
    return {name for one in said for name in names(one)} - gone
