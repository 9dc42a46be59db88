-- What analysts query: one row an entity, superseded versions and deleted rows gone, values in natural units.
--
-- customer_id is whoever owns the identity now, also in rows that nothing restates any more: sinks/owned.py says how it is
-- found, and sinks/kind_views.py makes the views of touchpoints.

-- The names that a customer's rows may be stored under: those that were ever theirs, some of them several times. By these
-- ClickHouse finds the rows of one customer by their key.
CREATE OR REPLACE VIEW touchline.owner_names AS
SELECT name, customer_ids
FROM touchline.owners_rows;

-- A path holds two characters a touchpoint; a code that is not in steps_rows is shown as it is. An action that its kind
-- does not declare is not in the path: the step is then the kind alone.
CREATE OR REPLACE VIEW touchline.journeys AS
WITH
    (
        SELECT (groupArray(code), groupArray(kind), groupArray(if(action = '', kind, concat(kind, ':', action))))
        FROM (SELECT code, kind, action FROM touchline.steps_rows FINAL ORDER BY code)
    ) AS declared,
    arrayMap(
        place -> substring(j.path, 2 * place + 1, 2),
        range(intDiv(length(j.path), 2))
    ) AS codes
SELECT
    journey_id,
    {owner of j.customer_id by started_at} AS customer_id,
    started_at,
    last_touch_at,
    ended_at,
    touchpoints,
    channels,
    arrayMap(code -> transform(code, declared.1, declared.2, code), codes) AS path,
    arrayMap(code -> transform(code, declared.1, declared.3, code), codes) AS steps,
    purchases,
    revenue_minor,
    currency,
    experience_first / 10000 AS experience_first,
    experience_last / 10000 AS experience_last,
    if(experience_n = 0, NULL, experience_sum / experience_n / 10000) AS experience_mean,
    outcome
FROM touchline.journeys_rows AS j FINAL
LEFT ANY JOIN {owners} AS o ON j.customer_id = o.name
WHERE NOT deleted;

CREATE OR REPLACE VIEW touchline.sentiment_shifts AS
SELECT
    shift_id,
    {owner of s.customer_id by onset_at} AS customer_id,
    journey_id,
    direction,
    detected_at,
    onset_at,
    onset_event_id,
    before_mean / 10000 AS before_mean,
    after_mean / 10000 AS after_mean,
    n_before,
    n_after,
    cause_event_id,
    cause_kind,
    detector,
    previous_customer_id
FROM touchline.sentiment_shifts_rows AS s FINAL
LEFT ANY JOIN {owners} AS o ON s.customer_id = o.name
WHERE NOT deleted;

CREATE OR REPLACE VIEW touchline.abandonments AS
SELECT
    subject,
    subject_id,
    {owner of a.customer_id by started_at} AS customer_id,
    journey_id,
    started_at,
    abandoned_at,
    waited_ms / 1000 AS waited_seconds,
    value_minor,
    currency,
    status,
    recovered_at,
    recovered_by,
    channel,
    attributes,
    previous_customer_id
FROM touchline.abandonments_rows AS a FINAL
LEFT ANY JOIN {owners} AS o ON a.customer_id = o.name
WHERE NOT deleted;

CREATE OR REPLACE VIEW touchline.dead_letters AS
SELECT topic, partition, offset, reason, detail, stage, refused_at, raw
FROM touchline.dead_letters_rows FINAL;

CREATE OR REPLACE VIEW touchline.clocks AS
SELECT partition, time, settled, offset
FROM touchline.clocks_rows FINAL;

CREATE OR REPLACE VIEW touchline.business_changes AS
SELECT change_id, name, topic, effective_at, reverted_at, event_id, occurred_at, source, attributes
FROM touchline.business_changes_rows FINAL;

CREATE OR REPLACE VIEW touchline.marketing_spend AS
SELECT
    spend_id, campaign, period_start, period_end, amount_minor, currency, event_id, occurred_at, source, attributes
FROM touchline.marketing_spend_rows FINAL;

CREATE OR REPLACE VIEW touchline.metric_definitions AS
SELECT metric, kind, title, observation, counted, restated_seconds, better
FROM touchline.metric_definitions_rows FINAL;

