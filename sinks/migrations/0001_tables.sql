-- The stored tables: one for each type of row in schemas/rows.py, with its fields in its order.
--
-- Every row carries its version. A row that is sent again is the same row, and the highest version of a key is the true
-- one: sorting keys and partitions are made of attributes that never change, so versions always meet. Read with FINAL,
-- or rather, read the views of 0002. Scores are whole ten-thousandths, durations milliseconds, money minor units.

CREATE TABLE IF NOT EXISTS touchline.touchpoints_rows
(
    event_id String CODEC(ZSTD(1)),
    kind LowCardinality(String),
    occurred_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    customer_id String CODEC(ZSTD(1)),
    journey_id String CODEC(ZSTD(1)),
    channel LowCardinality(String),
    source LowCardinality(String),
    action LowCardinality(String),
    text String CODEC(ZSTD(1)),
    sentiment Nullable(Int16),
    scorer LowCardinality(String),
    topics Array(LowCardinality(String)),
    topics_by LowCardinality(String),
    experience Nullable(Int16),
    value_minor Nullable(Int64),
    currency LowCardinality(Nullable(String)),
    subject_id String CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    fields String EPHEMERAL,
    late Bool,
    ahead Bool,
    stated_key String CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    INDEX customer_index customer_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX event_index event_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY if(toYear(occurred_at) < 2025, toYear(occurred_at) * 100, toYYYYMM(occurred_at))
ORDER BY (stated_key, occurred_at, event_id);

CREATE TABLE IF NOT EXISTS touchline.journeys_rows
(
    journey_id String CODEC(ZSTD(1)),
    customer_id String CODEC(ZSTD(1)),
    started_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    last_touch_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    ended_at Nullable(DateTime64(3, 'UTC')),
    touchpoints UInt64,
    channels Array(LowCardinality(String)),
    path String CODEC(ZSTD(1)),
    purchases UInt64,
    revenue_minor Int64,
    currency LowCardinality(String),
    experience_first Nullable(Int16),
    experience_last Nullable(Int16),
    experience_sum Int64,
    experience_n UInt64,
    outcome LowCardinality(String),
    deleted Bool,
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY journey_id;

CREATE TABLE IF NOT EXISTS touchline.sentiment_shifts_rows
(
    shift_id String,
    customer_id String,
    journey_id String,
    direction LowCardinality(String),
    detected_at DateTime64(3, 'UTC'),
    onset_at DateTime64(3, 'UTC'),
    onset_event_id String,
    before_mean Int16,
    after_mean Int16,
    n_before UInt64,
    n_after UInt64,
    cause_event_id Nullable(String),
    cause_kind LowCardinality(Nullable(String)),
    detector LowCardinality(String),
    previous_customer_id Nullable(String),
    deleted Bool,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (customer_id, shift_id);

CREATE TABLE IF NOT EXISTS touchline.abandonments_rows
(
    family LowCardinality(String),
    subject LowCardinality(String),
    subject_id String,
    customer_id String,
    journey_id String,
    started_at DateTime64(3, 'UTC'),
    abandoned_at DateTime64(3, 'UTC'),
    waited_ms Int64,
    value_minor Nullable(Int64),
    currency LowCardinality(Nullable(String)),
    status LowCardinality(String),
    recovered_at Nullable(DateTime64(3, 'UTC')),
    recovered_by LowCardinality(Nullable(String)),
    channel LowCardinality(String),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    previous_customer_id Nullable(String),
    deleted Bool,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (family, customer_id, subject_id, started_at);

-- The touchpoints whose statement of an answer or an order holds no longer.
CREATE TABLE IF NOT EXISTS touchline.superseded_rows
(
    customer_id String CODEC(ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    by String CODEC(ZSTD(1)),
    deleted Bool,
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (customer_id, event_id);

CREATE TABLE IF NOT EXISTS touchline.metric_buckets_rows
(
    metric LowCardinality(String),
    bucket DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    dimension LowCardinality(String),
    dimension_value String CODEC(ZSTD(1)),
    currency LowCardinality(String),
    partition UInt32,
    n Int64,
    numerator Int64,
    squares Int64,
    samples Array(Int64) CODEC(ZSTD(1)),
    samples_less Array(Int64) CODEC(ZSTD(1)),
    groups Array(Int64) CODEC(ZSTD(1)),
    group_counts Array(Int64) CODEC(ZSTD(1)),
    group_sums Array(Int64) CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY if(toYear(bucket) < 2025, toYear(bucket) * 100, toYYYYMM(bucket))
ORDER BY (metric, dimension, dimension_value, bucket, currency, partition);

-- The currencies that money has come in.
CREATE TABLE IF NOT EXISTS touchline.currencies_rows
(
    currency String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY currency;

CREATE TABLE IF NOT EXISTS touchline.customers_rows
(
    customer_id String CODEC(ZSTD(1)),
    first_seen_at DateTime64(3, 'UTC'),
    last_seen_at DateTime64(3, 'UTC'),
    touchpoints UInt64,
    purchases UInt64,
    spend_minor Int64,
    refunded_minor Int64,
    currency LowCardinality(String),
    experience_sum Int64,
    experience_n UInt64,
    last_nps Nullable(Float64),
    open_cases UInt64,
    status LowCardinality(String),
    deleted Bool,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY customer_id;

CREATE TABLE IF NOT EXISTS touchline.dead_letters_rows
(
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64,
    reason LowCardinality(String),
    detail String,
    stage LowCardinality(String),
    refused_at DateTime64(3, 'UTC'),
    raw String CODEC(ZSTD(1)),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, partition, offset);

CREATE TABLE IF NOT EXISTS touchline.clocks_rows
(
    partition UInt32,
    time DateTime64(3, 'UTC'),
    settled DateTime64(3, 'UTC'),
    offset Int64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY partition;

CREATE TABLE IF NOT EXISTS touchline.business_changes_rows
(
    change_id String,
    name String,
    topic Nullable(String),
    effective_at DateTime64(3, 'UTC'),
    reverted_at Nullable(DateTime64(3, 'UTC')),
    event_id String,
    occurred_at DateTime64(3, 'UTC'),
    source LowCardinality(String),
    attributes Map(LowCardinality(String), String),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY change_id;

CREATE TABLE IF NOT EXISTS touchline.marketing_spend_rows
(
    spend_id String,
    campaign Nullable(String),
    period_start DateTime64(3, 'UTC'),
    period_end DateTime64(3, 'UTC'),
    amount_minor Int64,
    currency LowCardinality(String),
    event_id String,
    occurred_at DateTime64(3, 'UTC'),
    source LowCardinality(String),
    attributes Map(LowCardinality(String), String),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY spend_id;

-- How many rows of touchpoints an hour has to have. To drop a month of touchpoints_rows, drop it here and below, too.
CREATE TABLE IF NOT EXISTS touchline.hourly_counts_rows
(
    kind LowCardinality(String),
    hour DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    partition UInt32,
    accepted UInt64,
    duplicates UInt64,
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY if(toYear(hour) < 2025, toYear(hour) * 100, toYYYYMM(hour))
ORDER BY (kind, hour, partition);

-- What became of the messages that are in no hourly count.
CREATE TABLE IF NOT EXISTS touchline.outcomes_rows
(
    kind LowCardinality(String),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    outcome LowCardinality(String),
    subject String CODEC(ZSTD(1)),
    event String CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY if(toYear(at) < 2025, toYear(at) * 100, toYYYYMM(at))
ORDER BY (outcome, at, subject, event);

-- Reference tables: what the code declares, filled by every `touchline migrate`.

CREATE TABLE IF NOT EXISTS touchline.metric_definitions_rows
(
    metric String,
    kind LowCardinality(String),
    restated_seconds UInt64,
    observation String,
    counted String,
    title String,
    better LowCardinality(String),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY metric;

-- Settings that the views follow.
CREATE TABLE IF NOT EXISTS touchline.settings_rows
(
    name String,
    value String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY name;

-- What the codes in journeys_rows.path stand for: `touchline migrate` fills it from schemas/kinds/. Codes of steps that
-- are no longer declared stay, for the journeys that hold them. `action` is empty for actions that are not declared.
CREATE TABLE IF NOT EXISTS touchline.steps_rows
(
    code String,
    kind String,
    action String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY code;

-- The topics that each kind comes from, joined by +.
CREATE TABLE IF NOT EXISTS touchline.kinds_rows
(
    kind String,
    topic String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY kind;

-- Whose an identity is, as of each time at which that changed.
CREATE TABLE IF NOT EXISTS touchline.identities_rows
(
    kind LowCardinality(String),
    value String CODEC(ZSTD(1)),
    since Array(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    customer_ids Array(String) CODEC(ZSTD(1)),
    event_ids Array(String) CODEC(ZSTD(1)),
    changed_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (kind, value, version);

-- Whose an identity is now, by what it is called in other tables: the newest of its rows above, whatever their number. What
-- is stored twice is the same row, so the view that fills it may see a row again.
CREATE TABLE IF NOT EXISTS touchline.owners_rows
(
    name String CODEC(ZSTD(1)),
    since Array(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    customer_ids Array(String) CODEC(ZSTD(1)),
    changed_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY name;

CREATE MATERIALIZED VIEW IF NOT EXISTS touchline.owners_from_identities TO touchline.owners_rows AS
SELECT
    if(kind = 'customer', value, concat('anon:', kind, ':', value)) AS name,
    since,
    customer_ids,
    changed_at,
    version
FROM touchline.identities_rows;

-- Links between two identities that link nothing.
CREATE TABLE IF NOT EXISTS touchline.identity_conflicts_rows
(
    kind LowCardinality(String),
    value String CODEC(ZSTD(1)),
    other_kind LowCardinality(String),
    other_value String CODEC(ZSTD(1)),
    reason LowCardinality(String),
    customer_ids Array(String),
    event_id String CODEC(ZSTD(1)),
    occurred_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    deleted Bool,
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (kind, value, other_kind, other_value);

-- What was deleted of those who were erased: how many rows of a table, for each message that said so.
CREATE TABLE IF NOT EXISTS touchline.erasures_rows
(
    erasure_id String,
    table LowCardinality(String),
    part String,
    erased_at DateTime64(3, 'UTC'),
    deleted UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (erasure_id, table, part);
