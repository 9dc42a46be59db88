"""What a statement of a subject costs, however many hang on one another: instructions between two turns, and in all."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from schemas.identity_links import Identity
from schemas.steps import end_of
from schemas.subjects import SOURCES_MAX, Statement
from streams.identity.subject_owners import HANGING_MAX, Piece, SubjectOwners
from tests.unit.identity.test_subject_owners import MOVED, nobody_else, said
from tests.unit.instructions import OPCODES, opcodes_of_steps

LONG = 900
"""Answers to answers: fewer than may hang on a key, so that all of them are looked at."""


def answers_of(people: int) -> SubjectOwners:
    """Return a chain of answers to answers; of each so many sources say, behind that, that it is a person's."""
    owners = SubjectOwners(MOVED, nobody_else)
    for number in range(1, LONG):
        owners.restore(*said(f"anon:post:{number}", f"anon:post:{number - 1}", 1, nameless=True))
        for source in range(people):
            owners.restore(*said(f"anon:post:{number}", f"p{number}-{source}", 10 + source, f"s{source}"))
    return owners


def answer(to: int) -> tuple[str, Statement]:
    return said("anon:post:new", f"anon:post:{to}", 500 - LONG + to, nameless=True)


@pytest.mark.parametrize("people", [0, SOURCES_MAX])
def test_a_long_way_from_answer_to_answer_is_gone_in_steps(people: int) -> None:
    """With eight people at each answer it took 0.2 s at once."""
    owners = answers_of(people)

    steps = opcodes_of_steps(owners.adding(*answer(LONG - 1)))

    assert len(steps) > 2 * LONG - 10
    assert sum(steps) < 2 * LONG * (1 + people) * 250
    assert max(steps) < OPCODES / 10


def test_what_hangs_on_a_way_is_not_listed_anew_at_each_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each of 8,100 keys all that hung on those before it were copied, twice: seven million names."""
    owners = answers_of(SOURCES_MAX)
    hanging, listed = SubjectOwners._hanging, 0

    def counted(self: SubjectOwners, key: str, known: Collection[str] = ()) -> dict[str, None] | None:
        nonlocal listed
        found = hanging(self, key, known)
        listed += len(found or ())
        return found

    monkeypatch.setattr(SubjectOwners, "_hanging", counted)
    owners.add(*answer(LONG - 1))

    assert LONG < listed < 3 * LONG * (1 + SOURCES_MAX)


def test_an_answer_on_top_of_a_full_way_tells_all_that_hang_on_what_passes_the_limit() -> None:
    """The people at the answers above pass it, too; whoever hangs on any of them is told once."""
    owners = answers_of(SOURCES_MAX)
    for number in range(HANGING_MAX - LONG + 5):
        owners.restore(*said(f"anon:call:{number}", "anon:post:new", 1, nameless=True))

    told = owners.add(*answer(LONG - 1))

    below = {f"anon:call:{number}" for number in range(HANGING_MAX - LONG + 5)} | {"anon:post:new"}
    # On the last key of the way that is passed now hung all answers behind it.
    assert below | {f"anon:post:{number}" for number in range(1, LONG)} == set(told)
    assert len(told) == len(set(told))


def test_who_owns_a_thousand_subjects_is_told_in_steps() -> None:
    def links(_identity: Identity) -> list[Piece]:
        return [(0, "42")]

    owners = SubjectOwners(MOVED, links)
    for number in range(1, HANGING_MAX):
        owners.restore(*said(f"anon:post:{number}", f"anon:post:{number - 1}", number, nameless=True))
    told = owners.add(*said("anon:post:0", "ann", 0))
    turns = iter(owners.owned(told))

    steps = opcodes_of_steps(None for _ in turns)

    assert len(steps) > HANGING_MAX
    assert sum(steps) < 2_800_000  # 24 ms, where it took 41
    assert max(steps) < OPCODES


def test_whoever_is_erased_is_found_and_forgotten_in_steps() -> None:
    owners = SubjectOwners(MOVED, nobody_else)
    for number in range(3_000):
        owners.restore(*said(f"anon:case:{number}", "ann", number))

    finding = opcodes_of_steps(owners.finding(["ann"]))
    forgetting = opcodes_of_steps(owners.forgetting(["ann"], 5_000))

    assert len(finding) > 3_000
    assert len(forgetting) > 6_000
    assert max(finding) < OPCODES
    assert max(forgetting) < OPCODES
    assert end_of(owners.finding(["ann"])) == []


class Name(str):
    """A name whose look-ups take instructions that are counted: those of dicts and sets are none of Python's own."""

    def __hash__(self) -> int:
        return str.__hash__(self)


KEYS = 16


def of_many_keys() -> tuple[SubjectOwners, list[str]]:
    """Return subjects of some keys, as many on each as may hang there, and the keys."""
    owners, keys = SubjectOwners(MOVED, nobody_else), [f"anon:cookie:{number}" for number in range(KEYS)]
    for key in keys:
        for number in range(HANGING_MAX):
            subject, statement = said(f"anon:case:{key}-{number}", key, number)
            owners.restore(Name(subject), statement)
    return owners, keys


def test_subjects_of_many_keys_are_told_in_steps() -> None:
    """Of 32 keys at a time they took 20 ms at once."""
    owners, keys = of_many_keys()

    assert len(end_of(owners.told_with(keys))) == KEYS * HANGING_MAX
    assert max(opcodes_of_steps(owners.told_with(keys))) < OPCODES


def test_whoever_has_subjects_of_many_keys_is_found_and_erased_in_steps() -> None:
    """Of 240,000 the names were copied at once, several times: 37 ms."""
    owners, keys = of_many_keys()

    finding = opcodes_of_steps(owners.finding(keys))
    forgetting = opcodes_of_steps(owners.forgetting(keys, 5_000))

    assert max(finding) < OPCODES / 10
    assert max(forgetting) < OPCODES
    assert len(owners) == 0


def test_the_people_to_whom_an_answer_leads_are_looked_up_one_by_one() -> None:
    """A component of 250 links takes 2 ms to be looked at, and of 16 answers each source may name people of its own."""
    asked: list[Identity] = []

    def links(identity: Identity) -> list[Piece]:
        asked.append(identity)
        return [(0, "42")]

    owners = SubjectOwners(MOVED, links)
    for number in range(1, 16):
        owners.restore(*said(f"anon:post:{number}", f"anon:post:{number - 1}", 20 * number, nameless=True))
        for source in range(SOURCES_MAX):
            person = f"anon:cookie:{number}-{source}"
            owners.restore(*said(f"anon:post:{number}", person, 20 * number + source + 1, f"s{source}"))

    before, most = 0, 0
    for _ in owners.owning(["anon:post:15"]):
        most, before = max(most, len(asked) - before), len(asked)

    assert len(asked) > SOURCES_MAX
    assert most == 1
