-- What stops customers who want to pay: payments that fail, and invoices that are seen and not paid.

-- One row for each checkout of a cart, and for each day on which a customer looked at invoices. Of each: whether it is
-- known yet, whether it went wrong, and whether the customer paid after all.
CREATE OR REPLACE VIEW touchline.payments AS
SELECT
    'payment_failed' AS kind,
    c.customer_id AS customer_id,
    minIf(c.occurred_at, c.action = 'checkout_started') AS began_at,
    true AS is_known,
    countIf(c.action = 'payment_failed') > 0 AS is_wrong,
    is_wrong AND maxIf(c.occurred_at, c.action = 'ordered') >= maxIf(c.occurred_at, c.action = 'payment_failed') AS is_overcome
FROM touchline.cart_events AS c
GROUP BY c.customer_id, c.cart_id
HAVING countIf(c.action = 'checkout_started') > 0
UNION ALL
SELECT
    'invoice_unpaid' AS kind,
    v.customer_id AS customer_id,
    v.seen_at AS began_at,
    is_paid OR addDays(v.seen_at, 30) < assumeNotNull((SELECT min(time) FROM touchline.clocks)) AS is_known,
    NOT is_paid AS is_wrong,
    false AS is_overcome
FROM
(
    WITH
        assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
        if(stored = '', 'UTC', stored) AS zone
    SELECT
        d.customer_id AS customer_id,
        d.seen_at AS seen_at,
        -- Of a customer who never paid it is the epoch.
        p.occurred_at BETWEEN d.seen_at AND addDays(d.seen_at, 30) AS is_paid
    FROM
    (
        SELECT customer_id, min(s.occurred_at) AS seen_at
        FROM touchline.page_views AS s
        WHERE s.action = 'invoice_viewed'
        GROUP BY customer_id, toStartOfDay(s.occurred_at, zone)
    ) AS d
    ASOF LEFT JOIN
    (
        SELECT customer_id, occurred_at
        FROM touchline.page_views
        WHERE action = 'invoice_paid'
    ) AS p ON d.customer_id = p.customer_id AND p.occurred_at >= d.seen_at
) AS v;

CREATE OR REPLACE VIEW touchline.friction AS
WITH
    {spread of m.wrong in m.known over m.groups} AS spread,
    m.wrong / spread AS wrong_worth,
    m.known / spread AS worth
SELECT
    m.month AS month,
    m.kind AS kind,
    m.known AS n,
    m.wrong AS counted,
    if(n = 0, NULL, toNullable(counted / n)) AS share,
    if(n = 0, NULL, toNullable({wilson low of wrong_worth in worth})) AS ci_low,
    if(n = 0, NULL, toNullable({wilson high of wrong_worth in worth})) AS ci_high,
    m.overcome AS overcome,
    m.undecided AS undecided,
    m.known >= (SELECT max(fewest) FROM touchline.enough_observations) AS enough
FROM
(
    WITH
        assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
        if(stored = '', 'UTC', stored) AS zone,
        p.is_known AND p.is_wrong AS is_counted
    SELECT
        CAST(toDateTime(toStartOfMonth(p.began_at, zone), zone), 'DateTime64(3, ''UTC'')') AS month,
        p.kind AS kind,
        countIf(p.is_known) AS known,
        countIf(is_counted) AS wrong,
        {groups of is_counted in p.is_known by p.customer_id} AS groups,
        countIf(p.is_overcome) AS overcome,
        countIf(NOT p.is_known) AS undecided
    FROM touchline.payments AS p
    GROUP BY month, kind
) AS m;
