"""`touchline erase` after a change of the key of pseudonyms: nothing holds the customer by either, nor comes back."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator

import pytest

from schemas.identity_links import key_of
from schemas.topics import DEAD_LETTERS, ERASURES, JOURNEYS_STATE, LINKS, all_topics
from servers.kafka import Kafka
from streams.identity.pseudonyms import Pseudonyms
from tests.integration.erasing import PARTITIONS, Sent, Shop, held, records_of, shop_of, stated
from tests.servers.pipeline import Pipeline

pytestmark = [pytest.mark.kafka, pytest.mark.embedded]

EARLIER, KEY = "the key of the first year which was found out", "the key that is in force since then"
MARK = "q7x"
"""Stands in all that names Ann and Zoe, and in nothing else but their telephone numbers."""
ANN = f"ann-{MARK}"
EMAIL, PHONE, COOKIE, TABLET = f"Ann.{MARK}@example.com", "+44 (0)20 7946-0958", f"k-{MARK}-1", f"k-{MARK}-2"
ZOE, ZOES_PHONE, ZOES_COOKIE, DEVICE = f"Zoe.{MARK}@example.com", "0044 20 7946 0321", f"k-{MARK}-3", f"d-{MARK}"
IDENTITIES = [
    *(("email", EMAIL.lower()), ("phone", "+442079460958"), ("cookie", COOKIE), ("cookie", TABLET)),
    *(("email", ZOE.lower()), ("phone", "+442079460321"), ("cookie", ZOES_COOKIE), ("device", DEVICE)),
]
PSEUDONYMS = [Pseudonyms(key.encode()).of(*one) for key in (EARLIER, KEY) for one in IDENTITIES]
NAMES = [MARK, "79460958", "7946-0958", "79460321", "7946 0321", *PSEUDONYMS]

BY_EARLIER_KEY = [
    stated("browsed", 300, cookie=COOKIE),
    stated("guest order", 290, cookie=COOKIE, email=EMAIL, kind="purchase"),
    stated("called", 280, phone=PHONE, email=EMAIL, kind="support_call"),
    stated("logged in", 270, ANN, email=EMAIL),
    stated("zoe browsed", 265, cookie=ZOES_COOKIE),
    stated("zoe ordered", 260, cookie=ZOES_COOKIE, email=ZOE, kind="purchase"),
    stated("zoe called", 255, phone=ZOES_PHONE, email=ZOE, kind="support_call"),
]
BY_KEY = [
    stated("bought", 250, ANN, phone=PHONE, kind="purchase"),
    stated("on a tablet", 240, cookie=TABLET, email=EMAIL),
    stated("zoe by app", 235, device=DEVICE, email=ZOE),
]
OTHERS = [stated("bob", 275, "bob", cookie="k-bob"), stated("bob again", 230, "bob", kind="purchase")]
BROKEN: Sent = ("purchase", BY_EARLIER_KEY[1][1] | {"event_id": "broken", "amount_minor": -1})


@pytest.fixture
def shop(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop_of(kafka, tmp_path_factory.mktemp("earlier"), pseudonym_key=EARLIER) as it:
        yield it


def with_another_key(shop: Shop, folder: str) -> Shop:
    """Return the same shop after the change of the key."""
    chosen = shop.pipeline.settings
    more = {"partitions": PARTITIONS, "idle_s": 1, "group_suffix": chosen.group_suffix}
    keys = {"pseudonym_key": KEY, "pseudonym_key_old": EARLIER}
    pipeline = Pipeline(shop.pipeline.folder / folder, chosen.kafka, chosen.clickhouse, **more, **keys)
    pipeline.folder.mkdir()
    return Shop(pipeline, shop.database, shop.bootstrap)


def erased(shop: Shop, named: str) -> str:
    """Order somebody to be erased while the sink has the database open; return the order's id."""
    ordered = shop.pipeline.touchline("erase", named, "--yes")
    assert "another process has it open" in ordered.stderr, ordered.stderr
    (order,) = re.findall(r"--check (\S+)", ordered.stderr)
    return str(order)


def names_in(text: bytes) -> list[str]:
    return [name for name in NAMES if name.encode() in text]


def last_values(shop: Shop) -> bytes:
    """Return what the changelog holds when it is compacted: the last value of each key, with the key."""
    last = {}
    for partition in range(PARTITIONS):
        for record in asyncio.run(records_of(shop, JOURNEYS_STATE, [partition])):
            last[partition, record.key] = record
    return held(record for record in last.values() if record.value is not None)


def test_the_plain_identifier_erases_who_was_known_by_two_keys_and_nothing_comes_back(shop: Shop) -> None:
    shop.work([*BY_EARLIER_KEY, OTHERS[0]])
    assert shop.named(*PSEUDONYMS).keys() >= {"touchpoints_rows", "journeys_rows", "customers_rows", "identities_rows"}
    now = with_another_key(shop, "now")
    try:
        check(now)
    finally:
        now.pipeline.stop()


def check(shop: Shop) -> None:
    shop.send([*BY_KEY, OTHERS[1], BROKEN])
    shop.start()
    shop.pipeline.drain()
    orders = [erased(shop, f"email:{address}") for address in (EMAIL, ZOE)]
    shop.pipeline.drain()
    shop.stop()
    proved = [shop.pipeline.touchline("erase", "--check", order, "--data", shop.database) for order in orders]

    for one, touchpoints in zip(proved, (6, 4), strict=True):
        assert one.returncode == 0, one.stdout + one.stderr
        assert re.search(rf"^touchpoints +{touchpoints} +0 *$", one.stdout, re.MULTILINE), one.stdout
    check_that_nothing_is_held(shop, proved[1].stdout)

    later = [
        stated("new", since=time.time_ns() // 1_000_000, customer=ANN, email=EMAIL),
        stated("zoe, new", since=time.time_ns() // 1_000_000, email=ZOE),
    ]
    again = [*BY_EARLIER_KEY, *BY_KEY, BROKEN]
    shop.work([*again, *later])
    assert shop.ask("SELECT event_id FROM touchpoints WHERE customer_id != 'bob' ORDER BY event_id") == [
        ["new"],
        ["zoe, new"],
    ]
    zoe = key_of(("email", PSEUDONYMS[len(IDENTITIES) + 4]))
    assert shop.ask("SELECT customer_id, toInt32(touchpoints) FROM customers ORDER BY touchpoints, customer_id") == [
        [ANN, 1],
        [zoe, 1],
        ["bob", 2],
    ]
    assert shop.ask("SELECT toInt32(sum(erased)), toInt32(sum(missing)) FROM reconciliation") == [[10 + len(again), 0]]


def check_that_nothing_is_held(shop: Shop, said: str) -> None:
    """Look through all tables and topics for what names the two, by whatever key."""
    assert shop.named(*NAMES) == {}
    for topic in (LINKS, ERASURES, DEAD_LETTERS):
        assert names_in(held(asyncio.run(records_of(shop, topic)))) == []
    assert names_in(last_values(shop)) == []
    named = {
        topic.name
        for topic in all_topics()
        for partition in range(PARTITIONS)
        if names_in(held(asyncio.run(records_of(shop, topic.name, [partition]))))
    }
    assert named <= set(re.findall(r"^(\S+): by ", said, re.MULTILINE)) | set(shop.pipeline.settings.inputs)
