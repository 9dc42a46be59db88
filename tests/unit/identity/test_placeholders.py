"""What stands where an identifier should be is told from identifiers that look like it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.identity.emails import email, plain_email
from streams.identity.placeholders import is_placeholder


@pytest.mark.parametrize(
    "value",
    [
        *("(null)", "<nil>", '"undefined"', "'None'", "[NULL]", "{}", "()", "( anonymous )", "`true`", "(-1)"),
        *("00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}", "0" * 32),
        *("ffffffff-ffff-ffff-ffff-ffffffffffff", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "F" * 32),
        *("urn:uuid:00000000-0000-0000-0000-000000000000", "URN:UUID:FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"),
        *("00", "000", "0.0", "-0", "00:00:00:00:00:00", "000-00-0000"),
        *("1111", "9999999999", "777-777-7777", "5555 5555 5555", "٠٠٠٠", "٩٩٩٩٩"),
        *("+1111", "-00", "+11-11-", "+1 1 1 1", "+44.44", "+٤٤٤4", "-1111)"),
    ],
)
def test_a_placeholder_is_told_in_brackets_as_a_uuid_and_as_one_digit(value: str) -> None:
    assert is_placeholder(value, 4)


@pytest.mark.parametrize(
    "value",
    [
        *("1", "77", "111", "11112", "0001", "100000", "-11", "0f", "00000000-0000-0000-0000-000000000001"),
        *("ffffffff-ffff-ffff-ffff-fffffffffffe", "ffff", "aaaa", "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"),
        *("+1112", "-10", "+493000000104", "+1 1 1 2", "-1112)", "+null", "-a"),
        *("nullable", "(nullable)", "testing", "ann(null)", "guest7", "null@example.com", "---", "xx"),
    ],
)
def test_an_identifier_is_none(value: str) -> None:
    assert not is_placeholder(value, 4)


def test_from_how_many_digits_on_a_repeated_one_is_none_is_the_callers_to_say() -> None:
    assert not is_placeholder("1111", 7)
    assert is_placeholder("1111111", 7)
    assert is_placeholder("00", 7)


@given(st.from_regex(re.compile(r"[a-z0-9_+.-]{1,6}@([a-z0-9-]{1,4}\.){1,2}[a-z]{2,3}", re.IGNORECASE), fullmatch=True))
def test_no_address_that_is_written_plainly_is_a_placeholder(address: str) -> None:
    plain = plain_email(address)
    assert plain in {None, email(address)}
    assert plain is None or not is_placeholder(address, 4)
