"""When what Kafka still holds of somebody who was erased ends: what its topics are set to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from schemas.topics import (
    DEAD_LETTERS,
    FACTS_TOPICS,
    JOURNEYS_LOG,
    JOURNEYS_STATE,
    LINKS,
    NOTIFY_DEAD_LETTERS,
    SIGNAL_TOPICS,
)
from schemas.units import DAY_MS, HOUR_MS
from streams.kafka.admin import partition_counts
from streams.kafka.admin_client import AdminClient
from streams.kafka.client import client_options
from streams.settings import Settings
from touchline.topic_states import Configs, topic_configs

UNNAMED = ("metric_buckets", "currencies", "clocks", "business_changes", "marketing_spend")
"""The tables whose facts name no customer."""
ROLLED_MS = 7 * DAY_MS
"""A segment of a topic is deleted as a whole, when it is closed: after a week, unless its topic says otherwise."""


class End(NamedTuple):
    """When a topic ends to hold what it holds now; `until` is epoch ms, None where nothing ends it."""

    topic: str
    until: int | None
    why: str


async def ends(settings: Settings, now: int) -> list[End]:
    """Return when each topic that may name a customer ends to hold what it holds now (ms).

    Raises:
        KafkaError: Kafka does not answer.
    """
    names = named_in(settings)
    counts = await partition_counts(settings)
    admin = AdminClient(**client_options(settings))
    try:
        await admin.start()
        configs = await topic_configs(admin, [name for name in names if name in counts])
    finally:
        await admin.close()
    return list(ends_of([name for name in names if name in counts], configs, now))


def named_in(settings: Settings) -> list[str]:
    """Return the topics whose messages may name a customer."""
    facts = [topic for topic, table in FACTS_TOPICS.items() if table not in UNNAMED]
    signals = [*SIGNAL_TOPICS.values(), NOTIFY_DEAD_LETTERS]
    return [*settings.inputs, JOURNEYS_LOG, JOURNEYS_STATE, LINKS, *facts, DEAD_LETTERS, *signals]


def ends_of(names: list[str], configs: Configs, now: int) -> Iterator[End]:
    """Return when topics end to hold what they hold now (ms), by their settings."""
    for name in names:
        config = configs.get(name, {})
        if name in {LINKS, DEAD_LETTERS}:
            yield End(name, now, "deleted by this command")
        elif "compact" in config.get("cleanup.policy", "delete"):
            lag, segment = _ms(config, "max.compaction.lag.ms", 2 * HOUR_MS), _ms(config, "segment.ms", HOUR_MS)
            yield End(name, now + lag + segment, "compacted: the last value of their key is a tombstone")
        elif (retention := _ms(config, "retention.ms", -1)) >= 0:
            yield End(name, now + retention + _ms(config, "segment.ms", ROLLED_MS), "deleted by age")
        else:
            yield End(name, None, "kept for ever: delete them, or set retention.ms")


def line_of(end: End) -> str:
    """Return what a person reads of an end."""
    when = "never" if end.until is None else f"by {datetime.fromtimestamp(end.until / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    return f"{end.topic}: {when} ({end.why})"


def _ms(config: Mapping[str, str], name: str, otherwise: int) -> int:
    text = config.get(name, "")
    # A setting that stands for "for ever" is a number beyond any calendar.
    return min(int(text), 1000 * 365 * DAY_MS) if text.lstrip("-").isdigit() else otherwise
