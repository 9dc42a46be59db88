"""Phone numbers: compared by the numbering plan (libphonenumber), in E.164 with their extension: `+4420…;ext=12`."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

from streams.identity.placeholders import REPEATED, is_placeholder
from streams.identity.text import ascii_digits, cleaned, folded

REGIONS: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The regions that have a numbering plan, by their codes of ISO 3166."""
CACHED = 16_384
"""Numbers of which the form is kept: to look one up in the plan takes 50 times as long."""
_LONGEST = 100
"""Characters. A longer text is no number, and is not kept."""

_SCHEME = re.compile(r"(tel|callto|sips?|smsto|sms|whatsapp)\s*:\s*(?://)?", re.IGNORECASE)
_SIP = frozenset({"sip", "sips"})
_WHATSAPP = "whatsapp"
"""Its numbers are written with their country's code, and may lack the plus."""
_IN_BRACKETS = re.compile(r"<([^<>]*)>")
_HOST = re.compile(r"[^\s;?>,@]+")
_NOTE = re.compile(r"\([^()0-9+]*\)")
_CONTEXT = re.compile(r";\s*phone-context=([^;]*)", re.IGNORECASE)
_PARAMETERS = re.compile(r";(?!\s*ext=)[^;]*", re.IGNORECASE)
_EXTENSION = re.compile(
    r"(?:;\s*ext=|,,|#|(?<![^\W\d_])(?:extension|extn?|x|доб)[.:=]?)\s*([0-9]{1,11})\s*#?$", re.IGNORECASE
)
_FIRST = re.compile(r"\(?\s*[+0-9]")
_LETTER = re.compile(r"[^\W\d_]")
_ROUNDS = 20
"""More than a number has digits."""
_SPELT = 3
"""Letters from which on a part of a number is spelt: 1-800-FLOWERS."""
_NO_DIGIT = re.compile(r"[^0-9]+")
_DIGEST = re.compile(r"(?=[0-9]*[a-f])[0-9a-f]{32,128}")


class Phones:
    """Brings phone numbers to one form.

    Args:
        region: whose national numbers are understood, by its code of ISO 3166; without one they keep their digits.
    """

    def __init__(self, region: str = "") -> None:
        self._region = region or None
        self._cached = lru_cache(CACHED)(self._parsed)

    def phone(self, value: str) -> str | None:
        """Return a number in the form in which numbers are compared; None of what is none.

        It is `+`, the country's code and the national number; what the plan does not know as possible keeps its digits.
        An extension follows as `;ext=12`. A SIP address without such a number stays one, and so does a hash in
        hexadecimal digits.

        Args:
            value: clean.
        """
        if len(value) <= _LONGEST and (found := self._cached(value)) is not None:
            return found
        lowered = value.lower()
        return lowered if _DIGEST.fullmatch(lowered) else None

    def cache_hits(self) -> tuple[int, int]:
        """Return how many numbers were found in the cache, and how many were not."""
        info = self._cached.cache_info()
        return info.hits, info.misses

    def _parsed(self, value: str) -> str | None:
        if _DIGEST.fullmatch(value.lower()):
            return None
        if bracketed := _IN_BRACKETS.search(value):
            value = bracketed[1].strip()
        scheme = ""
        while found := _SCHEME.match(value):
            scheme = found[1].lower()
            value = cleaned(unquote(value[found.end() :].partition("?")[0]))
        user, at, rest = ascii_digits(value).partition("@")
        if not at:
            return self._number(user, known=scheme == _WHATSAPP)
        # The user of a SIP address may be a name, or an extension that is known at its host alone.
        number = self._number(user.partition(":")[0], known=False)
        if number is not None and number.startswith("+"):
            return number
        name, host = folded(user.partition(";")[0].partition(":")[0]).strip(), _HOST.match(rest)
        if name and is_placeholder(name, REPEATED):
            return name  # as of sip:anonymous@anonymous.invalid
        return f"sip:{name}@{folded(host[0])}" if scheme in _SIP and _HOST.fullmatch(name) and host else None

    def _number(self, text: str, *, known: bool) -> str | None:
        """Return the form of a number; `known` says that it begins with its country's code, plus or not."""
        text = _NOTE.sub("", text)
        if context := _CONTEXT.search(text):
            text = _CONTEXT.sub("", text)
            if context[1].startswith("+") and not text.startswith("+"):
                text = context[1] + text
        text = _PARAMETERS.sub("", text)
        extension = _EXTENSION.search(text)
        if extension:
            text = text[: extension.start()]
        first = _FIRST.search(text)
        if first is None:
            return None
        international = "+" in first[0] or (known and first[0][-1] != "0")
        number = self._in_plan(text[first.start() :], "+" if international else "")
        digits = number.removeprefix("+")
        if not digits:
            return None
        if digits.count(digits[0]) == len(digits):
            return digits  # no number: one digit repeated, which is seen to be a placeholder
        return f"{number};ext={extension[1]}" if extension else number

    def _in_plan(self, text: str, sign: str) -> str:
        """Return a number in E.164, or its digits, behind a plus where it begins with its country's code."""
        written = _digits(text, sign)
        if letter := _LETTER.search(text):
            # A word behind a whole number is a note: "mobile".
            head = _digits(text[: letter.start()], sign)
            number = self._looked_up(head)
            if number is not None and phonenumbers.is_valid_number(number):
                written = head
            elif len(_LETTER.findall(text)) >= _SPELT:
                written = _digits(phonenumbers.convert_alpha_characters_in_number(text), sign)
        # Once as a rule; a number that is not valid may have several trunk prefixes, of which each round takes one.
        for _ in range(_ROUNDS):
            number = self._looked_up(written)
            if number is None:
                break
            national = str(number.national_number)
            if national.count(national[0]) == len(national) and not phonenumbers.is_valid_number(number):
                return national
            if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
                break
            before, written = written, phonenumbers.format_number(number, PhoneNumberFormat.E164)
            if written == before:
                break
        return written

    def _looked_up(self, number: str) -> PhoneNumber | None:
        if not number.startswith("+") and self._region is None:
            return None
        try:
            return phonenumbers.parse(number, self._region)
        except NumberParseException:
            return None


def _digits(text: str, sign: str) -> str:
    """Return a number's digits behind its sign; `00` before a country's code is the sign."""
    digits = _NO_DIGIT.sub("", text)
    if digits.startswith("00") and digits[2:3] not in {"", "0"}:
        return f"+{digits[2:]}"
    return sign + digits
