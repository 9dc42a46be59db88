"""Delivery by HTTP: what is sent, what each answer means, and that no answer leads or fills anything."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.unit.touchline.notify.made_up import follow_up
from touchline.notify.errors import DeliveryError, RefusedDeliveryError
from touchline.notify.http_sender import SlackSender, WebhookSender, open_session, retry_after_s
from touchline.stack.ports import HOST, free_port

KEY = b"a key of thirty-two bytes, yes!!"
LONG = 100 << 20


class Server:
    """Takes one request a connection, and answers with bytes as they are.

    Attributes:
        requests: head and body of each.
        read: how many bytes of its last answer it could write.
    """

    def __init__(self, answer: bytes) -> None:
        self.requests: list[tuple[str, bytes]] = []
        self.written = 0
        self._answer = answer

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        (length,) = [int(line.split(":")[1]) for line in head.lower().splitlines() if "content-length" in line]
        self.requests.append((head, await reader.readexactly(length)))
        try:
            for start in range(0, len(self._answer), 1 << 16):
                writer.write(self._answer[start : start + (1 << 16)])
                await writer.drain()
                self.written = start + (1 << 16)
        except ConnectionError:
            pass  # the sender has read enough
        finally:
            writer.close()


@asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[tuple[Server, str]]:
    server = Server(answer)
    listening = await asyncio.start_server(server, HOST, 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield server, f"http://{HOST}:{port}/in?x=1"
    finally:
        listening.close()


def status(line: str, headers: str = "", body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {line}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


async def sent(url: str, timeout_s: float = 5.0) -> None:
    async with open_session(timeout_s) as session:
        await WebhookSender(session, url, KEY, seconds=lambda: 1_700_000_000.9).send(follow_up(), "f-1:open")


async def test_a_webhook_gets_signed_json_with_the_id() -> None:
    async with serving(status("204 No Content")) as (server, url):
        await sent(url)
    ((head, body),) = server.requests
    line, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in lines)}
    signed = hmac.new(KEY, b"f-1:open.1700000000." + body, hashlib.sha256).digest()

    assert line == "POST /in?x=1 HTTP/1.1"
    assert json.loads(body)["id"] == headers["idempotency-key"] == headers["webhook-id"] == "f-1:open"
    assert headers["content-type"] == "application/json"
    assert headers["webhook-timestamp"] == "1700000000"
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(signed).decode()}"
    assert "cookie" not in headers


async def test_slack_gets_its_json() -> None:
    async with serving(status("200 OK", body=b"ok")) as (server, url), open_session(5.0) as session:
        await SlackSender(session, url, ZoneInfo("UTC")).send(follow_up(), "f-1:open")

    assert json.loads(server.requests[0][1]).keys() == {"text", "blocks"}


@pytest.mark.parametrize("line", ["400 Bad Request", "413 Content Too Large", "422 Unprocessable Content"])
async def test_an_answer_about_the_message_is_a_refusal_that_quotes_it(line: str) -> None:
    async with serving(status(line, body=b"invalid_blocks\r\n\x1b[1m")) as (_, url):
        with pytest.raises(RefusedDeliveryError) as caught:
            await sent(url)

    assert str(caught.value) == f"it answers {line[:3]}: invalid_blocks\\r\\n\\u001b[1m"
    assert caught.value.brief == f"it answers {line[:3]}", "what a target says may tell of customers"


@pytest.mark.parametrize("code", [301, 302, 307, 401, 403, 404, 408, 409, 410, 429, 500, 502, 503])
async def test_any_other_answer_may_pass_and_no_redirect_is_followed(code: int) -> None:
    async with (
        serving(status("204 No Content")) as (elsewhere, place),
        serving(status(f"{code} X", f"Location: {place}\r\n")) as (_, url),
    ):
        with pytest.raises(DeliveryError, match=f"it answers {code}") as caught:
            await sent(url)

    assert not isinstance(caught.value, RefusedDeliveryError)
    assert (caught.value.cause, caught.value.retry_after_s) == ("status", 0)
    assert elsewhere.requests == []


async def test_the_wait_that_an_answer_asks_for_is_told() -> None:
    async with serving(status("429 Too Many Requests", "Retry-After: 30\r\n")) as (_, url):
        with pytest.raises(DeliveryError) as caught:
            await sent(url)

    assert caught.value.retry_after_s == 30


@pytest.mark.parametrize("first", ["200 OK", "500 Oh No"])
async def test_of_a_long_answer_little_is_read(first: str) -> None:
    async with serving(status(first, body=bytes(LONG))) as (server, url):
        if first.startswith("200"):
            await sent(url)
        else:
            with pytest.raises(DeliveryError):
                await sent(url)

    assert server.written < LONG / 4


async def test_success_is_success_though_the_body_never_comes() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") as (_, url):
        await sent(url)


async def test_without_an_answer_in_time_it_is_a_timeout() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, HOST, 0)
    with pytest.raises(DeliveryError, match="no answer in time") as caught:
        await sent(f"http://{HOST}:{server.sockets[0].getsockname()[1]}/", timeout_s=0.05)
    server.close()

    assert caught.value.cause == "timeout"


async def test_without_a_server_it_is_a_connection_and_the_address_is_not_told() -> None:
    with pytest.raises(DeliveryError) as caught:
        await sent(f"http://{HOST}:{free_port()}/hunter2")

    assert caught.value.cause == "connection"
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"x: y" * 9000 + b"\r\n\r\n"])
async def test_what_is_no_http_is_a_connection(answer: bytes) -> None:
    async with serving(answer) as (_, url):
        with pytest.raises(DeliveryError) as caught:
            await sent(url)

    assert caught.value.cause == "connection"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("Wed, 10 Jun 2026 12:01:30 GMT", 90),
        ("Wed, 10 Jun 2026 11:00:00 GMT", 0),
        ("", 0),
        ("-5", 0),
        ("soon", 0),
        ("9" * 400, 0),
        ("\N{SUPERSCRIPT TWO}", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_else_nothing(text: str, seconds: float) -> None:
    assert retry_after_s(text, datetime(2026, 6, 10, 12, 0, tzinfo=UTC)) == seconds
