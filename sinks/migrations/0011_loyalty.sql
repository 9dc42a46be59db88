-- Loyalty and value: who buys when and for how much, what they went through, and what they are worth to the business.

-- The settings of loyalty; `method_said` is what the rows that follow them say.
CREATE OR REPLACE VIEW touchline.loyalty_settings AS
WITH
    extractKeyValuePairs(s.said, '=', ',') AS named
SELECT
    named['method'] AS method,
    named['attribution'] AS attribution,
    toFloat64OrZero(named['margin']) AS margin,
    toFloat64OrZero(named['mend']) AS mend,
    toFloat64OrZero(named['rhythm_days']) AS rhythm_days,
    toFloat64OrZero(named['at_risk']) AS at_risk,
    toFloat64OrZero(named['lapsed']) AS lapsed,
    toFloat64OrZero(named['loyal_days']) AS loyal_days,
    s.said AS method_said
FROM (SELECT max(value) AS said FROM touchline.settings_rows FINAL WHERE name = 'loyalty') AS s;

-- One row for each customer and order that holds: when it was first stated, by what, and what it comes to now.
CREATE OR REPLACE VIEW touchline.placed_orders AS
WITH
    assumeNotNull((SELECT min(time) FROM touchline.clocks)) AS as_of
SELECT
    p.customer_id AS customer_id,
    p.order_id AS order_id,
    min(p.occurred_at) AS placed_at,
    argMin(p.attributes['campaign'], (p.occurred_at, p.event_id)) AS campaign,
    argMaxIf(p.amount_minor, (p.occurred_at, p.event_id), NOT p.superseded) AS amount_minor,
    argMaxIf(p.currency, (p.occurred_at, p.event_id), NOT p.superseded) AS currency
FROM touchline.purchases AS p
WHERE p.action = 'placed' AND NOT p.late AND (NOT p.ahead OR p.occurred_at <= as_of)
GROUP BY p.customer_id, p.order_id
HAVING amount_minor > 0;

-- One row for each customer who has bought: the orders in their order, each with its day in the business's time zone, and
-- the campaign that brought the customer, empty where none is known. By `first_order` it is the one that the first order
-- names, by `first_touch` the first that any touchpoint up to then names.
CREATE OR REPLACE VIEW touchline.customer_orders AS
WITH
    assumeNotNull((SELECT attribution FROM touchline.loyalty_settings)) AS attribution
SELECT
    o.customer_id AS customer_id,
    o.orders AS orders,
    if(attribution = 'first_touch', if(t.named_at <= o.orders[1].1, t.campaign, ''), o.orders[1].6) AS acquired_by
FROM
(
    WITH
        assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
        if(stored = '', 'UTC', stored) AS zone
    SELECT
        p.customer_id AS customer_id,
        arraySort(groupArray((
            p.placed_at, p.order_id, toInt32(toDate32(p.placed_at, zone)), p.amount_minor, p.currency, p.campaign
        ))) AS orders
    FROM touchline.placed_orders AS p
    GROUP BY p.customer_id
) AS o
LEFT ANY JOIN
(
    SELECT
        c.owner AS customer_id,
        min(c.occurred_at) AS named_at,
        argMin(c.attributes['campaign'], (c.occurred_at, c.event_id)) AS campaign
    FROM touchline.owned_touchpoints AS c
    WHERE (SELECT attribution FROM touchline.loyalty_settings) = 'first_touch'
        AND c.attributes['campaign'] != '' AND NOT c.late
    GROUP BY c.owner
) AS t ON o.customer_id = t.customer_id;

-- One row for each customer who has felt anything: when it was good, and when it was bad.
CREATE OR REPLACE VIEW touchline.customer_experiences AS
WITH
    assumeNotNull((SELECT min(time) FROM touchline.clocks)) AS as_of
SELECT
    t.owner AS customer_id,
    groupArrayIf(t.occurred_at, t.experience > 0) AS good_at,
    groupArrayIf(t.occurred_at, t.experience < 0) AS bad_at
FROM touchline.owned_touchpoints AS t
WHERE t.experience != 0 AND NOT t.late AND (NOT t.ahead OR t.occurred_at <= as_of)
    AND (t.customer_id, t.event_id) NOT IN (
        SELECT customer_id, event_id FROM touchline.superseded_rows FINAL WHERE NOT deleted
    )
GROUP BY t.owner;

