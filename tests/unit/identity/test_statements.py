"""What touchpoints state of who is who is said once, and again where it counts from earlier on."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from schemas.identity_links import CUSTOMER, IdentitiesStated, Link
from schemas.kinds.page_view import PageView
from streams.identity import statements
from streams.identity.identities import Identities
from streams.identity.links import links_of
from streams.identity.statements import Statements
from tests.unit.journeys.play import T0, seen_page

ANN = (CUSTOMER, "ann")
MAIL, COOKIE = ("email", "ann@example.com"), ("cookie", "k-1")
NEVER_LATE = 0


def touchpoint(at: int = T0, event: str = "e1", customer: str | None = "ann", **identifiers: str) -> Any:
    seen = seen_page(0)
    assert isinstance(seen, PageView)
    return msgspec.structs.replace(seen, occurred_at=at, event_id=event, customer_id=customer, identifiers=identifiers)


def test_a_customer_is_linked_to_each_identifier() -> None:
    stated = Statements(Identities()).stated_by(touchpoint(cookie="k-1", email="Ann@Example.com"), NEVER_LATE)

    assert stated == IdentitiesStated([ANN, MAIL, COOKIE], T0, "e1")
    assert links_of(stated) == [Link(ANN, MAIL, T0, "e1"), Link(ANN, COOKIE, T0, "e1")]


def test_without_a_customer_each_identifier_is_linked_to_each_other() -> None:
    guest = touchpoint(customer=None, cookie="k-1", email="Ann@Example.com", device="d-1")
    device = ("device", "d-1")

    stated = Statements(Identities()).stated_by(guest, NEVER_LATE)

    assert stated is not None
    assert [link.pair for link in links_of(stated)] == [(MAIL, device), (MAIL, COOKIE), (device, COOKIE)]


def test_an_identifier_that_is_called_customer_is_no_customers_id() -> None:
    misnamed = msgspec.structs.replace(touchpoint(), identifiers={"customer": "bob", "cookie": "k-1"})

    stated = Statements(Identities()).stated_by(misnamed, NEVER_LATE)

    assert stated == IdentitiesStated([ANN, ("~customer", "bob"), COOKIE], T0, "e1")


def test_one_identity_links_nothing() -> None:
    said = Statements(Identities())

    assert not said.stated_by(touchpoint(), NEVER_LATE)
    assert not said.stated_by(touchpoint(customer=None, cookie="k-1"), NEVER_LATE)
    assert not said.stated_by(touchpoint(customer="guest", cookie="k-1"), NEVER_LATE)
    assert not said.stated_by(touchpoint(cookie="undefined"), NEVER_LATE)


def test_what_is_forgotten_is_stated_again_unless_another_has_stated_it_since() -> None:
    said, first, earlier = Statements(Identities()), touchpoint(cookie="k-1"), touchpoint(T0 - 1, "e0", cookie="k-1")
    said.stated_by(first, NEVER_LATE)
    said.forget(first)
    assert said.stated_by(first, NEVER_LATE)

    said.stated_by(earlier, NEVER_LATE)
    said.forget(first)

    assert not said.stated_by(first, NEVER_LATE)


def test_what_was_stated_is_not_stated_again_unless_it_counts_from_earlier_on() -> None:
    said = Statements(Identities())

    assert said.stated_by(touchpoint(T0, "b", cookie="k-1"), NEVER_LATE)
    assert not said.stated_by(touchpoint(T0, "b", cookie="k-1"), NEVER_LATE)
    assert not said.stated_by(touchpoint(T0 + 1, "a", cookie="k-1"), NEVER_LATE)
    assert said.stated_by(touchpoint(T0, "a", cookie="k-1"), NEVER_LATE) == IdentitiesStated([ANN, COOKIE], T0, "a")
    assert said.stated_by(touchpoint(T0 - 1, "c", cookie="k-1"), NEVER_LATE) == IdentitiesStated(
        [ANN, COOKIE], T0 - 1, "c"
    )


def memory_taken() -> int:
    """Return the bytes that statements and the tests' own texts take: caches of others come and go."""
    gc.collect()
    ours = [tracemalloc.Filter(inclusive=True, filename_pattern=of) for of in (statements.__file__, __file__)]
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(ours).traces)


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
def test_what_is_remembered_of_a_statement_has_a_bound_in_bytes() -> None:
    """A hundred identifiers of 1,024 characters take 110 KB; 100,000 of such statements are remembered."""
    said = Statements(Identities())
    long: dict[str, Any] = {f"crm{number}": str(number).ljust(1_024, "x") for number in range(100)}
    before = memory_taken()
    for count in range(20):
        assert said.stated_by(touchpoint(**{**long, "crm0": f"{count}".ljust(1_024, "y")}), NEVER_LATE)

    assert memory_taken() - before < 20 * 2_000
    assert not said.stated_by(touchpoint(**{**long, "crm0": "7".ljust(1_024, "y")}), NEVER_LATE)
    assert said.stated_by(touchpoint(**{**long, "crm0": "7".ljust(1_024, "z")}), NEVER_LATE)


