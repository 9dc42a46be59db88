-- What leads customers to ask us, or turns them: each step against days on which the same could have come without it.

-- What contacts cost, in minor units of the business's currency: an hour of agents' time in calls, and one contact of each
-- sort, by name. `is_known` is 0 where nothing is said.
CREATE OR REPLACE VIEW touchline.contact_costs AS
SELECT
    s.said != '' AS is_known,
    toFloat64OrZero(extractKeyValuePairs(s.said, '=', ',')['hour']) AS hour_minor,
    mapApply((name, amount) -> (name, toFloat64OrZero(amount)), extractKeyValuePairs(s.said, '=', ',')) AS of_each
FROM (SELECT max(value) AS said FROM touchline.settings_rows FINAL WHERE name = 'contact_costs') AS s;

-- The contacts that customers begin, and the turns of their experience for the worse; `handled` is the time, in seconds,
-- that agents had a call. A call that nobody queued for is the business's own. Of several touchpoints at the moment at which
-- one began the one with the least event id is the first.
CREATE OR REPLACE VIEW touchline.contact_starts AS
SELECT
    c.customer_id AS customer_id,
    'call' AS contact,
    c.call_id AS contact_id,
    c.first.1 AS asked_at,
    c.first.2 AS event_id,
    c.first.3 AS journey_id,
    ifNull(h.handled, 0) AS handled
FROM
(
    SELECT customer_id, call_id, min((c.occurred_at, c.event_id, c.journey_id)) AS first
    FROM touchline.support_calls AS c
    WHERE phase = 'queued'
    GROUP BY customer_id, call_id
) AS c
LEFT ANY JOIN
(
    SELECT customer_id, call_id, sum(handling_seconds) AS handled
    FROM touchline.call_turns
    GROUP BY customer_id, call_id
) AS h ON c.customer_id = h.customer_id AND c.call_id = h.call_id
UNION ALL
SELECT
    customer_id,
    'case' AS contact,
    case_id AS contact_id,
    min((e.occurred_at, e.event_id, e.journey_id)).1 AS asked_at,
    min((e.occurred_at, e.event_id, e.journey_id)).2 AS event_id,
    min((e.occurred_at, e.event_id, e.journey_id)).3 AS journey_id,
    0. AS handled
FROM touchline.case_events AS e
WHERE phase = 'opened' AND `by` = 'customer'
GROUP BY customer_id, case_id
UNION ALL
SELECT
    customer_id, 'post' AS contact, post_id AS contact_id, occurred_at AS asked_at, event_id, journey_id, 0. AS handled
FROM touchline.tweets
WHERE author = 'customer' AND experience < -0.05
UNION ALL
SELECT
    customer_id, 'turn' AS contact, shift_id AS contact_id, onset_at AS asked_at, onset_event_id AS event_id, journey_id,
    0. AS handled
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
        row_number() OVER (PARTITION BY month, step, journey_id ORDER BY alike) = 1 AS is_first
    FROM touchline.days_before_contacts AS d
    GROUP BY month, alike, step, journey_id
    WINDOW of_journey AS (PARTITION BY month, step, journey_id)
) AS j
GROUP BY month, alike, step;

