"""The HTTP server of a process: its metrics, whether its event loop still runs, and whether it can work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from schemas.errors import TouchlineError
from streams.runtime.listener import Listener
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry

HEARTBEAT_LIMIT_S = 30.0
"""An event loop without a heartbeat for this long is taken for stuck; a chunk takes far less."""
OK, NOT_FOUND, NOT_ALLOWED, UNAVAILABLE = 200, 404, 405, 503
"""Of HTTP."""


class HealthServerError(TouchlineError):
    """The metrics cannot be served; the message says where, why and what to do."""


class HealthServer:
    """Serves `/metrics`, `/healthz` for liveness probes, and `/readyz` for readiness probes.

    `/healthz` answers 200 as long as the event loop has called `heartbeat()` within `limit_s` seconds,
    else 503: a restart helps. `/readyz` answers 200 as long as, besides, the process waits for nothing.
    Both say what it waits for. The server runs in a daemon thread, so it answers even when the loop is
    stuck; `Listener` bounds what it costs, however many connect.

    Args:
        telemetry: whose metrics are served.
        standing: what the process waits for.
        host: address to listen on.
        port: port to listen on; 0 takes a free one, which `port` then tells.
        limit_s: seconds without a heartbeat after which the loop counts as stuck.
        clock: tells seconds, monotonic.

    Raises:
        HealthServerError: the address cannot be listened on.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        standing: Standing,
        host: str,
        port: int,
        limit_s: float = HEARTBEAT_LIMIT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._standing = standing
        self._limit_s = limit_s
        self._clock = clock
        self._last_heartbeat = clock()
        self._registry = telemetry.registry
        self._listener = _listen(self._answer, host, port)
        self.port = self._listener.port

    def heartbeat(self) -> None:
        """Note that the event loop runs."""
        self._last_heartbeat = self._clock()

    async def run_heartbeat(self, every_s: float = 1.0) -> None:
        """Note it until cancelled: run this as a task of the event loop that is to be watched."""
        while True:
            self.heartbeat()
            await asyncio.sleep(every_s)

    def close(self) -> None:
        """Stop serving and free the port."""
        self._listener.close()

    def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            return _say(NOT_ALLOWED, "This server takes GET and HEAD.")
        if request.path == "/metrics":
            return self._show_metrics(request)
        if request.path not in ("/healthz", "/readyz"):
            return _say(NOT_FOUND, "This server has /metrics, /healthz and /readyz.")
        silent_s = self._clock() - self._last_heartbeat
        if silent_s > self._limit_s:
            return _say(UNAVAILABLE, f"event loop silent for {silent_s:.0f} s")
        ready = self._standing.working or request.path == "/healthz"
        return _say(OK if ready else UNAVAILABLE, str(self._standing))

    def _show_metrics(self, request: web.BaseRequest) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        names = request.query.getall("name[]", [])
        registry = self._registry.restricted_registry(names) if names else self._registry
        response = web.Response(body=encode(registry), headers={"Content-Type": content_type})
        response.enable_compression()
        return response


def _listen(answer: Callable[[web.BaseRequest], web.Response], host: str, port: int) -> Listener:
    try:
        return Listener(answer, host, port)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = (
            f"cannot serve metrics on {host}:{port}: {reason}. Stop what listens there, or choose "
            "another address: TOUCHLINE_METRICS_HOST, and TOUCHLINE_METRICS_PORT for the workers, "
            "TOUCHLINE_SINK_METRICS_PORT for the sink, TOUCHLINE_COLLECT_METRICS_PORT for touchline collect or "
            "TOUCHLINE_NOTIFY_METRICS_PORT for touchline notify"
        )
        raise HealthServerError(message) from error


def _say(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")
