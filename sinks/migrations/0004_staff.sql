-- How members of staff serve customers, by month: calls by the agents who answered them, cases by their owners.

-- Of fewer observations a figure says little about a person, or about a question: views show it, with `enough` false.
CREATE OR REPLACE VIEW touchline.enough_observations AS SELECT 30 AS fewest;

-- One row for each time that an agent had a call: from `answered` until the call is transferred, queued or answered again, or
-- ends. Of what is stated for one moment a transfer comes first, unless the call is first answered then. What comes behind
-- the call's end is no part of it. `ended_at` is NULL while nothing says that it is over.
CREATE OR REPLACE VIEW touchline.call_turns AS
SELECT
    c.customer_id AS customer_id,
    c.call_id AS call_id,
    turn.agent AS agent,
    turn.answered_at AS answered_at,
    turn.ended_at AS ended_at,
    (toUnixTimestamp64Milli(turn.ended_at) - toUnixTimestamp64Milli(turn.answered_at)) / 1000 AS handling_seconds,
    toUInt32(arrayCount(hold -> hold.1 = 'held', turn.holds)) AS holds,
    if(
        turn.ended_at IS NULL,
        NULL,
        arraySum(
            (hold, place) -> if(
                hold.1 = 'held',
                toUnixTimestamp64Milli(if(place = length(turn.holds), assumeNotNull(turn.ended_at), turn.holds[place + 1].2))
                    - toUnixTimestamp64Milli(hold.2),
                0
            ),
            turn.holds,
            arrayEnumerate(turn.holds)
        )
    ) / 1000 AS hold_seconds,
    turn.last = 'transferred' AS transferred,
    if(turn.last = 'ended', c.phases[-1].5, NULL) AS resolved,
    if(c.phases[-1].2 = 'ended', toNullable(c.phases[-1].1), NULL) AS call_ended_at
FROM
(
    SELECT
        customer_id,
        call_id,
        minIf(occurred_at, phase = 'answered') AS answered_at,
        arraySort(
            p -> (
                p.1,
                if(
                    p.2 = 'transferred' AND p.1 > answered_at,
                    0,
                    indexOf(['queued', 'answered', 'held', 'resumed', 'transferred', 'ended'], p.2)
                ),
                p.3
            ),
            groupArray((occurred_at, phase, event_id, ifNull(agent_id, ''), resolved))
        ) AS stated,
        arrayFirstIndex(p -> p.2 = 'ended', stated) AS over,
        if(over = 0, stated, arraySlice(stated, 1, over)) AS phases,
        arrayFilter(part -> part[1].2 = 'answered', arraySplit(p -> p.2 = 'answered', phases)) AS parts,
        arrayMap(part -> arrayFirstIndex(p -> p.2 IN ('transferred', 'queued', 'ended'), part), parts) AS ends,
        arrayMap(
            (part, end, place) -> CAST(
                (
                    arrayFirstOrNull(
                        agent -> agent != '',
                        arrayMap(
                            p -> p.4,
                            multiIf(
                                end = 0, part,
                                part[end].2 = 'ended', arraySlice(part, 1, end),
                                arraySlice(part, 1, end - 1)
                            )
                        )
                    ),
                    part[1].1,
                    multiIf(end > 0, toNullable(part[end].1), place < length(parts), toNullable(parts[place + 1][1].1), NULL),
                    arrayCompact(
                        hold -> hold.1,
                        arrayMap(
                            p -> (p.2, p.1),
                            arrayFilter(
                                p -> p.2 IN ('held', 'resumed'),
                                if(end = 0, part, arraySlice(part, 1, end - 1))
                            )
                        )
                    ),
                    if(end = 0, '', part[end].2)
                ),
                'Tuple(agent Nullable(String), answered_at DateTime64(3, ''UTC''), ended_at Nullable(DateTime64(3, ''UTC'')), holds Array(Tuple(String, DateTime64(3, ''UTC''))), last String)'
            ),
            parts,
            ends,
            arrayEnumerate(parts)
        ) AS turns
    FROM touchline.support_calls
    GROUP BY customer_id, call_id
    HAVING countIf(phase = 'answered') > 0
) AS c
ARRAY JOIN c.turns AS turn;

-- What the customers felt who have said anything that has an experience, at the times when they did. A case's `resolved` is
-- left out: it is what staff say themselves.
CREATE OR REPLACE VIEW touchline.felt_at AS
SELECT customer_id, occurred_at, avg(t.experience) AS experience
FROM touchline.all_touchpoints AS t
WHERE t.experience IS NOT NULL AND NOT superseded AND NOT (kind = 'case_event' AND action = 'resolved')
GROUP BY customer_id, occurred_at;

-- One row for each agent of a call. The call's outcome is that of the agent who had it when it ended.
CREATE OR REPLACE VIEW touchline.staff_calls AS
SELECT
    customer_id,
    call_id,
    assumeNotNull(t.agent) AS agent,
    min(t.answered_at) AS answered_at,
    if(countIf(ended_at IS NULL) = 0, toNullable(sum(t.handling_seconds)), NULL) AS handling_seconds,
    if(countIf(ended_at IS NULL) = 0, toNullable(sum(t.hold_seconds)), NULL) AS hold_seconds,
    sum(t.holds) AS holds,
    max(t.transferred) AS transferred,
    max(t.resolved) AS resolved,
    any(t.call_ended_at) AS call_ended_at
