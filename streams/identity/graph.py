"""All links, kept so that a new one changes only the identities that it reaches.

Identifiers that links connect are a component. The rule (`streams.identity.groups`) looks at one component at a time,
which is as good as looking at all links. Of a component that would have too many links only those with customers count,
so that a link costs no more than that. All of it follows from the set of links, whatever their order.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from typing import NamedTuple

from schemas.identity_links import CUSTOMER, Command, Identity, Link, Pair
from schemas.steps import AT_ONCE, end_of, parts_of
from streams.identity.component import Component, key_of, unpack
from streams.identity.components import Components, Edit
from streams.identity.difference import NO_CHANGES, Adding, Changes, State, difference, nodes_of
from streams.identity.groups import (
    WINDOW_MS,
    Conflict,
    Ownership,
    Refusal,
    Resolution,
    is_decided,
    last_of,
    resolve,
)
from streams.identity.limits import Limits
from streams.identity.links import order_of
from streams.identity.placing import Placing
from streams.identity.strength import pair_of

LINKS_MAX = 64
"""Links of a component; of one with more only those with customers count."""


class IdentityGraph:
    """The links and commands so far.

    Args:
        limits: with how many others an identity may be stated.
        window_ms: how long before a link a touchpoint may have happened and still be counted as the link says.
        links_max: links of a component.
    """

    def __init__(self, limits: Limits | None = None, window_ms: int = WINDOW_MS, links_max: int = LINKS_MAX) -> None:
        self._window_ms = window_ms
        self._components = Components()
        self._commands: dict[Identity, list[Command]] = {}
        self._placing = Placing(limits or Limits(), links_max, self._commands)
        # What was asked last: whose subjects are is asked of all members of a component, one after the other.
        self._asked: tuple[bytes, Resolution] | None = None

    def __len__(self) -> int:
        return len(self._components.known)

    @property
    def alone(self) -> int:
        """How many identifiers are connected with so many that only links with customers count of them."""
        return self._components.alone

    def owned(self, identity: Identity) -> tuple[Ownership, ...]:
        """Return an identity's ownerships, oldest first."""
        if identity[0] == CUSTOMER:
            return resolve((), self._commands.get(identity, ())).owned(identity)
        data = self._components.known.get(key_of(identity))
        if data is None:
            return ()
        if self._asked is None or self._asked[0] is not data:
            self._asked = data, self._resolve(unpack(data))
        return self._asked[1].owned(identity)

    def connected(self, identity: Identity) -> list[Identity]:
        """Return all identifiers that links connect with one, itself among them; a customer connects nothing."""
        return self._components.connected(identity)

    def all_owned(self) -> Iterator[dict[Identity, tuple[Ownership, ...]]]:
        """Yield by identity all ownerships that there are, a component at a time; no link may be taken meanwhile."""
        for component in self._components.each():
            resolution = self._resolve(component)
            yield {one: owned for one in component.members if (owned := resolution.owned(one))}
        customers = (identity for identity in self._commands if identity[0] == CUSTOMER)
        for customer in customers:
            yield {customer: owned} if (owned := self.owned(customer)) else {}

    def conflicts(self, identity: Identity) -> list[Conflict]:
        """Return the links that name an identity and link nothing."""
        edit = Edit(self._components)
        edit.live(identity)
        states = [*map(self._resolved, edit.after()), self._refused(edit.void.of(identity), edit.lone.of(identity))]
        return [one for state in states for one in state.resolution.conflicts if identity in one.link.pair]

    def add(self, *links: Link) -> Changes:
        """Take the links of a touchpoint, as one change; return what they have changed together."""
        return end_of(self.adding(*links))

    def adding(self, *links: Link) -> Adding:
        """Do the same little by little: of what passes a limit a hundred thousand other links may hang.

        At each yield others may have their turn, but for those who ask who is who.
        """
        edit = Edit(self._components)
        if not (yield from self._place(edit, links)):
            return NO_CHANGES
        before, after = yield from edit.comparing()
        void, lone = (yield from edit.void.comparing()), (yield from edit.lone.comparing())
        was = [(yield from self._refusing(void[0], lone[0]))]
        now = [(yield from self._refusing(void[1], lone[1]))]
        was += yield from self._resolving(before)
        now += yield from self._resolving(after)
        return (yield from _connecting((yield from difference(was, now)), before, after))

    def obey(self, command: Command) -> Changes:
        """Take a command; return what it has changed."""
        return end_of(self.obeying(command))

    def obeying(self, command: Command) -> Adding:
        """Do the same little by little, as `adding`: a customer may have a thousand components."""
        edit, concerned = Edit(self._components), self._concerned(command)
        for identity in concerned.identities:
            yield from edit.living(identity)
        pair = pair_of(command.first, command.second)
        void, lone = ([] if link is None else [link] for link in (edit.void.get(pair), edit.lone.get(pair)))
        before = edit.after()
        was = [self._customers(concerned), *(yield from self._resolving(before)), self._refused(void, lone)]
        yield from self._noting(edit, command)
        after = edit.after()
        now = [self._customers(concerned), *(yield from self._resolving(after))]
        lone += (yield from edit.lone.comparing())[1]
        now.append((yield from self._refusing(void, lone)))
        return (yield from _connecting((yield from difference(was, now)), before, after))

    def restore(self, *links: Link) -> None:
        """Take the links of a touchpoint again whose changes are known."""
        end_of(self._place(Edit(self._components), links))

    def obey_again(self, command: Command) -> None:
        """Take a command again whose changes are known."""
        end_of(self._noting(Edit(self._components), command))

    def person(self, *identities: Identity) -> list[Identity]:
        """Return all identities of whoever has some, these first: those that have the same owner in the end."""
        return end_of(self.finding(*identities))

    def finding(self, *identities: Identity) -> Generator[None, None, list[Identity]]:
        """Do the same little by little, as `adding`: a person may have a hundred thousand."""
        found, to_see = dict.fromkeys(identities), [*identities]
        seen = _Seen(Edit(self._components), {}, set())
        while to_see:
            for other in (yield from self._joined_with(to_see.pop(), seen)):
                if other not in found:
                    found[other] = None
                    to_see.append(other)
            yield
        return list(found)

    def _joined_with(self, identity: Identity, seen: _Seen) -> Generator[None, None, list[Identity]]:
        """Return identities that have the same owner as one: those that are found from it and were not before."""
        named = dict.fromkeys(one for command in self._commands.get(identity, ()) for one in _named_by(command))
        near = dict.fromkeys((yield from seen.edit.near(identity)))
        near |= dict.fromkeys(seen.edit.of(one) for one in named if one[0] != CUSTOMER)
        found: list[Identity] = []
        for component in near:
            if component not in seen.resolved:
                seen.resolved[component] = self._resolve(component)
            resolution = seen.resolved[component]
            owner = resolution.owner(identity)
            if owner is not None and (component, owner) not in seen.owners:
                seen.owners.add((component, owner))
                found += _owned_by(owner, resolution)
                yield
        customers = [one for one in (identity, *named) if one[0] == CUSTOMER]
        resolution = resolve((), self._commands_of(customers))
        owner = resolution.owner(identity)
        return found if owner is None else found + _owned_by(owner, resolution)

    def forget(self, identities: Collection[Identity], until: int) -> Changes:
        """Forget some identities, and all that was said of them up to a time (ms); return what that has changed."""
        return end_of(self.forgetting(identities, until))

    def forgetting(self, identities: Collection[Identity], until: int) -> Adding:
        """Do the same little by little, as `adding`.

        What was said later stays. A limit that was passed stays passed, also where those who passed it are forgotten.

        Returns:
            Of the forgotten who owns them now, also where the same one did before: whoever forgets them has to be told
            again. Conflicts that name them are not told of.
        """
        gone, edit = frozenset(identities), Edit(self._components)
        concerned = [self._concerned_with(identity) for identity in gone if identity in self._commands]
        touched = dict.fromkeys(one for each in concerned for one in each.identities)
        for identity in dict.fromkeys((*gone, *touched)):
            yield from edit.living(identity)
            yield
        before = edit.after()
        was = [*map(self._customers, concerned), *(yield from self._resolving(before))]
        self._forget_commands(gone, concerned, until)
        yield from self._forget_links(edit, gone, until)
        yield from edit.saving()
        lone = yield from edit.lone.comparing()
        was.append((yield from self._refusing((), lone[0])))
        after = edit.after()
        now = [*map(self._customers, concerned), *(yield from self._resolving(after))]
        now.append((yield from self._refusing((), lone[1])))
        changes = yield from difference(was, now)
        owners = {identity: owned for identity, owned in changes.owners.items() if identity not in gone}
        nodes = yield from nodes_of(now)
        for nth, identity in enumerate(identities):
            if identity in nodes and (owned := nodes[identity].owned()):
                owners[identity] = owned
            if nth % AT_ONCE == 0:
                yield
        conflicts, settled = (_without(some, gone) for some in (changes.conflicts, changes.settled))
        return (yield from _connecting(Changes(owners, conflicts, settled), before, after))

    def _forget_commands(self, gone: frozenset[Identity], concerned: Iterable[_Concerned], until: int) -> None:
        self._asked = None
        commands = dict.fromkeys(command for each in concerned for command in each.commands)
        for command in commands:
            for identity in _named_by(command):
                self._commands.pop(identity, None)
        for command in commands:
            if command.at > until or gone.isdisjoint(_named_by(command)):
                self._connect(command)

    def _forget_links(self, edit: Edit, gone: Collection[Identity], until: int) -> Iterator[None]:
        for link in (yield from edit.mentioned_void(gone)):
            if link.occurred_at <= until:
                edit.void.drop(link.pair)
                yield
        live: dict[Pair, Link] = {}
        for identity in gone:
            links = yield from edit.living(identity)
            live |= {link.pair: link for link in links if link.occurred_at <= until}
            yield
        yield from self._placing.forget(edit, live, [one for one in gone if one[0] != CUSTOMER])
        for identity in gone:
            if identity[0] == CUSTOMER and identity not in self._commands and not any(edit.linked(identity).values()):
                edit.drop(identity)

    def _place(self, edit: Edit, links: Iterable[Link]) -> Generator[None, None, bool]:
        """Keep links, little by little; return whether any of them says something new."""
        new: dict[Pair, Link] = {}
        is_earlier = False
        for link in links:
            if link.second[0] == CUSTOMER:
                continue  # No touchpoint states two customers.
            known = edit.known(link.pair)
            if known is None:
                new[link.pair] = link
            elif order_of(link) < order_of(known):
                self._placing.say_earlier(edit, link)
                is_earlier = True
            yield
        yield from self._placing.say(edit, new.values())
        if new or is_earlier:
            yield from edit.saving()
        return bool(new) or is_earlier

    def _noting(self, edit: Edit, command: Command) -> Generator[None, None, None]:
        """Keep a command, little by little."""
        self._connect(command)
        if command.action == "link" and CUSTOMER not in (command.first[0], command.second[0]):
            yield from self._placing.connect(edit, (command.first, command.second))
        edit.mention(command.first)
        edit.mention(command.second)
        yield from edit.saving()

    def _connect(self, command: Command) -> None:
        """Let all identities that commands connect have them all, one more among them."""
        self._asked = None
        concerned = self._concerned(command)
        commands = list(dict.fromkeys([*concerned.commands, command]))
        for identity in concerned.identities:
            self._commands[identity] = commands

    def _concerned(self, command: Command) -> _Concerned:
        """Return the commands that connect a command's identities with others, and all of these identities."""
        commands = self._commands_of(_named_by(command))
        return _Concerned(commands, dict.fromkeys(one for each in (*commands, command) for one in _named_by(each)))

    def _concerned_with(self, identity: Identity) -> _Concerned:
        """Return the commands that connect an identity with others, and all of these identities."""
        commands = self._commands_of((identity,))
        return _Concerned(commands, dict.fromkeys((identity, *(one for each in commands for one in _named_by(each)))))

    def _commands_of(self, identities: Iterable[Identity]) -> Collection[Command]:
        if not self._commands:
            return ()
        return dict.fromkeys(one for identity in identities for one in self._commands.get(identity, ()))

    def _resolve(self, component: Component) -> Resolution:
        if not component.links and not self._commands:
            return Resolution()
        customers = [pair[0] for pair in component.links if pair[0][0] == CUSTOMER]
        commands = self._commands_of([*component.members, *customers])
        return resolve(component.in_order(), commands, self._window_ms)

    def _resolved(self, component: Component) -> State:
        return State(component.members, self._resolve(component))

    def _resolving(self, components: Iterable[Component]) -> Generator[None, None, list[State]]:
        """Return what is known of the members of some components, little by little."""
        states = []
        for nth, component in enumerate(components):
            states.append(self._resolved(component))
            if nth % AT_ONCE == 0 or component.links:
                yield
        return states

    def _customers(self, concerned: _Concerned) -> State:
        """Return whose some customers are: they are joined by commands alone."""
        customers = [identity for identity in concerned.identities if identity[0] == CUSTOMER]
        return State(customers, resolve((), self._commands_of(concerned.identities)))

    def _refused(self, void: Iterable[Link], lone: Iterable[Link]) -> State:
        """Return the conflicts that links are which join nothing."""
        return end_of(self._refusing(void, lone))

    def _refusing(self, void: Iterable[Link], lone: Iterable[Link]) -> Generator[None, None, State]:
        """Return the same, little by little."""
        resolution = Resolution()
        reasons: tuple[tuple[Iterable[Link], Refusal], ...] = ((void, "too_many"), (lone, "too_connected"))
        for links, reason in reasons:
            for nth, link in enumerate(links):
                if not (self._commands and is_decided(link, last_of(self._commands_of((link.first,))))):
                    resolution.conflicts.append(Conflict(link, reason))
                if nth % AT_ONCE == 0:
                    yield
        return State((), resolution)


