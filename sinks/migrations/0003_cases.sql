-- Cases as customers live them: when they were answered, how long that and a solution took, what was promised.

-- The calendars of business hours that `touchline migrate` has read; the setting `calendars` has the digest of those in
-- force. Of the others nothing is asked any more.
CREATE TABLE IF NOT EXISTS touchline.calendars_rows
(
    digest String,
    place UInt16,
    name String,
    sources Array(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (digest, place);

-- When each calendar opens and closes, and how long it was open before that.
CREATE TABLE IF NOT EXISTS touchline.business_hours_rows
(
    digest String,
    place UInt16,
    opens_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    closes_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    open_before_ms Int64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (digest, place, opens_at);

CREATE OR REPLACE VIEW touchline.business_hours AS
SELECT c.name AS calendar, h.place AS place, h.opens_at AS opens_at, h.closes_at AS closes_at, h.open_before_ms AS open_before_ms
FROM touchline.business_hours_rows AS h FINAL
INNER JOIN touchline.calendars_rows AS c FINAL ON h.digest = c.digest AND h.place = c.place
WHERE h.digest = (SELECT max(value) FROM touchline.settings_rows FINAL WHERE name = 'calendars');

-- All that is done about a case, and about what a customer posts, which waits for an answer as a case does. A call about
-- a case is a step of the customer's when it begins, and one of an agent's when it is first answered.
CREATE OR REPLACE VIEW touchline.case_steps AS
SELECT
    'case' AS subject, case_id, customer_id, occurred_at, event_id, phase AS step, `by`, channel, source, topic, owner,
    eta_at, complaint, 0 AS transfers, toInt64(phase = 'solution_offered') AS solutions
FROM touchline.case_events
UNION ALL
SELECT
    'case' AS subject, called.case_id, called.customer_id, moment.1 AS occurred_at, called.event_id, moment.2 AS step,
    moment.3 AS `by`, called.channel, called.source, CAST(NULL, 'Nullable(String)') AS topic,
    CAST(NULL, 'Nullable(String)') AS owner, CAST(NULL, 'Nullable(DateTime64(3, ''UTC''))') AS eta_at,
    false AS complaint, if(moment.2 = 'called', called.transfers, 0) AS transfers,
    if(moment.2 = 'called', called.solutions, 0) AS solutions
FROM
(
    SELECT
        assumeNotNull(anyIf(case_id, case_id IS NOT NULL)) AS case_id, customer_id, argMin(event_id, occurred_at) AS event_id,
        argMin(channel, occurred_at) AS channel, argMin(source, occurred_at) AS source,
        countIf(phase = 'transferred') AS transfers, toInt64(ifNull(max(solutions_offered), 0)) AS solutions,
        arrayFilter(moment -> moment.1 > 0, [
            (min(c.occurred_at), 'called', 'customer'), (minIf(c.occurred_at, phase = 'answered'), 'answered', 'agent')
        ]) AS moments
    FROM touchline.support_calls AS c
    GROUP BY customer_id, call_id
    HAVING countIf(c.case_id IS NOT NULL) > 0
) AS called
ARRAY JOIN moments AS moment
UNION ALL
SELECT
    'post' AS subject, if(author = 'customer', post_id, assumeNotNull(in_reply_to)) AS case_id, customer_id,
    occurred_at, event_id, if(author = 'customer', 'opened', 'updated') AS step,
    if(author = 'customer', 'customer', 'agent') AS `by`, channel, source, CAST(NULL, 'Nullable(String)') AS topic,
    CAST(NULL, 'Nullable(String)') AS owner, CAST(NULL, 'Nullable(DateTime64(3, ''UTC''))') AS eta_at,
    false AS complaint, 0 AS transfers, toInt64(0) AS solutions
FROM touchline.tweets
WHERE author = 'customer' OR in_reply_to IS NOT NULL;

-- The steps with how long the calendar of their case's first source had been open by then, NULL without a calendar. Of the
-- calendars the first that names the source holds, else the one that names none.
CREATE OR REPLACE VIEW touchline.case_steps_worked AS
SELECT
    s.*,
    if(
        h.opens_at = 0,
        NULL,
        h.open_before_ms + toUnixTimestamp64Milli(least(s.occurred_at, h.closes_at)) - toUnixTimestamp64Milli(h.opens_at)
    ) AS worked_ms
FROM
(
    WITH
        (
            SELECT (groupArray(place), groupArray(sources))
            FROM
            (
                SELECT place, sources
                FROM touchline.calendars_rows FINAL
                WHERE digest = (SELECT max(value) FROM touchline.settings_rows FINAL WHERE name = 'calendars')
                ORDER BY place
            )
        ) AS calendars,
        arrayFirstIndex(sources -> has(sources, t.first_source), calendars.2) AS named,
        if(named = 0, arrayFirstIndex(sources -> empty(sources), calendars.2), named) AS chosen
    SELECT t.*, if(chosen = 0, 65535, calendars.1[chosen]) AS place
    FROM
    (
        SELECT
            *,
            indexOf(
                [
                    'called', 'opened', 'acknowledged', 'updated', 'solution_offered', 'eta_given', 'escalated',
                    'answered', 'resolved', 'reopened', 'closed'
                ],
                step
            ) AS turn,
            first_value(source) OVER (PARTITION BY subject, case_id, customer_id ORDER BY occurred_at, turn, event_id)
                AS first_source
        FROM touchline.case_steps
    ) AS t
) AS s
ASOF LEFT JOIN touchline.business_hours AS h ON s.place = h.place AND s.occurred_at >= h.opens_at;

-- One row a case, and a post of a customer's. `as_of` is the time that the pipeline has reached: what nobody has answered,
-- solved or kept by then is shown with its age. A bot's answer is none; it stands beside the first one of a person. A case
-- begins where it is opened, else with the first that its customer does; what has neither is a notice, and no case. Steps are (1 at, 2 what orders those of one time, 3 step, 4 by, 5 owner, 6 eta_at, 7 worked_ms,
-- 8 transfers, 9 solutions), and those `since` come behind the one by which a case was opened.
CREATE OR REPLACE VIEW touchline.cases AS
WITH
    notEmpty(p.by_agents) AS is_answered,
    empty(p.by_agents) AND empty(p.settled) AS is_waiting,
    p.subject = 'case' AND notEmpty(p.settled) AS is_resolved,
    arrayFilter(
        promise -> promise != '',
        arrayMap(
            (s, next_end) -> multiIf(
                s.3 != 'eta_given' OR s.6 IS NULL, '',
                next_end > 0 AND next_end <= assumeNotNull(s.6), 'kept',
                assumeNotNull(s.6) < p.as_of, 'broken',
                'open'
            ),
            p.since,
            p.next_ends
        )
    ) AS promises,
    arrayFilter(s -> s.1 < p.over_at, p.by_agents) AS told
SELECT
    p.subject AS subject,
    p.case_id AS case_id,
    p.customer_id AS customer_id,
    p.channel AS channel,
    p.source AS source,
    p.topic AS topic,
    if(empty(p.owners), NULL, toNullable(p.owners[-1])) AS owner,
    p.complaint AS complaint,
    multiIf(empty(p.settled), 'open', p.subject = 'post', 'answered', p.settled[1].3) AS status,
    p.opened.1 AS opened_at,
    if(is_answered, toNullable(p.by_agents[1].1), NULL) AS first_response_at,
    dateDiff('millisecond', opened_at, first_response_at) / 1000 AS first_response_seconds,
    if(is_answered, p.by_agents[1].7 - p.opened.7, NULL) / 1000 AS first_response_business_seconds,
    if(notEmpty(p.by_bots), dateDiff('millisecond', opened_at, toNullable(p.by_bots[1].1)), NULL) / 1000
        AS bot_response_seconds,
    multiIf(
        first_response_seconds <= 86400, toNullable(true),
        is_answered OR p.as_of > addDays(opened_at, 1), toNullable(false),
        NULL
    ) AS answered_in_24h,
    if(is_waiting, dateDiff('millisecond', opened_at, p.as_of), NULL) / 1000 AS waiting_seconds,
    if(is_waiting, p.worked_as_of - p.opened.7, NULL) / 1000 AS waiting_business_seconds,
    if(empty(p.solved), NULL, toNullable(p.solved[1].1)) AS first_resolved_at,
    dateDiff('millisecond', opened_at, first_resolved_at) / 1000 AS first_resolution_seconds,
    if(empty(p.solved), NULL, p.solved[1].7 - p.opened.7) / 1000 AS first_resolution_business_seconds,
    if(is_resolved, toNullable(p.settled[1].1), NULL) AS resolved_at,
    dateDiff('millisecond', opened_at, resolved_at) / 1000 AS resolution_seconds,
    if(is_resolved, p.settled[1].7 - p.opened.7, NULL) / 1000 AS resolution_business_seconds,
    if(empty(p.settled), toNullable(dateDiff('millisecond', opened_at, p.as_of)), NULL) / 1000 AS age_seconds,
    toUInt32(arrayCount(s -> s.3 = 'reopened', p.since)) AS reopened,
    toUInt32(length(p.by_agents)) AS updates,
    arrayMax(arrayDifference(arrayMap(
        at -> toUnixTimestamp64Milli(at), arrayConcat([p.opened.1], arrayMap(s -> s.1, told), [p.over_at])
    ))) / 1000 AS longest_silence_seconds,
    if(p.opened.7 IS NULL OR p.worked_until IS NULL, NULL, arrayMax(arrayDifference(arrayMap(
        worked -> assumeNotNull(worked), arrayConcat([p.opened.7], arrayMap(s -> s.7, told), [p.worked_until])
    )))) / 1000 AS longest_silence_business_seconds,
    toUInt32(length(promises)) AS promised,
    toUInt32(countEqual(promises, 'kept')) AS promises_kept,
    toUInt32(countEqual(promises, 'broken')) AS promises_broken,
    toUInt32(arraySum(s -> s.9, p.since)) AS solutions_offered,
    if(is_resolved, toUInt32(arraySum(s -> if(s.1 <= p.over_at, s.9, 0), p.since)), NULL) AS solutions_until_resolved,
    toUInt32(greatest(length(p.owners), 1) - 1 + arraySum(s -> s.8, p.steps)) AS transfers,
    toUInt32(length(p.asked)) AS contacts,
    if(is_resolved, toUInt32(arrayCount(s -> s.1 <= p.over_at, p.asked)), NULL) AS contacts_until_resolved,
    multiIf(
        p.subject = 'post' OR empty(p.solved), NULL,
        arrayCount(s -> s.1 <= p.asked_again_until, p.asked) > 1, toNullable(false),
        p.as_of <= p.asked_again_until, NULL,
        toNullable(true)
    ) AS first_contact_resolution,
    p.as_of AS as_of
FROM
(
    SELECT
        o.*,
        arrayFilter(s -> s.4 = 'agent', o.since) AS by_agents,
        arrayFilter(s -> s.4 = 'bot', o.since) AS by_bots,
        arrayFilter(s -> s.3 IN ('resolved', 'closed'), o.since) AS solved,
        -- A lambda has a copy of what it names for each element: the first time, not the list.
        addDays(solved[1].1, 7) AS asked_again_until,
        -- Of each step when the case is solved next: in one pass, for a robot's case has thousands of steps.
        arrayReverseFill(
            at -> at > 0,
            arrayMap(s -> if(s.3 IN ('resolved', 'closed'), s.1, toDateTime64(0, 3, 'UTC')), o.since)
        ) AS next_ends,
        if(
            o.subject = 'post',
            arraySlice(by_agents, 1, 1),
            arraySlice(
                arrayFilter(
                    s -> s.3 IN ('resolved', 'closed'),
                    arraySlice(o.since, arrayLastIndex(s -> s.3 = 'reopened', o.since) + 1)
                ),
                1,
                1
            )
        ) AS settled,
        if(empty(settled), o.as_of, settled[1].1) AS over_at,
        if(empty(settled), o.worked_as_of, settled[1].7) AS worked_until,
        arrayFilter(s -> s.4 = 'customer', arrayConcat([o.opened], o.since)) AS asked,
        arrayCompact(arrayMap(s -> assumeNotNull(s.5), arrayFilter(s -> s.5 IS NOT NULL, o.steps))) AS owners
    FROM
    (
        WITH
            assumeNotNull((SELECT min(time) FROM touchline.clocks)) AS reached,
            (
                SELECT (groupArray(place), groupArray(worked_ms))
                FROM
                (
                    SELECT
                        place,
                        argMax(
                            open_before_ms + toUnixTimestamp64Milli(least(reached, closes_at))
                                - toUnixTimestamp64Milli(opens_at),
                            opens_at
                        ) AS worked_ms
                    FROM touchline.business_hours
                    WHERE opens_at <= reached
                    GROUP BY place
                )
            ) AS worked,
            indexOf(worked.1, c.place) AS calendar_place
        SELECT
            c.*,
            greatest(reached, c.steps[-1].1) AS as_of,
            if(calendar_place = 0, NULL, toNullable(worked.2[calendar_place])) AS worked_as_of,
            if(
                arrayExists(s -> s.3 = 'opened', c.steps),
                arrayFirstIndex(s -> s.3 = 'opened', c.steps),
                arrayFirstIndex(s -> s.4 = 'customer', c.steps)
            ) AS opened_place,
            c.steps[opened_place] AS opened,
            arraySlice(c.steps, opened_place + 1) AS since
        FROM
        (
            SELECT
                subject,
                case_id,
                customer_id,
                any(place) AS place,
                argMin(channel, (occurred_at, turn, event_id)) AS channel,
                argMin(source, (occurred_at, turn, event_id)) AS source,
                argMin(topic, (occurred_at, turn, event_id)) AS topic,
                max(complaint) AS complaint,
                arraySort(groupArray(
                    (occurred_at, (turn, event_id), step, `by`, owner, eta_at, worked_ms, transfers, solutions)
                )) AS steps
            FROM touchline.case_steps_worked
            GROUP BY subject, case_id, customer_id
            HAVING countIf(step = 'opened' OR `by` = 'customer') > 0
        ) AS c
    ) AS o
) AS p;

-- What becomes of cases, by the day, week or month in which they were opened, in the business's time zone, and by where they
-- came in, what they are about and who has them. `undecided` is how many observations are still to come: an open case has
-- no time to its solution. A case that is reopened changes its bucket, however old it is. Intervals as in rolling_metrics.
CREATE OR REPLACE VIEW touchline.case_metrics AS
WITH
    (SELECT (groupArray(metric), groupArray(target)) FROM touchline.targets) AS targets,
    indexOf(targets.1, m.metric) AS aim,
    m.total / toFloat64(m.counted) AS mean,
    {spread of m.total in m.counted over m.groups} AS spread,
    m.total / spread AS total_worth,
    m.counted / spread AS worth
SELECT
    m.metric AS metric,
    m.grain AS grain,
    m.bucket AS bucket,
    m.dimension.1 AS dimension,
    m.dimension.2 AS dimension_value,
    toUInt64(m.counted) AS n,
    m.total AS numerator,
    if(m.counted = 0, NULL, toNullable(mean)) AS value,
    if(m.kind = 'duration' AND m.counted > 0, toNullable(m.quantiles[1]), NULL) AS p50,
    if(m.kind = 'duration' AND m.counted > 0, toNullable(m.quantiles[2]), NULL) AS p90,
    if(m.kind = 'share' AND m.counted > 0, {wilson low of total_worth in worth}, NULL) AS ci_low,
    if(m.kind = 'share' AND m.counted > 0, {wilson high of total_worth in worth}, NULL) AS ci_high,
    toUInt64(m.undecided) AS undecided,
    if(aim = 0, NULL, toNullable(targets.2[aim])) AS target
FROM
(
    WITH
        assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
        if(stored = '', 'UTC', stored) AS zone,
        o.observed.2 = 'share' AND o.observed.3 IS NOT NULL AS in_share,
        if(in_share, o.observed.4, 0) AS of_customer,
        if(in_share, assumeNotNull(o.observed.3), 0) AS counted_of_customer
    SELECT
        o.observed.1 AS metric,
        o.observed.2 AS kind,
        o.grain AS grain,
        CAST(
            multiIf(
                o.grain = '1d', toStartOfDay(o.opened_at, zone),
                o.grain = '1w', toDateTime(toMonday(o.opened_at, zone), zone),
                toDateTime(toStartOfMonth(o.opened_at, zone), zone)
            ),
            'DateTime64(3, ''UTC'')'
        ) AS bucket,
        o.dimension AS dimension,
        sumIf(o.observed.4, o.observed.3 IS NOT NULL) AS counted,
        assumeNotNull(sum(ifNull(o.observed.3, 0))) AS total,
        sum(o.observed.5) AS undecided,
        {groups of counted_of_customer in of_customer by o.customer_id} AS groups,
        quantilesExactInclusiveIf(0.5, 0.9)(assumeNotNull(o.observed.3), o.observed.3 IS NOT NULL) AS quantiles
    FROM
    (
        SELECT
            c.customer_id AS customer_id,
            c.opened_at AS opened_at,
            c.subject = 'case' AND c.status = 'open' AS is_open,
            c.subject = 'case' AND c.first_resolved_at IS NULL AS is_unsolved,
            arrayJoin([
                ('answered_in_24h', 'share', toFloat64(c.answered_in_24h), toUInt32(1),
                    toUInt32(c.answered_in_24h IS NULL AND c.waiting_seconds IS NOT NULL)),
                ('first_response_business_time', 'duration', toFloat64(c.first_response_business_seconds), toUInt32(1),
                    toUInt32(c.waiting_business_seconds IS NOT NULL)),
                ('first_resolution_time', 'duration', toFloat64(c.first_resolution_seconds), toUInt32(1),
                    toUInt32(is_unsolved)),
                ('resolution_time', 'duration', toFloat64(c.resolution_seconds), toUInt32(1), toUInt32(is_open)),
                ('resolution_business_time', 'duration', toFloat64(c.resolution_business_seconds), toUInt32(1),
                    toUInt32(is_open)),
                ('longest_silence', 'duration', toFloat64(if(c.subject = 'case' AND NOT is_open, c.longest_silence_seconds, NULL)), toUInt32(1),
                    toUInt32(is_open)),
                ('solutions_until_resolved', 'mean', toFloat64(c.solutions_until_resolved), toUInt32(1),
                    toUInt32(is_open)),
                ('contacts_until_resolved', 'mean', toFloat64(c.contacts_until_resolved), toUInt32(1),
                    toUInt32(is_open)),
                ('first_contact_resolution', 'share', toFloat64(c.first_contact_resolution), toUInt32(1),
                    toUInt32(c.subject = 'case' AND c.first_contact_resolution IS NULL)),
                ('reopened', 'share', toFloat64(if(c.first_resolved_at IS NULL, NULL, c.reopened > 0)), toUInt32(1),
                    toUInt32(is_unsolved)),
                ('promises_kept', 'share', toNullable(toFloat64(c.promises_kept)), c.promises_kept + c.promises_broken,
                    toUInt32(c.promised - c.promises_kept - c.promises_broken))
            ]) AS observed,
            arrayJoin(['1d', '1w', '1mo']) AS grain,
            arrayJoin(arrayFilter(dimension -> dimension.1 = 'all' OR dimension.2 != '', [
                ('all', ''), ('channel', c.channel), ('source', c.source), ('topic', ifNull(c.topic, '')),
                ('owner', ifNull(c.owner, ''))
            ])) AS dimension
        FROM touchline.cases AS c
    ) AS o
    GROUP BY metric, kind, grain, bucket, dimension
) AS m
WHERE m.counted > 0 OR m.undecided > 0;
