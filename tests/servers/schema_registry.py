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
        posted: the path and the JSON of each registration. The n-th distinct schema gets the id n, unless the test
            has said something else of its path.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.redirects: dict[str, str] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.posted: list[tuple[str, Any]] = []

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

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Content-Type"] == "application/vnd.schemaregistry.v1+json"
        self.server.posted.append((self.path, body))
        if self.path not in self.server.answers:
            schemas = list(dict.fromkeys(one["schema"] for _, one in self.server.posted))
            schema_id = schemas.index(body["schema"]) + 1
            self.server.say(schema_id, 200, {"schema": body["schema"]})
            self.server.say_at(self.path, 200, {"id": schema_id})
        self.do_GET()

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
