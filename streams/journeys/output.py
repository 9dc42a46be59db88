"""What a chunk of a partition's log brings about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from hashlib import sha256

from schemas.erasures import ErasedRows
from schemas.errors import Reason
from schemas.limits import Trimmed
from schemas.rows import Row
from schemas.steps import emptying
from schemas.subjects import SubjectStated
from streams.journeys.signals import Signal

Entry = tuple[bytes, bytes | None]
"""Key and value of a changelog entry; None deletes the key."""
Origin = tuple[str, str]
"""The input topic and the source of a touchpoint."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A touchpoint that is refused, why and whose it is, and where the original message of it lies."""

    reason: Reason
    topic: str
    partition: int
    offset: int
    detail: str
    customer_key: str


@dataclass(slots=True)
class Output:
    """What a chunk brought about.

    The changelog's entries are appended in the order of `state`: whatever of them is there after a crash, all before it
    is there too. `buckets` holds the hourly counts as well.

    Attributes:
        forwarded: records for the log partitions of other customers, each with the customer's key.
        links: for `identity.links.v1`.
        suppressed: signals that were sent before the log was made anew, and are not again, by topic.
        on_time, late: an entry for each touchpoint.
        overflow: observations of values that have no bucket of their own, by the hash of their dimension's name.
        erased: touchpoints of those who were erased, by the input topic.
        erased_rows: which rows of those before are to be deleted.
        folded_early: pending touchpoints that were folded before the allowed lateness had passed, by the hash of their
            customer's key.
        size: bytes of the records applied and of what is forwarded.
    """

    facts: dict[str, list[Row]] = field(default_factory=dict)
    signals: list[Signal] = field(default_factory=list)
    suppressed: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    values: list[Entry] = field(default_factory=list)
    buckets: list[Entry] = field(default_factory=list)
    customers: list[Entry] = field(default_factory=list)
    forgotten: list[Entry] = field(default_factory=list)
    position: tuple[bytes, bytes] = (b"", b"")
    counts: Counter[str] = field(default_factory=Counter)
    trimmed: Counter[Trimmed] = field(default_factory=Counter)
    forwarded: list[tuple[str, bytes]] = field(default_factory=list)
    links: list[SubjectStated] = field(default_factory=list)
    on_time: list[Origin] = field(default_factory=list)
    late: list[Origin] = field(default_factory=list)
    erased: Counter[str] = field(default_factory=Counter)
    erased_rows: list[ErasedRows] = field(default_factory=list)
    overflow: Counter[str] = field(default_factory=Counter)
    folded_early: Counter[str] = field(default_factory=Counter)
    size: int = 0

    def forward(self, customer_key: str, record: bytes) -> None:
        """Send a record to the log partition of another customer."""
        self.forwarded.append((customer_key, record))
        self.size += len(record)

    @property
    def state(self) -> list[Entry]:
        """The changelog's entries, in the order in which they must be written.

        What is forgotten may stand before the position or behind it: what is final, and comes back, is forgotten again.
        """
        return [*self.values, *self.buckets, *self.customers, *self.forgotten, self.position]

    def emptying(self) -> Generator[None, None, None]:
        """Let what is written be freed little by little."""
        entries = self.values, self.buckets, self.customers, self.forgotten
        yield from emptying(*self.facts.values(), *entries, self.signals, self.refused, self.forwarded)


def hashed(name: str) -> str:
    """Return what the log calls a customer or a dimension, whose own name it must not show.

    It is the beginning of the SHA-256 of the name, in hexadecimal digits: who knows the names can find it.
    """
    return sha256(name.encode()).hexdigest()[:16]
