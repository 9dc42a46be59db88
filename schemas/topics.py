"""The topics: their names, and the configuration that each is created with."""

from __future__ import annotations

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
DEAD_LETTERS = "touchpoints.dlq.v1"
RESUME_REQUESTS = "touchpoints.resume.v1"
SIGNAL_SHIFTS = "signals.sentiment_shifts.v1"
SIGNAL_ABANDONMENTS = "signals.abandonments.v1"
SIGNAL_FOLLOW_UPS = "signals.follow_ups.v1"
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
    """A topic to create: its name and the settings that differ from the broker's defaults."""

    name: str
    config: dict[str, str] = field(default_factory=dict)


def all_topics() -> list[Topic]:
    """Return every topic touchline reads or writes; all of them have the same number of partitions."""
    wide = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}
    inputs = [Topic(name, wide) for name in KIND_TOPICS.values()]
    internal = [
        Topic(JOURNEYS_LOG, {**wide, "retention.ms": str(14 * DAY_MS)}),
        Topic(
            JOURNEYS_STATE,
            # Compaction waits an hour: a late write of a paused worker that was already replaced must still stand
            # beside the newer value when the state is read back, so that the higher offset can win.
            {
                **wide,
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
        Topic(RESUME_REQUESTS, {"retention.ms": str(DAY_MS)}),
    ]
    facts = [Topic(name, {**wide, "retention.ms": str(7 * DAY_MS)}) for name in FACTS_TOPICS]
    outputs = [
        Topic(DEAD_LETTERS, {"max.message.bytes": str(2 * MAX_MESSAGE_BYTES)}),
        *(Topic(name, wide) for name in SIGNAL_TOPICS.values()),
    ]
    return inputs + internal + facts + outputs
