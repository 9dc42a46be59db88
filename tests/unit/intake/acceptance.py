"""What INGEST makes of one record: the touchpoint or the row, or the error that refuses it."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.registry import FileRegistry
from schemas.kinds import KINDS, TOUCHPOINT_KINDS
from streams.intake.accept import Accepted, InvalidRecordError, Source, accept
from streams.topics import TopicFinder, shipped_lists
from tests.unit.schemas.records import T0, minimal

HOUR = 3_600_000
YEAR_1990 = 631_152_000_000
NOW = T0 + HOUR
CODEC = Codec(FileRegistry())
TOUCHPOINTS = tuple(TOUCHPOINT_KINDS)
EVERY_KIND = tuple(KINDS)


class LengthScorer:
    """Scores a text by its length, abstains on German, and remembers what it was given."""

    name = "length-1"

    def __init__(self) -> None:
        self.heard: list[tuple[str, str | None]] = []

    def score(self, text: str, lang: str | None = None) -> int | None:
        self.heard.append((text, lang))
        return None if lang == "de" else len(text)


FINDER = TopicFinder(shipped_lists())


def taken(kind: str, scorer: LengthScorer | None = None, /, **said: Any) -> Accepted:
    record = CODEC.decode(kind, CODEC.encode(KIND_RECORDS[kind], minimal(kind) | said))
    return accept(
        kind,
        record,
        Source(task=3, topic="touchpoints.test", partition=4, offset=77, received_at=T0 + 9),
        now=NOW,
        scorer=scorer or LengthScorer(),
        finder=FINDER,
    )


def refused(kind: str, /, **said: Any) -> InvalidRecordError:
    with pytest.raises(InvalidRecordError) as caught:
        taken(kind, **said)
    return caught.value
