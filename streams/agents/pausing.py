"""Pausing an input partition of a task: after too many refusals in a row it waits, while the other inputs flow.

What was refused is in the dead letters and acknowledged. What was read behind it is kept here, unacknowledged, and no
more is read. After a while, or when a person says so, the input is taken up again; each further pause without an
accepted message between is twice as long. The watermark waits for a paused input for a limited time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from schemas.errors import RefusalError
from schemas.pauses import PauseNote, encode_note
from schemas.units import SECOND_MS
from streams.agents.services import Services
from streams.kafka.offsets import Chunk

Place = tuple[str, int]
"""An input of a task: a topic, and a partition of it."""
LONGEST_PAUSE_MS = 3600 * SECOND_MS

log = structlog.get_logger(__name__)


class Inputs(Protocol):
    """What is used of `streams.kafka.consumer.ChunkConsumer`."""

    def caught_up(self, topic: str, partition: int) -> bool:
        """Whether we were given all that the partition held when it was last polled."""

    def assigned(self, topic: str) -> set[int]:
        """Return the partitions of a topic that are ours."""

    def pause(self, topic: str, partition: int, note: str) -> None:
        """Fetch no more of a partition until `resume`; commit a note with its offset."""

    def resume(self, topic: str, partition: int) -> None:
        """Fetch from a paused partition again."""


class Held(Protocol):
    """What is used of `streams.intake.merge.PartitionMerge`."""

    def hold(self, name: Hashable, until: int) -> None:
        """Do not wait for an input; the watermark waits for it until some time, epoch ms."""

    def release(self, name: Hashable, now: int) -> None:
        """Wait for it again."""

    def reached(self, name: Hashable) -> int:
        """Return the event time that it has reached."""


@dataclass(frozen=True)
class Excess:
    """One refusal too many: how many there were in a row, and the offset and the reason of the last."""

    count: int
    offset: int
    refusal: RefusalError


@dataclass
class _Pause:
    until: int
    hold_until: int
    reached: int
    kept: deque[Chunk] = field(default_factory=deque)


@dataclass
class _Run:
    """Pauses that follow one another without an accepted message between: since when, and how long the next one is."""

    since: int
    next_ms: int


class Pausing:
    """The pauses of one task's inputs. Times are epoch ms.

    Args:
        services: settings, telemetry, clock.
        inputs: the consumer, which is told what to fetch.
        merge: the task's merge, which is told what not to wait for.
    """

    def __init__(self, services: Services, inputs: Inputs, merge: Held) -> None:
        settings = services.settings
        self._services = services
        self._inputs = inputs
        self._merge = merge
        self._first_ms = round(settings.pause_s * SECOND_MS)
        self._hold_ms = round(settings.pause_hold_s * SECOND_MS)
        self._runs: dict[Place, _Run] = {}
        self._pauses: dict[Place, _Pause] = {}

    def __contains__(self, place: object) -> bool:
        return place in self._pauses

    def keep(self, chunk: Chunk) -> None:
        """Keep a chunk of a paused input until that is taken up."""
        self._pauses[chunk.place].kept.append(chunk)

    def accept(self, place: Place) -> None:
        """Note that a message of an input was accepted: its next pause is a first one."""
        self._runs.pop(place, None)

    def begin(self, place: Place, excess: Excess, rest: Chunk | None) -> None:
        """Pause an input; `rest` is what was read of it and not validated."""
        now = self._services.clock()
        topic, partition = place
        run = self._runs.setdefault(place, _Run(now, self._first_ms))
        pause = _Pause(now + run.next_ms, run.since + self._hold_ms, self._merge.reached(place))
        log.error(
            "an input partition is paused: too many of its messages in a row were refused. "
            "See docs/operating.md#touchlineinputpaused",
            topic=topic,
            partition=partition,
            offset=excess.offset,
            refused_in_a_row=excess.count,
            reason=excess.refusal.reason,
            taken_up_in_s=run.next_ms / SECOND_MS,
        )
        run.next_ms = min(2 * run.next_ms, max(LONGEST_PAUSE_MS, self._first_ms))
        if rest is not None:
            pause.kept.append(rest)
        self._pauses[place] = pause
        self._merge.hold(place, pause.hold_until)
        note = PauseNote(run.since, pause.hold_until, pause.reached)
        self._inputs.pause(topic, partition, encode_note(note))
        telemetry = self._services.telemetry
        telemetry.input_paused.labels(topic, str(partition)).set(run.since / SECOND_MS)
        telemetry.paused_input_behind.labels(topic, str(partition)).set(0)

    def due(self) -> list[Place]:
        """Return the inputs whose pause is over."""
        now = self._services.clock()
        return [place for place, pause in self._pauses.items() if now >= pause.until]

    def end(self, place: Place, why: str) -> deque[Chunk]:
        """End the pause of an input; return the chunks of it that were kept, to be validated first."""
        pause = self._pauses.pop(place)
        self._merge.release(place, self._services.clock())
        self._forget(place)
        log.warning("a paused input partition is taken up again", topic=place[0], partition=place[1], why=why)
        return pause.kept

    def record(self, watermark: int) -> None:
        """Record how far the watermark has passed each paused input."""
        for (topic, partition), pause in self._pauses.items():
            behind_ms = max(0, watermark - pause.reached)
            self._services.telemetry.paused_input_behind.labels(topic, str(partition)).set(behind_ms / SECOND_MS)

    def close(self) -> None:
        """Forget all pauses: the partitions' next owner begins anew."""
        for place in self._pauses:
            self._forget(place)
        self._pauses.clear()

    def _forget(self, place: Place) -> None:
        telemetry, (topic, partition) = self._services.telemetry, place
        telemetry.input_paused.remove(topic, str(partition))
        telemetry.paused_input_behind.remove(topic, str(partition))
