"""Whose the touchpoints are that state nobody: each follows the words of others about its subject, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

FARTHEST = 5
"""Subjects on the way from one to its owner."""
MOST = 40
"""Subjects whose ways lead over one key."""


class Word(NamedTuple):
    """What one touchpoint says of whose a subject is.

    Attributes:
        of_nobody: whether it states nobody, so that the key is another subject's.
    """

    of_nobody: bool
    at: int
    event_id: str
    source: str
    key: str


class About(NamedTuple):
    """A touchpoint, and what it is about.

    Attributes:
        key: its stated key, None where it states nobody.
        subjects: their names, that to which it belongs first.
        answers: whether the first is what it answers.
    """

    at: int
    event_id: str
    source: str
    key: str | None
    subjects: tuple[str, ...]
    answers: bool = False


def subjects_of(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of what a line is about, by the default settings: that to which it belongs first."""
    named: list[tuple[str, str | None]] = []
    if record["kind"] == "case_event":
        named = [("case", record["case_id"])]
    elif record["kind"] == "support_call":
        named = [("call", record["call_id"]), ("case", record.get("case_id"))]
    elif record["kind"] == "tweet":
        platform = record.get("platform", "twitter")
        named = [(f"post:{platform}", record.get("in_reply_to")), (f"post:{platform}", record["post_id"])]
    return tuple(f"anon:{kind}:{value}" for kind, value in named if value)


def words(touchpoints: Iterable[About]) -> dict[str, list[Word]]:
    """Return by subject what is said of it."""
    said: dict[str, list[Word]] = {}
    for one in touchpoints:
        own = one.subjects[1:] if one.answers else one.subjects
        if one.key is not None:
            pairs = [(subject, one.key) for subject in own]
        else:
            first = one.subjects[0]
            pairs = [(other, first) for other in one.subjects[1:]]
            pairs += [] if one.answers else [(first, other) for other in one.subjects[1:]]
        for subject, key in pairs:
            said.setdefault(subject, []).append(Word(one.key is None, one.at, one.event_id, one.source, key))
    return said


def crowded(said: Mapping[str, list[Word]], most: int = MOST, connected: Iterable[Collection[str]] = ()) -> set[str]:
    """Return the keys over which too many ways lead, from whatever source they begin, as far as they are followed.

    Args:
        connected: keys of people whom links connect: they are counted together.
    """
    group_of = {key: frozenset(group) for group in connected for key in group}
    over: dict[frozenset[str], set[str]] = {}
    for subject in said:
        passed: set[str] = set()
        reached = {subject}
        for _ in range(FARTHEST):
            reached = {key for one in reached for key in _followed(said.get(one, []))}
            passed |= reached
        for key in passed:
            over.setdefault(group_of.get(key, frozenset({key})), set()).add(subject)
    return {key for group, subjects in over.items() if len(subjects) > most for key in group}


def _followed(about: Iterable[Word]) -> set[str]:
    """Return the keys to which words lead: of people, and of nobody as long as nobody has told of a person."""
    told = sorted(about)
    people = [word for word in told if not word.of_nobody]
    nobody = [word for word in told if word.of_nobody and (not people or word.at < people[0].at)]
    return {word.key for word in [*people, *nobody[:1]]}


def key_of(one: About, said: Mapping[str, list[Word]], moved_before: int, full: Collection[str] = frozenset()) -> str:
    """Return the stated key that a touchpoint of nobody has by its subject, or the name of a subject's own profile.

    Args:
        moved_before: how long before a word it may have happened and still follow it, ms.
        full: keys over which too many ways lead: over another subject's none leads to anybody.
    """
    way, source = [one.subjects[0]], one.source
    while about := [word for word in said.get(way[-1], ()) if one.at >= word.at - moved_before]:
        own = [word for word in about if word.source == source and not word.of_nobody]
        word = min(own or about)
        if word.key in way or len(way) > FARTHEST or (word.of_nobody and word.key in full):
            return way[0]
        way.append(word.key)
        source = word.source
    return way[-1]


def owners(touchpoints: Iterable[About], owner_of: Callable[[str, int], str], moved_before: int) -> dict[str, str]:
    """Return whose the touchpoints are that state nobody, by event id.

    Args:
        owner_of: returns who owns what a stated key did at a time, ms.
    """
    known = list(touchpoints)
    said = words(known)
    full = crowded(said)
    keys = {one.event_id: key_of(one, said, moved_before, full) for one in known if one.key is None}
    return {one.event_id: _owner(keys[one.event_id], one.at, full, owner_of) for one in known if one.key is None}


def _owner(key: str, at: int, full: Collection[str], owner_of: Callable[[str, int], str]) -> str:
    """Return who owns what a key did; over which too many ways lead, it is not asked for."""
    return key if key in full else owner_of(key, at)
