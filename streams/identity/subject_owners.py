"""Whose the cases, orders, carts, calls and posts are: by the first statement of each, and by the owners of its key.

A subject has one owner, and connects nobody: it is no part of any component, and counts in no limit of these.

A statement counts for what happened up to a while before it, as a link does, so what is final has no other owner by it.
From then on whoever states a person comes before whoever states nobody.

A subject hangs on the keys that its statements lead to: on those of people, and on the first other subject that it was
said to be, if that was before it was said to be a person's. So whoever follows its statements passes one subject after
the other, up to people at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from schemas.identity_links import Identity, identity_of
from schemas.steps import each_once, end_of, parts_of
from schemas.subjects import Statement, is_subject, with_statement

CHAIN_MAX = 16
"""A subject is another's as far as that, as an answer to an answer is: a longer way leads to nobody."""

HANGING_MAX = 1_000
"""Subjects that may hang on a key, also by way of others: all are told where the key has another owner. Of more, those
on a subject's key lead to nobody, and those on a person's stay with the key as it was stated, whoever owns that.

It counts statements that are kept, so it is the same in whatever order they came. No case has a thousand calls, and few
customers a thousand subjects that somebody waits for; to tell so many takes some 10 ms.
"""

Piece = tuple[int, str]
"""From when on, ms, and who owns."""
OwnedBy = Callable[[Identity], Iterable[Piece]]
"""Returns since when, ms, other customers own what an identity does, the oldest first; before, it is its own."""
Telling = Generator[None, None, list[str]]
"""Returns subjects that may have another owner, little by little."""
_Hanging = dict[str, None]
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


class _Open(NamedTuple):
    """The subjects that hang on a key on which not too many do.

    Attributes:
        way, first: so many of the first of these do, with all that hang on other keys of the same way.
        more: others that do.
    """

    way: _Hanging
    first: int
    more: _Hanging


