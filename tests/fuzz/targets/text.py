"""Texts of others on a terminal."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator

from typing_extensions import override

from schemas.text import MAX_QUOTED, MAX_REASON, printable, printable_lines, shortened
from tests.fuzz.target import CPU_MS, Target
from tests.fuzz.values import text
from touchline.terminal import styled

_JOINERS = "\u200c\u200d"
"""The only marks that show nothing and are let through: scripts and emojis need them."""
_STEER = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of what steers a terminal, wherever it stands: controls, halves of characters, line ends."""
_INVISIBLE = ("\u200b", "\u200e", "\u200f", "\u2060", "\ufeff", "\xad", "\U000e0001", *map(chr, range(0x2066, 0x206A)))
_BIDIRECTIONAL = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


_CHECKING_MS = 1_000.0
"""CPU time that looking at each character may take, ms; it is no part of what is fuzzed."""
_LONGEST = 2_000
"""Characters of an input: what is escaped costs by the character."""


class Texts(Target):
    """Any text becomes one that steers no terminal, and one of a bounded length where it is a reason."""

    @override
    def make(self, rng: random.Random) -> bytes:
        parts = [text(rng) for _ in range(rng.choice((1, 1, 3, 20)))]
        parts += [chr(rng.randrange(0x110000)) for _ in range(rng.randrange(10))]
        rng.shuffle(parts)
        return "".join(parts)[:_LONGEST].encode(errors="surrogatepass")

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        given = data.decode(errors="surrogatepass")
        yield CPU_MS
        line = printable(given)
        yield CPU_MS
        lines = printable_lines(given)
        yield CPU_MS
        shown = styled(given).plain
        yield CPU_MS
        reason, quoted = shortened(given), shortened(given, MAX_QUOTED)
        yield _CHECKING_MS
        assert len(reason) <= MAX_REASON
        assert len(quoted) <= MAX_QUOTED
        for found in (line, reason, quoted, shown, *lines.split("\n")):
            steering = [character for character in set(found) if steers(character)]
            assert not steering, f"{steering} is let through"
        assert lines.count("\n") == given.count("\n")


def steers(character: str) -> bool:
    """Return whether a character steers a terminal, or stands in a text unseen."""
    return (
        unicodedata.category(character) in _STEER
        or character in _INVISIBLE
        or unicodedata.bidirectional(character) in _BIDIRECTIONAL
    )
