"""A schema registry with Confluent's HTTP interface, on a free port of this machine, that answers what a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class SchemaRegistry(ThreadingHTTPServer):
    """Answers by path; a path of which nothing was said gets status 500.

    Attributes:
        answers: status and body by path.
        redirects: where an answer leads, by path.
        asked: the path and the header Authorization of each request.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.redirects: dict[str, str] = {}
        self.asked: list[tuple[str, str | None]] = []

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def say(self, schema_id: int, status: int, body: object) -> None:
        """Set the answer about an id."""
        self.say_at(f"/schemas/ids/{schema_id}", status, body)

    def say_at(self, path: str, status: int, body: object) -> None:
        """Set the answer at a path."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[path] = status, raw


class _Handler(BaseHTTPRequestHandler):
    server: SchemaRegistry

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        status, body = self.server.answers.get(self.path, (500, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if self.path in self.server.redirects:
            self.send_header("Location", self.server.redirects[self.path])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet: the test says what was asked."""


@contextmanager
def running_registry() -> Iterator[SchemaRegistry]:
    """Run a registry until the block ends."""
    with SchemaRegistry() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()
