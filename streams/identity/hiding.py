"""Identities under pseudonyms: whose a touchpoint is, and the touchpoint itself, without any identifier in it.

What `Identities` returns is the same, with pseudonyms in the place of values: who is who follows from them as from the
identifiers. The customer's id is the business's own number, and is kept, unless it holds an address or a number itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from schemas.kinds.kind import SubjectKind
from schemas.limits import MAPS
from streams.identity.fields import hidden_fields
from streams.identity.finding import Finder
from streams.identity.forms import Forms, Number, Stated, Text, forms_of
from streams.identity.identities import CountIgnored, Identities, count_nothing, written_kind
from streams.identity.patterns import Patterns
from streams.identity.placeholders import REPEATED, is_placeholder
from streams.identity.pseudonyms import CACHED, Pseudonyms
from streams.identity.text import cleaned

DIMENSIONS = frozenset({"device"})
"""Kinds whose name, as that of an attribute, says what somebody uses and not who they are."""
NORMALISED_MAX = 8
"""Attributes with the name of a kind whose values are normalised; a further one is replaced as it is."""

_CUSTOMER = ":customer"  # a kind has no colon, so this is none
_HARMLESS = re.compile(r"[A-Za-z0-9 .:/-]*")
_CACHED_CHARACTERS = 128
_LONGEST_VALUE = MAPS["identifiers"].value


class _Read(NamedTuple):
    """What an identifier is read as.

    Attributes:
        rank: of its strength; the strongest is 0.
        forms: in which it may stand in other fields.
    """

    rank: int
    kind: str
    pseudonym: str
    forms: Stated


class PseudonymousIdentities(Identities):
    """Reads customers' ids and identifiers, and returns pseudonyms.

    Args:
        pseudonyms: make them.
        phone_region, placeholders, ignored, subjects: as of `Identities`.
    """

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        phone_region: str = "",
        placeholders: Patterns | None = None,
        ignored: CountIgnored = count_nothing,
        subjects: Iterable[SubjectKind] = (),
    ) -> None:
        super().__init__(phone_region, placeholders, ignored, subjects)
        self._pseudonyms = pseudonyms
        self._finder = Finder(pseudonyms, self.phones)
        self._naming = {name: kind for name, kind in self._kinds.items() if name not in DIMENSIONS}
        self._known: dict[tuple[str, str], tuple[_Read, ...]] = {}

    def customer(self, customer_id: str) -> str | None:
        """Return the key of the customer with an id, which may be a pseudonym that is stored.

        It is a pseudonym where an address or a number stands in the id.
        """
        return customer_id if self._pseudonyms.knows(customer_id) else self._customer_of_message(customer_id)

    def stored(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a message's record with pseudonyms in the place of identifiers.

        Identifiers that identify nobody are left out. In all fields but `KEPT` and the customer's id are replaced:
        e-mail addresses; telephone numbers with a plus; what the record states as an identifier; and attributes that
        bear the name of a kind, but for `DIMENSIONS`. A pseudonym that a message states is replaced as any other value,
        and so links nothing.
        """
        identifiers, stated = self._stored_identifiers(record["identifiers"])
        hidden = record | {"customer_id": self._stored_customer(record["customer_id"]), "identifiers": identifiers}
        attributes = record["attributes"]
        named = self._named(attributes) if attributes else {}
        if named:
            hidden["attributes"] = attributes | named
        hidden.update(hidden_fields(record, named, stated, self._finder))
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
        """Return what an identifier of a message is read as; nothing, and it is counted, where it is ignored."""
        known = self._known.get((name, sent))
        if known is not None:
            return known
        read = tuple(
            _Read(rank, self._stored_kind(kind), pseudonym, _stated(pseudonym, forms_of(kind, sent, value)))
            for rank, kind, value in super()._found({name: sent})
            for pseudonym in [self._pseudonyms.of(kind, value)]
        )
        if read and len(name) + len(sent) <= _CACHED_CHARACTERS:
            if len(self._known) >= CACHED:
                del self._known[next(iter(self._known))]
            self._known[name, sent] = read
        return read

    def _stored_kind(self, kind: str) -> str:
        """Return the name of a kind; a pseudonym of one in which an identifier stands."""
        if kind in self._kinds or not ("@" in kind or self._finder.shows(kind)):
            return kind
        return self._finder.whole(kind)

    def _customer_of_message(self, customer_id: str) -> str | None:
        customer = super().customer(customer_id)
        # To look for a sign takes longer than all else: most ids are of letters and digits.
        if customer is None or _HARMLESS.fullmatch(customer) or not self._finder.shows(customer):
            return customer
        return self._pseudonyms.of(_CUSTOMER, customer)

    def _stored_customer(self, customer_id: str | None) -> str | None:
        if customer_id is None:
            return None
        customer = self._customer_of_message(customer_id)
        return customer if customer is None or self._pseudonyms.knows(customer) else customer_id

    def _stored_identifiers(self, identifiers: Mapping[str, str]) -> tuple[dict[str, str], Stated]:
        """Return the pseudonyms of identifiers by kind, and by the forms in which they may stand in other fields."""
        stored: dict[str, str] = {}
        texts: dict[str, Text] = {}
        numbers: dict[Number, str] = {}
        for name, sent in identifiers.items():
            for _, kind, pseudonym, forms in self._read(name, sent):
                # Two names of one kind, as written in capitals and not, may each have a value.
                written = written_kind(kind)
                is_new = stored.get(written, pseudonym) == pseudonym
                stored[written if is_new else self._stored_kind(name)] = pseudonym
                texts.update(forms.texts)
                numbers.update(forms.numbers)
        return stored, Stated(texts, numbers)

    def _named(self, attributes: Mapping[str, str]) -> dict[str, str]:
        """Return the pseudonyms of attributes that bear the name of a kind."""
        named: dict[str, str] = {}
        found = [name for name in attributes if name.strip().lower() in self._naming]
        for place, name in enumerate(found):
            kind = self._naming[name.strip().lower()]
            value = attributes[name]
            if place < NORMALISED_MAX and len(value) <= _LONGEST_VALUE:
                value = cleaned(value)
                if is_placeholder(value, REPEATED):
                    continue
                value = (value if kind.normalise is None else kind.normalise(value)) or value
            named[name] = self._pseudonyms.of(kind.name, value)
        return named


def _stated(pseudonym: str, forms: Forms) -> Stated:
    texts = {form: Text(pseudonym, written) for form, written in forms.texts.items()}
    return Stated(texts, dict.fromkeys(forms.numbers, pseudonym))
