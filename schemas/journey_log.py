"""The records of `journeys.touchpoints.v1`, as INGEST writes and JOURNEYS reads them.

A record is a MessagePack array. Its first element is the tag: the name of its type and the version of the layout
(`schemas.kinds.touchpoint.FORMAT`). A record of another version or type is an error, never misread. Scores are whole
ten-thousandths (`schemas.units.SCALE`), so that sums are exact in any order; times are epoch milliseconds, UTC.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

import msgspec

from schemas.kinds import TOUCHPOINT_KINDS
from schemas.kinds.touchpoint import Touchpoint, tag_of
from schemas.subjects import SubjectStated
from schemas.transfers import Adopted, Parted

__all__ = [
    "Erased",
    "Forwarded",
    "LogRecord",
    "Moved",
    "Owners",
    "SubjectStated",
    "Tick",
    "Touchpoint",
    "Withdrawn",
    "decode",
    "encode",
    "watermark_place",
    "with_watermark",
]


class Tick(msgspec.Struct, array_like=True, tag=tag_of("tick"), frozen=True, gc=False):
    """What all tasks and all partitions have reached, appended about once a second, so that quiet partitions move too.

    Attributes:
        watermark: the least of all tasks' watermarks, ms; 0 before all are known. Whatever a task wrote before it had
            reached it stands before the tick, in every partition.
        settled: the least of all log partitions' times, ms; 0 before all are known. Whatever a partition had to write
            to the log before its time had reached it stands before the tick, in every partition.
        decided: who owns what was stated before the least of all watermarks had reached this time (ms) stands before
            the tick, in every partition.
    """

    watermark: int
    settled: int = 0
    decided: int = 0


class Owners(msgspec.Struct, array_like=True, tag=tag_of("owners"), frozen=True, gc=False):
    """Who owns the touchpoints of a stated key, as of a link; it stands in the key's own partition.

    Attributes:
        customer_key: the stated key.
        since, owners: `owners[i]` owns what happened from `since[i]` (ms) on; before the first the key is its own.
        links_offset: of the link or command that has decided it, in `identity.links.v1`: a higher one holds.
        by_source: of a subject, `since` and `owners` for the touchpoints of some sources, where these are others.
        adopted_since: from when on (ms) a thing may have begun to be that owner's, for each of `since`: no later than
            that. Of a subject it is empty.
    """

    customer_key: str
    since: list[int]
    owners: list[str]
    links_offset: int
    by_source: dict[str, tuple[list[int], list[str]]] = {}
    adopted_since: list[int] = []


class Moved(msgspec.Struct, array_like=True, tag=tag_of("moved"), frozen=True, gc=False):
    """A touchpoint, or things of a profile, sent by the partition of the stated key to that of the owner.

    Attributes:
        customer_key: its owner's.
        sender: the number of the partition that sends it.
        number: rises with each record of one sender: one at or below the last is sent again after a crash.
        record: the touchpoint, or `schemas.transfers.Adopted`, encoded.
        whole_bytes: bytes of its whole record, where what no machine looks at was left out: its row stays as it is.
        more: whether others follow that move to the same owner by the same record of the sender's log.
    """

    customer_key: str
    sender: int
    number: int
    record: bytes
    whole_bytes: int = 0
    more: bool = False


class Withdrawn(msgspec.Struct, array_like=True, tag=tag_of("withdrawn"), frozen=True, gc=False):
    """Touchpoints that are their owner's no longer; sent as they were.

    Attributes:
        timeline_ids: the touchpoints' `timeline_id`.
    """

    customer_key: str
    sender: int
    number: int
    timeline_ids: list[str]


class Erased(msgspec.Struct, array_like=True, tag=tag_of("erased"), frozen=True, gc=False):
    """Whoever has a stated key is erased; it stands in the key's own partition, and so marked in the others.

    Attributes:
        customer_key: the stated key.
        at: what happened up to then is erased, ms.
        erasure_id: the order's.
        salt: of the digest by which the partition knows the key from then on.
        links_offset: of the order in `identity.links.v1`: owners that earlier links have decided hold no longer.
        is_elsewhere: whether the key is of another partition: this one forgets what was said of subjects.
    """

    customer_key: str
    at: int
    erasure_id: str
    salt: bytes
    links_offset: int
    is_elsewhere: bool = False


Forwarded = Moved | Withdrawn
LogRecord = Tick | Owners | SubjectStated | Moved | Withdrawn | Erased | Touchpoint

_structs: Any = [
    *(Owners, SubjectStated, Moved, Withdrawn, Erased, Parted, Adopted),
    *(kind.struct for kind in TOUCHPOINT_KINDS.values()),
]
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[LogRecord] = msgspec.msgpack.Decoder(reduce(or_, _structs, Tick))

encode = _encoder.encode
decode = _decoder.decode
"""Return the record in some bytes; raises one of `schemas.errors.NOT_READ` where they are no record of this layout."""

_NO_WATERMARK = 0
_SHORT_ARRAY = 15
"""The most elements of an array whose head takes one byte; of others as large as a record it takes three."""


def _head_size(struct: type[Touchpoint]) -> int:
    """Return the bytes before the first field of a record: those of the array's head, and the tag's."""
    tag = struct.__struct_config__.tag
    return (1 if len(struct.__struct_fields__) + 1 <= _SHORT_ARRAY else 3) + len(encode(tag))


_HEAD_SIZES = {kind.struct: _head_size(kind.struct) for kind in TOUCHPOINT_KINDS.values()}


def watermark_place(touchpoint: Touchpoint) -> int:
    """Return the place of the watermark in a touchpoint's record, bytes."""
    before = (
        touchpoint.task,
        touchpoint.source_topic,
        touchpoint.source_partition,
        touchpoint.source_offset,
    )
    return _HEAD_SIZES[type(touchpoint)] + len(encode(before)) - 1


def with_watermark(record: bytes, place: int, watermark: int) -> bytes:
    """Return the record of a touchpoint with its watermark, ms, at its place; it has none yet.

    So a touchpoint can wait as bytes for the time at which it is written.
    """
    if record[place] != _NO_WATERMARK:
        raise ValueError("the record has a watermark already")
    return record[:place] + encode(watermark) + record[place + 1 :]
