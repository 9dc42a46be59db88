"""The queries of the report on who the customers are."""

from __future__ import annotations

from touchline.report.asking import Ask
from touchline.report.people import People, build_people

SHARES = """
SELECT count() AS touchpoints, countIf(NOT startsWith(owner, 'anon:')) AS named,
       countIf(NOT startsWith(owner, 'anon:') AND startsWith(stated_key, 'anon:')) AS linked
FROM owned_touchpoints
"""
# Identities count that different touchpoints were the first to state: what one touchpoint states needs no journey.
STITCHED = """
SELECT customer_id, arraySort(groupArray((at, identity, kind, action))) AS steps,
       uniqExact(customer_id) OVER () AS people
FROM
(
    SELECT owner AS customer_id, journey_id, stated.1 AS identity, stated.2 AS value,
           argMin(event_id, (occurred_at, event_id)) AS event, argMin(kind, (occurred_at, event_id)) AS kind,
           argMin(action, (occurred_at, event_id)) AS action, toUnixTimestamp64Milli(min(occurred_at)) AS at
    FROM
    (
        SELECT owner, journey_id, event_id, occurred_at, kind, action,
               arrayJoin(arrayConcat(
                   if(startsWith(stated_key, 'anon:'), [], [('', stated_key)]),
                   arrayMap((kind, value) -> (toString(kind), value), mapKeys(identifiers), mapValues(identifiers))
               )) AS stated
        FROM owned_touchpoints
        WHERE journey_id != '' AND NOT startsWith(owner, 'anon:')
    )
    GROUP BY owner, journey_id, identity, value
)
GROUP BY customer_id, journey_id
HAVING uniqExact(event) > 1 AND argMin(identity, (at, event, identity)) != ''
ORDER BY uniqExact(event) DESC, count() DESC, customer_id
LIMIT 1
"""


def read_people(ask: Ask) -> People:
    """Run the queries."""
    return build_people(ask(SHARES, {}), ask(STITCHED, {}))
