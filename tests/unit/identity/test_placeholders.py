"""What stands where an identifier should be is told from identifiers that look like it."""

from __future__ import annotations

import pytest

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
    ],
)
def test_a_placeholder_is_told_in_brackets_as_a_uuid_and_as_one_digit(value: str) -> None:
    assert is_placeholder(value, 4)


@pytest.mark.parametrize(
    "value",
    [
        *("1", "77", "111", "11112", "0001", "100000", "-11", "0f", "00000000-0000-0000-0000-000000000001"),
        *("ffffffff-ffff-ffff-ffff-fffffffffffe", "ffff", "aaaa", "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"),
        *("nullable", "(nullable)", "testing", "ann(null)", "guest7", "null@example.com", "---", "xx"),
    ],
)
def test_an_identifier_is_none(value: str) -> None:
    assert not is_placeholder(value, 4)


def test_from_how_many_digits_on_a_repeated_one_is_none_is_the_callers_to_say() -> None:
    assert not is_placeholder("1111", 7)
    assert is_placeholder("1111111", 7)
    assert is_placeholder("00", 7)
