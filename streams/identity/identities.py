"""Whose touchpoint it is: by the customer's id or the strongest identifier, each in the form in which it is compared.

An identifier that identifies nobody is ignored, and counted by kind and reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from schemas.identifiers import ANONYMOUS, CUSTOMER_ID, OTHER_KIND, IgnoredReason
from schemas.identity_links import CUSTOMER
from schemas.kinds.kind import SubjectKind
from schemas.limits import MAPS, SHORT
from schemas.subjects import SUBJECT_KINDS
from streams.identity.emails import email, plain_email
from streams.identity.handles import handle, twitter
from streams.identity.patterns import Patterns
from streams.identity.phones import Phones
from streams.identity.placeholders import REPEATED, REPEATED_CUSTOMER_ID, is_placeholder
from streams.identity.subjects import Subjects
from streams.identity.text import cleaned, folded

Identifier = tuple[str, str]
"""An identifier's kind and value, both normalised."""
Normalise = Callable[[str], str | None]
"""Returns the form of a clean value, or None where it is none of its kind."""
CountIgnored = Callable[[str, IgnoredReason], None]
"""Takes the kind of an identifier that was ignored, one of `COUNTED_KINDS`, and why it was."""

_LONGEST_VALUE = MAPS["identifiers"].value
_FIRST_OF_PROFILES = (ANONYMOUS[0], "~")
_NO_IDENTIFIERS = frozenset({CUSTOMER, *SUBJECT_KINDS})
"""Kinds of identities that are no identifiers: an identifier's kind that is called so gets a `~` in front."""
_ACCOUNTS = 3  # the rank of kinds that have none of their own
_HANDLES = ("bluesky", "instagram", "mastodon", "telegram", "threads", "tiktok", "youtube")
"""Networks in which people have names with @ before them; an account there is one, whatever its case."""


class _Kind(NamedTuple):
    """How a kind of identifier is read.

    Attributes:
        rank: of its strength; the strongest is 0.
        name: normalised.
        counted: as what it is counted.
        normalise: None keeps clean values as they are.
    """

    rank: int
    name: str
    counted: str
    normalise: Normalise | None


def written_kind(kind: str) -> str:
    """Return how a source writes a kind that is read, and shown, as this."""
    return kind[1:] if kind.startswith("~") and kind.lstrip("~") in _NO_IDENTIFIERS else kind


def count_nothing(_kind: str, _reason: IgnoredReason) -> None:
    """Count nothing."""


