"""What is known: the rows that the workers send to the sink, one topic a table, and their wire form.

A message of `facts.<table>.v1` is a MessagePack array of a format version and the rows. A row is an array of its
fields in the order below, which is the order of the table's columns. `version` is a function of the log alone, so a row
sent again is the same row; the row with the highest version of its key is the true one; `deleted` takes an entity back.
Times are epoch milliseconds, UTC; scores are whole ten-thousandths (`schemas.units.SCALE`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

Int16 = Annotated[int, msgspec.Meta(ge=-(1 << 15), le=(1 << 15) - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
UInt32 = Annotated[int, msgspec.Meta(ge=0, le=(1 << 32) - 1)]
UInt64 = Annotated[int, msgspec.Meta(ge=0)]
"""Numbers by the type of their column: the sink checks all of them as it reads a message (`sinks.tables`).

MessagePack has no greater number than a UInt64."""
Time = Annotated[int, msgspec.Meta(ge=-2_208_988_800_000, le=10_413_791_999_999)]
"""Epoch ms from 1900 to 2299: the range of a DateTime64."""


class Row(msgspec.Struct, array_like=True, gc=False):
    """A row of a table in ClickHouse."""


class TouchpointRow(Row):
    """Key: stated_key, event_id: what never changes.

    Attributes:
        customer_id: the owner's.
        stated_key: whose it is by what its message alone states.
        fields: the identifiers and `TouchpointKind.own_fields`, as a JSON array. ClickHouse makes columns of it
            (`sinks.kind_views`), and does not store it.
    """

    event_id: str
    kind: str
    occurred_at: Time
    received_at: Time
    customer_id: str
    journey_id: str
    channel: str
    source: str
    action: str
    text: str
    sentiment: Int16 | None
    scorer: str
    topics: list[str]
    topics_by: str
    experience: Int16 | None
    value_minor: Int64 | None
    currency: str | None
    subject_id: str
    attributes: dict[str, str]
    fields: bytes
    late: bool
    ahead: bool
    stated_key: str
    version: UInt64


class JourneyRow(Row):
    """Key: journey_id. `path` holds the two characters of each touchpoint's step (`schemas.kinds.steps`)."""

    journey_id: str
    customer_id: str
    started_at: Time
    last_touch_at: Time
    ended_at: Time | None
    touchpoints: UInt64
    channels: list[str]
    path: str
    purchases: UInt64
    revenue_minor: Int64
    currency: str
    experience_first: Int16 | None
    experience_last: Int16 | None
    experience_sum: Int64
    experience_n: UInt64
    outcome: str
    deleted: bool
    version: UInt64


class ShiftRow(Row):
    """Key: customer_id, shift_id. Means are in units of 1 / SCALE, rounded."""

    shift_id: str
    customer_id: str
    journey_id: str
    direction: str
    detected_at: Time
    onset_at: Time
    onset_event_id: str
    before_mean: Int16
    after_mean: Int16
    n_before: UInt64
    n_after: UInt64
    cause_event_id: str | None
    cause_kind: str | None
    detector: str
    previous_customer_id: str | None
    deleted: bool
    version: UInt64


class AbandonmentRow(Row):
    """Key: family ('cart', 'call', 'hold', 'survey'; a checkout is a cart's), customer_id, subject_id, started_at."""

    family: str
    subject: str
    subject_id: str
    customer_id: str
    journey_id: str
    started_at: Time
    abandoned_at: Time
    waited_ms: Int64
    value_minor: Int64 | None
    currency: str | None
    status: str
    recovered_at: Time | None
    recovered_by: str | None
    channel: str
    attributes: dict[str, str]
    previous_customer_id: str | None
    deleted: bool
    version: UInt64


