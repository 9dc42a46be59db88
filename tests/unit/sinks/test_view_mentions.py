"""The view of mentions says what customers post and what is answered, worked out a second time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, median
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.contract.engine import Engine
from tests.oracle.groups import share_interval
from tests.oracle.mentions import Post, posts
from tests.oracle.touchpoints import DAY, HOUR
from tests.unit.sinks.made_up import MadeUp, Row, play, rows_of

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 20, tzinfo=UTC).timestamp() * 1000)
WORDS = ("", "Where is it?", "Awful, I hate it!", "Great, thank you!")
Z = 1.959963984540054


class Wall(MadeUp):
    """Makes up posts and answers."""

    def post(self, customer: str) -> None:
        rnd, at, post_id = self.random, self.start(), f"p-{self.random.randrange(150)}"
        platform = rnd.choice(("reviews", "reviews", None))
        for _ in range(rnd.choice((0, 1, 1, 1, 2))):
            self.add(
                "tweet", at, customer, post_id=post_id, platform=platform, author=rnd.choice(("customer", None)),
                text=rnd.choice(WORDS), lang=rnd.choice((None, "de")), rating=rnd.choice((None, 1, 3, 5)),
                in_reply_to=rnd.choice((None, "elsewhere")),
            )  # fmt: skip
            at = self.later(at, DAY)
        for number in range(rnd.choice((0, 0, 1, 2))):
            # Some answer on another platform, some before anybody has posted.
            replied_at = self.later(at, 3 * DAY) - rnd.choice((0, 0, 0, DAY))
            self.add(
                "tweet", replied_at, customer, post_id=f"{post_id}-{number}", author="brand", text="We look.",
                platform=rnd.choice((platform, platform, "forum")), in_reply_to=rnd.choice((post_id, post_id, None)),
            )  # fmt: skip


def mean(values: Sequence[float]) -> Any:
    return pytest.approx(fmean(values)) if values else None


def test_whatever_is_posted_is_shown_by_platform_and_month(chdb: Engine, tmp_path: Path) -> None:
    wall = Wall(seed=6, first=FIRST, days=45)
    for number in range(260):
        wall.post(f"c{number % 40}")
    world = play(chdb, tmp_path, wall.lines, "America/New_York")
    scored = rows_of(chdb, "SELECT event_id, sentiment FROM touchpoints")
    sentiments = {row["event_id"]: row["sentiment"] for row in scored}
    expected: dict[tuple[str, str], list[Post]] = defaultdict(list)
    for history in world.people.values():
        for post in posts(history.touches, sentiments):
            local = datetime.fromtimestamp(post.posted_at / 1000, ZoneInfo("America/New_York"))
            month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
            expected[post.platform, f"{month:%Y-%m-%d %H:%M:%S.000}"].append(post)
    found = {(row["platform"], row["month"]): row for row in rows_of(chdb, "SELECT * FROM mentions")}

    assert found.keys() == expected.keys()
    for key, of_one in expected.items():
        row = found[key]
        ratings = [post.rating for post in of_one if post.rating is not None]
        scores = [post.sentiment for post in of_one if post.sentiment is not None]
        seconds = [(post.answered_at - post.posted_at) / 1000 for post in of_one if post.answered_at is not None]
        ages = [(world.clock - post.posted_at) / 1000 for post in of_one if post.answered_at is None]
        counts = [int(row[name]) for name in ("posts", "reviews", "scored", "answered", "unanswered")]
        assert counts == [len(of_one), len(ratings), len(scores), len(seconds), len(ages)], key
        assert row["mean_rating"] == mean(ratings), key
        assert row["mean_sentiment"] == mean(scores), key
        assert row["answer_seconds_mean"] == mean(seconds), key
        assert row["answer_seconds_p50"] == (pytest.approx(median(seconds)) if seconds else None), key
        assert row["oldest_unanswered_seconds"] == (pytest.approx(max(ages)) if ages else None), key
        assert row["enough"] == (len(of_one) >= 30), key
    assert {row["enough"] for row in found.values()} == {True, False}


def test_what_is_not_answered_has_the_age_of_its_oldest(chdb: Engine, tmp_path: Path) -> None:
    lines: list[Row] = [
        {"kind": "tweet", "source": "s", "customer_id": f"c{hour}", "event_id": f"e{hour}", "post_id": f"p{hour}",
         "text": "", "rating": rating, "occurred_at": FIRST + hour * HOUR}
        for hour, rating in ((0, 5), (1, 2), (5, 5))
    ]  # fmt: skip
    reply = {"kind": "tweet", "source": "s", "customer_id": "c0", "event_id": "r", "post_id": "r", "author": "brand"}
    lines.append({**reply, "text": "", "in_reply_to": "p0", "occurred_at": FIRST + 2 * HOUR})
    play(chdb, tmp_path, lines)
    (row,) = rows_of(chdb, "SELECT * FROM mentions")
    # One of three: Wilson's interval by hand.
    centre, half = (1 + Z * Z / 2) / (3 + Z * Z), Z / (3 + Z * Z) * (2 / 3 + Z * Z / 4) ** 0.5

    assert (row["mean_rating"], row["answer_seconds_mean"], int(row["unanswered"])) == (4, 7200, 2)
    # The last line is an hour's four behind the post, and the log's time a millisecond more.
    assert row["oldest_unanswered_seconds"] == 4 * 3600 + 0.001
    assert (row["ci_low"], row["ci_high"]) == (pytest.approx(centre - half), pytest.approx(centre + half))


def test_posts_of_one_customer_count_as_alike(chdb: Engine, tmp_path: Path) -> None:
    post = {"kind": "tweet", "source": "s", "text": ""}
    lines: list[Row] = []
    for number in range(12):
        customer = f"c{number % 4}"
        one = {**post, "customer_id": customer, "event_id": f"e{number}", "post_id": f"p{number}"}
        lines.append({**one, "occurred_at": FIRST + number * HOUR})
        if number % 4 == 0 or number == 1:
            reply = {**post, "customer_id": customer, "event_id": f"r{number}", "post_id": f"r{number}"}
            lines.append({**reply, "author": "brand", "in_reply_to": f"p{number}", "occurred_at": FIRST + 20 * HOUR})
    play(chdb, tmp_path, lines)
    (row,) = rows_of(chdb, "SELECT * FROM mentions")

    answered = [(f"c{number % 4}", float(number % 4 == 0 or number == 1)) for number in range(12)]
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(share_interval(answered), abs=1e-9)


def test_where_all_is_answered_nothing_waits(chdb: Engine, tmp_path: Path) -> None:
    post = {"kind": "tweet", "source": "s", "customer_id": "c", "text": "", "occurred_at": FIRST}
    lines: list[Row] = [
        {**post, "event_id": "e", "post_id": "p"},
        {**post, "event_id": "r", "post_id": "r", "author": "brand", "in_reply_to": "p"},
    ]
    play(chdb, tmp_path, lines)
    (row,) = rows_of(chdb, "SELECT * FROM mentions")

    assert (row["answered_share"], row["answer_seconds_p90"], row["oldest_unanswered_seconds"]) == (1, 0, None)