-- The business's own currency: the setting, or the only one that money has come in; NULL where there are several.
CREATE OR REPLACE VIEW touchline.own_currency AS
SELECT if(
    (SELECT max(value) FROM touchline.settings_rows FINAL WHERE name = 'currency') != '',
    (SELECT max(value) FROM touchline.settings_rows FINAL WHERE name = 'currency'),
    (SELECT if(uniqExact(currency) = 1, toNullable(max(currency)), NULL) FROM touchline.currencies_rows FINAL)
) AS currency;

-- The business's time zone, in which days, weeks and months begin: an IANA name.
CREATE OR REPLACE VIEW touchline.own_time_zone AS
SELECT if(max(value) = '', 'UTC', max(value)) AS time_zone
FROM touchline.settings_rows FINAL
WHERE name = 'time_zone';

-- The share that a metric should reach: by default, or as the business has set it.
CREATE OR REPLACE VIEW touchline.targets AS
SELECT t.aim.1 AS metric, t.aim.2 AS target
FROM
(
    SELECT arrayJoin(JSONExtractKeysAndValues(value, 'Float64')) AS aim
    FROM touchline.settings_rows FINAL
    WHERE name = 'targets'
) AS t;

-- The stored minutes, in the units they are stored in. Money outside the dimension `currency` is that in the business's
-- own currency; where that is not known, `mixed` says that the sum means nothing.
CREATE OR REPLACE VIEW touchline.metric_minutes AS
WITH
    (SELECT currency FROM touchline.own_currency) AS own,
    m.currency = '' OR m.dimension = 'currency' OR m.currency = ifNull(own, m.currency) AS is_own
SELECT
    m.metric AS metric,
    m.bucket AS bucket,
    m.dimension AS dimension,
    m.dimension_value AS dimension_value,
    if(is_own, m.n, 0) AS n,
    if(is_own, m.numerator, 0) AS numerator,
    if(is_own, m.squares, 0) AS squares,
    m.samples AS samples,
    m.samples_less AS samples_less,
    m.groups AS groups,
    m.group_counts AS group_counts,
    m.group_sums AS group_sums,
    isNull(own) AND m.currency != '' AND m.dimension != 'currency' AS mixed
FROM touchline.metric_buckets_rows AS m FINAL;

-- The minutes of all partitions, summed to each grain. A branch for each grain rather than one with the grain computed:
-- a query for one grain then reads one, and a condition on `bucket` prunes (CAST, unlike toDateTime64, lets it through
-- to the primary key; weeks and months look at all minutes of a metric). A day, a week (from Monday) and a month begin and end in the business's time zone: its name is asked
-- for emptiness once more, since it is empty while the view is being made. Where clocks skip midnight, a day later is an
-- hour before the next day: hence the two hours.
CREATE OR REPLACE VIEW touchline.metric_counts AS
SELECT
    b.metric AS metric,
    '1m' AS grain,
    b.bucket AS bucket,
    addMinutes(bucket, 1) AS ends_at,
    b.dimension AS dimension,
    b.dimension_value AS dimension_value,
    sum(b.n) AS n,
    sum(b.numerator) AS numerator,
    sum(b.squares) AS squares,
    groupArrayArray(b.samples) AS samples,
    groupArrayArray(b.samples_less) AS samples_less,
    sumMap(b.groups, b.group_counts, b.group_sums) AS groups,
    max(b.mixed) AS mixed
FROM touchline.metric_minutes AS b
GROUP BY metric, bucket, dimension, dimension_value
UNION ALL
SELECT
    b.metric AS metric,
    '1h' AS grain,
    CAST(toStartOfHour(b.bucket), 'DateTime64(3, ''UTC'')') AS bucket,
    addHours(bucket, 1) AS ends_at,
    b.dimension AS dimension,
    b.dimension_value AS dimension_value,
    sum(b.n) AS n,
    sum(b.numerator) AS numerator,
    sum(b.squares) AS squares,
    groupArrayArray(b.samples) AS samples,
    groupArrayArray(b.samples_less) AS samples_less,
    sumMap(b.groups, b.group_counts, b.group_sums) AS groups,
    max(b.mixed) AS mixed
