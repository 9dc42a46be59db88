-- What a change in the business did: experience before and after it, and whether the difference is more than chance.

-- The attributes that metrics are broken down by; `*` stands for all.
CREATE OR REPLACE VIEW touchline.own_dimensions AS
SELECT arrayMap(name -> trimBoth(name), splitByChar(',', max(value))) AS dimensions
FROM touchline.settings_rows FINAL
WHERE name = 'metric_dimensions';

-- When changes began and were taken back, in ms: one row a moment. `earlier` is the last moment of any change 14 days or more
-- before it, `near` the 41 moments on either side of it: the 20 nearest changes are among them, each with two moments at most,
-- beside the own one. A change is a number of 64 bits there: so what is kept of each moment is small, however many there are.
CREATE OR REPLACE VIEW touchline.change_moments AS
SELECT
    change_id,
    at,
    until,
    moment,
    row_number() OVER (PARTITION BY change_id ORDER BY moment = at DESC) = 1 AS is_start,
    max(moment) OVER (ORDER BY moment RANGE BETWEEN UNBOUNDED PRECEDING AND 1209600000 PRECEDING) AS earlier,
    groupArray((moment, sipHash64(change_id))) OVER (
        ORDER BY moment, change_id ROWS BETWEEN 41 PRECEDING AND 41 FOLLOWING
    ) AS near
FROM
(
    SELECT
        change_id,
        toUnixTimestamp64Milli(c.effective_at) AS at,
        ifNull(toUnixTimestamp64Milli(c.reverted_at), at + 1209600000) AS ends_at,
        least(at + 1209600000, ends_at) AS until,
        arrayJoin(if(c.reverted_at IS NULL, [at], [at, ends_at])) AS moment
    FROM touchline.business_changes AS c
);

-- One row a change, times in ms: `history_from` to `at` is what it may be compared with, `at` to `until` what came after it.
-- Another change within 14 days on either side is an overlap. An earlier one ends the history: its effect is no trend. Of
-- the days after a change those count that the pipeline has reached, and no more than there are touchpoints of.
-- The newest 100 changes have a verdict, of those that have begun first: each is held against the touchpoints of its days.
-- Of overlaps the 20 nearest are named, with 100 characters each: they stand in each row of each change.
CREATE OR REPLACE VIEW touchline.change_spans AS
WITH
    least(
        (SELECT toUnixTimestamp64Milli(min(time)) FROM touchline.clocks),
        (SELECT toUnixTimestamp64Milli(max(occurred_at)) FROM touchline.touchpoints_rows)
    ) AS reached,
    newest AS
    (
        SELECT
            change_id,
            at,
            until,
            earlier,
            arrayFilter(
                other -> other.2 != sipHash64(m.change_id) AND other.1 < m.until AND abs(other.1 - m.at) < 1209600000, m.near
            ) AS others,
            arraySlice(
                arrayDistinct(arrayMap(other -> other.2, arraySort(other -> (abs(other.1 - m.at), other), others))), 1, 20
            ) AS nearest
        FROM touchline.change_moments AS m
        WHERE m.is_start
        ORDER BY m.at > ifNull(reached, 0), m.at DESC, m.change_id
        LIMIT 100
    )
SELECT
    s.change_id AS change_id,
    c.name AS name,
    c.topic AS topic,
    c.effective_at AS effective_at,
    c.reverted_at AS reverted_at,
    s.at AS at,
    greatest(s.at - 56 * 86400000, s.earlier) AS history_from,
    s.until AS until,
    greatest(0, least(s.until, ifNull(reached, 0)) - s.at) / 86400000 AS days_after,
    o.names AS overlaps
