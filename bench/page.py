"""How long the page's screens take over a database: never asked, asked for another period, and asked again.

    python -m bench.page --data build/big

`bench.copies` makes a big database. A screen waits a fifth of a second, and is whole when no part of it is late.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlencode

import click
import msgspec
from starlette.testclient import TestClient

from sinks.open import open_reader
from streams.identity.identities import Identities
from touchline.page.access import Access
from touchline.page.all_screens import SCREENS
from touchline.page.app import build_app, page_of
from touchline.page.basis import BASIS
from touchline.page.reader import THREADS, Reader

HURT = "SELECT customer_id FROM sentiment_shifts WHERE direction = 'worse' ORDER BY after_mean - before_mean LIMIT 50"
PERIOD_DAYS = 28
SOON_S, LONGEST_S = 0.25, 2.0
"""Seconds until a screen with late parts is looked at again, at first and at most, as its script does."""


def addresses(screen: str, last_at: int, customers: Sequence[str], rounds: int) -> Iterator[str]:
    """Yield addresses of a screen that nobody has asked for: other periods, or journeys of other customers."""
    for number in range(1, rounds + 1):
        until = datetime.fromtimestamp(last_at / 1000, UTC).date() - timedelta(days=number)
        since = until - timedelta(days=PERIOD_DAYS - 1)
        words = {"customer": customers[number % len(customers)]} if screen == "journey" else {}
        yield f"/{screen}?{urlencode({'since': since, 'until': until, **words})}"


class Taken(NamedTuple):
    """Seconds until a screen answers, until it is whole, and of CPU by then."""

    answered: float
    whole: float
    used: float


def taken(browser: TestClient, address: str) -> Taken:
    """Look at a screen until it is whole.

    Raises:
        RuntimeError: it is not shown.
    """
    began, used = time.perf_counter(), time.process_time()
    answered: float | None = None
    gap = SOON_S
    while True:
        answer = browser.get(address)
        whole = time.perf_counter() - began
        answered = whole if answered is None else answered
        if answer.status_code != 200:
            raise RuntimeError(f"{address}: {answer.status_code} {answer.text}")
        if "data-late" not in answer.text:
            return Taken(answered, whole, time.process_time() - used)
        time.sleep(gap)
        gap = min(2 * gap, LONGEST_S)


def told(asks: Sequence[Taken]) -> str:
    """Return the medians of asks."""
    answered, whole, used = (median(one) * 1e3 for one in zip(*asks, strict=True))
    return f"{answered:6.0f} {whole:6.0f} ({used:6.0f})"


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rounds", default=5, show_default=True, help="Asks of each kind; the median is shown.")
@click.option("--only", default="", help="One screen.")
def main(data: Path, rounds: int, only: str) -> None:
    """Print milliseconds until a screen of a database answers and is whole, and those of CPU; nobody has it open."""
    database = open_reader(f"chdb://{data.absolute()}")
    customers = database.query(HURT, output_format="TSVRaw").decode().split("\n")[:-1]
    last_at = int(msgspec.json.decode(database.query(BASIS.sql, output_format="JSONEachRow"))["last_at"])
    reader = Reader([database] * THREADS)
    page = page_of(reader, Access(None, "127.0.0.1"), [Identities("GB")])
    with TestClient(build_app(page), base_url="http://127.0.0.1") as browser:
        taken(browser, "/pipeline")  # what all screens go by
        print(f"{'ms (of CPU)':<12} {'first':>22} {'never asked':>22} {'again':>22}")
        for name in SCREENS:
            if only in ("", name):
                plain = f"/{name}" + (f"?{urlencode({'customer': customers[0]})}" if name == "journey" else "")
                first = [taken(browser, plain)]
                others = [taken(browser, one) for one in addresses(name, last_at, customers, rounds)]
                again = [taken(browser, plain) for _ in range(rounds)]
                print(f"{name:<12} {told(first)} {told(others)} {told(again)}", flush=True)
    reader.close()


if __name__ == "__main__":
    main()
