-- Levels: each metric against its own history, by the hour, and by the day as the sum of its hours.

-- Which hours of the last eight weeks an hour is compared with: `hour_of_week` or `hour_of_day`.
CREATE OR REPLACE VIEW touchline.own_baseline AS
SELECT if(max(value) = '', 'hour_of_week', max(value)) AS method
FROM touchline.settings_rows FINAL
WHERE name = 'baseline';

-- The hours of the clock on the wall that a series has, those without observations too, from its first to the last that is
-- over and holds: what is restated for longer than statements are corrected (3 days) holds once nothing later can change
-- it. An hour that clocks repeat is one of two hours. `weight` is what a rate is of: the observations, or for counts and
-- sums the hours. Scores and durations are as they are stored.
CREATE OR REPLACE VIEW touchline.metric_hours AS
WITH
    assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
    if(stored = '', 'UTC', stored) AS zone,
    (
        SELECT (groupArray(metric), groupArray(kind), groupArray(if(restated_seconds > 3 * 86400, restated_seconds, 0)))
        FROM touchline.metric_definitions
    ) AS defined,
    toDateTime(a.hour * 3600, 'UTC') AS at
SELECT
    a.metric AS metric,
    a.dimension AS dimension,
    a.dimension_value AS dimension_value,
    toString(defined.2[indexOf(defined.1, a.metric)]) AS kind,
    toInt32(toDate(at, zone)) AS day,
    toHour(at, zone) AS hour_of_day,
    min(at) AS bucket,
    toFloat64(sum(a.n)) AS n,
    if(kind IN ('count', 'sum'), toFloat64(uniqExact(a.hour)), n) AS weight,
    if(kind = 'count', n, toFloat64(sum(a.numerator))) AS total,
    toFloat64(sum(a.squares)) AS squares
FROM
(
    SELECT s.metric, s.dimension, s.dimension_value, s.one.1 AS hour, s.one.2 AS n, s.one.3 AS numerator, s.one.4 AS squares
    FROM
    (
        WITH
            (SELECT toUnixTimestamp(min(time)) FROM touchline.clocks) AS reached,
            (
                SELECT (groupArray(metric), groupArray(if(restated_seconds > 3 * 86400, restated_seconds, 0)))
                FROM touchline.metric_definitions
            ) AS held
        SELECT
            c.metric AS metric,
            c.dimension AS dimension,
            c.dimension_value AS dimension_value,
            groupArray((toInt64(intDiv(toUnixTimestamp(c.bucket), 3600)), c.n, c.numerator, c.squares)) AS observed,
            arrayMin(one -> one.1, observed) AS first,
            intDiv(toInt64(ifNull(reached, 0)) - toInt64(held.2[indexOf(held.1, c.metric)]), 3600) AS ended,
            arrayMap(hour -> (toInt64(hour), toInt64(0), toInt64(0), toInt64(0)), range(first, greatest(first, ended))) AS all,
            arrayJoin(arrayConcat(arrayFilter(one -> one.1 < ended, observed), all)) AS one
        FROM touchline.metric_counts AS c
        WHERE c.grain = '1h' AND c.n > 0 AND NOT c.mixed
        GROUP BY metric, dimension, dimension_value
    ) AS s
) AS a
GROUP BY metric, dimension, dimension_value, day, hour_of_day;

-- One row for each day of a series, with its 24 hours in arrays; a skipped hour has no weight. The window `alike` holds the
-- same weekday (or every day) of the eight weeks before, `before` all their days.
CREATE OR REPLACE VIEW touchline.metric_days AS
WITH
    assumeNotNull((SELECT method FROM touchline.own_baseline)) AS method
SELECT
    *,
    sum(d.day_n) OVER before AS past_n,
    sum(d.day_weight) OVER before AS past_weight,
    sum(d.day_total) OVER before AS past_total,
    sum(d.day_squares) OVER before AS past_squares,
    min(d.day) OVER before AS past_since,
    groupArray((d.day, d.day_weight, d.day_total)) OVER before AS past_days,
    groupArray((d.weights, d.totals)) OVER alike AS past
