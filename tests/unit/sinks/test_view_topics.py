"""The views of topics say what customers speak about and what grows, worked out a second time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.contract.engine import Engine
from tests.oracle.topics import Mention, day_of, mentions, trends
from tests.oracle.touchpoints import DAY, HOUR
from tests.unit.sinks.made_up import MadeUp, Row, play, rows_of
from tests.unit.test_docs import METRICS, fenced, section

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1000)
ZONE = "America/New_York"
# What each text is about was written down by hand, before any list was asked.
TEXTS: dict[str, tuple[str, ...]] = {
    "": (),
    "Hello?": (),
    "The parcel never arrived, I hate it": ("delivery",),
    "So expensive, awful": ("price",),
    "Great staff, thank you": ("staff",),
    "The website is good": ("website",),
    "I wait for my refund": ("waiting", "returns"),
    "Wo ist mein Paket?": (),
}


SCORES = (None, 10, 47, 47.5, 48, 52.5, 53, 90)
"""Of 0 to 100: the experience is -0.05 at 47.5, and 0.05 at 52.5."""


class Talk(MadeUp):
    """Makes up what customers say, and answer, and ask; ids come again, also from another source or channel."""

    def say(self, customer: str) -> None:
        rnd, at, text = self.random, self.start(), self.random.choice(tuple(TEXTS))
        number, source = rnd.randrange(6), rnd.choice("st")
        channel = rnd.choice((None, "web", "letter"))
        match rnd.randrange(5):
            case 0:
                stars = rnd.choice((None, None, 1, 3, 5))
                self.add("tweet", at, customer, source, post_id=f"p-{number}", text=text, rating=stars, channel=channel)
            case 1:
                self.add("tweet", at, customer, post_id=f"b-{number}", author="brand", text=text)
            case 2:
                self.add(
                    "survey_answer", at, customer, response_id=f"r-{number}", survey_id="s", phase="answered",
                    question_id=rnd.choice("ab"), question_kind="rating", score=rnd.choice(SCORES), text=text,
                    scale_min=0, scale_max=100,
                )  # fmt: skip
            case 3:
                self.add(
                    "case_event", at, customer, source, case_id=f"k-{number}", text=text,
                    phase=rnd.choice(("opened", "updated")), by=rnd.choice(("customer", "agent")),
                    topic=rnd.choice((None, None, "delivery", "parking")), complaint=rnd.choice((True, None)),
                    channel=channel,
                )  # fmt: skip
            case _:
                self.add(
                    "support_call", at, customer, call_id=f"c-{number}", resolved=rnd.choice((True, False)), notes=text,
                    phase=rnd.choice(("queued", "answered", "ended")), topic=rnd.choice((None, "delivery", "parking")),
                )  # fmt: skip


def found_by(chdb: Engine, folder: Path, lines: list[Row]) -> tuple[list[Mention], int]:
    """Store lines; return the mentions in them, and the time at the end."""
    world = play(chdb, folder, lines, ZONE)
    said = rows_of(chdb, "SELECT event_id, experience, superseded FROM touchpoints")
    experiences = {row["event_id"]: row["experience"] for row in said}
    holding = {row["event_id"] for row in said if not row["superseded"]}
    found: list[Mention] = []
    for history in world.people.values():
        touches = [touch for touch in history.touches if touch.event_id in holding]
        found += mentions(touches, TEXTS.__getitem__, experiences)
    return found, world.clock


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.000}"


def test_whatever_is_said_is_shown_by_day_topic_channel_and_polarity(chdb: Engine, tmp_path: Path) -> None:
    talk = Talk(seed=4, first=FIRST, days=40)
    for number in range(900):
        talk.say(f"c{number % 30}")
    found, _ = found_by(chdb, tmp_path, talk.lines)
    expected = Counter((moment(day_of(one.at, ZONE)), one.topic, one.kind, one.channel, one.polarity) for one in found)
    shown = {
        (row["day"], row["topic"], row["kind"], row["channel"], polarity): int(row[polarity])
        for row in rows_of(chdb, "SELECT * FROM topics")
        for polarity in ("negative", "neutral", "positive", "unscored")
        if int(row[polarity])
    }

    assert shown == expected
    assert {polarity for *_, polarity in expected} == {"negative", "neutral", "positive", "unscored"}
    assert {channel for *_, channel, _ in expected} >= {"web", "letter", "phone", "social", "survey"}
    assert {topic for _, topic, *_ in expected} == {
        "delivery",
        "price",
        "staff",
        "website",
        "waiting",
        "returns",
        "parking",
    }


def test_each_mention_names_what_found_it_where_it_was_said_first(chdb: Engine, tmp_path: Path) -> None:
    case = {"kind": "case_event", "source": "s", "customer_id": "c", "case_id": "k", "by": "customer"}
    said = {"text": "The parcel never arrived, I hate it"}
    lines: list[Row] = [
        {**case, "event_id": "e1", "phase": "opened", "occurred_at": FIRST, **said},
        {**case, "event_id": "e2", "phase": "updated", "occurred_at": FIRST + HOUR, "topic": "delivery"},
        {**case, "event_id": "e3", "phase": "updated", "occurred_at": FIRST + 2 * HOUR, "topic": "parking"},
    ]
    play(chdb, tmp_path, lines)
    found = {row["topic"]: row["method"] for row in rows_of(chdb, "SELECT topic, method FROM topic_mentions")}

    assert found == {"delivery": "words-1", "parking": "stated"}


def test_complaints_about_a_thing_are_asked_by_day_and_channel_in_one_query(chdb: Engine, tmp_path: Path) -> None:
    late, fast = "The parcel never arrived, I hate it", "Great delivery, thank you"

    def says(name: str, day: int, text: str, channel: str, rating: int) -> Row:
        return {"kind": "tweet", "source": "s", "customer_id": "c", "event_id": name, "post_id": name[0],
                "text": text, "channel": channel, "rating": rating, "occurred_at": FIRST + day * DAY}  # fmt: skip

    lines = [
        says("a", 0, late, "web", 1),
        says("b", 0, late, "web", 1),
        says("c", 0, late, "letter", 1),
        says("d", 0, fast, "letter", 5),
        # What is said twice in one place is said where it is said first: on the letter's day.
        says("e1", 1, late, "letter", 1),
        says("e2", 2, late, "web", 1),
        says("f", 2, "So expensive, awful", "web", 1),
    ]
    play(chdb, tmp_path, lines)
    (query,) = [each for each in fenced(section(METRICS, "## Topics"), "sql") if "channel" in each]
    asked = [(row["day"], row["channel"], int(row["complaints"])) for row in rows_of(chdb, query)]

    assert asked == [
        ("2026-03-03 00:00:00.000", "letter", 1),
        ("2026-03-02 00:00:00.000", "web", 2),
        ("2026-03-02 00:00:00.000", "letter", 1),
    ]


def test_fourteen_days_are_held_against_the_fourteen_before(chdb: Engine, tmp_path: Path) -> None:
    talk = Talk(seed=5, first=FIRST, days=40)
    for number in range(900):
        talk.say(f"c{number % 30}")
    # Many speak of prices lately, and one customer does nothing but wait.
    for number in range(60):
        at = FIRST + (26 + number % 13) * DAY + 12 * HOUR
        talk.add("tweet", at, f"new{number}", post_id=f"n-{number}", text="So expensive, awful")
        talk.add("tweet", at, "always", post_id=f"w-{number}", text="I wait for my refund")
    found, clock = found_by(chdb, tmp_path, talk.lines)
    expected = trends(found, clock, ZONE)
    shown = {row["topic"]: row for row in rows_of(chdb, "SELECT * FROM topic_trends")}

    assert shown.keys() == expected.keys()
    for topic, trend in expected.items():
        row = shown[topic]
        counts = [int(row[name]) for name in ("mentions", "mentions_before", "negative", "negative_before")]
        assert counts == [trend.mentions, trend.before, trend.negative, trend.negative_before], topic
        for name, value in (
            ("share", trend.share), ("share_before", trend.share_before), ("ratio", trend.ratio),
            ("ratio_low", trend.low), ("ratio_high", trend.high),
        ):  # fmt: skip
            assert row[name] == (None if value is None else pytest.approx(value)), (topic, name)
        assert row["verdict"] == trend.verdict, topic
    assert (shown["price"]["verdict"], shown["waiting"]["verdict"]) == ("grows", "no difference seen")


def test_what_nobody_spoke_of_before_has_no_ratio_and_a_low_end(chdb: Engine, tmp_path: Path) -> None:
    lines: list[Row] = [
        {"kind": "tweet", "source": "s", "customer_id": f"c{number}", "event_id": f"e{number}", "post_id": f"p{number}",
         "text": "So expensive, awful", "occurred_at": FIRST + 20 * DAY + number * HOUR}
        for number in range(40)
    ]  # fmt: skip
    lines.append({**lines[0], "event_id": "last", "post_id": "last", "text": "", "occurred_at": FIRST + 30 * DAY})
    play(chdb, tmp_path, lines)
    (row,) = rows_of(chdb, "SELECT * FROM topic_trends")

    # Wilson's interval of 40 in 40 begins at n / (n + z²), so that the ratio is n / z² at least: 40 / 3.8415.
    assert row["ratio_low"] == pytest.approx(10.4127, abs=1e-3)
    assert (row["ratio"], row["ratio_high"], row["verdict"], int(row["mentions"])) == (None, None, "grows", 40)
    assert (row["share"], row["share_before"]) == (1, None)
