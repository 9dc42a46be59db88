"""Publishing as a person sees it: progress, bad lines named, and what it came to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from streams.settings import Settings
from touchline.publish.collect import Rejected, collect
from touchline.publish.send import send
from touchline.publish.source import STDIN
from touchline.publish.spool import Spool
from touchline.report.words import counted, plain
from touchline.terminal import progress_bar

MAX_NAMED = 20
"""Bad lines that are named one by one; the rest is counted."""


@dataclass(frozen=True)
class Published:
    """What publishing came to: messages sent, and the bad lines of each source that had any."""

    sent: int
    rejected: Sequence[Rejected]


def publish(settings: Settings, paths: Sequence[Path], console: Console) -> Published:
    """Check all lines of all files, then send the good ones in order of event time.

    Args:
        settings: where Kafka is.
        paths: the files; `-` is standard input.
        console: progress and bad lines are told here.

    Raises:
        BrokerError, KafkaError, ProduceError: as `send`.
        OSError: a file cannot be read, or the bad lines cannot be written.
    """
    named = 0

    def name(source: str, number: int, reason: str) -> None:
        nonlocal named
        named += 1
        if named <= MAX_NAMED:
            line = f"{source}, line {number}: {plain(reason)}"
            console.print(Text(line, style="yellow"), soft_wrap=True)

    with Spool() as spool, progress_bar(console) as bar:
        sizes = [path.stat().st_size for path in paths if path != STDIN]
        reading = bar.add_task("checking", total=sum(sizes) or None)
        rejected = collect(paths, spool, name, lambda size: bar.advance(reading, size))
        _tell_rejected(rejected, named, console)
        bar.remove_task(reading)
        sending = bar.add_task("sending", total=len(spool))
        asyncio.run(send(settings, spool.in_order(), lambda n: bar.advance(sending, n)))
        return Published(len(spool), rejected)


def _tell_rejected(rejected: Sequence[Rejected], named: int, console: Console) -> None:
    if named > MAX_NAMED:
        console.print(Text(f"… and {named - MAX_NAMED:,} more", style="yellow"))
    for one in rejected:
        line = f"{counted(one.lines, 'bad line')} written to {one.path}"
        console.print(Text(line, style="yellow"), soft_wrap=True)
