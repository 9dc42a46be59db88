"""Waiting for Kafka: which errors pass by themselves, and what becomes of those that do not."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import (
    BrokerNotAvailableError,
    CommitFailedError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NodeNotReadyError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
    UnsupportedVersionError,
)
from aiokafka.protocol.commit import OffsetFetchRequest
from faust.types import TP
from structlog.testing import capture_logs

from streams.kafka.client import passes, wait_out
from streams.kafka.fetcher import END_KNOWN_S, ChunkThread, _is_fresh, check_offset_fetches
from streams.settings import Settings

SETTINGS = Settings(kafka="k:9092")
AWAY = [
    BrokerNotAvailableError(),
    KafkaConnectionError(),
    KafkaTimeoutError(),
    NodeNotReadyError(),
    RequestTimedOutError(),
    ConnectionResetError(),
]
FOR_GOOD = [
    GroupAuthorizationFailedError("g"),
    IllegalStateError(),
    MessageSizeTooLargeError(),
    TopicAuthorizationFailedError(),
    UnsupportedVersionError(),
    ValueError(),
]


def test_what_ends_when_kafka_is_back_passes_and_what_needs_a_person_does_not() -> None:
    assert [passes(error) for error in AWAY] == [True] * len(AWAY)
    assert [passes(error) for error in FOR_GOOD] == [False] * len(FOR_GOOD)


async def test_kafka_is_waited_for_and_each_attempt_is_logged() -> None:
    errors: list[Exception] = list(AWAY)
    waits: list[float] = []

    async def attempt() -> str:
        if errors:
            raise errors.pop()
        return "answer"

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    with capture_logs() as logs:
        assert await wait_out(SETTINGS, attempt, sleep) == "answer"
    assert len(waits) == len(logs) == len(AWAY)
    assert {entry["kafka"] for entry in logs} == {"k:9092"}
    assert all(entry["cause"] for entry in logs)


async def test_what_does_not_pass_is_raised_at_once() -> None:
    async def attempt() -> None:
        raise TopicAuthorizationFailedError

    async def sleep(_seconds: float) -> None:
        pytest.fail("it waited")

    with pytest.raises(TopicAuthorizationFailedError):
        await wait_out(SETTINGS, attempt, sleep)


def thread_whose_commits_fail_with(error: Exception) -> ChunkThread:
    async def commit(_offsets: Any) -> None:
        raise error

    thread = ChunkThread.__new__(ChunkThread)
    thread._consumer = SimpleNamespace(commit=commit)
    return thread


@pytest.mark.parametrize("error", [CommitFailedError(), KafkaTimeoutError(), BrokerNotAvailableError()])
async def test_offsets_that_kafka_does_not_take_now_are_left_to_the_next_commit(error: KafkaError) -> None:
    assert await thread_whose_commits_fail_with(error)._commit({TP("a", 0): 7}) is False


async def test_offsets_that_kafka_will_never_take_are_an_error() -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        await thread_whose_commits_fail_with(GroupAuthorizationFailedError("g"))._commit({TP("a", 0): 7})


class Coordinator(GroupCoordinator):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's, with a broker that gives one answer after the other."""

    def __init__(self, *answers: tuple[list[tuple[str, list[tuple[int, int, str, int]]]], int]) -> None:
        self.group_id = "g"
        self.coordinator_id: int | None = 1
        self.lookups = 0
        self._retry_backoff_ms = 1
        self._answers = list(answers)

    async def ensure_coordinator_known(self) -> None:
        if self.coordinator_id is None:
            self.lookups += 1
            self.coordinator_id = 1

    def coordinator_dead(self) -> None:
        self.coordinator_id = None

    async def _send_req(self, _request: OffsetFetchRequest) -> SimpleNamespace:
        topics, error_code = self._answers.pop(0)
        return SimpleNamespace(topics=topics, error_code=error_code)


COORDINATOR_LOADS, NOT_COORDINATOR, GROUP_AUTHORIZATION_FAILED = 14, 16, 30
"""Codes of Kafka's protocol."""


async def test_a_group_that_kafka_loads_or_moves_is_not_one_without_offsets() -> None:
    place = TopicPartition("a", 0)
    coordinator = Coordinator(([], COORDINATOR_LOADS), ([], NOT_COORDINATOR), ([("a", [(0, 7, "", 0)])], 0))
    check_offset_fetches(coordinator)
    offsets = await coordinator.fetch_committed_offsets([place])
    assert offsets[place].offset == 7
    assert coordinator.lookups == 1


async def test_a_group_without_offsets_is_one_and_one_that_is_not_ours_is_an_error() -> None:
    coordinator = Coordinator(([("a", [(0, -1, "", 0)])], 0), ([], GROUP_AUTHORIZATION_FAILED))
    check_offset_fetches(coordinator)
    assert await coordinator.fetch_committed_offsets([TopicPartition("a", 0)]) == {}
    with pytest.raises(GroupAuthorizationFailedError):
        await coordinator.fetch_committed_offsets([TopicPartition("a", 0)])


def test_the_word_of_a_kafka_that_has_not_answered_for_a_while_does_not_hold() -> None:
    now = time.time_ns() // 1_000_000

    assert _is_fresh(now)
    assert not _is_fresh(now - 1000 * round(END_KNOWN_S))
    assert not _is_fresh(None)