class FollowUpRow(Row):
    """Key: customer_id, follow_up_id. Someone should get back to a customer (see `streams.journeys.follow_ups`).

    Attributes:
        settle_due_at: None where nothing has to be settled.
        causes: how many touchpoints have given the reason.
        event_id, subject_id: of the first of these, and the response, case, call or post that it is about, or "".
        value_minor, currency: what the customer had spent when it was opened; 0 and "" before a first order.
        experience_before, experience_after: units of 1 / SCALE.
        changed_at: the time of the touchpoint or deadline at which it became what it is, ms.
    """

    follow_up_id: str
    customer_id: str
    journey_id: str
    reason: str
    status: str
    happened_at: Time
    opened_at: Time
    due_at: Time
    settle_due_at: Time | None
    warned_at: Time | None
    missed_at: Time | None
    contacted_at: Time | None
    closed_at: Time | None
    causes: UInt32
    event_id: str
    subject_id: str
    topic: str
    lang: str
    owner: str
    value_minor: Int64
    currency: str
    experience_before: Int16 | None
    experience_after: Int16 | None
    may_ask: bool
    channel: str
    attributes: dict[str, str]
    changed_at: Time
    previous_customer_id: str | None
    deleted: bool
    version: UInt64


class SupersededRow(Row):
    """Key: customer_id, event_id. The touchpoint's statement of an answer or an order holds no longer."""

    customer_id: str
    event_id: str
    by: str
    deleted: bool
    version: UInt64


class CurrencyRow(Row):
    """Key: currency. A currency that money has come in."""

    currency: str
    version: UInt64


class BucketRow(Row):
    """Key: metric, bucket, dimension, dimension_value, currency, partition.

    One minute of one metric on one log partition.

    Attributes:
        bucket: start of the minute, ms.
        currency: of a sum of money, whose currencies are never added up; "" elsewhere.
        partition: the log partition it was counted on; a reader sums over the partitions.
        n: observations.
        numerator, squares: absolute sums; scores in units of 1 / SCALE, durations in ms.
        samples: the observed durations, ms, in ascending order (only for metrics with quantiles).
        samples_less: in the same way what is to be taken out of the other partitions' samples: durations that were
            observed there of what has gone on here since.
        groups: of which groups of customers there are observations, in ascending order (only for metrics with an
            interval). A customer belongs to one of 256 groups.
        group_counts, group_sums: what `n` and `numerator` are of each of these groups.
    """

    metric: str
    bucket: Time
    dimension: str
    dimension_value: str
    currency: str
    partition: UInt32
    n: Int64
    numerator: Int64
    squares: Int64
    samples: list[Int64]
    samples_less: list[Int64]
    groups: list[Int64]
    group_counts: list[Int64]
    group_sums: list[Int64]
    version: UInt64


class CustomerRow(Row):
    """Key: customer_id."""

    customer_id: str
    first_seen_at: Time
    last_seen_at: Time
    touchpoints: UInt64
    purchases: UInt64
    spend_minor: Int64
    refunded_minor: Int64
    currency: str
    experience_sum: Int64
    experience_n: UInt64
    last_nps: float | None
    open_cases: UInt64
    status: str
    deleted: bool
    version: UInt64


class DeadLetterRow(Row):
    """Key: topic, partition, offset (of the refused message)."""

    topic: str
    partition: UInt32
    offset: UInt64
    reason: str
    detail: str
    stage: str
    refused_at: Time
    raw: bytes
    version: UInt64


class ClockRow(Row):
    """Key: partition. How far a log partition has come: its own time, and the settled time, by which `final` goes."""

    partition: UInt32
    time: Time
    settled: Time
    offset: Int64
    version: UInt64


class BusinessChangeRow(Row):
    """Key: change_id."""

    change_id: str
    name: str
    topic: str | None
    effective_at: Time
    reverted_at: Time | None
    event_id: str
    occurred_at: Time
    source: str
    attributes: dict[str, str]
    version: UInt64


class MarketingSpendRow(Row):
    """Key: spend_id."""

    spend_id: str
    campaign: str | None
    period_start: Time
    period_end: Time
    amount_minor: Int64
    currency: str
    event_id: str
    occurred_at: Time
    source: str
    attributes: dict[str, str]
    version: UInt64


class HourlyCountRow(Row):
    """Key: kind, hour, partition. How many rows of touchpoints an hour has to have.

    Attributes:
        hour: start of the hour of `occurred_at`, ms.
        partition: the log partition it was counted on; a reader sums over the partitions.
        accepted: touchpoints that came on time, each with a row.
        duplicates: repeats of them, without one.
    """

    kind: str
    hour: Time
    partition: UInt32
    accepted: UInt64
    duplicates: UInt64
    version: UInt64


