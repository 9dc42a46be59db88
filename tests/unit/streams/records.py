"""Records and a Kafka without network, for tests of what is read and what is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from faust.types import TP

from streams.kafka.offsets import Fetched


@dataclass
class FakeRecord:
    offset: int
    value: bytes | None = b""
    key: bytes | None = None
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes | None]] = ()


def records(start: int, stop: int) -> list[FakeRecord]:
    return [FakeRecord(offset, b"%d" % offset) for offset in range(start, stop)]


@dataclass
class FakeThread:
    """Stands for the thread with aiokafka's consumer: its positions move as aiokafka's do."""

    logs: dict[TP, list[FakeRecord]]
    committed: dict[TP, int] = field(default_factory=dict)
    positions: dict[TP, int] = field(default_factory=dict)
    most: int = 10
    commits_succeed: bool = True
    gate: asyncio.Event | None = None
    notes: Mapping[TP, str] = field(default_factory=dict)

    async def fetch(self, partitions: frozenset[TP], wait_s: float) -> dict[TP, Fetched]:  # noqa: ARG002  # the thread's
        if self.gate is not None:
            await self.gate.wait()
        return {tp: self.read(tp) for tp in sorted(partitions)}

    def read(self, tp: TP) -> Fetched:
        log = self.logs[tp]
        position = self.positions[tp]
        found = [record for record in log if record.offset >= position][: self.most]
        end = log[-1].offset + 1 if log else 0
        if found:
            self.positions[tp] = found[-1].offset + 1
        return Fetched(found, self.positions[tp], end)

    async def seek_to_group_offsets(self) -> dict[TP, tuple[int, int | None]]:
        for tp in self.logs:
            self.positions[tp] = self.committed.get(tp, 0)
        return {tp: (self.positions[tp], self.committed.get(tp)) for tp in self.logs}

    async def seek_to_positions(self, positions: Mapping[TP, int]) -> None:
        self.positions.update(positions)

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        if self.commits_succeed:
            self.committed.update(offsets)
        return self.commits_succeed
