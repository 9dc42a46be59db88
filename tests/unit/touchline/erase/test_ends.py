"""When what Kafka holds of somebody ends, by the settings of its topics."""

from __future__ import annotations

from schemas.rows import TABLES, topic_of
from schemas.topics import (
    DEAD_LETTERS,
    FACTS_TOPICS,
    JOURNEYS_LOG,
    JOURNEYS_STATE,
    LINKS,
    NOTIFY_DEAD_LETTERS,
    SIGNAL_SHIFTS,
)
from sinks.erasing import CONDITIONS
from streams.settings import Settings
from touchline.erase.ends import End, ends_of, line_of, named_in

DAY, HOUR = 86_400_000, 3_600_000
NOW = 1_767_225_600_000
"""2026-01-01."""


def test_a_topic_ends_when_its_last_segment_is_deleted() -> None:
    configs = {
        JOURNEYS_LOG: {"retention.ms": str(14 * DAY), "segment.ms": str(2 * DAY), "cleanup.policy": "delete"},
        JOURNEYS_STATE: {
            "cleanup.policy": "compact",
            "max.compaction.lag.ms": str(2 * HOUR),
            "segment.ms": str(HOUR),
            "retention.ms": str(7 * DAY),
        },
        SIGNAL_SHIFTS: {"retention.ms": "-1"},
    }

    found = {one.topic: one.until for one in ends_of([*configs, LINKS, DEAD_LETTERS], configs, NOW)}

    assert found == {
        JOURNEYS_LOG: NOW + 16 * DAY,
        JOURNEYS_STATE: NOW + 3 * HOUR,
        SIGNAL_SHIFTS: None,
        LINKS: NOW,
        DEAD_LETTERS: NOW,
    }


def test_a_person_reads_the_day() -> None:
    assert line_of(End("t", NOW, "why")) == "t: by 2026-01-01 00:00 UTC (why)"
    assert line_of(End("t", None, "why")) == "t: never (why)"


def test_a_setting_that_stands_for_ever_is_no_error() -> None:
    [end] = ends_of(["t"], {"t": {"retention.ms": str((1 << 63) - 1)}}, NOW)
    assert "by 30" in line_of(end)


def test_all_topics_that_name_customers_are_told_of() -> None:
    settings = Settings()
    facts = {topic_of(table) for table in CONDITIONS if topic_of(table) in FACTS_TOPICS}
    assert facts <= set(named_in(settings))
    assert {*settings.inputs, LINKS, JOURNEYS_LOG, SIGNAL_SHIFTS, NOTIFY_DEAD_LETTERS} <= set(named_in(settings))
    assert TABLES.keys() >= CONDITIONS.keys()
