-- Where visits end: the steps of the site that sessions reach, what they meet there, and whether the customer then asks us.

-- The views of pages in sessions: a session ends with 30 minutes of silence, and one that goes on is cut every 24 hours.
CREATE OR REPLACE VIEW touchline.session_views AS
SELECT
    customer_id,
    run,
    intDiv(toUnixTimestamp64Milli(r.at) - min(toUnixTimestamp64Milli(r.at)) OVER (PARTITION BY customer_id, run), 86400000)
        AS day,
    r.at AS occurred_at,
    event_id,
    area,
    page,
    action,
    ok
FROM
(
    SELECT
        customer_id,
        v.at AS at,
        event_id,
        area,
        page,
        action,
        ok,
        sum(v.at > addMinutes(v.before, 30)) OVER (PARTITION BY customer_id ORDER BY v.at, event_id) AS run
    FROM
    (
        SELECT
            customer_id,
            occurred_at AS at,
            event_id,
            area,
            page,
            action,
            ok,
            lagInFrame(occurred_at, 1, occurred_at) OVER (
                PARTITION BY customer_id ORDER BY occurred_at, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS before
        FROM touchline.page_views
    ) AS v
) AS r;

-- One row for each session and step that it reached: a page, or with an empty `page` a whole area. A session goes on if
-- another step of its kind comes behind the first view of this one.
CREATE OR REPLACE VIEW touchline.session_steps AS
SELECT
    customer_id,
    run,
    day,
    step.1 AS area,
    step.2 AS page,
    min(v.occurred_at) AS reached_at,
    any(v.final_step) != step OR max(v.last_other) > min(v.place) AS went_on,
    countIf(NOT v.ok) > 0 AS failed,
    countIf(v.action = 'search') AS searches
FROM
(
    SELECT
        *,
        maxIf(place, step != final_step) OVER (PARTITION BY customer_id, run, day, level) AS last_other
    FROM
    (
        SELECT
            customer_id,
            run,
            day,
            occurred_at,
            action,
            ok,
            level,
            (area, if(level = 'page', page, '')) AS step,
            row_number() OVER (PARTITION BY customer_id, run, day, level ORDER BY occurred_at, event_id) AS place,
            last_value(step) OVER (
                PARTITION BY customer_id, run, day, level ORDER BY occurred_at, event_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS final_step
        FROM touchline.session_views
        ARRAY JOIN ['page', 'area'] AS level
    )
) AS v
GROUP BY customer_id, run, day, step;

-- When customers asked: each call, and each case in which the customer took a step. A case is solved by the first
-- `resolved` or `closed` from then on.
CREATE OR REPLACE VIEW touchline.contacts AS
SELECT customer_id, min(c.occurred_at) AS asked_at, CAST(NULL, 'Nullable(DateTime64(3, ''UTC''))') AS solved_at
FROM touchline.support_calls AS c
GROUP BY customer_id, call_id
UNION ALL
SELECT
    customer_id,
    minIf(e.occurred_at, e.`by` = 'customer') AS asked_at,
    arrayReduce(
        'minOrNull',
        arrayFilter(at -> at >= asked_at, groupArrayIf(e.occurred_at, e.phase IN ('resolved', 'closed')))
    ) AS solved_at
FROM touchline.case_events AS e
GROUP BY customer_id, case_id
HAVING countIf(e.`by` = 'customer') > 0;

-- One row for each step and solved case that was asked within 24 hours after the step: the first time that the customer was
-- there, within 7 days before they asked, and how often they came there until it was solved. Of a robot's solved cases the
-- newest 100 count: each is looked at with each step of its sessions.
CREATE OR REPLACE VIEW touchline.steps_to_solution AS
SELECT
    area,
    page,
    min(s.reached_at) AS first_at,
    count() AS attempts,
    dateDiff('millisecond', first_at, assumeNotNull(any(c.solved_at))) / 1000 AS seconds
FROM touchline.session_steps AS s
INNER JOIN
(
    SELECT *, row_number() OVER () AS number
    FROM touchline.contacts
    WHERE solved_at IS NOT NULL
    ORDER BY asked_at DESC, solved_at DESC
    LIMIT 100 BY customer_id
) AS c ON s.customer_id = c.customer_id
WHERE s.reached_at BETWEEN subtractDays(c.asked_at, 7) AND c.solved_at
GROUP BY area, page, c.number
HAVING countIf(s.reached_at >= subtractHours(c.asked_at, 24) AND s.reached_at < c.asked_at) > 0;

CREATE OR REPLACE VIEW touchline.paths AS
WITH
    m.sessions - m.went_on AS lost,
    {spread of lost in m.sessions over m.groups} AS spread,
    lost / spread AS lost_worth,
    m.sessions / spread AS worth
SELECT
    m.month AS month,
    m.area AS area,
    m.page AS page,
    m.sessions AS sessions,
    m.went_on AS went_on,
    lost / m.sessions AS drop_off,
    {wilson low of lost_worth in worth} AS ci_low,
    {wilson high of lost_worth in worth} AS ci_high,
    m.failed AS failed,
    m.searched AS searched,
    m.searched_again AS searched_again,
    m.contacted AS contacted,
    m.solved AS solved,
    if(m.solved = 0, NULL, toNullable(m.quantiles[1])) AS solution_seconds_p50,
    if(m.solved = 0, NULL, toNullable(m.quantiles[2])) AS solution_seconds_p90,
    if(m.solved = 0, NULL, toNullable(m.attempts)) AS attempts_mean,
    toBool(m.sessions >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough
FROM
(
    WITH
        assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
        if(stored = '', 'UTC', stored) AS zone,
        NOT o.is_solution AS is_session,
        is_session AND NOT o.went_on AS is_lost
    SELECT
        CAST(toDateTime(toStartOfMonth(o.at, zone), zone), 'DateTime64(3, ''UTC'')') AS month,
        area,
        page,
        countIf(is_session) AS sessions,
        {groups of is_lost in is_session by o.customer_id} AS groups,
        countIf(o.went_on) AS went_on,
        countIf(o.failed) AS failed,
        countIf(o.searches > 0) AS searched,
        countIf(o.searches > 1) AS searched_again,
        countIf(o.contacted) AS contacted,
        countIf(o.is_solution) AS solved,
        quantilesExactInclusiveIf(0.5, 0.9)(o.seconds, o.is_solution) AS quantiles,
        avgIf(o.attempts, o.is_solution) AS attempts
    FROM
    (
        SELECT
            s.customer_id AS customer_id, s.area AS area, s.page AS page, s.reached_at AS at, s.went_on AS went_on, s.failed AS failed,
            s.searches AS searches, c.asked_at > s.reached_at AND c.asked_at <= addHours(s.reached_at, 24) AS contacted,
            false AS is_solution, 0. AS seconds, 0 AS attempts
        FROM touchline.session_steps AS s
        ASOF LEFT JOIN (SELECT customer_id, asked_at FROM touchline.contacts) AS c
            ON s.customer_id = c.customer_id AND c.asked_at > s.reached_at
        UNION ALL
        SELECT '' AS customer_id, area, page, first_at AS at, false, false, 0, false, true, seconds, attempts
        FROM touchline.steps_to_solution
    ) AS o
    GROUP BY month, area, page
) AS m;
