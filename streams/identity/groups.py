"""The rule of who is who: links join groups of identities, in their order.

Each link joins the groups of its two identities, unless both have a customer. So the result is a function of the set of
links alone, whatever the order in which they came. A link counts from a while before its own time on (`window_ms`):
what a visitor did before the login is the customer's; what somebody did with the same browser last year is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from schemas.identity_links import CUSTOMER, Command, Identity, Link, Pair
from schemas.units import DAY_MS
from streams.identity.links import order_of, order_of_command
from streams.identity.strength import pair_of, rank_of

WINDOW_MS = 30 * DAY_MS
"""How long before a link a touchpoint may have happened and still be counted as the link says."""
ALWAYS = -(1 << 62)
"""Earlier than any time."""

Refusal = Literal["two_customers", "too_many"]


class Ownership(NamedTuple):
    """Who owns an identity's touchpoints that happened at `since` (ms) or later, until the next ownership's time.

    Attributes:
        event_id: of the touchpoint or command that says so.
    """

    since: int
    owner: Identity
    event_id: str


class Conflict(NamedTuple):
    """A link that joins nothing.

    Attributes:
        customers: of a link between two, the customers that its two identities have; else empty.
    """

    link: Link
    reason: Refusal
    customers: tuple[str, ...] = ()


@dataclass(slots=True)
class Resolution:
    """What links and commands say.

    Attributes:
        owners: by identity that ever changed its owner, its ownerships, oldest first; before the first it is its own.
        conflicts: in the order of the links.
    """

    owners: dict[Identity, list[Ownership]] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)


@dataclass(slots=True)
class _Group:
    """Identities that are one person's.

    Attributes:
        owner: the customer, or the identity that names the profile.
        named: what is compared when two groups without a customer meet: the lesser one names both.
        changed_at: when the last one was joined, ms.
    """

    owner: Identity
    named: tuple[int, str, int, str]
    members: list[Identity]
    changed_at: int = ALWAYS

    @property
    def is_customer(self) -> bool:
        return self.owner[0] == CUSTOMER


def resolve(
    links: Iterable[Link],
    commands: Iterable[Command],
    is_void: Callable[[Pair], bool],
    window_ms: int = WINDOW_MS,
) -> Resolution:
    """Return whose the identities are that some links and commands name.

    Args:
        links: at most one of each pair; in any order.
        commands: all that name these identities; in any order.
        is_void: tells whether a pair links nothing, as one of the two was stated with too many others.
    """
    said = _last_of(commands)
    groups = _Groups(window_ms)
    for command in sorted(said.values(), key=order_of_command):
        if command.action == "link":
            groups.obey(command)
    for link in sorted(links, key=order_of):
        unlink = said.get(link.pair)
        if unlink is not None and unlink.action == "unlink" and link.occurred_at <= unlink.at:
            continue
        if is_void(link.pair):
            groups.resolution.conflicts.append(Conflict(link, "too_many"))
        else:
            groups.join(link)
    return groups.resolution


def _last_of(commands: Iterable[Command]) -> dict[Pair, Command]:
    return {pair_of(one.first, one.second): one for one in sorted(commands, key=order_of_command)}


class _Groups:
    """The groups after the links up to one of them."""

    def __init__(self, window_ms: int) -> None:
        self.resolution = Resolution()
        self._window_ms = window_ms
        self._groups: dict[Identity, _Group] = {}
        self._joins = 0

    def obey(self, command: Command) -> None:
        """Join two groups for all times, even of two customers: then both are the first one's."""
        one, other = self._group(command.first), self._group(command.second)
        if one is not other:
            both = one.is_customer and other.is_customer
            self._merge(*_ordered(one, other) if not both else (one, other), ALWAYS, command.command_id)

    def join(self, link: Link) -> None:
        """Join the groups of a link's identities, unless both have a customer."""
        one, other = self._group(link.first), self._group(link.second)
        if one is other:
            return
        if one.is_customer and other.is_customer:
            self.resolution.conflicts.append(Conflict(link, "two_customers", (one.owner[1], other.owner[1])))
            return
        # A late link comes after links that happened later: what these have joined, it finds joined.
        at = max(link.occurred_at, one.changed_at, other.changed_at)
        self._merge(*_ordered(one, other), at, link.event_id)

    def _group(self, identity: Identity) -> _Group:
        group = self._groups.get(identity)
        if group is None:
            # Of two identities of one kind the one that was linked first names the profile: it is not renamed then.
            self._joins += 1
            named = (*rank_of(identity[0]), self._joins, identity[1])
            group = self._groups[identity] = _Group(identity, named, [identity])
        return group

    def _merge(self, keeps: _Group, joins: _Group, at: int, event_id: str) -> None:
        since = at if at == ALWAYS else at - self._window_ms
        for identity in joins.members:
            self._groups[identity] = keeps
            owned = self.resolution.owners.setdefault(identity, [])
            # Of two at one time the later link's holds.
            while owned and owned[-1].since >= since:
                owned.pop()
            owned.append(Ownership(since, keeps.owner, event_id))
        keeps.members += joins.members
        keeps.changed_at = at


def _ordered(one: _Group, other: _Group) -> tuple[_Group, _Group]:
    """Return two groups, the one first that names both."""
    return (one, other) if one.named <= other.named else (other, one)
