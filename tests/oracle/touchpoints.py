"""Turns lines into touchpoints: their customers, their order, and their rows in the view `touchpoints`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from tests.oracle.owners import Stated, identities, identity_of, owners, partings, whose
from tests.oracle.subjects import About, key_of, subjects_of, words

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

MOVED_BEFORE = 3 * DAY
"""What happened so long before a link, or later, is in the journeys of whom the link tells."""
OWNED_BEFORE = 30 * DAY
"""What happened so long before a link, or later, is shown as that of whom the link tells."""

PHASES: dict[str, tuple[str, ...]] = {
    "support_call": ("queued", "answered", "held", "resumed", "transferred", "ended"),
    "survey_answer": ("invited", "started", "answered", "completed"),
    "cart_event": (
        "created", "item_added", "item_removed", "checkout_started", "payment_failed", "cleared", "ordered",
    ),
    "case_event": (
        "opened", "acknowledged", "updated", "solution_offered", "eta_given", "escalated", "resolved", "reopened",
        "closed",
    ),
    # After the cart's events, and after the posts: the last three of all.
    "purchase": (*("",) * 10, "placed", "refunded"),
    "tweet": (*("",) * 12, "brand"),
}  # fmt: skip
"""The natural order of what happens to one thing."""

SUBJECTS = {
    "purchase": "order_id",
    "tweet": "post_id",
    "support_call": "call_id",
    "survey_answer": "response_id",
    "cart_event": "cart_id",
    "case_event": "case_id",
}
ACTIONS = {
    "purchase": ("action", "placed"),
    "tweet": ("author", "customer"),
    "support_call": ("phase", ""),
    "survey_answer": ("phase", ""),
    "cart_event": ("action", ""),
    "case_event": ("phase", ""),
    "page_view": ("action", "view"),
}
TEXTS = {"tweet": "text", "support_call": "notes", "survey_answer": "text", "case_event": "text"}
CHANNELS = {
    "purchase": "store",
    "tweet": "social",
    "support_call": "phone",
    "survey_answer": "survey",
    "cart_event": "web",
    "case_event": "email",
    "page_view": "web",
}


@dataclass(frozen=True)
class Touch:
    """One touchpoint; `record` is the line it came from, times in epoch milliseconds."""

    event_id: str
    kind: str
    at: int
    customer: str
    channel: str
    source: str
    action: str
    text: str
    value: int | None
    currency: str | None
    subject: str
    attributes: dict[str, str]
    record: Mapping[str, Any]
    sentiment: float | None

    @property
    def order(self) -> tuple[int, int, str]:
        """What touchpoints of one customer are sorted by."""
        phases = PHASES.get(self.kind, ())
        return self.at, phases.index(self.action) if self.action in phases else 0, self.event_id

    @property
    def kind_and_action(self) -> str:
        """The step that it is."""
        return f"{self.kind}:{self.action}"

    @cached_property
    def stored_key(self) -> str:
        """By whom a view finds its owner: by its stated key or, where it states nobody, by whose it was found to be."""
        return whose(self.record) if identities(self.record) else self.customer

    @property
    def own_words(self) -> bool:
        """Whether it holds a text that the customer wrote."""
        return bool(self.text) and (
            (self.kind == "tweet" and self.action == "customer")
            or self.kind == "survey_answer"
            or (self.kind == "case_event" and self.record["by"] == "customer")
        )


class Parting(NamedTuple):
    """From `at` on what `profile` does is `owner`'s, and so is each thing that it began at `began` or later; ms."""

    at: int
    profile: str
    owner: str
    began: int


def milliseconds(value: str | int) -> int:
    """Return a time of the input, RFC 3339 or epoch milliseconds, as epoch milliseconds."""
    if isinstance(value, int):
        return value
    return (datetime.fromisoformat(value).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    )


def moment(text: str | None) -> int | None:
    """Return a time of a view in epoch milliseconds."""
    return None if text is None else milliseconds(text.replace(" ", "T") + "+00:00")


