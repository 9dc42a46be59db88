"""The partition of a subject's own profile: what it tells IDENTITY, and when; and what becomes of who waits there."""

from __future__ import annotations

from msgspec.structs import replace

from schemas import journey_log
from schemas.journey_log import Erased, LogRecord, Moved, Owners
from schemas.subjects import Statement, SubjectStated
from streams.journeys.output import Output
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from tests.unit.journeys.play import T0, case

CASE = "anon:case:d"
ANN = SubjectStated(CASE, Statement("ann", "desk", T0 + 5, "e5"))
BOB = SubjectStated(CASE, Statement("bob", "desk", T0 + 3, "e3"))
ASKED = SubjectStated(CASE)


def played(partition: Partition, *records: LogRecord) -> Output:
    for record in records:
        partition.apply(partition.offset + 1, record, journey_log.encode(record))
    return partition.flush()


def test_what_nobody_waits_for_is_told_to_nobody() -> None:
    assert played(Partition(0, 1, Rules()), ANN, BOB).links == []


def test_who_waits_makes_known_what_was_said_before_and_what_is_said_from_then_on() -> None:
    partition = Partition(0, 1, Rules())

    assert played(partition, ANN, ASKED, ASKED).links == [ANN]
    assert played(partition, BOB).links == [BOB]
    assert played(partition, ANN).links == [], "an earlier one of its source counts"


def test_whoever_has_an_owner_hears_of_an_earlier_statement_too() -> None:
    partition = Partition(0, 1, Rules())
    played(partition, ANN, ASKED, Owners(CASE, [T0], ["ann"], 1))

    assert played(partition, BOB).links == [BOB]


def test_what_was_applied_before_a_crash_is_told_again_as_its_position_was_not_written() -> None:
    partition, again = Partition(0, 1, Rules()), Partition(0, 1, Rules())
    output = played(partition, ANN, ASKED)
    for key, value in output.customers:
        again.restore(key, value or b"")
    again.restored()

    assert played(again, ANN, ASKED).links == [ANN, ANN]


def test_where_links_end_is_in_the_position() -> None:
    partition, again = Partition(0, 1, Rules()), Partition(0, 1, Rules())
    output = played(partition, ANN, ASKED)
    partition.wrote_links(output, 7)
    again.restore(*output.position)

    assert again.links_end == partition.links_end == 7


def test_of_two_sources_each_has_its_own_owner() -> None:
    partition = Partition(0, 1, Rules())
    waiting = [case(at, "updated", "d", customer_key=CASE, source=source) for at, source in ((1, "desk"), (2, "help"))]
    owners = Owners(CASE, [T0], ["ann"], 1, {"help": ([T0], ["bob"])})

    output = played(partition, *waiting, owners)

    moved = [journey_log.decode(record) for _, record in output.forwarded]
    assert [(one.customer_key, journey_log.decode(one.record)) for one in moved if isinstance(one, Moved)] == [
        ("ann", _moved(waiting[0])),
        ("bob", _moved(waiting[1])),
    ]
    # Then the second helpdesk's case turns out to be ann's, too.
    output = played(partition, Owners(CASE, [T0], ["ann"], 2))
    assert [key for key, _ in output.forwarded] == ["bob", "ann"]


def _moved(touchpoint: journey_log.Touchpoint) -> journey_log.Touchpoint:
    return replace(touchpoint, moves=1)


def test_what_was_said_before_an_erasure_of_the_subject_is_passed_over() -> None:
    partition = Partition(0, 1, Rules())
    played(partition, ANN, ASKED, Erased(CASE, T0 + 5, "order", b"s" * 16, 1))

    assert played(partition, ASKED, ANN, BOB).links == []
    later = SubjectStated(CASE, Statement("ann", "desk", T0 + 6, "e6"))
    assert played(partition, later).links == [later]


def test_what_was_said_after_an_erasure_of_the_subject_and_came_before_is_kept_and_who_waits_still_asks() -> None:
    partition, again = Partition(0, 1, Rules()), Partition(0, 1, Rules())
    shops = SubjectStated(CASE, Statement("bob", "shop", T0 + 9, "e9"))
    helps = SubjectStated(CASE, Statement("bob", "help", T0 + 10, "e10"))
    output = played(partition, ANN, shops, ASKED, Erased(CASE, T0 + 5, "order", b"s" * 16, 1))
    for key, value in (*output.customers, output.position):
        again.restore(key, value)
    again.restored()

    for one in (partition, again):
        assert played(one, helps).links == [helps]
        subject = one.customers.timeline(CASE).ownership
        assert subject is not None
        assert subject.subject is not None
        assert [said.source for said in subject.subject.statements] == ["shop", "help"]


def test_what_somebody_said_of_a_subject_is_forgotten_with_them_in_whichever_partition_it_stands() -> None:
    partition, again = Partition(0, 1, Rules()), Partition(0, 1, Rules())
    shops = SubjectStated(CASE, Statement("bob", "shop", T0 + 9, "e9"))
    erased = Erased("ann", T0 + 5, "order", b"s" * 16, 1, is_elsewhere=True)
    kept = dict(played(partition, ANN, shops).customers)
    assert b"ann" in b"".join(value or b"" for value in kept.values())

    output = played(partition, erased)

    kept |= dict(output.customers)
    assert b"ann" not in b"".join(value or b"" for value in kept.values())
    assert output.erased_rows == []
    # What was under way is passed over, also after a restart; what they say later counts.
    for key, value in kept.items():
        again.restore(key, value or b"")
    again.restore(*output.position)
    again.restored()
    later = SubjectStated(CASE, Statement("ann", "desk", T0 + 6, "e6"))
    for one in (partition, again):
        assert played(one, ANN, ASKED).links == [shops]
        assert played(one, later).links == [later]
