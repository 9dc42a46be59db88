-- Surveys as they were given: what was answered, how well that speaks of the business, and what the survey came after.

-- The questions of the questionnaires that `touchline migrate` has read; the setting `surveys` has the digest of those in
-- force. Of the others nothing is asked any more. Bounds are texts, empty of questions without a score.
CREATE TABLE IF NOT EXISTS touchline.survey_questions_rows
(
    digest String,
    survey_id String,
    question_id String,
    place UInt16,
    kind LowCardinality(String),
    text String,
    scale_min String,
    scale_max String,
    higher_is_better UInt8,
    answers String
)
ENGINE = ReplacingMergeTree
ORDER BY (digest, survey_id, question_id);

CREATE OR REPLACE VIEW touchline.survey_questions AS
SELECT
    survey_id,
    question_id,
    place,
    kind AS question_kind,
    text,
    toFloat64OrNull(q.scale_min) AS scale_min,
    toFloat64OrNull(q.scale_max) AS scale_max,
    toBool(q.higher_is_better) AS higher_is_better,
    JSONExtract(q.answers, 'Map(String, Int64)') AS answers
FROM touchline.survey_questions_rows AS q FINAL
WHERE q.digest = (SELECT max(value) FROM touchline.settings_rows FINAL WHERE name = 'surveys');

-- The answers that hold, with their scores in 0 to 1, 1 the best, to the four decimals in which scores are kept. One that
-- states another scale or direction than its question is declared with `contradicts` it, and has no score.
CREATE OR REPLACE VIEW touchline.survey_scores AS
WITH
    indexOf(['nps', 'csat', 'ces', 'rating'], a.question_kind) AS usual,
    multiIf(usual = 1, toNullable(0.), a.scale_min IS NOT NULL, a.scale_min, usual = 0, NULL, toNullable(1.)) AS low,
    multiIf(
        usual = 1, toNullable(10.),
        a.scale_max IS NOT NULL, a.scale_max,
        usual = 0, NULL,
        toNullable([10., 5., 7., 5.][usual])
    ) AS high,
    usual = 1 OR a.higher_is_better AS is_upward,
    q.scale_min IS NOT NULL AND ifNull(low != q.scale_min OR high != q.scale_max OR is_upward != q.higher_is_better, false)
        AS is_other,
    round((a.score - low) / (high - low), 4) AS share
SELECT
    a.customer_id AS customer_id,
    a.response_id AS response_id,
    a.survey_id AS survey_id,
    coalesce(nullIf(a.question_id, ''), a.question_kind, '') AS question,
    ifNull(a.question_kind, '') AS question_kind,
    a.occurred_at AS answered_at,
    a.event_id AS event_id,
    a.channel AS channel,
    ifNull(a.about, '') AS about,
    a.score IS NOT NULL AND is_other AS contradicts,
    if(is_other, NULL, if(is_upward, share, round(1 - share, 4))) AS normalised,
    multiIf(
        normalised IS NULL, NULL,
        usual = 1, toNullable(a.score >= 9),
        usual = 3, toNullable(normalised >= 0.6667),
        toNullable(normalised >= 0.75)
    ) AS favourable
FROM touchline.survey_answers AS a
LEFT ANY JOIN touchline.survey_questions AS q
    ON a.survey_id = q.survey_id AND ifNull(a.question_id, '') = q.question_id
WHERE a.phase IN ('answered', 'completed') AND (a.score IS NOT NULL OR a.text IS NOT NULL) AND NOT a.superseded AND NOT a.late;

-- The responses, and the last order, call or case step of the customer's before them, within 14 days.
CREATE OR REPLACE VIEW touchline.survey_begun AS
SELECT
    r.*,
    if(f.occurred_at >= subtractDays(r.began_at, 14), f.touch.1, '') AS followed,
    if(f.occurred_at >= subtractDays(r.began_at, 14), f.touch.2, '') AS followed_id
