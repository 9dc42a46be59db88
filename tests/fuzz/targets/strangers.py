"""The schema registry's answers, as its client and what reads them take them."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
from typing_extensions import override

from schemas.avro.registry import ConfluentRegistry, FileRegistry
from schemas.avro.registry_client import Answer, RegistryClient, RegistryUnavailableError
from schemas.errors import RefusalError
from tests.fuzz.schemas import changed_schema, random_type
from tests.fuzz.target import CPU_MS, Target
from tests.fuzz.targets.messages import KINDS_KNOWN, LEARNING_MS, codec_with, valid_value
from tests.fuzz.values import changed_bytes, changed_tree, copied, json_value, text
from tests.unit.schemas.records import SCHEMAS, SINGLE_OBJECT_SIZE

_FILES = FileRegistry()
_URL = "http://registry.invalid"


class Answers(msgspec.Struct, array_like=True):
    """A message, and what the registry answers, one after the other, from the last one back to the first again."""

    kind: str
    value: bytes
    answers: list[tuple[int, bytes]]


class _Said:
    """In the place of the client: gives the answers."""

    def __init__(self, answers: list[tuple[int, bytes]]) -> None:
        self._answers = answers
        self._asked = 0

    def ask(self, _path: str) -> Answer:
        """Return the next answer."""
        self._asked += 1
        return Answer(*self._answers[(self._asked - 1) % len(self._answers)])


class Registry(Target):
    """What a registry says of an id, with references, and a message that names it."""

    documented = (RefusalError, RegistryUnavailableError)

    @override
    def make(self, rng: random.Random) -> bytes:
        kind = rng.choice(KINDS_KNOWN)
        value = b"\0\0\0\0\x07" + valid_value(rng, kind, 0.02)[SINGLE_OBJECT_SIZE:]
        answers = [_answer(rng) for _ in range(rng.choice((1, 1, 2, 5)))]
        return msgspec.msgpack.encode(Answers(kind, value, answers))

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        case = msgspec.msgpack.decode(data, type=Answers)
        registry = ConfluentRegistry(_URL, _FILES)
        registry._client = _Said(case.answers)  # type: ignore[assignment]  # one that asks nobody
        codec = codec_with(registry)
        yield LEARNING_MS
        codec.decode(case.kind, case.value)


def _answer(rng: random.Random) -> tuple[int, bytes]:
    status = rng.choice((200, 200, 200, 200, 404))
    schema: Any = copied(rng.choice(list(SCHEMAS.values()))) if rng.random() < 0.7 else random_type(rng, 0)
    if rng.random() < 0.5:
        schema = changed_schema(rng, schema)
    answer: Any = {"schema": json.dumps(schema)}
    if rng.random() < 0.4:
        count = rng.choice((1, 2, 10, 101))
        answer["references"] = [
            {"name": text(rng), "subject": f"s{n}", "version": rng.choice((1, 2, "3"))} for n in range(count)
        ]
    if rng.random() < 0.2:
        answer["schemaType"] = rng.choice(("AVRO", "JSON", text(rng)))
    if status != 200:
        answer = {"error_code": rng.choice((40403, 40401, 404, json_value(rng))), "message": text(rng)}
    if rng.random() < 0.3:
        answer = changed_tree(rng, answer)
    body = json.dumps(answer).encode()
    return status, changed_bytes(rng, body) if rng.random() < 0.1 else body


class Http(Target):
    """What answers on the registry's port: bytes that are HTTP, nearly HTTP, or anything."""

    documented = (RegistryUnavailableError,)

    def __init__(self) -> None:
        self._answer = b""
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        self._client = RegistryClient(f"http://127.0.0.1:{self._server.getsockname()[1]}", timeout_s=2.0)

    def _serve(self) -> None:
        while True:
            connection, _ = self._server.accept()
            with connection, suppress(OSError):
                connection.settimeout(1.0)
                connection.recv(1 << 16)
                connection.sendall(self._answer)
                connection.shutdown(socket.SHUT_WR)

    @override
    def make(self, rng: random.Random) -> bytes:
        body = _answer(rng)[1][: rng.choice((0, 20, 5_000))]
        status = rng.choice((200, 200, 200, 301, 302, 307, 401, 404, 418, 500, 999, -1))
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for _ in range(rng.choice((0, 0, 1, 1, 3))):
            name, value = rng.choice(_HEADERS)
            headers[name] = value if rng.random() < 0.8 else text(rng)[:9_000]
        lines = [f"HTTP/1.1 {status} {rng.choice(('OK', '', text(rng)[:100]))}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        data = "\r\n".join(lines).encode() + b"\r\n\r\n"
        if headers.get("Transfer-Encoding") == "chunked":
            end = rng.choice((b"\r\n0\r\n\r\n", b"\r\nffffffffffffffff\r\n", b""))
            body = f"{len(body):x}\r\n".encode() + body + end
        data += body
        return changed_bytes(rng, data) if rng.random() < 0.3 else data

    @override
    def steps(self, data: bytes) -> Iterator[float]:
        self._answer = data
        yield CPU_MS
        answer = self._client.ask("/schemas/ids/1")
        assert answer.status in (200, 404)


_HEADERS = (
    ("Transfer-Encoding", "chunked"),
    ("Content-Encoding", "gzip"),
    ("Content-Length", "99999999999999999999"),
    ("Content-Length", "-1"),
    ("Location", "/schemas/ids/2"),
    ("Location", "http://127.0.0.2:1/"),
    ("Location", "http://[::1"),
    ("Location", "file:///etc/passwd"),
    ("Location", "//\\@evil"),
    ("Set-Cookie", "a=b; Domain=.com"),
    ("Connection", "upgrade"),
    ("Upgrade", "websocket"),
    ("X-Long", "x" * 70_000),
)
