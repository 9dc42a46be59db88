"""IDENTITY tells the partition of a subject's own profile who owns it: of its key, of links, in a new epoch."""

from __future__ import annotations

import pytest

from schemas import journey_log
from schemas.identity_links import CUSTOMER, Erase, Link, LinkRecord
from schemas.journey_log import Erased, Owners
from schemas.subjects import Statement, SubjectStated
from schemas.topics import JOURNEYS_LOG
from schemas.units import DAY_MS
from streams.identity.subject_index import HANGING_MAX
from tests.unit.agents.test_identity import ANN, AT, COOKIE, Bench

CASE, ANSWER = "anon:case:17", "anon:post:twitter:2"
KEY = "anon:cookie:k"
BEFORE = 3 * DAY_MS
"""How long before a statement, or a link, what happened moves."""


def said(key: str, at: int = AT, source: str = "desk", subject: str = CASE, *, nameless: bool = False) -> LinkRecord:
    return SubjectStated(subject, Statement(key, source, at, "e", nameless=nameless))


async def told(*records: Link | LinkRecord, first: int = 0) -> list[Owners]:
    """Return what is told of subjects by the records from one on, where those before it are acknowledged."""
    bench = Bench(*records)
    await bench.read(first, len(records))
    return [owners for owners in bench.told() if owners.customer_key in {CASE, ANSWER}]


async def test_a_subject_is_that_of_whoever_named_it() -> None:
    assert await told(said("ann")) == [Owners(CASE, [AT - BEFORE], ["ann"], 0)]


async def test_a_link_of_its_key_tells_whose_it_is_and_an_answers_owner_follows() -> None:
    login = Link((CUSTOMER, "ann"), COOKIE, AT + DAY_MS, "login")
    records = (said(KEY), said(CASE, subject=ANSWER, nameless=True), login)
    since = [AT - BEFORE, AT + DAY_MS - BEFORE]

    found = await told(*records, first=2)

    assert sorted(found, key=str) == [
        Owners(CASE, since, [KEY, "ann"], 2),
        Owners(ANSWER, since, [KEY, "ann"], 2),
    ]
    assert ANN == (CUSTOMER, "ann")


async def test_each_source_has_its_own_from_when_it_says_so() -> None:
    found = await told(said("ann"), said("bob", AT + 5, "help"))

    of_help = [AT - BEFORE, AT + 5 - BEFORE], ["ann", "bob"]
    assert found[-1] == Owners(CASE, [AT - BEFORE], ["ann"], 1, {"help": of_help})


async def test_what_changes_nothing_is_not_told() -> None:
    assert len(await told(said("ann"), said("bob", AT + 5), said("ann"))) == 1


async def test_a_log_of_a_new_epoch_is_told_of_subjects() -> None:
    bench = Bench(said("ann"), said("bob", subject=ANSWER))
    bench.reports, bench.position = [], 2

    await bench.linking.begin()

    assert [(one.customer_key, one.owners, one.links_offset) for one in bench.told()] == [
        (CASE, ["ann"], 1),
        (ANSWER, ["bob"], 1),
    ]


async def test_a_subject_that_is_still_theirs_by_what_was_said_later_is_told_again_behind_the_erasure() -> None:
    """Its own partition forgets whose it is."""
    assert await told(said("ann", AT + 20), Erase([ANN], AT + 9, "order", b"s" * 16), first=1) == [
        Owners(CASE, [AT + 20 - BEFORE], ["ann"], 1)
    ]


async def test_who_is_erased_loses_the_subjects_that_are_theirs_and_others_keep_their_own() -> None:
    order = Erase([ANN], AT + 9, "order", b"s" * 16)
    later = said("ann", AT + 20)
    bench = Bench(said("ann"), said("bob", subject=ANSWER), order, said("ann", AT + 5, "web"), later)
    await bench.read(0, 2)
    await bench.read(2, 3)
    records = [journey_log.decode(message.value or b"") for message in bench.producer.to(JOURNEYS_LOG)]
    erased = {one.customer_key for one in records if isinstance(one, Erased)}
    before = len(bench.told())
    await bench.read(3, 5)

    assert erased == {"ann", CASE}
    assert bench.told()[before:] == [Owners(CASE, [AT + 20 - BEFORE], ["ann"], 4)]


@pytest.mark.parametrize(("over", "messages"), [(0, HANGING_MAX), (1, 0)])
async def test_a_link_tells_the_subjects_of_its_key_unless_they_are_too_many(over: int, messages: int) -> None:
    cases = [said(KEY, subject=f"anon:case:{number}") for number in range(HANGING_MAX + over)]
    bench = Bench(*cases, Link((CUSTOMER, "ann"), COOKIE, AT + DAY_MS, "login"))
    await bench.read(len(cases), len(cases) + 1)

    assert len([one for one in bench.told() if one.customer_key != KEY]) == messages


@pytest.mark.parametrize(("over", "messages"), [(0, HANGING_MAX), (1, 0)])
async def test_a_link_tells_the_subjects_of_all_identifiers_that_are_connected_unless_they_are_too_many_together(
    over: int, messages: int
) -> None:
    """Each of 250 identifiers may have as many as are told of one: a link told 10,000 by one touchpoint."""
    half = HANGING_MAX // 2
    cases = [said(KEY, subject=f"anon:case:{number}") for number in range(half)]
    cases += [said("anon:device:d", subject=f"anon:case:{number}") for number in range(half, HANGING_MAX + over)]
    both = Link(("device", "d"), COOKIE, AT, "both")
    bench = Bench(*cases, both, Link((CUSTOMER, "ann"), COOKIE, AT + DAY_MS, "login"))
    await bench.read(len(cases) + 1, len(cases) + 2)

    assert len([one for one in bench.told() if one.customer_key not in {KEY, "anon:device:d"}]) == messages


async def test_an_erasure_takes_the_subjects_also_where_they_are_too_many() -> None:
    cases = [said("ann", subject=f"anon:case:{number}") for number in range(HANGING_MAX + 1)]
    bench = Bench(*cases, Erase([ANN], AT + 9, "order", b"s" * 16))
    await bench.read(len(cases), len(cases) + 1)
    records = [journey_log.decode(message.value or b"") for message in bench.producer.to(JOURNEYS_LOG)]

    assert len({one.customer_key for one in records if isinstance(one, Erased)}) == len(cases) + 1


@pytest.mark.parametrize(("over", "counted"), [(0, 0), (1, HANGING_MAX + 1)])
async def test_subjects_on_a_crowded_key_are_counted_for_operators(over: int, counted: int) -> None:
    cases = [said(KEY, subject=f"anon:case:{number}") for number in range(HANGING_MAX + over)]
    bench = Bench(*cases)

    await bench.read(0, len(cases))

    assert bench.telemetry.registry.get_sample_value("touchline_subjects_crowded_total") == counted