FROM
(
    SELECT
        customer_id,
        response_id,
        argMin(a.survey_id, (a.occurred_at, a.event_id)) AS survey_id,
        argMin(a.channel, (a.occurred_at, a.event_id)) AS channel,
        min(a.occurred_at) AS began_at,
        minOrNullIf(a.occurred_at, a.phase = 'invited') AS invited_at,
        minOrNullIf(a.occurred_at, a.phase = 'started') AS started_at,
        minOrNullIf(a.occurred_at, a.phase = 'completed') AS completed_at
    FROM touchline.survey_answers AS a
    WHERE NOT a.late
    GROUP BY customer_id, response_id
) AS r
ASOF LEFT JOIN
(
    SELECT customer_id, occurred_at, argMax((kind, subject_id), event_id) AS touch
    FROM touchline.all_touchpoints
    WHERE kind IN ('purchase', 'support_call', 'case_event') AND NOT superseded
    GROUP BY customer_id, occurred_at
) AS f ON r.customer_id = f.customer_id AND r.began_at > f.occurred_at;

-- The same with who is named last in the call or case that was followed, and with what the customer had bought: the skus
-- of their last order before, within 14 days.
CREATE OR REPLACE VIEW touchline.survey_followed AS
SELECT
    s.*,
    -- What responses and their answers are told apart by: one counts once for each product that was bought.
    arrayFilter(
        dimension -> dimension.1 = 'all' OR dimension.2 != '',
        arrayConcat(
            [('all', ''), ('staff', s.staff), ('followed', s.followed)],
            arrayMap(sku -> ('product', sku), if(p.occurred_at >= subtractDays(s.began_at, 14), p.skus, []))
        )
    ) AS dimensions
FROM
(
    SELECT b.*, c.named AS staff
    FROM touchline.survey_begun AS b
    LEFT ANY JOIN
    (
        SELECT
            customer_id, 'support_call' AS kind, call_id AS id,
            argMaxIf(assumeNotNull(agent_id), (occurred_at, event_id), agent_id != '') AS named
        FROM touchline.support_calls
        GROUP BY customer_id, call_id
        UNION ALL
        SELECT
            customer_id, 'case_event' AS kind, case_id AS id,
            argMaxIf(assumeNotNull(owner), (occurred_at, event_id), owner != '') AS named
        FROM touchline.case_events
        GROUP BY customer_id, case_id
    ) AS c ON b.customer_id = c.customer_id AND b.followed = c.kind AND b.followed_id = c.id
) AS s
ASOF LEFT JOIN
(
    -- Of a robot's orders of one moment not all: each of its responses has a copy.
    SELECT customer_id, occurred_at, arraySlice(arraySort(groupUniqArrayArray(items.sku)), 1, 100) AS skus
    FROM touchline.purchases
    WHERE action = 'placed' AND amount_minor > 0 AND NOT superseded AND NOT late
    GROUP BY customer_id, occurred_at
) AS p ON s.customer_id = p.customer_id AND s.began_at > p.occurred_at;

