-- Levels: each metric against its own history, by the hour, and by the day as the sum of its hours.

-- Which hours of the last eight weeks an hour is compared with: `hour_of_week` or `hour_of_day`.
CREATE OR REPLACE VIEW touchline.own_baseline AS
SELECT if(max(value) = '', 'hour_of_week', max(value)) AS method
FROM touchline.settings_rows FINAL
WHERE name = 'baseline';

-- The days of the clock on the wall, from the first that was observed to what is reached, each with its 24 hours in arrays:
-- when they begin, and how many of them there are. An hour that clocks repeat is one of two hours; one that they skip is
-- none. The last 731 days count: one observation of 1970 would else make half a million hours.
CREATE OR REPLACE VIEW touchline.metric_calendar AS
WITH
    assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
    if(stored = '', 'UTC', stored) AS zone,
    toInt64(ifNull((SELECT intDiv(toUnixTimestamp(min(time)), 3600) FROM touchline.clocks), 0)) AS reached,
    toInt64(ifNull((SELECT intDiv(toUnixTimestamp(min(bucket)), 3600) FROM touchline.metric_buckets_rows), 0)) AS observed,
    greatest(observed, reached - 731 * 24) AS first
SELECT
    h.day AS day,
    groupArrayInsertAt(toDateTime(0, 'UTC'), 24)(h.first_at, h.hour_of_day) AS begins,
    groupArrayInsertAt(toInt64(0), 24)(h.hours, h.hour_of_day) AS lengths
FROM
(
    SELECT
        toInt32(toDate(c.at, zone)) AS day,
        toHour(c.at, zone) AS hour_of_day,
        min(c.at) AS first_at,
        toInt64(count()) AS hours
    FROM (SELECT toDateTime(arrayJoin(range(first, greatest(first, reached))) * 3600, 'UTC') AS at) AS c
    GROUP BY day, hour_of_day
) AS h
GROUP BY h.day;

-- One row for each day of a series with observations in hours that are over and hold: what is restated for longer than
-- statements are corrected (3 days) holds once nothing later can change it.
CREATE OR REPLACE VIEW touchline.metric_observed AS
WITH
    (SELECT toUnixTimestamp(min(time)) FROM touchline.clocks) AS reached,
    (
        SELECT (groupArray(metric), groupArray(toInt64(if(restated_seconds > 3 * 86400, restated_seconds, 0))))
        FROM touchline.metric_definitions
    ) AS held
SELECT
    metric,
    dimension,
    dimension_value,
    day,
    min(h.first_at) AS first_at,
    any(h.ends_at) AS ends_at,
    groupArrayInsertAt(0., 24)(h.n, h.hour_of_day) AS ns,
    groupArrayInsertAt(0., 24)(h.numerator, h.hour_of_day) AS hourly_totals,
    sum(h.squares) AS squares
FROM
(
    WITH
        assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
        if(stored = '', 'UTC', stored) AS zone,
        toStartOfHour(m.bucket) AS at
    SELECT
        m.metric AS metric,
        m.dimension AS dimension,
        m.dimension_value AS dimension_value,
        toInt32(toDate(at, zone)) AS day,
        toHour(at, zone) AS hour_of_day,
        toDateTime(3600 * intDiv(toInt64(ifNull(reached, 0)) - held.2[indexOf(held.1, m.metric)], 3600), 'UTC') AS ends_at,
        min(at) AS first_at,
        toFloat64(sum(m.n)) AS n,
        toFloat64(sum(m.numerator)) AS numerator,
        toFloat64(sum(m.squares)) AS squares
    FROM touchline.metric_minutes AS m
    WHERE at < ends_at AND toUnixTimestamp(at) + 731 * 86400 >= ifNull(reached, 0)
    GROUP BY metric, dimension, dimension_value, day, hour_of_day
    HAVING n > 0 AND NOT max(m.mixed)
) AS h
GROUP BY metric, dimension, dimension_value, day;

-- One row for each day of a series, from its first to the last that has begun, those without observations too, with its 24
-- hours in arrays; an hour that is skipped, not over, or before the first has no weight. `weight` is what a rate is of:
-- the observations, or for counts and sums the hours. Scores and durations are as they are stored. The window `alike`
-- holds the same weekday (or every day) of the eight weeks before, `before` all their days.
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
    groupArray((d.day_weight, d.day_total)) OVER before AS past_days,
    groupArray((d.weights, d.totals)) OVER alike AS past
