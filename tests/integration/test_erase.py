"""`touchline erase` on real Kafka: nothing holds the customer, and their old touchpoints bring nothing back."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator

import pytest

from schemas.topics import ERASURES, LINKS
from servers.kafka import Kafka
from tests.integration.erasing import Shop, held, records_of, shop_of, stated

pytestmark = [pytest.mark.kafka, pytest.mark.embedded]

MARK = "q7x"
"""Stands in all that names Ann, and in nothing else."""
ANN, EMAIL, COOKIE = f"ann-{MARK}", f"Ann.{MARK}@example.com", f"k-{MARK}"

OLD = [
    stated("browsed", 300, cookie=COOKIE),
    stated("guest order", 290, cookie=COOKIE, email=EMAIL, kind="purchase"),
    stated("logged in", 280, ANN, email=EMAIL),
    stated("bought", 270, ANN, kind="purchase"),
    stated("called", 260, ANN, kind="support_call"),
    stated("long ago", 20 * 24 * 60, ANN),
]
OTHERS = [stated("bob", 275, "bob", cookie="k-bob"), stated("bob again", 265, "bob", kind="purchase")]
BROKEN = [("purchase", OLD[3][1] | {"event_id": "broken", "amount_minor": -1}), ("tweet", {"customer_id": ANN})]


@pytest.fixture(scope="module")
def shop(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop_of(kafka, tmp_path_factory.mktemp("erase")) as it:
        yield it


def test_nothing_holds_who_was_erased_and_their_old_touchpoints_bring_nothing_back(shop: Shop) -> None:
    shop.send([*OLD, *OTHERS, *BROKEN])
    shop.start()
    shop.pipeline.drain()
    ordered = shop.pipeline.touchline("erase", f"email:{EMAIL}", "--yes")
    assert "another process has it open" in ordered.stderr
    [order] = re.findall(r"--check (\S+)", ordered.stderr)
    shop.pipeline.drain()
    shop.stop()
    proved = shop.pipeline.touchline("erase", "--check", order, "--data", shop.database)

    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert re.search(r"^touchpoints +6 +0 *$", proved.stdout, re.MULTILINE)
    assert re.search(r"^dead_letters +2 +0 *$", proved.stdout, re.MULTILINE)
    assert "journeys.touchpoints.v1: by " in proved.stdout
    assert shop.named(MARK) == {}
    for topic in (LINKS, ERASURES):
        assert MARK.encode() not in held(asyncio.run(records_of(shop, topic)))

    again = [*OLD, BROKEN[0], stated("new", since=time.time_ns() // 1_000_000, customer=ANN, cookie=COOKIE)]
    shop.work(again)
    check_that_only_what_is_new_is_there(shop)
    assert shop.ask("SELECT toInt32(sum(erased)) FROM reconciliation") == [[6 + 2 + len(again) - 1]]


def check_that_only_what_is_new_is_there(shop: Shop) -> None:
    assert shop.ask(f"SELECT event_id FROM touchpoints WHERE customer_id LIKE '%{MARK}%'") == [["new"]]
    assert shop.ask(f"SELECT toInt32(touchpoints) FROM customers WHERE customer_id LIKE '%{MARK}%'") == [[1]]
    assert shop.ask("SELECT toInt32(count()) FROM touchpoints WHERE customer_id = 'bob'") == [[2]]
    assert shop.ask("SELECT toInt32(sum(missing)) FROM reconciliation") == [[0]]
    named = shop.named(MARK)
    assert "dead_letters_rows" not in named
    assert named["touchpoints_rows"] == 1
    assert EMAIL.lower().encode() not in held(asyncio.run(records_of(shop, LINKS)))


def test_a_rebuild_brings_nothing_back_either(shop: Shop) -> None:
    ran = shop.pipeline.touchline("rebuild", "--yes")
    assert ran.returncode == 0, ran.stderr
    shop.work([])

    check_that_only_what_is_new_is_there(shop)
