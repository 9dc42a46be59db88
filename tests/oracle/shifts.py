"""Checks the shifts of the views: each against the series of its customer, as it was known when it was detected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

from tests.oracle.experience import observations
from tests.oracle.histories import CustomerHistory
from tests.oracle.touchpoints import DAY, Touch, moment

Row = Mapping[str, Any]


def differences(history: CustomerHistory, row: Row) -> Iterator[str]:
    """Give what does not hold of one row of `sentiment_shifts`; `history` is that of its customer.

    Of the touchpoints of the moment of its detection, any may be the one that completed the evidence.
    """
    name = f"sentiment_shifts {row['shift_id']}"
    detected_at = moment(row["detected_at"])
    ends = [place for place, touch in enumerate(history.touches, 1) if touch.at == detected_at]
    found = [list(_as_known(name, history, history.touches[:end], row)) for end in ends]
    yield from min(found, key=len, default=[f"{name}: nothing happened when it was detected"])
    yield from _cause(name, history, row)


def _as_known(name: str, history: CustomerHistory, touches: list[Touch], row: Row) -> Iterator[str]:
    series = observations(touches, history.answers, history.experiences)
    onset = next((touch for touch in touches if touch.event_id == row["onset_event_id"]), None)
    if onset is None or onset.event_id not in series:
        yield f"{name}: its onset is no observation of {history.customer}"
        return
    if history.journey_of(onset) != row["journey_id"] or onset.at != moment(row["onset_at"]):
        yield f"{name}: not the journey or the time of its onset"
    yield from _levels(name, series, row)


def _levels(name: str, series: dict[str, float], row: Row) -> Iterator[str]:
    """The means are those of the customer's own series before and from the onset."""
    onset = list(series).index(row["onset_event_id"])
    before, after = list(series.values())[:onset], list(series.values())[onset:]
    if min(row["n_before"], row["n_after"]) < 3:
        yield f"{name}: fewer than three observations on a side"
    if row["n_before"] > len(before) or row["n_after"] > len(after):
        yield f"{name}: more observations than there are: {len(before)}, {len(after)}"
        return
    for side, mean in (
        ("before", fmean(before[-row["n_before"] :])),
        ("after", fmean(after[: row["n_after"]])),
    ):
        if abs(mean - row[f"{side}_mean"]) > 1e-4:
            yield f"{name}: {side}_mean is {row[f'{side}_mean']}, not {mean}"
    if (row["after_mean"] < row["before_mean"]) != (row["direction"] == "worse"):
        yield f"{name}: {row['direction']} is not what it is"


def _cause(name: str, history: CustomerHistory, row: Row) -> Iterator[str]:
    """What the business last did is the cause, within a week: before a bad onset, about another thing, within a day."""
    events = [touch.event_id for touch in history.touches]
    if row["onset_event_id"] not in events:
        return
    place, at = events.index(row["onset_event_id"]), moment(row["onset_at"]) or 0
    onset, before = history.touches[place], [touch for touch in history.touches[:place] if may_turn(touch)]
    others = [touch for touch in before if (touch.kind, touch.subject) != (onset.kind, onset.subject)]
    if history.experiences[onset.event_id] >= 0:
        others = []
    likely = [(last[-1], most) for last, most in ((others, DAY), (before, 7 * DAY)) if last]
    found = [
        touch
        for touch, most in likely
        if history.journey_of(touch) == row["journey_id"] and touch.at <= at <= touch.at + most
    ]
    expected = (found[0].event_id, found[0].kind) if found else (None, None)
    if (row["cause_event_id"], row["cause_kind"]) != expected:
        yield f"{name}: its cause is {row['cause_event_id']}, not {expected}"


def may_turn(touch: Touch) -> bool:
    """Return whether the business does it, or it fails; not what customers do, nor that a case was received."""
    match touch.kind:
        case "page_view":
            return touch.record.get("ok") is False
        case "cart_event":
            return touch.action == "payment_failed"
        case "purchase":
            return True
        case "support_call":
            return touch.action in ("answered", "held", "transferred", "ended")
        case "case_event":
            return touch.record["by"] in ("agent", "bot") and touch.action != "acknowledged"
    return touch.kind == "tweet" and touch.action == "brand"