@pytest.mark.usefixtures("traced")
def test_many_short_identifiers_are_remembered_in_few_bytes() -> None:
    """A hundred of one letter each are 200 characters, and 26 KB of memory."""
    said = Statements(Identities())
    before = memory_taken()
    for count in range(50):
        short: dict[str, Any] = {chr(0x4E00 + number): chr(0x5E00 + number + count) for number in range(100)}
        assert said.stated_by(touchpoint(**short), NEVER_LATE)

    assert memory_taken() - before < 50 * 1_500


def test_what_came_too_late_says_so_and_yields_to_what_came_in_time() -> None:
    said = Statements(Identities())

    def stated(at: int, late_before: int) -> IdentitiesStated | None:
        return said.stated_by(touchpoint(at, cookie="k-1"), late_before)

    def late(at: int, late_before: int) -> IdentitiesStated:
        return IdentitiesStated([ANN, COOKIE], at, "e1", late=True, late_before=late_before)

    assert stated(T0 - 5, T0) == late(T0 - 5, T0)
    assert stated(T0, T0) == IdentitiesStated([ANN, COOKIE], T0, "e1")
    # It is late by the first record; what happened later has to say that it is.
    assert stated(T0 - 9, T0) is None
    assert stated(T0 + 5, T0 + 9) == late(T0 + 5, T0 + 9)
    assert stated(T0 + 8, T0 + 9) is None
    assert stated(T0 - 9, T0 - 8) is None


def test_what_was_late_is_stated_though_the_same_was_in_time_before_and_once_more_where_it_may_be_lost() -> None:
    said = Statements(Identities())
    old = touchpoint(T0 - 9, cookie="k-1")
    said.stated_by(touchpoint(T0, cookie="k-1"), T0 - 99)

    assert said.stated_by(old, T0 - 1) is not None
    assert said.stated_by(old, T0 - 1) is None
    said.forget(old)
    assert said.stated_by(old, T0 - 1) is not None


def test_of_identifiers_as_long_as_they_may_be_two_are_linked_and_short_ones_beside_them() -> None:
    wide = "\N{GRINNING FACE}"
    giants: dict[str, Any] = {f"{number}".ljust(256, wide): f"{number}".ljust(1_024, wide) for number in range(7)}

    stated = Statements(Identities()).stated_by(touchpoint(customer=None, **giants), NEVER_LATE)
    beside = Statements(Identities()).stated_by(touchpoint(email="ann@example.com", cookie="k-1", **giants), NEVER_LATE)

    assert stated is not None
    assert [kind[0] for kind, _ in stated.identities] == ["0", "1"]
    assert beside is not None
    # 25 bytes and 5 KiB for each giant: a second one would make pairs of more than 16 KiB.
    assert [kind[0] for kind, _ in beside.identities] == ["c", "e", "0", "c"]


def test_eight_identifiers_of_nearly_three_hundred_bytes_are_linked_with_each_other() -> None:
    many: dict[str, Any] = {f"crm{number}": str(number).ljust(280, "x") for number in range(8)}

    stated = Statements(Identities()).stated_by(touchpoint(customer=None, **many), NEVER_LATE)

    assert stated is not None
    assert len(stated.identities) == 8


def test_a_stranger_with_many_names_is_linked_by_the_strongest_eight() -> None:
    many = {f"account{number}": str(number) + "x" for number in range(30)}

    of_ann = Statements(Identities()).stated_by(touchpoint(T0, "e1", "ann", **many), NEVER_LATE)
    of_nobody = Statements(Identities()).stated_by(touchpoint(T0, "e1", None, **many), NEVER_LATE)

    # By name: account0, account1, account10 and so on.
    first = [(f"account{number}", f"{number}x") for number in (0, 1, 10, 11, 12, 13, 14, 15)]
    assert of_ann == IdentitiesStated([ANN, *first[:7]], T0, "e1")
    assert of_nobody == IdentitiesStated(first, T0, "e1")
    assert [len(links_of(stated)) for stated in (of_ann, of_nobody)] == [7, 8 * 7 // 2]


def test_statements_are_forgotten_so_that_they_stay_few(monkeypatch: Any) -> None:
    monkeypatch.setattr(statements, "REMEMBERED", 2)
    said = Statements(Identities())

    for cookie in ("a1", "b1", "c1"):
        said.stated_by(touchpoint(cookie=cookie), NEVER_LATE)

    assert said.stated_by(touchpoint(cookie="a1"), NEVER_LATE)
    assert not said.stated_by(touchpoint(cookie="c1"), NEVER_LATE)


@pytest.mark.usefixtures("traced")
def test_four_identifiers_of_fifty_characters_are_remembered_in_few_bytes() -> None:
    """Of four bytes each they take 1 KB."""
    said = Statements(Identities())
    before, _ = tracemalloc.get_traced_memory()
    for count in range(100):
        long: dict[str, Any] = {f"crm{number}": f"{count}-{number}".ljust(50, "\U0001f600") for number in range(4)}
        assert said.stated_by(touchpoint(**long), NEVER_LATE)

    after, _ = tracemalloc.get_traced_memory()
    assert after - before < 100 * 1_000
