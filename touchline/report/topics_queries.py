"""The queries of the report on what people talk about."""

from __future__ import annotations

from touchline.report.asking import Ask
from touchline.report.topics import Topics, build_topics

MOST = 5
MOST_GROWING = 3

TOPICS = """
SELECT topic, count() AS mentions, uniqExact(customer_id) AS customers, countIf(polarity != 'unscored') AS scored,
       countIf(polarity = 'negative') AS negative, countIf(polarity = 'positive') AS positive,
       count() OVER () AS topics
FROM topic_mentions
GROUP BY topic
ORDER BY mentions DESC, topic
LIMIT {most:UInt8}
"""
GROWING = """
SELECT topic, mentions, mentions_before AS before
FROM topic_trends
WHERE verdict = 'grows'
ORDER BY ratio_low DESC, topic
LIMIT {most:UInt8}
"""


def read_topics(ask: Ask) -> Topics:
    """Run the queries."""
    return build_topics(ask(TOPICS, {"most": MOST}), ask(GROWING, {"most": MOST_GROWING}))
