"""What the workers say of a message that the collector has written."""

from __future__ import annotations

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry
from schemas.errors import Reason, RefusalError
from streams.intake.accept import Source, accept
from streams.sentiment import VaderScorer

_CODEC, _SCORER = Codec(FileRegistry()), VaderScorer()


def verdict_of_workers(message: bytes, kind: str, now: int) -> Reason | None:
    """Return why the workers would refuse a message of a kind's topic; None where they accept it."""
    source = Source(0, "", 0, 0, now, len(message))
    try:
        accept(kind, _CODEC.decode(kind, message), source, now=now, scorer=_SCORER)
    except RefusalError as error:
        return error.reason
    return None
