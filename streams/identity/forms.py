"""How an identifier that a touchpoint states may stand in the touchpoint's other fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from streams.identity.written import escapes, searched

SHORTEST = 6
"""Characters of an identifier that is looked for in the touchpoint's other fields: shorter ones stand in any word."""
ESCAPES_MAX = 32
"""Escapes of an identifier that are read; one with more of them counts as standing in every text."""
IN_EVERY = ""
"""The form of such a one."""
BETWEEN_DIGITS = r" ()._/~+-"
"""What may stand between the groups of a number."""

SEARCHED_AT_ONCE = 1 << 16
"""Characters of a touchpoint's other fields, times forms of what it states, that are few."""

_DROPPED = str.maketrans("", "", BETWEEN_DIGITS)
_NO_DIGITS = bytes(set(range(128)) - set(b"0123456789"))
_NO_DIGIT = re.compile(r"[^0-9]+")
_GROUPS = re.compile(rf"[0-9{BETWEEN_DIGITS}]+")
_LONGEST_COUNTRY = 3


class Number(NamedTuple):
    """A number that a touchpoint states.

    Attributes:
        digits: without its country's code, where that is known.
        country: that code; "" where it is not.
    """

    digits: str
    country: str


class Text(NamedTuple):
    """A text that stands for an identifier.

    Attributes:
        pseudonym: of the identifier.
        written: as the source wrote it, and as it is normalised: in these cases it is found within longer words, too.
    """

    pseudonym: str
    written: frozenset[str]

    def is_exact(self, text: str, written: str) -> bool:
        """Return whether it may stand within a word: in another case, what stands there may be anything."""
        return len(text) != len(written) or text != written.lower() or any(one in written for one in self.written)

    def may_stand(self, form: str, text: str, written: str) -> bool:
        """Return whether it may stand in a text in which its form does: as a word, unless it `is_exact`."""
        return self.is_exact(text, written) or any(is_word(text, at, form) for at in places(form, text))


class Forms(NamedTuple):
    """How an identifier may stand in other fields: as a text, by how it is searched, and as digits in groups."""

    texts: Mapping[str, frozenset[str]]
    numbers: frozenset[Number]


class Stated(NamedTuple):
    """What a touchpoint states, by how it is searched."""

    texts: Mapping[str, Text]
    numbers: Mapping[Number, str]

    @property
    def forms(self) -> int:
        """How many there are."""
        return len(self.texts) + len(self.numbers)

    def stands_in(self, text: str, written: str) -> bool:
        """Return whether any of it may stand in a text, of which there may be too much to look for all."""
        if len(text) * len(self.texts) > SEARCHED_AT_ONCE:
            return True
        for form, one in self.texts.items():
            if form in text and one.may_stand(form, text, written):
                return True
        return bool(self.numbers) and bool(self.within(text, written).numbers)

    def within(self, text: str, written: str) -> Stated:
        """Return those that may stand in a text.

        Args:
            text: as it is searched.
            written: the same, as it was written.
        """
        texts = {form: one for form, one in self.texts.items() if form in text and one.may_stand(form, text, written)}
        numbers = self.numbers
        if numbers:
            digits = text.encode("ascii", "ignore").translate(None, _NO_DIGITS).decode()
            numbers = {number: pseudonym for number, pseudonym in numbers.items() if number.digits in digits}
        return Stated(texts, numbers)


NOTHING = Stated({}, {})


def places(form: str, text: str) -> Iterator[int]:
    """Yield where a form stands in a text."""
    at = text.find(form)
    while at >= 0:
        yield at
        at = text.find(form, at + max(1, len(form)))


def is_word(text: str, at: int, form: str) -> bool:
    """Return whether what stands at a place is no part of a longer word."""
    end = at + len(form)
    return not (text[at - 1 : at].isalnum() or text[end : end + 1].isalnum())


def forms_of(kind: str, sent: str, value: str) -> Forms:
    """Return how an identifier may stand in other fields.

    Words alone are none, such as a `device` that says `iPhone`; but a name in a network may be a word.

    Args:
        kind: normalised.
        sent: the value, as the source sent it.
        value: normalised.
    """
    if escapes(sent) > ESCAPES_MAX:
        return Forms({IN_EVERY: frozenset([IN_EVERY])}, frozenset())
    texts = {sent.strip(), value}
    numbers = set()
    if kind == "email":
        texts |= {text.replace("@", "=") for text in texts}  # as in the sender of a bounce: list+ann=example.com@…
    elif kind == "phone":
        texts |= {_NO_DIGIT.sub("", text) for text in texts}
        numbers.add(_number(value.partition(";")[0]))
    elif _GROUPS.fullmatch(value):
        numbers.add(Number(value.translate(_DROPPED), ""))
    forms: dict[str, frozenset[str]] = {}
    for text in texts:
        form = searched(text).strip()
        if len(form) >= SHORTEST and (kind not in {"device", "cookie"} or not value.isalpha()):
            forms[form] = forms.get(form, frozenset()) | {text}
    return Forms(forms, frozenset(number for number in numbers if len(number.digits) >= SHORTEST))


def _number(value: str) -> Number:
    digits = _NO_DIGIT.sub("", value)
    if value.startswith("+"):
        for length in range(1, _LONGEST_COUNTRY + 1):
            if int(digits[:length] or 0) in COUNTRY_CODE_TO_REGION_CODE:
                return Number(digits[length:], digits[:length])
    return Number(digits, "")
