-- Follow-ups: someone should get back to a customer, by when, and what has become of it.

CREATE TABLE IF NOT EXISTS touchline.follow_ups_rows
(
    follow_up_id String CODEC(ZSTD(1)),
    customer_id String CODEC(ZSTD(1)),
    journey_id String CODEC(ZSTD(1)),
    reason LowCardinality(String),
    status LowCardinality(String),
    happened_at DateTime64(3, 'UTC'),
    opened_at DateTime64(3, 'UTC'),
    due_at DateTime64(3, 'UTC'),
    settle_due_at Nullable(DateTime64(3, 'UTC')),
    warned_at Nullable(DateTime64(3, 'UTC')),
    missed_at Nullable(DateTime64(3, 'UTC')),
    contacted_at Nullable(DateTime64(3, 'UTC')),
    closed_at Nullable(DateTime64(3, 'UTC')),
    causes UInt32,
    event_id String CODEC(ZSTD(1)),
    subject_id String CODEC(ZSTD(1)),
    topic LowCardinality(String),
    lang LowCardinality(String),
    owner LowCardinality(String),
    value_minor Int64,
    currency LowCardinality(String),
    experience_before Nullable(Int16),
    experience_after Nullable(Int16),
    may_ask Bool,
    channel LowCardinality(String),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    changed_at DateTime64(3, 'UTC'),
    previous_customer_id Nullable(String),
    deleted Bool,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (customer_id, follow_up_id);

-- `as_of` is the time that the pipeline has reached: what is not closed has its age by then, and what nobody has been in
-- contact about the time that is left, which is negative once it is late.
CREATE OR REPLACE VIEW touchline.follow_ups AS
WITH greatest(f.changed_at, assumeNotNull((SELECT min(time) FROM touchline.clocks))) AS reached
SELECT
    follow_up_id,
    {owner of f.customer_id by happened_at} AS customer_id,
    journey_id,
    reason,
    status,
    happened_at,
    opened_at,
    due_at,
    settle_due_at,
    warned_at,
    missed_at,
    contacted_at,
    closed_at,
    causes,
    event_id,
    subject_id,
    topic,
    lang,
    f.owner AS owner,
    value_minor,
    currency,
    experience_before / 10000 AS experience_before,
    experience_after / 10000 AS experience_after,
    may_ask,
    channel,
    attributes,
    f.changed_at AS changed_at,
    previous_customer_id,
    if(closed_at IS NULL, toNullable(dateDiff('millisecond', happened_at, reached)), NULL) / 1000 AS age_seconds,
    if(closed_at IS NULL AND contacted_at IS NULL, toNullable(dateDiff('millisecond', reached, due_at)), NULL) / 1000
        AS left_seconds,
    reached AS as_of
FROM touchline.follow_ups_rows AS f FINAL
LEFT ANY JOIN touchline.owners AS o ON f.customer_id = o.name
WHERE NOT deleted;
