"""Identities under pseudonyms: whose a touchpoint is, and the touchpoint itself, without any identifier in it.

What `Identities` returns is the same, with pseudonyms in the place of values: who is who follows from them as from the
identifiers. The customer's id is the business's own number, and is kept, unless it holds an address or a number itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from schemas.limits import UNLIMITED
from streams.identity.emails import email
from streams.identity.identities import CountIgnored, Identities, count_nothing
from streams.identity.patterns import Patterns
from streams.identity.placeholders import REPEATED, is_placeholder
from streams.identity.pseudonyms import CACHED, Pseudonyms
from streams.identity.text import cleaned, folded

KEPT = UNLIMITED
"""Fields in which nothing is replaced: what people write."""
DIMENSIONS = frozenset({"device"})
"""Kinds whose name, as that of an attribute, says what somebody uses and not who they are."""
REPLACED_MAX = 4
"""Of a text with more signs of any the whole is replaced: pseudonyms are longer, and to read many takes long."""

_CUSTOMER, _WHOLE = ":customer", ":text"  # a kind has no colon, so these are none
_EMAIL, _PHONE = "email", "phone"
_APART = KEPT | {"customer_id", "identifiers"}
_LONGEST_ADDRESS = 320
_CACHED_CHARACTERS = 128
_SIGNS = re.compile(r"[@+\uff20\ufe6b\uff0b\ufe62]|%40|%2b", re.IGNORECASE)
"""What every e-mail address and every international telephone number has, as written or in a URL."""
_BETWEEN = re.compile(r"""([\s/?&=#,;:<>()"'|\[\]{}\\]+|%(?:2[0236CF]|3[A-F]|0[9AD]))""", re.IGNORECASE)
_ADDRESS = re.compile(r"[@\uff20\ufe6b]|%40", re.IGNORECASE)
_NUMBER = re.compile(r"(?<!\w)(?:[+\uff0b\ufe62]|%2b)(?:(?:%20|[\s().\-/]){0,3}\d){7,17}(?!\d)", re.IGNORECASE)
_SHORTEST = 6
"""Characters of an identifier that is looked for in the touchpoint's other fields: shorter ones stand in any word."""


class _Read(NamedTuple):
    """What an identifier is read as.

    Attributes:
        rank: of its strength; the strongest is 0.
        forms: in which it may stand in other fields, each with the pseudonym.
    """

    rank: int
    kind: str
    pseudonym: str
    forms: tuple[tuple[str, str], ...]


class PseudonymousIdentities(Identities):
    """Reads customers' ids and identifiers, and returns pseudonyms.

    Args:
        pseudonyms: make them.
        phone_region, placeholders, ignored: as of `Identities`.
    """

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        phone_region: str = "",
        placeholders: Patterns | None = None,
        ignored: CountIgnored = count_nothing,
    ) -> None:
        super().__init__(phone_region, placeholders, ignored)
        self._pseudonyms = pseudonyms
        self._known: dict[tuple[str, str], tuple[_Read, ...]] = {}

    def customer(self, customer_id: str) -> str | None:
        """Return the key of the customer with an id; a pseudonym of one in which an address or a number stands."""
        if self._pseudonyms.knows(customer_id):
            return customer_id
        customer = super().customer(customer_id)
        if customer is None or not _is_suspect(customer) or self._without(customer, {}) == customer:
            return customer
        return self._pseudonyms.of(_CUSTOMER, customer)

    def stored(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a touchpoint's record with pseudonyms in the place of identifiers.

        Identifiers that identify nobody are left out. In all fields but `KEPT` and the customer's id are replaced:
        e-mail addresses; telephone numbers with a plus; what the record states as an identifier; and attributes that
        bear the name of a kind, but for `DIMENSIONS`.
        """
        identifiers, stated = self._stored_identifiers(record["identifiers"])
        hidden = record | {"customer_id": self._stored_customer(record["customer_id"]), "identifiers": identifiers}
        attributes = record["attributes"]
        if attributes:
            hidden["attributes"] = attributes = self._stored_attributes(attributes)
        texts = [value for name, value in record.items() if type(value) is str and name not in KEPT]
        texts += attributes
        texts += attributes.values()
        for entry in record.get("items", ()):
            texts += [value for value in entry.values() if type(value) is str]
        text = "\n".join(texts)
        # Most records have no sign of any: then their fields are not looked at one by one.
        if _is_suspect(text) or any(one in text for one in stated):
            for name, value in hidden.items():
                if name not in _APART:
                    hidden[name] = self._hidden(value, stated)
        return hidden

    def _found(self, identifiers: Mapping[str, str]) -> list[tuple[int, str, str]]:
        found = []
        for name, sent in identifiers.items():
            if not self._pseudonyms.knows(sent):
                found += [(one.rank, one.kind, one.pseudonym) for one in self._read(name, sent)]
            elif kind := self._kinds.get(name) or self._kind(name):
                found.append((kind.rank, kind.name, sent))
        return found

    def _read(self, name: str, sent: str) -> tuple[_Read, ...]:
        """Return what an identifier is read as; nothing, and it is counted, where it is ignored."""
        known = self._known.get((name, sent))
        if known is not None:
            return known
        read = tuple(
            _Read(
                rank,
                kind if kind in self._kinds else self._without(kind, {}),
                pseudonym := self._pseudonyms.of(kind, value),
                tuple((form, pseudonym) for form in _forms(kind, sent, value)),
            )
            for rank, kind, value in super()._found({name: sent})
        )
        if read and len(name) + len(sent) <= _CACHED_CHARACTERS:
            if len(self._known) >= CACHED:
                del self._known[next(iter(self._known))]
            self._known[name, sent] = read
        return read

    def _stored_customer(self, customer_id: str | None) -> str | None:
        if customer_id is None:
            return None
        customer = self.customer(customer_id)
        return customer if customer is None or self._pseudonyms.knows(customer) else customer_id

    def _stored_identifiers(self, identifiers: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the pseudonyms of identifiers by kind, and by the forms in which they may stand in other fields."""
        stored: dict[str, str] = {}
        stated: dict[str, str] = {}
        for name, sent in identifiers.items():
            if self._pseudonyms.knows(sent):
                stored[self._without(name, {})] = sent
                continue
            for _, kind, pseudonym, forms in self._read(name, sent):
                # Two names of one kind, as written in capitals and not, may each have a value.
                is_new = stored.get(kind, pseudonym) == pseudonym
                stored[kind if is_new else self._without(name, {})] = pseudonym
                stated.update(forms)
        return stored, stated

    def _stored_attributes(self, attributes: dict[str, str]) -> dict[str, str]:
        """Return attributes with pseudonyms of those that bear the name of a kind."""
        named = {name for name in attributes if name.strip().lower() in self._kinds.keys() - DIMENSIONS}
        if not named:
            return attributes
        stored = dict(attributes)
        for name in named:
            kind = self._kinds[name.strip().lower()]
            value = cleaned(attributes[name])
            if not (self._pseudonyms.knows(value) or is_placeholder(value, REPEATED)):
                form = value if kind.normalise is None else kind.normalise(value)
                stored[name] = self._pseudonyms.of(kind.name, form or value)
        return stored

    def _hidden(self, value: Any, stated: Mapping[str, str]) -> Any:
        """Return a field's value with no identifier in its texts."""
        if isinstance(value, str):
            return self._without(value, stated)
        if isinstance(value, dict):
            return {self._without(name, stated): self._hidden(inner, stated) for name, inner in value.items()}
        return [self._hidden(inner, stated) for inner in value] if isinstance(value, list) else value

    def _without(self, text: str, stated: Mapping[str, str]) -> str:
        """Return a text with pseudonyms in the place of identifiers."""
        if self._pseudonyms.knows(text):
            return text
        signs = len(_ADDRESS.findall(text)) + len(_NUMBER.findall(text))
        count = max(signs, sum(map(text.count, stated)))  # what is stated may be an address, or a number
        if count > REPLACED_MAX:  # before any is read: that takes long
            return self._pseudonyms.of(_WHOLE, text)
        if not count:
            return text
        hidden = "".join(map(self._address, _BETWEEN.split(text)))
        hidden = _NUMBER.sub(self._number, hidden)
        for one in sorted(stated, key=len, reverse=True):
            hidden = hidden.replace(one, stated[one])
        return hidden

    def _address(self, part: str) -> str:
        """Return the pseudonym of what looks like an e-mail address, and all else as it is."""
        if not _ADDRESS.search(part):
            return part
        if len(part) > _LONGEST_ADDRESS:
            return self._pseudonyms.of(_EMAIL, part)
        address = cleaned(unquote(part))
        user, _, host = address.rpartition("@")
        if not (user.strip("@") and host):
            return part
        return self._pseudonyms.of(_EMAIL, email(address) or folded(address))

    def _number(self, found: re.Match[str]) -> str:
        number = cleaned(unquote(found[0]))
        return self._pseudonyms.of(_PHONE, self.phones.phone(number) or number)


def _forms(kind: str, sent: str, value: str) -> set[str]:
    """Return how an identifier may stand in other fields of its touchpoint.

    Words alone are none, such as a `device` that says `iPhone`; but a name in a network may be a word.
    """
    forms = {sent.strip(), value}
    if kind == _PHONE:
        forms |= {re.sub(r"\D", "", form) for form in forms}
    words = kind not in {"device", "cookie"}
    return {form for form in forms if len(form) >= _SHORTEST and (words or not form.isalpha())}


def _is_suspect(text: str) -> bool:
    """Return whether a text has a sign of an address or a number."""
    if "@" in text or "+" in text:
        return True
    # The expression looks at each character, which takes as long as all else: most texts have nothing for it.
    return ("%" in text or not text.isascii()) and _SIGNS.search(text) is not None