FROM
(
    SELECT
        metric,
        dimension,
        dimension_value,
        h.kind AS kind,
        day,
        groupArrayInsertAt(toDateTime(0, 'UTC'), 24)(h.bucket, h.hour_of_day) AS buckets,
        groupArrayInsertAt(0., 24)(h.n, h.hour_of_day) AS ns,
        groupArrayInsertAt(0., 24)(h.weight, h.hour_of_day) AS weights,
        groupArrayInsertAt(0., 24)(h.total, h.hour_of_day) AS totals,
        sum(h.n) AS day_n,
        sum(h.weight) AS day_weight,
        sum(h.total) AS day_total,
        sum(h.squares) AS day_squares
    FROM touchline.metric_hours AS h
    GROUP BY metric, dimension, dimension_value, kind, day
) AS d
WINDOW
    before AS (
        PARTITION BY metric, dimension, dimension_value ORDER BY d.day RANGE BETWEEN 56 PRECEDING AND 1 PRECEDING
    ),
    alike AS (
        PARTITION BY metric, dimension, dimension_value, if(method = 'hour_of_day', 0, d.day % 7)
        ORDER BY d.day RANGE BETWEEN 56 PRECEDING AND 1 PRECEDING
    );

-- The baseline of each hour: the rate of the hours that it is compared with, and how far an observation scatters. Of those
-- hours a little is taken from the mean of the series, so that few observations never make a rate of zero; and none of
-- them counts for more than three standard deviations and one observation away from the others.
CREATE OR REPLACE VIEW touchline.metric_baselines AS
WITH
    if(b.past_weight = 0, 0., b.past_total / b.past_weight) AS mean,
    -- What one observation adds: an order's mean amount, a duration's mean.
    multiIf(
        b.kind = 'sum', if(b.past_n = 0, 0., b.past_total / b.past_n), b.kind = 'duration', mean, b.kind = 'mean', 10000., 1.
    ) AS unit,
    multiIf(b.kind IN ('count', 'sum'), if(mean <= 0, 0., 0.5 * unit / mean), 10.) AS prior,
    -- The variance of an observation about its rate.
    if(
        b.kind IN ('nps', 'mean'),
        greatest(1e-4 * unit * unit, b.past_squares / greatest(1., b.past_n) - mean * mean),
        0.
    ) AS spread,
    -- The rate of the median week.
    arrayFilter(one -> one.1 > 0, arrayMap(
        week -> (
            arraySum(one -> if(intDiv(b.day - 1 - one.1, 7) = week, one.2, 0.), b.past_days),
            arraySum(one -> if(intDiv(b.day - 1 - one.1, 7) = week, one.3, 0.), b.past_days)
        ),
        range(8)
    )) AS weeks,
    if(
        b.kind = 'share',
        arrayReduce('median', arrayMap(one -> (one.2 + 0.5) / (one.1 - one.2 + 0.5), weeks))
            / ((b.past_total + 0.5) / (b.past_weight - b.past_total + 0.5)),
        arrayReduce('median', arrayMap(one -> one.2 / one.1, weeks))
    ) AS middle,
    arrayReduce('sumForEach', arrayPushBack(b.past.1, arrayWithConstant(24, 0.))) AS past_weights,
    arrayMap(
        (total, weight) -> if(weight + prior <= 0, 0., (total + prior * mean) / (weight + prior)),
        arrayReduce('sumForEach', arrayPushBack(b.past.2, arrayWithConstant(24, 0.))), past_weights
    ) AS plain_rates
