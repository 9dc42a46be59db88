"""How long the page's screens take over a database: never asked, asked for another period, and asked again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
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


def addresses(screen: str, last_at: int, customers: Sequence[str], rounds: int) -> Iterator[str]:
    """Yield addresses of a screen that nobody has asked for: other periods, or journeys of other customers."""
    for number in range(1, rounds + 1):
        until = datetime.fromtimestamp(last_at / 1000, UTC).date() - timedelta(days=number)
        since = until - timedelta(days=PERIOD_DAYS - 1)
        words = {"customer": customers[number % len(customers)]} if screen == "journey" else {}
        yield f"/{screen}?{urlencode({'since': since, 'until': until, **words})}"


def taken(browser: TestClient, address: str) -> tuple[float, float]:
    """Return the seconds until a screen is whole, and those of CPU.

    Raises:
        RuntimeError: it is not shown.
    """
    began, used = time.perf_counter(), time.process_time()
    answer = browser.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address}: {answer.status_code} {answer.text}")
    return time.perf_counter() - began, time.process_time() - used


def told(asks: Sequence[tuple[float, float]]) -> str:
    """Return the medians of asks."""
    waited, used = (median(one) * 1e3 for one in zip(*asks, strict=True))
    return f"{waited:8.0f} ({used:5.0f})"


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rounds", default=5, show_default=True, help="Asks of each kind; the median is shown.")
@click.option("--only", default="", help="One screen.")
def main(data: Path, rounds: int, only: str) -> None:
    """Print milliseconds, and those of CPU, for each screen of the database in a folder that no process has open."""
    database = open_reader(f"chdb://{data.absolute()}")
    customers = database.query(HURT, output_format="TSVRaw").decode().split("\n")[:-1]
    last_at = int(msgspec.json.decode(database.query(BASIS.sql, output_format="JSONEachRow"))["last_at"])
    reader = Reader([database] * THREADS)
    page = page_of(reader, Access(None, "127.0.0.1"), [Identities("GB")])
    with TestClient(build_app(page), base_url="http://127.0.0.1") as browser:
        taken(browser, "/pipeline")  # what all screens go by
        print(f"{'ms (of CPU)':<12} {'first':>16} {'never asked':>16} {'again':>16}")
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
