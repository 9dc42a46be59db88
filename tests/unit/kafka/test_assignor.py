"""The assignor: a task's inputs and its log partition are with one worker, whatever numbers of partitions there are."""

from __future__ import annotations

from collections import Counter

from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from schemas.topics import JOURNEYS_LOG
from streams.kafka.assignor import TaskAssignor, deal

MEMBERS = [f"worker-{letter}" for letter in "cab"]
counts = st.fixed_dictionaries(
    {JOURNEYS_LOG: st.integers(1, 12), "orders": st.integers(1, 30), "posts": st.integers(1, 30), "web": st.just(3)}
)


class Cluster:
    """What is used of aiokafka's metadata."""

    def __init__(self, known: dict[str, int]) -> None:
        self._known = known

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return set(range(self._known[topic])) if topic in self._known else None


def assigned(
    assignor: type[RangePartitionAssignor], known: dict[str, int], members: dict[str, list[str]]
) -> dict[str, set[tuple[str, int]]]:
    metadata = {name: ConsumerProtocolMemberMetadata(0, read, b"") for name, read in members.items()}
    found = assignor.assign(Cluster(known), metadata)
    return {name: {(tp.topic, tp.partition) for tp in found[name].partitions()} for name in members}


@given(counts, st.integers(1, 14))
def test_each_partition_goes_with_its_task_and_none_is_left(known: dict[str, int], workers: int) -> None:
    found = assigned(TaskAssignor, known, {f"worker-{n:02}": list(known) for n in range(workers)})

    tasks = known[JOURNEYS_LOG]
    for places in found.values():
        log = {partition for topic, partition in places if topic == JOURNEYS_LOG}
        assert {partition % tasks for _, partition in places} <= log
    dealt = Counter(place for places in found.values() for place in places)
    assert dealt == Counter((topic, partition) for topic, count in known.items() for partition in range(count))


@given(counts, st.integers(1, 14))
def test_no_worker_has_two_tasks_more_than_another_nor_two_more_of_those_with_inputs(
    known: dict[str, int], workers: int
) -> None:
    tasks = known[JOURNEYS_LOG]
    busy = {partition % tasks for partition in range(known["web"])}

    found = assigned(TaskAssignor, {**known, "orders": 0, "posts": 0}, {f"{n:02}": list(known) for n in range(workers)})

    logs = [{partition for topic, partition in places if topic == JOURNEYS_LOG} for places in found.values()]
    for had in ([len(log) for log in logs], [len(log & busy) for log in logs]):
        assert max(had) - min(had) <= 1 or tasks < known["web"]


@given(st.integers(1, 12), st.integers(1, 14))
def test_with_equal_numbers_it_deals_as_the_range_assignor_of_an_older_release(count: int, workers: int) -> None:
    known = dict.fromkeys((JOURNEYS_LOG, "orders", "posts"), count)
    members = {f"worker-{n:02}": list(known) for n in range(workers)}

    assert assigned(TaskAssignor, known, members) == assigned(RangePartitionAssignor, known, members)


def test_it_offers_the_groups_protocol_by_the_name_that_an_older_release_has() -> None:
    assert TaskAssignor.name == RangePartitionAssignor.name == "range"


def test_three_inputs_for_twelve_tasks_do_not_all_go_to_the_first_worker() -> None:
    found = assigned(
        TaskAssignor, {JOURNEYS_LOG: 12, "orders": 3}, {name: [JOURNEYS_LOG, "orders"] for name in MEMBERS}
    )

    assert sorted(len(places) for places in found.values()) == [5, 5, 5]
    assert all(any(topic == "orders" for topic, _ in places) for places in found.values())


def test_an_input_that_a_tasks_worker_does_not_read_waits_and_that_is_logged() -> None:
    members = {"worker-a": [JOURNEYS_LOG, "orders", "posts"], "worker-b": [JOURNEYS_LOG, "orders"]}

    with capture_logs() as logs:
        found = assigned(TaskAssignor, {JOURNEYS_LOG: 2, "orders": 2, "posts": 2}, members)

    assert found["worker-a"] == {(JOURNEYS_LOG, 0), ("orders", 0), ("posts", 0)}
    assert found["worker-b"] == {(JOURNEYS_LOG, 1), ("orders", 1)}
    (said,) = logs
    assert said["topics"] == ["posts"]
    assert "TOUCHLINE_TOPICS is not the same in all workers" in said["event"]


def test_without_the_log_nobody_gets_anything() -> None:
    assert deal({"orders": 4}, {"worker-a": ["orders"]}) == ({"worker-a": {}}, ["orders"])
    assert assigned(TaskAssignor, {"orders": 4}, {"worker-a": ["orders", JOURNEYS_LOG]}) == {"worker-a": set()}
