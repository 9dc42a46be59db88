"""Avro's numbers: the specification's table, every length, and bytes that hold none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro.varint import count_at, int_at, long_at, size_at


def varint(number: int) -> bytes:
    """Return a number as the specification says: zig-zag, then seven bits a byte, the lowest first."""
    raw = 2 * number if number >= 0 else -2 * number - 1
    out = bytearray()
    while raw >= 128:
        out.append(raw % 128 + 128)
        raw //= 128
    out.append(raw)
    return bytes(out)


@pytest.mark.parametrize(
    ("number", "encoded"),
    [(0, "00"), (-1, "01"), (1, "02"), (-2, "03"), (2, "04"), (-64, "7f"), (64, "8001")],
)
def test_the_specifications_table(number: int, encoded: str) -> None:
    assert varint(number) == bytes.fromhex(encoded)
    assert long_at(bytes.fromhex(encoded), 0) == (number, len(encoded) // 2)


@given(st.integers(-(2**63), 2**63 - 1) | st.integers(-(2**42), 2**42), st.binary(max_size=8))
def test_any_number_before_any_bytes(number: int, after: bytes) -> None:
    encoded = varint(number)
    assert long_at(b"--" + encoded + after, 2) == (number, 2 + len(encoded))


@given(st.integers(2**6, 2**63 - 1))
def test_a_number_cut_short_is_an_index_error(number: int) -> None:
    with pytest.raises(IndexError):
        long_at(varint(number)[:-1], 0)


def test_a_number_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="does not end"):
        long_at(b"\x80" * 11 + b"\x00", 0)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**69 - 1])
def test_a_number_of_more_than_64_bits_is_refused(number: int) -> None:
    assert len(varint(number)) == 10
    with pytest.raises(ValueError, match="64 bits"):
        long_at(varint(number), 0)


@pytest.mark.parametrize("number", [2**31 - 1, -(2**31)])
def test_an_int_has_32_bits(number: int) -> None:
    assert int_at(varint(number), 0) == (number, 5)
    beyond = number + (1 if number > 0 else -1)
    with pytest.raises(ValueError, match=f"{beyond}.*32 bits"):
        int_at(varint(beyond), 0)


def test_a_length_is_not_negative() -> None:
    assert size_at(varint(300), 0) == (300, 2)
    with pytest.raises(ValueError, match="-3"):
        size_at(varint(-3), 0)


def test_a_block_may_state_its_size_but_not_be_empty() -> None:
    assert count_at(varint(200), 0) == (200, 2)
    assert count_at(varint(-3) + varint(1000), 0) == (3, 3)
    with pytest.raises(ValueError, match="nothing"):
        count_at(b"\x80\x00", 0)