class _Concerned(NamedTuple):
    """What a command has to do with."""

    commands: Collection[Command]
    identities: Collection[Identity]


class _Seen(NamedTuple):
    """What is known while a person's identities are found.

    Attributes:
        resolved: what was looked at, so that it is worked out once for all of its members.
        owners: whose identities were taken from which component.
    """

    edit: Edit
    resolved: dict[Component, Resolution]
    owners: set[tuple[Component, Identity]]


def _connecting(changes: Changes, before: Iterable[Component], after: Iterable[Component]) -> Adding:
    """Return changes with what was connected before them, and what is now, little by little."""
    were, are = (yield from _members_of(before)), (yield from _members_of(after))
    return changes._replace(were=were, are=are)


def _members_of(components: Iterable[Component]) -> Generator[None, None, Sequence[Iterable[Identity]]]:
    found: list[Iterable[Identity]] = []
    for part in parts_of(components):
        found += [one.members for one in part]
        yield
    return tuple(found)


def _owned_by(owner: Identity, resolution: Resolution) -> list[Identity]:
    return [one for one in resolution.nodes if resolution.owner(one) == owner]


def _named_by(command: Command) -> Pair:
    return command.first, command.second


def _without(conflicts: Iterable[Conflict], gone: Collection[Identity]) -> list[Conflict]:
    return [one for one in conflicts if one.link.first not in gone and one.link.second not in gone]
