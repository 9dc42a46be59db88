"""A schema registry that is a stranger: whatever it answers, and however slowly, it gets little of us."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from schemas.avro.registry import ConfluentRegistry, FileRegistry
from schemas.avro.registry_client import MAX_ANSWER_BYTES, RegistryClient, RegistryUnavailableError
from schemas.errors import UnknownSchemaError
from tests.servers.schema_registry import running_registry
from tests.unit.schemas.records import SCHEMAS

FILES = FileRegistry()
SCHEMA = json.dumps({"schema": json.dumps(SCHEMAS["Tweet"])}).encode()
FOUND = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(SCHEMA) + SCHEMA


@contextmanager
def answering(pieces: Sequence[bytes], pause_s: float = 0.0, start: bytes = b"") -> Iterator[tuple[str, list[bytes]]]:
    """Run a server that gives every caller the same pieces, with pauses between; yield its place and the requests."""
    requests: list[bytes] = []
    closing = threading.Event()

    def serve(caller: socket.socket) -> None:
        with caller:
            requests.append(caller.recv(1 << 16))
            try:
                caller.sendall(start)
                for piece in pieces:
                    if closing.wait(pause_s):
                        return
                    caller.sendall(piece)
            except OSError:
                return  # the caller has had enough

    def accept(listening: socket.socket) -> None:
        while not closing.is_set():
            try:
                caller, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(caller,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept, args=(listening,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}", requests
        finally:
            closing.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def redirect(to: str) -> bytes:
    return b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % to.encode()


@pytest.mark.parametrize("schema_id", [0, 1 << 31, (1 << 32) - 1])
def test_a_number_that_is_no_id_is_refused_without_asking(schema_id: int) -> None:
    with running_registry() as server:
        with pytest.raises(UnknownSchemaError, match="ids go from 1 to 2147483647"):
            ConfluentRegistry(f"http://{server.place}", FILES).by_id(schema_id)
        assert server.asked == []


@pytest.mark.parametrize("body", [b"", b"<html>no such page</html>", b'{"error_code": 404}', b"[" * 100_000])
def test_any_404_says_that_the_schema_is_not_there(body: bytes) -> None:
    with running_registry() as server:
        server.say(9, 404, body)
        with pytest.raises(UnknownSchemaError, match="schema id 9; it answered 404, and not as a schema registry does"):
            ConfluentRegistry(f"http://{server.place}", FILES).by_id(9)


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b" "),
        (b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["no status", "headers without end", "a slow body", "a slow refusal"],
)
def test_an_answer_that_drips_is_given_up_in_time(start: bytes, piece: bytes) -> None:
    with answering([piece] * 1000, pause_s=0.02, start=start) as (place, _):
        began = time.monotonic()
        with pytest.raises(RegistryUnavailableError):
            ConfluentRegistry(f"http://{place}", FILES, timeout_s=0.3).by_id(1)
        assert time.monotonic() - began < 3  # it would drip for 20 s


def test_an_answer_is_read_up_to_a_bound() -> None:
    endless = [b" " * (1 << 20)] * 64
    with (
        answering(endless, start=b"HTTP/1.1 200 OK\r\n\r\n") as (place, _),
        pytest.raises(RegistryUnavailableError, match=f"more than {MAX_ANSWER_BYTES} bytes"),
    ):
        ConfluentRegistry(f"http://{place}", FILES).by_id(1)


def test_a_compressed_answer_is_not_inflated() -> None:
    body = gzip.compress(SCHEMA)
    start = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    with (
        answering([body], start=start) as (place, requests),
        pytest.raises(RegistryUnavailableError, match="is none"),
    ):
        ConfluentRegistry(f"http://{place}", FILES).by_id(1)
    assert b"Accept-Encoding: identity" in requests[0]


def test_a_redirect_to_another_address_is_not_followed() -> None:
    with answering([FOUND]) as (other, others), running_registry() as server:
        for target in (f"http://{other}/schemas/ids/1", f"//{other}/x", "file:///etc/passwd", "https://me:s@[", ""):
            with answering([redirect(target)]) as (place, requests):
                with pytest.raises(RegistryUnavailableError) as error:
                    ConfluentRegistry(f"http://ann:hunter2@{place}", FILES).by_id(1)
                assert "hunter2" not in str(error.value)
                assert len(requests) == (4 if not target else 1)
        assert others == []
        assert server.asked == []


def test_a_redirect_within_the_registry_is_followed_with_its_password() -> None:
    with running_registry() as server:
        server.say(1, 200, SCHEMA)
        server.answers["/old/schemas/ids/1"] = (302, b"")
        server.redirects["/old/schemas/ids/1"] = "/schemas/ids/1"
        assert ConfluentRegistry(f"http://ann:secret@{server.place}/old", FILES).by_id(1) == SCHEMAS["Tweet"]
        token = "Basic " + base64.b64encode(b"ann:secret").decode()
        assert server.asked == [("/old/schemas/ids/1", token), ("/schemas/ids/1", token)]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_password_is_told_apart_from_a_missing_schema(status: int) -> None:
    with running_registry() as server:
        server.say(1, status, {"error_code": 40403})
        with pytest.raises(RegistryUnavailableError, match="refuses the user or the password"):
            ConfluentRegistry(f"http://{server.place}", FILES).by_id(1)


def test_a_registry_with_schemas_without_end_is_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.avro.registry.MAX_SCHEMAS", 2)
    with running_registry() as server:
        registry = ConfluentRegistry(f"http://{server.place}", FILES)
        for schema_id in (1, 2, 3):
            server.say(schema_id, 200, SCHEMA)
        registry.by_id(1)
        registry.by_id(2)
        with pytest.raises(UnknownSchemaError, match="does not read that with id 3 too"):
            registry.by_id(3)
        assert registry.by_id(1) == SCHEMAS["Tweet"]
        assert len(server.asked) == 2


def test_it_is_read_up_to_a_bound_in_characters_too(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(SCHEMAS["Tweet"])
    monkeypatch.setattr("schemas.avro.registry.MAX_SCHEMAS_BYTES", 2 * len(text) + 1)
    with running_registry() as server:
        registry = ConfluentRegistry(f"http://{server.place}", FILES)
        for schema_id in (1, 2, 3):
            server.say(schema_id, 200, {"schema": text})
        registry.by_id(1)
        registry.by_id(2)
        with pytest.raises(UnknownSchemaError, match="does not read that with id 3 too"):
            registry.by_id(3)


def test_an_id_that_the_registry_does_not_know_is_asked_for_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("schemas.avro.registry.MAX_MISSING", 2)
    now = 100.0
    with running_registry() as server:
        registry = ConfluentRegistry(f"http://{server.place}", FILES, clock=lambda: now)

        def ask(schema_id: int) -> int:
            """Return how often the registry is asked."""
            before = len(server.asked)
            with pytest.raises(UnknownSchemaError, match=f"does not know the schema id {schema_id}"):
                registry.by_id(schema_id)
            return len(server.asked) - before

        for schema_id in (1, 2, 3):
            server.say(schema_id, 404, {"error_code": 40403})
        assert [ask(1), ask(1), ask(2), ask(1), ask(2)] == [1, 0, 1, 0, 0]
        # Of more than so many the oldest is forgotten.
        assert [ask(3), ask(2), ask(1)] == [1, 0, 1]
        now += 31
        server.say(1, 200, SCHEMA)
        assert registry.by_id(1) == SCHEMAS["Tweet"]


def test_what_answers_is_a_registry_or_not() -> None:
    with running_registry() as server:
        registry = ConfluentRegistry(f"http://{server.place}", FILES)
        for body in ({"error_code": 40403}, {"error_code": 40401}):
            server.say(1, 404, body)
            registry.probe()
        server.say(1, 404, b"no such page")
        with pytest.raises(RegistryUnavailableError, match="not as a schema registry does"):
            registry.probe()


def test_the_registry_may_be_asked_from_within_an_event_loop() -> None:
    async def within() -> int:
        return RegistryClient(f"http://{server.place}", 5.0).ask("/schemas/ids/1").status

    with running_registry() as server:
        server.say(1, 404, b"")
        assert asyncio.run(within()) == 404