-- What each campaign cost, where that is of one currency, and how many customers it brought, of whatever currency. Each of
-- those customers is joined to its row, so that has no list: of all currencies that may be stated it would take 4 GB.
CREATE OR REPLACE VIEW touchline.acquisition_costs AS
SELECT
    s.campaign AS campaign,
    s.currencies AS currencies,
    s.currency AS currency,
    s.spent_minor AS spent_minor,
    a.customers AS customers
FROM
(
    SELECT
        m.of AS campaign, count() AS currencies, any(m.currency) AS currency, any(m.spent_minor) AS spent_minor
    FROM
    (
        SELECT ifNull(campaign, '') AS of, currency, sum(amount_minor) AS spent_minor
        FROM touchline.marketing_spend
        WHERE of != ''
        GROUP BY of, currency
    ) AS m
    GROUP BY m.of
) AS s
LEFT ANY JOIN
(
    SELECT o.acquired_by AS campaign, count() AS customers
    FROM touchline.customer_orders AS o
    WHERE o.acquired_by != ''
    GROUP BY o.acquired_by
) AS a ON s.campaign = a.campaign;

-- One row for each customer whom another one has referred: the first who is named, by the name that they have now.
CREATE OR REPLACE VIEW touchline.referrals AS
SELECT r.customer_id AS customer_id, r.referrer AS referred_by
FROM
(
    SELECT
        n.customer_id AS customer_id,
        argMin(if(empty(o.owned_by), n.named, ifNull(nullIf(o.owned_by[-1], ''), n.named)), (n.at, n.event_id)) AS referrer
    FROM
    (
        SELECT
            t.owner AS customer_id, t.occurred_at AS at, t.event_id AS event_id, t.attributes['referred_by'] AS named
        FROM touchline.owned_touchpoints AS t
        WHERE t.attributes['referred_by'] != '' AND NOT t.late
    ) AS n
    LEFT ANY JOIN {owners} AS o ON n.named = o.name
    GROUP BY n.customer_id
) AS r
WHERE r.referrer != r.customer_id;

-- What a profile did before it was somebody's counts for the owner: rows of one customer are added up, amounts in the
-- currency of the row that begins first. What cannot be added up is that of the row that ends last. The view `customers`
-- shows this and what follows from the customer's touchpoints.
-- Few profiles had another owner at their first touchpoint than later. Each of their owners has what the touchpoints of
-- their own time come to; what touchpoints do not tell, open cases and the status, is that of the last one's.
CREATE OR REPLACE VIEW touchline.customer_totals AS
WITH
    changing AS
    (
        SELECT
            c.customer_id AS name,
            c.first_seen_at AS begins,
            c.last_seen_at AS ends,
            c.open_cases AS open_cases,
            c.status AS status
        FROM touchline.customers_rows AS c FINAL
        INNER JOIN {owners} AS o ON c.customer_id = o.name
        WHERE NOT c.deleted AND {owner of c.customer_id changes from first_seen_at to last_seen_at}
    )
SELECT
    owner AS customer_id,
    min(c.first_seen_at) AS first_seen_at,
    max(c.last_seen_at) AS last_seen_at,
    sum(c.touchpoints) AS touchpoints,
    sum(c.purchases) AS purchases,
    sumMap(c.spent)[currency] AS spend_minor,
    sumMap(c.refunded)[currency] AS refunded_minor,
    argMinIf(c.currency, c.first_seen_at, c.currency != '') AS currency,
    if(sum(c.experience_n) = 0, NULL, sum(c.experience_sum) / sum(c.experience_n) / 10000) AS experience_mean,
    argMax(c.last_nps, c.last_seen_at) AS last_nps,
    sum(c.open_cases) AS open_cases,
    argMax(c.status, c.last_seen_at) AS status
