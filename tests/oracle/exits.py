"""Where carts, calls and surveys are left, and after what, worked out from the journeys in which they were."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.oracle.compare import Row, World, abandonments
from tests.oracle.groups import of_customers, share_interval
from tests.oracle.shifts import may_turn
from tests.oracle.touchpoints import DAY, MINUTE, PHASES, Touch

CAUSE_KEY = ("journey_id", "subject", "subject_id", "started_at")
EXIT_KEY = ("month", "subject", "step", "detail", "detail_value", "currency")

KINDS = {
    "cart": "cart_event",
    "checkout": "cart_event",
    "call": "support_call",
    "hold": "support_call",
    "survey": "survey_answer",
}


def abandonment_causes(world: World) -> Iterator[dict[str, Any]]:
    """Give the rows of the view: each abandoned thing, where it was left, and what preceded it."""
    by_owner, of_journey = world.touches_by_owner(), by_journey(world)
    for row in abandonments(world):
        before = [touch for touch in by_owner[row["customer_id"]] if touch.at < row["abandoned_at"]]
        kind = KINDS[row["subject"]]
        # A call ends after all else that happens to it at that moment.
        until = row["abandoned_at"] + (kind == "support_call")
        own = [
            touch
            for touch in by_owner[row["customer_id"]]
            if touch.kind == kind and touch.subject == row["subject_id"] and touch.at < until
            and touch.action != "ended"
        ]  # fmt: skip
        last = max(own, key=lambda one: (one.at, PHASES[kind].index(one.action), one.event_id))
        # A call is left when it ends, all else when its customer is gone: half an hour after the last touchpoint.
        gone_at = row["abandoned_at"] if kind == "support_call" else min(row["abandoned_at"], last.at + 30 * MINUTE)
        journey = of_journey[world.people[last.customer].journey_of(last)]
        lately = [(touch, felt) for touch, felt in journey if gone_at - 7 * DAY <= touch.at < gone_at]
        shown = ("subject", "subject_id", "customer_id", "journey_id", "started_at", "abandoned_at", "status")
        yield {
            **{name: row[name] for name in (*shown, "value_minor", "currency")},
            "left_at": last.at,
            "left_event_id": last.event_id,
            "left_step": last.kind_and_action,
            "left_details": {name: value for name, value in _details(last, own, before) if value},
            **named("cause", [touch for touch, _ in lately if may_turn(touch)]),
            **named("failed", [touch for touch, felt in lately if felt < 0]),
        }


def by_journey(world: World) -> dict[str, list[tuple[Touch, float]]]:
    """Return the touchpoints of each journey, with their experience, 0 for none."""
    found: dict[str, list[tuple[Touch, float]]] = defaultdict(list)
    for history in world.people.values():
        for touch in history.touches:
            found[history.journey_of(touch)].append((touch, history.experiences.get(touch.event_id, 0)))
    return found


def _details(last: Touch, own: list[Touch], before: list[Touch]) -> Iterator[tuple[str, str]]:
    """Give what is known of where a thing was left, besides the step."""
    match last.kind:
        case "cart_event":
            views = [touch for touch in before if touch.kind == "page_view" and touch.at >= last.at - 30 * MINUTE]
            yield "page", max(views, key=lambda view: (view.at, view.event_id)).record["page"] if views else ""
        case "support_call":
            topics = [(touch.at, touch.record["topic"]) for touch in own if touch.record.get("topic")]
            yield "topic", max(topics, default=(0, ""))[1]
            yield "answered", str(sum(touch.action == "answered" for touch in own))
        case "survey_answer":
            yield "survey", last.record["survey_id"]
            yield "question", last.record.get("question_id") or ""


def named(name: str, touches: list[Touch]) -> dict[str, Any]:
    """Return the columns that name the last of touchpoints."""
    last = max(touches, key=lambda touch: (touch.at, touch.event_id), default=None)
    kind = {"cause_kind": last.kind if last else None} if name == "cause" else {}
    return {
        **kind,
        f"{name}_event_id": last.event_id if last else None,
        f"{name}_step": last.kind_and_action if last else None,
        "caused_at" if name == "cause" else "failed_at": last.at if last else None,
    }


def exits(rows: Iterable[Row], month_of: Callable[[int], int]) -> Iterator[dict[str, Any]]:
    """Give the rows of the view, of what `abandonment_causes` gives."""
    left: dict[tuple[int, str, str, str, str, str], list[Row]] = defaultdict(list)
    of_customer: dict[tuple[int, str, str], Counter[str]] = defaultdict(Counter)
    for row in rows:
        month, currency = month_of(row["abandoned_at"]), row["currency"] or ""
        of_customer[month, row["subject"], currency][row["customer_id"]] += 1
        preceded = {"cause": row["cause_step"], "failed": row["failed_step"]}
        for detail, value in {"": "", **row["left_details"], **preceded}.items():
            if value is not None:
                left[month, row["subject"], row["left_step"], detail, value, currency].append(row)
    for key, those in left.items():
        all_left = of_customer[key[0], key[1], key[5]]
        of_all = all_left.total()
        counted = Counter(row["customer_id"] for row in those)
        low, high = share_interval(of_customers((name, n, counted[name]) for name, n in all_left.items()))
        yield {
            **dict(zip(EXIT_KEY, key, strict=True)),
            "n": len(those),
            "share": len(those) / of_all,
            "ci_low": low,
            "ci_high": high,
            "enough": of_all >= 30,
            "recovered": sum(row["status"] == "recovered" for row in those),
            "value_minor": sum(row["value_minor"] or 0 for row in those),
            "lost_minor": sum(row["value_minor"] or 0 for row in those if row["status"] != "recovered"),
        }
