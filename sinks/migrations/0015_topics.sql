-- What customers speak about, how they sound, and which topics they speak about more often than before.

-- One row a mention: a topic in what one customer says in one post, response, case or call, however often they say it there.
-- Of a call nobody knows how its customer sounded: what became of it is no word of theirs.
CREATE OR REPLACE VIEW touchline.topic_mentions AS
WITH
    assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
    if(stored = '', 'UTC', stored) AS zone
SELECT
    CAST(toDateTime(toStartOfDay(m.said_at, zone), zone), 'DateTime64(3, ''UTC'')') AS day,
    m.topic AS topic,
    m.kind AS kind,
    m.channel AS channel,
    m.customer_id AS customer_id,
    m.subject_id AS subject_id,
    m.said_at AS said_at,
    m.mean / 10000 AS experience,
    multiIf(m.mean IS NULL, 'unscored', m.mean < -500, 'negative', m.mean > 500, 'positive', 'neutral') AS polarity,
    m.found_by AS method
FROM
(
    SELECT
        customer_id,
        kind,
        t.subject_id AS subject_id,
        topic,
        min(t.occurred_at) AS said_at,
        argMin(t.channel, (t.occurred_at, t.event_id)) AS channel,
        argMin(t.topics_by, (t.occurred_at, t.event_id)) AS found_by,
        -- Whole ten-thousandths, so that the mean does not depend on their order.
        if(kind = 'support_call', NULL, avg(round(t.experience * 10000))) AS mean
    FROM touchline.all_touchpoints AS t
    ARRAY JOIN t.topics AS topic
    WHERE NOT t.superseded
    GROUP BY customer_id, kind, t.source, subject_id, topic
) AS m;

-- How often each topic is spoken about, by the day (the business's) on which that began, and the channel in which it did.
CREATE OR REPLACE VIEW touchline.topics AS
SELECT
    day,
    topic,
    kind,
    channel,
    count() AS mentions,
    uniqExact(customer_id) AS customers,
    countIf(polarity = 'negative') AS negative,
    countIf(polarity = 'neutral') AS neutral,
    countIf(polarity = 'positive') AS positive,
    countIf(polarity = 'unscored') AS unscored
FROM touchline.topic_mentions
GROUP BY day, topic, kind, channel;

-- The last 14 whole days of the business's against the 14 before.
CREATE OR REPLACE VIEW touchline.topic_trends AS
SELECT
    g.topic AS topic,
    g.until AS until,
    g.mentions AS mentions,
    g.mentions_before AS mentions_before,
    g.mentions / nullIf(sum(g.mentions) OVER (), 0) AS share,
    g.mentions_before / nullIf(sum(g.mentions_before) OVER (), 0) AS share_before,
    if(g.mentions_before = 0, NULL, toNullable(g.mentions / g.mentions_before)) AS ratio,
    g.low / (1 - g.low) AS ratio_low,
    if(g.high = 1, NULL, toNullable(g.high / (1 - g.high))) AS ratio_high,
    multiIf(
        NOT g.enough, 'too few to tell',
        ratio_low > 1, 'grows',
        ifNull(ratio_high < 1, false), 'falls',
        'no difference seen'
    ) AS verdict,
    g.enough AS enough,
    g.negative AS negative,
    g.neutral AS neutral,
    g.positive AS positive,
    g.unscored AS unscored,
    g.negative_before AS negative_before,
    'poisson_ratio_14d' AS method
FROM
(
    SELECT
        *,
        mentions + mentions_before AS both,
        -- Mentions of one customer are not independent: so many do they count as.
        mentions / effect AS n_now,
        both / effect AS n_both,
        {wilson low of n_now in n_both} AS low,
        {wilson high of n_now in n_both} AS high,
        toBool(both >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough
    FROM
    (
        SELECT
            topic,
            any(c.until) AS until,
            sum(c.now) AS mentions,
            sum(c.before) AS mentions_before,
            sum((c.now + c.before) * (c.now + c.before)) / sum(c.now + c.before) AS effect,
            sum(c.negative_now) AS negative,
            sum(c.neutral_now) AS neutral,
            sum(c.positive_now) AS positive,
            sum(c.unscored_now) AS unscored,
            sum(c.negative_then) AS negative_before
        FROM
        (
            WITH
                assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
                if(stored = '', 'UTC', stored) AS zone,
                -- The day that goes on is not whole.
                toStartOfDay(assumeNotNull((SELECT min(time) FROM touchline.clocks)), zone) AS today,
                m.day >= today - INTERVAL 14 DAY AS is_now
            SELECT
                topic,
                customer_id,
                CAST(today, 'DateTime64(3, ''UTC'')') AS until,
                countIf(is_now) AS now,
                countIf(NOT is_now) AS before,
                countIf(is_now AND polarity = 'negative') AS negative_now,
                countIf(is_now AND polarity = 'neutral') AS neutral_now,
                countIf(is_now AND polarity = 'positive') AS positive_now,
                countIf(is_now AND polarity = 'unscored') AS unscored_now,
                countIf(NOT is_now AND polarity = 'negative') AS negative_then
            FROM touchline.topic_mentions AS m
            WHERE m.day >= today - INTERVAL 28 DAY AND m.day < today
            GROUP BY topic, customer_id
        ) AS c
        GROUP BY topic
    )
) AS g;