class IdentityRow(Row):
    """Key: kind, value, version. Whose an identifier is, or a customer's id, as it was known from `changed_at` on.

    Attributes:
        since: when the ownerships begin, ms, oldest first; before the first one, the identity is its own.
        customer_ids: by ownership, the customer, or the name of a profile.
        event_ids: by ownership, the event or the command that says so.
        changed_at: when this became known, ms.
    """

    kind: str
    value: str
    since: list[Time]
    customer_ids: list[str]
    event_ids: list[str]
    changed_at: Time
    version: UInt64


class IdentityConflictRow(Row):
    """Key: kind, value, other_kind, other_value. A link between two identities that links nothing.

    Attributes:
        reason: `two_customers` where each of the two is a customer's; `too_many` where one was stated with too many;
            `too_connected` where such links connect too many identifiers.
        customer_ids: those two customers.
        event_id, occurred_at: of the first touchpoint that states both.
        deleted: whether it is a conflict no more.
    """

    kind: str
    value: str
    other_kind: str
    other_value: str
    reason: str
    customer_ids: list[str]
    event_id: str
    occurred_at: Time
    deleted: bool
    version: UInt64


Outcome = Literal["accepted", "late", "duplicate", "refused", "stated", "erased", "deleted"]


class OutcomeRow(Row):
    """Key: outcome, at, subject, event. What became of a message that no hourly count holds.

    | outcome | of | at | subject | event |
    |---|---|---|---|---|
    | accepted | a touchpoint on time, of an hour that is counted no more | occurred_at | customer_id | event_id |
    | late | a touchpoint beyond the allowed lateness | occurred_at | customer_id | event_id |
    | duplicate | a repeat, of an hour that is counted no more | occurred_at | topic | its `place` |
    | erased | a touchpoint of somebody who was erased, from before that | occurred_at | topic | its `place` |
    | deleted | a touchpoint on time whose row was deleted | start of its hour | "" | a digest |
    | refused | a refused message | refused_at | topic | its `place` |
    | stated | a business change, or marketing spend | occurred_at | change_id or spend_id | event_id |

    Attributes:
        version: of what was stated, that of its row.
    """

    kind: str
    at: Time
    outcome: Outcome
    subject: str
    event: str
    version: UInt64


def place(partition: int, offset: int) -> str:
    """Return where a message stands in its topic, as an `OutcomeRow` names it."""
    return f"{partition}/{offset}"


TABLES: dict[str, type[Row]] = {
    "touchpoints": TouchpointRow,
    "journeys": JourneyRow,
    "sentiment_shifts": ShiftRow,
    "abandonments": AbandonmentRow,
    "follow_ups": FollowUpRow,
    "superseded": SupersededRow,
    "metric_buckets": BucketRow,
    "currencies": CurrencyRow,
    "customers": CustomerRow,
    "dead_letters": DeadLetterRow,
    "clocks": ClockRow,
    "business_changes": BusinessChangeRow,
    "marketing_spend": MarketingSpendRow,
    "identities": IdentityRow,
    "identity_conflicts": IdentityConflictRow,
    "hourly_counts": HourlyCountRow,
    "outcomes": OutcomeRow,
}
"""Every table and the type of its rows. `dead_letters` is read from `touchpoints.dlq.v1` instead of a facts topic."""

FOLLOWERS = ("hourly_counts", "outcomes")
"""The tables that say which rows others have to hold.

They have no topic. Their messages stand in the topic of the rows that they speak of, same partition, behind these, and
their key is the table's name. So whoever has stored such a row has stored those that it speaks of.
"""

OUTCOMES = b"outcomes"
"""The key of a message that holds rows of outcomes."""

FACTS_FORMAT = 1
"""The first element of a message: version of its layout. It rises when a table's columns change."""

_encoder = msgspec.msgpack.Encoder()


def encode_row(row: Row) -> bytes:
    """Return a row as it stands in the message of a facts topic."""
    return _encoder.encode(row)


def encode_rows(rows: Sequence[Row | msgspec.Raw]) -> bytes:
    """Return the message of a facts topic that holds rows of one table; some may be encoded already."""
    return _encoder.encode((FACTS_FORMAT, rows))


def topic_of(table: str) -> str:
    """Return the name of a table's facts topic."""
    return f"facts.{table}.v1"
