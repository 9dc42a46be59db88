"""The queries of the report on service."""

from __future__ import annotations

from touchline.report.asking import Ask
from touchline.report.service import (
    Care,
    build_durations,
    build_follow_ups,
    build_mentions,
    build_pages,
    build_praised,
    build_questions,
    build_shares,
    build_staff,
    build_waiting,
)

SHARES = (
    "answered_in_24h",
    "service_level",
    "promises_kept",
    "first_contact_resolution",
    "follow_ups_in_time",
    "follow_ups_settled",
    "recovered_share",
)
DURATIONS = ("first_response", "first_response_business", "resolution", "resolution_business", "longest_silence")
OLDEST = 8
"""Open cases that are read: more have no room."""

# Calls count by the minute, cases and follow-ups when they are asked.
SHARE_SUMS = """
SELECT metric, sum(numerator) AS counted, sum(n) AS of, max(target) AS target
FROM case_metrics
WHERE grain = '1mo' AND dimension = 'all'
  AND metric IN ('answered_in_24h', 'promises_kept', 'first_contact_resolution')
GROUP BY metric
UNION ALL
SELECT metric, sum(numerator) AS counted, sum(n) AS of, max(target) AS target
FROM rolling_metrics
WHERE grain = '1mo' AND dimension = 'all' AND metric = 'service_level'
GROUP BY metric
UNION ALL
SELECT metric, sum(numerator) AS counted, sum(n) AS of, max(target) AS target
FROM follow_up_metrics
WHERE grain = '1mo' AND dimension = 'all'
GROUP BY metric
"""
MEDIANS = """
SELECT quantileExactInclusiveOrNull(0.5)(first_response_seconds) AS first_response,
       count(first_response_seconds) AS first_response_n,
       quantileExactInclusiveOrNull(0.5)(first_response_business_seconds) AS first_response_business,
       count(first_response_business_seconds) AS first_response_business_n,
       quantileExactInclusiveOrNull(0.5)(resolution_seconds) AS resolution, count(resolution_seconds) AS resolution_n,
       quantileExactInclusiveOrNull(0.5)(resolution_business_seconds) AS resolution_business,
       count(resolution_business_seconds) AS resolution_business_n,
       quantileExactInclusiveIfOrNull(0.5)(longest_silence_seconds, resolved_at IS NOT NULL) AS longest_silence,
       countIf(resolved_at IS NOT NULL) AS longest_silence_n,
       maxOrNullIf(longest_silence_seconds, resolved_at IS NOT NULL) AS most_silence
FROM cases
"""
# Ages are as of the last touchpoint: data of last year are told as they were left.
OPEN_CASES = """
SELECT customer_id, case_id, ifNull(topic, '') AS topic, waiting_seconds IS NULL AS answered,
       ({until:Int64} - toUnixTimestamp64Milli(opened_at)) / 1000 AS age,
       count() OVER () AS open_cases, countIf(waiting_seconds IS NOT NULL) OVER () AS unanswered
FROM cases
WHERE subject = 'case' AND status = 'open'
ORDER BY age DESC, customer_id, case_id
LIMIT {oldest:UInt8}
"""
# As they were left at the last touchpoint, as open cases are.
OPEN_FOLLOW_UPS = """
SELECT reason, count() AS customers, countIf(toUnixTimestamp64Milli(due_at) < {until:Int64}) AS late,
       max({until:Int64} - toUnixTimestamp64Milli(happened_at)) / 1000 AS oldest
FROM follow_ups
WHERE reason != 'thank_you' AND toUnixTimestamp64Milli(opened_at) <= {until:Int64}
  AND (closed_at IS NULL OR toUnixTimestamp64Milli(assumeNotNull(closed_at)) > {until:Int64})
  AND (contacted_at IS NULL OR toUnixTimestamp64Milli(assumeNotNull(contacted_at)) > {until:Int64})
GROUP BY reason
ORDER BY late DESC, customers DESC, reason
"""
QUESTIONS = """
SELECT r.survey_id AS survey_id, r.question AS question, any(q.text) AS text,
       sum(r.favourable) AS favourable, sum(r.n) AS of
FROM survey_results AS r
LEFT ANY JOIN survey_questions AS q ON r.survey_id = q.survey_id AND r.question = q.question_id
WHERE r.dimension = 'all'
GROUP BY survey_id, question
"""
# A customer counts once, however many questions they answer.
STAFF = """
SELECT agent, countIf(score >= 0.75) AS favourable, count() AS of
FROM
(
    SELECT assumeNotNull(r.staff) AS agent, customer_id, avg(r.score) AS score
    FROM survey_responses AS r
    WHERE r.staff IS NOT NULL AND r.score IS NOT NULL
    GROUP BY agent, customer_id
)
GROUP BY agent
"""
# The service questionnaire asks so whom to praise.
PRAISED = """
SELECT argMax(w.answer, w.n) AS name, sum(w.n) AS n
FROM survey_words AS w
WHERE question = 'praise'
GROUP BY lowerUTF8(replaceRegexpOne(w.answer, '[.!]+$', ''))
ORDER BY n DESC, name
"""
POSTS = """
SELECT count() AS posts, countIf(first_response_at IS NOT NULL) AS answered,
       maxOrNullIf({until:Int64} - toUnixTimestamp64Milli(opened_at), first_response_at IS NULL) / 1000 AS oldest
FROM cases
WHERE subject = 'post'
"""
PAGES = """
SELECT page, sum(p.sessions) AS sessions, sum(p.failed) AS failed, sessions - sum(p.went_on) AS lost
FROM paths AS p
WHERE page != ''
GROUP BY page
HAVING sessions >= (SELECT max(fewest) FROM enough_observations)
ORDER BY page
"""
FEWEST = "SELECT max(fewest) AS fewest FROM enough_observations"


def read_care(ask: Ask, until: int) -> Care:
    """Run the queries on service.

    Args:
        ask: runs them.
        until: the time by which what is still open has its age, ms.
    """
    (medians,), (least,) = ask(MEDIANS, {}), ask(FEWEST, {})
    most_silence = medians["most_silence"]
    return Care(
        shares=build_shares(SHARES, ask(SHARE_SUMS, {})),
        durations=build_durations(DURATIONS, medians),
        longest_silence=None if most_silence is None else float(most_silence),
        waiting=build_waiting(ask(OPEN_CASES, {"until": until, "oldest": OLDEST})),
        follow_ups=build_follow_ups(ask(OPEN_FOLLOW_UPS, {"until": until})),
        questions=build_questions(ask(QUESTIONS, {})),
        staff=build_staff(ask(STAFF, {})),
        praised=build_praised(ask(PRAISED, {})),
        mentions=build_mentions(ask(POSTS, {"until": until})),
        pages=build_pages(ask(PAGES, {})),
        fewest=int(least["fewest"]),
    )
