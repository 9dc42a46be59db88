"""The records of `journeys.watermarks.v1`: how far INGEST's tasks, the partitions of the journeys log and IDENTITY are.

A record is a MessagePack array of a tag (type and version of the layout) and its fields. Its key is `epoch/task`, or
`epoch/journeys/partition` or `epoch/identity`, so compaction keeps the last of each. One more says by which key
identifiers are replaced.
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


class PartitionTime(msgspec.Struct, array_like=True, tag="partition_time/2", frozen=True, gc=False):
    """A log partition's time, written once Kafka has acknowledged all that JOURNEYS wrote for the records up to there.

    Its layout has a version of its own: a rebuild reads what another release has reported.

    Attributes:
        epoch: generation of the journeys log: a rebuilt one begins anew.
        partition: of the journeys log.
        time: ms; never later than up to where all links that were stated have been decided.
        read: the partition's own time, ms.
        links_end: the offset after the last link that it has written.
        done: up to when all that happened has taken effect there, its signals too, ms.
    """

    epoch: int
    partition: int
    time: int
    read: int = 0
    links_end: int = 0
    done: int = 0

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


class PseudonymKey(msgspec.Struct, array_like=True, tag=tag_of("pseudonym_key"), frozen=True, gc=False):
    """By which key identifiers are replaced from now on, written before a worker with that key writes anything else.

    Attributes:
        epoch: generation of the journeys log at that time; it holds for all of them.
        key_id: of the key; "" where identifiers are readable from now on.
    """

    epoch: int
    key_id: str

    @property
    def key(self) -> bytes:
        """The record's key."""
        return b"pseudonyms"


Report = TaskWatermark | PartitionTime | LinksDecided | PseudonymKey

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder[Report](Report).decode
"""Return the record in some bytes; raises one of `schemas.errors.NOT_READ` where they are no record of this layout."""