FROM touchline.call_turns AS t
WHERE t.agent IS NOT NULL
GROUP BY customer_id, call_id, t.agent;

-- One row for each time at which an owned case was first solved, and was solved for good, as far as is known. It is that
-- of the owner stated last by then, and nobody's where bots alone solved it.
CREATE OR REPLACE VIEW touchline.staff_cases AS
SELECT
    c.customer_id AS customer_id,
    c.case_id AS case_id,
    assumeNotNull(arrayLast(s -> s.3 IS NOT NULL AND s.1 <= assumeNotNull(solved.2), o.steps).3) AS owner,
    solved.1 AS solution,
    assumeNotNull(solved.2) AS solved_at,
    c.first_contact_resolution AS first_contact_resolution
FROM touchline.cases AS c
INNER JOIN
(
    SELECT customer_id, case_id, arraySort(groupArray((occurred_at, event_id, nullIf(owner, ''), phase, `by`))) AS steps
    FROM touchline.case_events
    GROUP BY customer_id, case_id
) AS o ON c.customer_id = o.customer_id AND c.case_id = o.case_id
ARRAY JOIN [('first', c.first_resolved_at), ('last', c.resolved_at)] AS solved
WHERE c.subject = 'case' AND solved.2 IS NOT NULL
    AND arrayExists(s -> s.3 IS NOT NULL AND s.1 <= assumeNotNull(solved.2), o.steps)
    AND arrayExists(s -> s.1 = assumeNotNull(solved.2) AND s.4 IN ('resolved', 'closed') AND s.5 != 'bot', o.steps);

-- The customer's next experience counts for each agent of a call, from the call's end on, and for the owner of a case.
CREATE OR REPLACE VIEW touchline.staff AS
WITH
    toFloat64(m.n) AS count,
    m.total / count AS mean,
    if(m.kind = 'share', m.total * (1 - mean), greatest(0, m.squares - m.total * mean)) AS varied,
    {spread of m.total in count varying by varied over m.groups} AS spread,
    m.total / spread AS total_worth,
    count / spread AS worth,
    {student margin of varied in count worth worth} AS student_margin
SELECT
    m.metric AS metric,
    m.month AS month,
    m.agent AS agent,
    m.n AS n,
    m.total AS numerator,
    if(m.kind = 'count', count, mean) AS value,
    if(m.kind = 'duration', toNullable(m.quantiles[1]), NULL) AS p50,
    if(m.kind = 'duration', toNullable(m.quantiles[2]), NULL) AS p90,
    multiIf(
        m.kind = 'share', toNullable({wilson low of total_worth in worth}),
        m.kind = 'score' AND count >= 5 AND worth >= 4, toNullable(greatest(-1, mean - student_margin)),
        NULL
    ) AS ci_low,
    multiIf(
        m.kind = 'share', toNullable({wilson high of total_worth in worth}),
        m.kind = 'score' AND count >= 5 AND worth >= 4, toNullable(least(1, mean + student_margin)),
        NULL
    ) AS ci_high,
    toBool(m.n >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough
FROM
(
    WITH
        assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
        if(stored = '', 'UTC', stored) AS zone,
        toDateTime64('2200-01-02 00:00:00', 3, 'UTC') AS never,
        assumeNotNull(o.observed.3) AS amount,
        o.observed.2 IN ('share', 'score') AS has_interval
    SELECT
        o.observed.1 AS metric,
        o.observed.2 AS kind,
        CAST(toDateTime(toStartOfMonth(o.at, zone), zone), 'DateTime64(3, ''UTC'')') AS month,
        o.agent AS agent,
        count() AS n,
        sum(amount) AS total,
        sum(pow(amount, 2)) AS squares,
        {groups of amount in has_interval by o.customer_id} AS groups,
        quantilesExactInclusive(0.5, 0.9)(amount) AS quantiles
    FROM
    (
        SELECT
            s.customer_id AS customer_id,
            s.agent AS agent,
            s.at AS at,
            arrayJoin(arrayPushBack(
                s.observations,
                ('experience_after', 'score', if(f.occurred_at <= addDays(s.over_at, 7), f.experience, NULL))
            )) AS observed
        FROM
        (
            SELECT
                customer_id,
                agent,
                answered_at AS at,
                ifNull(call_ended_at, never) AS over_at,
                [
                    ('calls_handled', 'count', toNullable(1.)),
                    ('handling_time', 'duration', handling_seconds),
                    ('holds', 'mean', toFloat64(holds)),
                    ('hold_time', 'duration', hold_seconds),
                    ('transferred', 'share', toFloat64(transferred)),
                    ('resolved', 'share', toFloat64(resolved))
                ] AS observations
            FROM touchline.staff_calls
            UNION ALL
            SELECT
                customer_id,
                owner AS agent,
                solved_at AS at,
                if(solution = 'last', solved_at, never) AS over_at,
                [
                    if(
                        solution = 'last',
                        ('cases_solved', 'count', toNullable(1.)),
                        ('first_contact_resolution', 'share', toFloat64(first_contact_resolution))
                    )
                ] AS observations
            FROM touchline.staff_cases
        ) AS s
        ASOF LEFT JOIN touchline.felt_at AS f ON s.customer_id = f.customer_id AND f.occurred_at > s.over_at
    ) AS o
    WHERE o.observed.3 IS NOT NULL
    GROUP BY metric, kind, month, agent
) AS m;