FROM
(
    SELECT
        {owner of c.customer_id by last_seen_at} AS owner,
        c.first_seen_at AS first_seen_at,
        c.last_seen_at AS last_seen_at,
        c.touchpoints AS touchpoints,
        c.purchases AS purchases,
        map(c.currency, c.spend_minor) AS spent,
        map(c.currency, c.refunded_minor) AS refunded,
        c.currency AS currency,
        c.experience_sum AS experience_sum,
        c.experience_n AS experience_n,
        c.last_nps AS last_nps,
        c.open_cases AS open_cases,
        c.status AS status
    FROM touchline.customers_rows AS c FINAL
    LEFT ANY JOIN {owners} AS o ON c.customer_id = o.name
    WHERE NOT c.deleted AND NOT {owner of c.customer_id changes from first_seen_at to last_seen_at}
    UNION ALL
    -- As the row has counted them: of statements of one thing those that hold, and nothing that came late.
    SELECT
        t.owner AS owner,
        min(t.at) AS first_seen_at,
        max(t.at) AS last_seen_at,
        count() AS touchpoints,
        countIf(t.is_order) AS purchases,
        sumMapIf(map(t.currency, t.value_minor), t.is_order) AS spent,
        sumMapIf(map(t.currency, t.value_minor), t.is_refund) AS refunded,
        argMinIf(t.currency, (t.at, t.event_id), t.is_order) AS currency,
        sumIf(toInt64(ifNull(t.experience, 0)), t.holds) AS experience_sum,
        countIf(t.holds AND t.experience IS NOT NULL) AS experience_n,
        argMaxIf(t.score, (t.at, t.event_id), t.holds AND t.question = 'nps') AS last_nps,
        if(last_seen_at = any(t.ends), any(t.open_cases), 0) AS open_cases,
        if(last_seen_at = any(t.ends), any(t.status), 'inactive') AS status
    FROM
    (
        SELECT
            c.name AS name,
            c.ends AS ends,
            c.open_cases AS open_cases,
            c.status AS status,
            {owner of touchpoint t} AS owner,
            t.event_id AS event_id,
            t.occurred_at AS at,
            t.experience AS experience,
            ifNull(t.value_minor, 0) AS value_minor,
            toLowCardinality(ifNull(t.currency, '')) AS currency,
            t.survey_answer_question_kind AS question,
            t.survey_answer_score AS score,
            (t.customer_id, t.event_id) NOT IN (
                SELECT customer_id, event_id FROM touchline.superseded_rows FINAL WHERE NOT deleted
            ) AS holds,
            holds AND t.kind = 'purchase' AND t.action = 'placed' AND t.value_minor > 0 AS is_order,
            t.kind = 'purchase' AND t.action = 'refunded' AS is_refund
        FROM touchline.touchpoints_rows AS t FINAL
        INNER JOIN changing AS c ON t.customer_id = c.name
        LEFT ANY JOIN {owners} AS o ON {name of touchpoint t} = o.name
        WHERE NOT t.late AND t.occurred_at BETWEEN c.begins AND c.ends
            -- By this ClickHouse reads the keys alone that were ever one of theirs, and those of subjects.
            AND (
                {subject of touchpoint t}
                OR t.stated_key IN
                (
                    SELECT name
                    FROM
                    (
                        SELECT
                            if(kind = 'customer', value, concat('anon:', kind, ':', value)) AS name,
                            arrayJoin(arrayPushFront(customer_ids, name)) AS who
                        FROM touchline.identities_rows
                    )
                    WHERE who IN (SELECT name FROM changing)
                )
            )
    ) AS t
    GROUP BY t.name, t.owner
) AS c
GROUP BY owner;