SELECT
    metric,
    dimension,
    dimension_value,
    kind,
    day,
    buckets,
    ns,
    weights,
    totals,
    past_n,
    past_since,
    mean,
    unit,
    spread,
    arrayMap(
        (total, weight) -> if(weight + prior <= 0, 0., (total + prior * mean) / (weight + prior)),
        arrayReduce('sumForEach', arrayPushBack(arrayMap(
            one -> arrayMap(
                (weight, total, rate) -> (
                    weight * rate + greatest(
                        -3 * sqrt(greatest(0., weight * multiIf(b.kind IN ('count', 'sum'), rate * unit, b.kind = 'share', rate * (1 - rate), b.kind = 'duration', rate * rate, spread))) - unit,
                        least(3 * sqrt(greatest(0., weight * multiIf(b.kind IN ('count', 'sum'), rate * unit, b.kind = 'share', rate * (1 - rate), b.kind = 'duration', rate * rate, spread))) + unit, total - weight * rate)
                    )
                ),
                one.1, one.2, plain_rates
            ),
            b.past
        ), arrayWithConstant(24, 0.))),
        past_weights
    ) AS held_rates,
    arrayMap(
        rate -> multiIf(
            isNaN(middle), rate,
            b.kind = 'share', rate * middle / (1 - rate + rate * middle),
            b.kind IN ('nps', 'mean'), rate + middle - mean,
            mean = 0, rate,
            rate * middle / mean
        ),
        held_rates
    ) AS rates,
    arrayMap(rate -> multiIf(b.kind IN ('count', 'sum'), rate * unit, b.kind = 'share', rate * (1 - rate), b.kind = 'duration', rate * rate, spread), rates) AS scatters,
    arraySum((weight, total, rate) -> total - weight * rate, weights, totals, rates) AS off,
    arraySum((weight, one) -> weight * one, weights, scatters) AS expected_square
FROM touchline.metric_days AS b;

-- How many times more the sum of a day scatters than independent observations would: the median of the last eight weeks,
-- which single bad days do not move (0.4549 is the median of chi-squared with one degree of freedom). `known` says whether
-- there is enough to judge by: four weeks of history, four more of days that had a baseline, and 30 observations' worth.
-- `sought` is the logarithm of the change that is looked for: a rate times so much or divided by so much. It is a half, or
-- more where eight weeks do not tell the rate as well (five standard errors).
CREATE OR REPLACE VIEW touchline.metric_scatters AS
WITH
    if(s.kind = 'share', s.past_n * s.mean * (1 - s.mean), s.past_n) / s.excess AS information
SELECT
    * EXCEPT (off, expected_square, is_told),
    information >= 30 AND s.past_since <= s.day - 28 AND s.days >= 20 AS known,
    greatest(log(1.5), 5 / sqrt(greatest(1., information))) AS sought
FROM
(
    SELECT
        *,
        b.expected_square > 0 AND b.past_n > 0 AND b.past_since <= b.day - 28 AS is_told,
        countIf(is_told) OVER before AS days,
        greatest(
            1., ifNotFinite(medianIf(b.off * b.off / b.expected_square, is_told) OVER before, 1.) / 0.4549364
        ) AS excess
    FROM touchline.metric_baselines AS b
    WINDOW before AS (
        PARTITION BY metric, dimension, dimension_value ORDER BY b.day RANGE BETWEEN 56 PRECEDING AND 1 PRECEDING
    )
) AS s;

