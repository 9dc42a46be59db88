"""What a link or a command changes: who owns what now and did not before, and which links are conflicts now."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from schemas.identity_links import Identity, Pair
from schemas.steps import AT_ONCE, parts_of
from streams.identity.groups import Conflict, Node, Ownership, Resolution


class Changes(NamedTuple):
    """What a link or a command has changed.

    Attributes:
        owners: by identity whose owners have changed, all its ownerships, oldest first; before the first it is its own.
        conflicts: links that now link nothing, or for another reason.
        settled: links that were conflicts and are none any more.
        were, are: the identifiers that were connected before, and that are now, in all components that were changed.
    """

    owners: dict[Identity, tuple[Ownership, ...]]
    conflicts: list[Conflict]
    settled: list[Conflict]
    were: Sequence[Iterable[Identity]] = ()
    are: Sequence[Iterable[Identity]] = ()


NO_CHANGES = Changes({}, [], [])
Adding = Generator[None, None, Changes]


class State(NamedTuple):
    """What is known of some identities."""

    identities: Iterable[Identity]
    resolution: Resolution


Conflicts = dict[Pair, Conflict]
Nodes = dict[Identity, Node]


def difference(was: Sequence[State], now: Sequence[State]) -> Adding:
    """Return what has changed between two states of the same identities, little by little."""
    owners = yield from _new_owners((yield from nodes_of(was)), (yield from nodes_of(now)))
    conflicts_were, conflicts = (yield from _conflicts_of(was)), (yield from _conflicts_of(now))
    new: list[Conflict] = []
    for nth, (pair, one) in enumerate(conflicts.items()):
        if conflicts_were.get(pair) != one:
            new.append(one)
        if nth % AT_ONCE == 0:
            yield
    settled: list[Conflict] = []
    for nth, (pair, one) in enumerate(conflicts_were.items()):
        if pair not in conflicts:
            settled.append(one)
        if nth % AT_ONCE == 0:
            yield
    return Changes(owners, new, settled)


def _new_owners(was: Nodes, now: Nodes) -> Generator[None, None, dict[Identity, tuple[Ownership, ...]]]:
    """Return the ownerships of the identities that have other ones now."""
    moved = set()
    for nth, identity in enumerate(chain(was, now)):
        if _step(was, identity) != _step(now, identity):
            moved.add(identity)
        if nth % AT_ONCE == 0:
            yield
    new: dict[Identity, tuple[Ownership, ...]] = {}
    met: dict[Node, bool] = {}
    for nth, identity in enumerate(chain(was, now) if moved else ()):
        if identity not in new and (_meets(was.get(identity), moved, met) or _meets(now.get(identity), moved, met)):
            owned = now[identity].owned() if identity in now else ()
            if identity not in was or _differ(owned, was[identity].owned()):
                new[identity] = owned
        if nth % AT_ONCE == 0:
            yield
    return new


def _differ(one: Sequence[Ownership], other: Sequence[Ownership]) -> bool:
    """Whether two rows of ownerships differ; mostly the newest ones do."""
    return len(one) != len(other) or one[-1:] != other[-1:] or one != other


def _step(nodes: Nodes, identity: Identity) -> tuple[Identity, int, str] | None:
    """Return the first owner of an identity, since when and by which event it is."""
    node = nodes.get(identity)
    return None if node is None or node.parent is None else (node.parent.identity, node.since, node.event_id)


def _meets(node: Node | None, moved: Collection[Identity], met: dict[Node, bool]) -> bool:
    """Whether one of some identities is on the way from a node to its root.

    Args:
        met: of which nodes it is so, and of which not; those on the way are added, so that none is passed twice.
    """
    way = []
    while node is not None and node not in met and node.identity not in moved:
        way.append(node)
        node = node.parent
    found = node is not None and met.get(node, True)
    met |= dict.fromkeys(way, found)
    return found


def nodes_of(states: Iterable[State]) -> Generator[None, None, Nodes]:
    """Return all nodes of the states' identities, little by little."""
    found: Nodes = {}
    for nth, state in enumerate(states):
        nodes = state.resolution.nodes
        for identity in state.identities:
            if identity in nodes:
                found[identity] = nodes[identity]
        if nth % AT_ONCE == 0:
            yield
    return found


def _conflicts_of(states: Iterable[State]) -> Generator[None, None, Conflicts]:
    """Return the conflicts of some states by pair, little by little."""
    found: Conflicts = {}
    for part in parts_of(states):
        for nth, conflict in enumerate(chain.from_iterable(state.resolution.conflicts for state in part)):
            found[conflict.link.pair] = conflict
            if nth % AT_ONCE == 0:
                yield
        yield  # most states have none
    return found