-- What steps lead to, as far as days without them tell. The interval of the difference is Newcombe's, of Wilson's two, each
-- of as many independent days as the days are worth.
-- Costs are those of the days that are more than without the step: of `any` those of calls, cases and posts together.
CREATE OR REPLACE VIEW touchline.contact_causes AS
WITH
    (SELECT (max(is_known), max(hour_minor), any(of_each)) FROM touchline.contact_costs) AS costs,
    extra * costs.3[m.leads_to] + ifNull(extra_seconds, 0) / 3600 * costs.2 AS own_minor,
    sumIf(own_minor, m.leads_to NOT IN ('turn', 'any')) OVER (PARTITION BY m.month, m.step) AS all_minor
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
    multiIf(
        NOT costs.1 OR m.leads_to = 'turn', NULL, m.leads_to = 'any', toNullable(all_minor), toNullable(own_minor)
    ) AS extra_cost_minor,
    toBool(m.n >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough,
    'like_days_7d' AS method
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

-- What may turn a customer: what the business does, and what fails; of one moment in a journey that of the greatest event id.
CREATE OR REPLACE VIEW touchline.turning_acts AS
SELECT
    t.journey_id AS journey_id,
    t.occurred_at AS caused_at,
    max((t.event_id, t.kind, t.action)) AS act
FROM touchline.owned_touchpoints AS t
WHERE t.journey_id != '' AND multiIf(
    t.kind = 'page_view', NOT ifNull(t.page_view_ok, true),
    t.kind = 'cart_event', t.action = 'payment_failed',
    t.kind = 'support_call', t.action NOT IN ('queued', 'resumed'),
    t.kind = 'case_event', t.case_event_by != 'customer' AND t.action != 'acknowledged',
    t.kind = 'tweet', t.action = 'brand',
    t.kind = 'purchase'
)
GROUP BY t.journey_id, t.occurred_at;

-- The experiences below zero; of one moment in a journey that of the greatest event id.
CREATE OR REPLACE VIEW touchline.journey_failures AS
SELECT
    t.journey_id AS journey_id,
    t.occurred_at AS failed_at,
    max((t.event_id, t.kind, t.action)) AS failure
FROM touchline.owned_touchpoints AS t
WHERE t.journey_id != '' AND t.experience < 0
GROUP BY t.journey_id, t.occurred_at;

-- What preceded each contact that a customer began, within 7 days in the journey in which it began: the last that may turn
-- a customer, which is its likely cause, and the last experience below zero. What happens in a contact comes after it.
CREATE OR REPLACE VIEW touchline.customer_contacts AS
WITH
    (SELECT (max(is_known), max(hour_minor), any(of_each)) FROM touchline.contact_costs) AS costs,
    c.caused_at > toDateTime64(0, 3, 'UTC') AND addDays(c.caused_at, 7) >= s.asked_at AS is_caused,
    f.failed_at > toDateTime64(0, 3, 'UTC') AND addDays(f.failed_at, 7) >= s.asked_at AS had_failed
SELECT
    s.contact AS contact,
    s.contact_id AS contact_id,
    s.customer_id AS customer_id,
    s.journey_id AS journey_id,
    s.event_id AS event_id,
    s.asked_at AS asked_at,
    if(s.handled = 0, NULL, toNullable(s.handled)) AS handling_seconds,
    if(costs.1, toNullable(costs.3[s.contact] + s.handled / 3600 * costs.2), NULL) AS cost_minor,
    if(is_caused, toNullable(c.act.1), NULL) AS cause_event_id,
    if(is_caused, toNullable(c.act.2), NULL) AS cause_kind,
    if(is_caused, toNullable(concat(c.act.2, ':', c.act.3)), NULL) AS cause_step,
    if(is_caused, toNullable(c.caused_at), NULL) AS caused_at,
    if(had_failed, toNullable(f.failure.1), NULL) AS failed_event_id,
    if(had_failed, toNullable(concat(f.failure.2, ':', f.failure.3)), NULL) AS failed_step,
    if(had_failed, toNullable(f.failed_at), NULL) AS failed_at,
    'last_before_7d' AS method
FROM (SELECT * FROM touchline.contact_starts WHERE contact != 'turn') AS s
ASOF LEFT JOIN touchline.turning_acts AS c ON s.journey_id = c.journey_id AND s.asked_at > c.caused_at
ASOF LEFT JOIN touchline.journey_failures AS f ON s.journey_id = f.journey_id AND s.asked_at > f.failed_at;

-- One row for each abandoned thing: its last touchpoint by then, and what is known of where it was: a cart's page (which
-- its customer saw last by then, if that was not more than 30 minutes before), a call's topic and how often it had been
-- answered, a survey and the question answered last. A survey is left when its customer is gone, half an hour after the last
-- answer as a cart is, and not when its deadline passes.
CREATE OR REPLACE VIEW touchline.things_left AS
SELECT
    a.subject AS subject,
    a.subject_id AS subject_id,
    a.customer_id AS customer_id,
    a.journey_id AS journey_id,
    a.started_at AS started_at,
    a.abandoned_at AS abandoned_at,
    a.status AS status,
    a.value_minor AS value_minor,
    a.currency AS currency,
    a.left_at AS left_at,
    a.last.2 AS left_event_id,
    a.last.3 AS left_journey_id,
    if(left_event_id = '', '', concat(a.kind, ':', a.last.1)) AS left_step,
    if(a.kind = 'support_call', a.abandoned_at, least(a.abandoned_at, addMinutes(a.left_at, 30))) AS gone_at,
    CAST(
        arrayFilter(
            detail -> detail.2 != '',
            multiIf(
                a.kind = 'cart_event', [('page', if(p.seen_at >= subtractMinutes(a.left_at, 30), p.page, ''))],
                a.kind = 'support_call', [('topic', a.topic), ('answered', toString(a.answered))],
                [('survey', a.last.4), ('question', a.last.5)]
            )
        ),
        'Map(String, String)'
    ) AS left_details
