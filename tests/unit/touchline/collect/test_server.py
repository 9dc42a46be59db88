"""The server itself, on a socket: clients that ask nothing, slowly, or too much, shut nobody out and stay no longer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.unit.touchline.collect.door import Door, purchase
from touchline.collect import server as module
from touchline.collect.app import build_app
from touchline.collect.run import ADDRESS
from touchline.collect.server import Connection, ListenError, Server, listening, serve_on
from touchline.stack.ports import HOST

ANSWER_S = 20.0
HEAD_S = 0.3
MOST = 20
ASK = b"GET /openapi.json HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


@dataclass
class Running:
    """A server, where it is, and what is behind it."""

    door: Door
    server: Server
    port: int
    serving: asyncio.Task[None]

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HOST, self.port)

    async def status(self) -> bytes:
        """Return the first line of the answer to a good request on a connection of its own."""
        reader, writer = await self.connect()
        writer.write(ASK)
        line = await asyncio.wait_for(reader.readline(), ANSWER_S)
        writer.close()
        return line


@pytest_asyncio.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    monkeypatch.setattr(Connection, "head_within_s", HEAD_S)
    monkeypatch.setattr(Connection, "most", MOST)
    door = Door()
    server = serve_on(build_app(door.collector), ends_within_s=ANSWER_S)
    bound = listening(HOST, 0, ADDRESS)
    serving = asyncio.create_task(server.serve([bound]))
    yield Running(door, server, bound.getsockname()[1], serving)
    server.should_exit = True
    await serving


async def ended(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the server ends the connection."""
    try:
        return await asyncio.wait_for(reader.read(), ANSWER_S)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("said", [[], [b"POST /v1/touchpoints HTTP/1.1\r\nhost: a\r\n"], [ASK, b"GET / HT"]])
async def test_who_does_not_send_the_head_of_a_request_in_time_is_shown_out(
    running: Running, said: list[bytes]
) -> None:
    reader, writer = await running.connect()
    for piece in said:
        writer.write(piece)
        if piece == ASK:
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"

    await ended(reader)
    assert Connection._silent == {}


async def test_a_head_that_drips_is_too_slow_as_a_whole(running: Running) -> None:
    reader, writer = await running.connect()
    gone = asyncio.create_task(ended(reader))
    began = asyncio.get_running_loop().time()
    while not gone.done():
        writer.write(b"x")
        await asyncio.wait({gone}, timeout=HEAD_S / 10)

    assert asyncio.get_running_loop().time() - began < ANSWER_S


async def test_a_head_without_end_is_refused(running: Running) -> None:
    reader, writer = await running.connect()
    writer.write(b"GET / HTTP/1.1\r\nx: " + b"y" * (2 * module.HEAD_BYTES))

    assert (await ended(reader)).startswith(b"HTTP/1.1 400 ")


async def test_silent_connections_beyond_a_number_give_way(running: Running) -> None:
    async with AsyncExitStack() as held:
        for _ in range(3 * MOST):
            _, writer = await running.connect()
            held.callback(writer.close)

        assert await running.status() == b"HTTP/1.1 200 OK\r\n"
        assert len(running.server.server_state.connections) <= MOST


async def test_who_waits_for_an_answer_is_not_shown_out(running: Running) -> None:
    running.door.kafka.open.clear()
    reader, writer = await running.connect()
    body = json.dumps(purchase()).encode()
    writer.write(asking(body) + body)
    await running.door.kafka.asked.wait()
    for _ in range(2 * MOST):
        await running.connect()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readline(), 2 * HEAD_S)
    running.server.should_exit = True
    running.door.kafka.open.set()

    assert await asyncio.wait_for(reader.readline(), ANSWER_S) == b"HTTP/1.1 200 OK\r\n"
    await asyncio.wait_for(running.serving, ANSWER_S)
    with pytest.raises(OSError, match="Connect call failed"):
        await running.connect()


