"""Values at the edges: numbers, texts and bytes that have broken something somewhere, and changes of whole inputs."""

from __future__ import annotations

import random
from typing import Any

NUMBERS = (
    *(0, 1, -1, 2, 10, 63, 64, 127, 128, 255, 256, -129, 1_000, 65_535, 65_536, 10_000, -10_000),
    *(2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32, 2**53, 2**53 + 1, 2**62, 2**63 - 1, -(2**63)),
    *(10**12, 10**12 + 1, 10**15, -62_135_596_800_000, 253_402_300_799_999, 253_402_300_800_000),
    *(631_152_000_000, 946_684_800_000, 1_714_564_800_000, 10_413_792_000_000, -2_208_988_800_000),
)
"""Whole numbers of 64 bits, near the ends of what something holds."""
DOUBLES = (0.0, -0.0, 1.0, 0.5, 9.0, 10.0, -1.0, 1e-320, 1e308, -1e308, float("inf"), float("-inf"), float("nan"), 1e16)
TEXTS = (
    *("", " ", "\0", "a", "x" * 128, "x" * 129, "x" * 256, "x" * 257, "0", "-1", "1e999", "NaN", "null", "true"),
    *("EUR", "eur", "EURO", "\uff25\uff35\uff32", "ann@example.com", "ANN@EXAMPLE.COM ", "+44 20 7946 0958", "@ann"),
    *("\x1b[2J\x1b[31m", "\u202e\u2066abc", "a\r\nb", "\u2028", "\ufeff", "\U000e0041", "\u200d", "\x7f\x85"),
    *(
        "\u0130\u0131\ufb03\u1e9e",
        "e\u0301" * 50,
        "\u0661\u0662\u0663",
        "\U0001f469\u200d\U0001f52c",
        "\uffff",
        "\u00df",
    ),
    *("'; DROP TABLE touchpoints; --", "{{7*7}}", "../../etc/passwd", "\\u0000", "\\", '"', "[b]", "anon:email:a@b.c"),
    *("2024-05-01T12:00:00Z", "2024-05-01T12:00:00", "9999-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "2024-W01-1"),
    *("not not good", "GREAT!!!!!!!!!!!!", ":) :( :-|", "but but but", "n't", "kind of the bomb", "\u2019t"),
)
"""Short texts."""
WORDS = ("good", "bad", "not", "very", "!!!", "but", "GREAT", "\n", "?", ":)", "the", "n't", "kind", "of", "\u00e9")


def number(rng: random.Random) -> int:
    """Return a whole number of 64 bits."""
    chosen = rng.random()
    if chosen < 0.5:
        return rng.choice(NUMBERS)
    if chosen < 0.8:
        return rng.randint(-3, 1_500)
    return rng.randint(-(2**63), 2**63 - 1) >> rng.randrange(64)


def double(rng: random.Random) -> float:
    """Return a number with a point."""
    return rng.choice(DOUBLES) if rng.random() < 0.5 else rng.uniform(-20, 20)


def text(rng: random.Random) -> str:
    """Return a text of whole characters, seldom a long one."""
    chosen = rng.random()
    if chosen < 0.6:
        return rng.choice(TEXTS)
    if chosen < 0.8:
        return " ".join(rng.choices(WORDS, k=rng.randrange(30)))
    if chosen < 0.98:
        return "".join(map(character, [rng] * rng.randrange(40)))
    return rng.choice((*TEXTS[1:], *WORDS)) * rng.choice((10, 300, 5_000))


def character(rng: random.Random) -> str:
    """Return a character of any plane, but half of one."""
    found = chr(rng.randrange(rng.choice((0x80, 0x800, 0x10000, 0x110000))))
    return "?" if "\ud800" <= found <= "\udfff" else found


def json_value(rng: random.Random, depth: int = 0) -> Any:
    """Return anything that JSON and MessagePack can hold."""
    chosen = rng.random()
    if chosen < 0.35 or depth > 3:
        return text(rng)
    if chosen < 0.55:
        return number(rng)
    if chosen < 0.7:
        return rng.choice((None, True, False, 0.5, -0.0, 1e308))
    if chosen < 0.85:
        return [json_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {text(rng): json_value(rng, depth + 1) for _ in range(rng.randrange(4))}


def changed_bytes(rng: random.Random, data: bytes) -> bytes:
    """Return bytes with a few changes: flipped, cut, inserted, doubled, overwritten."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        at = rng.randrange(len(changed) + 1)
        end = min(len(changed), at + rng.choice((1, 2, 4, 8, 50)))
        match rng.randrange(6):
            case 0 if changed:
                changed[at % len(changed)] ^= 1 << rng.randrange(8)
            case 1:
                del changed[at:end]
            case 2:
                changed[at:at] = rng.choice((b"\0", b"\xff" * 9 + b"\x01", b"\x80" * 11, b"\xc3\x28", rng.randbytes(4)))
            case 3:
                changed[at:at] = changed[at:end] * rng.choice((1, 1, 30))
            case 4:
                changed[at:end] = rng.randbytes(end - at)
            case _:
                del changed[at:]
    return bytes(changed)


def changed_tree(rng: random.Random, tree: Any) -> Any:
    """Return a value of lists, dictionaries and others with one place in it changed."""
    places = list(_places(tree))
    if not places:
        return json_value(rng)
    holder, key = rng.choice(places)
    match rng.randrange(7):
        case 0:
            del holder[key]
        case 1:
            other, name = rng.choice(places)
            holder[key] = copied(other[name]) if name in other or isinstance(other, list) else None
        case 2 if isinstance(holder, list):
            holder.insert(key, copied(holder[key]))
        case 3 if isinstance(holder, dict):
            holder[text(rng)] = copied(holder[key])
        case 4:
            holder[key] = [holder[key]] * rng.choice((0, 1, 2, 3, 40))
        case _:
            holder[key] = json_value(rng)
    return tree


def copied(tree: Any) -> Any:
    """Return a value of lists and dictionaries whose parts are its own."""
    if isinstance(tree, dict):
        return {key: copied(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [copied(value) for value in tree]
    return tree


def _places(tree: Any) -> Any:
    inner: Any = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inner:
        yield tree, key
        yield from _places(value)
