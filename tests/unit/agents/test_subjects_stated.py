"""INGEST: what touchpoints say of whose their subjects are goes to the subjects' partitions, with the touchpoints."""

from __future__ import annotations

from schemas.journey_log import Touchpoint, decode
from schemas.subjects import Statement, SubjectStated
from schemas.topics import JOURNEYS_LOG, KIND_TOPICS, LINKS
from streams.kafka.producer import partition_for
from tests.unit.agents.ingest_bench import NOW, Bench, bench, sent, until

CASES, POSTS = KIND_TOPICS["case_event"], KIND_TOPICS["tweet"]
PARTITIONS = 4


def stated(it: Bench) -> list[tuple[int, SubjectStated]]:
    """Return what was said of subjects, with the partition where it stands."""
    found = [
        (number, decode(message.value or b""))
        for topic, number, message in it.producer.acknowledged
        if topic == JOURNEYS_LOG
    ]
    return [(number, record) for number, record in found if isinstance(record, SubjectStated)]


async def test_whose_a_case_is_and_who_waits_for_it_stand_in_the_cases_partition() -> None:
    case = "anon:case:17"
    place = partition_for(case.encode(), PARTITIONS)
    async with bench(partitions=PARTITIONS) as it:
        known = it.give(CASES, sent("case_event", NOW - 9, "ann", case_id="17"), partition=1)
        nobody = it.give(CASES, *(sent("case_event", NOW - 8, None, case_id="17") for _ in range(2)), partition=2)
        await until(lambda: known.acked and nobody.acked)
        waiting = [one.customer_key for one in it.log(place) if isinstance(one, Touchpoint)]
        found = stated(it)

    event_id = f"case_event-{NOW - 9}"
    assert sorted(found, key=str) == sorted(
        [
            (place, SubjectStated(case)),
            (place, SubjectStated(case, Statement("ann", "shop", NOW - 9, event_id))),
        ],
        key=str,
    )
    assert waiting.count(case) == 2


async def test_the_brands_account_is_linked_to_nobody() -> None:
    brand = {"identifiers": {"twitter": "@shop", "email": "desk@shop.example"}, "author": "brand", "in_reply_to": "1"}
    async with bench() as it:
        answers = it.give(POSTS, sent("tweet", NOW - 9, None, **brand), sent("tweet", NOW - 8, "ann", **brand))
        await until(lambda: answers.acked)
        links, log = it.producer.to(LINKS), it.log()

    assert links == []
    assert [one.customer_key for one in log if isinstance(one, Touchpoint)] == ["anon:post:twitter:1", "ann"]
