"""Links as the records of `identity.links.v1` state them."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.identity_links import IdentitiesStated, Identity, Link, LinkRecord
from streams.identity.links import links_of, stated_as


def record_of(said: Link | LinkRecord) -> LinkRecord:
    """Return the record that states a link and nothing else; any other record is itself."""
    if isinstance(said, Link):
        return IdentitiesStated([said.first, said.second], said.occurred_at, said.event_id, said.late)
    return said


def links_by(identities: Iterable[Identity], at: int, event_id: str) -> list[Link]:
    """Return the links of a touchpoint that states some identities."""
    stated = stated_as(identities, at, event_id)
    return [] if stated is None else links_of(stated)
