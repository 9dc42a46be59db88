"""Whose the cases, orders, carts, calls and posts are: by the first statement of each, and by the owners of its key.

A subject has one owner, and connects nobody: it is no part of any component, and counts in no limit of these.

A statement counts for what happened up to a while before it, as a link does, so what is final has no other owner by it.
From then on whoever states a person comes before whoever states nobody.

A subject hangs on the keys that its statements lead to: on those of people, and on the first other subject that it was
said to be, if that was before it was said to be a person's. So whoever follows its statements passes one subject after
the other, up to people at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from schemas.identity_links import Identity, identity_of, key_of
from schemas.steps import each_once, end_of, parts_of
from schemas.subjects import Statement, is_subject, with_statement
from streams.identity.subject_index import (
    CHAIN_MAX,
    HANGING_MAX,
    Connected,
    SubjectIndex,
    Telling,
    alone,
    keys_of,
    leading,
)

Piece = tuple[int, str]
"""From when on, ms, and who owns."""
OwnedBy = Callable[[Identity], Iterable[Piece]]
"""Returns since when, ms, other customers own what an identity does, the oldest first; before, it is its own."""
_Times = tuple[int, int]
"""From when on, ms, and up to when."""
_END_OF_TIME = 1 << 62


class SubjectOwned(NamedTuple):
    """Who owns the touchpoints of a subject that state nobody.

    Attributes:
        pieces: from when on who does; before the first, the subject's own profile.
        by_source: the same for the touchpoints of some sources, where it is another.
    """

    pieces: list[Piece]
    by_source: dict[str, list[Piece]]


class SubjectOwners:
    """The statements of subjects that touchpoints wait for.

    Args:
        moved_ms: how long before a statement a touchpoint may have happened and still be its owner's.
        owned_by: tells who owns what identities do.
        connected: tells which identities are connected.
        hanging_max: as `HANGING_MAX`.

    Attributes:
        crowded: of how many subjects, each time that it was asked, `owned` has found a key on which too many hang.
    """

    def __init__(
        self, moved_ms: int, owned_by: OwnedBy, connected: Connected = alone, hanging_max: int = HANGING_MAX
    ) -> None:
        self._moved_ms = moved_ms
        self._owned_by = owned_by
        self._index = SubjectIndex(connected, hanging_max)
        self.crowded = 0
        self._has_met_crowd = False
        # What was asked of the keys of people on which subjects hang: a component of 250 links takes 2 ms to look at.
        self._pieces: dict[str, list[Piece]] = {}

    def __len__(self) -> int:
        return len(self._index)

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def add(self, subject: str, stated: Statement) -> list[str]:
        """Take a statement of a subject; return the subjects that may have another owner by it."""
        return end_of(self.adding(subject, stated))

    def adding(self, subject: str, stated: Statement) -> Telling:
        """Do the same little by little: at each yield others may have their turn, but for those who ask for owners."""
        known = self._index.statements(subject)
        kept = with_statement(known, stated)
        return [] if kept is known else (yield from self._changing({subject: kept}))

    def restore(self, subject: str, stated: Statement) -> None:
        """Take a statement again of which all have been told: a start looks for nobody whom it concerns."""
        known = self._index.statements(subject)
        kept = with_statement(known, stated)
        if kept is not known:
            self._keep(subject, kept)

    def _changing(self, kept: dict[str, list[Statement]]) -> Telling:
        """Keep other statements of some subjects, and empty these; return all that may have another owner by it."""
        keys: dict[str, None] = {}
        for subject, statements in kept.items():
            changed = keys_of(leading(self._index.statements(subject))) ^ keys_of(leading(statements))
            keys |= dict.fromkeys(sorted(changed))
            yield
        ways = yield from self._index.ways(keys)
        before = yield from self._index.hanging_on(ways)
        for subject, statements in kept.items():
            self._keep(subject, statements)
            yield
        after = yield from self._index.hanging_on(ways)
        told = yield from self._index.told_with(kept)
        # Those on which too many hang now, or did.
        turned = [key for key in ways if (before[key] is None) != (after[key] is None)]
        for key in turned:
            self._index.note(ways[key], after[key] is None)
        others = yield from each_once(before[key] or after[key] or () for key in turned)
        found = yield from each_once([kept, told, others])
        held: tuple[dict[str, Any], ...] = (kept, ways, before, after)
        for one in held:
            while one:
                one.popitem()
                yield  # to free all that hangs on them takes its time, too
        return found

    def _keep(self, subject: str, kept: list[Statement]) -> None:
        for key in self._index.keep(subject, kept):
            self._pieces.pop(key, None)

    def forget_owners(self) -> None:
        """Ask anew who owns what people do: somebody was erased."""
        self._pieces.clear()

    def regrouped(
        self, owned: Iterable[Identity], was: Sequence[Iterable[Identity]], now: Sequence[Iterable[Identity]]
    ) -> Telling:
        """Return the subjects that may have another owner where links have changed, little by little.

        Args:
            owned: the identities that have other owners.
            was, now: those that were connected before, and that are now; the others are as they were.
        """
        changed = dict.fromkeys(map(key_of, owned))
        were_full, are_full = (yield from self._index.full_of(was)), (yield from self._index.full_of(now))
        for key in changed:
            self._pieces.pop(key, None)
        concerned = [key for key in changed | were_full | are_full if not (key in were_full and key in are_full)]
        return (yield from each_once(self._index.hanging((key,)) or () for key in concerned if key in self._index.keys))

    def forget(self, keys: Iterable[str], until: int) -> list[str]:
        """Forget what was said up to a time (ms) of subjects that have some keys, or say that they are of these.

        Returns:
            The subjects of which something was forgotten, and others that may have another owner by it.
        """
        return end_of(self.forgetting(keys, until))

    def forgetting(self, keys: Iterable[str], until: int) -> Telling:
        """Do the same little by little, as `adding`."""
        gone: dict[str, None] = {}
        for part in parts_of(keys):
            gone |= dict.fromkeys(part)
            yield
        named = yield from each_once(chain((key,), self._index.saying(key)) for key in gone)
        changed = {}
        for subject in named:
            known = self._index.statements(subject)
            kept = [
                one for one in known if one.occurred_at > until or (subject not in gone and one.stated_key not in gone)
            ]
            if len(kept) < len(known):
                changed[subject] = kept
            yield
        return (yield from self._changing(changed))

    def told_with(self, keys: Iterable[str]) -> Telling:
        """Return the subjects that have other owners where some keys have, as `adding`; of a full key none."""
        return self._index.told_with(keys)

    def of(self, stated_keys: Iterable[str]) -> list[str]:
        """Return all subjects that say they are of some keys, or of subjects of these, however many they are."""
        return end_of(self.finding(stated_keys))

    def finding(self, stated_keys: Iterable[str]) -> Telling:
        """Do the same little by little, as `adding`."""
        found: list[str] = []
        known: set[str] = set()
        waiting = yield from each_once([stated_keys])
        while waiting:
            for part in parts_of(self._index.saying(waiting.pop())):
                more = [subject for subject in part if subject not in known]
                known.update(more)
                found += more
                waiting += more
                yield
            yield
        return found

    def owned(self, subjects: Iterable[str]) -> Iterator[tuple[str, SubjectOwned]]:
        """Yield who owns the touchpoints of some subjects; no statement or link may be taken meanwhile."""
        return (one for one in self.owning(subjects) if one is not None)

    def owning(self, subjects: Iterable[str]) -> Iterator[tuple[str, SubjectOwned] | None]:
        """Do the same little by little; None is yielded where others may have their turn, and behind each subject."""
        full: dict[str, bool] = {}  # on one key many may hang
        for subject in subjects:
            self._has_met_crowd = False
            pieces = yield from self._owners(subject, None, full)
            statements = self._index.statements(subject)
            # What nobody else has said holds for all sources.
            sources = [one.source for one in statements if not one.nameless] if len(statements) > 1 else []
            others = {}
            for source in sources:
                found = yield from self._owners(subject, source, full)
                if found != pieces:
                    others[source] = found
            self.crowded += self._has_met_crowd
            yield subject, SubjectOwned(pieces, others)

    def _owners(self, subject: str, source: str | None, full: dict[str, bool]) -> Generator[None, None, list[Piece]]:
        """Follow a subject to whoever it is, and to whom that is, by what was said up to each time."""
        # Of several from one time on the last holds.
        pieces: dict[int, str] = {}
        for since, of in self._follow(subject, source, (-self._moved_ms, _END_OF_TIME), full):
            pieces[since] = of
            yield  # whose identities a person's are may have been looked for
        found: list[Piece] = []
        owner = subject
        for since, of in pieces.items():
            if of != owner:
                found.append((since, of))
                owner = of
        return found

    def _follow(self, subject: str, source: str | None, times: _Times, full: dict[str, bool]) -> Iterator[Piece]:
        """Follow a subject to whoever it is, in the order of time; nobody's is what leads back, or too far."""
        way: tuple[str, ...] = (subject,)
        waiting = [(way, *one) for one in self._in_turn(subject, source, times)]
        while waiting:
            way, (since, until), stated = waiting.pop()
            if stated is None:
                yield from self._reached(way, (since, until), full)
            elif stated.stated_key in way or len(way) > CHAIN_MAX:
                yield since, subject
            else:
                way = (*way, stated.stated_key)
                waiting += [(way, *one) for one in self._in_turn(way[-1], stated.source, (since, until))]

    def _reached(self, way: tuple[str, ...], times: _Times, full: dict[str, bool]) -> Iterator[Piece]:
        """Yield whose a way's beginning is as nobody has said more of its end.

        It is nobody's where too many hang on a subject that it passes.
        """
        (since, until), key = times, way[-1]
        passed = way[1:] if is_subject(key) else way[1:-1]
        if any(self._is_full(one, full) for one in passed):
            yield since, way[0]
            return
        yield since, key
        if not is_subject(key) and not self._is_full(key, full):
            yield from ((max(since, at), owner) for at, owner in self._pieces_of(key) if at < until)

    def _is_full(self, key: str, full: dict[str, bool]) -> bool:
        """Return whether too many hang on a key; it is asked once."""
        found = full.get(key)
        if found is None:
            found = full[key] = self._index.is_full(key)
        self._has_met_crowd |= found
        return found

    def _pieces_of(self, key: str) -> list[Piece]:
        """Return who owns what somebody's key does."""
        found = self._pieces.get(key)
        if found is None:
            found = self._pieces[key] = list(self._owned_by(identity_of(key)))
        return found

    def _in_turn(self, key: str, source: str | None, times: _Times) -> list[tuple[_Times, Statement | None]]:
        """Return which statement of a subject counts when for the touchpoints of a source, the last one first.

        Before there is any, that is None.

        Ids are often unique in their source alone: its own statement comes first, if that is of a person. Each counts
        from a while before it on, and so changes nothing that is older.
        """
        begin, until = times
        statements = self._index.statements(key)
        if not statements:
            return [(times, None)]
        found: list[tuple[_Times, Statement | None]] = []
        for stated in statements if len(statements) == 1 else _in_turn_of(statements, source):
            since = max(begin, stated.occurred_at - self._moved_ms)
            if since < until:
                found.append(((since, until), stated))
                until = since
        if begin < until:
            found.append(((begin, until), None))
        return found


def _in_turn_of(statements: Sequence[Statement], source: str | None) -> Sequence[Statement]:
    """Return those of a subject's statements that count for the touchpoints of a source, the one that counts first."""
    people = [one for one in statements if not one.nameless]
    own = [one for one in people if one.source == source]
    return *own, *people[:1], *statements[len(people) : len(people) + 1]
