"""What a rebuild will do, and when it is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.inputs import input_topics
from schemas.topics import all_topics
from touchline.errors import CommandError
from touchline.rebuild.plan import Held, describe, make_plan

ALL = [topic.name for topic in all_topics()]
EPOCHS = "journeys.epochs.v1"
KEPT = [
    name for name in ALL if name.startswith(("touchpoints.", "business.", "signals.", "identity.")) or name == EPOCHS
]
"""The contract's public topics, which services write and read; and what is in no other: the links, with what people
decided, and up to when signals were sent."""
COMPUTED = [name for name in ALL if name.startswith(("journeys.", "facts.")) and name != EPOCHS]
MARK = "journeys.rebuild.v1"
IDLE: dict[str, list[str]] = {"touchline-streams": [], "touchline-sink": []}


def test_every_topic_is_either_kept_or_made_anew() -> None:
    assert sorted(KEPT + COMPUTED) == sorted(ALL)


def test_public_topics_are_widened_and_the_others_made_anew() -> None:
    plan = make_plan(6, dict.fromkeys(ALL, 4) | {"others": 9}, IDLE)

    assert plan.partitions == 6
    assert plan.widened == dict.fromkeys(KEPT, 4)
    assert sorted(plan.deleted) == sorted(COMPUTED)
    assert plan.groups == ["touchline-sink", "touchline-streams"]
    assert not plan.begun


def test_with_the_same_number_nothing_is_widened() -> None:
    assert make_plan(4, dict.fromkeys(ALL, 4), {}).widened == {}


def test_what_an_interrupted_one_has_done_is_not_done_again() -> None:
    half_widened = dict.fromkeys(KEPT, 4) | {KEPT[0]: 6}

    plan = make_plan(6, {**half_widened, MARK: 6}, {})

    assert plan.begun
    assert plan.deleted == plan.groups == []
    assert plan.widened == dict.fromkeys(KEPT[1:], 4)


def test_while_a_worker_or_a_sink_runs_it_is_refused_and_they_are_named() -> None:
    with pytest.raises(CommandError) as refused:
        make_plan(6, dict.fromkeys(ALL, 4), {"touchline-streams-old": ["10.0.0.7", "10.0.0.8"], "touchline-sink": []})

    said = str(refused.value)
    assert said.startswith("touchline-streams-old has 2 members (10.0.0.7, 10.0.0.8): stop all workers and sinks first")
    assert "touchline-sink " not in said


def test_fewer_partitions_than_a_kept_topic_has_are_refused() -> None:
    with pytest.raises(CommandError, match=r"TOUCHLINE_PARTITIONS is 4, but touchpoints\.dlq\.v1 has 6 partitions"):
        make_plan(4, dict.fromkeys(ALL, 4) | {"touchpoints.dlq.v1": 6}, {})


def test_inputs_with_more_partitions_and_those_of_others_stay_as_they_are() -> None:
    inputs = input_topics("purchase=shop.orders,*=events")
    counts = dict.fromkeys(KEPT, 6) | {"touchpoints.tweets.v1": 12, "shop.orders": 3, "events": 12}

    assert make_plan(6, counts, {}).widened == make_plan(6, counts, {}, inputs).widened == {}


def test_the_log_and_facts_may_have_more_partitions_than_wanted_for_they_are_made_anew() -> None:
    assert make_plan(4, dict.fromkeys(KEPT, 4) | dict.fromkeys(COMPUTED, 6), {}).widened == {}


def test_without_any_input_it_is_refused_for_the_tables_could_not_be_filled_again() -> None:
    with pytest.raises(CommandError, match="look at TOUCHLINE_KAFKA"):
        make_plan(4, dict.fromkeys(COMPUTED, 4), {})


def shown(held: Held, counts: dict[str, int], database: str = "chdb:///db") -> str:
    return "\n".join(describe(make_plan(6, counts, IDLE), held, database))


def test_it_is_shown_what_will_be_done() -> None:
    text = shown(Held(11_716, 0), dict.fromkeys(ALL, 4))

    assert f"deletes {len(COMPUTED)} topics" in text
    assert "deletes the offsets of touchline-sink, touchline-streams" in text
    assert "empties all tables at chdb:///db, but not dead_letters" in text
    assert f"gives {len(KEPT)} topics that stay 6 partitions (now 4)" in text
    assert "from 11,716 messages" in text
    assert "WARNING" not in text
    assert "interrupted" not in text


def test_messages_that_retention_has_deleted_are_told_before_the_tables_are_emptied() -> None:
    text = shown(Held(10, 3), dict.fromkeys(ALL, 4))

    assert "WARNING: 3 older messages are no longer there: what the tables hold of them will be lost." in text


def test_an_interrupted_one_is_told() -> None:
    assert shown(Held(1, 0), {**dict.fromkeys(KEPT, 6), MARK: 6}).startswith("An earlier rebuild was interrupted")


def test_it_is_told_which_signals_will_be_sent() -> None:
    plan = make_plan(6, dict.fromkeys(ALL, 4), IDLE)
    last = describe(replace(plan, signalled_until=1_767_225_600_000), Held(1, 0), "chdb:///db")[-1]

    assert last == "and send the signals of what happened after 2026-01-01T00:00:00.000Z: those up to then were sent."
    assert describe(plan, Held(1, 0), "chdb:///db")[-1].startswith("and send all signals again")
