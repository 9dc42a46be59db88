"""The records of `journeys.epochs.v1`: up to when the signals of an epoch were sent before it was rebuilt."""

from __future__ import annotations

import msgspec


class Signalled(msgspec.Struct, array_like=True, tag="signalled/1", frozen=True, gc=False):
    """Up to when an epoch's signals were sent when a rebuild began; of several the latest holds.

    Its layout has a version of its own: what one release has noted, others read.

    Attributes:
        epoch: generation of the journeys log, which a rebuild keeps.
        until: what happened up to then was signalled, ms.
    """

    epoch: int
    until: int

    @property
    def key(self) -> bytes:
        """The record's key."""
        return str(self.epoch).encode()


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Signalled).decode
"""Return the record in some bytes; raises one of `schemas.errors.NOT_READ` where they are no record of this layout."""
