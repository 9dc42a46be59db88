"""The statements of subjects that are kept, and by key those that hang on it: cases, calls and others of whoever it is.

A subject hangs on the keys that its statements lead to, and on those to which these lead in turn. Of people all count
together whom links connect, so that a link that changes the owner of many tells no more subjects than one of a few.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

from schemas.identity_links import Identity, identity_of, key_of
from schemas.steps import each_once
from schemas.subjects import Statement, is_subject

CHAIN_MAX = 5
"""A subject is another's as far as that, as an answer to an answer is: a longer way leads to nobody."""

HANGING_MAX = 40
"""Subjects that may hang on a key, also by way of others; of people, on all together whom links connect. All of these
are told where the key has another owner. Of more, those on a subject's key lead to nobody, and those on people's stay
with the keys as they were stated, whoever owns these.

It counts statements that are kept, so it is the same in whatever order they came. No case has 40 calls that state
nobody, and few people without a customer's number have 40 subjects that somebody waits for. To tell so many takes 1 ms,
and 10 where each has people of its own and hangs on others. One statement may make each key full to which it leads:
those of five subjects, and of four people of each.
"""
Connected = Callable[[Identity], Iterable[Identity]]
"""Returns all identities that links connect with one, itself among them."""
Hanging = dict[str, None]
"""Subjects, in the order in which they were found."""
Telling = Generator[None, None, list[str]]
"""Returns subjects, or keys, little by little."""


def alone(identity: Identity) -> Iterable[Identity]:
    """Return an identity that no links connect with others."""
    return (identity,)


class SubjectIndex:
    """What statements of subjects say, by subject and by key.

    Args:
        connected: tells which identities are connected.
        hanging_max: as `HANGING_MAX`.

    Attributes:
        keys: by key the subjects that hang on it by what they say themselves.
    """

    def __init__(self, connected: Connected = alone, hanging_max: int = HANGING_MAX) -> None:
        self._connected = connected
        self._hanging_max = hanging_max
        self._statements: dict[str, list[Statement]] = {}
        self.keys: dict[str, Hanging] = {}
        # Those that say, behind a statement of a person, that they are of a key.
        self._beside: dict[str, Hanging] = {}
        # Whether too many hang on the keys of people, as it was asked.
        self._full: dict[str, bool] = {}

    def __len__(self) -> int:
        return len(self._statements)

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def statements(self, subject: str) -> list[Statement]:
        """Return the statements of a subject, in their order."""
        return self._statements.get(subject, [])

    def keep(self, subject: str, kept: list[Statement]) -> list[str]:
        """Keep some statements of a subject in the place of all others; return keys on which none hangs any more."""
        known = self.statements(subject)
        was, now = keys_of(leading(known)), keys_of(leading(kept))
        _put(self.keys, subject, was, now)
        _put(self._beside, subject, keys_of(known) - was, keys_of(kept) - now)
        if kept:
            self._statements[subject] = kept
        else:
            del self._statements[subject]
        gone = [key for key in was - now if key not in self.keys]
        for key in gone:
            self._full.pop(key, None)
        return gone

    def hanging(self, keys: Iterable[str]) -> Hanging | None:
        """Return the subjects that hang on some keys, and on one another; None if these are too many.

        What is farther than a subject is followed hangs there no more.
        """
        found: Hanging = {}
        last: Iterable[str] = keys
        for _ in range(CHAIN_MAX):
            more: list[str] = []
            for key in last:
                subjects = self.keys.get(key)
                if subjects is None:
                    continue
                if len(subjects) > self._hanging_max:
                    return None
                more += [subject for subject in subjects if subject not in found]
                found.update(subjects)
                if len(found) > self._hanging_max:
                    return None
            if not more:
                break
            last = more
        return found

    def group(self, key: str) -> list[str]:
        """Return the keys of all who are connected with whom a key names, its own among them."""
        return [key] if is_subject(key) else list(map(key_of, self._connected(identity_of(key))))

    def hanging_on(self, groups: Mapping[str, Iterable[str]]) -> Generator[None, None, dict[str, Hanging | None]]:
        """Return by key what hangs on the keys of a group, little by little."""
        found: dict[str, Hanging | None] = {}
        for key, group in groups.items():
            found[key] = self.hanging(group)
            yield
        return found

    def ways(self, keys: Iterable[str]) -> Generator[None, None, dict[str, list[str]]]:
        """Return some keys and those on which these hang, each with those of its group that have subjects, in steps.

        They are those as far as a subject is followed. On no others of a group hangs any, whatever is said of these.
        """
        found = dict.fromkeys(keys)
        last = list(found)
        for _ in range(CHAIN_MAX - 1):
            more: dict[str, None] = {}
            for key in last:
                more |= dict.fromkeys(sorted(keys_of(leading(self.statements(key)))))
                yield
            last = [key for key in more if key not in found]
            found |= dict.fromkeys(last)
        groups: dict[str, list[str]] = {}
        for key in found:
            groups[key] = [one for one in self.group(key) if one in self.keys or one in found]
            yield
        return groups

    def is_full(self, key: str) -> bool:
        """Return whether too many hang on a key, or on those that are connected with it."""
        if is_subject(key):
            return self.hanging((key,)) is None
        found = self._full.get(key)
        if found is None:
            group = [one for one in self.group(key) if one in self.keys]
            found = self.hanging(group) is None
            self.note(group, found)
        return found

    def note(self, group: Iterable[str], is_full: bool) -> None:
        """Remember whether too many hang on the keys of a group, of all on which any do."""
        self._full |= dict.fromkeys((key for key in group if key in self.keys), is_full)

    def full_of(self, groups: Iterable[Iterable[Identity]]) -> Generator[None, None, dict[str, None]]:
        """Return the keys of groups of which too many subjects are; of all it is found out anew when it is asked."""
        full: dict[str, None] = {}
        for group in groups:
            keys = [key for key in map(key_of, group) if key in self.keys]
            for key in keys:
                self._full.pop(key, None)
            if self.hanging(keys) is None:
                full |= dict.fromkeys(keys)
            yield
        return full

    def saying(self, key: str) -> Iterator[str]:
        """Yield all subjects that say that they are of a key, those among them that never count."""
        yield from self.keys.get(key, ())
        yield from self._beside.get(key, ())

    def told_with(self, keys: Iterable[str]) -> Telling:
        """Return the subjects that have other owners where some keys have, little by little.

        Of a key with too many of them it is none.
        """
        return (yield from each_once(self.hanging(self.group(key)) or () for key in keys))


def leading(statements: Sequence[Statement]) -> Sequence[Statement]:
    """Return those of a subject's statements that count at some time, whatever the source.

    They are those of people and, as the last one, the first of nobody, if that happened before the first of people.
    """
    of_people = sum(not one.nameless for one in statements)
    if 0 < of_people < len(statements) and statements[0].occurred_at <= statements[of_people].occurred_at:
        return statements[:of_people]
    return statements[: of_people + 1]


def keys_of(statements: Iterable[Statement]) -> set[str]:
    """Return the keys that statements name."""
    return {one.stated_key for one in statements}


def _put(index: dict[str, Hanging], subject: str, was: set[str], now: set[str]) -> None:
    """Put a subject under some keys of an index in the place of those under which it was."""
    for gone in was - now:
        del index[gone][subject]
        if not index[gone]:
            del index[gone]
    for key in now - was:
        index.setdefault(key, {})[subject] = None