FROM newest AS s
INNER JOIN touchline.business_changes AS c ON s.change_id = c.change_id
LEFT JOIN
(
    SELECT change_id, arrayDistinct(arrayMap(other -> other.2, arraySort(groupArray((n.moment, b.name))))) AS names
    FROM
    (
        SELECT
            change_id,
            arrayJoin(e.nearest) AS other,
            arrayFirst(one -> one.2 = other, arraySort(e.others)).1 AS moment
        FROM newest AS e
    ) AS n
    INNER JOIN
    (
        SELECT sipHash64(change_id) AS number, substringUTF8(c.name, 1, 100) AS name FROM touchline.business_changes AS c
    ) AS b ON n.other = b.number
    GROUP BY change_id
) AS o ON s.change_id = o.change_id;

-- Who felt what on which day around each change, by dimension, in two metrics without a touchpoint in common. Days are
-- 24 hours each and counted from the change, so that none holds both sides of it. A customer is a number of 64 bits:
-- names would take most of the memory.
CREATE OR REPLACE VIEW touchline.change_days AS
SELECT
    change_id,
    dimension,
    dimension_value,
    metric,
    day,
    groupArray((o.customer, o.felt)) AS said,
    toFloat64(count()) AS n,
    sum(o.felt) / 10000 AS total
FROM
(
    WITH
        (SELECT dimensions FROM touchline.own_dimensions) AS attributes_asked,
        ifNull(if(t.kind = 'support_call', t.support_call_topic, t.case_event_topic), '') AS topic,
        arrayJoin(arrayConcat(
            [('all', '')],
            arrayFilter(pair -> pair.2 != '', [('channel', toString(t.channel)), ('topic', topic)]),
            arraySlice(arraySort(arrayFilter(
                pair -> (has(attributes_asked, pair.1) OR has(attributes_asked, '*'))
                    AND pair.1 NOT IN ('all', 'channel', 'topic')
                    AND lengthUTF8(pair.1) <= 128 AND lengthUTF8(pair.2) <= 128,
                arrayZip(CAST(mapKeys(t.attributes), 'Array(String)'), mapValues(t.attributes))
            )), 1, 16)
        )) AS pair
    SELECT
        change_id,
        pair.1 AS dimension,
        pair.2 AS dimension_value,
        if(t.kind = 'survey_answer', 'survey_scores', 'other_touchpoints') AS metric,
        toInt64(floor((toUnixTimestamp64Milli(t.occurred_at) - s.at) / 86400000)) AS day,
        sipHash64(t.owner) AS customer,
        toInt64(assumeNotNull(t.experience)) AS felt
    FROM touchline.owned_touchpoints AS t
    INNER JOIN
    (
        SELECT
            change_id,
            at,
            history_from,
            until,
            arrayJoin(range(toInt64(floor(c.history_from / 86400000)), toInt64(floor(c.until / 86400000)) + 1)) AS date
        FROM touchline.change_spans AS c
    ) AS s ON toInt64(floor(toUnixTimestamp64Milli(t.occurred_at) / 86400000)) = s.date
    WHERE t.experience IS NOT NULL
        AND NOT t.late
        AND (t.customer_id, t.event_id) NOT IN (
            SELECT customer_id, event_id FROM touchline.superseded_rows FINAL WHERE NOT deleted
        )
        AND toUnixTimestamp64Milli(t.occurred_at) >= s.history_from
        AND toUnixTimestamp64Milli(t.occurred_at) < s.until
) AS o
GROUP BY change_id, dimension, dimension_value, metric, day;