-- A customer's totals, and how loyal and valuable they are. An anonymous profile that was over, and came back, has what it
-- did since. Days are those of the business's time zone; the rhythm is the median of the days from one of the customer's
-- days with an order to the next.
CREATE OR REPLACE VIEW touchline.customers AS
WITH
    assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
    if(stored = '', 'UTC', stored) AS zone,
    assumeNotNull((SELECT min(time) FROM touchline.clocks)) AS reached,
    toInt32(toDate32(reached, zone)) AS today,
    assumeNotNull((SELECT method FROM touchline.loyalty_settings)) AS method,
    assumeNotNull((SELECT margin FROM touchline.loyalty_settings)) AS margin,
    assumeNotNull((SELECT mend FROM touchline.loyalty_settings)) AS mend,
    assumeNotNull((SELECT rhythm_days FROM touchline.loyalty_settings)) AS usual_rhythm,
    assumeNotNull((SELECT at_risk FROM touchline.loyalty_settings)) AS risky,
    assumeNotNull((SELECT lapsed FROM touchline.loyalty_settings)) AS lapsing,
    assumeNotNull((SELECT loyal_days FROM touchline.loyalty_settings)) AS loyal_from,
    arrayFilter(o -> o.1 >= c.first_seen_at, c.orders) AS own,
    arrayDistinct(arrayMap(o -> o.3, own)) AS days,
    notEmpty(days) AS has_bought,
    arrayPopFront(arrayDifference(days)) AS gaps,
    arrayPopBack(gaps) AS gaps_before,
    if(empty(gaps), usual_rhythm, arrayReduce('quantileExactInclusive(0.5)', gaps)) AS rhythm,
    if(empty(gaps_before), usual_rhythm, arrayReduce('quantileExactInclusive(0.5)', gaps_before)) AS rhythm_before,
    today - days[-1] AS silence,
    arrayFilter(o -> o.3 != days[1] AND o.5 = c.currency, own) AS repeats,
    length(arrayDistinct(arrayMap(o -> o.3, repeats))) AS repeat_days,
    if(method = 'rfm', length(own), length(gaps)) AS times,
    multiIf(
        method = 'rfm', toFloat64(c.spend_minor - c.refunded_minor),
        repeat_days = 0, 0.,
        arraySum(o -> o.4, repeats) / repeat_days
    ) AS monetary_value,
    arrayFilter(at -> at >= c.first_seen_at, c.good_at) AS good_at,
    arrayFilter(at -> at >= c.first_seen_at, c.bad_at) AS bad_at,
    length(good_at) AS good,
    length(bad_at) AS bad,
    good - mend * bad AS balance,
    -- The balance after each experience: it is below zero since the one after the last at which it was not.
    arraySort(arrayConcat(arrayMap(at -> (at, 1.), good_at), arrayMap(at -> (at, -mend), bad_at))) AS felt,
    arrayLastIndex(sum -> sum >= 0, arrayCumSum(felt.2)) AS mended,
    multiIf(
        silence > lapsing * rhythm, 'lapsed',
        silence > risky * rhythm, 'at_risk',
        length(days) = 1, 'new',
        gaps[-1] > lapsing * rhythm_before, 'returned',
        'active'
    ) AS state,
    multiIf(isNull(c.last_nps), NULL, c.last_nps >= 9, 'promoter', c.last_nps <= 6, 'detractor', 'passive') AS vote,
    multiIf(
        NOT has_bought OR empty(c.acquired_by) OR k.currencies = 0, toNullable(0.),
        k.currencies = 1 AND k.currency = c.currency, toNullable(k.spent_minor / k.customers),
        NULL
    ) AS cost,
    has_bought AND length(days) >= loyal_from AND state != 'lapsed' AS is_loyal,
    arrayConcat(
        if(state = 'at_risk' AND has_bought, ['at_risk'], []),
        if(c.open_cases > 0, ['open_case'], []),
        if(c.status IN ('unhappy', 'lost'), ['turned'], []),
        if(ifNull(vote, '') = 'detractor', ['detractor'], []),
        if(balance < 0, ['unmended'], [])
    ) AS reasons
SELECT
    c.customer_id AS customer_id,
    c.first_seen_at AS first_seen_at,
    c.last_seen_at AS last_seen_at,
    c.touchpoints AS touchpoints,
    c.purchases AS purchases,
    c.spend_minor AS spend_minor,
    c.refunded_minor AS refunded_minor,
    c.currency AS currency,
    c.experience_mean AS experience_mean,
    c.last_nps AS last_nps,
    c.open_cases AS open_cases,
    c.status AS status,
    if(has_bought, toNullable(own[1].1), NULL) AS first_order_at,
    if(has_bought, toNullable(own[-1].1), NULL) AS last_order_at,
    length(days) AS order_days,
    if(has_bought, toNullable(if(method = 'rfm', silence, days[-1] - days[1])), NULL) AS recency_days,
    if(has_bought, toNullable(times), NULL) AS frequency,
    if(has_bought, toNullable(today - days[1]), NULL) AS tenure_days,
    if(has_bought, toNullable(monetary_value), NULL) AS monetary_value_minor,
    toBool(times > (method = 'rfm')) AS repeat_purchase,
    if(has_bought, toNullable(silence), NULL) AS silence_days,
    if(has_bought, toNullable(rhythm), NULL) AS rhythm_days,
    if(has_bought, toNullable(state), NULL) AS loyalty_status,
    vote AS nps_group,
    good AS good_experiences,
    bad AS bad_experiences,
    balance AS experience_balance,
    c.acquired_by AS acquired_by,
    cost AS acquisition_cost_minor,
    margin * (c.spend_minor - c.refunded_minor) - cost AS lifetime_value_minor,
    c.referrals AS referrals,
    c.praises AS praises,
    toBool(is_loyal) AS loyal,
    -- Where one experience in ten is bad nearly everybody is unmended, so that this alone marks nobody.
    toBool(is_loyal AND arrayExists(reason -> reason != 'unmended', reasons)) AS extra_care,
    reasons AS care_reasons,
    if(balance < 0, toNullable(felt[mended + 1].1), NULL) AS unmended_since,
    assumeNotNull((SELECT method_said FROM touchline.loyalty_settings)) AS loyalty_method,
    reached AS as_of
