"""From a decoded record to the touchpoint or row that is written of it, or a refusal with its reason. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.kinds import KINDS
from schemas.kinds.kind import BusinessKind, Text, TouchpointKind
from schemas.kinds.touchpoint import Touchpoint
from schemas.limits import MESSAGE_BYTES
from schemas.rows import BusinessChangeRow, MarketingSpendRow
from streams.identity.identities import Identities
from streams.intake.checks import InvalidRecordError, check_common, check_size
from streams.intake.fingerprint import fingerprint
from streams.intake.lengths import check_lengths

if TYPE_CHECKING:
    from streams.sentiment import Scorer
    from streams.topics import TopicFinder

__all__ = ["Accepted", "InvalidRecordError", "Source", "accept", "check_size"]

Accepted = Touchpoint | BusinessChangeRow | MarketingSpendRow

_CHECKS = {name: tuple(rule.check for rule in kind.checks) for name, kind in KINDS.items()}
_VERSION_TIE_BITS = 6
_IDENTITIES = Identities()
STATED = "stated"
"""Who says what a touchpoint is about where its message does."""


class Source(NamedTuple):
    """The message that a record was decoded from.

    Attributes:
        task: number of the INGEST task that read it.
        topic, partition, offset: where it lies.
        received_at: the broker's timestamp, ms.
        size: bytes of its value; the most that is taken where they are not known.
    """

    task: int
    topic: str
    partition: int
    offset: int
    received_at: int
    size: int = MESSAGE_BYTES


class _Readers(NamedTuple):
    """What reads the customers' own words: how they feel, and what they are about."""

    scorer: Scorer
    finder: TopicFinder | None


def accept(
    kind: str,
    record: dict[str, Any],
    source: Source,
    *,
    now: int,
    scorer: Scorer,
    identities: Identities = _IDENTITIES,
    finder: TopicFinder | None = None,
) -> Accepted:
    """Return what is to be written of a record.

    Args:
        kind: the contract's name of the record's kind.
        record: the record as `schemas.avro.codec.Codec.decode` gives it.
        source: the message that it was decoded from.
        now: wall-clock time, ms: how far ahead a time may lie is counted from it.
        scorer: scores the customers' own words.
        identities: say whose a touchpoint is; by default without a business's own settings.
        finder: finds what the customers' own words are about; without one only stated topics are known.

    Returns:
        A touchpoint, its watermark still 0; or, of the kinds that concern no customer, the row of their table. The
        `version` of such a row is its `occurred_at` above a few bits of its fingerprint, 48 bits in all, so that the
        latest statement wins in whatever order and partitions they come. The caller puts the epoch above that.

    Raises:
        InvalidRecordError: the record does not hold.
    """
    check_common(record, now)
    check_lengths(kind, record, source.size)
    declared = KINDS[kind]
    if isinstance(declared, BusinessKind):
        return _row(declared, record)
    return _touchpoint(declared, record, source, identities, _Readers(scorer, finder))


def _touchpoint(
    kind: TouchpointKind, record: dict[str, Any], source: Source, identities: Identities, readers: _Readers
) -> Touchpoint:
    # The fingerprint is that of what is stored, too: by one of the message itself, identifiers could be tried out.
    record = identities.stored(record)
    is_answer = kind.answers is not None and identities.subjects.is_answer(kind, record)
    identifiers = {} if is_answer else record["identifiers"]
    customer_key = identities.customer_key_of(record["customer_id"], identifiers)
    if customer_key is None:
        customer_key = identities.subjects.profile_of(kind, record)
    if customer_key is None:
        raise InvalidRecordError("no_identity", _no_identity(record))
    for check in _CHECKS[kind.name]:
        check(record)
    task, topic, partition, offset, received_at, _ = source
    values = record | {
        "task": task,
        "source_topic": topic,
        "source_partition": partition,
        "source_offset": offset,
        "watermark": 0,
        "received_at": received_at,
        "fingerprint": fingerprint(kind.name, record),
        "customer_key": customer_key,
        "channel": record["channel"] or kind.channel_of(record),
    }
    for name, compute in kind.computed.items():
        values[name] = compute(record)
    if kind.speaks_of is not None and (about := kind.speaks_of(record)):
        values["topics"], values["topics_by"] = [about], STATED
    if kind.text is not None:
        _add_text(values, kind.text, record, readers)
    return kind.struct(**values)


def _no_identity(record: dict[str, Any]) -> str:
    kinds = ", ".join(sorted(record["identifiers"])) or "none"
    return f"customer_id is {record['customer_id']!r}, no usable identifier (sent: {kinds})"


def _add_text(values: dict[str, Any], declared: Text, record: dict[str, Any], readers: _Readers) -> None:
    """Put the record's text where all touchpoints have theirs, and read the customer's own words."""
    text = values.pop(declared.field) or ""
    values["text"] = text
    if not text or not declared.by_customer(record):
        return
    language = None if declared.language is None else record[declared.language]
    if (sentiment := readers.scorer.score(text, language)) is not None:
        values["sentiment"] = sentiment
        values["scorer"] = readers.scorer.name
    if readers.finder is not None and "topics" not in values:
        found = readers.finder.find(text, language)
        if found.topics:
            values["topics"], values["topics_by"] = list(found.topics), found.by


def _row(kind: BusinessKind, record: dict[str, Any]) -> BusinessChangeRow | MarketingSpendRow:
    for check in _CHECKS[kind.name]:
        check(record)
    tie = fingerprint(kind.name, record) & ((1 << _VERSION_TIE_BITS) - 1)
    return kind.row(**record, version=record["occurred_at"] << _VERSION_TIE_BITS | tie)
