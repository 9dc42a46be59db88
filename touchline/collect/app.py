"""The ASGI application: `POST /v1/touchpoints` and `GET /openapi.json`."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from streams.identity.identities import Identities
from streams.runtime.clock import Clock, wall_clock
from streams.runtime.collect_metrics import CollectMetrics
from streams.runtime.logging import Sampler
from streams.settings import Settings
from touchline.collect.answers import PROBLEM, Results, problem, results
from touchline.collect.body import check_encoding, check_media_type, split, too_large, unpacked
from touchline.collect.capacity import Capacity, full
from touchline.collect.errors import RequestError
from touchline.collect.intake import Intake, Outgoing, Refused
from touchline.collect.keys import Keys, is_loopback, name_in
from touchline.collect.openapi import openapi
from touchline.collect.publisher import Publisher
from touchline.collect.rate import RateLimit

PATH = "/v1/touchpoints"
BODY_WITHIN_S = 30.0
"""Seconds that a body may take to arrive: it has room meanwhile that others lack."""
TURN_S = 0.01
"""Seconds for which a large request is read before the others have their turn."""
BYTES_A_TOUCHPOINT = 8 << 10
"""Bytes of a body that take as much of the rate as a touchpoint, and fewer do: to read them takes time, whatever they
hold."""
CLIENT_GONE = 499
"""As nginx counts a request whose client went away."""
JSON = "application/json"

log = structlog.get_logger(__name__)


@dataclass
class Collector:
    """Takes requests.

    Attributes:
        settings: of the process.
        keys: whose requests are taken.
        capacity: what may be held at a time.
        publisher: writes to Kafka, and takes from the capacity what it holds.
        metrics: where everything is counted.
        clock: tells the wall-clock time, epoch ms.
    """

    settings: Settings
    keys: Keys
    capacity: Capacity
    publisher: Publisher
    metrics: CollectMetrics
    clock: Clock = wall_clock
    rate: RateLimit = field(init=False)

    def __post_init__(self) -> None:
        self.rate = RateLimit(self.settings.collect_rate, self.keys.names)
        self._intake = Intake(
            self.settings.inputs, Identities(self.settings.phone_region, self.settings.placeholder_patterns)
        )
        self._sampler = Sampler()
        self._bodies: Counter[str] = Counter()
        room, largest = self.settings.collect_queue_bytes, 2 * self.settings.collect_max_body_bytes
        self._share = room if len(self.keys.names) == 1 else max(room // 2, largest)
        for name in self.keys.names:
            for outcome in ("accepted", "refused", "unacknowledged"):
                self.metrics.collected_touchpoints.labels(name, outcome)

    async def handle(self, request: Request) -> Response:
        """Answer a request that brings touchpoints."""
        began, name, told = time.monotonic(), "", None
        try:
            name = self._admitted(request)
            told = await self._taken(request, name)
            response = _answer(told)
        except RequestError as error:
            response = _turned_away(error)
        except ClientDisconnect:
            response = Response(status_code=CLIENT_GONE)
        self._tell(name, response.status_code, told, time.monotonic() - began)
        return response

    def _admitted(self, request: Request) -> str:
        """Return in whose name a request comes; all that its head tells is checked here, before its body is read."""
        name = self.keys.holder(request.headers.get("authorization"))
        if name is None:
            raise RequestError(
                HTTPStatus.UNAUTHORIZED, "the API key is missing or unknown; send Authorization: Bearer KEY"
            )
        if not self.keys:
            _check_host(request.headers.get("host", ""), self.settings.collect_host)
        self._check_rate(name)
        return name

    def _check_rate(self, name: str) -> None:
        wait_s = self.rate.wait_s(name)
        if wait_s:
            raise RequestError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"more than {self.settings.collect_rate:g} touchpoints a second have come; nothing of this request was "
                "accepted. Send it again later",
                wait_s,
            )

    async def _taken(self, request: Request, name: str) -> Results:
        # The body is gone before Kafka is waited for: nobody has counted it since its messages were made.
        read, charged, reading = await self._received(request, name)
        outgoing = [one for one in read if isinstance(one, Outgoing)]
        try:
            with self._refusals(read), self.metrics.acknowledgement.time():
                acknowledged = await self.publisher.publish(outgoing, self.settings.collect_wait_s)
        except RequestError:
            self.rate.give_back(name, charged - reading)
            raise
        told = results(read, acknowledged)
        # A client is to send these again, and pays for them then; what it took to read them is gone.
        self.rate.give_back(name, (charged - reading) * told.unacknowledged // max(1, len(read)))
        self._count(name, told, read)
        return told

    async def _received(self, request: Request, name: str) -> tuple[list[Outgoing | Refused], int, int]:
        """Return what a request brings, what it was charged of its name's rate, and how much of that for its bytes."""
        as_lines = check_media_type(request.headers.get("content-type", ""))
        packed = check_encoding(request.headers.get("content-encoding", ""))
        with self._room(name) as take:
            body = await self._body(request, take)
            self._check_rate(name)
            self.rate.take(name, charged := 1)  # whatever is in it
            if packed:
                body = self._unpacked(name, body)
                take(len(body))
            reading = max(1, len(body) // BYTES_A_TOUCHPOINT)
            charged = self._charge(name, charged, reading)
            texts = split(body, self.settings.collect_max_touchpoints, lines=as_lines)
            charged = self._charge(name, charged, len(texts))
            return await self._read(texts), charged, reading

    def _unpacked(self, name: str, body: bytes) -> bytes:
        """Return what gzip holds; where it is turned away, its name is charged for what was inflated of it."""
        sizes: list[int] = []
        try:
            return unpacked(body, self.settings.collect_max_body_bytes, sizes.append)
        except RequestError:
            self.rate.take(name, sum(sizes) // BYTES_A_TOUCHPOINT)
            raise

    @contextmanager
    def _refusals(self, read: Sequence[Outgoing | Refused]) -> Iterator[None]:
        """Give what is told of refusals room while it waits for the answer."""
        held = sum(one.size for one in read if isinstance(one, Refused))
        self.capacity.take(0, held)
        try:
            yield
        finally:
            self.capacity.give_back(0, held)

    def _charge(self, name: str, charged: int, due: int) -> int:
        """Take of a name's rate what is due beyond what was charged; return the greater of the two."""
        self.rate.take(name, max(0, due - charged))
        return max(charged, due)

    @contextmanager
    def _room(self, name: str) -> Iterator[Callable[[int], None]]:
        """Give what takes room for bytes, and give that back at the end: the messages have room of their own.

        The bodies of one name have half of it where there are others, so that slow ones do not keep these out.
        """
        taken = 0

        def take(size: int) -> None:
            nonlocal taken
            if self._bodies[name] + size > self._share:
                raise full()
            self.capacity.take(0, size)
            self._bodies[name] += size
            taken += size

        try:
            yield take
        finally:
            self.capacity.give_back(0, taken)
            self._bodies[name] -= taken

    async def _body(self, request: Request, take: Callable[[int], None]) -> bytes:
        most = self.settings.collect_max_body_bytes
        stated = request.headers.get("content-length", "")
        # The parser lets digits in alone, but any number of zeros before them.
        if int(stated.lstrip("0") or "0") > most:
            raise too_large(most)
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                async for piece in request.stream():
                    size += len(piece)
                    if size > most:
                        raise too_large(most)
                    take(len(piece))
                    pieces.append(piece)
        except TimeoutError as error:
            raise RequestError(
                HTTPStatus.REQUEST_TIMEOUT, f"the body was not here within {BODY_WITHIN_S:g} s; nothing was accepted"
            ) from error
        return b"".join(pieces)

    async def _read(self, texts: Sequence[bytes]) -> list[Outgoing | Refused]:
        read: list[Outgoing | Refused] = []
        now, turn = self.clock(), time.monotonic()
        for text in texts:
            read.append(self._intake.read(text, now))
            if time.monotonic() - turn > TURN_S:
                await asyncio.sleep(0)
                turn = time.monotonic()
        return read

    def _count(self, name: str, told: Results, read: Sequence[Outgoing | Refused]) -> None:
        count = self.metrics.collected_touchpoints
        count.labels(name, "accepted").inc(told.accepted)
        count.labels(name, "refused").inc(told.refused)
        count.labels(name, "unacknowledged").inc(told.unacknowledged)
        reasons = Counter(one.reason for one in read if isinstance(one, Refused))
        for reason, times in reasons.items():
            self.metrics.collect_refusals.labels(name, reason).inc(times)

    def _tell(self, name: str, status: int, told: Results | None, took_s: float) -> None:
        """Count and log a request: whose it is and how it went, never what it holds or where it came from."""
        self.metrics.collect_requests.labels(name, str(status)).inc()
        counts = {} if told is None else {"accepted": told.accepted, "refused": told.refused}
        if self.settings.collect_access_log:
            log.info("request", key=name, status=status, ms=round(took_s * 1000, 1), **counts)
        elif status != HTTPStatus.OK and (times := self._sampler.count((name, status))):
            log.warning("requests were not accepted whole", key=name, status=status, times=times, **counts)


def build_app(collector: Collector) -> Starlette:
    """Return the application."""
    described = openapi(collector.settings)

    async def describe(_: Request) -> Response:
        return Response(described, media_type=JSON)

    async def explain(_: Request, error: Exception) -> Response:
        status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.BAD_REQUEST
        response = _turned_away(RequestError(status, f"this server takes POST {PATH} and GET /openapi.json"))
        if isinstance(error, HTTPException):
            response.headers.update(error.headers or {})  # what is allowed
        return response

    origins = [origin.strip() for origin in collector.settings.collect_origins.split(",") if origin.strip()]
    cors = Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["POST"],
        allow_headers=["authorization", "content-type", "content-encoding"],
    )
    app = Starlette(
        routes=[
            Route(PATH, collector.handle, methods=["POST"]),
            Route("/openapi.json", describe, methods=["GET"]),
        ],
        middleware=[cors] if origins else [],
        exception_handlers={HTTPException: explain},
    )
    # It would lead a client, and its key, to whatever host the request names.
    app.router.redirect_slashes = False
    return app


def _check_host(host: str, listens_on: str) -> None:
    """Refuse a request that came by another name: a page in a browser here may have any name mean this machine."""
    name = name_in(host)
    if not is_loopback(name) and name != listens_on:
        raise RequestError(
            HTTPStatus.MISDIRECTED_REQUEST,
            "without API keys, requests are taken by the names of loopback alone (localhost, 127.0.0.1)",
        )


def _answer(told: Results) -> Response:
    headers = {"retry-after": str(told.retry_after_s)} if told.retry_after_s else None
    return Response(told.encoded(), int(told.status), headers, JSON)


def _turned_away(error: RequestError) -> Response:
    headers = {"retry-after": str(error.retry_after_s)} if error.retry_after_s else {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return Response(problem(error), int(error.status), headers, PROBLEM)
