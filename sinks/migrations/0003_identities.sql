-- Whose an identifier is, as of each time at which that changed; and the links that link nothing.

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

-- One row an ownership: what is known now has no superseded_at. Before its first ownership an identity is its own.
CREATE OR REPLACE VIEW touchline.identities AS
SELECT
    kind,
    value,
    owned.1 AS customer_id,
    owned.2 AS since,
    owned.3 AS event_id,
    min(changed_at) AS known_from,
    if(max(is_last), NULL, max(next_at)) AS superseded_at
FROM
(
    SELECT
        kind,
        value,
        arrayJoin(arrayZip(customer_ids, since, event_ids)) AS owned,
        changed_at,
        next_at,
        is_last
    FROM
    (
        SELECT
            kind,
            value,
            customer_ids,
            since,
            event_ids,
            changed_at,
            leadInFrame(changed_at) OVER following AS next_at,
            row_number() OVER following = count() OVER (PARTITION BY kind, value) AS is_last
        FROM touchline.identities_rows FINAL
        WINDOW following AS (
            PARTITION BY kind, value ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        )
    )
)
GROUP BY kind, value, owned;

CREATE OR REPLACE VIEW touchline.identity_conflicts AS
SELECT kind, value, other_kind, other_value, reason, customer_ids, event_id, occurred_at
FROM touchline.identity_conflicts_rows FINAL
WHERE NOT deleted;