FROM
(
    SELECT
        t.customer_id AS customer_id,
        t.first_seen_at AS first_seen_at,
        t.last_seen_at AS last_seen_at,
        t.touchpoints AS touchpoints,
        t.purchases AS purchases,
        t.spend_minor AS spend_minor,
        t.refunded_minor AS refunded_minor,
        t.currency AS currency,
        t.experience_mean AS experience_mean,
        t.last_nps AS last_nps,
        t.open_cases AS open_cases,
        t.status AS status,
        o.orders AS orders,
        o.acquired_by AS acquired_by,
        e.good_at AS good_at,
        e.bad_at AS bad_at,
        p.praises AS praises,
        r.referrals AS referrals
    FROM touchline.customer_totals AS t
    LEFT ANY JOIN touchline.customer_orders AS o ON t.customer_id = o.customer_id
    LEFT ANY JOIN touchline.customer_experiences AS e ON t.customer_id = e.customer_id
    LEFT ANY JOIN
    (
        SELECT customer_id, count() AS praises
        FROM touchline.customer_posts
        WHERE rating = 5 OR (isNull(rating) AND sentiment >= 0.6)
        GROUP BY customer_id
    ) AS p ON t.customer_id = p.customer_id
    LEFT ANY JOIN
    (
        SELECT referred_by, count() AS referrals
        FROM touchline.referrals
        GROUP BY referred_by
    ) AS r ON t.customer_id = r.referred_by
) AS c
LEFT ANY JOIN touchline.acquisition_costs AS k ON c.acquired_by = k.campaign;

-- Those whose first order was in one month, by the months in which they looked or bought: those before it, in which they had
-- yet to become customers, all from it on, also those in which nobody came. Whoever has not bought has no cohort.
-- Months are numbered; all of a cohort have bought in its own month.
CREATE OR REPLACE VIEW touchline.cohorts AS
WITH
    assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
    if(stored = '', 'UTC', stored) AS zone,
    assumeNotNull((SELECT min(time) FROM touchline.clocks)) AS as_of,
    toYear(as_of, zone) * 12 + toMonth(as_of, zone) - 1 AS this_month,
    row.1 AS number,
    r.cohort != 0 AND number >= r.cohort AS is_since
