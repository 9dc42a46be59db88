"""Whose touchpoint it is: a customer's, or an anonymous profile's named by an identifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ANONYMOUS = "anon:"
"""What an anonymous profile's name begins with; then come the identifier's kind and value."""

NO_IDENTITY = frozenset(
    {
        "",
        "null",
        "none",
        "undefined",
        "nan",
        "anonymous",
        "guest",
        "unknown",
        "test",
        "n/a",
        "0",
        "-1",
        "[object object]",
    }
)
"""Values that stand where an identifier should be and tell nobody from anybody (contract, 2)."""

Identifier = tuple[str, str]
"""An identifier's kind and value, both normalised."""


class Resolver(Protocol):
    """Knows which customers identifiers were linked to by earlier touchpoints."""

    def customer_of(self, identifiers: Sequence[Identifier]) -> str | None:
        """Return the customer that the earliest link of any of these identifiers names.

        Args:
            identifiers: usable ones, the strongest first.
        """


def customer_key_of(
    customer_id: str | None, identifiers: Mapping[str, str], resolver: Resolver | None = None
) -> str | None:
    """Return whose touchpoint it is, or None where nothing usable says it.

    Args:
        customer_id: the business's own id, as the source sent it.
        identifiers: kind to value, as the source sent them.
        resolver: knows linked identifiers; without one, they name anonymous profiles only.

    Returns:
        The customer's id (one that looks like an anonymous profile's name behind a `~`); else the
        one an identifier was linked to; else `anon:<kind>:<value>`.
    """
    if customer_id is not None:
        customer = customer_id.strip()
        if customer.lower() not in NO_IDENTITY:
            return _told_apart(customer)
    usable = usable_identifiers(identifiers)
    if not usable:
        return None
    if resolver is not None and (linked := resolver.customer_of(usable)) is not None:
        return linked
    kind, value = usable[0]
    return f"{ANONYMOUS}{kind}:{value}"


def _told_apart(customer: str) -> str:
    """Return a customer's id, with `~` before it where it would be read as an anonymous profile's.

    Ids that begin so already get one more, so that no two customers share a name.
    """
    return f"~{customer}" if customer.lstrip("~").startswith(ANONYMOUS) else customer


def usable_identifiers(identifiers: Mapping[str, str]) -> list[Identifier]:
    """Return the identifiers that tell who it is, normalised, the strongest first.

    E-mail, phone and loyalty card come first; then whatever else names an account, by the kind's
    name; then Twitter, device and cookie, which outlive no change of name, phone or browser.
    """
    found = [_normalised(kind, value) for kind, value in identifiers.items()]
    return sorted((one for one in found if one is not None), key=_strength)


_ACCOUNTS = 3  # where kinds that are not in the list stand
_RANKS = {"email": 0, "phone": 1, "loyalty_card": 2, "twitter": 4, "device": 5, "cookie": 6}


def _strength(identifier: Identifier) -> tuple[int, str, str]:
    kind, value = identifier
    return _RANKS.get(kind, _ACCOUNTS), kind, value


def _normalised(kind: str, value: str) -> Identifier | None:
    kind = kind.strip().lower()
    value = value.strip()
    # A colon would let two kinds give one profile's name: "a:b" with "c", and "a" with "b:c".
    if not kind or ":" in kind or value.lower() in NO_IDENTITY:
        return None
    value = _NORMALISERS.get(kind, str)(value)
    return None if value.lower() in NO_IDENTITY else (kind, value)


def _phone(value: str) -> str:
    """Return the digits, behind a plus where there was one."""
    digits = "".join(char for char in value if "0" <= char <= "9")
    return f"+{digits}" if digits and value.startswith("+") else digits


def _twitter(value: str) -> str:
    return value.removeprefix("@").strip().lower()


_NORMALISERS: dict[str, Callable[[str], str]] = {
    "email": str.lower,
    "phone": _phone,
    "twitter": _twitter,
}
