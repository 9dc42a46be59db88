"""Who in the workers' group gets which partitions: by tasks, whatever numbers of partitions the inputs have.

Task p has partition p of the journeys log, and partition q of any topic with q mod P = p, where P is the number of the
log's partitions. So all that a task merges, and the log partition of its number, is with one worker.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

import structlog
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from typing_extensions import override

from schemas.topics import JOURNEYS_LOG

Assigned = dict[str, dict[str, list[int]]]
"""The partitions of each topic, by member and topic."""

log = structlog.get_logger(__name__)


def deal(counts: Mapping[str, int], topics: Mapping[str, Collection[str]]) -> tuple[Assigned, list[str]]:
    """Deal tasks to members; where all topics have the same number of partitions, as the range assignor does.

    No member has two tasks more than another, nor two more of those with the same number of partitions to read.

    Args:
        counts: the number of partitions of each topic that is there, by name.
        topics: what each member reads, by its id. Only those that read the log get a task.

    Returns:
        What each member gets, and the topics that nobody gets all of: the owner of a task does not read them.
    """
    tasks = counts.get(JOURNEYS_LOG, 0)
    owners = _owners(counts, tasks, sorted(member for member, read in topics.items() if JOURNEYS_LOG in read))
    assigned: Assigned = {member: defaultdict(list) for member in topics}
    left: set[str] = set()
    for topic, count in counts.items():
        for partition in range(count):
            owner = owners[partition % tasks] if owners else None
            if owner is not None and topic in topics[owner]:
                assigned[owner][topic].append(partition)
            else:
                left.add(topic)
    return assigned, sorted(left)


def _owners(counts: Mapping[str, int], tasks: int, members: Sequence[str]) -> dict[int, str]:
    """Return the member that gets each task; tasks with as much to read are dealt evenly."""
    if not (members and tasks):
        return {}
    reads = Counter(partition % tasks for count in counts.values() for partition in range(count))
    owners: dict[int, str] = {}
    dealt = dict.fromkeys(members, 0)
    # The first tasks have the most to read, and none has more than one before it.
    for _, group in groupby(range(tasks), key=lambda task: reads[task]):
        equal = list(group)
        share, more = divmod(len(equal), len(members))
        # Those that have the fewest get what cannot be divided.
        favoured = set(sorted(members, key=lambda member: (dealt[member], member))[:more])
        rest = iter(equal)
        for member in members:
            for _ in range(share + (member in favoured)):
                owners[next(rest)] = member
                dealt[member] += 1
    return owners


class TaskAssignor(RangePartitionAssignor):  # type: ignore[misc]  # aiokafka has no types for it
    """The assignor of the workers' group.

    It keeps the protocol's name `range`: a group agrees on a name that all of its members offer, and during a rolling
    upgrade some of them offer that alone. With equal numbers of partitions both deal alike, and a release that has the
    range assignor itself takes no others (docs/adr/0019-tasks-are-dealt-whole.md).
    """

    @override
    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Return what each member gets; the group's leader is asked."""
        topics = {member: frozenset(metadata.subscription) for member, metadata in members.items()}
        there = {topic: cluster.partitions_for_topic(topic) for topic in frozenset().union(*topics.values())}
        assigned, left = deal({topic: len(found) for topic, found in there.items() if found}, topics)
        if left:
            log.warning(
                "partitions of topics are read by nobody: TOUCHLINE_TOPICS is not the same in all workers", topics=left
            )
        return {
            member: ConsumerProtocolMemberAssignment(cls.version, sorted(of_member.items()), b"")
            for member, of_member in assigned.items()
        }
