"""Names that views show: of an anonymous profile, or of a customer whose id looks like one. Pure."""

from __future__ import annotations

from schemas.identifiers import ANONYMOUS
from schemas.identity_links import CUSTOMER, Identity
from streams.identity.identities import Identities, written_kind


def is_name(said: str) -> bool:
    """Return whether something that somebody writes is such a name, and not an id, or a kind and a value."""
    return said.lstrip("~").startswith(ANONYMOUS)


def named(said: str, identities: Identities) -> Identity | None:
    """Return the identity that has a name as views show it; None where none has it, as none has a subject's own."""
    if not said.startswith(ANONYMOUS):
        # A customer's id that begins so got one more.
        customer = identities.customer(said[1:])
        return None if customer is None else (CUSTOMER, customer)
    kind, _, value = said.removeprefix(ANONYMOUS).partition(":")
    found = of_kind(kind, value, identities)
    # An identifier's kind that is called as a subject, or `customer`, is never shown without its `~`.
    return found if found is not None and found[0].startswith("~") == kind.startswith("~") else None


def of_kind(kind: str, value: str, identities: Identities) -> Identity | None:
    """Return the identifier of a kind, as a source or a view writes that; None where it identifies nobody."""
    return next(iter(identities.usable({written_kind(kind): value})), None)
