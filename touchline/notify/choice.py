"""Which target is told of what. Pure."""

from __future__ import annotations

from collections.abc import Callable

from touchline.notify.notices import Notice, SignalName
from touchline.notify.targets import Target


def wants(target: Target, notice: Notice) -> bool:
    """Return whether a target is to be told of something; of what is withdrawn only if it asks for that."""
    if notice.signal not in target.signals or (notice.withdrawn and not target.withdrawals):
        return False
    return _CHOOSE[notice.signal](target, notice)


def _of_follow_up(target: Target, notice: Notice) -> bool:
    record = notice.record
    return (
        (not target.reasons or record["reason"] in target.reasons)
        and (not target.owners or record["owner"] in target.owners)
        and _is_status_wanted(target, notice)
    )


def _of_abandonment(target: Target, notice: Notice) -> bool:
    wanted = not target.subjects or notice.record["subject"] in target.subjects
    return wanted and _is_status_wanted(target, notice)


def _of_shift(target: Target, notice: Notice) -> bool:
    return notice.record["direction"] in target.directions


def _is_status_wanted(target: Target, notice: Notice) -> bool:
    return notice.withdrawn or notice.status in target.statuses


_CHOOSE: dict[SignalName, Callable[[Target, Notice], bool]] = {
    "follow_ups": _of_follow_up,
    "abandonments": _of_abandonment,
    "sentiment_shifts": _of_shift,
}
