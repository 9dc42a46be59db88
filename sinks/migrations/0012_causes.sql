-- What leads customers to ask us, or turns them: each step against days on which the same could have come without it.

-- The contacts that customers begin, and the turns of their experience for the worse; `handled` is the time, in seconds,
-- that agents had a call. A call that nobody queued for is the business's own.
CREATE OR REPLACE VIEW touchline.contact_starts AS
SELECT journey_id, 'call' AS contact, asked_at, ifNull(h.handled, 0) AS handled
FROM
(
    SELECT
        customer_id,
        call_id,
        argMinIf(c.journey_id, c.occurred_at, phase = 'queued') AS journey_id,
        minIf(c.occurred_at, phase = 'queued') AS asked_at
    FROM touchline.support_calls AS c
    GROUP BY customer_id, call_id
    HAVING countIf(phase = 'queued') > 0
) AS c
LEFT ANY JOIN
(
    SELECT customer_id, call_id, sum(handling_seconds) AS handled
    FROM touchline.call_turns
    GROUP BY customer_id, call_id
) AS h ON c.customer_id = h.customer_id AND c.call_id = h.call_id
UNION ALL
SELECT argMin(e.journey_id, e.occurred_at) AS journey_id, 'case' AS contact, min(e.occurred_at) AS asked_at, 0. AS handled
FROM touchline.case_events AS e
WHERE phase = 'opened' AND `by` = 'customer'
GROUP BY customer_id, case_id
UNION ALL
SELECT journey_id, 'post' AS contact, occurred_at AS asked_at, 0. AS handled
FROM touchline.tweets
WHERE author = 'customer' AND experience < -0.05
UNION ALL
SELECT journey_id, 'turn' AS contact, onset_at AS asked_at, 0. AS handled
FROM touchline.sentiment_shifts
WHERE direction = 'worse';

-- One row for each touchpoint of a journey: the steps that it is, and what the customer did next. `led_to` is 1 where the
-- next contact of each sort came within 7 days: a call, a case, a post, a turn, and any of the first three.
CREATE OR REPLACE VIEW touchline.touches_before_contacts AS
WITH
    assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
    if(stored = '', 'UTC', stored) AS zone
SELECT
    journey_id,
    n.at AS at,
    toStartOfDay(fromUnixTimestamp64Milli(n.at, 'UTC'), zone) AS day,
    CAST(toDateTime(toStartOfMonth(fromUnixTimestamp64Milli(n.at, 'UTC'), zone), zone), 'DateTime64(3, ''UTC'')') AS month,
    dense_rank() OVER (PARTITION BY journey_id ORDER BY day) AS place,
    n.before > 0 AND n.before + 604800000 >= n.at AS had_asked,
    arrayMap(
        next -> toUInt64(next > 0 AND next <= n.at + 604800000),
        [
            n.next_call, n.next_case, n.next_post, n.next_turn,
            arrayMin(arrayFilter(next -> next > 0, [n.next_call, n.next_case, n.next_post]))
        ]
    ) AS led_to,
    n.handled AS handled,
    n.steps AS steps
