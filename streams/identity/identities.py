"""Whose touchpoint it is: by the customer's id or the strongest identifier, each in the form in which it is compared.

An identifier that identifies nobody is ignored, and counted by kind and reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from schemas.identifiers import CUSTOMER_ID, OTHER_KIND, IgnoredReason
from schemas.limits import MAPS, SHORT
from streams.identity.emails import email
from streams.identity.handles import handle, twitter
from streams.identity.patterns import Patterns
from streams.identity.phones import Phones
from streams.identity.placeholders import REPEATED, REPEATED_CUSTOMER_ID, is_placeholder
from streams.identity.text import cleaned, folded

ANONYMOUS = "anon:"
"""The beginning of an anonymous profile's name; the identifier's kind and value follow."""

Identifier = tuple[str, str]
"""An identifier's kind and value, both normalised."""
CountIgnored = Callable[[str, IgnoredReason], None]
"""Takes the kind of an identifier that was ignored, one of `COUNTED_KINDS`, and why it was."""

_LONGEST_VALUE = MAPS["identifiers"].value
_ACCOUNTS = 3  # the rank of kinds that have none of their own
_HANDLES = ("bluesky", "instagram", "mastodon", "telegram", "threads", "tiktok", "youtube")
"""Networks in which people have names with @ before them; an account there is one, whatever its case."""


class _Kind(NamedTuple):
    """How a kind of identifier is read.

    Attributes:
        rank: of its strength; the strongest is 0.
        name: normalised.
        counted: as what it is counted.
        normalise: returns a clean value's form, or None where it is none of this kind; None keeps it.
    """

    rank: int
    name: str
    counted: str
    normalise: Callable[[str], str | None] | None


def _count_nothing(_kind: str, _reason: IgnoredReason) -> None:
    """Count nothing."""


class Identities:
    """Reads customers' ids and identifiers.

    Args:
        phone_region: whose national phone numbers are understood (`streams.identity.phones`); empty for none.
        placeholders: patterns of values that identify nobody, beside those that identify nobody anywhere.
        ignored: is told of each identifier that is ignored.

    Attributes:
        phones: reads phone numbers.
    """

    def __init__(
        self,
        phone_region: str = "",
        placeholders: Patterns | None = None,
        ignored: CountIgnored = _count_nothing,
    ) -> None:
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
        customer = None if customer_id is None else self.customer(customer_id)
        usable = self.usable(identifiers) if identifiers else None
        if customer is not None:
            return customer
        if not usable:
            return None
        kind, value = usable[0]
        return f"{ANONYMOUS}{kind}:{value}"

    def customer(self, customer_id: str) -> str | None:
        """Return the key of the customer with an id, as the source sent it; None where it identifies nobody.

        An id that would be read as an anonymous profile's name stands behind a `~`. Ids that begin so already get
        one more, so that no two customers share a name.
        """
        customer = cleaned(customer_id)
        reason = self._why_ignored(customer, REPEATED_CUSTOMER_ID)
        if reason is not None or len(customer) > SHORT:
            self._ignored(CUSTOMER_ID, reason or "malformed")
            return None
        return f"~{customer}" if customer.lstrip("~").startswith(ANONYMOUS) else customer

    def usable(self, identifiers: Mapping[str, str]) -> list[Identifier]:
        """Return the identifiers that identify an account or device, normalised, the strongest first.

        E-mail, phone and loyalty card come first; then other accounts, by the kind's name; then Twitter,
        device and cookie, which do not outlive a change of name, phone or browser.
        """
        found: list[tuple[int, str, str]] = []
        for name, value in identifiers.items():
            kind = self._kinds.get(name) or self._kind(name)
            if kind is not None and (normalised := self._normalised(kind, value)) is not None:
                found.append((kind.rank, kind.name, normalised))
        if len(found) > 1:
            found.sort()
        return [(kind, value) for _, kind, value in found]

    def _kind(self, name: str) -> _Kind | None:
        """Return how a kind is read whose name is not written as the known ones; None where it cannot be one."""
        written = folded(cleaned(name))
        if written in self._kinds:
            return self._kinds[written]
        # A colon would let two kinds give one profile's name: "a:b" with "c", and "a" with "b:c".
        if not written or ":" in written or len(written) > SHORT:
            self._ignored(OTHER_KIND, "malformed")
            return None
        return _Kind(_ACCOUNTS, written, OTHER_KIND, None)

    def _normalised(self, kind: _Kind, value: str) -> str | None:
        value = cleaned(value)
        reason = self._why_ignored(value, REPEATED)
        if reason is None and kind.normalise is not None:
            normalised = kind.normalise(value)
            if normalised is None:
                reason = "malformed"
            elif normalised != value:
                value = normalised
                reason = self._why_ignored(value, REPEATED)
        if reason is not None or len(value) > _LONGEST_VALUE:
            self._ignored(kind.counted, reason or "malformed")
            return None
        return value

    def _why_ignored(self, value: str, repeated: int) -> IgnoredReason | None:
        if is_placeholder(value, repeated):
            return "placeholder"
        return "pattern" if self._patterns is not None and self._patterns.match(value) else None
