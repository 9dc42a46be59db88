"""Reads from the tables what customers wrote, with the stars or scores beside it: sentiment is learned from it."""

from __future__ import annotations

from sinks.query import run_query
from touchline.labelled_texts import LabelledTexts, read_json_lines

MOST_TEXTS = 200_000
"""The newest of them are read: some thousand teach nearly all that there is to learn."""
# A written answer has the scores of its own response beside it, by the experience that they were.
TEXTS = f"""
SELECT text, lang, rating, score, 0 AS scale_min, 1 AS scale_max FROM
(
    SELECT occurred_at, text, lang, toFloat64(rating) AS rating, NULL AS score
    FROM tweets WHERE author = 'customer' AND text != ''
    UNION ALL
    SELECT occurred_at, text, NULL, NULL, NULL FROM case_events WHERE by = 'customer' AND text != ''
    UNION ALL
    SELECT written.occurred_at, written.text, NULL, NULL, scored.share
    FROM (SELECT occurred_at, customer_id, response_id, text FROM survey_answers WHERE text != '') AS written
    LEFT JOIN
    (
        SELECT customer_id, response_id, avg((experience + 1) / 2) AS share
        FROM survey_answers WHERE score IS NOT NULL GROUP BY customer_id, response_id
    ) AS scored USING (customer_id, response_id)
)
ORDER BY occurred_at DESC LIMIT {MOST_TEXTS}
"""  # noqa: S608 - a constant


def read_stored(url: str) -> LabelledTexts:
    """Return the newest texts of customers in the database at an address.

    Raises:
        SinkError: it cannot be reached, or has no such tables.
    """
    return read_json_lines(run_query(url, TEXTS, "JSONEachRow").splitlines())