FROM touchline.metric_minutes AS b
GROUP BY metric, bucket, dimension, dimension_value
UNION ALL
WITH
    assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
    if(stored = '', 'UTC', stored) AS zone
SELECT
    b.metric AS metric,
    '1d' AS grain,
    CAST(toStartOfDay(b.bucket, zone), 'DateTime64(3, ''UTC'')') AS bucket,
    CAST(toStartOfDay(addHours(addDays(toTimeZone(bucket, zone), 1), 2), zone), 'DateTime64(3, ''UTC'')') AS ends_at,
    b.dimension AS dimension,
    b.dimension_value AS dimension_value,
    sum(b.n) AS n,
    sum(b.numerator) AS numerator,
    sum(b.squares) AS squares,
    groupArrayArray(b.samples) AS samples,
    groupArrayArray(b.samples_less) AS samples_less,
    sumMap(b.groups, b.group_counts, b.group_sums) AS groups,
    max(b.mixed) AS mixed
FROM touchline.metric_minutes AS b
GROUP BY metric, bucket, dimension, dimension_value
UNION ALL
WITH
    assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
    if(stored = '', 'UTC', stored) AS zone
SELECT
    b.metric AS metric,
    '1w' AS grain,
    CAST(toDateTime(toMonday(b.bucket, zone), zone), 'DateTime64(3, ''UTC'')') AS bucket,
    CAST(toStartOfDay(addHours(addWeeks(toTimeZone(bucket, zone), 1), 2), zone), 'DateTime64(3, ''UTC'')') AS ends_at,
    b.dimension AS dimension,
    b.dimension_value AS dimension_value,
    sum(b.n) AS n,
    sum(b.numerator) AS numerator,
    sum(b.squares) AS squares,
    groupArrayArray(b.samples) AS samples,
    groupArrayArray(b.samples_less) AS samples_less,
    sumMap(b.groups, b.group_counts, b.group_sums) AS groups,
    max(b.mixed) AS mixed
FROM touchline.metric_minutes AS b
GROUP BY metric, bucket, dimension, dimension_value
UNION ALL
WITH
    assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
    if(stored = '', 'UTC', stored) AS zone
SELECT
    b.metric AS metric,
    '1mo' AS grain,
    CAST(toDateTime(toStartOfMonth(b.bucket, zone), zone), 'DateTime64(3, ''UTC'')') AS bucket,
    CAST(toStartOfDay(addHours(addMonths(toTimeZone(bucket, zone), 1), 2), zone), 'DateTime64(3, ''UTC'')') AS ends_at,
    b.dimension AS dimension,
    b.dimension_value AS dimension_value,
    sum(b.n) AS n,
    sum(b.numerator) AS numerator,
    sum(b.squares) AS squares,
    groupArrayArray(b.samples) AS samples,
    groupArrayArray(b.samples_less) AS samples_less,
    sumMap(b.groups, b.group_counts, b.group_sums) AS groups,
    max(b.mixed) AS mixed
FROM touchline.metric_minutes AS b
GROUP BY metric, bucket, dimension, dimension_value;

