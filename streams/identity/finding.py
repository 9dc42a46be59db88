"""Where identifiers stand in a text: addresses, numbers with a plus, and what a touchpoint states itself.

All are looked for in a text as `streams.identity.written` brings it into one form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import compress, islice
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, ValidationResult

from streams.identity.emails import email
from streams.identity.forms import BETWEEN_DIGITS, NOTHING, Number, Stated, is_word, places
from streams.identity.phones import Phones
from streams.identity.pseudonyms import Pseudonyms
from streams.identity.text import cleaned, folded
from streams.identity.written import searched

FOUND_MAX = 4
"""Of a text with more identifiers the whole is replaced: pseudonyms are longer, and to read many takes long."""
LOOKED_MAX = 8
"""Of a text with more places at which the digits of what is stated stand, also within longer ones, the same."""
WHOLE = ":text"
"""As what a text is replaced in which too many stand: a kind has no colon, so this is none."""
EMAIL, PHONE = "email", "phone"

_FOUND = "\0"
"""What stands, while others are looked for, in the place of each character of what is found."""
_LONGEST_ADDRESS = 320
_QUOTED_MAX = 130
"""Characters of a quoted local part with its quotation marks (RFC 5321: 64, each of which may be escaped)."""

_RUN = re.compile(r"""[^\s/?&=#,;:<>()"|\[\]{}\\\0\u3001]+""")
"""What has none of the characters that end an address in a URL, a list or JSON."""
_AROUND = "'`*\u2018\u2019\u201c\u201d\u201e\xab\xbb"
_AFTER = f"{_AROUND}.!~_-"
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)+"\Z')
_LITERAL = re.compile(r"\[[^\[\]\s]{2,60}\]")
_BLANK_HOST = re.compile(r" (?:[\w-]{1,63}\.){1,8}[a-z]{2,63}(?!\w)")
_RELEASE = re.compile(
    r"[^.]+"
    r"|v?(?:[0-9]+\.){1,2}[0-9]+[a-z]{0,5}[0-9]*(?:[+~_-][0-9a-z+~_-]*(?:\.[0-9][0-9a-z+~_-]*)*)?"
)
"""What follows @ in the name of a version, where its last part begins with a digit: one to three numbers, and what is
appended to them."""
_IMAGE = re.compile(r"[0-9]x\.(?:avif|gif|jpe?g|png|svg|webp)")
"""What follows @ in the name of an image for dense screens."""

_BETWEEN = rf"[{BETWEEN_DIGITS.replace('+', '')}]"
_NUMBER = re.compile(
    rf"\+[ (]{{0,2}}[1-9](?:{_BETWEEN}{{0,3}}[0-9]){{6,16}}(?![0-9])"
    r"|\+[1-9][0-9]{0,3}(?:\+[()0-9-]{1,8}){2,5}(?![0-9])"
)
"""A number that begins with its country's code, which has no 0. The second form has plus signs for blanks."""
_PARTED = re.compile(rf"[{BETWEEN_DIGITS}]{{4}}")
"""What stands between two numbers, and not between groups of one."""
_GAPS = BETWEEN_DIGITS.encode()
_NO_GAPS = bytes(char not in _GAPS for char in range(256))
_DIGITS = bytes(char if char in b"0123456789" else 0 for char in range(256))
"""What is left of a text in which numbers are looked for: its digits, and signs that part them."""
_VERSION = re.compile(r"(?:^|[^0-9.])v?[0-9]+(?:\.[0-9a-z-]+){1,3}\Z")
_BUILT = re.compile(r"\+(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[0-9]{2}){0,3}(?![0-9])")
"""What follows a version: the day on which it was built, and the time."""
_TIME = re.compile(r":[0-5][0-9](?:\.[0-9]+)? ?\Z")
_OFFSET = re.compile(r"\+1[0-4][0-5][0-9](?![0-9])")
_BEFORE = 24
"""Characters before a plus that tell whether a version or a time ends there."""


class Span(NamedTuple):
    """A part of a text, and the pseudonym that takes its place."""

    start: int
    end: int
    pseudonym: str


