"""The report's queries on what people talk about run on real tables; what they find is worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.contract.engine import Engine
from tests.oracle.touchpoints import DAY
from tests.unit.sinks.made_up import MadeUp, play
from touchline.report.topics import Growth, Topic
from touchline.report.topics_queries import read_topics

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 3, tzinfo=UTC).timestamp() * 1000)


def test_topics_are_counted_once_a_post_and_what_grows_is_named(chdb: Engine, tmp_path: Path) -> None:
    shop = MadeUp(seed=1, first=FIRST, days=1)

    def post(name: str, day: int, text: str, **more: Any) -> None:
        shop.add("tweet", FIRST + day * DAY, f"c{name}", post_id=f"p{name}", text=text, **more)

    for number in range(40):
        post(f"a{number}", 20 + number % 3, "The parcel never arrived, I hate it", rating=1)
    for number in range(5):
        post(f"b{number}", 5, "Where is my parcel?")
    for number in range(20):
        post(f"s{number}", 5 + 15 * (number % 2), "Great staff, thank you", rating=5)
    post("brand", 20, "Your parcel is on its way", author="brand")
    # The clock stands in day 28: the last 14 whole days are 14 to 27.
    play(chdb, tmp_path, shop.lines, until=FIRST + 28 * DAY)

    def ask(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        lines = chdb.query(sql, parameters, "JSONEachRow").splitlines()
        return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]

    topics = read_topics(ask)

    delivery, staff = topics.most
    assert topics.others == 0
    assert delivery == Topic("delivery", 45, 45, scored=45, negative=40, positive=0)
    assert staff == Topic("staff", 20, 20, scored=20, negative=0, positive=20)
    assert topics.growing == [Growth("delivery", 40, before=5)]