-- The difference after less before, as least squares give it: with a straight line from 28 days of history on, and with the
-- level of each weekday from 40 customers on (Bernal, Cummins and Gasparrini, "Interrupted time series regression",
-- International Journal of Epidemiology 46, 2017). The step is what is left of it without weekdays and line (Frisch and
-- Waugh, Econometrica 1, 1933), so no system of equations is to be solved. Of the choices of line and weekdays the first is
-- taken that the days determine. One part a step: ClickHouse writes out a name wherever it is used, and all of them at once
-- would be more than it can plan. Values of a dimension that fewer than ten customers have are left out.
CREATE OR REPLACE VIEW touchline.change_designs AS
WITH
    of_values AS
    (
        SELECT
            change_id,
            dimension,
            dimension_value,
            groupArray((d.metric, d.day, d.n, d.total, d.said)) AS observed,
            uniqExactArrayIf(d.said.1, d.metric = 'survey_scores') AS of_surveys,
            uniqExactArrayIf(d.said.1, d.metric = 'other_touchpoints') AS of_others
        FROM touchline.change_days AS d
        GROUP BY change_id, dimension, dimension_value
        HAVING dimension = 'all' OR uniqExactArray(d.said.1) >= 10
    ),
    of_metrics AS
    (
        SELECT change_id, dimension, dimension_value, metric, customers, arrayFilter(one -> one.1 = metric, observed) AS mine
        FROM of_values
        ARRAY JOIN ['survey_scores', 'other_touchpoints'] AS metric, [of_surveys, of_others] AS customers
    ),
    told AS
    (
        SELECT
            * EXCEPT (mine),
            mine.2 AS days,
            mine.3 AS ns,
            mine.4 AS totals,
            mine.5 AS said,
            -- With a line, with weekdays.
            arrayFilter(
                choice -> NOT (choice.1 AND arrayMin(mine.2) > -28) AND NOT (choice.2 AND (
                    customers < 40
                    OR length(arrayDistinct(arrayMap(d -> positiveModulo(d, 7), arrayFilter(d -> d < 0, mine.2)))) < 7
                )),
                [(true, true), (true, false), (false, true), (false, false)]
            ) AS choices
        FROM of_metrics
    ),
    -- From here on an array by choice, and most of them in it by day. Days too early for a choice hold nothing.
    kept AS
    (
        SELECT
            *,
            arrayMap(choice -> arrayMap((d, n) -> if(d >= if(choice.1, -56, -14), n, 0.), days, ns), choices) AS counts,
            arrayMap(choice -> arrayMap((d, y) -> if(d >= if(choice.1, -56, -14), y, 0.), days, totals), choices) AS values,
            arrayMap(choice -> arrayMap(d -> if(choice.2, positiveModulo(d, 7), 0) + 1, days), choices) AS levels
        FROM told
    ),
    -- By level: observations, and the sums of days (in fortnights), of steps and of values.
    summed AS
    (
        SELECT
            *,
            arrayMap(
                (of_days, n, y) -> arrayMap(
                    one -> (
                        arraySum((a, b) -> if(a = one, b, 0.), of_days, n),
                        arraySum((a, b, d) -> if(a = one, b * d / 14, 0.), of_days, n, days),
                        arraySum((a, b, d) -> if(a = one AND d >= 0, b, 0.), of_days, n, days),
                        arraySum((a, b) -> if(a = one, b, 0.), of_days, y)
                    ),
                    range(1, 8)
                ),
                levels, counts, values
            ) AS sums
        FROM kept
    ),
    -- How far each day's line and step are from the means of its level.
    centred AS
    (
        SELECT
            *,
            arrayMap(
                (of_days, sum) -> arrayMap((a, d) -> d / 14 - sum[a].2 / greatest(1., sum[a].1), of_days, days), levels, sums
            ) AS lines,
            arrayMap(
                (of_days, sum) -> arrayMap((a, d) -> (d >= 0) - sum[a].3 / greatest(1., sum[a].1), of_days, days),
                levels, sums
            ) AS steps,
            arrayMap((of_days, sum) -> arrayMap(a -> sum[a].4 / greatest(1., sum[a].1), of_days), levels, sums) AS means
        FROM summed
    ),
    lined AS
    (
        SELECT
            *,
            arrayMap((n, line) -> arraySum((a, b) -> a * b * b, n, line), counts, lines) AS line_squares,
            arrayMap((n, line, step) -> arraySum((a, b, c) -> a * b * c, n, line, step), counts, lines, steps) AS products
        FROM centred
    ),
    -- What is left of the step without the line.
    left_over AS
    (
        SELECT
            *,
            arrayMap(
                (choice, line, step, product, square) -> arrayMap(
                    (a, b) -> b - if(choice.1 AND square > 0, product / square, 0.) * a, line, step
                ),
                choices, lines, steps, products, line_squares
            ) AS remainders
        FROM lined
    ),
    squared AS
    (
        SELECT *, arrayMap((n, remainder) -> arraySum((a, b) -> a * b * b, n, remainder), counts, remainders) AS squares
        FROM left_over
    ),
    -- A line or a step that the rest explains to ten digits cannot be told from it.
    chosen AS
    (
        SELECT
            *,
            arrayFirstIndex(
                (choice, n, sum, line_square, square) -> arraySum((a, d) -> if(d < 0, a, 0.), n, days) > 0
                    AND arraySum((a, d) -> if(d >= 0, a, 0.), n, days) > 0
                    AND NOT (choice.2 AND arrayExists(one -> one.1 = 0, sum))
                    AND NOT (choice.1 AND line_square <= 1e-10 * greatest(1., arraySum((a, d) -> a * d * d / 196, n, days)))
                    AND square > 1e-10 * greatest(1., arraySum((a, d) -> if(d >= 0, a, 0.), n, days)),
                choices, counts, sums, line_squares, squares
            ) AS place
        FROM squared
    ),
    -- How much an observation of a day counts in the difference.
    weighed AS
    (
        SELECT
            change_id,
            dimension,
            dimension_value,
            metric,
            days,
            ns,
            totals,
            said,
            place > 0 AS is_told,
            is_told AND choices[place].1 AS has_trend,
            is_told AND choices[place].2 AS has_weekdays,
            -- Zeros where no choice is determined.
            arrayResize(counts[place], length(days), 0.) AS count,
            arrayResize(values[place], length(days), 0.) AS value,
            arrayResize(lines[place], length(days), 0.) AS line,
            arrayResize(steps[place], length(days), 0.) AS step,
            arrayResize(means[place], length(days), 0.) AS mean,
            line_squares[place] AS line_square,
            products[place] AS product,
            arrayResize(arrayMap(remainder -> remainder / squares[place], remainders[place]), length(days), 0.) AS weight
        FROM chosen
    ),
    -- And what is expected of it.
    fitted AS
    (
        SELECT
            *,
            arraySum((a, b) -> a * b, weight, value) AS difference,
            if(has_trend, (arraySum((a, b) -> a * b, line, value) - difference * product) / line_square, 0.) AS slope,
            arrayMap((a, b, c) -> a + slope * b + difference * c, mean, line, step) AS expected,
            arrayMap(d -> d >= if(has_trend, -56, -14), days) AS is_kept
        FROM weighed
    )