class SubjectOwners:
    """The statements of subjects that touchpoints wait for.

    Args:
        moved_ms: how long before a statement a touchpoint may have happened and still be its owner's.
        owned_by: tells who owns what identities do.
        hanging_max: as `HANGING_MAX`.

    Attributes:
        crowded: of how many subjects, each time that it was asked, `owned` has found a key on which too many hang.
    """

    def __init__(self, moved_ms: int, owned_by: OwnedBy, hanging_max: int = HANGING_MAX) -> None:
        self._moved_ms = moved_ms
        self._owned_by = owned_by
        self._statements: dict[str, list[Statement]] = {}
        self._hanging_max = hanging_max
        self.crowded = 0
        self._has_met_crowd = False
        self._of: dict[str, _Hanging] = {}
        # Those that say, behind a statement of a person, that they are of a key.
        self._beside: dict[str, _Hanging] = {}

    def __len__(self) -> int:
        return len(self._statements)

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def add(self, subject: str, stated: Statement) -> list[str]:
        """Take a statement of a subject; return the subjects that may have another owner by it."""
        return end_of(self.adding(subject, stated))

    def adding(self, subject: str, stated: Statement) -> Telling:
        """Do the same little by little: at each yield others may have their turn, but for those who ask for owners."""
        known = self._statements.get(subject, [])
        kept = with_statement(known, stated)
        return [] if kept is known else (yield from self._changing({subject: kept}))

    def restore(self, subject: str, stated: Statement) -> None:
        """Take a statement again of which all have been told: a start looks for nobody whom it concerns."""
        known = self._statements.get(subject, [])
        kept = with_statement(known, stated)
        if kept is not known:
            self._keep(subject, kept)

    def _changing(self, kept: dict[str, list[Statement]]) -> Telling:
        """Keep other statements of some subjects, and empty these; return all that may have another owner by it."""
        keys: dict[str, None] = {}
        for subject, statements in kept.items():
            changed = _keys(_leading(self._statements.get(subject, ()))) ^ _keys(_leading(statements))
            keys |= dict.fromkeys(sorted(changed))
            yield
        before = yield from self._open_from(keys)
        for subject, statements in kept.items():
            self._keep(subject, statements)
            yield
        after = yield from self._open_from(keys)
        told = yield from self.told_with(kept)
        # Those on which too many hang now, or did.
        no_longer = yield from _hanging_on(before, after)
        again = yield from _hanging_on(after, before)
        found = yield from each_once([kept, told, no_longer, again])
        held: tuple[dict[str, Any], ...] = (kept, before, after)
        for one in held:
            while one:
                one.popitem()
                yield  # to free all that hangs on them takes its time, too
        return found

    def _keep(self, subject: str, kept: list[Statement]) -> None:
        """Keep some statements of a subject in the place of those that are known."""
        known = self._statements.get(subject, [])
        was, now = _keys(_leading(known)), _keys(_leading(kept))
        _put(self._of, subject, was, now)
        _put(self._beside, subject, _keys(known) - was, _keys(kept) - now)
        if kept:
            self._statements[subject] = kept
        else:
            del self._statements[subject]

    def _hanging(self, key: str, known: Collection[str] = ()) -> _Hanging | None:
        """Return the subjects that hang on a key beside those known to, with theirs; None if all are too many."""
        found: _Hanging = {}
        most = self._hanging_max - len(known)
        waiting = [key]
        while waiting:
            subjects = self._of.get(waiting.pop(), {})
            if len(subjects) > self._hanging_max:
                return None
            for subject in subjects:
                if subject not in known and subject not in found:
                    found[subject] = None
                    waiting.append(subject)
            if len(found) > most:
                return None
        return found

    def _open_from(self, keys: Iterable[str]) -> Generator[None, None, dict[str, _Open]]:
        """Return those on the ways from some keys on which not too many hang, with these.

        On each key hang all that hang on those before it. So whoever is concerned where one of them has passed the
        limit, or is within it again, hangs on that one. What a subject says leads to people, who end a way,
        and to one other subject at most: a way is not parted.
        """
        found: dict[str, _Open] = {}
        passed: set[str] = set()
        for first in keys:
            way: _Hanging = {}
            key: str | None = first
            while key is not None and key not in passed:
                passed.add(key)
                more = self._hanging(key, way)
                if more is None:
                    break
                way |= more
                found[key] = _Open(way, len(way), {})
                says, key = _leading(self._statements.get(key, ())), None
                for stated in says:
                    if stated.nameless:
                        key = stated.stated_key
                    elif (person := stated.stated_key) not in passed:
                        passed.add(person)
                        more = self._hanging(person, way)
                        if more is not None:
                            found[person] = _Open(way, len(way), more)
                yield
        return found

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
        named = yield from each_once(chain((key,), self._saying(key)) for key in gone)
        changed = {}
        for subject in named:
            known = self._statements.get(subject, [])
            kept = [
                one for one in known if one.occurred_at > until or (subject not in gone and one.stated_key not in gone)
            ]
            if len(kept) < len(known):
                changed[subject] = kept
            yield
        return (yield from self._changing(changed))

    def of(self, stated_keys: Iterable[str]) -> list[str]:
        """Return all subjects that say they are of some keys, or of subjects of these, however many they are."""
        return end_of(self.finding(stated_keys))

    def finding(self, stated_keys: Iterable[str]) -> Telling:
        """Do the same little by little, as `adding`."""
        found: list[str] = []
        known: set[str] = set()
        waiting = yield from each_once([stated_keys])
        while waiting:
            for part in parts_of(self._saying(waiting.pop())):
                more = [subject for subject in part if subject not in known]
                known.update(more)
                found += more
                waiting += more
                yield
            yield
        return found

    def _saying(self, key: str) -> Iterator[str]:
        yield from self._of.get(key, ())
        yield from self._beside.get(key, ())

    def told_with(self, keys: Iterable[str]) -> Telling:
        """Return the subjects that have other owners where some keys have, little by little.

        Of a key with too many of them it is none.
        """
        return (yield from each_once(self._hanging(key) or () for key in keys))

    def owned(self, subjects: Iterable[str]) -> Iterator[tuple[str, SubjectOwned]]:
        """Yield who owns the touchpoints of some subjects; no statement or link may be taken meanwhile."""
        return (one for one in self.owning(subjects) if one is not None)

    def owning(self, subjects: Iterable[str]) -> Iterator[tuple[str, SubjectOwned] | None]:
        """Do the same little by little; None is yielded where others may have their turn, and behind each subject."""
        known: dict[str, list[Piece] | None] = {}  # one key may have thousands of them
        for subject in subjects:
            self._has_met_crowd = False
            pieces = yield from self._owners(subject, None, known)
            statements = self._statements.get(subject, ())
            # What nobody else has said holds for all sources.
            sources = [one.source for one in statements if not one.nameless] if len(statements) > 1 else []
            others = {}
            for source in sources:
                found = yield from self._owners(subject, source, known)
                if found != pieces:
                    others[source] = found
            self.crowded += self._has_met_crowd
            yield subject, SubjectOwned(pieces, others)

    def _owners(
        self, subject: str, source: str | None, known: dict[str, list[Piece] | None]
    ) -> Generator[None, None, list[Piece]]:
        """Follow a subject to whoever it is, and to whom that is, by what was said up to each time."""
        # Of several from one time on the last holds.
        pieces: dict[int, str] = {}
        for since, of in self._follow(subject, source, (-self._moved_ms, _END_OF_TIME), known):
            pieces[since] = of
            yield  # whose identities a person's are may have been looked for
        found: list[Piece] = []
        owner = subject
        for since, of in pieces.items():
            if of != owner:
                found.append((since, of))
                owner = of
        return found

    def _follow(
        self, subject: str, source: str | None, times: _Times, known: dict[str, list[Piece] | None]
    ) -> Iterator[Piece]:
        """Follow a subject to whoever it is, in the order of time; nobody's is what leads back, or too far."""
        way: tuple[str, ...] = (subject,)
        waiting = [(way, *one) for one in self._in_turn(subject, source, times)]
        while waiting:
            way, (since, until), stated = waiting.pop()
            if stated is None:
                yield from self._reached(way, (since, until), known)
            elif stated.stated_key in way or len(way) > CHAIN_MAX:
                yield since, subject
            else:
                way = (*way, stated.stated_key)
                waiting += [(way, *one) for one in self._in_turn(way[-1], stated.source, (since, until))]

    def _reached(self, way: tuple[str, ...], times: _Times, known: dict[str, list[Piece] | None]) -> Iterator[Piece]:
        """Yield whose a way's beginning is as nobody has said more of its end.

        It is nobody's where too many hang on a subject that it passes: then so they do on the last one.
        """
        (since, until), key = times, way[-1]
        passed = way[1:] if is_subject(key) else way[1:-1]
        if passed and self._known(passed[-1], known) is None:
            yield since, way[0]
            return
        yield since, key
        if not is_subject(key):
            yield from ((max(since, at), owner) for at, owner in self._known(key, known) or () if at < until)

    def _known(self, key: str, known: dict[str, list[Piece] | None]) -> list[Piece] | None:
        """Return who owns what a key does, None where too many hang on it."""
        if key not in known:
            is_open = self._hanging(key) is not None
            known[key] = list(() if is_subject(key) else self._owned_by(identity_of(key))) if is_open else None
        self._has_met_crowd |= known[key] is None
        return known[key]

    def _in_turn(self, key: str, source: str | None, times: _Times) -> list[tuple[_Times, Statement | None]]:
        """Return which statement of a subject counts when for the touchpoints of a source, the last one first.

        Before there is any, that is None.

        Ids are often unique in their source alone: its own statement comes first, if that is of a person. Each counts
        from a while before it on, and so changes nothing that is older.
        """
        begin, until = times
        statements = self._statements.get(key)
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


