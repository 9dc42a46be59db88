"""What the collector answers: of each touchpoint what became of it, or why the whole request was turned away. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Literal

import msgspec

from schemas.errors import Reason
from touchline.collect.errors import RequestError
from touchline.collect.intake import Outgoing, Refused
from touchline.collect.publisher import AWAY_RETRY_S

PROBLEM = "application/problem+json"
"""RFC 9457."""
UNACKNOWLEDGED = "Kafka did not acknowledge it in time; send it again, with the same event_id"
_encode = msgspec.json.Encoder().encode


class Result(msgspec.Struct, omit_defaults=True):
    """What became of one touchpoint.

    Attributes:
        status: accepted, and Kafka has it; refused, and to send it again does not help; or unacknowledged.
        event_id: its own; None where none could be read.
        reason: of the refusal, one of the contract's.
        detail: what was wrong with it.
    """

    status: Literal["accepted", "refused", "unacknowledged"]
    event_id: str | None = None
    reason: Reason | None = None
    detail: str | None = None


class Results(msgspec.Struct):
    """What became of the touchpoints of a request, in their order there."""

    accepted: int
    refused: int
    unacknowledged: int
    touchpoints: list[Result]

    @property
    def status(self) -> HTTPStatus:
        """The request's: 200 all accepted, 207 some refused, 422 all refused, 503 some not acknowledged."""
        if self.unacknowledged:
            return HTTPStatus.SERVICE_UNAVAILABLE
        if not self.refused:
            return HTTPStatus.OK
        return HTTPStatus.MULTI_STATUS if self.accepted else HTTPStatus.UNPROCESSABLE_ENTITY

    @property
    def retry_after_s(self) -> int:
        """Seconds after which to send again what was not acknowledged; 0 where there is nothing to send."""
        return AWAY_RETRY_S if self.unacknowledged else 0

    def encoded(self) -> bytes:
        """Return it as JSON."""
        return _encode(self)


def results(read: Sequence[Outgoing | Refused], acknowledged: Sequence[bool]) -> Results:
    """Return what became of touchpoints.

    Args:
        read: all of them, in their order.
        acknowledged: of each that was published, in the same order, whether Kafka has acknowledged it.
    """
    told = iter(acknowledged)
    items = [_result(one, told_of=None if isinstance(one, Refused) else next(told)) for one in read]
    accepted = sum(acknowledged)
    refused = len(read) - len(acknowledged)
    return Results(accepted, refused, len(acknowledged) - accepted, items)


def _result(one: Outgoing | Refused, *, told_of: bool | None) -> Result:
    if isinstance(one, Refused):
        return Result("refused", one.event_id, one.reason, one.detail)
    if told_of:
        return Result("accepted", one.event_id)
    return Result("unacknowledged", one.event_id, detail=UNACKNOWLEDGED)


def problem(error: RequestError) -> bytes:
    """Return the JSON of a request that was turned away, as RFC 9457 has it."""
    return _encode({"title": error.status.phrase, "status": int(error.status), "detail": error.detail})