class Finder:
    """Finds identifiers in texts as these are searched.

    Args:
        pseudonyms: take their places.
        phones: read numbers.
    """

    def __init__(self, pseudonyms: Pseudonyms, phones: Phones) -> None:
        self._pseudonyms = pseudonyms
        self._phones = phones

    def may_show(self, text: str) -> bool:
        """Return whether a text has a sign of an address, a number or a pseudonym."""
        return "@" in text or "+" in text or self._pseudonyms.may_stand_in(text)

    def signs(self, text: str, most: int) -> int:
        """Return how many signs of an address, a number or a pseudonym a text has: to read them is what takes long.

        Args:
            most: numbers that are counted; in a text full of them, to count all takes long, too.
        """
        return text.count("@") + _count_numbers(text, most) + len(self._pseudonyms.standing_in(text))

    def whole(self, text: str) -> str:
        """Return what stands for a text that is replaced whole."""
        return self._pseudonyms.of(WHOLE, text)

    def shows(self, text: str) -> bool:
        """Return whether an address, a number or a pseudonym stands in a text, as it was written."""
        text = searched(text)
        return self.may_show(text) and self.spans(text, NOTHING) != []

    def spans(self, text: str, stated: Stated, written: str = "") -> list[Span] | None:
        """Return where identifiers stand in a text, in its order; None where they are more than `FOUND_MAX`.

        Args:
            stated: what the touchpoint states, as far as it stands in the text.
            written: the text, as it was written.
        """
        too_many = text.count("@") > FOUND_MAX or _count_numbers(text, FOUND_MAX + 1) > FOUND_MAX
        if too_many:  # before any is read: that takes long
            return None
        search = _Search(text)
        for start, end, pseudonym in self._pseudonyms.standing_in(text):
            # Whoever states a pseudonym states what they have read, and not whom they know.
            if not search.is_over:
                search.take(start, end, self._pseudonyms.of(WHOLE, pseudonym))
        for form in sorted(stated.texts, key=len, reverse=True):
            one = stated.texts[form]
            _take_text(search, form, one.pseudonym, within_words=one.is_exact(text, written))
        if stated.numbers:
            _take_digits(search, stated.numbers)
        if not search.is_over:
            self._take_numbers(search)
            self._take_addresses(search)
        return None if search.is_over else sorted(search.found)

    def _take_numbers(self, search: _Search) -> None:
        for match in _NUMBER.finditer(search.text) if "+" in search.text else ():
            said = f"+{match[0][1:].replace('+', ' ')}"
            if _is_number(search.text[max(0, match.start() - _BEFORE) : match.start()], said):
                number = self._phones.phone(cleaned(said)) or said
                search.take(match.start(), match.end(), self._pseudonyms.of(PHONE, number))

    def _take_addresses(self, search: _Search) -> None:
        at = search.text.find("@")
        while at >= 0:
            start, end = _address(search.text, at)
            if start < end:
                search.take(start, end, self._pseudonyms.of(EMAIL, _form(search.text[start:end])))
            at = search.text.find("@", max(at + 1, end))


def _count_numbers(text: str, most: int) -> int:
    """Return how many numbers with a plus stand in a text, `most` at most."""
    if "+" not in text:
        return 0
    return sum(1 for _ in islice(_NUMBER.finditer(text), most))


class _Search:
    """A text in which what is found is crossed out, so that it is found once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Span] = []
        self.looked = 0

    @property
    def is_over(self) -> bool:
        """Whether so much is found, or looked at, that the text is replaced as a whole."""
        return len(self.found) > FOUND_MAX or self.looked > LOOKED_MAX

    def take(self, start: int, end: int, pseudonym: str) -> None:
        """Take a part of the text for an identifier."""
        self.found.append(Span(start, end, pseudonym))
        self.text = f"{self.text[:start]}{_FOUND * (end - start)}{self.text[end:]}"


def _take_text(search: _Search, form: str, pseudonym: str, *, within_words: bool) -> None:
    for at in places(form, search.text):
        if within_words or is_word(search.text, at, form):
            search.take(at, at + len(form), pseudonym)
        if search.is_over:
            return


def _take_digits(search: _Search, numbers: Mapping[Number, str]) -> None:
    """Take numbers that stand in groups, with or without their countries' codes; no parts of longer groups."""
    written = search.text.encode("ascii", "replace")
    digits = written.translate(_DIGITS, _GAPS).decode()
    places = list(compress(range(len(written)), written.translate(_NO_GAPS)))
    for number, pseudonym in numbers.items():
        at = digits.find(number.digits)
        while at >= 0:
            search.looked += 1
            if search.is_over:
                return
            last = at + len(number.digits) - 1
            first = _first(search.text, digits, places, at, last, number.country)
            if first is None:
                at = digits.find(number.digits, at + 1)
                continue
            start = places[first]
            while start and search.text[start - 1] in "+(":
                start -= 1
            search.take(start, places[last] + 1, pseudonym)
            digits = f"{digits[:first]}{_FOUND * (last + 1 - first)}{digits[last + 1 :]}"
            at = digits.find(number.digits, last + 1)


