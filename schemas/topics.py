"""The topics: their names, and the configuration that each is created with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.kinds import KINDS
from schemas.limits import MESSAGE_BYTES
from schemas.rows import FOLLOWERS, TABLES, topic_of
from schemas.units import DAY_MS, HOUR_MS

KIND_TOPICS: dict[str, str] = {name: kind.topic for name, kind in KINDS.items()}
TOPIC_KINDS: dict[str, str] = {topic: kind for kind, topic in KIND_TOPICS.items()}

JOURNEYS_LOG = "journeys.touchpoints.v1"
JOURNEYS_STATE = "journeys.state.v1"
WATERMARKS = "journeys.watermarks.v1"
"""The tasks' watermarks. All are in partition 0, so that one worker has them all."""
LINKS = "identity.links.v1"
"""What touchpoints and people say of who is who; nothing in it expires, and a rebuild keeps it.

All of it is in partition 0, so that one worker has it all.
"""
ERASURES = "identity.erasures.v1"
"""Who was erased, by digests; a rebuild keeps it, and INGEST lets nothing of theirs in that is older.

All of it is in partition 0, which every worker reads.
"""
EPOCHS = "journeys.epochs.v1"
"""Up to when an epoch's signals were sent before a rebuild, which keeps it.

All of it is in partition 0, which every worker reads.
"""
DEAD_LETTERS = "touchpoints.dlq.v1"
RESUME_REQUESTS = "touchpoints.resume.v1"
SIGNAL_SHIFTS = "signals.sentiment_shifts.v1"
SIGNAL_ABANDONMENTS = "signals.abandonments.v1"
SIGNAL_FOLLOW_UPS = "signals.follow_ups.v1"
NOTIFY_DEAD_LETTERS = "signals.notify.dlq.v1"
"""Signals that `touchline notify` could not deliver to a target; nobody else writes or needs it."""
SIGNAL_TOPICS: dict[str, str] = {
    "SentimentShift": SIGNAL_SHIFTS,
    "Abandonment": SIGNAL_ABANDONMENTS,
    "FollowUp": SIGNAL_FOLLOW_UPS,
}
"""The topic of each signal's record."""

FACTS_TOPICS: dict[str, str] = {topic_of(table): table for table in TABLES if table not in ("dead_letters", *FOLLOWERS)}

DERIVED_TOPICS: tuple[str, ...] = (JOURNEYS_LOG, JOURNEYS_STATE, WATERMARKS, *FACTS_TOPICS)
"""Computed from the inputs, and read by touchline alone: `touchline rebuild` deletes them and makes them anew."""
REBUILD_MARK = "journeys.rebuild.v1"
"""There, and empty, from a rebuild's first step to its last: while it is there, no process starts."""

MAX_TOUCHPOINT_BYTES = MESSAGE_BYTES
"""A larger touchpoint is refused (`too_large`); the topics accept more, so that it reaches the dead letters whole."""
MAX_MESSAGE_BYTES = 4 << 20


@dataclass(frozen=True)
class Topic:
    """A topic to create.

    Attributes:
        name: its name.
        config: the settings that it is created with, which differ from the broker's defaults.
        is_ours: whether it has to have them; an input that `TOUCHLINE_TOPICS` names is its producers'.
        any_partitions: whether it may have another number of partitions than `TOUCHLINE_PARTITIONS`.
    """

    name: str
    config: dict[str, str] = field(default_factory=dict)
    is_ours: bool = True
    any_partitions: bool = False


_WIDE = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}


def all_topics(inputs: Iterable[str] = TOPIC_KINDS) -> list[Topic]:
    """Return every topic that touchline reads or writes: the inputs, by default the contract's, and its own."""
    return [
        *(Topic(name, _WIDE, is_ours=name in TOPIC_KINDS, any_partitions=True) for name in inputs),
        *_own_topics(),
    ]


def _own_topics() -> list[Topic]:
    """Return the topics between the stages and behind them; all of them have the same number of partitions."""
    internal = [
        Topic(JOURNEYS_LOG, {**_WIDE, "retention.ms": str(14 * DAY_MS)}),
        Topic(
            JOURNEYS_STATE,
            # Compaction waits an hour: a late write of a paused worker that was already replaced must still stand
            # beside the newer value when the state is read back, so that the higher offset can win.
            {
                **_WIDE,
                "cleanup.policy": "compact",
                "min.compaction.lag.ms": str(HOUR_MS),
                # Every second writes each partition's position anew: without these, a quiet partition's state would
                # be read back through a week of them.
                "max.compaction.lag.ms": str(2 * HOUR_MS),
                "segment.ms": str(HOUR_MS // 6),
            },
        ),
        Topic(
            WATERMARKS,
            {"cleanup.policy": "compact", "max.compaction.lag.ms": str(HOUR_MS), "segment.ms": str(HOUR_MS // 6)},
        ),
        Topic(EPOCHS, {"cleanup.policy": "compact"}),
        Topic(LINKS, {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}),
        Topic(ERASURES, {"cleanup.policy": "compact"}),
        Topic(RESUME_REQUESTS, {"retention.ms": str(DAY_MS)}),
    ]
    facts = [Topic(name, {**_WIDE, "retention.ms": str(7 * DAY_MS)}) for name in FACTS_TOPICS]
    outputs = [
        Topic(DEAD_LETTERS, {"max.message.bytes": str(2 * MAX_MESSAGE_BYTES)}),
        *(Topic(name, _WIDE) for name in (*SIGNAL_TOPICS.values(), NOTIFY_DEAD_LETTERS)),
    ]
    return internal + facts + outputs


OWN_TOPICS: frozenset[str] = frozenset({REBUILD_MARK, *(topic.name for topic in _own_topics())})
"""What touchline makes for itself: none of it can be an input."""
