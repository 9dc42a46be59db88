"""The form of a text that any identifier has: Unicode's NFKC, without characters that nobody sees."""

from __future__ import annotations

import unicodedata

from schemas.limits import MAPS

_LONGEST = MAPS["identifiers"].value
"""Characters of an identifier."""
_SLICE = 32
"""Characters that are looked at at once."""
_COMPOSED = 4
"""Characters of which one is composed, at most: where two slices meet, they may be so many in the place of one."""

_KEPT = 10_000
"""Characters of which is remembered what is left of them: to find it out takes ten times as long."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
"""Unicode's categories of control characters, format characters and halves of characters."""
# Unicode's property Default_Ignorable_Code_Point, of what is in no such category, and the blank of Braille.
_IGNORABLE = (
    *((0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065), (0x2800, 0x2800)),
    *((0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF)),
)
_IGNORED = frozenset(chr(point) for first, last in _IGNORABLE for point in range(first, last + 1))


def cleaned(text: str, longest: int = _LONGEST) -> str:
    """Return a text in NFKC, without control, format and invisible characters, and without blanks around it.

    White space of any sort becomes a space. The result stays itself. One character may become 18: of a text that would
    be longer than `longest`, only so much is returned that this shows.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    seen = text.translate(_SEEN).strip()
    if len(seen) > _SLICE:
        found, length = [], 0
        for nth, start in enumerate(range(0, len(seen), _SLICE)):
            found.append(unicodedata.normalize("NFKC", seen[start : start + _SLICE]))
            length += len(found[-1])
            if length > longest + _COMPOSED * nth:
                return "".join(found).strip()
    return unicodedata.normalize("NFKC", seen).strip()


def folded(text: str) -> str:
    """Return a clean text in which letters differ by no case; the result stays itself."""
    if text.isascii():
        return text.lower()
    # Folding may take a text out of NFKC, and NFKC may bring capital letters: two rounds are enough for any character.
    for _ in range(3):
        text, before = cleaned(text.casefold()), text
        if text == before:
            break
    return text


def ascii_digits(text: str) -> str:
    """Return a text with the decimal digits of every script as those of ASCII."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)


class _Seen(dict[int, str]):
    """By code point, what is left of a character; kept of as many as texts of a few scripts have.

    Full, it begins anew: else whoever has sent so many characters would make all others dear for good.
    """

    def __missing__(self, point: int) -> str:
        if len(self) >= _KEPT:
            self.clear()
        found = self[point] = _seen(chr(point))
        return found


_SEEN = _Seen()


def _seen(char: str) -> str:
    if char.isspace():
        return " "
    return "" if char in _IGNORED or unicodedata.category(char) in _UNSEEN else char