FROM
(
    SELECT b.*, c.left_at AS left_at, c.last AS last, c.answered AS answered, c.topic AS topic
    FROM
    (
        SELECT
            subject, subject_id, customer_id, journey_id, started_at, abandoned_at, status, value_minor, currency,
            multiIf(
                subject IN ('cart', 'checkout'), 'cart_event', subject = 'survey', 'survey_answer', 'support_call'
            ) AS kind,
            -- What happened to a call at the moment of its end came before it.
            if(kind = 'support_call', addMilliseconds(abandoned_at, 1), abandoned_at) AS until
        FROM touchline.abandonments
    ) AS b
    ASOF LEFT JOIN
    (
        SELECT
            customer_id,
            kind,
            subject_id,
            left_at,
            g.last AS last,
            sum(g.answers) OVER so_far AS answered,
            argMaxIf(g.topics, g.left_at, g.topics != '') OVER so_far AS topic
        FROM
        (
            SELECT
                t.owner AS customer_id,
                t.kind AS kind,
                t.subject_id AS subject_id,
                t.occurred_at AS left_at,
                argMax(
                    (
                        t.action, t.event_id, t.journey_id,
                        ifNull(t.survey_answer_survey_id, ''), ifNull(t.survey_answer_question_id, '')
                    ),
                    (
                        indexOf(
                            [
                                'created', 'item_added', 'item_removed', 'checkout_started', 'payment_failed', 'cleared',
                                'ordered', 'invited', 'started', 'queued', 'answered', 'completed', 'held', 'resumed',
                                'transferred'
                            ],
                            t.action
                        ),
                        t.event_id
                    )
                ) AS last,
                countIf(t.kind = 'support_call' AND t.action = 'answered') AS answers,
                max(ifNull(t.support_call_topic, '')) AS topics
            FROM touchline.owned_touchpoints AS t
            WHERE t.kind IN ('cart_event', 'support_call', 'survey_answer') AND t.action != 'ended' AND NOT t.late
            GROUP BY t.owner, t.kind, t.subject_id, t.occurred_at
        ) AS g
        WINDOW so_far AS (PARTITION BY customer_id, kind, subject_id ORDER BY left_at)
    ) AS c
    ON b.customer_id = c.customer_id AND b.kind = c.kind AND b.subject_id = c.subject_id AND b.until > c.left_at
) AS a
ASOF LEFT JOIN
(
    SELECT customer_id, v.occurred_at AS seen_at, argMax(page, event_id) AS page
    FROM touchline.page_views AS v
    GROUP BY customer_id, v.occurred_at
) AS p ON a.customer_id = p.customer_id AND a.abandoned_at > p.seen_at;

-- What preceded each abandoned thing in the journey in which it was left, within 7 days: the last that may turn a customer,
-- which is its likely cause, and the last experience below zero. What is done in a thing is a reason to leave it, so that
-- its own touchpoints count. Of one moment the last is that of the greatest event id.
CREATE OR REPLACE VIEW touchline.abandonment_causes AS
WITH
    c.caused_at > toDateTime64(0, 3, 'UTC') AND addDays(c.caused_at, 7) >= l.gone_at AS is_caused,
    f.failed_at > toDateTime64(0, 3, 'UTC') AND addDays(f.failed_at, 7) >= l.gone_at AS had_failed
