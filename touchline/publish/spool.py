"""Messages that wait on disk until they can be sent in order of event time."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple, Self

import msgspec


class Message(NamedTuple):
    """A touchpoint as it goes to Kafka."""

    topic: str
    key: bytes
    value: bytes


class Spool:
    """Holds messages in a temporary file; memory holds the time, place and size of each, 20 bytes."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="touchline-")  # noqa: SIM115  # closed by __exit__
        self._times = array("q")
        self._starts = array("Q")
        self._sizes = array("I")
        self._end = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Message).decode

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Delete the file."""
        self._file.close()

    def __len__(self) -> int:
        return len(self._times)

    def add(self, occurred_at: int, message: Message) -> None:
        """Add a message with its event time `occurred_at`, ms."""
        data = self._encode(message)
        self._file.write(data)
        self._times.append(occurred_at)
        self._starts.append(self._end)
        self._sizes.append(len(data))
        self._end += len(data)

    def in_order(self) -> Iterator[Message]:
        """Yield all messages by event time; those of the same time in the order they were added."""
        times = self._times
        for position in sorted(range(len(times)), key=times.__getitem__):
            self._file.seek(self._starts[position])
            yield self._decode(self._file.read(self._sizes[position]))