def asking(body: bytes) -> bytes:
    """Return the head of a request with a body."""
    return (
        b"POST /v1/touchpoints HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n" % len(body)
    )


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(ANSWER_S):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


async def test_a_client_that_goes_away_within_its_body_leaves_nothing_behind(running: Running) -> None:
    body = json.dumps(purchase()).encode()
    _, writer = await running.connect()
    writer.write(asking(body) + body[:-1])
    await until(lambda: running.door.capacity.size > 0)
    writer.close()

    await until(lambda: running.door.capacity.size == 0)
    assert running.door.kafka.messages == []
    assert await running.status() == b"HTTP/1.1 200 OK\r\n"


async def test_what_a_client_has_sent_whole_is_written_though_it_does_not_wait(running: Running) -> None:
    body = json.dumps(purchase()).encode()
    running.door.kafka.open.clear()
    _, writer = await running.connect()
    writer.write(asking(body) + body)
    await running.door.kafka.asked.wait()
    writer.close()
    running.door.kafka.open.set()

    await until(lambda: len(running.door.kafka.messages) == 1)
    await until(lambda: running.door.capacity.touchpoints == 0)


async def test_an_address_that_is_taken_is_told() -> None:
    with listening(HOST, 0, ADDRESS) as taken, pytest.raises(ListenError, match="TOUCHLINE_COLLECT_PORT"):
        listening(HOST, taken.getsockname()[1], ADDRESS)


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(ListenError, match=r"cannot listen on 192\.0\.2\.1:8080"):
        listening("192.0.2.1", 8080, ADDRESS)


async def test_a_client_that_still_sends_gets_the_answer_to_what_was_not_read(running: Running) -> None:
    """The media type is refused by the head; a body of a megabyte comes behind it, and then another request."""
    body = b"x" * (1 << 20)
    reader, writer = await running.connect()
    writer.write(b"POST /v1/touchpoints HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: text/plain\r\n")
    writer.write(b"content-length: %d\r\n\r\n" % len(body))

    assert await asyncio.wait_for(reader.readline(), ANSWER_S) == b"HTTP/1.1 415 Unsupported Media Type\r\n"
    await asyncio.sleep(2 * HEAD_S)  # what is timed is that no deadline of a head runs
    writer.write(body + ASK)
    rest = b""
    while b"HTTP/1.1 200 OK" not in rest:
        piece = await asyncio.wait_for(reader.read(1 << 16), ANSWER_S)
        assert piece, rest[:200]
        rest += piece
    writer.close()


