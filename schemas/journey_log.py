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

__all__ = ["LogRecord", "Tick", "Touchpoint", "decode", "encode"]


class Tick(msgspec.Struct, array_like=True, tag=tag_of("tick"), frozen=True, gc=False):
    """What all tasks and all partitions have reached, appended about once a second, so that quiet partitions move too.

    Attributes:
        watermark: the least of all tasks' watermarks, ms; 0 before all are known. Whatever a task wrote before it had
            reached it stands before the tick, in every partition.
        settled: the least of all log partitions' times, ms; 0 before all are known. Whatever a partition had to write
            to the log before its time had reached it stands before the tick, in every partition.
    """

    watermark: int
    settled: int = 0


LogRecord = Tick | Touchpoint

_structs: Any = [kind.struct for kind in TOUCHPOINT_KINDS.values()]
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[LogRecord] = msgspec.msgpack.Decoder(reduce(or_, _structs, Tick))

encode = _encoder.encode
decode = _decoder.decode
"""Return the record in some bytes; raises one of `schemas.errors.NOT_READ` where they are no record of this layout."""
