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

-- What each campaign cost, by currency, and how many customers it brought, of whatever currency.
CREATE OR REPLACE VIEW touchline.acquisition_costs AS
SELECT s.campaign AS campaign, s.spent AS spent, a.customers AS customers
FROM
(
    SELECT m.of AS campaign, groupArray((m.currency, m.spent_minor)) AS spent
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
    LEFT ANY JOIN touchline.owners AS o ON n.named = o.name
    GROUP BY n.customer_id
) AS r
WHERE r.referrer != r.customer_id;

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
    arrayCount(at -> at >= c.first_seen_at, c.good_at) AS good,
    arrayCount(at -> at >= c.first_seen_at, c.bad_at) AS bad,
    good - mend * bad AS balance,
    multiIf(
        silence > lapsing * rhythm, 'lapsed',
        silence > risky * rhythm, 'at_risk',
        length(days) = 1, 'new',
        gaps[-1] > lapsing * rhythm_before, 'returned',
        'active'
    ) AS state,
    multiIf(isNull(c.last_nps), NULL, c.last_nps >= 9, 'promoter', c.last_nps <= 6, 'detractor', 'passive') AS vote,
    multiIf(
        NOT has_bought OR empty(c.acquired_by) OR empty(k.spent), toNullable(0.),
        length(k.spent) = 1 AND k.spent[1].1 = c.currency, toNullable(k.spent[1].2 / k.customers),
        NULL
    ) AS cost,
    has_bought AND length(days) >= loyal_from AND state != 'lapsed' AS is_loyal
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
    toBool(is_loyal AND (state = 'at_risk' OR balance < 0 OR ifNull(vote, '') = 'detractor' OR c.open_cases > 0))
        AS extra_care,
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