async def test_the_rest_of_a_body_is_read_up_to_a_bound(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REST_BYTES", 1_000)
    reader, writer = await running.connect()
    writer.write(b"POST /v1/touchpoints HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: text/plain\r\n")
    writer.write(b"content-length: 1000000\r\n\r\n")
    assert await asyncio.wait_for(reader.readline(), ANSWER_S) == b"HTTP/1.1 415 Unsupported Media Type\r\n"

    writer.write(b"x" * 2_000)

    await ended(reader)


def refused_unread(length: bytes) -> bytes:
    """Return the head of a request that is answered before its body is read."""
    return b"POST /v1/touchpoints HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: text/plain\r\n%b\r\n\r\n" % length


async def test_who_was_answered_and_sends_on_shuts_nobody_out(running: Running) -> None:
    async with AsyncExitStack() as held:
        for _ in range(MOST):
            reader, writer = await running.connect()
            held.callback(writer.close)
            writer.write(refused_unread(b"content-length: 100"))
            assert await reader.readline() == b"HTTP/1.1 415 Unsupported Media Type\r\n"

        assert await running.status() == b"HTTP/1.1 200 OK\r\n"


def unread(running: Running) -> list[Connection]:
    return [one for one in running.server.server_state.connections if one in Connection._unread]


async def leave_unread(running: Running, held: AsyncExitStack) -> None:
    """Ask again and again on a connection, and read no answer, until the server's buffer is full."""
    before = len(unread(running))
    writer = (await asyncio.open_connection(HOST, running.port, limit=1))[1]
    held.callback(writer.close)
    async with asyncio.timeout(ANSWER_S):
        while len(unread(running)) == before:
            writer.write(ASK)
            await asyncio.sleep(0)


async def test_who_reads_no_answer_shuts_nobody_out(running: Running) -> None:
    async with AsyncExitStack() as held:
        for _ in range(MOST):
            await leave_unread(running, held)
        assert len(unread(running)) == MOST

        assert await running.status() == b"HTTP/1.1 200 OK\r\n"


async def test_who_reads_no_answer_is_shown_out_in_time(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "unread_within_s", HEAD_S)
    async with AsyncExitStack() as held:
        await leave_unread(running, held)

        await until(lambda: not running.server.server_state.connections)
    assert Connection._unread == {}


async def test_answers_that_nobody_reads_have_a_bound_in_bytes(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as held:
        await leave_unread(running, held)
        (first,) = unread(running)
        monkeypatch.setattr(module, "UNREAD_BYTES", first.transport.get_write_buffer_size() + 1)
        await leave_unread_in_place_of(first, running, held)

        await until(lambda: first not in running.server.server_state.connections)


async def leave_unread_in_place_of(first: Connection, running: Running, held: AsyncExitStack) -> None:
    writer = (await asyncio.open_connection(HOST, running.port, limit=1))[1]
    held.callback(writer.close)
    async with asyncio.timeout(ANSWER_S):
        while first in Connection._unread:
            writer.write(ASK)
            await asyncio.sleep(0)


async def test_requests_that_are_sent_ahead_are_answered_in_turn_up_to_a_number(running: Running) -> None:
    reader, writer = await running.connect()
    writer.write(ASK * (1 + module.PIPELINED))
    answers = b""
    while answers.count(b"HTTP/1.1 200 OK") < 1 + module.PIPELINED:
        answers += await asyncio.wait_for(reader.read(1 << 16), ANSWER_S)

    writer.write(ASK * 1_000)

    assert (await ended(reader)).count(b"HTTP/1.1 200 OK") <= 1 + module.PIPELINED


@pytest.mark.parametrize(
    "framing",
    [b"1;%b\r\nx\r\n" % (b"y" * 1_000), b"0\r\n" + b"a: b\r\n" * 200, b"0\r\na: " + b"b" * 1_000],
    ids=["sizes", "trailers", "trailer"],
)
async def test_what_is_sent_around_a_body_has_an_end(running: Running, framing: bytes) -> None:
    reader, writer = await running.connect()
    gone = asyncio.create_task(ended(reader))
    writer.write(asking(b"").replace(b"content-length: 0", b"transfer-encoding: chunked"))
    sent = 0
    with suppress(ConnectionError):
        async with asyncio.timeout(ANSWER_S):
            while not gone.done():
                writer.write(framing)
                framing = framing.removeprefix(b"0\r\n")
                sent += len(framing)
                await writer.drain()
                await asyncio.sleep(0)

    assert sent < 100 * module.HEAD_BYTES
    await until(lambda: running.door.capacity.size == 0)


async def test_a_body_in_chunks_of_one_byte_is_read(running: Running) -> None:
    """It takes six times as much as the body, and more than a head may."""
    body = json.dumps(purchase(attributes={"note": "x" * 8_000})).encode()
    reader, writer = await running.connect()
    writer.write(asking(body).replace(b"content-length: %d" % len(body), b"transfer-encoding: chunked"))
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\nx-sum: 5\r\n\r\n"
    assert len(chunks) > module.HEAD_BYTES
    for begin in range(0, len(chunks), 10_000):
        writer.write(chunks[begin : begin + 10_000])
        await asyncio.sleep(0)

    assert await asyncio.wait_for(reader.readline(), ANSWER_S) == b"HTTP/1.1 200 OK\r\n"
    writer.close()