-- The responses with what became of them, and what they are told apart by.
CREATE OR REPLACE VIEW touchline.survey_outcomes AS
SELECT
    b.dimensions AS dimensions,
    b.response_id AS response_id,
    b.survey_id AS survey_id,
    b.customer_id AS customer_id,
    b.channel AS channel,
    nullIf(b.followed, '') AS followed,
    nullIf(b.followed_id, '') AS followed_id,
    nullIf(b.staff, '') AS staff,
    b.began_at AS began_at,
    b.invited_at AS invited_at,
    b.started_at AS started_at,
    b.completed_at AS completed_at,
    a.given_up_at AS abandoned_at,
    multiIf(
        b.completed_at IS NOT NULL, 'completed',
        a.given_up_at IS NOT NULL, 'abandoned',
        b.started_at IS NOT NULL OR s.questions > 0, 'started',
        'invited'
    ) AS status,
    toUInt32(s.questions) AS questions_answered,
    if(s.questions = 0, NULL, toNullable(s.last)) AS last_question,
    s.mean AS score,
    anyLast(s.mean) OVER (
        PARTITION BY b.customer_id, b.survey_id ORDER BY b.began_at, b.response_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS score_before,
    score - score_before AS score_change
FROM touchline.survey_followed AS b
LEFT ANY JOIN
(
    SELECT
        customer_id,
        response_id,
        uniqExact(question) AS questions,
        argMax(question, (answered_at, event_id)) AS last,
        avg(normalised) AS mean
    FROM touchline.survey_scores
    GROUP BY customer_id, response_id
) AS s ON b.customer_id = s.customer_id AND b.response_id = s.response_id
LEFT ANY JOIN
(
    SELECT customer_id, subject_id, toNullable(max(abandoned_at)) AS given_up_at
    FROM touchline.abandonments
    WHERE subject = 'survey'
    GROUP BY customer_id, subject_id
) AS a ON b.customer_id = a.customer_id AND b.response_id = a.subject_id;

CREATE OR REPLACE VIEW touchline.survey_responses AS
SELECT
    response_id, survey_id, customer_id, channel, followed, followed_id, staff, began_at, invited_at, started_at,
    completed_at, abandoned_at, status, questions_answered, last_question, score, score_before, score_change
FROM touchline.survey_outcomes;

-- The interval is of as many independent answers as all are worth: those of one customer are alike.
CREATE OR REPLACE VIEW touchline.survey_results AS
SELECT
    m.survey_id AS survey_id,
    m.question AS question,
    m.question_kind AS question_kind,
    m.month AS month,
    m.dimension.1 AS dimension,
    m.dimension.2 AS dimension_value,
    m.answers AS answers,
    m.n AS n,
    if(m.n = 0, NULL, toNullable(m.total / m.n)) AS mean,
    m.favourable AS favourable,
    if(m.n = 0, NULL, toNullable(m.favourable / m.n)) AS share,
    if(m.n = 0, NULL, toNullable({wilson low of m.favourable_worth in m.worth})) AS ci_low,
    if(m.n = 0, NULL, toNullable({wilson high of m.favourable_worth in m.worth})) AS ci_high,
    toBool(m.n >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough,
    m.contradicting AS contradicting
FROM
(
    SELECT
        survey_id,
        question,
        month,
        dimension,
        max(c.question_kind) AS question_kind,
        sum(c.answers) AS answers,
        sum(c.n) AS n,
        sum(c.total) AS total,
        sum(c.favourable) AS favourable,
        sum(c.contradicting) AS contradicting,
        {customers of c.favourable in c.n} AS customers,
        {spread of favourable in n by customers} AS spread,
        n / spread AS worth,
        favourable / spread AS favourable_worth
    FROM
    (
        WITH
            assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
            if(stored = '', 'UTC', stored) AS zone
        SELECT
            s.survey_id AS survey_id,
            s.question AS question,
            max(s.question_kind) AS question_kind,
            CAST(toDateTime(toStartOfMonth(s.answered_at, zone), zone), 'DateTime64(3, ''UTC'')') AS month,
            arrayJoin(arrayConcat(
                d.dimensions,
                arrayFilter(dimension -> dimension.2 != '', [('channel', s.channel), ('about', s.about)])
            )) AS dimension,
            count() AS answers,
            count(s.normalised) AS n,
            sum(s.normalised) AS total,
            countIf(s.favourable) AS favourable,
            countIf(s.contradicts) AS contradicting
        FROM touchline.survey_scores AS s
        INNER JOIN touchline.survey_followed AS d ON s.customer_id = d.customer_id AND s.response_id = d.response_id
        GROUP BY survey_id, question, month, dimension, s.customer_id
    ) AS c
    GROUP BY survey_id, question, month, dimension
) AS m;
