-- How many answer surveys and where they stop, how the same customers change, and what is said in words, by its share.

-- The responses with the questions that each has answered, and with how many its survey asks: as many as are declared,
-- else as were ever answered.
CREATE OR REPLACE VIEW touchline.survey_lengths AS
SELECT
    r.survey_id AS survey_id,
    r.month AS month,
    r.customer_id AS customer_id,
    r.response_id AS response_id,
    arrayConcat(r.dimensions, if(r.channel = '', [], [('channel', r.channel)])) AS dimensions,
    r.invited_at IS NOT NULL AS is_invited,
    r.status != 'invited' AS is_started,
    r.completed_at IS NOT NULL AS is_completed,
    r.abandoned_at IS NOT NULL AS is_abandoned,
    ifNull(r.last_question, '') AS last_question,
    a.questions AS answered,
    q.questions AS declared,
    toUInt32(if(empty(q.questions), s.questions, length(q.questions))) AS length
FROM
(
    WITH
        assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
        if(stored = '', 'UTC', stored) AS zone
    SELECT *, CAST(toDateTime(toStartOfMonth(began_at, zone), zone), 'DateTime64(3, ''UTC'')') AS month
    FROM touchline.survey_outcomes
) AS r
LEFT ANY JOIN
(
    SELECT customer_id, response_id, groupUniqArray(question) AS questions
    FROM touchline.survey_scores
    GROUP BY customer_id, response_id
) AS a ON r.customer_id = a.customer_id AND r.response_id = a.response_id
LEFT ANY JOIN
(
    SELECT survey_id, groupArray(question_id) AS questions
    FROM (SELECT * FROM touchline.survey_questions ORDER BY survey_id, place)
    GROUP BY survey_id
) AS q ON r.survey_id = q.survey_id
LEFT ANY JOIN
(
    SELECT survey_id, uniqExact(question) AS questions
    FROM touchline.survey_scores
    GROUP BY survey_id
) AS s ON r.survey_id = s.survey_id;