SELECT
    if(r.cohort = 0, NULL, CAST(makeDateTime(intDiv(r.cohort, 12), r.cohort % 12 + 1, 1, 0, 0, 0, zone), 'DateTime64(3, ''UTC'')'))
        AS cohort,
    CAST(makeDateTime(intDiv(number, 12), number % 12 + 1, 1, 0, 0, 0, zone), 'DateTime64(3, ''UTC'')') AS month,
    r.currency AS currency,
    if(r.cohort = 0, NULL, toNullable(toInt32(number) - toInt32(r.cohort))) AS months_since,
    toBool(is_since AND number > r.cohort) AS existing,
    r.size AS customers,
    row.2 AS visited,
    row.3 AS bought,
    row.4 AS orders,
    row.5 AS revenue_minor,
    if(is_since, toNullable(bought / customers), NULL) AS retention,
    if(is_since, toNullable({wilson low of bought in customers}), NULL) AS ci_low,
    if(is_since, toNullable({wilson high of bought in customers}), NULL) AS ci_high,
    if(visited = 0, NULL, toNullable(bought / visited)) AS conversion,
    toBool(customers >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough,
    'month_of_first_order' AS method
FROM
(
    SELECT
        m.cohort AS cohort,
        m.currency AS currency,
        maxIf(m.bought, m.number = m.cohort) AS size,
        groupArray((m.number, m.visited, m.bought, m.orders, m.revenue_minor)) AS told,
        arrayFilter(
            other -> cohort != 0 AND NOT has(arrayMap(one -> one.1, told), other),
            range(cohort, if(cohort = 0, cohort, greatest(cohort, this_month + 1)))
        ) AS quiet,
        arrayConcat(told, arrayMap(other -> (other, toUInt64(0), toUInt64(0), toUInt64(0), toInt64(0)), quiet)) AS rows
    FROM
    (
        SELECT
            p.cohort AS cohort,
            p.currency AS currency,
            number,
            count() AS visited,
            countIf(has(p.bought_in, number)) AS bought,
            sum(arrayCount(one -> one = number, p.bought_in)) AS orders,
            sum(arraySum((one, amount) -> if(one = number, amount, 0), p.bought_in, p.amounts)) AS revenue_minor
        FROM
        (
            SELECT
                v.months AS months,
                arrayMap(o -> toYear(o.1, zone) * 12 + toMonth(o.1, zone) - 1, c.orders) AS bought_in,
                if(empty(c.orders), 0, bought_in[1]) AS cohort,
                c.orders[1].5 AS currency,
                arrayMap(o -> if(o.5 = currency, o.4, 0), c.orders) AS amounts
            FROM
            (
                SELECT
                    t.owner AS customer_id,
                    groupUniqArray(toYear(t.occurred_at, zone) * 12 + toMonth(t.occurred_at, zone) - 1) AS months
                FROM touchline.owned_touchpoints AS t
                WHERE (t.kind IN ('page_view', 'cart_event') OR (t.kind = 'purchase' AND t.action = 'placed'))
                    AND NOT t.late AND (NOT t.ahead OR t.occurred_at <= as_of)
                GROUP BY t.owner
            ) AS v
            LEFT ANY JOIN touchline.customer_orders AS c ON v.customer_id = c.customer_id
        ) AS p
        ARRAY JOIN p.months AS number
        GROUP BY p.cohort, p.currency, number
    ) AS m
    GROUP BY m.cohort, m.currency
) AS r
ARRAY JOIN r.rows AS row;

-- One row for each customer who has lapsed: what they were worth, and what they went through in the 30 days up to the last
-- touchpoint. What a customer bought in a year goes by their own rhythm, so who bought on one day alone has none.
CREATE OR REPLACE VIEW touchline.departures AS
WITH
    arrayFilter(one -> one.1 >= subtractDays(c.last_seen_at, 30) AND one.1 <= c.last_seen_at, f.felt) AS around,
    arrayFilter(one -> one.3 < 0, around) AS bad,
    arraySort(one -> (one.3, one.1, one.2), bad) AS by_weight
SELECT
    c.customer_id AS customer_id,
    c.last_seen_at AS left_at,
    c.last_order_at AS last_order_at,
    c.order_days AS order_days,
    c.currency AS currency,
    c.spend_minor - c.refunded_minor AS value_minor,
    -- Two orders of one week say little of a year: what was brought counts as that of a quarter at least.
    if(
        c.order_days < 2,
        NULL,
        toNullable(value_minor * 365 / greatest(c.order_days * assumeNotNull(c.rhythm_days), 90))
    ) AS yearly_minor,
    c.order_days >= (SELECT max(loyal_days) FROM touchline.loyalty_settings) AS was_loyal,
    length(around) - length(bad) AS good_before,
    length(bad) AS bad_before,
    arrayMap(one -> one.4, bad) AS bad_steps,
    if(empty(bad), NULL, toNullable(by_weight[1].4)) AS worst_step,
    if(empty(bad), NULL, toNullable(by_weight[1].2)) AS worst_event_id,
    c.open_cases AS open_cases,
    c.nps_group AS nps_group,
    c.acquired_by AS acquired_by,
    c.loyalty_method AS loyalty_method,
    c.as_of AS as_of
FROM touchline.customers AS c
LEFT ANY JOIN
(
    SELECT
        t.owner AS customer_id,
        arraySort(groupArray((
            t.occurred_at, t.event_id, assumeNotNull(t.experience), concat(t.kind, ':', t.action)
        ))) AS felt
    FROM touchline.owned_touchpoints AS t
    WHERE t.experience != 0 AND NOT t.late
        AND (t.customer_id, t.event_id) NOT IN (
            SELECT customer_id, event_id FROM touchline.superseded_rows FINAL WHERE NOT deleted
        )
    GROUP BY t.owner
) AS f ON c.customer_id = f.customer_id
WHERE c.loyalty_status = 'lapsed';

-- One row for each campaign and currency: what it cost, whom it brought, and what they and its orders have brought.
CREATE OR REPLACE VIEW touchline.campaign_value AS
WITH
    sum(m.new_customers) OVER (PARTITION BY m.campaign) AS brought
SELECT
    m.campaign AS campaign,
    m.currency AS currency,
    m.spent_minor AS spent_minor,
    m.new_customers AS new_customers,
    if(brought = 0, NULL, toNullable(m.spent_minor / brought)) AS cost_per_customer_minor,
    m.customers_minor AS customers_value_minor,
    if(m.spent_minor = 0, NULL, toNullable(customers_value_minor / m.spent_minor)) AS value_to_cost,
    m.orders AS orders,
    m.revenue_minor AS revenue_minor,
    assumeNotNull((SELECT method_said FROM touchline.loyalty_settings)) AS loyalty_method,
    assumeNotNull((SELECT min(time) FROM touchline.clocks)) AS as_of
FROM
(
    SELECT
        a.campaign AS campaign,
        a.currency AS currency,
        sum(a.spent) AS spent_minor,
        sum(a.acquired) AS new_customers,
        sum(a.value) AS customers_minor,
        sum(a.placed) AS orders,
        sum(a.revenue) AS revenue_minor
    FROM
    (
        SELECT
            ifNull(s.campaign, '') AS campaign, s.currency AS currency, toInt64(s.amount_minor) AS spent,
            toUInt64(0) AS acquired, toFloat64(0) AS value, toUInt64(0) AS placed, toInt64(0) AS revenue
        FROM touchline.marketing_spend AS s
        WHERE s.campaign != ''
        UNION ALL
        SELECT o.campaign, o.currency, 0, 0, 0, 1, o.amount_minor
        FROM touchline.placed_orders AS o
        WHERE o.campaign != ''
        UNION ALL
        SELECT
            b.acquired_by, c.currency, 0, 1,
            (SELECT max(margin) FROM touchline.loyalty_settings) * (c.spend_minor - c.refunded_minor), 0, 0
        FROM touchline.customer_totals AS c
        INNER ANY JOIN touchline.customer_orders AS b ON c.customer_id = b.customer_id
        WHERE b.acquired_by != ''
    ) AS a
    GROUP BY a.campaign, a.currency
) AS m;

-- One row for each customer with an open journey: the step at which they stand, for how long, and how long others stood there
-- before they went on. Touchpoints of one moment stand in the order of their event ids.
CREATE OR REPLACE VIEW touchline.standing AS
WITH
    assumeNotNull((SELECT min(time) FROM touchline.clocks)) AS reached
SELECT
    one.1 AS customer_id,
    one.2 AS journey_id,
    s.step AS step,
    one.3 AS since,
    dateDiff('millisecond', since, reached) / 1000 AS waiting_seconds,
    s.went_on AS went_on,
    if(s.went_on = 0, NULL, toNullable(s.usual[1])) AS usual_seconds_p50,
    if(s.went_on = 0, NULL, toNullable(s.usual[2])) AS usual_seconds_p90,
    s.went_on >= (SELECT max(fewest) FROM touchline.enough_observations) AS enough,
    toBool(enough AND waiting_seconds > s.usual[2]) AS stuck,
    reached AS as_of,
    'p90_of_others' AS method
FROM
(
    SELECT
        m.step AS step,
        countIf(m.next_at IS NOT NULL) AS went_on,
        quantilesExactInclusiveIf(0.5, 0.9)(
            dateDiff('millisecond', m.at, assumeNotNull(m.next_at)) / 1000, m.next_at IS NOT NULL
        ) AS usual,
        groupArrayIf((m.customer_id, m.journey_id, m.at), m.next_at IS NULL AND addDays(m.at, 30) > reached) AS standing
    FROM
    (
        SELECT
            t.owner AS customer_id,
            t.journey_id AS journey_id,
            concat(t.kind, ':', t.action) AS step,
            t.occurred_at AS at,
            leadInFrame(toNullable(t.occurred_at)) OVER (
                PARTITION BY t.journey_id ORDER BY t.occurred_at, t.event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS next_at
        FROM touchline.owned_touchpoints AS t
        WHERE t.journey_id != '' AND NOT t.late AND (NOT t.ahead OR t.occurred_at <= reached)
    ) AS m
    GROUP BY m.step
) AS s
ARRAY JOIN s.standing AS one;
