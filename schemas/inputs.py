"""Which topics the inputs are, and which kinds each of them carries: what `TOUCHLINE_TOPICS` says, read. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from schemas.kinds import KINDS
from schemas.text import shortened
from schemas.topics import KIND_TOPICS, OWN_TOPICS

EVERY_KIND = "*"
EXAMPLE = "purchase=shop.orders+shop.refunds,tweet=social.posts,*=events"
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
"""What Kafka takes for the name of a topic, but for `.` and `..`."""
_SHOWN = 80


@dataclass(frozen=True)
class InputTopics:
    """The input topics.

    Attributes:
        by_kind: the topics that each kind comes from, by its name, in the contract's order of kinds.
    """

    by_kind: Mapping[str, tuple[str, ...]]

    @cached_property
    def kinds(self) -> dict[str, tuple[str, ...]]:
        """The kinds that each topic carries, by its name; topics and kinds in the contract's order of kinds."""
        carried: dict[str, tuple[str, ...]] = {}
        for kind, topics in self.by_kind.items():
            for topic in topics:
                carried[topic] = (*carried.get(topic, ()), kind)
        return carried

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the topics."""
        return iter(self.kinds)

    def __contains__(self, topic: object) -> bool:
        return topic in self.kinds

    def only_kind(self, topic: str) -> str | None:
        """Return the kind of a topic's messages; None where they have several, or for no input."""
        carried = self.kinds.get(topic, ())
        return carried[0] if len(carried) == 1 else None

    def origin(self, topic: str) -> str | None:
        """Return as what a refused message of a topic is counted: its kind, or the topic where that has several kinds.

        None for no input.
        """
        return (self.only_kind(topic) or topic) if topic in self.kinds else None


CONTRACT_INPUTS = InputTopics({kind: (topic,) for kind, topic in KIND_TOPICS.items()})
"""The contract's own: one topic a kind."""


@lru_cache
def input_topics(setting: str) -> InputTopics:
    """Return the input topics that a setting says, such as `EXAMPLE`; the contract's own where it is empty.

    Each entry names a kind and the topics that it comes from, instead of the contract's. `*` stands for every kind: a
    message of such a topic says its kind itself. A kind in no entry keeps the contract's topic.

    Raises:
        ValueError: an entry does not hold; says which, why, and what to do.
    """
    named: dict[str, dict[str, None]] = {}
    for number, entry in enumerate(setting.split(",") if setting.strip() else (), start=1):
        try:
            kinds, topics = _read(entry)
        except ValueError as error:
            raise ValueError(f"entry {number}, {shortened(entry.strip(), _SHOWN)!r}: {error}") from None
        for kind in kinds:
            named.setdefault(kind, {}).update(dict.fromkeys(topics))
    everywhere = tuple(named.pop(EVERY_KIND, ()))
    return InputTopics(
        {
            kind: tuple(dict.fromkeys((*named.get(kind, ()), *everywhere))) or (topic,)
            for kind, topic in KIND_TOPICS.items()
        }
    )


def _read(entry: str) -> tuple[list[str], list[str]]:
    """Return the kinds and the topics of an entry."""
    kind, equals, said = (part.strip() for part in entry.partition("="))
    if not equals:
        raise ValueError(f"it should look like kind=topic or kind=topic+topic; an example: {EXAMPLE}")
    if kind != EVERY_KIND and kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1, cutoff=0.0)
        raise ValueError(
            f"there is no such kind; did you mean {near[0]}? The kinds are {', '.join(KINDS)}, and * for all"
        )
    topics = [topic.strip() for topic in said.split("+")]
    for topic in topics:
        if not topic:
            raise ValueError("a topic's name is missing")
        if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
            raise ValueError(
                f"{shortened(topic, _SHOWN)!r} is no name of a topic: Kafka takes 1 to 249 letters, digits, and . _ -"
            )
        if topic in OWN_TOPICS:
            raise ValueError(f"{topic} is one of touchline's own topics, and no input")
    return [kind], topics
