"""What docs/producers shows in each language is published to Apache Kafka, and arrives right in the views."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from servers.kafka import Kafka
from servers.programs import ServerMissingError
from streams.kafka.admin import create_topics
from tests.servers.pipeline import Pipeline
from tests.servers.process import missing
from tests.servers.toolchains import find_go, find_maven, find_npm
from tests.unit.test_docs import section

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "producers"
PROGRAMS = ROOT / "examples" / "producers"
BUILD_S = 300.0
"""The first time, the language's packages are fetched."""
STOPS_WITHIN_S = 60.0
MAVEN_OPTS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For a short run: Maven as Kafka is started here."""
SHOWN = """
SELECT order_id, event_id, source, customer_id, identifiers, attributes, action, amount_minor, currency, discount_minor,
    cart_id, channel, items, toUnixTimestamp64Milli(occurred_at) AS at, '' AS refused
FROM purchases
UNION ALL
SELECT '', '', '', '', map(), map(), '', 0, '', 0, NULL, '', [], 0, concat(reason, ': ', detail) FROM dead_letters
"""


@dataclass(frozen=True)
class Guide:
    """A program of a guide.

    Attributes:
        language: the name of its page, and of the folder of its files.
        order: the order that it publishes.
        find: finds the toolchain; raises `ServerMissingError`.
        heading: below which its commands stand on the page.
        demanded: whether CI fails without the toolchain, as the tests' Kafka needs it too.
    """

    language: str
    order: str
    find: Callable[[], str]
    heading: str
    demanded: bool = False

    def commands(self) -> list[str]:
        """Return what the page says to run, but for what the tests' environment has already."""
        page = (DOCS / f"{self.language}.md").read_text("utf-8")
        assert "\n    touchline schemas show purchase > Purchase.avsc\n" in page
        prose = re.sub(r"^```(?s:.*?)^```", "", section(page, self.heading), flags=re.MULTILINE)
        lines = re.findall(r"^    (.+)$", prose, re.MULTILINE)
        return [line for line in lines if not line.startswith(("touchline ", "pip "))]


FIRST = "## The first touchpoint"
GUIDES = {
    "confluent-kafka": Guide("python", "python-1001", lambda: sys.executable, "## With confluent-kafka"),
    "aiokafka": Guide("python", "python-1002", lambda: sys.executable, "## With aiokafka"),
    "java": Guide("java", "java-1001", find_maven, FIRST, demanded=True),
    "go": Guide("go", "go-1001", find_go, FIRST),
    "node": Guide("node", "node-1001", find_npm, FIRST),
}


@dataclass(frozen=True)
class Published:
    """What came of the programs.

    Attributes:
        from_ms: the wall clock before the first of them, ms.
        to_ms: the same after the last of them.
        failures: of the guides whose toolchain is missing, or whose program failed: why.
        orders: the rows of the view `purchases`, by order.
        refused: why messages were refused.
    """

    from_ms: int
    to_ms: int
    failures: dict[str, Exception]
    orders: dict[str, dict[str, Any]]
    refused: list[str]


class ProgramFailedError(AssertionError):
    """A program of a guide failed; the message has its output."""


def publish(guide: Guide, schema: bytes, folder: Path, kafka: str) -> None:
    """Do what a guide says, in a folder of its own.

    Args:
        guide: it.
        schema: what `touchline schemas show purchase` prints.
        folder: to be made.
        kafka: the broker's address.

    Raises:
        ServerMissingError: its toolchain is missing.
        ProgramFailedError: a command failed.
    """
    guide.find()
    shutil.copytree(PROGRAMS / guide.language, folder, ignore=shutil.ignore_patterns("node_modules", "target"))
    commands = guide.commands()
    assert commands
    (folder / "Purchase.avsc").write_bytes(schema)
    environment = os.environ | {
        "KAFKA": f"{kafka},{kafka}",  # a list, as who has several brokers writes it
        "MAVEN_OPTS": MAVEN_OPTS,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    for command in commands:
        ran = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BUILD_S,
            check=False,
        )
        if ran.returncode != 0:
            raise ProgramFailedError(f"{command} failed:\n{ran.stdout}{ran.stderr}")


def publish_all(schema: bytes, folder: Path, kafka: str) -> dict[str, Exception]:
    """Run all programs at the same time; return why those that published nothing did not."""
    with ThreadPoolExecutor() as pool:
        running = {name: pool.submit(publish, guide, schema, folder / name, kafka) for name, guide in GUIDES.items()}
        raised = {name: one.exception() for name, one in running.items()}
    return {name: error for name, error in raised.items() if isinstance(error, Exception)}


@pytest.fixture(scope="module")
def published(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("producers")
    database = folder / "database"
    pipeline = Pipeline(folder, kafka.bootstrap, f"chdb://{database}", partitions=1, idle_s=1)
    try:
        asyncio.run(create_topics(pipeline.settings))
        assert pipeline.touchline("migrate").returncode == 0
        schema = pipeline.touchline("schemas", "show", "purchase").stdout.encode()
        apps = [pipeline.start("worker"), pipeline.start("sink")]
        from_ms = int(time.time() * 1000)
        failures = publish_all(schema, folder, kafka.bootstrap)
        to_ms = int(time.time() * 1000)
        pipeline.drain()
        for app in apps:
            assert app.ends_on(signal.SIGTERM, STOPS_WITHIN_S) == 0
        ran = pipeline.touchline("query", SHOWN, "--data", database, "--format", "JSONEachRow")
        assert ran.returncode == 0, ran.stderr
        rows = [json.loads(line) for line in ran.stdout.splitlines()]
        orders = {row["order_id"]: row for row in rows if row["order_id"]}
        yield Published(from_ms, to_ms, failures, orders, [row["refused"] for row in rows if row["refused"]])
    finally:
        pipeline.stop()


@pytest.mark.parametrize("name", GUIDES)
def test_the_purchase_of_a_guide_arrives_with_every_field(published: Published, name: str) -> None:
    guide = GUIDES[name]
    failure = published.failures.get(name)
    if isinstance(failure, ServerMissingError):
        if guide.demanded:
            missing(str(failure))
        pytest.skip(str(failure))
    if failure is not None:
        raise failure

    assert guide.order in published.orders, published.refused
    row = published.orders[guide.order]
    assert published.from_ms <= int(row["at"]) <= published.to_ms
    expected = {
        "event_id": f"shop-{guide.order}-placed",
        "source": "shop",
        "customer_id": "c-1001",
        "identifiers": {"email": "ann@example.com"},
        "attributes": {"region": "coast"},
        "action": "placed",
        "currency": "EUR",
        "cart_id": None,
        "channel": "store",
    }
    assert {name: row[name] for name in expected} == expected
    assert (int(row["amount_minor"]), int(row["discount_minor"])) == (4490, 0)
    (item,) = row["items"]
    assert (item["sku"], int(item["quantity"]), int(item["price_minor"])) == ("COFFEE-250", 2, 2245)
    assert published.refused == []