-- One row a series: its days in order, and its anomalies by when they start, are found, and end. A cumulative sum of log
-- likelihood ratios (Page, "Continuous inspection schemes", Biometrika 41, 1954) finds a rise, another a fall: by how much
-- likelier a changed rate has made what came since. It starts anew at zero, so the last zero is the start. Where the rate
-- has not changed it reaches log(2 * 8766) once in two years of hours or less often (Lorden, "Procedures for reacting to a
-- change in distribution", 1971), and so one of the two once a year. One hour gives half of that at most, so that a single
-- one is no anomaly. It ends where the sum has fallen by as much from its highest.
CREATE OR REPLACE VIEW touchline.metric_evidence AS
WITH
    log(2 * 8766) AS enough,
    exp(e.sought) AS ratio,
    -- For scores, half of the ratio's logarithm in standard deviations of an observation: as a share of a half has it.
    0.5 * e.sought * sqrt(e.spread) AS step,
    arrayMap(
        (weight, total, rate) -> least(enough / 2, multiIf(
            NOT e.known OR (e.kind NOT IN ('nps', 'mean') AND rate <= 0), 0.,
            e.kind IN ('count', 'sum'), (total * e.sought - weight * rate * (ratio - 1)) / e.unit,
            e.kind = 'share', total * e.sought - weight * log(1 - rate + rate * ratio),
            e.kind = 'duration', total / rate * (1 - 1 / ratio) - weight * e.sought,
            (step * (total - weight * rate) - weight * step * step / 2) / e.spread
        ) / e.excess),
        e.weights, e.totals, e.rates
    ) AS rises,
    arrayMap(
        (weight, total, rate) -> least(enough / 2, multiIf(
            NOT e.known OR (e.kind NOT IN ('nps', 'mean') AND rate <= 0), 0.,
            e.kind IN ('count', 'sum'), (-total * e.sought + weight * rate * (1 - 1 / ratio)) / e.unit,
            e.kind = 'share', -total * e.sought - weight * log(1 - rate + rate / ratio),
            e.kind = 'duration', total / rate * (1 - ratio) + weight * e.sought,
            (-step * (total - weight * rate) - weight * step * step / 2) / e.spread
        ) / e.excess),
        e.weights, e.totals, e.rates
    ) AS falls
SELECT
    metric,
    dimension,
    dimension_value,
    any(e.kind) AS kind,
    arraySort(one -> one.1, groupArray((
        e.day, e.buckets, e.ns, e.weights, e.totals, e.rates, e.scatters, e.excess, e.known, rises, falls
    ))) AS days,
    arrayFilter(bucket -> bucket > toDateTime(0, 'UTC'), arrayFlatten(days.2)) AS hours,
    arrayMap(
        gains -> arrayFlatten(arrayMap(
            way -> arrayFold(
                (so_far, hour) -> (
                    multiIf(
                        so_far.3 AND so_far.4 - so_far.1 - hour.2 >= enough, 0.,
                        so_far.3, so_far.1 + hour.2,
                        greatest(0., so_far.1 + hour.2)
                    ),
                    if(
                        if(so_far.3, so_far.4 - so_far.1 - hour.2 >= enough, so_far.1 + hour.2 <= 0), hour.1, so_far.2
                    ),
                    if(so_far.3, so_far.4 - so_far.1 - hour.2 < enough, so_far.1 + hour.2 >= enough),
                    if(so_far.1 + hour.2 > if(so_far.3, so_far.4, enough), so_far.1 + hour.2, so_far.4),
                    if(so_far.1 + hour.2 > if(so_far.3, so_far.4, enough), hour.1, so_far.5),
                    arrayConcat(so_far.6, multiIf(
                        NOT so_far.3 AND so_far.1 + hour.2 >= enough, [so_far.2 + 1, hour.1],
                        so_far.3 AND so_far.4 - so_far.1 - hour.2 >= enough, [so_far.5 + 1],
                        []
                    ))
                ),
                way,
                (0., way[1].1 - 1, toUInt8(0), 0., toInt64(0), CAST([], 'Array(Int64)'))
            ).6,
            -- The ways from zero back to zero on which the sum comes far enough.
            arrayFilter(
                way -> arrayMax(way.3) >= enough,
                arraySplit(
                    (hour, before) -> before <= 0,
                    arrayZip(
                        arrayMap(place -> toInt64(place), arrayEnumerate(gains)), gains, arrayCumSumNonNegative(gains)
                    ),
                    arrayPushFront(arrayPopBack(arrayCumSumNonNegative(gains)), 0.)
                )
            )
        )),
        [
            arrayFilter((gain, bucket) -> bucket > toDateTime(0, 'UTC'), arrayFlatten(days.10), arrayFlatten(days.2)),
            arrayFilter((gain, bucket) -> bucket > toDateTime(0, 'UTC'), arrayFlatten(days.11), arrayFlatten(days.2))
        ]
    ) AS charts,
    arraySort(one -> one.2, arrayFlatten(arrayMap(
        (direction, turns) -> arrayMap(
            place -> (
                direction,
                hours[turns[place]],
                addHours(hours[turns[place + 1]], 1),
                -- Of one that goes on there is no third turn.
                if(place + 2 > length(turns), NULL, toNullable(hours[turns[place + 2]]))
            ),
            range(1, length(turns) + 1, 3)
        ),
        ['rise', 'fall'], charts
    ))) AS anomalies
FROM touchline.metric_scatters AS e
GROUP BY metric, dimension, dimension_value;

-- One row an anomaly. `ended_at` is NULL while it goes on.
CREATE OR REPLACE VIEW touchline.metric_anomalies AS
WITH
    (SELECT groupArray(metric) FROM touchline.metric_definitions WHERE better = 'lower') AS lower_is_better
SELECT
    metric,
    dimension,
    dimension_value,
    anomaly.1 AS direction,
    if((direction = 'rise') = has(lower_is_better, metric), 'worse', 'better') AS level,
    CAST(anomaly.2, 'DateTime64(3, ''UTC'')') AS started_at,
    CAST(anomaly.3, 'DateTime64(3, ''UTC'')') AS found_at,
    CAST(anomaly.4, 'Nullable(DateTime64(3, ''UTC''))') AS ended_at
FROM touchline.metric_evidence AS e
ARRAY JOIN e.anomalies AS anomaly;

-- Each hour (`1h`) and day (`1d`) of a metric beside its baseline, values as in rolling_metrics. The band holds the value of
-- an hour or day that is as usual with 99.7 % (three standard deviations). A day that is not over, or is the first, is that
-- of its hours so far.
CREATE OR REPLACE VIEW touchline.metric_health AS
WITH
    assumeNotNull((SELECT method FROM touchline.own_baseline)) AS way,
    (SELECT groupArray(metric) FROM touchline.metric_definitions WHERE better = 'lower') AS lower_is_better,
    multiIf(r.kind = 'duration', 0.001, r.kind = 'mean', 0.0001, r.kind = 'nps', 100., 1.) AS scale,
    -- Counts and sums are of the hours, all others of the observations.
    if(r.kind IN ('count', 'sum'), 1., r.one.4) AS of,
    if(r.kind = 'share', 0., if(r.kind = 'nps', -100., if(r.kind = 'mean', -1., 0.))) AS least_value,
    if(r.kind IN ('share', 'mean'), 1., if(r.kind = 'nps', 100., inf)) AS most_value,
    scale * r.one.6 / of AS usual,
    scale * 3 * sqrt(r.one.7) / of AS margin,
    arrayLast(anomaly -> anomaly.2 < r.one.8 AND (anomaly.4 IS NULL OR anomaly.4 > r.one.2), r.anomalies) AS anomaly
SELECT
    metric,
    r.one.1 AS grain,
    CAST(r.one.2, 'DateTime64(3, ''UTC'')') AS bucket,
    dimension,
    dimension_value,
    toUInt64(r.one.3) AS n,
    if(of = 0, NULL, toNullable(scale * r.one.5 / of)) AS value,
    if(of = 0 OR NOT r.one.9, NULL, toNullable(usual)) AS baseline,
    if(of = 0 OR NOT r.one.9, NULL, toNullable(greatest(least_value, usual - margin))) AS low,
    if(of = 0 OR NOT r.one.9, NULL, toNullable(least(most_value, usual + margin))) AS high,
    multiIf(
        NOT r.one.9, 'too few to tell',
        anomaly.1 = '', 'as usual',
        (anomaly.1 = 'rise') = has(lower_is_better, metric), 'worse',
        'better'
    ) AS level,
    if(anomaly.1 = '', NULL, toNullable(CAST(anomaly.2, 'DateTime64(3, ''UTC'')'))) AS since,
    way AS method
FROM
(
    WITH
        assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
        if(stored = '', 'UTC', stored) AS zone
    SELECT
        d.metric AS metric,
        d.dimension AS dimension,
        d.dimension_value AS dimension_value,
        d.kind AS kind,
        d.anomalies AS anomalies,
        arrayJoin(arrayPushBack(
            arrayFilter(one -> one.2 > toDateTime(0, 'UTC'), arrayMap(
                (bucket, n, weight, total, rate, scatter) -> (
                    '1h', bucket, n, weight, total, weight * rate, weight * scatter * d.day.8, addHours(bucket, 1), d.day.9
                ),
                d.day.2, d.day.3, d.day.4, d.day.5, d.day.6, d.day.7
            )),
            (
                '1d',
                toStartOfDay(arrayMax(d.day.2), zone),
                arraySum(d.day.3),
                arraySum(d.day.4),
                arraySum(d.day.5),
                arraySum((weight, rate) -> weight * rate, d.day.4, d.day.6),
                arraySum((weight, scatter) -> weight * scatter, d.day.4, d.day.7) * d.day.8,
                addHours(arrayMax(d.day.2), 1),
                d.day.9
            )
        )) AS one
    FROM
    (
        SELECT e.metric, e.dimension, e.dimension_value, e.kind, e.anomalies, day
        FROM touchline.metric_evidence AS e
        ARRAY JOIN e.days AS day
    ) AS d
) AS r;