def _hanging_on(found: Mapping[str, _Open], other: Collection[str]) -> Telling:
    """Return all that hang on keys that are none of others, little by little: those of one way are looked at once."""
    more: list[_Hanging] = []
    longest: dict[int, _Open] = {}
    for part in parts_of(found):
        for one in [found[key] for key in part if key not in other]:
            more.append(one.more)
            known = longest.setdefault(id(one.way), one)
            if one.first > known.first:
                longest[id(one.way)] = one
        yield
    ways = (islice(one.way, one.first) for one in longest.values())
    return (yield from each_once(chain[Iterable[str]](more, ways)))


def _in_turn_of(statements: Sequence[Statement], source: str | None) -> Sequence[Statement]:
    """Return those of a subject's statements that count for the touchpoints of a source, the one that counts first."""
    people = [one for one in statements if not one.nameless]
    own = [one for one in people if one.source == source]
    return *own, *people[:1], *statements[len(people) : len(people) + 1]


def _leading(statements: Sequence[Statement]) -> Sequence[Statement]:
    """Return those of a subject's statements that count at some time, whatever the source.

    They are those of people and, as the last one, the first of nobody, if that happened before the first of people.
    """
    of_people = sum(not one.nameless for one in statements)
    if 0 < of_people < len(statements) and statements[0].occurred_at <= statements[of_people].occurred_at:
        return statements[:of_people]
    return statements[: of_people + 1]


def _keys(statements: Iterable[Statement]) -> set[str]:
    return {one.stated_key for one in statements}


def _put(index: dict[str, _Hanging], subject: str, was: set[str], now: set[str]) -> None:
    """Put a subject under some keys of an index in the place of those under which it was."""
    for gone in was - now:
        del index[gone][subject]
        if not index[gone]:
            del index[gone]
    for key in now - was:
        index.setdefault(key, {})[subject] = None