-- Intervals hold with 95 %: for NPS adjusted-Wald (three answers added, 3/4 promoter, 3/4 detractor, 3/2 passive:
-- B. Rocks, "Interval estimation for the Net Promoter Score", 2016), for shares Wilson's, for scores Student's t (its
-- quantile by Abramowitz and Stegun 26.7.5, within 0.1 % from three degrees of freedom on), NULL below five observations or
-- four independent ones. They count the observations as fewer where one
-- customer has several, by how much groups of customers differ (sinks/intervals.py): a bucket knows no customers.
-- What kind of value a metric has, and how long its buckets are restated, is in metric_definitions: two arrays beside
-- each other, so that a condition on `metric` or `bucket` still reaches the stored minutes. A bucket is final when the
-- settled time of every partition has passed its end by the allowed lateness of 3 days and by as long as later events
-- restate.
CREATE OR REPLACE VIEW touchline.rolling_metrics AS
WITH
    1.959963984540054 AS z,
    (SELECT min(settled) FROM touchline.clocks_rows FINAL) AS reached,
    (
        SELECT (groupArray(metric), groupArray(kind), groupArray(restated_seconds))
        FROM touchline.metric_definitions
    ) AS defined,
    indexOf(defined.1, c.metric) AS place,
    defined.2[place] AS kind,
    defined.3[place] AS restated_seconds,
    (SELECT (groupArray(metric), groupArray(target)) FROM touchline.targets) AS targets,
    indexOf(targets.1, c.metric) AS aim,
    toFloat64(c.n) AS count,
    if(c.mixed, NULL, c.numerator / multiIf(kind = 'duration', 1000, kind = 'mean', 10000, 1)) AS amount,
    -- Of how many independent observations there is as much to learn.
    toFloat64(c.numerator) AS total,
    if(kind = 'share', total * (1 - total / count), c.squares - total * total / count) AS varied,
    {spread of total in count varying by varied over c.groups} AS spread,
    count / spread AS worth,
    amount / spread AS worth_amount,
    -- NPS, of the answers and three more.
    worth_amount / (worth + 3) AS wald_mean,
    z * sqrt(greatest(0, (c.squares / spread + 1.5) / (worth + 3) - wald_mean * wald_mean) / (worth + 3))
        AS wald_margin,
    -- Means.
    amount / count AS mean,
    greatest(0, varied / 1e8) AS scores_varied,
    {student margin of scores_varied in count worth worth} AS student_margin,
    -- What one partition takes away another one has counted: how often each duration is left. Seldom there is any.
    if(empty(c.samples_less), [], c.samples) AS more,
    arrayReduce(
        'sumMap',
        [arrayConcat(more, c.samples_less)],
        [arrayConcat(arrayMap(duration -> 1, more), arrayMap(duration -> -1, c.samples_less))]
    ) AS net,
    if(
        empty(c.samples_less),
        c.samples,
        arrayFlatten(arrayMap((duration, times) -> arrayWithConstant(greatest(times, 0), duration), net.1, net.2))
    ) AS durations,
    -- Of no durations they are no numbers.
    arrayReduce('quantilesExactInclusive(0.5, 0.9, 0.99)', durations) AS quantiles
SELECT
    c.metric AS metric,
    c.grain AS grain,
    c.bucket AS bucket,
    c.dimension AS dimension,
    c.dimension_value AS dimension_value,
    toUInt64(c.n) AS n,
    amount AS numerator,
    count AS denominator,
    -- A promoter counts 1, a detractor -1: the squares add up to both.
    if(kind = 'nps', toUInt64(intDiv(c.squares + c.numerator, 2)), NULL) AS promoters,
    if(kind = 'nps', toUInt64(intDiv(c.squares - c.numerator, 2)), NULL) AS detractors,
    toNullable(multiIf(kind = 'nps', 100 * mean, kind = 'count', count, kind = 'sum', amount, mean)) AS value,
    if(isNaN(quantiles[1]), NULL, quantiles[1] / 1000) AS p50,
    if(isNaN(quantiles[2]), NULL, quantiles[2] / 1000) AS p90,
    if(isNaN(quantiles[3]), NULL, quantiles[3] / 1000) AS p99,
    multiIf(
        kind = 'nps', 100 * greatest(-1, least(mean, wald_mean - wald_margin)),
        kind = 'share', {wilson low of worth_amount in worth},
        kind = 'mean' AND count >= 5 AND worth >= 4, greatest(-1, mean - student_margin),
        NULL
    ) AS ci_low,
    multiIf(
        kind = 'nps', 100 * least(1, greatest(mean, wald_mean + wald_margin)),
        kind = 'share', {wilson high of worth_amount in worth},
        kind = 'mean' AND count >= 5 AND worth >= 4, least(1, mean + student_margin),
        NULL
    ) AS ci_high,
    toBool(ifNull(addSeconds(c.ends_at, 3 * 86400 + restated_seconds) <= reached, false)) AS final,
    if(aim = 0, NULL, toNullable(targets.2[aim])) AS target
FROM touchline.metric_counts AS c
WHERE c.n > 0;