SELECT
    l.subject AS subject,
    l.subject_id AS subject_id,
    l.customer_id AS customer_id,
    l.journey_id AS journey_id,
    l.started_at AS started_at,
    l.abandoned_at AS abandoned_at,
    l.status AS status,
    l.value_minor AS value_minor,
    l.currency AS currency,
    l.left_at AS left_at,
    l.left_event_id AS left_event_id,
    l.left_step AS left_step,
    l.left_details AS left_details,
    if(is_caused, toNullable(c.act.1), NULL) AS cause_event_id,
    if(is_caused, toNullable(c.act.2), NULL) AS cause_kind,
    if(is_caused, toNullable(concat(c.act.2, ':', c.act.3)), NULL) AS cause_step,
    if(is_caused, toNullable(c.caused_at), NULL) AS caused_at,
    if(had_failed, toNullable(f.failure.1), NULL) AS failed_event_id,
    if(had_failed, toNullable(concat(f.failure.2, ':', f.failure.3)), NULL) AS failed_step,
    if(had_failed, toNullable(f.failed_at), NULL) AS failed_at,
    'last_before_7d' AS method
FROM touchline.things_left AS l
ASOF LEFT JOIN touchline.turning_acts AS c ON l.left_journey_id = c.journey_id AND l.gone_at > c.caused_at
ASOF LEFT JOIN touchline.journey_failures AS f ON l.left_journey_id = f.journey_id AND l.gone_at > f.failed_at;

-- Where things are left, and after what: by their last step, and of each step by what is known of where it was, and by what
-- preceded it.
CREATE OR REPLACE VIEW touchline.exits AS
WITH
    {spread of m.n in m.of_month by groups m.groups} AS spread,
    m.n / spread AS n_worth,
    m.of_month / spread AS worth
SELECT
    m.month AS month,
    m.subject AS subject,
    m.step AS step,
    m.detail AS detail,
    m.detail_value AS detail_value,
    m.currency AS currency,
    m.n AS n,
    m.n / m.of_month AS share,
    {wilson low of n_worth in worth} AS ci_low,
    {wilson high of n_worth in worth} AS ci_high,
    m.recovered AS recovered,
    m.value_minor AS value_minor,
    m.lost_minor AS lost_minor,
    toBool(m.of_month >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough,
    'last_before_7d' AS method
FROM
(
    -- Of all that was left, what a group of customers has left n of m times adds n * m to the squares, and n / m to the
    -- groups.
    SELECT
        month,
        subject,
        step,
        detail,
        detail_value,
        currency,
        sum(c.n) AS n,
        sum(if(detail = '', sum(c.n), 0)) OVER of_all AS of_month,
        sum(c.recovered) AS recovered,
        sum(c.value_minor) AS value_minor,
        sum(c.lost_minor) AS lost_minor,
        (
            round(sum(if(detail = '', sum(c.n / c.of_group), 0)) OVER of_all),
            sum(if(detail = '', sum(c.n * c.of_group), 0)) OVER of_all,
            sum(c.n * c.of_group),
            sum(c.n * c.n)
        ) AS groups
    FROM
    (
        WITH
            assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
            if(stored = '', 'UTC', stored) AS zone
        SELECT
            CAST(toDateTime(toStartOfMonth(a.abandoned_at, zone), zone), 'DateTime64(3, ''UTC'')') AS month,
            a.subject AS subject,
            a.left_step AS step,
            one.1 AS detail,
            one.2 AS detail_value,
            ifNull(a.currency, '') AS currency,
            count() AS n,
            {group of a.customer_id} AS customers,
            sumIf(n, detail = '') OVER (PARTITION BY month, subject, currency, customers) AS of_group,
            countIf(a.status = 'recovered') AS recovered,
            sum(ifNull(a.value_minor, 0)) AS value_minor,
            sumIf(ifNull(a.value_minor, 0), a.status != 'recovered') AS lost_minor
        FROM touchline.abandonment_causes AS a
        ARRAY JOIN arrayConcat(
            [('', '')],
            arrayZip(mapKeys(a.left_details), mapValues(a.left_details)),
            if(a.cause_step IS NULL, [], [('cause', assumeNotNull(a.cause_step))]),
            if(a.failed_step IS NULL, [], [('failed', assumeNotNull(a.failed_step))])
        ) AS one
        GROUP BY month, subject, step, detail, detail_value, currency, customers
    ) AS c
    GROUP BY month, subject, step, detail, detail_value, currency
    WINDOW of_all AS (PARTITION BY month, subject, currency)
) AS m;