def _channel(record: Mapping[str, Any]) -> str:
    if record.get("channel"):
        return str(record["channel"])
    if record["kind"] == "purchase" and record.get("cart_id") is not None:
        return "web"
    return "portal" if record.get("area") == "portal" else CHANNELS[record["kind"]]


def read(lines: Iterable[Mapping[str, Any]], sentiments: Mapping[str, float | None]) -> dict[str, list[Touch]]:
    """Return the touchpoints of each owner in order; of a repeated event_id the first is kept."""
    first: dict[str, Mapping[str, Any]] = {}
    for record in lines:
        if record["kind"] in ACTIONS:
            first.setdefault(record["event_id"], record)
    owner_of = owners(_stated(first.values()), MOVED_BEFORE)
    touches = [_touch(record, sentiments.get(event_id), owner_of[event_id]) for event_id, record in first.items()]
    customers: dict[str, list[Touch]] = {}
    for touch in sorted(touches, key=lambda touch: touch.order):
        customers.setdefault(touch.customer, []).append(touch)
    return customers


def shown_owners(customers: Mapping[str, list[Touch]], parted: Iterable[Parting]) -> dict[tuple[str, int], str]:
    """Return as whose a view shows what is stored under a name and a time: those of all touchpoints, and of owners."""
    touches = [touch for of_one in customers.values() for touch in of_one]
    times: dict[str, set[int]] = defaultdict(set)
    for touch in touches:
        for name in (touch.stored_key, touch.customer):
            times[name].add(touch.at)
    # A thing is stored under its owner's name, and under that of the owner's owner.
    for one in parted:
        times[one.owner] |= times[one.profile]
    places = ((name, at) for name, of_one in times.items() for at in of_one)
    asked = {(name, at): Stated(at, f"{name} {at}", [identity_of(name)]) for name, at in places}
    found = owners([*_stated(touch.record for touch in touches), *asked.values()], OWNED_BEFORE)
    return {place: found[one.event_id] for place, one in asked.items()}


def partings_of(customers: Mapping[str, list[Touch]]) -> list[Parting]:
    """Return when things of profiles become their owners', by all links that touchpoints state."""
    stated = _stated(touch.record for of_one in customers.values() for touch in of_one)
    return [Parting(at - MOVED_BEFORE, name, owner, at - OWNED_BEFORE) for at, name, owner in partings(stated)]


def _stated(records: Iterable[Mapping[str, Any]]) -> list[Stated]:
    """Return what lines state of who they are; those that state nobody state what their subjects' lines do."""
    known = list(records)
    abouts = {record["event_id"]: _about(record) for record in known if subjects_of(record)}
    said = words(abouts.values())
    found = []
    for record in known:
        event_id, stated = record["event_id"], identities(record)
        at = milliseconds(record["occurred_at"])
        found.append(Stated(at, event_id, stated or [identity_of(key_of(abouts[event_id], said, MOVED_BEFORE))]))
    return found


def _about(record: Mapping[str, Any]) -> About:
    at, answers = milliseconds(record["occurred_at"]), bool(record.get("in_reply_to"))
    key = whose(record) if identities(record) else None
    return About(at, record["event_id"], record["source"], key, subjects_of(record), answers)


def _touch(record: Mapping[str, Any], sentiment: float | None, owner: str) -> Touch:
    kind = record["kind"]
    action, usual = ACTIONS[kind]
    value = {"purchase": record.get("amount_minor"), "cart_event": record.get("value_minor", 0)}.get(kind)
    return Touch(
        event_id=record["event_id"],
        kind=kind,
        at=milliseconds(record["occurred_at"]),
        customer=owner,
        channel=_channel(record),
        source=record["source"],
        action=record.get(action, usual),
        text=record.get(TEXTS.get(kind, ""), "") or "",
        value=value,
        currency=record.get("currency") if value is not None else None,
        subject=record[SUBJECTS[kind]] if kind in SUBJECTS else "",
        attributes=dict(record.get("attributes", {})),
        record=record,
        sentiment=sentiment,
    )
