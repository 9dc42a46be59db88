"""The records of `journeys.watermarks.v1`: how far each INGEST task and each partition of the journeys log has come.

A record is a MessagePack array of a tag (type and version of the layout) and its fields. Its key is `epoch/task`, or
`epoch/journeys/partition`, so compaction keeps the last of each.
"""

from __future__ import annotations

import msgspec

from schemas.kinds.touchpoint import tag_of


class TaskWatermark(msgspec.Struct, array_like=True, tag=tag_of("watermark"), frozen=True, gc=False):
    """A task's watermark, written once Kafka has acknowledged all that the task had before it.

    Attributes:
        epoch: generation of the journeys log: a rebuilt one begins anew.
        task: number of the partition that the task reads of every input topic.
        watermark: ms.
    """

    epoch: int
    task: int
    watermark: int

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"{self.epoch}/{self.task}".encode()


class PartitionTime(msgspec.Struct, array_like=True, tag=tag_of("partition_time"), frozen=True, gc=False):
    """A log partition's time, written once Kafka has acknowledged all that JOURNEYS wrote for the records up to there.

    Attributes:
        epoch: generation of the journeys log: a rebuilt one begins anew.
        partition: of the journeys log.
        time: ms.
    """

    epoch: int
    partition: int
    time: int

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"{self.epoch}/journeys/{self.partition}".encode()


Report = TaskWatermark | PartitionTime

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder[Report](Report).decode
"""Return the record in some bytes; raises one of `schemas.errors.NOT_READ` where they are no record of this layout."""
