"""Reports how far JOURNEYS has come with each partition of the log: the settled time is made of these reports.

A partition's time is reported when Kafka has acknowledged all that was written for the records up to there, about as
often as INGEST's tasks report their watermarks. It is a function of the log, so a report stays true, whoever has the
partition meanwhile.
"""

from __future__ import annotations

from schemas.topics import WATERMARKS
from schemas.watermarks import PartitionTime, encode
from streams.agents.services import Services
from streams.journeys.partition_clock import PartitionClock
from streams.kafka.producer import Message
from streams.runtime.exit import exit_on_error


class PartitionTimes:
    """The times of the partitions that are ours, and which of them have been reported."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._reached: dict[int, PartitionTime] = {}
        self._reported: dict[int, PartitionTime] = {}

    def reach(self, number: int, clock: PartitionClock, links_end: int) -> None:
        """Note how far a partition has come, and where its links end; all that it wrote so far is acknowledged."""
        epoch = self._services.settings.epoch
        self._reached[number] = PartitionTime(epoch, number, clock.reached, clock.time, links_end, clock.done)
        telemetry = self._services.telemetry
        telemetry.partition_time.labels(str(number)).set(clock.time / 1000)
        telemetry.settled_time.labels(str(number)).set(clock.settled / 1000)

    def retain(self, partitions: set[int]) -> None:
        """Forget all but some partitions: the others are no longer ours."""
        telemetry = self._services.telemetry
        for revoked in self._reached.keys() - partitions:
            del self._reached[revoked]
            self._reported.pop(revoked, None)
            for gauge in (telemetry.partition_time, telemetry.settled_time):
                gauge.remove(str(revoked))

    async def report(self) -> None:
        """Write the times that have moved since this was last asked, in one go."""
        moved = {number: one for number, one in self._reached.items() if one != self._reported.get(number)}
        if moved:
            messages = [Message(one.key, encode(one)) for one in moved.values()]
            await self._services.producer.send({(WATERMARKS, 0): messages})
            self._reported |= moved

    async def report_for_ever(self) -> None:
        """Write the times every so often."""
        with exit_on_error("journeys"):
            while True:
                await self.report()
                await self._services.sleep(self._services.settings.tick_s)
