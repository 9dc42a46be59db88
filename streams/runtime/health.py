"""The HTTP server of a process: its metrics, whether its event loop still runs, and whether it can work."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import make_wsgi_app

from schemas.errors import TouchlineError
from streams.runtime.standing import Standing
from streams.runtime.telemetry import Telemetry

HEARTBEAT_LIMIT_S = 30.0
"""An event loop without a heartbeat for this long is taken for stuck; a chunk takes far less."""
UNAVAILABLE = "503 Service Unavailable"


class HealthServerError(TouchlineError):
    """The metrics cannot be served; the message says where, why and what to do."""


class HealthServer:
    """Serves `/metrics`, `/healthz` for liveness probes, and `/readyz` for readiness probes.

    `/healthz` answers 200 as long as the event loop has called `heartbeat()` within `limit_s` seconds,
    else 503: a restart helps. `/readyz` answers 200 as long as, besides, the process waits for nothing.
    Both say what it waits for. The server runs in a daemon thread, so it answers even when the loop is
    stuck.

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
        self._metrics = make_wsgi_app(telemetry.registry)
        self._server = _listen(host, port, self._answer)
        self.port = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

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
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            answer: Iterable[bytes] = self._metrics(environ, start)
            return answer
        if path not in ("/healthz", "/readyz"):
            return _say(start, "404 Not Found", "This server has /metrics, /healthz and /readyz.")
        silent_s = self._clock() - self._last_heartbeat
        if silent_s > self._limit_s:
            return _say(start, UNAVAILABLE, f"event loop silent for {silent_s:.0f} s")
        ready = self._standing.working or path == "/healthz"
        return _say(start, "200 OK" if ready else UNAVAILABLE, str(self._standing))


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base's name
        """Log nothing: scrapes are frequent and say nothing."""


def _listen(host: str, port: int, app: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]) -> WSGIServer:
    try:
        return make_server(host, port, app, _Server6 if ":" in host else _Server, _SilentHandler)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = (
            f"cannot serve metrics on {host}:{port}: {reason}. Stop what listens there, or choose "
            "another address: TOUCHLINE_METRICS_HOST, and TOUCHLINE_METRICS_PORT for the workers "
            "or TOUCHLINE_SINK_METRICS_PORT for the sink"
        )
        raise HealthServerError(message) from error


def _say(start: StartResponse, status: str, text: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]
