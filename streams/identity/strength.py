"""How strongly an identity tells who somebody is: what names a profile that has no customer yet."""

from __future__ import annotations

from schemas.identity_links import CUSTOMER, Identity, Pair

_ACCOUNTS = 3  # the rank of kinds that `_RANKS` does not list
_RANKS = {CUSTOMER: -1, "email": 0, "phone": 1, "loyalty_card": 2, "twitter": 4, "device": 5, "cookie": 6}


def rank_of(kind: str) -> tuple[int, str]:
    """Return what orders the kinds, the strongest first.

    A customer's id comes first, then e-mail, phone and loyalty card; then other accounts, by the kind's name; then
    Twitter, device and cookie, which do not outlive a change of name, phone or browser.
    """
    return _RANKS.get(kind, _ACCOUNTS), kind


def strength(identity: Identity) -> tuple[int, str, str]:
    """Return what orders identities, the strongest first."""
    kind, value = identity
    return _RANKS.get(kind, _ACCOUNTS), kind, value


def pair_of(one: Identity, other: Identity) -> Pair:
    """Return two identities, the stronger first."""
    return (one, other) if strength(one) <= strength(other) else (other, one)