-- Responses by the month in which they began. Who answers without a `started` has started; who completes after all was
-- abandoned before, as in the metric `survey_abandonment_rate`. Intervals are of as many independent responses as all are
-- worth: those of one customer are alike.
CREATE OR REPLACE VIEW touchline.survey_rates AS
SELECT
    m.survey_id AS survey_id,
    m.length AS questions,
    m.month AS month,
    m.dimension.1 AS dimension,
    m.dimension.2 AS dimension_value,
    m.invited AS invited,
    m.responded AS responded,
    if(m.invited = 0, NULL, toNullable(m.responded / m.invited)) AS response_rate,
    if(m.invited = 0, NULL, toNullable({wilson low of m.responded_worth in m.responded_of})) AS response_low,
    if(m.invited = 0, NULL, toNullable({wilson high of m.responded_worth in m.responded_of})) AS response_high,
    m.started AS started,
    m.completed AS completed,
    if(m.started = 0, NULL, toNullable(m.completed / m.started)) AS completion_rate,
    if(m.started = 0, NULL, toNullable({wilson low of m.completed_worth in m.completed_of})) AS completion_low,
    if(m.started = 0, NULL, toNullable({wilson high of m.completed_worth in m.completed_of})) AS completion_high,
    m.abandoned AS abandoned,
    if(m.started = 0, NULL, toNullable(m.abandoned / m.started)) AS abandonment_rate,
    if(m.started = 0, NULL, toNullable({wilson low of m.abandoned_worth in m.abandoned_of})) AS abandonment_low,
    if(m.started = 0, NULL, toNullable({wilson high of m.abandoned_worth in m.abandoned_of})) AS abandonment_high,
    toBool(m.started >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough
FROM
(
    SELECT
        survey_id,
        any(c.length) AS length,
        month,
        dimension,
        sum(c.invited) AS invited,
        sum(c.responded) AS responded,
        sum(c.started) AS started,
        sum(c.completed) AS completed,
        sum(c.abandoned) AS abandoned,
        {customers of c.responded in c.invited} AS asked,
        {customers of c.completed in c.started} AS ended,
        {customers of c.abandoned in c.started} AS left_it,
        {spread of responded in invited by asked} AS responded_spread,
        {spread of completed in started by ended} AS completed_spread,
        {spread of abandoned in started by left_it} AS abandoned_spread,
        invited / responded_spread AS responded_of,
        responded / responded_spread AS responded_worth,
        started / completed_spread AS completed_of,
        completed / completed_spread AS completed_worth,
        started / abandoned_spread AS abandoned_of,
        abandoned / abandoned_spread AS abandoned_worth
    FROM
    (
        SELECT
            l.survey_id AS survey_id,
            any(l.length) AS length,
            l.month AS month,
            arrayJoin(l.dimensions) AS dimension,
            countIf(l.is_invited) AS invited,
            countIf(l.is_invited AND l.is_started) AS responded,
            countIf(l.is_started) AS started,
            countIf(l.is_completed) AS completed,
            countIf(l.is_abandoned) AS abandoned
        FROM touchline.survey_lengths AS l
        GROUP BY survey_id, month, dimension, l.customer_id
    ) AS c
    GROUP BY survey_id, month, dimension
) AS m;

-- Questions by the month in which the responses began that had come to the survey, and with an empty `question` its
-- start: who answered, and who gave up after it.
CREATE OR REPLACE VIEW touchline.survey_question_rates AS
WITH
    {spread of m.answered in m.started by groups m.groups_asked} AS answered_spread,
    m.answered / answered_spread AS answered_worth,
    m.started / answered_spread AS started_worth,
    {spread of m.gave_up in m.answered by groups m.groups} AS gave_up_spread,
    m.gave_up / gave_up_spread AS gave_up_worth,
    m.answered / gave_up_spread AS gave_up_of
SELECT
    m.survey_id AS survey_id,
    m.question AS question,
    if(m.place = 0, NULL, toNullable(toUInt16(m.place))) AS place,
    m.month AS month,
    m.started AS started,
    m.answered AS answered,
    m.answered / m.started AS answered_share,
    {wilson low of answered_worth in started_worth} AS answered_low,
    {wilson high of answered_worth in started_worth} AS answered_high,
    m.gave_up AS gave_up,
    if(m.answered = 0, NULL, toNullable(m.gave_up / m.answered)) AS gave_up_share,
    if(m.answered = 0, NULL, toNullable({wilson low of gave_up_worth in gave_up_of})) AS gave_up_low,
    if(m.answered = 0, NULL, toNullable({wilson high of gave_up_worth in gave_up_of})) AS gave_up_high,
    toBool(m.started >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough
FROM
(
    -- Groups of customers: these would be too many rows. One that has started it has a row of the empty question.
    SELECT
        survey_id,
        question,
        month,
        max(c.place) AS place,
        sum(c.answered) AS answered,
        sum(c.gave_up) AS gave_up,
        {customers of c.gave_up in c.answered} AS groups,
        max(if(question = '', sum(c.answered), 0)) OVER survey AS started,
        max(if(question = '', count(), 0)) OVER survey AS groups_started,
        max(if(question = '', sum(c.started * c.started), 0)) OVER survey AS squares,
        (groups_started, squares, sum(c.started * c.answered), sum(c.answered * c.answered)) AS groups_asked
    FROM
    (
        -- No row has a list: a robot's response has thousands of questions. One that is declared and answered has two rows.
        SELECT
            survey_id,
            q.asked.1 AS question,
            month,
            max(q.asked.2) AS place,
            max(countIf(q.asked.1 = '')) OVER (PARTITION BY survey_id, month, q.customers) AS started,
            countIf(q.asked.3) AS answered,
            countIf(q.asked.3 AND q.is_abandoned AND q.last_question = q.asked.1) AS gave_up
        FROM
        (
            SELECT
                l.survey_id AS survey_id,
                l.month AS month,
                {group of l.customer_id} AS customers,
                l.is_abandoned AS is_abandoned,
                l.last_question AS last_question,
                arrayJoin(arrayConcat(
                    [('', toUInt32(0), true)],
                    arrayMap((name, place) -> (name, place, false), l.declared, arrayEnumerate(l.declared)),
                    arrayMap(name -> (name, toUInt32(0), true), arrayFilter(name -> name != '', l.answered))
                )) AS asked
            FROM touchline.survey_lengths AS l
            WHERE l.is_started
        ) AS q
        GROUP BY survey_id, question, month, q.customers
    ) AS c
    GROUP BY survey_id, question, month
    WINDOW survey AS (PARTITION BY survey_id, month)
) AS m;

-- The scores of customers beside their own last ones on the same question, in an earlier response: by the month of the
-- later answer. Intervals as in rolling_metrics.
CREATE OR REPLACE VIEW touchline.survey_changes AS
WITH
    toFloat64(m.n) AS count,
    greatest(0, m.squares - m.total * m.total / count) AS varied,
    {spread of m.total in count varying by varied over m.groups} AS spread,
    count / spread AS worth,
    {student margin of varied in count worth worth} AS margin
SELECT
    m.survey_id AS survey_id,
    m.question AS question,
    m.month AS month,
    m.n AS n,
    m.better AS better,
    m.worse AS worse,
    m.total / count AS mean_change,
    if(m.n < 5 OR worth < 4, NULL, toNullable(greatest(-1, mean_change - margin))) AS ci_low,
    if(m.n < 5 OR worth < 4, NULL, toNullable(least(1, mean_change + margin))) AS ci_high,
    toBool(m.n >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough
FROM
(
    WITH
        assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
        if(stored = '', 'UTC', stored) AS zone
    SELECT
        survey_id,
        question,
        CAST(toDateTime(toStartOfMonth(p.at, zone), zone), 'DateTime64(3, ''UTC'')') AS month,
        count() AS n,
        countIf(p.change > 0) AS better,
        countIf(p.change < 0) AS worse,
        sum(p.change) AS total,
        sum(p.change * p.change) AS squares,
        {groups of p.change in 1 by p.customer_id} AS groups
    FROM
    (
        SELECT
            customer_id,
            survey_id,
            question,
            at,
            row_number() OVER last_ones AS place,
            round(a.score - lagInFrame(a.score) OVER last_ones, 4) AS change
        FROM
        (
            SELECT
                customer_id,
                survey_id,
                question,
                response_id,
                max(answered_at) AS at,
                argMax(assumeNotNull(s.normalised), (answered_at, event_id)) AS score
            FROM touchline.survey_scores AS s
            WHERE s.normalised IS NOT NULL
            GROUP BY customer_id, survey_id, question, response_id
        ) AS a
        WINDOW last_ones AS (
            PARTITION BY customer_id, survey_id, question ORDER BY at, response_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
    ) AS p
    WHERE p.place > 1
    GROUP BY survey_id, question, month
) AS m;

-- What is answered in words, or chosen, by the month in which it was: what is said alike is one, whatever its capitals,
-- spaces, and marks at the end.
CREATE OR REPLACE VIEW touchline.survey_words AS
WITH
    {spread of m.n in m.answers by groups m.groups} AS spread,
    m.n / spread AS n_worth,
    m.answers / spread AS worth
SELECT
    m.survey_id AS survey_id,
    m.question AS question,
    m.question_kind AS question_kind,
    m.month AS month,
    m.spoken AS answer,
    m.n AS n,
    m.answers AS answers,
    m.n / m.answers AS share,
    {wilson low of n_worth in worth} AS ci_low,
    {wilson high of n_worth in worth} AS ci_high,
    toBool(m.answers >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough
FROM
(
    -- Over all that is said, what a group of customers has said n of m times adds n * m to the squares, and n / m to the
    -- groups.
    SELECT
        survey_id,
        question,
        max(c.question_kind) AS question_kind,
        month,
        key,
        min(c.said) AS spoken,
        sum(c.n) AS n,
        sum(sum(c.n)) OVER asked AS answers,
        (
            round(sum(sum(c.n / c.of_group)) OVER asked),
            sum(sum(c.n * c.of_group)) OVER asked,
            sum(c.n * c.of_group),
            sum(c.n * c.n)
        ) AS groups
    FROM
    (
        WITH
            assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
            if(stored = '', 'UTC', stored) AS zone,
            trimBoth(replaceRegexpAll(assumeNotNull(a.text), '\\s+', ' ')) AS spoken
        SELECT
            survey_id,
            coalesce(nullIf(a.question_id, ''), a.question_kind, '') AS question,
            max(ifNull(a.question_kind, '')) AS question_kind,
            CAST(toDateTime(toStartOfMonth(a.occurred_at, zone), zone), 'DateTime64(3, ''UTC'')') AS month,
            trimBoth(replaceRegexpOne(lowerUTF8(spoken), '[.!]+$', '')) AS key,
            min(spoken) AS said,
            count() AS n,
            {group of a.customer_id} AS customers,
            sum(count()) OVER (PARTITION BY survey_id, question, month, customers) AS of_group
        FROM touchline.survey_answers AS a
        WHERE a.phase IN ('answered', 'completed') AND a.text IS NOT NULL AND NOT a.superseded AND NOT a.late
        GROUP BY survey_id, question, month, key, customers
    ) AS c
    GROUP BY survey_id, question, month, key
    WINDOW asked AS (PARTITION BY survey_id, question, month)
) AS m;
