"""Avro's variable-length numbers, for the decoders that `schemas.avro.decoder` writes."""

from __future__ import annotations

_MAX_BYTES = 10
# What the continuation bits of a six-byte number add up to when its bytes are shifted and added.
_SIX_BYTE_CONTINUATIONS = sum(0x80 << 7 * i for i in range(5))


def long_at(data: bytes, position: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it.

    Raises:
        IndexError: the data ends within the number.
        ValueError: it is longer than a long can be.
    """
    six = data[position : position + 6]
    # Times of our days, in milliseconds, take six bytes: worth a path without a loop.
    if len(six) == 6 and six[5] < 128:
        b0, b1, b2, b3, b4, b5 = six
        if b0 & b1 & b2 & b3 & b4 & 128:
            raw = b0 + (b1 << 7) + (b2 << 14) + (b3 << 21) + (b4 << 28) + (b5 << 35)
            raw -= _SIX_BYTE_CONTINUATIONS
            return (raw >> 1) ^ -(raw & 1), position + 6
    raw = 0
    for i in range(_MAX_BYTES):
        byte = data[position + i]
        raw |= (byte & 127) << 7 * i
        if byte < 128:
            if raw >> 64:
                raise ValueError(f"the number at byte {position} has more than 64 bits")
            return (raw >> 1) ^ -(raw & 1), position + i + 1
    raise ValueError(f"the number at byte {position} does not end")


def int_at(data: bytes, position: int) -> tuple[int, int]:
    """Return the number of at most 32 bits at a position, and the position after it.

    Raises:
        IndexError: the data ends within it.
        ValueError: it is greater, or smaller, than an int can be.
    """
    number, after = long_at(data, position)
    if not -(1 << 31) <= number < 1 << 31:
        raise ValueError(f"the int at byte {position} is {number}, which takes more than 32 bits")
    return number, after


def size_at(data: bytes, position: int) -> tuple[int, int]:
    """Return the length or index at a position, and the position after it.

    Raises:
        IndexError: the data ends within it.
        ValueError: it is negative, or longer than a long can be.
    """
    size, after = long_at(data, position)
    if size < 0:
        raise ValueError(f"the length at byte {position} is {size}")
    return size, after


def count_at(data: bytes, position: int) -> tuple[int, int]:
    """Return how many items the block at a position holds, and the position of its first.

    A negative count stands before the block's size in bytes; only a reader that skips the block needs that.

    Raises:
        IndexError: the data ends within it.
        ValueError: a number in it is longer than a long can be; or it is the 0 that ends the
            blocks, which the caller has to see before.
    """
    count, after = long_at(data, position)
    if count == 0:
        raise ValueError(f"the block at byte {position} holds nothing")
    if count < 0:
        _, after = long_at(data, after)
        return -count, after
    return count, after
