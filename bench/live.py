"""How long it takes from a touchpoint's publishing until a browser shows it on its customer's journey, as it flows.

`touchline up` runs beside it, on its own; this publishes to it at a steady pace.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import suppress
from datetime import UTC, datetime
from statistics import median, quantiles

import click
import msgspec
from playwright.async_api import Page, async_playwright

from schemas.avro.jsonl import parse_line
from servers.programs import find_program
from streams import settings as configuration
from streams.kafka.admin import check_topics
from streams.kafka.producer import BatchProducer, partition_for
from streams.kafka.producer import Message as ToKafka
from touchline.publish.convert import Converter, key_of

WATCHED = "live-bench"
STEP_S = 0.1
PATIENCE_MS = 60_000.0
OTHERS = 50
"""Customers of the flow beside the one who is watched."""


def line_of(event_id: str, customer: str) -> bytes:
    """Return a post that is written now, and says its id."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    fields = {"event_id": event_id, "occurred_at": now, "customer_id": customer, "post_id": event_id, "text": event_id}
    return msgspec.json.encode({"kind": "tweet", "source": "bench", **fields})


class Flow:
    """Publishes posts."""

    def __init__(self, producer: BatchProducer, counts: dict[str, int]) -> None:
        self._producer, self._counts, self._converter = producer, counts, Converter()

    async def publish(self, *posts: tuple[str, str]) -> None:
        """Send the posts of these ids and customers; return when they are acknowledged."""
        batches: dict[tuple[str, int], list[ToKafka]] = {}
        for event_id, customer in posts:
            kind, record = parse_line(line_of(event_id, customer))
            topic, key = self._converter.topics[kind], key_of(record).encode()
            message = ToKafka(key, self._converter.value(kind, record))
            batches.setdefault((topic, partition_for(key, self._counts[topic])), []).append(message)
        await self._producer.send(batches)

    async def go_on(self, a_second: int, run: str) -> None:
        """Publish others' posts at a pace, until it is cancelled."""
        numbers = itertools.count()
        while True:
            step = [(f"{run}-o{number}", f"other-{number % OTHERS}") for number in _next(numbers, a_second * STEP_S)]
            await self.publish(*step)
            await asyncio.sleep(STEP_S)


def _next(numbers: itertools.count[int], n: float) -> list[int]:
    return list(itertools.islice(numbers, max(1, round(n))))


async def seen_after(flow: Flow, page: Page, event_id: str) -> float:
    """Return the seconds from just before a post of the watched customer is sent until the open screen has it."""
    began = time.monotonic()
    await flow.publish((event_id, WATCHED))
    await page.get_by_text(event_id, exact=False).first.wait_for(state="attached", timeout=PATIENCE_MS)
    return time.monotonic() - began


async def measured(kafka: str, address: str, rounds: int, a_second: int) -> list[float]:
    """Return the seconds of each round."""
    settings = configuration.load(kafka=kafka)
    counts = dict(await check_topics(settings, settings.inputs))
    producer = BatchProducer(settings)
    await producer.start()
    flow, run = Flow(producer, counts), f"r{time.time_ns()}"
    flowing = asyncio.create_task(flow.go_on(a_second, run))
    try:
        await flow.publish((f"{run}-first", WATCHED))
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=find_program("chromium", "install Debian's package of that name"), args=["--no-sandbox"]
            )
            page = await browser.new_page()
            await _opened(page, f"{address}/journey?customer={WATCHED}", f"{run}-first")
            return [await seen_after(flow, page, f"{run}-{number}") for number in range(rounds)]
    finally:
        flowing.cancel()
        with suppress(asyncio.CancelledError):
            await flowing
        await producer.stop()


async def _opened(page: Page, address: str, shown: str) -> None:
    """Open a screen as soon as it shows a text."""
    for _ in range(60):
        await page.goto(address)
        if await page.get_by_text(shown).count():
            return
        await asyncio.sleep(1)
    raise TimeoutError(f"{address} does not show {shown}")


@click.command()
@click.option("--kafka", default="127.0.0.1:9092", show_default=True, help="Where `touchline up` has its broker.")
@click.option("--page", "address", default="http://127.0.0.1:8090", show_default=True)
@click.option("--rounds", default=20, show_default=True)
@click.option("--a-second", default=20, show_default=True, help="Touchpoints of others that flow beside.")
def main(kafka: str, address: str, rounds: int, a_second: int) -> None:
    """Print how long published touchpoints take until a browser shows them."""
    times = sorted(asyncio.run(measured(kafka, address, rounds, a_second)))
    print(f"s from publishing until a browser shows it, {rounds} rounds, {a_second} touchpoints a second beside:")
    print(f"median {median(times):.1f}, p90 {quantiles(times, n=10)[-1]:.1f}, longest {times[-1]:.1f}")


if __name__ == "__main__":
    main()
