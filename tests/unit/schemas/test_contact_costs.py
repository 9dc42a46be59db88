"""What contacts cost is what a business says, and nothing where it says nothing."""

from __future__ import annotations

import pytest

from schemas.contact_costs import read_contact_costs


def test_nothing_said_is_nothing_known() -> None:
    assert read_contact_costs("") == read_contact_costs(" , ") == ""


def test_all_costs_are_said_in_one_order_however_they_are_written() -> None:
    assert read_contact_costs(" post=20,, hour = 4200.50 ") == "call=0,case=0,hour=4200.5,post=20"
    assert read_contact_costs("case=12345678") == "call=0,case=12345678,hour=0,post=0"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("call", "'call' says nothing: write call=250"),
        ("calls=250", "did you mean call"),
        ("call=1,call=2", "call is there twice"),
        ("call=-1", "call: '-1' is no amount in minor units, as 250 is"),
        ("hour=nan", "is no amount"),
        ("hour=inf", "is no amount"),
        ("case=", "is no amount"),
    ],
)
def test_what_is_no_cost_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_contact_costs(text)
