"""Publishing as a person sees it: progress, bad lines by name, and the result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from schemas.text import shortened
from streams.settings import Settings
from touchline.publish.read import Rejected, read_files
from touchline.publish.send import send
from touchline.publish.source import STDIN
from touchline.publish.spool import Spool
from touchline.report.formatting import counted
from touchline.terminal import styled

MAX_NAMED = 20
"""Bad lines that are named one by one; the others are only counted."""


@dataclass(frozen=True)
class Published:
    """The result of publishing: the number of messages sent, and the bad lines of each source that has any."""

    sent: int
    rejected: Sequence[Rejected]


def publish(
    settings: Settings,
    paths: Sequence[Path],
    console: Console,
    on_progress: Callable[[int, int], None],
) -> Published:
    """Check all lines of all files, then send the good ones in order of event time.

    Args:
        settings: where Kafka is.
        paths: the files; `-` is standard input.
        console: bad lines are reported here.
        on_progress: is called with the work done and the whole of it: first bytes that are read, then messages that are
            sent.

    Raises:
        BrokerError, KafkaError, ProduceError: as `send`.
        OSError: a file cannot be read, or the bad lines cannot be written.
    """
    named = 0

    def name(source: str, number: int, reason: str) -> None:
        nonlocal named
        named += 1
        if named <= MAX_NAMED:
            line = f"{source}, line {number}: {shortened(reason)}"
            console.print(styled(line, "yellow"), soft_wrap=True)

    progress = _Progress(paths, on_progress)
    with Spool() as spool:
        rejected = read_files(paths, spool, name, progress.read, settings.inputs)
        _tell_rejected(rejected, named, console)
        progress.begin_sending(len(spool))
        asyncio.run(send(settings, spool.in_order(), progress.sent))
        return Published(len(spool), rejected)


class _Progress:
    """What of both passes is done: bytes of the first, messages of the second."""

    def __init__(self, paths: Sequence[Path], tell: Callable[[int, int], None]) -> None:
        self._tell = tell
        self._bytes = sum(path.stat().st_size for path in paths if path != STDIN)
        self._read = self._messages = self._sent = 0

    def read(self, more: int) -> None:
        self._read += more
        if self._bytes:
            self._tell(min(self._read, self._bytes), self._bytes)

    def begin_sending(self, messages: int) -> None:
        self._messages = messages
        self._tell(0, messages)

    def sent(self, more: int) -> None:
        self._sent += more
        self._tell(self._sent, self._messages)


def _tell_rejected(rejected: Sequence[Rejected], named: int, console: Console) -> None:
    if named > MAX_NAMED:
        console.print(styled(f"… and {named - MAX_NAMED:,} more", "yellow"))
    for one in rejected:
        line = f"{counted(one.lines, 'bad line')} written to {one.path}"
        console.print(styled(line, "yellow"), soft_wrap=True)
