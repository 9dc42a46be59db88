"""What the tables know of an identity: whose it is, since when, by which event, and what links nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.identifiers import IDENTIFIER_KINDS
from schemas.identity_links import CUSTOMER
from sinks.database import Database, select
from streams.identity.identities import Identities
from touchline.identity.names import is_name, named, of_kind

_IDENTITIES = """
SELECT kind, value, customer_id, toString(since), event_id, toString(known_from), toString(superseded_at)
FROM identities
WHERE (kind, value) IN (SELECT arrayJoin(arrayZip({kinds:Array(String)}, {values:Array(String)})))
    OR customer_id IN (
        SELECT customer_id FROM identities
        WHERE superseded_at IS NULL AND (
            customer_id = {said:String}
            OR (kind, value) IN (SELECT arrayJoin(arrayZip({kinds:Array(String)}, {values:Array(String)})))
        )
    )
ORDER BY superseded_at IS NOT NULL, customer_id, kind, value, since, known_from
LIMIT {limit:UInt64}
"""
_CONFLICTS = """
SELECT kind, value, other_kind, other_value, reason, customer_ids, event_id, toString(occurred_at)
FROM identity_conflicts
WHERE (kind, value) IN (SELECT arrayJoin(arrayZip({kinds:Array(String)}, {values:Array(String)})))
    OR (other_kind, other_value) IN (SELECT arrayJoin(arrayZip({kinds:Array(String)}, {values:Array(String)})))
ORDER BY occurred_at, event_id
LIMIT {limit:UInt64}
"""
LIMIT = 200
"""Most rows of each."""


class Owned(NamedTuple):
    """An ownership; times are text, UTC, and `superseded_at` is None while it holds."""

    kind: str
    value: str
    customer_id: str
    since: str
    event_id: str
    known_from: str
    superseded_at: str | None


class Refused(NamedTuple):
    """A link between two identities that links nothing, and why."""

    kind: str
    value: str
    other_kind: str
    other_value: str
    reason: str
    customer_ids: list[str]
    event_id: str
    occurred_at: str


class Known(NamedTuple):
    """What is known of an identity and of the others of its owner."""

    owned: Sequence[Owned]
    refused: Sequence[Refused]


def candidates(said: str, identities: Identities) -> list[tuple[str, str]]:
    """Return the identities that somebody may mean, normalised.

    Args:
        said: `kind:value`, a name as views show it, or a value alone: then each kind that it can be of, and a
            customer's id.
    """
    said = said.strip()
    if is_name(said):
        return [one for one in [named(said, identities)] if one is not None]
    kind, colon, value = said.partition(":")
    is_customer = kind.strip().lower() == CUSTOMER
    stated = [of_kind(kind, value, identities)] if colon and not is_customer else []
    if colon and kind.strip().lower() in IDENTIFIER_KINDS:
        return [one for one in stated if one is not None]
    if is_customer and colon:
        said = value
    unnamed = [found for one in IDENTIFIER_KINDS for found in identities.usable({one: said})]
    customer = identities.customer(said)
    called = [] if customer is None else [(CUSTOMER, customer)]
    return list(dict.fromkeys([*(one for one in stated if one is not None), *unnamed, *called]))


def known_of(database: Database, said: str, *readers: Identities) -> Known:
    """Return what is known of an identity, as somebody writes it.

    Args:
        readers: read it, each in its own way: by another key another pseudonym stands for it.

    Raises:
        QueryError: the tables are not there.
        TransientWriteError: the database is out of reach.
    """
    found = list(dict.fromkeys(one for identities in readers for one in candidates(said, identities)))
    parameters = {
        "kinds": [kind for kind, _ in found],
        "values": [value for _, value in found],
        "said": next((value for kind, value in found if kind == CUSTOMER), ""),
        "limit": LIMIT,
    }
    return Known(
        [Owned(*row) for row in select(database, _IDENTITIES, parameters)],  # type: ignore[arg-type]  # as selected
        [Refused(*row) for row in select(database, _CONFLICTS, parameters)],  # type: ignore[arg-type]  # as selected
    )
