"""What was late when it was first stated stays so, when it is read again in its time; nothing else becomes late."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.identity_links import CUSTOMER, IdentitiesStated
from schemas.subjects import Statement, SubjectStated
from streams.identity.verdicts import Verdicts

ANN, BOB, MAIL, COOKIE = (CUSTOMER, "ann"), (CUSTOMER, "bob"), ("email", "a@x"), ("cookie", "k")
LATE = IdentitiesStated([ANN, MAIL], 10, "e1", late=True, late_before=100)


def late(verdicts: Verdicts, stated: IdentitiesStated) -> list[bool]:
    return [link.late for link in verdicts.links_of(stated)]


def test_what_was_late_is_late_again_and_so_is_what_it_made_needless_to_write() -> None:
    verdicts = Verdicts()

    assert late(verdicts, LATE) == [True]
    assert late(verdicts, replace(LATE, late=False, late_before=0)) == [True]
    assert late(verdicts, IdentitiesStated([ANN, MAIL], 99, "e2")) == [True]


def test_what_happened_later_or_links_others_counts_in_its_time() -> None:
    verdicts = Verdicts()
    verdicts.links_of(LATE)

    assert late(verdicts, IdentitiesStated([ANN, MAIL], 100, "e2")) == [False]
    assert late(verdicts, IdentitiesStated([BOB, MAIL], 10, "e1")) == [False]
    assert late(verdicts, IdentitiesStated([ANN, MAIL, COOKIE], 10, "e1")) == [True, False]


def test_before_anything_was_late_nothing_is_and_the_latest_time_holds() -> None:
    verdicts = Verdicts()

    assert late(verdicts, replace(LATE, late=False)) == [False]
    verdicts.links_of(LATE)
    verdicts.links_of(replace(LATE, late_before=50))
    assert late(verdicts, IdentitiesStated([ANN, MAIL], 99, "e3")) == [True]


def test_of_a_subject_each_source_has_its_own() -> None:
    said = SubjectStated("anon:case:1", Statement("ann", "desk", 10, "e1", late=True, late_before=100))
    again = replace(said, statement=Statement("ann", "desk", 10, "e1"))
    other = replace(said, statement=Statement("ann", "shop", 10, "e1"))
    verdicts = Verdicts()

    found = [verdicts.statement_of(one) for one in (again, said, again, other, SubjectStated("anon:case:1"))]

    assert [one and one.late for one in found] == [False, True, True, False, None]


def test_what_is_said_of_a_subject_by_nobody_makes_no_late_one_of_what_somebody_says() -> None:
    of_nobody = Statement("anon:cart:1", "desk", 10, "e1", late=True, nameless=True, late_before=100)
    verdicts = Verdicts()
    verdicts.statement_of(SubjectStated("anon:order:1", of_nobody))

    found = verdicts.statement_of(SubjectStated("anon:order:1", Statement("ann", "desk", 10, "e2")))

    assert found is not None
    assert not found.late