FROM
(
    SELECT
        *,
        maxIf(at, contact NOT IN ('', 'turn')) OVER earlier AS before,
        minIf(at, contact = 'call') OVER later AS next_call,
        argMinIf(handling, at, contact = 'call') OVER later AS handled,
        minIf(at, contact = 'case') OVER later AS next_case,
        minIf(at, contact = 'post') OVER later AS next_post,
        minIf(at, contact = 'turn') OVER later AS next_turn
    FROM
    (
        SELECT
            journey_id,
            toUnixTimestamp64Milli(t.occurred_at) AS at,
            '' AS contact,
            0. AS handling,
            concat(t.kind, if(t.action = '', '', ':'), t.action) AS step,
            ifNull(t.experience < 0, false) AS failed,
            ifNull(if(t.kind = 'support_call', t.support_call_topic, t.case_event_topic), '') AS topic,
            arrayMap(
                detail -> (step, failed, detail.1, detail.2),
                arrayConcat(
                    [('', '')],
                    if(t.page_view_page = '', [], [('page', t.page_view_page)]),
                    if(topic = '', [], [('topic', topic)]),
                    arrayZip(CAST(mapKeys(t.attributes), 'Array(String)'), mapValues(t.attributes))
                )
            ) AS steps
        FROM touchline.owned_touchpoints AS t
        WHERE t.journey_id != ''
        UNION ALL
        SELECT
            journey_id,
            toUnixTimestamp64Milli(c.asked_at) AS at,
            contact,
            c.handled AS handling,
            '' AS step,
            false AS failed,
            '' AS topic,
            [] AS steps
        FROM touchline.contact_starts AS c
        WHERE journey_id != ''
    )
    WINDOW
        earlier AS (PARTITION BY journey_id ORDER BY at RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        later AS (PARTITION BY journey_id ORDER BY at DESC RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
) AS n
WHERE n.contact = '';

-- One row for each journey, day of it, and step of that day, once the 7 days after it have passed. The step whose name is
-- empty is the day itself. Days are alike that are of one month and place in their journeys (the first, the next two, the
-- next four …), and whose customers had asked in the 7 days before, or had not.
CREATE OR REPLACE VIEW touchline.days_before_contacts AS
SELECT
    any(d.month) AS month,
    any(d.alike) AS alike,
    d.journey_id AS journey_id,
    s AS step,
    argMin(d.led_to, d.at) AS led_to,
    argMin(d.handled, d.at) AS handled,
    any(d.day_led_to) AS day_led_to
FROM
(
    SELECT
        *,
        first_value(t.led_to) OVER of_day AS day_led_to,
        (
            t.month,
            multiIf(t.place < 2, 1, t.place < 4, 2, t.place < 8, 4, t.place < 16, 8, t.place < 32, 16, 32),
            first_value(t.had_asked) OVER of_day
        ) AS alike,
        max(t.at) OVER (PARTITION BY t.journey_id, t.day) AS last_at
    FROM touchline.touches_before_contacts AS t
    WINDOW of_day AS (
        PARTITION BY t.journey_id, t.day ORDER BY t.at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
) AS d
ARRAY JOIN arrayPushFront(d.steps, ('', false, '', '')) AS s
WHERE d.last_at + 604800000 <= toUnixTimestamp64Milli(assumeNotNull((SELECT min(time) FROM touchline.clocks)))
GROUP BY d.journey_id, d.day, s;

-- Of each step and likeness of days: how many days with it were followed by a contact, and how many of those without it.
-- Days of one journey are alike, and one contact follows several of them. So the squares of what each journey adds are
-- counted, once, to say how much more journeys vary than if days were independent.
CREATE OR REPLACE VIEW touchline.contact_counts AS
SELECT
    month,
    alike,
    step,
    sum(j.days) AS days,
    sumForEach(j.led_to) AS led_to,
    maxIf(days, step.1 = '') OVER (PARTITION BY month, alike) - days AS others,
    arrayMap(
        (of_all, of_these) -> of_all - of_these,
        anyIf(sumForEach(j.day_led_to), step.1 = '') OVER (PARTITION BY month, alike),
        sumForEach(j.day_led_to)
    ) AS led_others,
    sum(j.handled) AS handled,
    sumIf(pow(j.days_in_all, 2), j.is_first) AS squares,
    sumForEach(arrayMap(led -> j.is_first * led * led, j.led_in_all)) AS led_squares,
    sumForEach(arrayMap(led -> j.is_first * led * j.days_in_all, j.led_in_all)) AS products
FROM
(
    SELECT
        month,
        alike,
        step,
        toInt64(count()) AS days,
        arrayMap(n -> toInt64(n), sumForEach(d.led_to)) AS led_to,
        arrayMap(n -> toInt64(n), sumForEach(d.day_led_to)) AS day_led_to,
        sumIf(d.handled, d.led_to[1] = 1) AS handled,
        sum(days) OVER of_journey AS days_in_all,
        sumForEach(led_to) OVER of_journey AS led_in_all,
        row_number() OVER of_journey = 1 AS is_first
    FROM touchline.days_before_contacts AS d
    GROUP BY month, alike, step, journey_id
    WINDOW of_journey AS (PARTITION BY month, step, journey_id)
) AS j
GROUP BY month, alike, step;

-- What steps lead to, as far as days without them tell. The interval of the difference is Newcombe's, of Wilson's two, each
-- of as many independent days as the days are worth.
CREATE OR REPLACE VIEW touchline.contact_causes AS
SELECT
    m.month AS month,
    m.step.1 AS step,
    m.step.2 AS failed,
    m.step.3 AS detail,
    m.step.4 AS detail_value,
    m.leads_to AS leads_to,
    toUInt64(m.n) AS n,
    toUInt64(m.counted) AS counted,
    m.counted / m.n AS share,
    m.low AS ci_low,
    m.high AS ci_high,
    toUInt64(m.days_without) AS n_without,
    m.share_without AS share_without,
    share - share_without AS difference,
    difference - sqrt(pow(share - m.low, 2) + pow(m.high_without - share_without, 2)) AS difference_low,
    difference + sqrt(pow(m.high - share, 2) + pow(share_without - m.low_without, 2)) AS difference_high,
    if(m.share_without = 0, NULL, toNullable(share / share_without)) AS lift,
    m.counted - m.expected AS extra,
    if(m.handled = 0, NULL, toNullable(m.handled / m.counted)) AS handling_seconds,
    if(m.handled = 0, NULL, toNullable(extra * m.handled / m.counted)) AS extra_seconds,
    toBool(m.n >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough
FROM
(
    SELECT
        w.*,
        w.n / w.spread AS worth,
        w.worth_without / w.spread_of_all AS worth_less,
        w.expected / w.n AS share_without,
        w.counted / w.spread AS counted_worth,
        share_without * worth_less AS expected_worth,
        {wilson low of counted_worth in worth} AS low,
        {wilson high of counted_worth in worth} AS high,
        {wilson low of expected_worth in worth_less} AS low_without,
        {wilson high of expected_worth in worth_less} AS high_without
    FROM
    (
        SELECT
            s.*,
            if(
                s.mean > 0 AND s.mean < 1,
                greatest(
                    1,
                    (s.led_squares - 2 * s.mean * s.products + s.mean * s.mean * s.squares)
                        / (s.days * s.mean * (1 - s.mean))
                ),
                s.squares / s.days
            ) AS spread,
            maxIf(spread, s.step.1 = '') OVER (PARTITION BY s.month, s.leads_to) AS spread_of_all
        FROM
        (
            SELECT
                month,
                step,
                contact.1 AS leads_to,
                toFloat64(sumIf(c.days, c.others > 0)) AS n,
                toFloat64(sumIf(contact.2, c.others > 0)) AS counted,
                sumIf(c.days * contact.3 / c.others, c.others > 0) AS expected,
                n * n / sumIf(c.days * c.days / c.others, c.others > 0) AS worth_without,
                sum(c.others) AS days_without,
                sumIf(contact.4, c.others > 0) AS handled,
                toFloat64(sum(c.days)) AS days,
                toFloat64(sum(contact.2)) / days AS mean,
                sum(c.squares) AS squares,
                sum(contact.5) AS led_squares,
                sum(contact.6) AS products
            FROM touchline.contact_counts AS c
            ARRAY JOIN arrayZip(
                ['call', 'case', 'post', 'turn', 'any'],
                c.led_to,
                c.led_others,
                [c.handled, 0., 0., 0., c.handled],
                c.led_squares,
                c.products
            ) AS contact
            GROUP BY month, step, leads_to
        ) AS s
    ) AS w
    WHERE w.step.1 != '' AND w.n >= 5
) AS m;

-- One row for each abandoned cart: its last event by then, and the page that its customer saw last by then, if that was not
-- more than 30 minutes before the event.
CREATE OR REPLACE VIEW touchline.carts_left AS
SELECT
    a.abandoned_at AS abandoned_at,
    a.subject AS subject,
    a.status AS status,
    a.value_minor AS value_minor,
    ifNull(a.currency, '') AS currency,
    a.action AS action,
    if(p.seen_at >= subtractMinutes(a.left_at, 30), p.page, '') AS page
FROM
(
    SELECT b.*, c.action AS action, c.left_at AS left_at
    FROM
    (
        SELECT subject, subject_id, customer_id, abandoned_at, status, value_minor, currency
        FROM touchline.abandonments
        WHERE subject IN ('cart', 'checkout')
    ) AS b
    ASOF LEFT JOIN
    (
        SELECT
            customer_id,
            cart_id,
            e.occurred_at AS left_at,
            argMax(
                action,
                (
                    indexOf(
                        ['created', 'item_added', 'item_removed', 'checkout_started', 'payment_failed', 'cleared', 'ordered'],
                        action
                    ),
                    event_id
                )
            ) AS action
        FROM touchline.cart_events AS e
        GROUP BY customer_id, cart_id, e.occurred_at
    ) AS c ON b.customer_id = c.customer_id AND b.subject_id = c.cart_id AND b.abandoned_at > c.left_at
) AS a
ASOF LEFT JOIN
(
    SELECT customer_id, v.occurred_at AS seen_at, argMax(page, event_id) AS page
    FROM touchline.page_views AS v
    GROUP BY customer_id, v.occurred_at
) AS p ON a.customer_id = p.customer_id AND a.abandoned_at > p.seen_at;

-- Where carts are left: by their last event, and with a page, by the page that was seen last.
CREATE OR REPLACE VIEW touchline.cart_exits AS
SELECT
    m.month AS month,
    m.action AS action,
    m.page AS page,
    m.currency AS currency,
    m.carts AS carts,
    m.carts / m.of_month AS share,
    {wilson low of m.carts in m.of_month} AS ci_low,
    {wilson high of m.carts in m.of_month} AS ci_high,
    m.recovered AS recovered,
    m.value_minor AS value_minor,
    m.lost_minor AS lost_minor,
    toBool(m.of_month >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough
FROM
(
    WITH
        assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
        if(stored = '', 'UTC', stored) AS zone
    SELECT
        CAST(toDateTime(toStartOfMonth(a.abandoned_at, zone), zone), 'DateTime64(3, ''UTC'')') AS month,
        action,
        seen AS page,
        currency,
        count() AS carts,
        sumIf(carts, page = '') OVER (PARTITION BY month, currency) AS of_month,
        countIf(a.status = 'recovered') AS recovered,
        sum(ifNull(a.value_minor, 0)) AS value_minor,
        sumIf(ifNull(a.value_minor, 0), a.status != 'recovered') AS lost_minor
    FROM touchline.carts_left AS a
    ARRAY JOIN arrayDistinct(['', a.page]) AS seen
    GROUP BY month, action, page, currency
) AS m;
