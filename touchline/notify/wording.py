"""What people read of a notice: a line that says what to do, and the facts below it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.text import shortened
from touchline.notify.notices import Notice, SignalName
from touchline.report.money import format_money

MAX_FACT = 200
"""Characters of a fact: ids and topics come from outside, at any length."""

_REASONS: dict[str, str] = {
    "poor_answer": "a poor answer",
    "worse": "their experience got worse",
    "complaint": "a complaint",
    "abandoned_call": "a call that nobody answered",
    "unanswered_post": "a post that nobody answered",
    "thank_you": "thanks for praise",
}
_STATUSES: dict[str, str] = {
    "open": "Get back to a customer",
    "warning": "Due soon: get back to a customer",
    "missed": "Missed: nobody got back to a customer",
    "contacted": "A customer was contacted",
    "settled": "Settled",
    "expired": "Closed without an answer",
}
_SUBJECTS: dict[str, str] = {
    "cart": "cart",
    "checkout": "checkout",
    "call": "call, in the queue",
    "hold": "call, on hold",
    "survey": "survey",
}


class Wording(NamedTuple):
    """What people read.

    Attributes:
        title: one line, of our own words alone.
        facts: what is known, each by its label; the texts are printable, and some of them from outside.
    """

    title: str
    facts: list[tuple[str, str]]


def wording(notice: Notice, zone: ZoneInfo) -> Wording:
    """Return what people read of a notice, moments in a time zone."""
    worded = _WORDING[notice.signal](notice, zone)
    title = f"Withdrawn: {worded.title}" if notice.withdrawn else worded.title
    return Wording(title, [(label, shortened(text, MAX_FACT)) for label, text in worded.facts if text])


def _of_follow_up(notice: Notice, zone: ZoneInfo) -> Wording:
    record = notice.record
    reason = _REASONS.get(record["reason"], "another reason")
    status = _STATUSES.get(notice.status, "Get back to a customer")
    before, after = record["experience_before"], record["experience_after"]
    facts = [
        ("Customer", notice.customer_id),
        ("By", _moment(record["due_at"], zone)),
        ("Team", record["owner"]),
        ("Topic", record["topic"]),
        ("Channel", record["channel"]),
        ("Language", record["lang"]),
        ("About", record["subject_id"]),
        ("Causes", str(record["causes"]) if record["causes"] > 1 else ""),
        ("Spent", _money(record["value_minor"], record["currency"])),
        ("Experience", "" if before is None else f"{before:+.2f}"),
        ("Experience since", "" if after is None else f"{after:+.2f}"),
        ("Contacted", _moment(record["contacted_at"], zone)),
        ("Follow-up", notice.id),
    ]
    return Wording(f"{status}: {reason}", facts)


def _of_abandonment(notice: Notice, zone: ZoneInfo) -> Wording:
    record = notice.record
    what = _SUBJECTS.get(record["subject"], "something")
    facts = [
        ("Customer", notice.customer_id),
        ("About", record["subject_id"]),
        ("Abandoned", _moment(record["abandoned_at"], zone)),
        ("Recovered", _moment(record["recovered_at"], zone)),
        ("Worth", _money(record["value_minor"], record["currency"])),
    ]
    how = "Recovered" if notice.status == "recovered" else "Abandoned"
    return Wording(f"{how}: a {what}", facts)


def _of_shift(notice: Notice, zone: ZoneInfo) -> Wording:
    record = notice.record
    how = "better" if record["direction"] == "better" else "worse"
    facts = [
        ("Customer", notice.customer_id),
        ("Since", _moment(record["onset_at"], zone)),
        ("Experience", f"{record['before_mean']:+.2f} before, {record['after_mean']:+.2f} since"),
        ("Likely cause", record["cause_kind"] or ""),
    ]
    return Wording(f"A customer's experience got {how}", facts)


_WORDING: dict[SignalName, Callable[[Notice, ZoneInfo], Wording]] = {
    "follow_ups": _of_follow_up,
    "abandonments": _of_abandonment,
    "sentiment_shifts": _of_shift,
}


def _moment(ms: int | None, zone: ZoneInfo) -> str:
    if ms is None:
        return ""
    return f"{datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _money(minor: int | None, currency: str | None) -> str:
    return "" if minor is None or not currency else format_money(minor, currency)