def _first(text: str, digits: str, places: list[int], at: int, last: int, country: str) -> int | None:
    """Return the first digit of a number with what is dialled before it; None where it stands in no groups of its own.

    Args:
        digits: of the text.
        places: of these in the text.
        at: where the number begins among them.
        last: where it ends.
    """
    end = places[last] + 1
    if text[end : end + 1].isdigit() or _PARTED.search(text, places[at], end):
        return None
    for before in (f"00{country}0", f"00{country}", f"{country}0", country, "0", ""):
        if digits.endswith(before, 0, at):
            start = places[at - len(before)]
            if not (text[start - 1 : start].isdigit() or _PARTED.search(text, start, places[at])):
                return at - len(before)
    return None


def _is_number(before: str, said: str) -> bool:
    """Return whether a plus and digits are a telephone number, and no part of a version, a time or a sum.

    Args:
        before: what stands before the plus.
    """
    if _TIME.search(before) and _OFFSET.match(said):
        return False  # as in 12:00:00 +1030 2024
    is_version = _VERSION.search(before) is not None
    if not (is_version or before[-1:].isdigit() or said[1] == " "):
        return True
    try:
        number = phonenumbers.parse(said)
    except NumberParseException:
        return False
    if is_version:
        return _BUILT.match(said) is None and phonenumbers.is_valid_number(number)
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE


def _address(text: str, at: int) -> tuple[int, int]:
    """Return from where to where an address stands around its @; an empty part where there is none."""
    literal = _LITERAL.match(text, at + 1)
    host = literal or _RUN.match(text, at + 1)
    start = _start(text, at)
    if host is not None and start < at:
        end = host.end() if literal else at + 1 + len(host[0].rstrip(_AFTER))
        if literal or _is_host(text[at + 1 : end]):
            return start, end
    # As people write it, with a blank behind the @, and before it.
    spaced = _BLANK_HOST.match(text, at + 1)
    before = at - 1 if text[at - 1 : at] == " " else at
    start = _start(text, before)
    return (start, spaced.end()) if spaced is not None and start < before else (at, at)


def _start(text: str, at: int) -> int:
    """Return where a local part begins that ends before a place; that place where there is none."""
    window = text[max(0, at - _QUOTED_MAX) : at]
    if quoted := _QUOTED.search(window) if window.endswith('"') else None:
        return at - len(quoted[0])
    start = _run_start(text, at)
    if text[start - 1 : start] == "=":
        more = _run_start(text, start - 1)
        if "+" in text[more:start]:
            start = more  # the sender of a bounce: list+ann=example.com@…
    while start < at and text[start] in _AROUND:
        start += 1
    return start


def _run_start(text: str, at: int) -> int:
    found = _RUN.match(text[:at][::-1])
    return at - len(found[0]) if found else at


def _is_host(said: str) -> bool:
    """Return whether what follows @ may be a host, and no version, no place on a map and no image's name."""
    if not said.strip("@-_.") or _IMAGE.fullmatch(said):
        return False
    return not (said.rpartition(".")[2][:1].isdigit() and _RELEASE.fullmatch(said))


def _form(said: str) -> str:
    """Return the form of an address, as `email` gives it of an identifier; of a longer one than there are, itself."""
    address = cleaned(said)
    return address if len(said) > _LONGEST_ADDRESS else email(address) or folded(address)
