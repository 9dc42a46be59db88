"""The records of `identity.links.v1`: what touchpoints, and people, say of who is who, and of whose a subject is.

A record is a MessagePack array whose first element is the tag: the name of its type and the version of the layout. The
topic is never compacted and nothing in it expires: whose an identity is follows from all of it. Only what concerns
those who were erased is taken out of it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from schemas.erasures import Erasure
from schemas.identifiers import ANONYMOUS
from schemas.kinds.touchpoint import tag_of
from schemas.subjects import SubjectStated

__all__ = [
    "CUSTOMER",
    "Command",
    "Erase",
    "Erasure",
    "IdentitiesStated",
    "Identity",
    "Link",
    "LinkRecord",
    "Pair",
    "decode",
    "encode",
    "identity_of",
    "key_of",
]

Identity = tuple[str, str]
"""Kind and value of an identifier, both normalised, or of a customer: `(CUSTOMER, customer_id)`."""
Pair = tuple[Identity, Identity]
"""Two identities, the stronger first."""

CUSTOMER = "customer"
"""The kind of a customer's own id."""


def key_of(identity: Identity) -> str:
    """Return what customers are called by whose identity it is: a customer's id, or the name of a profile."""
    kind, value = identity
    return value if kind == CUSTOMER else f"{ANONYMOUS}{kind}:{value}"


def identity_of(customer_key: str) -> Identity:
    """Return the identity by which a touchpoint has its stated key: the inverse of `key_of`."""
    if not customer_key.startswith(ANONYMOUS):
        return CUSTOMER, customer_key
    kind, _, value = customer_key.removeprefix(ANONYMOUS).partition(":")
    return kind, value


class IdentitiesStated(msgspec.Struct, array_like=True, tag=tag_of("identities"), frozen=True, gc=False):
    """The identities that one touchpoint states, and so links: `streams.identity.links` says which with which.

    Attributes:
        identities: each once, the strongest first; of one customer at most.
        occurred_at: when the touchpoint happened, ms.
        late: whether it came later than the allowed lateness.
        late_before: where it did, before which time (ms) everything did.
    """

    identities: list[Identity]
    occurred_at: int
    event_id: str
    late: bool = False
    late_before: int = 0


class Link(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Two identities that one touchpoint states: no record of its own, but what a record of all of them says of two.

    Attributes:
        first: the stronger of the two.
        occurred_at: when the touchpoint happened, ms.
        late: whether it came later than the allowed lateness.
    """

    first: Identity
    second: Identity
    occurred_at: int
    event_id: str
    late: bool = False

    @property
    def pair(self) -> Pair:
        """What two links have in common that say the same."""
        return self.first, self.second


class Command(msgspec.Struct, array_like=True, tag=tag_of("command"), frozen=True, gc=False):
    """What a person has decided of two identities; of several commands on one pair the last one holds.

    Attributes:
        first: of a link, whose customer both are from now on; of an unlink, either.
        at: when it was given, ms.
        command_id: tells two commands of one millisecond apart.
    """

    action: Literal["link", "unlink"]
    first: Identity
    second: Identity
    at: int
    command_id: str


class Erase(msgspec.Struct, array_like=True, tag=tag_of("erase"), frozen=True, gc=False):
    """A person's order to erase somebody; it names them, so it is replaced by an `Erasure` once it is carried out.

    Attributes:
        identities: any of these is theirs: an identifier has a pseudonym for each key by which they were made.
        at: when it was given, ms: what happened up to then is erased.
        erasure_id: tells it from others.
        salt: of the digests by which they are known from then on.
        unsure_letters: whether dead letters go, too, that nobody can read and that may be others'.
    """

    identities: list[Identity]
    at: int
    erasure_id: str
    salt: bytes
    unsure_letters: bool = False


LinkRecord = IdentitiesStated | Command | Erase | Erasure | SubjectStated

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(LinkRecord).decode
"""Return the record in some bytes; raises one of `schemas.errors.NOT_READ` where they are no record of this layout."""
