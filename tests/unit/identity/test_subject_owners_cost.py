"""What a statement of a subject costs, however many hang on one another: instructions between two turns, and in all."""

from __future__ import annotations

from collections.abc import Generator

from schemas.identity_links import Identity, identity_of
from schemas.steps import end_of
from schemas.subjects import SOURCES_MAX, Statement
from streams.identity.graph import LINKS_MAX
from streams.identity.subject_index import CHAIN_MAX, HANGING_MAX
from streams.identity.subject_owners import Piece, SubjectOwners
from tests.unit.identity.test_subject_owners import MOVED, nobody_else, said
from tests.unit.instructions import OPCODES, opcodes_of_steps

GAP = 2 * MOVED
"""Between statements, so that each counts at some time."""
MESSAGE = 800_000
"""Instructions that a statement may take in all, 20 ms: 10 to 25 ns each."""

Statements = list[tuple[str, Statement]]


def taken(statements: Statements) -> SubjectOwners:
    """Return what statements say, of people each of whom has a component of as many links as may be."""

    def connected(identity: Identity) -> list[Identity]:
        return [identity, *(("cookie", f"{identity[1]}-{number}") for number in range(LINKS_MAX))]

    owners = SubjectOwners(MOVED, lambda identity: [(0, f"owner of {identity[1]}")], connected)
    for subject, stated in statements:
        owners.restore(subject, stated)
    return owners


def steps_of(owners: SubjectOwners, subject: str, stated: Statement) -> tuple[int, list[int]]:
    """Return how many subjects a statement tells, and what each step takes of finding them and their owners."""
    told = 0

    def doing() -> Generator[None, None, None]:
        nonlocal told
        found = yield from owners.adding(subject, stated)
        told = len(found)
        for _ in owners.owning(found):
            yield

    steps = opcodes_of_steps(doing())
    return told, steps


def people_of(subject: str) -> Statements:
    """Return that a subject is that of as many people as there are sources."""
    return [said(subject, f"of {subject} {nth}", GAP * (1 + nth), f"s{nth}") for nth in range(SOURCES_MAX)]


def answers() -> Statements:
    """Return answers to answers, as far as a subject is followed; each is of people, too."""
    found = []
    for number in range(1, CHAIN_MAX):
        found.append(said(f"anon:post:{number}", f"anon:post:{number - 1}", 0, nameless=True))
        found += people_of(f"anon:post:{number}")
    return found


def test_a_case_on_which_as_many_hang_as_may_and_each_is_of_people_at_all_its_ends_takes_20_ms_at_most() -> None:
    known = answers()
    for number in range(HANGING_MAX - CHAIN_MAX + 1):
        call = f"anon:call:{number}"
        known += [said(call, f"anon:post:{CHAIN_MAX - 1}", 0, nameless=True), *people_of(call)]

    owners = taken(known)
    owners.add(*said("anon:post:0", "bob", 1))
    list(owners.owned(owners))  # who owns what people do is remembered

    told, steps = steps_of(owners, *said("anon:post:0", "ann", 0))

    assert told == HANGING_MAX + 1
    assert MESSAGE / 10 < sum(steps) < MESSAGE
    assert max(steps) < OPCODES


def below(person: str, count: int) -> Statements:
    """Return that a person has so many cases."""
    return [said(f"anon:case:{person}-{number}", person, 0) for number in range(count)]


def test_a_statement_by_which_all_to_whom_it_leads_are_full_takes_20_ms_and_so_does_what_takes_it_back() -> None:
    known = [*answers(), *people_of("anon:post:0")]
    for number in range(CHAIN_MAX):
        hanging = CHAIN_MAX - number
        for subject, stated in people_of(f"anon:post:{number}"):
            assert subject == f"anon:post:{number}"
            known += below(stated.stated_key, HANGING_MAX - hanging)
    owners = taken(known)

    full = steps_of(owners, *said("anon:post:new", f"anon:post:{CHAIN_MAX - 1}", 0, nameless=True))
    again = steps_of(owners, *said("anon:post:new", "zoe", -1))

    for told, steps in (full, again):
        assert told > 3 * CHAIN_MAX * HANGING_MAX
        assert sum(steps) < MESSAGE
        assert max(steps) < OPCODES / 4


def test_people_are_asked_for_once_until_their_links_change() -> None:
    """A component of 250 links takes 2 ms to look at, and each call of a case may be of several people."""
    asked: list[Identity] = []

    def links(identity: Identity) -> list[Piece]:
        asked.append(identity)
        return [(0, "42")]

    owners = SubjectOwners(MOVED, links)
    owners.restore(*said("anon:case:0", "ann", 100))
    for number in range(HANGING_MAX - 1):
        owners.restore(*said(f"anon:call:{number}", "anon:case:0", 100, nameless=True))
        owners.restore(*said(f"anon:call:{number}", f"p{number}", 100 + GAP))

    def asked_by(told: list[str]) -> int:
        before = len(asked)
        assert len(list(owners.owned(told))) == HANGING_MAX
        return len(asked) - before

    assert asked_by(owners.add(*said("anon:case:0", "bob", 99))) == HANGING_MAX
    assert asked_by(owners.add(*said("anon:case:0", "cem", 98))) == 1
    linked = [identity_of("p7")]
    assert asked_by([*end_of(owners.regrouped(linked, [linked], [linked])), *owners.of(["cem"])][1:]) == 1
    owners.forget_owners()
    assert asked_by(owners.of(["cem"])) == HANGING_MAX


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