-- Bits 48 to 61 of a version are the epoch. What an earlier epoch has counted holds no more: of its rows some are covered
-- by those of the epoch in force.
CREATE OR REPLACE VIEW touchline.own_epoch AS
SELECT max(bitAnd(bitShiftRight(version, 48), 16383)) AS epoch
FROM touchline.clocks_rows;

-- What has to be in the tables, and what is there, of each kind in each hour. A condition on `hour` prunes the stored rows
-- of each branch but the last two, which are few. `unmatched` is what has no row.
CREATE OR REPLACE VIEW touchline.reconciliation_counts AS
-- On time, as the log partitions have counted it.
SELECT
    kind,
    hour,
    toInt64(sum(accepted)) AS on_time,
    toInt64(0) AS on_time_found,
    toInt64(0) AS late,
    toInt64(0) AS stated,
    toInt64(0) AS refused,
    toInt64(sum(duplicates)) AS duplicates,
    toInt64(0) AS superseded,
    toInt64(0) AS found,
    toInt64(0) AS refused_found,
    toInt64(0) AS unmatched,
    toInt64(0) AS erased
FROM touchline.hourly_counts_rows FINAL
WHERE bitAnd(bitShiftRight(version, 48), 16383) = (SELECT epoch FROM touchline.own_epoch)
GROUP BY kind, hour
UNION ALL
-- The same, of hours that are counted no more.
SELECT
    kind,
    CAST(toStartOfHour(at), 'DateTime64(3, ''UTC'')') AS hour,
    toInt64(countIf(outcome = 'accepted')),
    0,
    0,
    0,
    0,
    toInt64(countIf(outcome = 'duplicate')),
    0,
    0,
    0,
    0,
    0
FROM touchline.outcomes_rows FINAL
WHERE outcome IN ('accepted', 'duplicate')
    AND bitAnd(bitShiftRight(version, 48), 16383) = (SELECT epoch FROM touchline.own_epoch)
GROUP BY kind, hour
UNION ALL
-- The rows of touchpoints. Bit 62 of a version is that of a row on time.
SELECT
    kind,
    CAST(toStartOfHour(occurred_at), 'DateTime64(3, ''UTC'')') AS hour,
    0,
    toInt64(countIf(
        NOT late AND bitAnd(bitShiftRight(version, 48), 16383) = (SELECT epoch FROM touchline.own_epoch)
    )),
    0,
    0,
    0,
    0,
    toInt64(countIf((customer_id, event_id) IN (
        SELECT customer_id, event_id FROM touchline.superseded_rows FINAL WHERE NOT deleted
    ))),
    toInt64(count()),
    0,
    0,
    0
FROM touchline.touchpoints_rows FINAL
GROUP BY kind, hour
UNION ALL
-- Those who were erased: rows on time that were deleted, and what was not let in.
SELECT
    kind,
    CAST(toStartOfHour(at), 'DateTime64(3, ''UTC'')') AS hour,
    0,
    toInt64(countIf(
        outcome = 'deleted' AND bitAnd(bitShiftRight(version, 48), 16383) = (SELECT epoch FROM touchline.own_epoch)
    )),
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    toInt64(count())
FROM touchline.outcomes_rows FINAL
WHERE outcome IN ('deleted', 'erased')
GROUP BY kind, hour
UNION ALL
-- Each late touchpoint beside the row with its key. Where that row is one on time, it came again when its event id was
-- forgotten.
SELECT
    said AS kind,
    hour,
    0,
    0,
    toInt64(countIf(NOT again)),
    0,
    0,
    toInt64(countIf(again)),
    0,
    0,
    0,
    toInt64(countIf(NOT stored)),
    0
