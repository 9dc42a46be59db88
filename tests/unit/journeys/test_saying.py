"""Whose subjects somebody who is erased has said to be: found without looking at all, and without an index of keys."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest

from schemas import journey_log
from schemas.journey_log import Erased, LogRecord
from schemas.subjects import Statement, SubjectStated
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.journeys.saying import PARTS, Saying
from streams.journeys.subjects import Subject
from tests.unit.journeys.play import T0

SALT = b"s" * 16


def said(number: int, who: str, source: str = "desk", at: int = 5) -> SubjectStated:
    return SubjectStated(f"anon:case:{number}", Statement(who, source, T0 + at, f"e{at}"))


def erased(who: str) -> Erased:
    return Erased(who, T0 + 50, "order", SALT, 1, is_elsewhere=True)


def play(partition: Partition, *records: LogRecord) -> dict[bytes, bytes | None]:
    """Apply records; return the entries of the changelog."""
    for record in records:
        partition.apply(partition.offset + 1, record, journey_log.encode(record))
    output = partition.flush()
    return {**dict(output.customers), output.position[0]: output.position[1]}


def restarted(entries: dict[bytes, bytes | None]) -> Partition:
    partition = Partition(0, 1, Rules())
    for key, value in entries.items():
        partition.restore(key, value)
    partition.restored()
    return partition


@contextmanager
def looked_at() -> Iterator[list[Subject]]:
    """Collect the subjects in which somebody's statements are looked for."""
    found: list[Subject] = []
    forget = Subject.forget

    def noted(subject: Subject, stated_key: str, until: int) -> bool:
        found.append(subject)
        return forget(subject, stated_key, until)

    with patch.object(Subject, "forget", noted):
        yield found


def test_an_erasure_looks_at_few_of_the_subjects_also_after_a_restart() -> None:
    partition = Partition(0, 1, Rules())
    entries = play(partition, *(said(number, f"who-{number}") for number in range(20_000)))

    for one in (partition, restarted(entries)):
        with looked_at() as found:
            play(one, erased("who-77"))
        # A 4096th of 20,000 are 5; that it is ten times as many by chance does not happen.
        assert 1 <= len(found) <= 50


@pytest.mark.parametrize("parts", [2, PARTS])
def test_whatever_was_said_and_replaced_before_nothing_of_whoever_is_erased_is_left(
    parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against all states of the changelog, read in full: no one of them names whoever was erased."""
    monkeypatch.setattr("streams.journeys.saying.PARTS", parts)
    for seed in range(60):
        rng = random.Random(seed)
        people = [f"who-{number}" for number in range(6)]
        partition, entries = Partition(0, 1, Rules()), dict[bytes, bytes | None]()
        for _ in range(12):
            stated = [
                said(rng.randrange(8), rng.choice(people), f"source-{rng.randrange(10)}", rng.randrange(40))
                for _ in range(rng.randrange(1, 12))
            ]
            gone = [people.pop(rng.randrange(len(people)))] if len(people) > 1 and rng.random() < 0.3 else []
            own = [SubjectStated(f"anon:case:{rng.randrange(8)}")]
            entries |= play(partition, *stated, *own, *map(erased, gone))
            for name in gone:
                assert not [key for key, value in entries.items() if name.encode() in (value or b"")], seed
            if rng.random() < 0.3:
                partition = restarted(entries)


def test_a_subject_that_is_erased_itself_is_found_by_what_was_said_of_it_later_and_by_nothing_else() -> None:
    partition = Partition(0, 1, Rules())
    later = said(1, "bob", "shop", 60)

    play(partition, said(1, "ann"), later, Erased("anon:case:1", T0 + 50, "order", SALT, 1))

    assert list(partition.customers.saying.near("ann")) == []
    assert list(partition.customers.saying.near("bob")) == ["anon:case:1"]


def test_a_statement_takes_some_ten_bytes() -> None:
    """A dictionary of keys would take twenty times as many, 200 bytes."""
    count = 200_000
    subjects = [f"anon:case:{number}" for number in range(count)]
    statements = [[Statement(f"who-{number}", "desk", number, f"e{number}")] for number in range(count)]
    saying = Saying()
    tracemalloc.start()
    try:
        for subject, stated in zip(subjects, statements, strict=True):
            saying.change(subject, (), stated)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert taken / count < 12
