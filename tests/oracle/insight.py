"""How the views of changes, topics and levels differ from what the touchpoints hold; days are those of UTC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tests.oracle.compare import Row, Views, World, unequal
from tests.oracle.effects import EFFECT_KEY, change_effects
from tests.oracle.level_views import ANOMALY_KEY, HEALTH_KEY, Levels
from tests.oracle.topics import DAYS, Mention, day_of, is_stated, mentions, trends
from tests.oracle.touchpoints import milliseconds

VIEWS = ("change_effects", "topics", "topic_mentions", "topic_trends")
"""The views that are compared."""
LEVEL_VIEWS = ("metric_health", "metric_anomalies")
"""Those of which what is `COMPARED` is."""
MENTION_KEY = ("topic", "kind", "customer_id", "subject_id", "said_at")
TOPIC_KEY = ("day", "topic", "kind", "channel")
ZONE = "UTC"
ENOUGH = 30
"""So many observations say something."""
_POLARITIES = ("negative", "neutral", "positive", "unscored")


def differences(
    world: World, views: Views, lines: Sequence[Row], topics: Mapping[str, Sequence[str]], attributes: Sequence[str]
) -> list[str]:
    """Return how the views differ from what the world holds.

    Args:
        lines: all of the input, of which those of changes are looked at; of one that is stated again the last holds.
        topics: those found in touchpoints, by event_id; which texts are about what is held elsewhere.
        attributes: those that are dimensions.
    """
    changes = [line for line in lines if line["kind"] == "business_change"]
    held = {line["change_id"]: line for line in sorted(changes, key=_stated_at)}
    stated = [_with_times(line) for line in held.values()]
    found = list(_mentions(world, topics))
    levels = Levels(world.observations, world.clock)
    return [
        *unequal("change_effects", EFFECT_KEY, views["change_effects"], change_effects(world, stated, attributes)),
        *unequal("topics", TOPIC_KEY, views["topics"], topics_by_day(found)),
        *unequal("topic_mentions", MENTION_KEY, views["topic_mentions"], map(_mention, found)),
        *unequal("topic_trends", ("topic",), views["topic_trends"], topic_trends(found, world.clock)),
        *unequal("metric_health", HEALTH_KEY, views["metric_health"], levels.health()),
        *unequal("metric_anomalies", ANOMALY_KEY, views["metric_anomalies"], levels.anomalies()),
    ]


def _stated_at(change: Row) -> tuple[int, str]:
    return milliseconds(change["occurred_at"]), change["event_id"]


def _with_times(change: Row) -> dict[str, Any]:
    times = {name: milliseconds(change[name]) for name in ("effective_at", "reverted_at") if change.get(name)}
    return {**change, **times}


def _mentions(world: World, topics: Mapping[str, Sequence[str]]) -> Iterator[Mention]:
    experiences = {event: felt for history in world.people.values() for event, felt in history.experiences.items()}
    superseded = {event for history in world.people.values() for event in history.superseded}
    for owner, touches in world.touches_by_owner().items():
        held = [touch for touch in touches if touch.event_id not in superseded]
        said = {
            touch.text: topics.get(touch.event_id, ()) for touch in held if touch.own_words and not is_stated(touch)
        }
        for one in mentions(held, partial(_topics_of, said), experiences):
            yield replace(one, customer=owner)


def _topics_of(said: Mapping[str, Sequence[str]], text: str) -> Sequence[str]:
    return said.get(text, ())


def _mention(one: Mention) -> dict[str, Any]:
    """Return the row of `topic_mentions`, without what found it."""
    return {
        **dict(zip(MENTION_KEY, (one.topic, one.kind, one.customer, one.subject, one.at), strict=True)),
        "day": _shown(day_of(one.at, ZONE)),
        "channel": one.channel,
        "experience": None if one.experience is None else float(one.experience),
        "polarity": one.polarity,
    }


def topics_by_day(found: Sequence[Mention]) -> Iterator[dict[str, Any]]:
    """Give the rows of the view `topics`."""
    rows: dict[tuple[str, ...], list[Mention]] = {}
    for one in found:
        rows.setdefault((_shown(day_of(one.at, ZONE)), one.topic, one.kind, one.channel), []).append(one)
    for key, of_one in rows.items():
        yield {
            **dict(zip(TOPIC_KEY, key, strict=True)),
            "mentions": len(of_one),
            "customers": len({one.customer for one in of_one}),
            **{polarity: sum(one.polarity == polarity for one in of_one) for polarity in _POLARITIES},
        }


def topic_trends(found: Sequence[Mention], clock: int) -> Iterator[dict[str, Any]]:
    """Give the rows of the view."""
    today = day_of(clock, ZONE)
    since = today - timedelta(days=DAYS)
    said = Counter((one.topic, one.polarity) for one in found if since <= day_of(one.at, ZONE) < today)
    for topic, trend in trends(found, clock, ZONE).items():
        yield {
            "topic": topic,
            "until": _shown(day_of(clock, ZONE)),
            "mentions": trend.mentions,
            "mentions_before": trend.before,
            "share": trend.share,
            "share_before": trend.share_before,
            "ratio": trend.ratio,
            "ratio_low": trend.low,
            "ratio_high": trend.high,
            "verdict": trend.verdict,
            "enough": trend.mentions + trend.before >= ENOUGH,
            **{polarity: said[topic, polarity] for polarity in _POLARITIES},
            "negative_before": trend.negative_before,
        }


def _shown(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.000}"
