"""The key of the customer that a touchpoint belongs to: the customer's id, or the name of an anonymous profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ANONYMOUS = "anon:"
"""The beginning of an anonymous profile's name; the identifier's kind and value follow."""

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
"""Values that stand where an identifier should be and identify no customer (contract, section 2)."""

Identifier = tuple[str, str]
"""An identifier's kind and value, both normalised."""


def customer_key_of(customer_id: str | None, identifiers: Mapping[str, str]) -> str | None:
    """Return the key of the customer, or None where no field identifies one.

    Args:
        customer_id: the business's own id, as the source sent it.
        identifiers: kind to value, as the source sent them.

    Returns:
        The customer's id (one that looks like an anonymous profile's name behind a `~`); else
        `anon:<kind>:<value>` of the strongest identifier.
    """
    if customer_id is not None:
        customer = customer_id.strip()
        if customer.lower() not in NO_IDENTITY:
            return _told_apart(customer)
    usable = usable_identifiers(identifiers)
    if not usable:
        return None
    kind, value = usable[0]
    return f"{ANONYMOUS}{kind}:{value}"


def _told_apart(customer: str) -> str:
    """Return a customer's id, with `~` before it where it would be read as an anonymous profile's.

    Ids that begin so already get one more, so that no two customers share a name.
    """
    return f"~{customer}" if customer.lstrip("~").startswith(ANONYMOUS) else customer


def usable_identifiers(identifiers: Mapping[str, str]) -> list[Identifier]:
    """Return the identifiers that identify an account or device, normalised, the strongest first.

    E-mail, phone and loyalty card come first; then other accounts, by the kind's name; then Twitter,
    device and cookie, which do not outlive a change of name, phone or browser.
    """
    found = [_normalised(kind, value) for kind, value in identifiers.items()]
    return sorted((one for one in found if one is not None), key=_strength)


_ACCOUNTS = 3  # the rank of kinds that `_RANKS` does not list
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
