"""The records of `journeys.watermarks.v1`: how far INGEST's tasks, the partitions of the journeys log and IDENTITY are.

A record is a MessagePack array of a tag (type and version of the layout) and its fields. Its key is `epoch/task`, or
`epoch/journeys/partition` or `epoch/identity`, so compaction keeps the last of each.
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
        links_end: the offset after the last link that it has written.
    """

    epoch: int
    task: int
    watermark: int
    links_end: int = 0

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"{self.epoch}/{self.task}".encode()


class PartitionTime(msgspec.Struct, array_like=True, tag=tag_of("partition_time"), frozen=True, gc=False):
    """A log partition's time, written once Kafka has acknowledged all that JOURNEYS wrote for the records up to there.

    Attributes:
        epoch: generation of the journeys log: a rebuilt one begins anew.
        partition: of the journeys log.
        time: ms; never later than up to where all links that were stated have been decided.
    """

    epoch: int
    partition: int
    time: int

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"{self.epoch}/journeys/{self.partition}".encode()


class LinksDecided(msgspec.Struct, array_like=True, tag=tag_of("links_decided"), frozen=True, gc=False):
    """How many links IDENTITY has read, written once Kafka has acknowledged who owns what by them.

    Attributes:
        epoch: generation of the journeys log: whose log has been told.
        end: the offset after the last of these links.
    """

    epoch: int
    end: int

    @property
    def key(self) -> bytes:
        """The record's key."""
        return f"{self.epoch}/identity".encode()


Report = TaskWatermark | PartitionTime | LinksDecided

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder[Report](Report).decode
"""Return the record in some bytes; raises one of `schemas.errors.NOT_READ` where they are no record of this layout."""
