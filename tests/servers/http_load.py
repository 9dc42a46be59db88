"""Sends touchpoints by HTTP from many clients at once, again until they are accepted, and notes which were."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.servers.pipeline import App

PATH = "/v1/touchpoints"
MOST_PATIENT_S = 0.5
"""A client waits no longer, whatever it is told: so it meets as much of an outage as it can."""
STOP_S = 60.0
AGAIN_S = 0.05
ANSWER_S = 60.0


def touchpoint(event_id: str) -> dict[str, Any]:
    """Return a good touchpoint, one of a few hundred customers."""
    return {
        "kind": "page_view",
        "event_id": event_id,
        "occurred_at": int(time.time() * 1000),
        "source": "site",
        "customer_id": f"c-{hash(event_id) % 300}",
        "page": "/",
    }


def post(app: App, body: object) -> tuple[int, dict[str, Any], str | None]:
    """Send a body to a `touchline collect`; return status, JSON and Retry-After, status 0 where nothing listens."""
    asked = urllib.request.Request(
        f"http://{app.door}{PATH}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=ANSWER_S) as answer:  # noqa: S310  # its scheme is written above
            return answer.status, json.load(answer), answer.headers["retry-after"]
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused), refused.headers["retry-after"]
    except OSError:
        return 0, {}, None


def readiness(app: App) -> tuple[int, str]:
    """Return the status and the text of a process's `/readyz`."""
    try:
        with urllib.request.urlopen(f"http://{app.target}/readyz", timeout=ANSWER_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


class HttpLoad:
    """Clients that send batches, one after the other, until they are told to stop.

    Args:
        door: host and port of a `touchline collect`.
        clients: how many send at a time.
        batch: touchpoints of a request.
        patience_s: seconds that the last batches have to be accepted.

    Attributes:
        accepted: how often each event id was answered as accepted.
        statuses: how often each status was answered; 0 for no answer.
        advised: how often each status was answered with a Retry-After of a second or more.
        details: how often a request was turned away as a whole with each detail.
    """

    def __init__(self, door: str, clients: int, batch: int, patience_s: float = STOP_S) -> None:
        self.accepted: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.advised: Counter[int] = Counter()
        self.details: Counter[str] = Counter()
        self._url, self._clients, self._batch, self._patience_s = f"http://{door}{PATH}", clients, batch, patience_s
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="http load", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Begin no further batch, and wait for those under way.

        Raises:
            TimeoutError: some of them were not accepted in time.
        """
        self._stopped.set()
        self._thread.join(self._patience_s)
        if self._error is not None:
            raise self._error
        if self._thread.is_alive() and error is None:
            raise TimeoutError(
                f"not all was accepted {self._patience_s:g} s after the last batch had begun: {self.statuses}"
            )

    def _run(self) -> None:
        try:
            asyncio.run(self._send_all())
        except BaseException as error:  # `__exit__` raises it
            self._error = error

    async def _send_all(self) -> None:
        timeout = aiohttp.ClientTimeout(ANSWER_S)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            await asyncio.gather(*(self._send(session, f"{client}") for client in range(self._clients)))

    async def _send(self, session: aiohttp.ClientSession, client: str) -> None:
        for names in self._batches(client):
            left = names
            while left:
                left = await self._ask(session, left)

    def _batches(self, client: str) -> Iterator[list[str]]:
        number = 0
        while not self._stopped.is_set():
            yield [f"{client}-{number + index}" for index in range(self._batch)]
            number += self._batch

    async def _ask(self, session: aiohttp.ClientSession, names: list[str]) -> list[str]:
        """Send touchpoints; return those that were not accepted."""
        body = json.dumps([touchpoint(name) for name in names])
        try:
            async with session.post(self._url, data=body, headers={"content-type": "application/json"}) as answer:
                told, retry_after = await answer.json(content_type=None), answer.headers.get("retry-after")
                self._note(answer.status, told, retry_after)
        except (aiohttp.ClientError, OSError):
            self.statuses[0] += 1
            await asyncio.sleep(AGAIN_S)
            return names
        done = {one["event_id"] for one in told.get("touchpoints", []) if one["status"] == "accepted"}
        self.accepted.update(done)
        if retry_after is not None:
            await asyncio.sleep(min(float(retry_after), MOST_PATIENT_S))
        return [name for name in names if name not in done]

    def _note(self, status: int, told: dict[str, Any], retry_after: str | None) -> None:
        """Count an answer."""
        self.statuses[status] += 1
        self.advised[status] += int(retry_after or 0) >= 1
        if "detail" in told:
            self.details[told["detail"]] += 1
