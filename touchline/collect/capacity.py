"""What the collector may hold at a time: bytes of bodies and messages, and touchpoints that wait for Kafka."""

from __future__ import annotations

from http import HTTPStatus

from streams.settings import Settings, SettingsError
from touchline.collect.errors import RequestError

FULL_RETRY_S = 1
"""Seconds after which a request may come again that found no room."""


class Capacity:
    """A bound that is given out and given back.

    Args:
        touchpoints: the most that may be held.
        size: the most bytes.
    """

    def __init__(self, touchpoints: int, size: int) -> None:
        self._most = (touchpoints, size)
        self.touchpoints = 0
        self.size = 0

    def take(self, touchpoints: int, size: int) -> None:
        """Take room, all that is asked for or none.

        Raises:
            RequestError: 503, there is not so much of it.
        """
        if self.touchpoints + touchpoints > self._most[0] or self.size + size > self._most[1]:
            raise full()
        self.touchpoints += touchpoints
        self.size += size

    def give_back(self, touchpoints: int, size: int) -> None:
        """Give room back that was taken."""
        self.touchpoints -= touchpoints
        self.size -= size


def full() -> RequestError:
    """Return the error of a request that finds no room."""
    return RequestError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the queue to Kafka is full; nothing of this request was accepted. Send it again later",
        FULL_RETRY_S,
    )


def check_bounds(settings: Settings) -> None:
    """Raise a SettingsError where the queue could not take the largest request that is let in."""
    # A packed body is there beside what it holds.
    for queue, most, times, what in (
        ("collect_queue_bytes", "collect_max_body_bytes", 2, "body"),
        ("collect_queue_touchpoints", "collect_max_touchpoints", 1, "request"),
    ):
        if getattr(settings, queue) < times * getattr(settings, most):
            less = "less than twice" if times == 2 else "less than"
            raise SettingsError(
                f"TOUCHLINE_{queue.upper()} is {getattr(settings, queue)}, {less} TOUCHLINE_{most.upper()} "
                f"({getattr(settings, most)}): the largest {what} would never be taken; raise it, or lower the other"
            )
