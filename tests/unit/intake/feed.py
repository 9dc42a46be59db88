"""What the tests of the merge put through it, and how: by hand, or as a consumer does."""

from __future__ import annotations

from streams.intake.merge import MergedBatch, PartitionMerge

NOW = 1_790_000_000_000
IDLE = 5_000
TOPICS = ("a", "b", "c")

Record = tuple[str, int, int]
"""Topic, offset, time: what the tests put through the merge as an item."""
Chunk = tuple[str, int]
"""Topic and number of a chunk of it."""
Task = PartitionMerge[Chunk, Record]


def new_task(topics: tuple[str, ...] = TOPICS) -> Task:
    return PartitionMerge(topics, IDLE, NOW)


def records_of(topic: str, log: list[int], start: int = 0) -> list[tuple[int, Record]]:
    return [(time, (topic, start + i, time)) for i, time in enumerate(log)]


def give(
    task: Task,
    topic: str,
    *log: int,
    caught_up: bool = True,
    now: int = NOW,
    number: int = 0,
) -> None:
    records = records_of(topic, list(log))
    task.add((topic, number), topic, records, caught_up=caught_up, now=now)


def listen(task: Task, since: int, until: int) -> int:
    """Let time pass as it does for a worker that is awake; return the watermark at its end."""
    for now in range(since, until, IDLE // 4):
        task.watermark(now)
    return task.watermark(until)


def times_of(batch: MergedBatch[Chunk, Record]) -> list[int]:
    return [record[2] for record, _ in batch.items]


def clocks_of(batch: MergedBatch[Chunk, Record]) -> list[int]:
    return [clock for _, clock in batch.items]


class Feed:
    """Hands the logs to a task chunk by chunk, and tells ends truthfully."""

    def __init__(self, logs: dict[str, list[int]]) -> None:
        self.unread = {topic: records_of(topic, log) for topic, log in logs.items()}
        self.chunks: dict[str, list[list[Record]]] = {topic: [] for topic in logs}

    def fetch(self, task: Task, topic: str, size: int, now: int) -> int:
        if not self.unread[topic]:
            task.set_caught_up(topic, caught_up=True)
            return 0
        chunk, self.unread[topic] = self.unread[topic][:size], self.unread[topic][size:]
        ref = (topic, len(self.chunks[topic]))
        self.chunks[topic].append([record for _, record in chunk])
        caught_up = not self.unread[topic]
        task.add(ref, topic, chunk, caught_up=caught_up, now=now)
        return len(chunk)