class Identities:
    """Reads customers' ids and identifiers.

    Args:
        phone_region: whose national phone numbers are understood (`streams.identity.phones`); empty for none.
        placeholders: patterns of values that identify nobody, beside those that identify nobody anywhere.
        ignored: is told of each identifier that is ignored.
        subjects: by whose owners a touchpoint is told that states nobody.

    Attributes:
        phones: reads phone numbers.
        subjects: finds the subjects of touchpoints.
    """

    def __init__(
        self,
        phone_region: str = "",
        placeholders: Patterns | None = None,
        ignored: CountIgnored = count_nothing,
        subjects: Iterable[SubjectKind] = (),
    ) -> None:
        self.subjects = Subjects(self.subject, subjects)
        self.phones = Phones(phone_region)
        self._patterns = placeholders or None
        self._ignored = ignored
        kinds = (
            _Kind(0, "email", "email", email),
            _Kind(1, "phone", "phone", self.phones.phone),
            _Kind(2, "loyalty_card", "loyalty_card", None),
            _Kind(4, "twitter", "twitter", twitter),
            _Kind(5, "device", "device", None),
            _Kind(6, "cookie", "cookie", None),
            *(_Kind(_ACCOUNTS, name, OTHER_KIND, handle) for name in _HANDLES),
        )
        self._kinds = {kind.name: kind for kind in kinds}

    def customer_key_of(self, customer_id: str | None, identifiers: Mapping[str, str]) -> str | None:
        """Return the key of the customer, or None where no field identifies one.

        Args:
            customer_id: the business's own id, as the source sent it.
            identifiers: kind to value, as the source sent them.

        Returns:
            The customer's id (one that looks like an anonymous profile's name behind a `~`); else
            `anon:<kind>:<value>` of the strongest identifier.
        """
        # Identifiers are looked at even where the customer is known: what is ignored is to be counted.
        found = self._found(identifiers) if identifiers else None
        if customer_id is not None and (customer := self.customer(customer_id)) is not None:
            return customer
        if not found:
            return None
        _, kind, value = found[0] if len(found) == 1 else min(found)
        return f"{ANONYMOUS}{kind}:{value}"

    def customer(self, customer_id: str) -> str | None:
        """Return the key of the customer with an id, as the source sent it; None where it identifies nobody.

        An id that would be read as an anonymous profile's name stands behind a `~`. Ids that begin so already get
        one more, so that no two customers share a name.
        """
        customer = customer_id.strip() if customer_id.isascii() and customer_id.isprintable() else cleaned(customer_id)
        if self._patterns or is_placeholder(customer, REPEATED_CUSTOMER_ID) or len(customer) > SHORT:
            reason = self._why_ignored(customer, REPEATED_CUSTOMER_ID, SHORT)
            if reason is not None:
                self._ignored(CUSTOMER_ID, reason)
                return None
        if customer[0] in _FIRST_OF_PROFILES and customer.lstrip("~").startswith(ANONYMOUS):
            return f"~{customer}"
        return customer

    def subject(self, name: str) -> str | None:
        """Return the name of a case, order, cart, call or post; None where it names none, as `null` does."""
        clean = name.strip() if name.isascii() and name.isprintable() else cleaned(name)
        return clean if self._why_ignored(clean, REPEATED_CUSTOMER_ID, SHORT) is None else None

    def usable(self, identifiers: Mapping[str, str]) -> list[Identifier]:
        """Return the identifiers that identify an account or device, normalised, the strongest first.

        E-mail, phone and loyalty card come first; then other accounts, by the kind's name; then Twitter,
        device and cookie, which do not outlive a change of name, phone or browser.
        """
        return [(kind, value) for _, kind, value in sorted(self._found(identifiers))]

    def stored(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a touchpoint's record as it may be written past the inputs: as it is."""
        return record

    def _found(self, identifiers: Mapping[str, str]) -> list[tuple[int, str, str]]:
        """Return rank, kind and value of the usable identifiers, in their own order."""
        found = []
        kinds, patterns = self._kinds, self._patterns
        for name, sent in identifiers.items():
            kind = kinds.get(name) or self._kind(name)
            if kind is None:
                continue
            rank, kind_name, counted, normalise = kind
            clean = sent.strip() if sent.isascii() and sent.isprintable() else cleaned(sent)
            # Most values are identifiers as they are, and most addresses in small letters: they take no further call.
            value = None
            if not patterns and len(clean) <= _LONGEST_VALUE:
                if normalise is None:
                    value = None if is_placeholder(clean, REPEATED) else clean
                elif normalise is email:
                    value = plain_email(clean)
            if value is None:
                value = self._normalised(counted, normalise, clean)
            if value is not None:
                found.append((rank, kind_name, value))
        return found

    def _kind(self, name: str) -> _Kind | None:
        """Return how a kind is read whose name is not written as the known ones; None where it cannot be one."""
        clean = cleaned(name, SHORT)
        written = folded(clean) if len(clean) <= SHORT else ""  # to fold what is too long already takes long
        if written in self._kinds:
            return self._kinds[written]
        # A colon would let two kinds give one profile's name: "a:b" with "c", and "a" with "b:c".
        if not written or ":" in written or len(written) > SHORT:
            self._ignored(OTHER_KIND, "malformed")
            return None
        if written.lstrip("~") in _NO_IDENTIFIERS:
            # Its profile would have the name of a subject's own, and its identity would be that of a customer.
            written = f"~{written}"
        return _Kind(_ACCOUNTS, written, OTHER_KIND, None)

    def _normalised(self, counted: str, normalise: Normalise | None, value: str) -> str | None:
        """Return the form of a clean value; None, and it is counted, where it is ignored."""
        reason = self._why_ignored(value, REPEATED, _LONGEST_VALUE)
        if reason is None and normalise is not None:
            form = normalise(value)
            if form is None:
                reason = "malformed"
            elif form != value:
                value = form
                reason = self._why_ignored(value, REPEATED, _LONGEST_VALUE)
        if reason is None:
            return value
        self._ignored(counted, reason)
        return None

    def _why_ignored(self, value: str, repeated: int, longest: int) -> IgnoredReason | None:
        if is_placeholder(value, repeated):
            return "placeholder"
        if len(value) > longest:
            return "malformed"
        return "pattern" if self._patterns and self._patterns.match(value) else None
