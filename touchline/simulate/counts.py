"""What touchpoints truly hold, counted from all touchpoints of each person by the published definitions.

It is independent of the pipeline, and simpler, since it has all events of a person at once. It takes all deadlines
as passed, as they are when an old stream is replayed.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from touchline.simulate.person import Event
from touchline.simulate.shop import DAY_MS, MINUTE_MS, SECOND_MS

CART_SILENCE_MS = 30 * MINUTE_MS
SURVEY_SILENCE_MS = 7 * DAY_MS
RECOVERY_MS = 30 * DAY_MS
SHORT_CALL_MS = 5 * SECOND_MS
SERVICE_MS = 20 * SECOND_MS


CALL_COUNTS = (
    "offered",
    "answered",
    "answered_in_time",
    "abandoned_in_queue",
    "abandoned_after_20_s",
    "abandoned_on_hold",
    "short",
    "recovered",
    "unfinished",
)


class Counts:
    """Counts what people did: carts, calls, surveys, NPS and money."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._carts: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._surveys: Counter[str] = Counter()
        self._nps: Counter[str] = Counter()
        self._money: Counter[str] = Counter()

    def add_shop(self, events: list[tuple[int, Event]]) -> None:
        """Count the events of the shop itself."""
        self._kinds.update(event["kind"] for _, event in events)

    def add(self, events: list[tuple[int, Event]]) -> None:
        """Count a person's events, all of them and in order of time, each with its moment in ms."""
        self._kinds.update(event["kind"] for _, event in events)
        orders = [at for at, event in events if _is_order(event)]
        for _, event in events:
            if event["kind"] == "purchase":
                self._add_purchase(event)
        for _, cart in _grouped(events, "cart_event", "cart_id"):
            self._add_cart(cart)
        for _, call in _grouped(events, "support_call", "call_id"):
            self._add_call(call, orders)
        for _, response in _grouped(events, "survey_answer", "response_id"):
            self._add_response(response)

    def summary(self) -> dict[str, Any]:
        """Return all counts as one JSON object."""
        promoters, detractors = self._nps["promoters"], self._nps["detractors"]
        answers = self._nps["answers"]
        nps = 100 * (promoters - detractors) / answers if answers else None
        return {
            "touchpoints": sum(self._kinds.values()),
            "kinds": dict(sorted(self._kinds.items())),
            "carts": _filled(self._carts, "created", "abandoned", "checkouts", "recovered"),
            "calls": _filled(self._calls, *CALL_COUNTS),
            "surveys": _filled(self._surveys, "started", "completed", "abandoned", "recovered"),
            "nps": {**_filled(self._nps, "answers", "promoters", "detractors"), "value": nps},
            "revenue": _filled(self._money, "orders", "placed_minor", "refunds", "refunded_minor"),
        }

    def _add_purchase(self, event: Event) -> None:
        if event["action"] == "placed":
            self._money.update(orders=1, placed_minor=event["amount_minor"])
        else:
            self._money.update(refunds=1, refunded_minor=event["amount_minor"])

    def _add_cart(self, events: list[tuple[int, Event]]) -> None:
        held = abandoned = checkout = gave_up_checkout = False
        items, before = 0, events[0][0]
        ordered = False
        for at, event in events:
            if items and at - before > CART_SILENCE_MS:
                abandoned, gave_up_checkout = True, checkout
            before = at
            action = event["action"]
            if action == "ordered":
                ordered = True
                break
            checkout = checkout or action == "checkout_started"
            items = _items_after(items, event)
            held = held or items > 0
        if not held:
            return
        if items > 0 and not ordered:
            abandoned, gave_up_checkout = True, checkout
        self._carts.update(
            created=1,
            abandoned=abandoned,
            checkouts=gave_up_checkout,
            recovered=abandoned and ordered,
        )

    def _add_call(self, events: list[tuple[int, Event]], orders: list[int]) -> None:
        phases = {event["phase"]: at for at, event in events}
        last_at, last = events[-1]
        if "queued" not in phases:  # the shop called
            return
        queued = events[0][0]
        ended = last["phase"] == "ended"
        if ended and "answered" not in phases:
            waited = last_at - queued
            if waited < SHORT_CALL_MS:
                self._calls["short"] += 1
                return
            self._calls.update(abandoned_in_queue=1, abandoned_after_20_s=waited > SERVICE_MS)
            self._calls["recovered"] += _soon_after(last_at, orders)
        self._calls.update(offered=1, unfinished=not ended)
        if "answered" in phases:
            in_time = phases["answered"] - queued <= SERVICE_MS
            self._calls.update(answered=1, answered_in_time=in_time)
        if ended and len(events) > 1 and events[-2][1]["phase"] == "held":
            self._calls["abandoned_on_hold"] += 1
            self._calls["recovered"] += _soon_after(last_at, orders)

    def _add_response(self, events: list[tuple[int, Event]]) -> None:
        begun = [(at, event) for at, event in events if event["phase"] != "invited"]
        for _, event in begun:
            if event.get("question_kind") == "nps":
                score = event["score"]
                self._nps.update(answers=1, promoters=score >= 9, detractors=score <= 6)
        if not begun:
            return
        completed = begun[-1][1]["phase"] == "completed"
        moments = [at for at, _ in begun]
        gaps = [later - at for at, later in pairwise(moments)]
        abandoned = not completed or max(gaps) > SURVEY_SILENCE_MS
        self._surveys.update(
            started=1,
            completed=completed,
            abandoned=abandoned,
            recovered=completed and abandoned,
        )


def _grouped(events: list[tuple[int, Event]], kind: str, key: str) -> list[tuple[str, list[tuple[int, Event]]]]:
    groups: dict[str, list[tuple[int, Event]]] = {}
    for at, event in events:
        if event["kind"] == kind:
            groups.setdefault(event[key], []).append((at, event))
    return list(groups.items())


def _items_after(items: int, event: Event) -> int:
    change = {"item_added": 1, "item_removed": -1}.get(event["action"], 0)
    return 0 if event["action"] == "cleared" else items + change * int(event.get("quantity", 1))


def _is_order(event: Event) -> bool:
    return event["kind"] == "purchase" and bool(event["action"] == "placed")


def _soon_after(at: int, orders: list[int]) -> bool:
    return any(at < order <= at + RECOVERY_MS for order in orders)


def _filled(counts: Counter[str], *names: str) -> dict[str, int]:
    return {name: counts[name] for name in names}
