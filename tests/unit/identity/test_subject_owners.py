"""Whose subjects are, by a second account of it; of chains, circles, and too many subjects on one key."""

from __future__ import annotations

import random
from bisect import bisect_right
from itertools import pairwise, permutations, product

import pytest

from schemas.identity_links import CUSTOMER, Identity
from schemas.steps import end_of
from schemas.subjects import SOURCES_MAX, Statement, with_statement
from streams.identity.subject_index import CHAIN_MAX, HANGING_MAX
from streams.identity.subject_owners import Piece, SubjectOwned, SubjectOwners
from tests.oracle.subjects import About, Word, crowded, key_of, words

MOVED = 10
POOL = [f"anon:case:{number}" for number in range(6)]


def nobody_else(_identity: Identity) -> list[Piece]:
    return []


def said(subject: str, key: str, at: int, source: str = "s", *, nameless: bool | None = None) -> tuple[str, Statement]:
    is_nameless = key in POOL if nameless is None else nameless
    return subject, Statement(key, source, at, f"e{at}", False, is_nameless)


def taken(*statements: tuple[str, Statement]) -> SubjectOwners:
    owners = SubjectOwners(MOVED, nobody_else)
    for statement in statements:
        owners.add(*statement)
    return owners


def owned(owners: SubjectOwners, subject: str) -> SubjectOwned:
    [(_, found)] = owners.owned([subject])
    return found


def owner_at(owners: SubjectOwners, subject: str, at: int, source: str = "other") -> str:
    return of_whom(owned(owners, subject), subject, at, source)


def of_whom(found: SubjectOwned, subject: str, at: int, source: str) -> str:
    pieces = found.by_source.get(source, found.pieces)
    place = bisect_right([since for since, _ in pieces], at)
    return pieces[place - 1][1] if place else subject


@pytest.mark.parametrize("seed", range(300))
def test_owners_are_those_of_the_oracle_in_whatever_order_statements_come(seed: int) -> None:
    rng = random.Random(seed)
    known = []
    for number in range(rng.randrange(1, 12)):
        subjects = tuple(rng.sample(POOL, rng.choice((1, 2, 2))))
        key = rng.choice((None, None, "ann", "bob"))
        known.append(About(rng.randrange(40), f"e{number}", rng.choice("ab"), key, subjects, rng.random() < 0.5))
    statements = [
        (subject, Statement(word.key, word.source, word.at, word.event_id, False, word.of_nobody))
        for subject, about in words(known).items()
        for word in about
    ]
    rng.shuffle(statements)
    owners = taken(*statements)

    for one in known:
        if one.key is None:
            expected = key_of(one, words(known), MOVED)
            assert owner_at(owners, one.subjects[0], one.at, one.source) == expected


def test_a_statement_counts_for_what_happened_a_while_before_it() -> None:
    assert owned(taken(said(POOL[0], "ann", 100)), POOL[0]).pieces == [(100 - MOVED, "ann")]


def test_a_subject_follows_its_key_to_whom_that_is() -> None:
    def links(identity: Identity) -> list[Piece]:
        return {("cookie", "k"): [(50, "42"), (200, "57")], (CUSTOMER, "ann"): [(120, "bea")]}.get(identity, [])

    owners = SubjectOwners(MOVED, links)
    owners.add(*said(POOL[0], "anon:cookie:k", 100))
    owners.add(*said(POOL[1], POOL[0], 130))
    owners.add(*said(POOL[2], "ann", 100))

    assert owned(owners, POOL[0]).pieces == [(90, "42"), (200, "57")]
    assert owned(owners, POOL[1]).pieces == [(120, "42"), (200, "57")]
    assert owned(owners, POOL[2]).pieces == [(90, "ann"), (120, "bea")]
    assert sorted(owners.of(["anon:cookie:k"])) == POOL[:2]


def test_of_two_helpdesks_that_number_their_cases_alike_each_has_its_own() -> None:
    owners = taken(said(POOL[0], "ann", 1, "desk"), said(POOL[0], "bob", 5, "help"))

    assert [owner_at(owners, POOL[0], 9, source) for source in ("desk", "help", "carrier")] == ["ann", "bob", "ann"]