SELECT
    change_id,
    dimension,
    dimension_value,
    metric,
    CAST(
        (
            is_told,
            has_trend,
            has_weekdays,
            difference,
            arrayMin(arrayFilter((d, a) -> a, days, is_kept)),
            -- Of what is kept before and after the change: observations, and their weights.
            [
                arraySum((d, n, a) -> if(a AND d < 0, n, 0.), days, ns, is_kept),
                arraySum((d, n, a) -> if(a AND d >= 0, n, 0.), days, ns, is_kept)
            ],
            [
                arraySum((d, n, a) -> if(d < 0, n * abs(a), 0.), days, count, weight),
                arraySum((d, n, a) -> if(d >= 0, n * abs(a), 0.), days, count, weight)
            ],
            -- The fortnights before and after it as they are: observations, and their sum.
            [
                (
                    arraySum((d, n) -> if(d BETWEEN -14 AND -1, n, 0.), days, ns),
                    arraySum((d, y) -> if(d BETWEEN -14 AND -1, y, 0.), days, totals)
                ),
                (
                    arraySum((d, n) -> if(d BETWEEN 0 AND 13, n, 0.), days, ns),
                    arraySum((d, y) -> if(d BETWEEN 0 AND 13, y, 0.), days, totals)
                )
            ]
        ),
        'Tuple(is_told UInt8, has_trend UInt8, has_weekdays UInt8, difference Float64, first_day Int64,
            ns Array(Float64), weights Array(Float64), fortnights Array(Tuple(Float64, Float64)))'
    ) AS design,
    arrayFilter(
        one -> one.5,
        arrayZip(days, weight, expected, said, is_kept)
    ) AS by_day
