"""The listener answers whoever asks, in one thread, whatever others do on their connections."""

from __future__ import annotations

import gc
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from aiohttp import web

from streams.runtime.listener import Listener

HOST = "127.0.0.1"
MOST = 8
WITHIN_S = 0.5
PATIENCE_S = 10.0
ASK = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
LARGE = 1 << 24
"""Bytes of an answer that no socket's buffers hold."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener(answer, HOST, 0, connections=MOST, within_s=WITHIN_S)
    yield listener
    listener.close()


@pytest.fixture
def patient() -> Iterator[Listener]:
    """A listener whose connections end by no deadline within a test."""
    listener = Listener(answer, HOST, 0, connections=MOST, within_s=600)
    yield listener
    listener.close()


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def answer(request: web.BaseRequest) -> web.Response:
    if request.path == "/fault":
        raise RuntimeError("a fault of ours")
    return web.Response(body=b"x" * LARGE if request.path == "/large" else b"here")


def connect(listener: Listener, clients: ExitStack, said: bytes = b"") -> socket.socket:
    client = clients.enter_context(socket.create_connection((HOST, listener.port), PATIENCE_S))
    client.sendall(said)
    return client


def all_of(client: socket.socket) -> bytes:
    """Return what a client receives until its connection ends."""
    received = b""
    try:
        while piece := client.recv(1 << 16):
            received += piece
    except ConnectionResetError:
        pass
    return received


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def open_sockets() -> int:
    """Return how many sockets this process has open."""
    gc.collect()
    return sum(os.readlink(f"/proc/self/fd/{file}").startswith("socket") for file in existing())


def existing() -> list[str]:
    return [file for file in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{file}")]


def test_a_connection_is_for_one_request_and_is_then_closed(patient: Listener, clients: ExitStack) -> None:
    received = all_of(connect(patient, clients, ASK + ASK))

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close\r\n" in received
    assert received.endswith(b"\r\n\r\nhere")
    assert received.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("said", [b"", b"GET /x HTT", b"GET /x HTTP/1.1\r\nHost: h\r\n"])
def test_who_does_not_ask_in_time_is_shown_out(listener: Listener, clients: ExitStack, said: bytes) -> None:
    began = time.monotonic()

    assert all_of(connect(listener, clients, said)) == b""

    assert WITHIN_S - 0.1 < time.monotonic() - began < PATIENCE_S


def test_a_request_byte_by_byte_does_not_prolong_the_time(listener: Listener, clients: ExitStack) -> None:
    client = connect(listener, clients)

    def goes_on() -> bool:
        try:
            client.sendall(b"G")
        except (ConnectionResetError, BrokenPipeError):
            return False
        return True

    until(lambda: not goes_on())


def test_who_does_not_take_the_answer_in_time_is_shown_out(listener: Listener, clients: ExitStack) -> None:
    client = connect(listener, clients, ASK.replace(b"/x", b"/large"))
    head = client.recv(100)
    time.sleep(2 * WITHIN_S)  # it is this silence that is tried

    assert head.startswith(b"HTTP/1.1 200 OK")
    assert len(head + all_of(client)) < LARGE


def test_a_body_that_never_ends_holds_nothing(patient: Listener, clients: ExitStack) -> None:
    body = ASK.replace(b"\r\n\r\n", b"\r\nContent-Length: 1000000000\r\n\r\n") + b"x" * 100

    assert all_of(connect(patient, clients, body)).endswith(b"here")


def test_a_newcomer_takes_the_place_of_the_oldest_that_has_asked_nothing(patient: Listener, clients: ExitStack) -> None:
    answered = connect(patient, clients, ASK.replace(b"/x", b"/large"))
    assert answered.recv(1) == b"H"
    silent = [connect(patient, clients) for _ in range(MOST - 1)]

    assert all_of(connect(patient, clients, ASK)).endswith(b"here")

    assert silent[0].recv(1) == b"", "the oldest silent one had to go"
    silent[1].sendall(ASK)
    assert all_of(silent[1]).endswith(b"here"), "the next one had not"
    assert len(b"H" + all_of(answered)) > LARGE, "nor had who was being answered"


def test_many_connections_are_few_files_and_one_thread(patient: Listener, clients: ExitStack) -> None:
    threads, before = set(threading.enumerate()), open_sockets()
    many = [connect(patient, clients, ASK[:-2]) for _ in range(40 * MOST)]

    assert all_of(connect(patient, clients, ASK)).endswith(b"here")

    # Those of other tests may end meanwhile.
    assert set(threading.enumerate()) <= threads
    until(lambda: open_sockets() - before - len(many) - 1 <= MOST)


def test_where_all_are_being_answered_the_oldest_goes(patient: Listener, clients: ExitStack) -> None:
    slow = [connect(patient, clients, ASK.replace(b"/x", b"/large")) for _ in range(MOST)]
    for client in slow:
        assert client.recv(1) == b"H"

    assert all_of(connect(patient, clients, ASK)).endswith(b"here")
    assert len(all_of(slow[0])) < LARGE


@pytest.mark.parametrize("said", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"a" * 100_000])
def test_what_is_no_request_is_refused_and_not_logged(
    patient: Listener, clients: ExitStack, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    received = all_of(connect(patient, clients, said))

    assert received.startswith(b"HTTP/1.0 400 Bad Request") or received == b""
    assert caplog.records == []
    assert all_of(connect(patient, clients, ASK)).endswith(b"here")


def test_a_fault_of_ours_is_answered_with_500_and_the_next_request_as_ever(
    patient: Listener, clients: ExitStack
) -> None:
    assert all_of(connect(patient, clients, ASK.replace(b"/x", b"/fault"))).startswith(b"HTTP/1.1 500")
    assert all_of(connect(patient, clients, ASK)).endswith(b"here")


def test_a_closed_listener_lets_nobody_in_and_ends_its_connections(clients: ExitStack) -> None:
    listener = Listener(answer, HOST, 0)
    silent = connect(listener, clients)
    assert all_of(connect(listener, clients, ASK)).endswith(b"here")
    listener.close()

    assert all_of(silent) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(listener, clients)
