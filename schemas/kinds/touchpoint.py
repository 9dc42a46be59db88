"""The fields that every touchpoint has in the journeys log, and how the log's records are tagged."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from schemas.kinds.names import KindName

FORMAT = 3
"""Version of the layout of the log's records.

It rises when a field is inserted, moved, retyped or taken away. A new field with a default at the end of a record is
read from older records too and needs no new version.
"""


def tag_of(record: str) -> str:
    """Return the first element of a record in the log: its type's name and the version of the layout."""
    return f"{record}/{FORMAT}"


class Touchpoint(msgspec.Struct, array_like=True, kw_only=True, frozen=True, gc=False):
    """The fields of every customer's touchpoint; each kind adds those of its own Avro record.

    Attributes:
        kind: the contract's name of its kind.
        task: number of the INGEST task that read it.
        source_topic, source_partition, source_offset: where the message lies that it was made of.
        watermark: that task's watermark when it was read, ms; 0 where not yet known.
        received_at: the broker's timestamp of the message, ms.
        fingerprint: 63 bits over the whole payload; tells a duplicate from a collision.
        customer_key: the customer's id, or the name of an anonymous profile, as the message alone states it.
        event_id, occurred_at, source, customer_id, identifiers, attributes: as in the message; times in ms.
        channel: the channel that the message names, else its kind's.
        text: the text in it, "" where there is none.
        sentiment: polarity of the customer's own words, in units of 1 / SCALE, or None where not scored.
        scorer: name and version of the scorer, "" where not scored.
        topics: what the customer speaks about, the strongest first.
        topics_by: name and version of what found the topics, `stated` where the message says them, "" without any.
        moves: how many times it has changed its owner: 0 where its stated key is its own.
    """

    kind: ClassVar[KindName]

    task: int
    source_topic: str
    source_partition: int
    source_offset: int
    watermark: int
    received_at: int
    fingerprint: int
    customer_key: str
    event_id: str
    occurred_at: int
    source: str
    channel: str
    attributes: dict[str, str]
    customer_id: str | None = None
    identifiers: dict[str, str] = msgspec.field(default_factory=dict)
    text: str = ""
    sentiment: int | None = None
    scorer: str = ""
    topics: list[str] = []
    topics_by: str = ""
    moves: int = 0

    @property
    def timeline_id(self) -> str:
        """What tells it from others of its owner: ids are one source's own, and an owner has touchpoints of several."""
        return self.event_id if not self.moves else f"{self.event_id}\0{self.customer_key}"

    @property
    def action(self) -> str:
        """What happened, as one word: the action, the phase, or who wrote a post."""
        return ""

    @property
    def subject_id(self) -> str:
        """The id of the order, call, case, cart, response or post that it is about, "" where there is none."""
        return ""

    @property
    def is_answer(self) -> bool:
        """Whether it is the business's own answer: what identifies somebody in it is its author's."""
        return False

    @property
    def has_failed(self) -> bool:
        """Whether something did not work: what fails soon after it is the same failure."""
        return False

    @property
    def may_turn(self) -> bool:
        """Whether the business did it, or it failed: it may be why its customer feels otherwise from then on."""
        return False

    @property
    def amount(self) -> tuple[int | None, str | None]:
        """The amount in minor units and its currency, None where it is not about money."""
        return None, None

    @property
    def stated_experience(self) -> int | None:
        """What a score or rating in it says of how the customer was served, units of 1 / SCALE; None without one."""
        return None

    @property
    def experience_key(self) -> str:
        """What happened, as its kind's `experience` names it."""
        return self.action