FROM fitted;

-- What each customer adds to the difference, before and after the change. Each side is corrected for its leverage as in CR2
-- (Bell and McCaffrey, "Bias reduction in standard errors for linear regression with multi-stage samples", Survey
-- Methodology 28, 2002). `elsewhere` is what the same customer adds to the other metric; `is_first` holds once a customer.
CREATE OR REPLACE VIEW touchline.change_customers AS
WITH
    by_metric AS
    (
        SELECT
            change_id,
            dimension,
            dimension_value,
            metric,
            one.1 AS customer,
            any(d.design) AS design,
            [toFloat64(countIf(d.day < 0)), toFloat64(countIf(d.day >= 0))] AS ns,
            sumIf(d.weight * (one.2 / 10000 - d.expected), d.day < 0) AS before,
            sumIf(d.weight * (one.2 / 10000 - d.expected), d.day >= 0) AS after
        FROM
        (
            SELECT
                change_id,
                dimension,
                dimension_value,
                metric,
                design,
                of_day.1 AS day,
                of_day.2 AS weight,
                of_day.3 AS expected,
                of_day.4 AS said
            FROM touchline.change_designs
            ARRAY JOIN by_day AS of_day
        ) AS d
        ARRAY JOIN d.said AS one
        GROUP BY change_id, dimension, dimension_value, metric, customer
    ),
    corrected AS
    (
        SELECT
            *,
            arrayMap(
                (n, part, of_all) -> if(n = 0, 0., part / sqrt(greatest(1 - n / of_all, 1 / of_all))),
                ns, [before, after], design.ns
            ) AS sides,
            sides[1] + sides[2] AS added
        FROM by_metric
    )
SELECT
    change_id,
    dimension,
    dimension_value,
    metric,
    design,
    ns,
    sides,
    added,
    sum(added) OVER of_customer - added AS elsewhere,
    sumForEach(ns) OVER of_customer AS ns_of_both,
    row_number() OVER of_customer = 1 AS is_first
FROM corrected
WINDOW of_customer AS (PARTITION BY change_id, dimension, dimension_value, customer);

-- The effect on each metric, clustered by customer: all touchpoints of one customer are one cluster, before and after the
-- change together. The variance of each side includes that of two more customers, half a point above and below the mean, so
-- equal values never give an error of zero. Degrees of freedom are Welch's, of the effective number of customers (Kish).
CREATE OR REPLACE VIEW touchline.change_metrics AS
WITH
    added_up AS
    (
        SELECT
            change_id,
            dimension,
            dimension_value,
            metric,
            any(c.design) AS design,
            toFloat64(count()) AS all_customers,
            sumForEach(arrayMap(n -> toUInt64(n > 0), c.ns)) AS customers,
            sumForEach(arrayMap(n -> toUInt64(n > 0 AND c.is_first), c.ns_of_both)) AS first_customers,
            sumForEach(arrayMap(n -> n * n, c.ns)) AS n_squares,
            sumForEach(arrayMap(side -> side * side, c.sides)) AS side_squares,
            sum(c.added * c.added) AS squares,
            sum(c.added * c.elsewhere) AS shared
        FROM touchline.change_customers AS c
        GROUP BY change_id, dimension, dimension_value, metric
    ),
    sides AS
    (
        SELECT
            *,
            arrayMap((n, square) -> if(square = 0, 0., n * n / square), design.ns, n_squares) AS effective,
            arrayMap((weight, n) -> 2 * pow(0.5 * weight / greatest(1, n), 2), design.weights, customers) AS floors,
            -- Parameters of the regression beside the two levels.
            design.has_trend + 6 * design.has_weekdays AS controlled
        FROM added_up
    ),
    judged AS
    (
        SELECT
            *,
            design.is_told AND arrayMin(customers) >= 10 AND arrayMin(effective) >= 5 AND all_customers > controlled AS enough,
            arrayMap((square, floor) -> square + floor, side_squares, floors) AS variances
        FROM sides
    )
