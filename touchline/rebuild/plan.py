"""What a rebuild will do, from what is there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.dead_letters import rfc3339
from schemas.inputs import CONTRACT_INPUTS
from schemas.topics import DERIVED_TOPICS, REBUILD_MARK, all_topics
from streams.kafka.partitions import listed
from touchline.errors import CommandError
from touchline.report.formatting import counted

KEPT_TABLE = "dead_letters"
"""The one table that a rebuild does not empty: its rows come from `touchpoints.dlq.v1`, which stays."""


@dataclass(frozen=True)
class Held:
    """What the input topics hold.

    Attributes:
        messages: how many they hold.
        gone: how many they held once; their retention has deleted them.
    """

    messages: int
    gone: int


@dataclass(frozen=True)
class Plan:
    """What a rebuild will do.

    Attributes:
        partitions: how many every topic has afterwards.
        deleted: the topics that it deletes and creates anew, as far as they are there.
        widened: the topics that keep their messages and get more partitions, and how many they have now.
        groups: the consumer groups whose offsets it deletes.
        begun: whether an earlier rebuild was interrupted.
        signalled_until: up to when signals were sent, ms; 0 where that is not known.
    """

    partitions: int
    deleted: list[str]
    widened: Mapping[str, int]
    groups: list[str]
    begun: bool
    signalled_until: int = 0


def make_plan(
    wanted: int,
    counts: Mapping[str, int],
    members: Mapping[str, Sequence[str]],
    inputs: Iterable[str] = CONTRACT_INPUTS,
) -> Plan:
    """Return what is to be done.

    Args:
        wanted: the value of `TOUCHLINE_PARTITIONS`.
        counts: the number of partitions of each topic that is there, by name.
        members: the hosts of the members of each group of workers or sinks, by group.
        inputs: the input topics. Those that the contract names are widened; those of others' are left as they are.

    Raises:
        CommandError: a worker or sink runs, no input is there, or a topic that is no input has more partitions than
            wanted.
    """
    running = {group: hosts for group, hosts in members.items() if hosts}
    if running:
        raise CommandError(_still_running(running))
    if not counts.keys() & set(inputs):
        raise CommandError("no input topic is there, so nothing can be computed anew: look at TOUCHLINE_KAFKA")
    topics = [
        topic for topic in all_topics(inputs) if topic.is_ours and topic.name in counts.keys() - {*DERIVED_TOPICS}
    ]
    kept = {topic.name: counts[topic.name] for topic in topics}
    fixed = {topic.name: kept[topic.name] for topic in topics if not topic.any_partitions}
    most = max(fixed.values(), default=0)
    if most > wanted:
        which = listed(sorted(name for name in fixed if fixed[name] == most))
        raise CommandError(
            f"TOUCHLINE_PARTITIONS is {wanted}, but {which} {_has(fixed, most)} {counted(most, 'partition')}, and "
            f"Kafka can take none away: set TOUCHLINE_PARTITIONS={most}"
        )
    return Plan(
        partitions=wanted,
        deleted=[name for name in DERIVED_TOPICS if name in counts],
        widened={name: count for name, count in kept.items() if count < wanted},
        groups=sorted(members),
        begun=REBUILD_MARK in counts,
    )


def describe(plan: Plan, held: Held, database: str) -> list[str]:
    """Return what a plan does, one line a step.

    Args:
        plan: the plan.
        held: what the inputs hold.
        database: the address of the tables, without its password.
    """
    partitions = counted(plan.partitions, "partition")
    lines = ["An earlier rebuild was interrupted; this one finishes it."] if plan.begun else []
    lines.append("A rebuild")
    if plan.deleted:
        lines.append(f"- deletes {counted(len(plan.deleted), 'topic')}: {listed(plan.deleted)}")
    if plan.groups:
        lines.append(f"- deletes the offsets of {', '.join(plan.groups)}")
    lines.append(f"- empties all tables at {database}, but not {KEPT_TABLE}")
    if plan.widened:
        now = " or ".join(map(str, sorted(set(plan.widened.values()))))
        which = f"{counted(len(plan.widened), 'topic')} that {'stays' if len(plan.widened) == 1 else 'stay'}"
        lines.append(f"- gives {which} {partitions} (now {now}): {listed(list(plan.widened))}")
    lines.append(f"- creates the missing topics with {partitions} each")
    lines.append(f"The workers then compute everything from {counted(held.messages, 'message')} in the input topics,")
    lines.append(_signals(plan.signalled_until))
    if held.gone:
        gone = f"{counted(held.gone, 'older message')} {'is' if held.gone == 1 else 'are'} no longer there"
        lines.append(f"WARNING: {gone}: what the tables hold of them will be lost.")
    return lines


def _signals(until: int) -> str:
    if not until:
        return "and send all signals again: it is not known which were sent."
    return f"and send the signals of what happened after {rfc3339(until)}: those up to then were sent."


def _still_running(running: Mapping[str, Sequence[str]]) -> str:
    who = "; ".join(
        f"{group} has {counted(len(hosts), 'member')} ({', '.join(sorted(set(hosts)))})"
        for group, hosts in sorted(running.items())
    )
    return (
        f"{who}: stop all workers and sinks first. One that was killed leaves its group after "
        "TOUCHLINE_SESSION_TIMEOUT_S"
    )


def _has(counts: Mapping[str, int], count: int) -> str:
    return "has" if sum(other == count for other in counts.values()) == 1 else "have"
