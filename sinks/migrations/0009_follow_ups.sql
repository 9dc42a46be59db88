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
LEFT ANY JOIN {owners} AS o ON f.customer_id = o.name
WHERE NOT deleted;

-- How well customers are got back to, by the day, week or month in which the reason arose, in the business's time zone, and
-- by reason, channel, topic and owner. Thanks are in none of it, nor is what was withdrawn. What the customer settled by its
-- due_at without anybody's contact needed none. `undecided` is how many observations are still to come; what comes later
-- changes its bucket, however old that is. Intervals are of as many independent follow-ups as all are worth: those of one
-- customer are alike.
CREATE OR REPLACE VIEW touchline.follow_up_metrics AS
WITH
    (SELECT (groupArray(metric), groupArray(target)) FROM touchline.targets) AS targets,
    indexOf(targets.1, m.metric) AS aim
SELECT
    m.metric AS metric,
    m.grain AS grain,
    m.bucket AS bucket,
    m.dimension.1 AS dimension,
    m.dimension.2 AS dimension_value,
    toUInt64(m.counted) AS n,
    m.total AS numerator,
    if(m.counted = 0, NULL, toNullable(m.total / m.counted)) AS value,
    if(m.counted = 0, NULL, toNullable({wilson low of m.total_worth in m.worth})) AS ci_low,
    if(m.counted = 0, NULL, toNullable({wilson high of m.total_worth in m.worth})) AS ci_high,
    toUInt64(m.undecided) AS undecided,
    if(aim = 0, NULL, toNullable(targets.2[aim])) AS target
FROM
(
    SELECT
        metric,
        grain,
        bucket,
        dimension,
        sum(c.counted) AS counted,
        toFloat64(sum(c.total)) AS total,
        sum(c.undecided) AS undecided,
        {customers of c.total in c.counted} AS customers,
        {spread of total in counted by customers} AS spread,
        counted / spread AS worth,
        total / spread AS total_worth
    FROM
    (
        WITH
            assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
            if(stored = '', 'UTC', stored) AS zone
        SELECT
            o.observed.1 AS metric,
            o.grain AS grain,
            CAST(
                multiIf(
                    o.grain = '1d', toStartOfDay(o.happened_at, zone),
                    o.grain = '1w', toDateTime(toMonday(o.happened_at, zone), zone),
                    toDateTime(toStartOfMonth(o.happened_at, zone), zone)
                ),
                'DateTime64(3, ''UTC'')'
            ) AS bucket,
            o.dimension AS dimension,
            countIf(o.observed.2) AS counted,
            countIf(o.observed.2 AND o.observed.3) AS total,
            countIf(NOT o.observed.2 AND o.observed.4) AS undecided
        FROM
        (
            -- Of each: the metric, whether it is observed, whether it counts, and else whether it is still to come.
            SELECT
                f.happened_at AS happened_at,
                f.customer_id AS customer_id,
                arrayJoin([
                    (
                        'follow_ups_in_time',
                        f.contacted_at IS NOT NULL
                            OR (f.due_at < f.as_of AND (f.closed_at IS NULL OR ifNull(f.closed_at > f.due_at, false))),
                        ifNull(f.contacted_at <= f.due_at, false),
                        f.closed_at IS NULL
                    ),
                    (
                        'follow_ups_settled',
                        f.settle_due_at IS NOT NULL
                            AND (f.status = 'settled' OR ifNull(f.settle_due_at < f.as_of, false)),
                        f.status = 'settled' AND ifNull(f.closed_at <= f.settle_due_at, false),
                        f.settle_due_at IS NOT NULL
                    ),
                    (
                        'recovered_share',
                        f.experience_before IS NOT NULL AND f.experience_after IS NOT NULL,
                        ifNull(f.experience_after > f.experience_before, false),
                        f.experience_before IS NOT NULL AND f.status != 'expired'
                            AND f.as_of < addDays(f.happened_at, 30)
                    )
                ]) AS observed,
                arrayJoin(['1d', '1w', '1mo']) AS grain,
                arrayJoin(arrayFilter(dimension -> dimension.1 = 'all' OR dimension.2 != '', [
                    ('all', ''), ('reason', f.reason), ('channel', f.channel), ('topic', f.topic), ('owner', f.owner)
                ])) AS dimension
            FROM touchline.follow_ups AS f
            WHERE f.reason != 'thank_you' AND f.status != 'withdrawn'
        ) AS o
        GROUP BY metric, grain, bucket, dimension, o.customer_id
    ) AS c
    GROUP BY metric, grain, bucket, dimension
) AS m
WHERE m.counted > 0 OR m.undecided > 0;