SELECT
    change_id,
    dimension,
    dimension_value,
    CAST(
        (
            metric,
            enough,
            design.difference,
            if(enough, sqrt(all_customers / (all_customers - controlled) * squares + arraySum(floors)), 0.),
            if(
                enough,
                pow(arraySum(variances), 2) / arraySum((variance, n) -> variance * variance / (n - 1), variances, effective),
                0.
            ),
            design.first_day,
            customers,
            first_customers,
            design.fortnights,
            arrayFilter(
                control -> enough AND if(control = 'trend', design.has_trend, design.has_weekdays), ['trend', 'weekday']
            ),
            squares,
            shared
        ),
        'Tuple(metric String, enough UInt8, difference Float64, error Float64, freedom Float64, first_day Int64,
            customers Array(UInt64), first_customers Array(UInt64), fortnights Array(Tuple(Float64, Float64)),
            controls Array(String), squares Float64, shared Float64)'
    ) AS effect
FROM judged;

-- The metrics of each change and value of a dimension, the first of them the two together. Their test adds up the standardised
-- differences and divides by the error of that sum (O'Brien, "Procedures for comparing samples with multiple endpoints",
-- Biometrics 40, 1984): so it is that of the mean of the differences, weighted by the inverse of their errors. A negative
-- correlation of the metrics counts as none, and of their degrees of freedom the fewer count. A change that nobody felt has
-- its row, too.
CREATE OR REPLACE VIEW touchline.change_tests AS
WITH
    paired AS
    (
        SELECT
            s.*,
            if(e.dimension = '', 'all', e.dimension) AS dimension,
            e.dimension_value AS dimension_value,
            arrayMap(
                metric -> arrayFirst(one -> one.metric = metric, e.observed), ['survey_scores', 'other_touchpoints']
            ) AS both
        FROM touchline.change_spans AS s
        LEFT JOIN
        (
            SELECT change_id, dimension, dimension_value, groupArray(m.effect) AS observed
            FROM touchline.change_metrics AS m
            GROUP BY change_id, dimension, dimension_value
        ) AS e ON s.change_id = e.change_id
    ),
    usable AS
    (
        SELECT *, arrayFilter(one -> one.enough = 1, both) AS used FROM paired
    ),
    weighed AS
    (
        SELECT
            *,
            length(used) AS number,
            arraySum(one -> 1 / one.error, used) AS weight,
            greatest(
                toFloat64(number),
                arraySum(one -> one.squares / pow(one.error, 2), used)
                    + if(number = 2, arraySum(one -> one.shared, used) / arrayProduct(arrayMap(one -> one.error, used)), 0)
            ) AS variance
        FROM usable
    )
SELECT
    * EXCEPT (used, number, weight, variance, both),
    number > 0 AS enough,
    arrayConcat(
        [(
            'experience',
            toUInt8(number > 0),
            if(number > 0, arraySum(one -> one.difference / one.error, used) / weight, 0.),
            if(number > 0, sqrt(variance) / weight, 0.),
            if(number > 0, arrayMin(one -> one.freedom, used), 0.),
            arrayMin(one -> one.first_day, both),
            [arraySum(one -> one.first_customers[1], both), arraySum(one -> one.first_customers[2], both)],
            arrayMap(
                side -> (arraySum(one -> one.fortnights[side].1, both), arraySum(one -> one.fortnights[side].2, both)),
                [1, 2]
            ),
            arrayFilter(
                control -> number > 0 AND arrayAll(one -> has(one.controls, control), used), ['trend', 'weekday']
            )
        )],
        arrayMap(
            (metric, one) -> (
                metric, one.enough, one.difference, one.error, one.freedom, one.first_day, one.customers, one.fortnights,
                one.controls
            ),
            ['survey_scores', 'other_touchpoints'], both
        )
    ) AS metrics