FROM
(
    WITH
        (SELECT (groupArray(metric), groupArray(kind)) FROM touchline.metric_definitions) AS defined,
        arrayMap(
            (begin, length) -> greatest(0, least(
                length,
                dateDiff('hour', begin, s.ends_at),
                dateDiff('hour', s.first_at, addHours(begin, length))
            )),
            c.begins, c.lengths
        ) AS hours
    SELECT
        metric,
        dimension,
        dimension_value,
        toString(defined.2[indexOf(defined.1, s.metric)]) AS kind,
        s.day AS day,
        arrayMap(
            (begin, hour) -> if(hour = 0, toDateTime(0, 'UTC'), greatest(begin, s.first_at)), c.begins, hours
        ) AS buckets,
        s.ns AS ns,
        if(kind IN ('count', 'sum'), arrayMap(hour -> toFloat64(hour), hours), s.ns) AS weights,
        if(kind = 'count', s.ns, s.hourly_totals) AS totals,
        arraySum(ns) AS day_n,
        arraySum(weights) AS day_weight,
        arraySum(totals) AS day_total,
        s.squares AS day_squares
    FROM
    (
        SELECT
            metric,
            dimension,
            dimension_value,
            f.one.1 AS day,
            any(f.first_at) AS first_at,
            any(f.ends_at) AS ends_at,
            arrayResize(sumForEach(f.one.2), 24, 0.) AS ns,
            arrayResize(sumForEach(f.one.3), 24, 0.) AS hourly_totals,
            sum(f.one.4) AS squares
        FROM
        (
            WITH
                assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
                if(stored = '', 'UTC', stored) AS zone
            SELECT
                metric,
                dimension,
                dimension_value,
                min(o.first_at) AS first_at,
                any(o.ends_at) AS ends_at,
                arrayJoin(arrayConcat(
                    groupArray((o.day, o.ns, o.hourly_totals, o.squares)),
                    arrayMap(
                        day -> (toInt32(day), CAST([], 'Array(Float64)'), CAST([], 'Array(Float64)'), 0.),
                        range(
                            toInt64(min(o.day)), toInt64(toInt32(toDate(addSeconds(any(o.ends_at), -1), zone)) + 1)
                        )
                    )
                )) AS one
            FROM touchline.metric_observed AS o
            GROUP BY metric, dimension, dimension_value
        ) AS f
        GROUP BY metric, dimension, dimension_value, day
    ) AS s
    INNER JOIN touchline.metric_calendar AS c ON s.day = c.day
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
    -- What the lambdas below tell apart: a number is cheaper to carry to each hour than the kind's name.
    transform(b.kind, ['count', 'sum', 'share', 'duration'], [1, 1, 2, 3], 4) AS shape,
    multiIf(shape = 1, unit, shape = 2, 1., 0.) AS linear,
    multiIf(shape = 2, -1., shape = 3, 1., 0.) AS square,
    -- The variance of an observation about its rate.
    if(
        b.kind IN ('nps', 'mean'),
        greatest(1e-4 * unit * unit, b.past_squares / greatest(1., b.past_n) - mean * mean),
        0.
    ) AS spread,
    -- The rate of the median week, of the days from the last to the first.
    arrayFilter(one -> one.1 > 0, arrayMap(
        week -> (
            arraySum(arraySlice(arrayReverse(b.past_days.1), 7 * week + 1, 7)),
            arraySum(arraySlice(arrayReverse(b.past_days.2), 7 * week + 1, 7))
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
    ) AS plain_rates,
    arrayMap(rate -> greatest(0., spread + rate * (linear + square * rate)), plain_rates) AS plain_scatters
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
    shape,
    unit,
    spread,
    arrayMap(
        (total, weight) -> if(weight + prior <= 0, 0., (total + prior * mean) / (weight + prior)),
        arrayReduce('sumForEach', arrayPushBack(arrayMap(
            one -> arrayMap(
                (weight, total, rate, scatter) -> (
                    weight * rate + greatest(
                        -3 * sqrt(weight * scatter) - unit,
                        least(3 * sqrt(weight * scatter) + unit, total - weight * rate)
                    )
                ),
                one.1, one.2, plain_rates, plain_scatters
            ),
            b.past
        ), arrayWithConstant(24, 0.))),
        past_weights
    ) AS held_rates,
    arrayMap(
        rate -> multiIf(
            isNaN(middle), rate,
            shape = 2, rate * middle / (1 - rate + rate * middle),
            shape = 4, rate + middle - mean,
            mean = 0, rate,
            rate * middle / mean
        ),
        held_rates
    ) AS rates,
    arrayMap(rate -> spread + rate * (linear + square * rate), rates) AS scatters,
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
            NOT e.known OR (e.shape != 4 AND rate <= 0), 0.,
            e.shape = 1, (total * e.sought - weight * rate * (ratio - 1)) / e.unit,
            e.shape = 2, total * e.sought - weight * log(1 - rate + rate * ratio),
            e.shape = 3, total / rate * (1 - 1 / ratio) - weight * e.sought,
            (step * (total - weight * rate) - weight * step * step / 2) / e.spread
        ) / e.excess),
        e.weights, e.totals, e.rates
    ) AS rises,
    arrayMap(
        (weight, total, rate) -> least(enough / 2, multiIf(
            NOT e.known OR (e.shape != 4 AND rate <= 0), 0.,
            e.shape = 1, (-total * e.sought + weight * rate * (1 - 1 / ratio)) / e.unit,
            e.shape = 2, -total * e.sought - weight * log(1 - rate + rate / ratio),
            e.shape = 3, total / rate * (1 - ratio) + weight * e.sought,
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
    -- Each round finds the next time that the sum reaches the bound, and where it has fallen from its highest since: how far
    -- it has fallen is a cumulative sum, too. The last zero before is the start; what is left goes to the next round.
    arrayMap(
        gains -> arrayFold(
            (so_far, round) -> arrayMap(
                (sums, found) -> arrayMap(
                    (after, ended) -> (
                        if(found = 0 OR ended = 0, CAST([], 'Array(Float64)'), arraySlice(after, ended + 1)),
                        toInt64(so_far.2 + found + ended),
                        arrayConcat(so_far.3, multiIf(
                            found = 0, CAST([], 'Array(Int64)'),
                            arrayMap(
                                place -> toInt64(so_far.2 + place),
                                arrayPushFront(
                                    if(
                                        ended = 0, [toInt64(found)],
                                        [
                                            toInt64(found),
                                            toInt64(found + arrayMap(
                                                levels -> arrayFirstIndex(level -> level = arrayMax(levels), levels),
                                                [arrayCumSum(arrayPushFront(arraySlice(after, 1, ended), sums[found]))]
                                            )[1])
                                        ]
                                    ),
                                    toInt64(arrayLastIndex(sum -> sum <= 0, arraySlice(sums, 1, found)) + 1)
                                )
                            )
                        ))
                    ),
                    [arraySlice(so_far.1, found + 1)],
                    [arrayFirstIndex(
                        fallen -> fallen >= enough,
                        arrayCumSumNonNegative(arrayMap(gain -> -gain, arraySlice(so_far.1, found + 1)))
                    )]
                )[1],
                [arrayCumSumNonNegative(so_far.1)],
                [arrayFirstIndex(sum -> sum >= enough, arrayCumSumNonNegative(so_far.1))]
            )[1],
            -- A round takes three hours at least, and a rise of the bound.
            range(toUInt64(if(
                arrayMax(arrayCumSumNonNegative(gains)) < enough, 0,
                1 + least(length(gains) / 3, arraySum(gain -> greatest(gain, 0.), gains) / enough)
            ))),
            (gains, toInt64(0), CAST([], 'Array(Int64)'))
        ).3,
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
    CAST(anomaly.4, 'Nullable(DateTime64(3, ''UTC''))') AS ended_at,
    assumeNotNull((SELECT method FROM touchline.own_baseline)) AS method
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
    arrayLast(anomaly -> anomaly.2 < r.one.8 AND ifNull(anomaly.4 > r.one.2, true), r.anomalies) AS anomaly
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
