"""What is wrong with the topics: one line for the same advice, however many they are."""

from __future__ import annotations

import pytest

from schemas.topics import DEAD_LETTERS, TOPIC_KINDS, all_topics
from touchline.topic_states import judge

ALL = [topic.name for topic in all_topics()]
MIB = 1 << 20

KEPT_FOR_A_TIME = [name for name in ALL if name != "identity.links.v1"]


def takes(*names: str, size: int) -> dict[str, dict[str, str]]:
    """Return that some topics take messages of this size, bytes, and all else is not known."""
    return {name: {"max.message.bytes": str(size)} for name in names}


def test_topics_that_are_as_they_should_be_need_no_advice() -> None:
    states = judge(4, dict.fromkeys(ALL, 4), takes(ALL[0], size=4 * MIB))

    assert states.advice == []
    assert [(state.name, state.partitions, state.problem) for state in states.topics] == [(n, 4, "") for n in ALL]


def test_without_any_topic_there_is_one_line() -> None:
    assert judge(4, {}, {}).advice == ["none is there: touchline topics --create"]


def test_missing_topics_are_one_line() -> None:
    states = judge(4, dict.fromkeys(ALL[5:], 4), {})

    assert states.advice == [f"{ALL[0]}, {ALL[1]}, {ALL[2]} and 2 more are missing: touchline topics --create"]
    assert [state.name for state in states.topics if state.problem] == ALL[:5]


def test_topics_with_another_number_of_partitions_are_one_line() -> None:
    states = judge(5, dict.fromkeys(ALL, 4), {})

    assert len(states.advice) == 1
    assert "set TOUCHLINE_PARTITIONS=4" in states.advice[0]
    problems = dict.fromkeys(TOPIC_KINDS, "")
    assert {state.name: state.problem for state in states.topics} == {
        **dict.fromkeys(ALL, "has 4 partitions, TOUCHLINE_PARTITIONS is 5"),
        **problems,
    }


def test_inputs_may_have_any_number_of_partitions_and_those_of_others_their_own_settings() -> None:
    ours = dict.fromkeys([name for name in ALL if name not in TOPIC_KINDS], 4)

    states = judge(4, {**ours, "shop.orders": 3, "events": 12}, takes("events", size=MIB), ["shop.orders", "events"])

    assert states.advice == []
    assert [(one.name, one.partitions) for one in states.topics][:2] == [("shop.orders", 3), ("events", 12)]
    assert judge(4, {**ours, "events": 12}, {}, ["shop.orders", "events"]).advice == [
        (
            "shop.orders is missing: shop.orders is a name of TOUCHLINE_TOPICS: look at its spelling; "
            "or create them: touchline topics --create"
        )
    ]


def test_topics_that_take_too_small_messages_are_one_line_for_each_size_that_they_need() -> None:
    states = judge(4, dict.fromkeys(ALL, 4), takes(*ALL, size=MIB))

    assert len(states.advice) == 2
    assert "set max.message.bytes=4194304" in states.advice[0]
    assert states.advice[1].startswith(f"{DEAD_LETTERS} takes too small messages: set max.message.bytes=8388608")


@pytest.mark.parametrize(
    ("name", "changed", "advice"),
    [
        ("identity.links.v1", {"cleanup.policy": "compact"}, "cleanup.policy=delete"),
        ("identity.links.v1", {"retention.ms": "604800000"}, "retention.ms=-1"),
        ("identity.links.v1", {"retention.ms": "1", "retention.bytes": "1"}, "retention.ms=-1,retention.bytes=-1"),
        ("journeys.state.v1", {"cleanup.policy": "delete"}, "cleanup.policy=compact"),
        ("journeys.state.v1", {"cleanup.policy": "compact,delete"}, "cleanup.policy=compact"),
    ],
)
def test_links_and_state_that_would_be_lost_are_told_of_with_what_to_set(
    name: str, changed: dict[str, str], advice: str
) -> None:
    states = judge(4, dict.fromkeys(ALL, 4), {name: {**takes(name, size=4 * MIB)[name], **changed}})

    assert states.advice == [
        f"{name} does not keep what has to stay: set {advice} (kafka-configs.sh --alter --add-config)"
    ]
    (problem,) = (one.problem for one in states.topics if one.problem)
    assert problem.split("; ")[0].startswith(f"{next(iter(changed))} is {next(iter(changed.values()))}, not ")


def test_topics_whose_messages_may_expire_may_have_any_retention() -> None:
    assert judge(4, dict.fromkeys(ALL, 4), {name: {"retention.ms": "1"} for name in KEPT_FOR_A_TIME}).advice == []


def test_during_a_rebuild_the_one_advice_is_to_let_it_end_or_to_run_it_again() -> None:
    (advice,) = judge(6, {**dict.fromkeys(ALL[:9], 4), "journeys.rebuild.v1": 6}, {}).advice

    assert advice.startswith("a rebuild is under way, or was interrupted: let it end, or run `touchline rebuild` again")


def test_topics_of_other_programs_do_not_count() -> None:
    assert judge(4, {**dict.fromkeys(ALL, 4), "others": 9}, takes("others", size=1)).advice == []