def test_what_a_source_says_itself_later_leaves_what_is_older_with_whom_others_have_said() -> None:
    owners = taken(said(POOL[0], "ann", 1, "desk"), said(POOL[0], "bob", 50, "help"))

    assert [owner_at(owners, POOL[0], at, "help") for at in (9, 39, 40)] == ["ann", "ann", "bob"]
    assert owner_at(owners, POOL[0], 40, "desk") == "ann"


def test_whoever_states_a_person_comes_before_whoever_states_nobody() -> None:
    assert owner_at(taken(said(POOL[0], POOL[1], 1), said(POOL[0], "ann", 5)), POOL[0], 9) == "ann"


def test_whoever_states_a_person_later_leaves_what_is_older_with_the_other_subject() -> None:
    owners = taken(said(POOL[0], POOL[1], 1), said(POOL[0], "ann", 50))

    assert [owner_at(owners, POOL[0], at) for at in (-9, 39, 40)] == [POOL[1], POOL[1], "ann"]


def test_a_way_that_leads_back_leads_to_nobody_from_when_it_does() -> None:
    owners = taken(said(POOL[0], POOL[1], 1), said(POOL[1], POOL[0], 50))

    assert [owner_at(owners, POOL[0], at) for at in (39, 40)] == [POOL[1], POOL[0]]
    assert [owner_at(owners, POOL[1], at) for at in (39, 40)] == [POOL[1], POOL[1]]


def test_who_hangs_on_a_subject_for_a_while_is_told_with_it() -> None:
    owners = taken(said(POOL[0], POOL[1], 1), said(POOL[0], "ann", 50), said(POOL[2], POOL[1], 50))
    owners.add(*said(POOL[2], "ann", 50))

    # Of the last nothing is older than what states a person.
    assert sorted(owners.add(*said(POOL[1], "bob", 0))) == POOL[:2]


@pytest.mark.parametrize("length", [2, 3, 5])
def test_a_way_that_leads_back_leads_to_nobody(length: int) -> None:
    circle = [said(POOL[number], POOL[(number + 1) % length], number) for number in range(length)]

    assert [owner_at(taken(*circle), subject, 9) for subject in POOL[:length]] == POOL[:length]


def test_answers_to_answers_are_followed_so_far() -> None:
    chain = [f"anon:post:t:{number}" for number in range(CHAIN_MAX + 2)]
    owners = taken(said(chain[0], "ann", 0), *(said(one, to, 0, nameless=True) for to, one in pairwise(chain)))

    assert [owner_at(owners, one, 9) for one in chain] == ["ann"] * CHAIN_MAX + chain[CHAIN_MAX:]


@pytest.mark.parametrize("order", [*permutations(range(5))])
def test_of_each_source_the_first_statement_of_people_and_of_nobody_is_kept_in_whatever_order_they_come(
    order: tuple[int, ...],
) -> None:
    statements = [said(POOL[0], key, at, source)[1] for key, at, source in SAID]
    known: list[Statement] = []
    for number in order:
        known = with_statement(known, statements[number])

    kept = [(one.stated_key, one.occurred_at, one.source) for one in known]
    assert kept == [("bob", 2, "help"), ("ann", 3, "desk"), (POOL[1], 1, "desk")]


SAID = (("ann", 3, "desk"), ("bob", 2, "help"), ("cem", 4, "desk"), (POOL[1], 1, "desk"), (POOL[2], 2, "desk"))


@pytest.mark.parametrize("seed", range(20))
def test_a_subject_of_many_sources_and_customers_takes_no_more_than_a_few(seed: int) -> None:
    rng = random.Random(seed)
    statements = [said(POOL[0], f"c{number}", rng.randrange(99), f"s{number % 40}")[1] for number in range(400)]
    known: list[Statement] = []
    for one in statements:
        known = with_statement(known, one)

    first = {one.source: one for one in sorted(statements, key=lambda one: one.rank, reverse=True)}
    assert known == sorted(first.values(), key=lambda one: one.rank)[:SOURCES_MAX]


def test_what_changes_nothing_names_no_subject() -> None:
    owners = taken(said(POOL[0], "ann", 5))

    assert owners.add(*said(POOL[0], "bob", 6)) == []
    assert owners.add(*said(POOL[0], "bob", 4)) == [POOL[0]]
    assert owners.of(["ann"]) == []


