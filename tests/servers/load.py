"""Publishes in the background, at a steady pace that slows towards the end, some touchpoints twice."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.kafka.admin import partition_counts
from streams.kafka.producer import BatchProducer
from streams.settings import Settings
from touchline.publish.read import read_files
from touchline.publish.send import send_in_batches
from touchline.publish.spool import Message, Spool

STEP_S = 0.2
STOP_S = 5.0
FINISH_S = 90.0
LAST_STEP = 200
"""Messages sent at a time once the pace no longer matters."""
SLOWER_FROM = 200
"""A step sends no more than one in so many of what is left: a test on a slow machine is under load to its end, too."""
REPEATED_WITHIN = 500
"""The largest distance between a message and its repetition, in messages."""


class Load:
    """Publishes a file of touchpoints in order of event time, from another thread.

    Attributes:
        sent: messages sent so far, repeated ones included.
    """

    def __init__(self, settings: Settings, lines: Path, per_second: int, repeats: int, seed: int) -> None:
        """Prepare the load; it runs inside the `with` block.

        Args:
            settings: where Kafka is.
            lines: the touchpoints.
            per_second: how many are published a second, as long as many are left.
            repeats: how many of them are sent once more, a little later.
            seed: chooses them.
        """
        self.sent = 0
        self._settings = settings
        self._per_step = round(per_second * STEP_S)
        self._messages = self._planned(lines, repeats, random.Random(seed))
        self._hurry = threading.Event()
        self._cancelled = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def _planned(self, lines: Path, repeats: int, chance: random.Random) -> deque[Message]:
        with Spool() as spool:
            assert not read_files([lines], spool, lambda *_: None, lambda _: None)
            messages = list(spool.in_order())
        placed = list(enumerate(messages))
        chosen = chance.sample(range(len(messages)), repeats)
        placed += [(index + chance.randrange(1, REPEATED_WITHIN), messages[index]) for index in chosen]
        return deque(message for _, message in sorted(placed, key=lambda one: one[0]))

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop sending; messages under way are not awaited, since Kafka may be away."""
        self._cancelled.set()
        self._thread.join(STOP_S)

    def finish(self) -> None:
        """Send the rest at once, and wait until all is acknowledged; raises an error of the load.

        Raises:
            TimeoutError: not all was acknowledged in time.
        """
        self._hurry.set()
        self._thread.join(FINISH_S)
        self.check()
        if self._thread.is_alive():
            raise TimeoutError(f"only {self.sent} messages were acknowledged after {FINISH_S:g} s")

    def check(self) -> None:
        """Raise the error of the load, if there is one."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            asyncio.run(self._publish())
        except BaseException as error:  # `check` raises it
            self._error = error

    async def _publish(self) -> None:
        partitions = await partition_counts(self._settings)
        producer = BatchProducer(self._settings)
        await producer.start()
        try:
            while self._messages and not self._cancelled.is_set():
                hurried = self._hurry.is_set()
                step = [self._messages.popleft() for _ in range(self._next_step(hurried))]
                await send_in_batches(producer, step, partitions, self._count)
                if not hurried:
                    await asyncio.sleep(STEP_S)
        finally:
            await producer.stop()

    def _next_step(self, hurried: bool) -> int:
        left = len(self._messages)
        return min(LAST_STEP, left) if hurried else min(self._per_step, -(-left // SLOWER_FROM))

    def _count(self, more: int) -> None:
        self.sent += more