FROM
(
    SELECT
        anyIf(kind, NOT is_row) AS said,
        CAST(toStartOfHour(at), 'DateTime64(3, ''UTC'')') AS hour,
        max(is_row) AS stored,
        max(is_on_time) AS again
    FROM
    (
        SELECT kind, subject, at, event, false AS is_row, false AS is_on_time
        FROM touchline.outcomes_rows FINAL
        WHERE outcome = 'late'
            AND bitAnd(bitShiftRight(version, 48), 16383) = (SELECT epoch FROM touchline.own_epoch)
        UNION ALL
        SELECT kind, stated_key AS subject, occurred_at AS at, event_id AS event, true, NOT late
        FROM touchline.touchpoints_rows
        WHERE (stated_key, occurred_at, event_id) IN (
            SELECT subject, at, event FROM touchline.outcomes_rows
            WHERE outcome = 'late'
                AND bitAnd(bitShiftRight(version, 48), 16383) = (SELECT epoch FROM touchline.own_epoch)
        )
    )
    GROUP BY subject, at, event
)
GROUP BY said, hour
UNION ALL
-- Refused messages.
SELECT
    kind,
    CAST(toStartOfHour(at), 'DateTime64(3, ''UTC'')') AS hour,
    0,
    0,
    0,
    0,
    toInt64(count()),
    0,
    0,
    0,
    toInt64(countIf(stored)),
    toInt64(countIf(NOT stored)),
    0
FROM
(
    SELECT
        kind,
        at,
        (subject, event) IN (
            SELECT topic, concat(toString(partition), '/', toString(offset)) FROM touchline.dead_letters_rows
        ) AS stored
    FROM touchline.outcomes_rows FINAL
    WHERE outcome = 'refused'
)
GROUP BY kind, hour
UNION ALL
-- Statements of business changes and of marketing spend: of one thing the latest has the row.
SELECT
    kind,
    CAST(toStartOfHour(at), 'DateTime64(3, ''UTC'')') AS hour,
    0,
    0,
    0,
    toInt64(count()),
    0,
    0,
    toInt64(countIf(NOT holds)),
    toInt64(countIf(stored)),
    0,
    toInt64(countIf(holds AND NOT stored)),
    0
FROM
(
    SELECT
        kind,
        at,
        (kind, subject, version) IN (
            SELECT kind, subject, max(version) FROM touchline.outcomes_rows
            WHERE outcome = 'stated' GROUP BY kind, subject
        ) AS holds,
        (kind, subject, version) IN (
            SELECT 'business_change', change_id, version FROM touchline.business_changes_rows FINAL
            UNION ALL
            SELECT 'marketing_spend', spend_id, version FROM touchline.marketing_spend_rows FINAL
        ) AS stored
    FROM touchline.outcomes_rows FINAL
    WHERE outcome = 'stated'
)
GROUP BY kind, hour;

-- Whether all that was accepted and refused is in the tables. Rows of an hour are stored before the count of the hour that
-- speaks of them, so what is missing is missing, also while the sink is behind.
CREATE OR REPLACE VIEW touchline.reconciliation AS
WITH
    (SELECT (groupArray(kind), groupArray(topic)) FROM (SELECT kind, topic FROM touchline.kinds_rows FINAL)) AS topics,
    (SELECT min(settled) FROM touchline.clocks_rows FINAL) AS reached,
    (
        SELECT toUInt32OrZero(max(value)) FROM touchline.settings_rows FINAL WHERE name = 'retention_days'
    ) AS kept_days
SELECT
    transform(c.kind, topics.1, topics.2, c.kind) AS topic,
    -- Of a refused message of a topic with several kinds, the topic stands in its place.
    if(has(topics.1, c.kind), c.kind, '') AS kind,
    c.hour AS hour,
    toUInt64(sum(c.on_time) + sum(c.late) + sum(c.stated)) AS accepted,
    toUInt64(sum(c.late)) AS late,
    toUInt64(sum(c.refused)) AS refused,
    toUInt64(sum(c.duplicates)) AS duplicates,
    toUInt64(sum(c.superseded)) AS superseded,
    toUInt64(sum(c.found)) AS found,
    toUInt64(sum(c.refused_found)) AS refused_found,
    toUInt64(sum(c.erased)) AS erased,
    toUInt64(if(
        kept_days > 0 AND addDays(hour, kept_days) <= now64(3),
        0,
        greatest(0, sum(c.on_time) - sum(c.on_time_found)) + sum(c.unmatched)
    )) AS missing,
    toBool(ifNull(addDays(addHours(hour, 1), 3) <= reached, false)) AS final
FROM touchline.reconciliation_counts AS c
GROUP BY c.kind, c.hour;

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