def test_a_key_of_many_subjects_is_asked_once() -> None:
    asked = []

    def links(identity: Identity) -> list[Piece]:
        asked.append(identity)
        return [(0, "42")]

    owners = SubjectOwners(MOVED, links)
    for number in range(HANGING_MAX):
        owners.add(*said(f"anon:case:{number}", "anon:cookie:k", 100))
    found = dict(owners.owned(end_of(owners.told_with(["anon:cookie:k"]))))

    assert len(found) == HANGING_MAX
    assert asked == [("cookie", "k")]


def calls_of(subject: str, count: int) -> list[tuple[str, Statement]]:
    return [said(f"anon:call:{number}", subject, number, nameless=True) for number in range(count)]


def test_of_a_subject_on_which_too_many_hang_only_itself_is_told_and_the_others_are_nobodys() -> None:
    calls = calls_of(POOL[0], HANGING_MAX + 1)
    owners = taken(said(POOL[0], "ann", 100), *calls[:-1])
    told = [len(owners.add(*said(POOL[0], "bob", 99))), len(owners.add(*calls[-1]))]
    told += [len(owners.add(*said(POOL[0], f"c{number}", 98 - number))) for number in range(5)]

    assert told == [HANGING_MAX + 1, HANGING_MAX + 1, 1, 1, 1, 1, 1]
    assert owner_at(owners, POOL[0], 200) == "c4"
    assert [owned(owners, call).pieces for call, _ in (calls[0], calls[-1])] == [[], []]


def test_who_has_no_longer_too_many_has_all_of_them_again() -> None:
    calls = calls_of(POOL[0], HANGING_MAX + 1)
    owners = taken(said(POOL[0], "ann", 100), *calls)
    call = calls[7][0]
    told = owners.add(*said(call, "bob", 5))

    assert sorted(told) == sorted(call for call, _ in calls)
    assert [owner_at(owners, one, 200) for one, _ in calls[6:8]] == ["ann", "bob"]


def test_subjects_of_a_key_of_too_many_stay_with_the_key_and_no_link_tells_them() -> None:
    owners = SubjectOwners(MOVED, lambda _: [(0, "42")])
    for number in range(HANGING_MAX + 1):
        told = owners.add(*said(f"anon:case:{number}", "anon:cookie:k", 100))
        is_over = number == HANGING_MAX
        assert len(told) == (HANGING_MAX + 1 if is_over else 1)

    assert owned(owners, POOL[0]).pieces == [(100 - MOVED, "anon:cookie:k")]
    assert end_of(owners.told_with(["anon:cookie:k"])) == []
    assert len(owners.of(["anon:cookie:k"])) == HANGING_MAX + 1


def test_what_is_forgotten_gives_the_others_their_owner_again() -> None:
    calls = calls_of(POOL[0], HANGING_MAX + 1)
    owners = taken(said(POOL[0], "ann", 100), *calls)
    told = owners.forget([calls[7][0]], 200)

    assert sorted(told) == sorted(call for call, _ in calls)
    assert [owner_at(owners, one, 200) for one, _ in calls[6:8]] == ["ann", calls[7][0]]


ANN, BOB = (CUSTOMER, "ann"), (CUSTOMER, "bob")


class Links:
    """Whether two people are one: then both are the first one's, and their subjects are counted together."""

    def __init__(self) -> None:
        self.are_one = False

    def groups(self) -> list[list[Identity]]:
        return [[ANN, BOB]] if self.are_one else [[ANN], [BOB]]

    def connected(self, identity: Identity) -> list[Identity]:
        return next(group for group in self.groups() if identity in group)

    def owned_by(self, identity: Identity) -> list[Piece]:
        return [(0, f"owner of {self.connected(identity)[0][1]}")]


