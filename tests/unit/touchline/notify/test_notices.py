"""Notices: what tells a delivery from others, and what does not hold any more."""

from __future__ import annotations

import re

import pytest

from schemas.errors import UndecodableError
from tests.unit.touchline.notify.made_up import NOON, abandonment, follow_up, shift


def test_a_delivery_is_told_by_follow_up_and_status() -> None:
    assert follow_up().key(of_customer=False) == "f-1:open"
    assert follow_up(status="missed", causes=3).key(of_customer=False) == "f-1:missed"
    assert follow_up(customer_id="c-2").key(of_customer=False) == "f-1:open"


def test_who_is_told_of_withdrawals_is_told_under_each_name_of_the_customer() -> None:
    first, second = follow_up().key(of_customer=True), follow_up(customer_id="c-2").key(of_customer=True)

    assert re.fullmatch(r"f-1:open:[0-9a-f]{16}", first)
    assert first != second


@pytest.mark.parametrize("change", [{"retracted": True}, {"status": "withdrawn"}])
def test_what_is_retracted_or_withdrawn_is_a_withdrawal(change: dict[str, object]) -> None:
    assert follow_up(**change).withdrawn
    assert follow_up(**change).key(of_customer=False) == "f-1:withdrawn"
    assert not follow_up(status="expired").withdrawn


def test_an_abandonment_is_the_same_when_its_customer_gets_another_name() -> None:
    guest = abandonment(customer_id="anon:cookie:k")
    owner = abandonment(customer_id="c-1", previous_customer_id="anon:cookie:k")
    other = abandonment(customer_id="c-2")

    assert guest.id == owner.id
    assert len({guest.id, other.id, abandonment(customer_id="c-2", subject="checkout").id}) == 3
    assert abandonment(status="recovered", recovered_at=NOON).changed_at == NOON


def test_a_shift_is_told_by_its_id() -> None:
    assert shift().key(of_customer=False) == "s-1:detected"


@pytest.mark.parametrize("odd", ["a\r\nX-Evil: 1", "a b", "é", "x" * 65])
def test_an_id_that_would_end_a_header_is_not_sent_as_it_is(odd: str) -> None:
    for notice in (follow_up(follow_up_id=odd), shift(shift_id=odd)):
        assert re.fullmatch(r"[0-9a-f]{32}", notice.id)
    assert re.fullmatch(r"f-1:[0-9a-f]{32}", follow_up(status=odd).key(of_customer=False))


@pytest.mark.parametrize("moment", [10_413_792_000_000, -2_208_988_800_001])
def test_a_moment_beyond_all_times_is_refused(moment: int) -> None:
    with pytest.raises(UndecodableError, match=f"due_at is {moment}"):
        follow_up(due_at=moment)
