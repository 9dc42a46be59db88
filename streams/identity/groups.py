"""The rule of who is who: links join groups of identities, in their order.

Each link joins the groups of its two identities, unless both have a customer. So the result is a function of the set of
links alone, whatever the order in which they came. A link counts from a while before its own time on (`window_ms`):
what a visitor did before the login is the customer's; what somebody did with the same browser last year is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal, NamedTuple

from schemas.identity_links import CUSTOMER, Command, Identity, Link, Pair
from schemas.units import DAY_MS
from streams.identity.links import order_of_command
from streams.identity.strength import pair_of, rank_of

WINDOW_MS = 30 * DAY_MS
"""How long before a link a touchpoint may have happened and still be counted as the link says."""
ALWAYS = -(1 << 62)
"""Earlier than any time."""

Refusal = Literal["two_customers", "too_many", "too_connected"]


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


class Resolution:
    """What links and commands say.

    Attributes:
        conflicts: links that join nothing, in their order.
        nodes: of all identities that were named.
    """

    def __init__(self) -> None:
        self.conflicts: list[Conflict] = []
        self.nodes: dict[Identity, Node] = {}

    def owned(self, identity: Identity) -> tuple[Ownership, ...]:
        """Return an identity's ownerships, oldest first; before the first it is its own."""
        node = self.nodes.get(identity)
        return () if node is None else node.owned()

    def owner(self, identity: Identity) -> Identity | None:
        """Return who owns an identity in the end; None where it was not named."""
        node = self.nodes.get(identity)
        return None if node is None else node.root().identity


class Node:
    """An identity, and the one into whose group its own group went.

    An identity that names a group names it until the group goes into another. So its owners are, one after the other,
    the nodes on the way to the root.

    Attributes:
        named: what is compared when two groups without a customer meet: the lesser one names both.
        parent: None while the identity names its own group.
        since: from when on (ms) the parent is the owner; with `event_id`, of the link or command that says so.
        changed_at: of a root, when the last identity has joined its group, ms.
        above: the root, or a node between.
    """

    __slots__ = ("_owned", "above", "changed_at", "event_id", "identity", "is_customer", "named", "parent", "since")

    def __init__(self, identity: Identity, nth: int) -> None:
        self.identity = identity
        # Of two identities of one kind the one that was linked first names the profile: it is not renamed then.
        self.named = (*rank_of(identity[0]), nth)
        self.is_customer = identity[0] == CUSTOMER
        self.parent: Node | None = None
        self.since = self.changed_at = ALWAYS
        self.event_id = ""
        self.above = self
        self._owned: tuple[Ownership, ...] | None = None

    def root(self) -> Node:
        """Return the node that names its group."""
        root = self
        while root.above is not root:
            root.above = root = root.above.above
        return root

    def owned(self) -> tuple[Ownership, ...]:
        """Return the ownerships of the identity, oldest first, once all links have joined what they join."""
        way, node = [], self
        while node._owned is None and node.parent is not None:
            way.append((node, node.parent))
            node = node.parent
        owned = node._owned or ()
        for node, parent in reversed(way):
            # Of two at one time the later link's holds. All on the way share what they have in common.
            if not owned or node.since < owned[0].since:
                owned = (Ownership(node.since, parent.identity, node.event_id), *owned)
            node._owned = owned
        return owned

    def join(self, keeps: Node, at: int, window_ms: int, event_id: str) -> None:
        """Put the group that this node names into another's, from a time on."""
        self.parent = self.above = keeps
        self.since = at if at == ALWAYS else at - window_ms
        self.event_id = event_id
        keeps.changed_at = max(keeps.changed_at, at)


def resolve(links: Iterable[Link], commands: Collection[Command], window_ms: int = WINDOW_MS) -> Resolution:
    """Return whose the identities are that some links and commands name.

    Args:
        links: at most one of each pair, in their order.
        commands: all that name these identities, or others that commands connect with them; in any order.
    """
    groups = _Groups(window_ms)
    said = last_of(commands)
    for command in sorted(said.values(), key=order_of_command):
        if command.action == "link":
            groups.obey(command)
    for link in links:
        if not is_unlinked(link, said):
            groups.join(link)
    return groups.resolution


def is_unlinked(link: Link, said: Mapping[Pair, Command]) -> bool:
    """Whether the last command on a link's pair takes it back."""
    unlink = said.get(link.pair) if said else None
    return unlink is not None and unlink.action == "unlink" and link.occurred_at <= unlink.at


def is_decided(link: Link, said: Mapping[Pair, Command]) -> bool:
    """Whether the last command on a link's pair says whether it links: then it is no conflict."""
    command = said.get(link.pair)
    return command is not None and (command.action == "link" or is_unlinked(link, said))


def last_of(commands: Collection[Command]) -> dict[Pair, Command]:
    """Return the command that holds of each pair: the last one."""
    if not commands:
        return {}  # The usual case: almost nobody decides anything.
    return {pair_of(one.first, one.second): one for one in sorted(commands, key=order_of_command)}


class _Groups:
    """The groups after the links up to one of them."""

    def __init__(self, window_ms: int) -> None:
        self.resolution = Resolution()
        self._window_ms = window_ms
        self._nodes = self.resolution.nodes

    def obey(self, command: Command) -> None:
        """Join two groups for all times, even of two customers: then both are the first one's."""
        one, other = self._node(command.first).root(), self._node(command.second).root()
        if one is not other:
            both = one.is_customer and other.is_customer
            keeps, joins = (one, other) if both or one.named <= other.named else (other, one)
            joins.join(keeps, ALWAYS, self._window_ms, command.command_id)

    def join(self, link: Link) -> None:
        """Join the groups of a link's identities, unless both have a customer."""
        first, second = self._node(link.first), self._node(link.second)
        one, other = first.root(), second.root()
        if one is other:
            return
        if one.is_customer and other.is_customer:
            self.resolution.conflicts.append(Conflict(link, "two_customers", (one.identity[1], other.identity[1])))
            return
        # A late link comes after links that happened later: what these have joined, it finds joined. A customer's id is
        # that customer's at all times, whatever joined it.
        at = max(link.occurred_at, other.changed_at, ALWAYS if first.is_customer else one.changed_at)
        keeps, joins = (one, other) if one.named <= other.named else (other, one)
        joins.join(keeps, at, self._window_ms, link.event_id)

    def _node(self, identity: Identity) -> Node:
        node = self._nodes.get(identity)
        if node is None:
            node = self._nodes[identity] = Node(identity, len(self._nodes))
        return node