@pytest.mark.parametrize("seed", range(300))
def test_whoever_may_have_another_owner_by_a_statement_or_a_link_is_told_and_few_are(seed: int) -> None:
    """Of three that may hang on a key; the owners are those of the oracle after each statement and each link."""
    rng = random.Random(seed)
    most, links = 3, Links()
    owners = SubjectOwners(MOVED, links.owned_by, links.connected, most)
    heard: dict[str, list[Word]] = {}
    shown = {subject: owned(owners, subject) for subject in POOL}
    for number in range(40):
        if rng.random() < 0.2:
            was = links.groups()
            links.are_one = not links.are_one
            told = end_of(owners.regrouped([BOB], was, links.groups()))
        else:
            subject, other = rng.sample(POOL, 2)
            is_nameless = rng.random() < 0.7
            key, source = other if is_nameless else rng.choice(("ann", "bob")), rng.choice("ab")
            stated = Statement(key, source, 200 - rng.randrange(number + 1), f"e{number}", False, is_nameless)
            heard.setdefault(subject, []).append(Word(is_nameless, stated.occurred_at, stated.event_id, source, key))
            told = owners.add(subject, stated)
        now = {subject: owned(owners, subject) for subject in POOL}
        about = firsts(heard)
        full = crowded(about, most, [[name for _, name in group] for group in links.groups()])

        assert {one for one in POOL if now[one] != shown[one]} <= set(told)
        for one, source, at in product(POOL, "abc", (159, 175, 185, 999)):
            key = key_of(About(at, "", source, None, (one,)), about, MOVED, full)
            is_linked = key in {"ann", "bob"} and key not in full
            expected = links.owned_by((CUSTOMER, key))[0][1] if is_linked else key
            assert of_whom(now[one], one, at, source) == expected
        shown = now


@pytest.mark.parametrize("seed", range(20))
def test_what_hangs_farther_than_a_subject_is_followed_is_not_counted(seed: int) -> None:
    """Long ways, on which no key is full though many hang on its end: as the oracle follows each."""
    rng = random.Random(seed)
    most, pool = 6, [f"anon:post:{number}" for number in range(30)]
    owners = SubjectOwners(MOVED, nobody_else, hanging_max=most)
    heard: dict[str, list[Word]] = {}
    shown = {subject: owned(owners, subject) for subject in pool}
    for number in rng.sample(range(1, 30), 29):
        subject, key = pool[number], pool[max(0, number - rng.choice((1, 1, 1, 2)))]
        stated = Statement(key, "s", 0, f"e{number}", False, nameless=True)
        heard[subject] = [Word(True, 0, stated.event_id, "s", key)]
        told = owners.add(subject, stated)
        now = {subject: owned(owners, subject) for subject in pool}
        full = crowded(heard, most)

        assert {one for one in pool if now[one] != shown[one]} <= set(told)
        for one in pool:
            assert of_whom(now[one], one, 9, "s") == key_of(About(9, "", "s", None, (one,)), heard, MOVED, full)
        shown = now


def test_who_takes_them_again_after_a_start_knows_the_same_owners() -> None:
    statements = [*calls_of(POOL[0], HANGING_MAX), said(POOL[0], "ann", 100), said(POOL[0], "bob", 90, "help")]
    statements += [said(POOL[1], POOL[0], 3), said(POOL[1], "ann", 2), said(POOL[0], "cem", 80)]
    again = SubjectOwners(MOVED, nobody_else)
    for statement in statements:
        again.restore(*statement)
    told = taken(*statements)

    assert dict(again.owned(again)) == dict(told.owned(told))
    assert owner_at(again, "anon:call:7", 200) == "cem"


def firsts(heard: dict[str, list[Word]]) -> dict[str, list[Word]]:
    """Return of each source the first word of people, and the first of nobody."""
    return {
        subject: [
            min(word for word in about if (word.source, word.of_nobody) == says)
            for says in {(word.source, word.of_nobody) for word in about}
        ]
        for subject, about in heard.items()
    }


@pytest.mark.parametrize(("hanging", "crowded"), [(3, 0), (4, 4)])
def test_subjects_on_a_key_on_which_too_many_hang_are_counted_each_time_they_are_decided(
    hanging: int, crowded: int
) -> None:
    owners = SubjectOwners(MOVED, nobody_else, hanging_max=3)
    subjects = [f"anon:order:{number}" for number in range(hanging)]
    for subject in subjects:
        owners.add(subject, Statement("ann", "s", 1, "e"))
    owners.add("anon:case:of bob", Statement("bob", "s", 1, "e"))

    list(owners.owned([*subjects, "anon:case:of bob"]))
    assert owners.crowded == crowded
    list(owners.owned(subjects))
    assert owners.crowded == 2 * crowded


def test_others_have_their_turn_while_it_is_looked_for_what_hangs_on_many_keys() -> None:
    assert len(list(taken().told_with(map(str, range(10_000))))) > 300
