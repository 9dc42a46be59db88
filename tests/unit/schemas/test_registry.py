"""Writers' schemas are found in files or a registry, refused where unknown, and retried where it is silent."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from schemas.avro.registry import (
    ConfluentRegistry,
    FileRegistry,
    RegistryUnavailableError,
    current_schemas,
    fingerprint_of,
    schema_history,
)
from schemas.errors import UnknownSchemaError
from tests.unit.schemas.records import SCHEMAS

FILES = FileRegistry()


class Server(ThreadingHTTPServer):
    """A schema registry on a free port, that answers what the test put into `answers`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[tuple[str, str | None]] = []

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def say(self, schema_id: int, status: int, body: object) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[f"/schemas/ids/{schema_id}"] = status, raw


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        status, body = self.server.answers.get(self.path, (500, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet: the test says what was asked."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def registry(server: Server) -> ConfluentRegistry:
    return ConfluentRegistry(f"http://{server.place}", FILES)


def test_every_shipped_schema_is_found_by_its_fingerprint() -> None:
    for name in current_schemas():
        for version in schema_history(name):
            assert FILES.by_fingerprint(fingerprint_of(version)) == version


def test_files_know_no_ids() -> None:
    with pytest.raises(UnknownSchemaError, match="TOUCHLINE_SCHEMA_REGISTRY"):
        FILES.by_id(1)


def test_a_schema_is_asked_for_once(server: Server, registry: ConfluentRegistry) -> None:
    server.say(3, 200, {"schema": json.dumps(SCHEMAS["Tweet"])})
    assert registry.by_id(3) == SCHEMAS["Tweet"]
    assert registry.by_id(3) == SCHEMAS["Tweet"]
    assert server.asked == [("/schemas/ids/3", None)]


def test_fingerprints_need_no_registry(registry: ConfluentRegistry) -> None:
    found = registry.by_fingerprint(fingerprint_of(SCHEMAS["Tweet"]))
    assert found == SCHEMAS["Tweet"]


def test_user_and_password_are_sent_and_not_shown(server: Server) -> None:
    server.say(1, 503, b"")
    registry = ConfluentRegistry(f"http://ann:s%3Acret@{server.place}/", FILES)
    with pytest.raises(RegistryUnavailableError) as error:
        registry.by_id(1)
    token = base64.b64encode(b"ann:s:cret").decode()
    assert server.asked == [("/schemas/ids/1", f"Basic {token}")]
    assert "cret" not in str(error.value)


def test_an_id_that_the_registry_does_not_know_is_permanent(server: Server, registry: ConfluentRegistry) -> None:
    server.say(9, 404, {"error_code": 40403, "message": "Schema not found"})
    with pytest.raises(UnknownSchemaError, match="schema id 9"):
        registry.by_id(9)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"error_code": 50001}),
        (401, {"error_code": 40101}),
        (404, b"<html>no such page</html>"),
        (404, {"error_code": 404}),
        (200, b"<html>a login page</html>"),
        (200, []),
        (200, {"id": 3}),
    ],
)
def test_an_answer_that_says_nothing_of_the_schema_is_transient(
    server: Server, registry: ConfluentRegistry, status: int, body: object
) -> None:
    server.say(3, status, body)
    with pytest.raises(RegistryUnavailableError):
        registry.by_id(3)
    server.say(3, 200, {"schema": json.dumps(SCHEMAS["Tweet"])})
    assert registry.by_id(3) == SCHEMAS["Tweet"]


@pytest.mark.parametrize("answer", [{"schemaType": "PROTOBUF", "schema": "x"}, {"schema": '"string"'}])
def test_a_schema_that_is_no_avro_record_is_permanent(
    server: Server, registry: ConfluentRegistry, answer: dict[str, str]
) -> None:
    server.say(3, 200, answer)
    with pytest.raises(UnknownSchemaError, match="id 3"):
        registry.by_id(3)


def test_a_registry_that_is_away_or_silent_is_transient() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RegistryUnavailableError, match="did not answer"):
            ConfluentRegistry(place, FILES, timeout_s=0.05).by_id(1)
    with pytest.raises(RegistryUnavailableError, match="did not answer"):
        ConfluentRegistry(place, FILES).by_id(1)


def test_the_error_for_an_address_that_is_none_shows_no_password() -> None:
    with pytest.raises(ValueError, match="http://") as caught:
        ConfluentRegistry("ftp://me:hunter2@registry", FILES)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:8081", "file:///etc/passwd", "http://"])
def test_an_address_that_is_none_is_an_error_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="http://"):
        ConfluentRegistry(url, FILES)


def test_a_record_without_history_says_what_to_copy() -> None:
    with pytest.raises(FileNotFoundError, match=r"copy schemas/StoreVisit\.avsc to schemas/history/StoreVisit/0001"):
        schema_history("StoreVisit")
