"""What a touchpoint is about: cases, orders, carts, calls and posts, by whose owners it is told if it states nobody.

It is then appended under the name of its first subject's own profile, as `anon:case:17`: a function of its message
alone. One that states somebody says whose its subjects are, once for each subject, source and worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from schemas.identifiers import ANONYMOUS
from schemas.kinds import TOUCHPOINT_KINDS
from schemas.kinds.kind import Subject, SubjectKind, TouchpointKind
from schemas.kinds.touchpoint import Touchpoint
from schemas.subjects import Statement, SubjectStated, is_subject

REMEMBERED = 100_000
"""Statements that are remembered: of more, the one made first is forgotten, and is written once more if it recurs."""

_LONGEST = 64
"""Characters. Of a longer statement a digest is remembered, and of a longer stated key."""

_Said = tuple[str | bytes | bool | None, ...]
_First = tuple[bool, int, str, str | bytes]
_When = tuple[_First, int]
"""Of what was said the first, and before which time (ms) it is late, by its last record that was late."""


class Named(NamedTuple):
    """What a touchpoint names.

    Attributes:
        profile: the name of the subject's own profile.
        answered, itself: as of a `Subject`.
    """

    profile: str
    answered: bool
    itself: bool


class Subjects:
    """Finds what touchpoints are about.

    Args:
        read: returns the form of a subject's id, None of what stands where an id should be.
        kinds: of the subjects whose owners are looked for.

    Attributes:
        fields: by struct of a touchpoint, what returns its fields that name subjects; without those that name none.
    """

    def __init__(self, read: Callable[[str], str | None], kinds: Iterable[SubjectKind]) -> None:
        self._read = read
        enabled = frozenset(kinds)
        self._subjects: dict[type[Touchpoint], tuple[Subject, ...]] = {}
        self.fields: dict[type[Touchpoint], Callable[[Touchpoint], tuple[str | None, ...]]] = {}
        for kind in TOUCHPOINT_KINDS.values():
            if subjects := tuple(one for one in kind.subjects if one.kind in enabled):
                self._subjects[kind.struct] = subjects
                self.fields[kind.struct] = attrgetter("kind", *(name for one in subjects for name in _fields(one)))

    def profile_of(self, kind: TouchpointKind, record: Mapping[str, Any]) -> str | None:
        """Return the profile to which a record belongs that states nobody, None where it names no subject."""
        first = next(self.named(kind.struct, record.__getitem__), None)
        return None if first is None or first.itself else first.profile

    def is_answer(self, kind: TouchpointKind, record: Mapping[str, Any]) -> bool:
        """Return whether a record is the business's own answer to a subject: then its identifiers are its author's."""
        return kind.answers is not None and kind.answers(record) and kind.struct in self._subjects

    def named(self, struct: type[Touchpoint], value_of: Callable[[str], Any]) -> Iterator[Named]:
        """Yield the subjects that a touchpoint names, the one to which it belongs first.

        Args:
            value_of: returns a field's value by its name.
        """
        for one in self._subjects.get(struct, ()):
            sent = value_of(one.field)
            name = None if sent is None else self._read(sent)
            if name is not None:
                if one.within is not None:
                    name = f"{value_of(one.within).strip().lower().replace(':', '_')}:{name}"
                yield Named(f"{ANONYMOUS}{one.kind}:{name}", one.answered, one.itself)


def _fields(subject: Subject) -> Iterator[str]:
    yield subject.field
    if subject.within is not None:
        yield subject.within


class SubjectStatements:
    """What the touchpoints of a worker have said of whose subjects are.

    Args:
        subjects: find these.
    """

    def __init__(self, subjects: Subjects) -> None:
        self._subjects = subjects
        self._fields = subjects.fields
        self._said: dict[_Said, _When] = {}

    def stated_by(self, touchpoint: Touchpoint, late_before: int) -> Sequence[SubjectStated]:
        """Return what a touchpoint says of its subjects, unless one that comes before it in their order has said it.

        What is late is said, too, where no record says yet that it is late, as a statement of identities is.

        One that states nobody asks for the owners of its subjects. It says that all of them have one owner; of a post
        that it answers, only that the answer's owner is the post's.

        Args:
            late_before: touchpoints that happened before this time (ms) come later than is allowed.
        """
        fields = self._fields.get(type(touchpoint))
        if fields is None:
            return ()
        said = self._statement_of(touchpoint, fields)
        at = touchpoint.occurred_at
        late = at < late_before
        first: _First = (late, at, touchpoint.event_id, _short(touchpoint.customer_key))
        known_before = 0
        known = self._said.get(said)
        if known is not None:
            known_first, known_before = known
            # Two of one event id are both said: of a digest nobody knows what comes before it.
            if known_first[:3] < first[:3] or known_first == first:
                if not late or at < known_before:
                    return ()
                first = known_first
        self._said[said] = first, max(known_before, late_before if late else 0)
        if len(self._said) > REMEMBERED:
            del self._said[next(iter(self._said))]
        named = list(self._subjects.named(type(touchpoint), partial(getattr, touchpoint)))
        statement = Statement(
            touchpoint.customer_key,
            touchpoint.source,
            at,
            touchpoint.event_id,
            late,
            late_before=late_before if late else 0,
        )
        return list(statements_of(named, statement))

    def forget_all(self) -> None:
        """Forget all that was said."""
        self._said.clear()

    def forget(self, touchpoint: Touchpoint) -> None:
        """Forget that a touchpoint has said anything: it may not have been written."""
        fields = self._fields.get(type(touchpoint))
        if fields is not None:
            self._said.pop(self._statement_of(touchpoint, fields), None)

    def _statement_of(self, touchpoint: Touchpoint, fields: Callable[[Touchpoint], tuple[str | None, ...]]) -> _Said:
        # Of those that state somebody the first statement decides, whomever the others state.
        source, named = touchpoint.source, fields(touchpoint)
        said: _Said = (source, is_subject(touchpoint.customer_key), *named)
        if len(source) + sum(len(one) for one in named if one is not None) > _LONGEST:
            return (blake2b(msgspec.msgpack.encode(said), digest_size=16).digest(),)
        return said


def _short(text: str) -> str | bytes:
    return text if len(text) <= _LONGEST else blake2b(text.encode(), digest_size=16).digest()


def statements_of(named: Sequence[Named], stated: Statement) -> Iterator[SubjectStated]:
    """Yield what a touchpoint says of the subjects that it names.

    Args:
        stated: by its own stated key.
    """
    if not is_subject(stated.stated_key):
        yield from (SubjectStated(one.profile, stated) for one in named if not one.answered)
        return
    first, *others = named
    said = [(other.profile, first.profile) for other in others]
    yield SubjectStated(first.profile)
    if not first.answered:
        yield from (SubjectStated(other.profile) for other in others)
        said += [(first.profile, other.profile) for other in others]
    for profile, key in said:
        if profile != key:
            yield SubjectStated(profile, replace(stated, stated_key=key, nameless=True))
