"""Texts as they are searched for identifiers: escapes of URLs, HTML and JSON read, each character in one form."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from html import unescape
from typing import NamedTuple

from streams.identity.text import cleaned

ROUNDS = 4
"""So many times a text may be escaped in another way; in one way it may be any number of times, as in `%252540`."""
_KEPT = 10_000
"""Characters of which the form is remembered."""
_LONGEST_FORM = 4
"""Characters that are kept of a character's form: a ligature of whole words has up to 18."""
_HYPHEN, _STOP = "-", "."
_STOPS = frozenset("\u2024\u3002\uff0e\uff61\u00b7\u2022\u2027\u2219\u22c5\u30fb\uff65")
"""What stands between labels of a domain, or between groups of a number, and is no full stop of ASCII."""
_DASHES = frozenset("\u2212\u02d7\u2043\u30fc\uff70")
"""What looks like a hyphen, and is no dash of Unicode's category Pd."""

_PERCENT = r"%(?:25)*([0-9a-f]{2})"
_UNIT = re.compile(_PERCENT)
_ESCAPE = re.compile(
    rf"(?:{_PERCENT})+"
    r"|&(?:amp;)*(?:#(?:x0*[0-9a-f]{1,8}|0*[0-9]{1,8});?|[a-z]{2,31};)"
    r"|(?<!\\)\\++(?:u(?:[0-9a-f]{4}|\{0*[0-9a-f]{1,6}\})|x[0-9a-f]{2})"
)
"""It takes time in proportion to a text: a run of backslashes, say, is read from its first one, and once."""
_ENTITY = re.compile(r"&(?:amp;)*(#x?|)(?:0+(?=[0-9a-f]))?")
"""With what an entity begins: its ampersand may be escaped, and its zeros more than `int` takes."""
_NO_DIGITS = re.compile(r"[\\ux{}]")
_LONGEST_CHARACTER = 2
"""Characters that an entity of HTML may stand for."""

_ASCII = [chr(point) for point in range(128)]
_BLANKS = bytes(ord(" " if char.isspace() else char) for char in _ASCII) + bytes(range(128, 256))
_UNSEEN = "".join(char for char in _ASCII if not (char.isprintable() or char.isspace())).encode()


class Located(NamedTuple):
    """A text as it is searched, and where in the text each of its characters begins."""

    text: str
    starts: Sequence[int]
    length: int

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return from where to where, in the text that was written, a part of the searched one stands."""
        starts = self.starts
        last = starts[end - 1]
        while end < len(starts) and starts[end] == last:
            end += 1
        return starts[start], starts[end] if end < len(starts) else self.length


def escapes(text: str) -> int:
    """Return how many escapes a text has at most; to read them is what takes long."""
    return text.count("%") + text.count("&#") + text.count("\\") + (text.count("&") if ";" in text else 0)


def has_escapes(text: str) -> bool:
    """Return whether a text may have escapes."""
    return "%" in text or "\\" in text or "&#" in text or ("&" in text and ";" in text)


def searched(text: str) -> str:
    """Return a text as it is searched: without escapes, compatibly decomposed (NFKD), folded, of visible characters.

    Dashes are hyphens, blanks are spaces, and digits those of ASCII. It takes time in proportion to the text, and half
    a microsecond or so for each escape.
    """
    return unescaped(characters(text))


def unescaped(text: str) -> str:
    """Return a text whose characters are as they are searched, without escapes."""
    for _ in range(ROUNDS):
        if not has_escapes(text):
            break
        text, before = _ESCAPE.sub(_unescaped, text), text
        if text == before:
            break
    return text


def characters(text: str) -> str:
    """Return a text with its characters as they are searched, its escapes as they are."""
    if not text.isascii():
        return text.translate(_FORMS)
    return (text if text.isprintable() else text.encode().translate(_BLANKS, _UNSEEN).decode()).lower()


def located(text: str) -> Located:
    """Return a text as `searched` does, and where all stands that is found in it: that takes ten times as long."""
    if text.isascii() and text.isprintable():
        found = text.lower()
        starts: Sequence[int] = range(len(text))
    else:
        forms = [_FORMS[ord(char)] for char in text]
        found = "".join(forms)
        starts = [at for at, form in enumerate(forms) for _ in form]
    for _ in range(ROUNDS):
        if not has_escapes(found):
            break
        pieces: list[str] = []
        moved: list[int] = []
        done = 0
        for escape in _ESCAPE.finditer(found):
            pieces.append(found[done : escape.start()])
            moved += starts[done : escape.start()]
            for form, at in _characters(escape):
                pieces.append(form)
                moved += [starts[at]] * len(form)
            done = escape.end()
        if not pieces:
            break
        moved += starts[done:]
        found, starts = "".join(pieces) + found[done:], moved
    return Located(found, starts, len(text))


def _unescaped(escape: re.Match[str]) -> str:
    said = escape[0]
    if escape[1] is None:
        return characters(_named(said))
    hexadecimal = said.replace("%", "") if "%25" not in said else "".join(_UNIT.findall(said))
    return characters(bytes.fromhex(hexadecimal).decode(errors="surrogateescape"))


def _named(said: str) -> str:
    """Return the character that an escape of HTML or JSON stands for."""
    if said[0] == "&":
        begins = _ENTITY.match(said)
        read = unescape(f"&{begins[1]}{said[begins.end() :]}") if begins else said
        return read if len(read) <= _LONGEST_CHARACTER else said
    point = int(_NO_DIGITS.sub("", said), 16)
    return chr(point) if point <= sys.maxunicode else ""


def _characters(escape: re.Match[str]) -> Iterator[tuple[str, int]]:
    """Yield the form of each character that an escape stands for, and where its escape begins."""
    said = escape[0]
    if escape[1] is None:
        yield characters(_named(said)), escape.start()
        return
    units = list(_UNIT.finditer(said))
    at = 0
    for char in bytes.fromhex("".join(unit[1] for unit in units)).decode(errors="surrogateescape"):
        yield characters(char), escape.start() + units[at].start()
        at += len(char.encode(errors="surrogateescape"))


class _Forms(dict[int, str]):
    """By code point, the form in which a character is searched."""

    def __missing__(self, point: int) -> str:
        found = _form(chr(point))
        if len(self) < _KEPT:
            self[point] = found
        return found


_FORMS = _Forms()


def _form(char: str) -> str:
    if char in _STOPS:
        return _STOP
    if char in _DASHES or unicodedata.category(char) == "Pd":
        return _HYPHEN
    if char.isspace():
        return " "
    form = unicodedata.normalize("NFKD", cleaned(char)).casefold()
    return "".join(str(unicodedata.decimal(one, one)) for one in form[:_LONGEST_FORM])
