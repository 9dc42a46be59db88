"""Answers queries of other processes on the embedded database that this process has open: only one can open it."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import BoundedSemaphore, Event, Thread

import msgspec

from sinks.chdb.address import folder_of
from sinks.chdb.asking import ask, reading_session
from sinks.chdb.query_socket import ANSWERED, LONGEST_QUESTION, NAME, REFUSED, Question, socket_address
from sinks.errors import PermanentWriteError, QueryError

AT_ONCE = 4
"""Most questions that are answered at a time; further ones wait for their turn."""
WITHIN_S = 60
"""Seconds for a client to ask, and to take up a part of its answer."""
SHORT_OF_S = 0.1
"""Seconds between two tries to take up a client, where the process is short of something."""
_LIMITS = "max_execution_time = 300, max_memory_usage = 4000000000"
"""Of a question: the database, which the process is there for, goes on beside it."""
_KILL = "KILL QUERY WHERE query_kind = 'Select' AND query_id != queryID() SYNC"

_decode = msgspec.msgpack.Decoder(Question).decode


class QueryServer:
    """A socket in the database's folder, for processes of the same user, with a thread for each question.

    Raises:
        PermanentWriteError: the socket cannot be made.
    """

    def __init__(self, url: str) -> None:
        """Answer for the database at an address of scheme `chdb`, which this process has open."""
        self._folder = folder_of(url)
        self._turns = BoundedSemaphore(AT_ONCE)
        self._closing = Event()
        self._socket = self._listening()
        self._thread = Thread(target=self._take_up, name="queries", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more questions, end those under way, and remove the socket."""
        self._closing.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        Path(self._folder, NAME).unlink(missing_ok=True)
        session = reading_session(self._folder)
        with suppress(RuntimeError):
            session.query(_KILL)
        session.close()
        # An engine that is still asked when it is closed may crash the process.
        for _ in range(AT_ONCE):
            self._turns.acquire(timeout=WITHIN_S)

    def _listening(self) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX)
        try:
            # A process that was killed leaves its socket: the database is ours, so nobody listens on it.
            Path(self._folder, NAME).unlink(missing_ok=True)
            with socket_address(self._folder) as address:
                listening.bind(address)
            Path(self._folder, NAME).chmod(0o600)
            listening.listen()
        except OSError as error:
            listening.close()
            raise PermanentWriteError(f"cannot answer queries on {self._folder}/{NAME}: {error}") from error
        return listening

    def _take_up(self) -> None:
        while True:
            self._turns.acquire()
            try:
                client, _ = self._socket.accept()
            except OSError:
                self._turns.release()
                # Else a resource is short, descriptors for example: that passes.
                if self._closing.wait(SHORT_OF_S):
                    return
                continue
            Thread(target=self._answer, args=(client,), name="query", daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        patience = struct.pack("ll", WITHIN_S, 0)
        try:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
            # A client that went away, or does not go on, gets no answer.
            with Connection(client.detach()) as connection, suppress(OSError, EOFError):
                status, answer = self._answered(connection.recv_bytes(LONGEST_QUESTION))
                connection.send_bytes(status)
                connection.send_bytes(answer)
        finally:
            self._turns.release()

    def _answered(self, asked: bytes) -> tuple[bytes, bytes]:
        try:
            question = _decode(asked)
            session = reading_session(self._folder, _LIMITS)
            try:
                return ANSWERED, ask(session, question.sql, question.parameters, question.output_format)
            finally:
                session.close()
        except (QueryError, RuntimeError, msgspec.MsgspecError) as error:
            return REFUSED, str(error).encode(errors="backslashreplace")