FROM weighed;

-- The verdict on each change. Student's t becomes the deviate of the normal distribution with the same tail, as Wallace has it
-- ("Bounds on normal approximations to Student's and the chi-square distributions", Annals of Mathematical Statistics 30,
-- 1959): beyond 1.96 never a greater one than the exact.
-- A verdict needs the bound of O'Brien and Fleming for looks at any moment ("A multiple testing procedure for clinical
-- trials", Biometrics 35, 1979), over the root of the share of the 14 days that has passed. The 5 % that all looks together
-- may be wrong are divided among the values of a dimension that have enough to tell (Bonferroni).
CREATE OR REPLACE VIEW touchline.change_effects AS
WITH
    -- The normal quantile by Abramowitz and Stegun 26.2.23, and one step of Halley's.
    counted AS
    (
        SELECT
            *,
            0.0125 / greatest(1, countIf(t.enough) OVER (PARTITION BY t.change_id, t.dimension)) AS tail,
            sqrt(-2 * log(tail)) AS root
        FROM touchline.change_tests AS t
    ),
    rough AS
    (
        SELECT
            *,
            root - (2.515517 + 0.802853 * root + 0.010328 * root * root)
                / (1 + 1.432788 * root + 0.189269 * root * root + 0.001308 * root * root * root) AS near
        FROM counted
    ),
    bounded AS
    (
        SELECT
            *,
            (erfc(near / sqrt(2)) / 2 - tail) * sqrt(2 * pi()) * exp(near * near / 2) AS off,
            near + off / (1 - near * off / 2) AS quantile,
            if(days_after <= 0, inf, quantile / sqrt(least(1, days_after / 14))) AS bound
        FROM rough
    ),
    single AS
    (
        SELECT
            * EXCEPT (metrics, enough),
            one.1 AS metric,
            one.2 AS enough,
            one.3 AS found,
            one.4 AS error,
            one.5 AS freedom,
            one.6 AS first_day,
            one.7 AS customers,
            one.8 AS fortnights,
            one.9 AS controls,
            (8 * freedom + 3) / (8 * freedom + 1) AS ratio
        FROM bounded
        ARRAY JOIN metrics AS one
    ),
    measured AS
    (
        SELECT
            *,
            sqrt(freedom * log1p(pow(found / error, 2) / freedom)) / ratio AS deviate,
            arrayMap(
                z -> least(2, error * sqrt(freedom * (exp(pow(z * ratio, 2) / freedom) - 1))),
                [bound, bound + 1.6448536269514722]
            ) AS margins
        FROM single
    )
SELECT
    change_id,
    name,
    topic,
    effective_at,
    reverted_at,
    dimension,
    dimension_value,
    metric,
    toUInt64(greatest(0, -first_day)) AS days_before,
    days_after,
    customers[1] AS customers_before,
    customers[2] AS customers_after,
    if(fortnights[1].1 = 0, NULL, toNullable(fortnights[1].2 / fortnights[1].1)) AS before,
    if(fortnights[2].1 = 0, NULL, toNullable(fortnights[2].2 / fortnights[2].1)) AS after,
    if(enough, toNullable(found), NULL) AS difference,
    if(enough, toNullable(greatest(-2, found - margins[1])), NULL) AS ci_low,
    if(enough, toNullable(least(2, found + margins[1])), NULL) AS ci_high,
    if(enough, toNullable(margins[2]), NULL) AS detectable,
    if(enough, toNullable(erfc(deviate / sqrt(2))), NULL) AS p,
    multiIf(
        metric != 'experience', NULL,
        NOT enough, 'too few to tell',
        deviate < bound, 'no difference seen',
        found > 0, 'better',
        'worse'
    ) AS verdict,
    controls,
    overlaps,
    'obrien_14d' AS method
FROM measured;
