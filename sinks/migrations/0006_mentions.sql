-- What customers post about the business, whomever they address, and whether they were answered.

-- One row a post or review of a customer's. It is answered by the brand's first post in reply that is not before it.
CREATE OR REPLACE VIEW touchline.customer_posts AS
SELECT
    platform,
    p.post AS post_id,
    customer_id,
    p.posted_at AS posted_at,
    p.rating AS rating,
    p.sentiment AS sentiment,
    if(empty(p.replies), NULL, toNullable(arrayMin(p.replies))) AS answered_at
FROM
(
    SELECT
        platform,
        if(author = 'customer', post_id, assumeNotNull(in_reply_to)) AS post,
        customer_id,
        minIf(t.occurred_at, author = 'customer') AS posted_at,
        argMaxIf(t.rating, (t.occurred_at, t.event_id), author = 'customer') AS rating,
        argMaxIf(t.sentiment, (t.occurred_at, t.event_id), author = 'customer') AS sentiment,
        arrayFilter(at -> at >= posted_at, groupArrayIf(t.occurred_at, author = 'brand')) AS replies
    FROM touchline.tweets AS t
    WHERE author = 'customer' OR in_reply_to != ''
    GROUP BY platform, post, customer_id
    HAVING countIf(author = 'customer') > 0
) AS p;

CREATE OR REPLACE VIEW touchline.mentions AS
WITH
    {spread of m.answered in m.posts over m.groups} AS spread,
    m.answered / spread AS answered_worth,
    m.posts / spread AS worth
SELECT
    m.platform AS platform,
    m.month AS month,
    m.posts AS posts,
    m.reviews AS reviews,
    m.mean_rating AS mean_rating,
    m.scored AS scored,
    m.mean_sentiment AS mean_sentiment,
    m.answered AS answered,
    m.answered / m.posts AS answered_share,
    {wilson low of answered_worth in worth} AS ci_low,
    {wilson high of answered_worth in worth} AS ci_high,
    if(m.answered = 0, NULL, toNullable(m.mean_seconds)) AS answer_seconds_mean,
    if(m.answered = 0, NULL, toNullable(m.quantiles[1])) AS answer_seconds_p50,
    if(m.answered = 0, NULL, toNullable(m.quantiles[2])) AS answer_seconds_p90,
    m.posts - m.answered AS unanswered,
    m.oldest_seconds AS oldest_unanswered_seconds,
    toBool(m.posts >= (SELECT max(fewest) FROM touchline.enough_observations)) AS enough
FROM
(
    WITH
        assumeNotNull((SELECT time_zone FROM touchline.own_time_zone)) AS stored,
        if(stored = '', 'UTC', stored) AS zone,
        assumeNotNull((SELECT min(time) FROM touchline.clocks)) AS reached,
        p.answered_at IS NOT NULL AS is_answered,
        assumeNotNull(dateDiff('millisecond', p.posted_at, p.answered_at)) / 1000 AS seconds
    SELECT
        platform,
        CAST(toDateTime(toStartOfMonth(p.posted_at, zone), zone), 'DateTime64(3, ''UTC'')') AS month,
        count() AS posts,
        count(p.rating) AS reviews,
        avg(p.rating) AS mean_rating,
        count(p.sentiment) AS scored,
        avg(p.sentiment) AS mean_sentiment,
        countIf(is_answered) AS answered,
        {groups of is_answered in 1 by p.customer_id} AS groups,
        avgIf(seconds, is_answered) AS mean_seconds,
        quantilesExactInclusiveIf(0.5, 0.9)(seconds, is_answered) AS quantiles,
        maxOrNullIf(dateDiff('millisecond', p.posted_at, greatest(reached, p.posted_at)), NOT is_answered) / 1000
            AS oldest_seconds
    FROM touchline.customer_posts AS p
    GROUP BY platform, month
) AS m;
