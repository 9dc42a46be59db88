"""What becomes of cases, worked out step by step from the touchpoints of each customer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.oracle.compare import World
from tests.oracle.touchpoints import DAY, Touch, milliseconds

ENDS = ("resolved", "closed")
TURNS = (
    "called", "opened", "acknowledged", "updated", "solution_offered", "eta_given", "escalated", "answered", "resolved",
    "reopened", "closed",
)  # fmt: skip
"""The order of steps of one time."""

Worked = Callable[[str, int, int], int | None]
"""How long (ms) a business works between two times, by the source of a case; None where it has no calendar."""


def all_day(_source: str, _start: int, _end: int) -> int | None:
    """Tell of a business without calendars."""
    return None


@dataclass(frozen=True)
class Step:
    """What somebody does about a case."""

    at: int
    event_id: str
    what: str
    by: str
    touch: Touch
    transfers: int = 0
    solutions: int = 0


@dataclass
class Case:
    """A case, as it stands at a time."""

    steps: list[Step] = field(default_factory=list)

    def row(self, key: tuple[str, str, str], reached: int, worked: Worked) -> dict[str, Any] | None:
        """Return the view's row; None where nobody has asked for anything."""
        steps = sorted(self.steps, key=lambda step: (step.at, TURNS.index(step.what), step.event_id))
        opening = next((step for step in steps if step.what == "opened"), None)
        opening = opening or next((step for step in steps if step.by == "customer"), None)
        if opening is None:
            return None
        subject, case_id, customer = key
        source = steps[0].touch.source
        since = steps[steps.index(opening) + 1 :]
        now = max(reached, steps[-1].at)
        answers = [step for step in since if step.by == "agent"]
        bots = [step for step in since if step.by == "bot"]
        ends = [step for step in since if step.what in ENDS]
        end = answers[0] if subject == "post" and answers else None
        if subject == "case":
            for step in since:
                if step.what == "reopened":
                    end = None
                elif step.what in ENDS:
                    end = end or step
        over = end.at if end else now

        def span(until: int | None) -> dict[str, float | None]:
            if until is None:
                return {"": None, "business_": None}
            business = worked(source, opening.at, until)
            return {"": (until - opening.at) / 1000, "business_": None if business is None else business / 1000}

        told = [opening.at, *(step.at for step in answers if step.at < over), over]
        business_gaps = [worked(source, a, b) for a, b in pairwise(told)]
        answered, solved, resolved = (
            span(answers[0].at if answers else None),
            span(ends[0].at if ends else None),
            span(end.at if end and subject == "case" else None),
        )
        waiting = span(None if answers or end else now)
        etas = [(step.at, milliseconds(step.touch.record["eta_at"])) for step in since if _promises(step)]
        kept = [any(given <= one.at <= eta for one in ends) for given, eta in etas]
        broken = [not good and eta < now for good, (_, eta) in zip(kept, etas, strict=True)]
        asked = [step for step in [opening, *since] if step.by == "customer"]
        owners = [
            owner for step in steps if (owner := step.touch.record.get("owner")) is not None and subject == "case"
        ]
        changes = sum(one != other for one, other in pairwise(owners))
        again = [step for step in asked if ends and step.at <= ends[0].at + 7 * DAY]
        first_contact = None
        if ends:
            first_contact = False if len(again) > 1 else (True if now > ends[0].at + 7 * DAY else None)
        in_a_day = answered[""]
        return {
            "subject": subject,
            "case_id": case_id,
            "customer_id": customer,
            "channel": steps[0].touch.channel,
            "source": source,
            "topic": next((t for step in steps if (t := _topic(step)) is not None), None),
            "owner": owners[-1] if owners else None,
            "complaint": any(step.touch.record.get("complaint", False) for step in steps if subject == "case"),
            "status": "open" if end is None else "answered" if subject == "post" else end.what,
            "opened_at": opening.at,
            "first_response_at": answers[0].at if answers else None,
            "first_response_seconds": answered[""],
            "first_response_business_seconds": answered["business_"],
            "bot_response_seconds": (bots[0].at - opening.at) / 1000 if bots else None,
            "answered_in_24h": (
                in_a_day <= 86_400 if in_a_day is not None else False if now > opening.at + DAY else None
            ),
            "waiting_seconds": waiting[""],
            "waiting_business_seconds": waiting["business_"],
            "first_resolved_at": ends[0].at if ends else None,
            "first_resolution_seconds": solved[""],
            "first_resolution_business_seconds": solved["business_"],
            "resolved_at": end.at if end and subject == "case" else None,
            "resolution_seconds": resolved[""],
            "resolution_business_seconds": resolved["business_"],
            "age_seconds": None if end else (now - opening.at) / 1000,
            "reopened": sum(step.what == "reopened" for step in since),
            "updates": len(answers),
            "longest_silence_seconds": max(b - a for a, b in pairwise(told)) / 1000,
            "longest_silence_business_seconds": (
                None if None in business_gaps else max(gap or 0 for gap in business_gaps) / 1000
            ),
            "promised": len(etas),
            "promises_kept": sum(kept),
            "promises_broken": sum(broken),
            "solutions_offered": sum(step.solutions for step in since),
            "solutions_until_resolved": (
                sum(step.solutions for step in since if step.at <= over) if end and subject == "case" else None
            ),
            "transfers": changes + sum(step.transfers for step in steps),
            "contacts": len(asked),
            "contacts_until_resolved": sum(s.at <= over for s in asked) if end and subject == "case" else None,
            "first_contact_resolution": first_contact,
            "as_of": now,
        }


def cases(world: World, worked: Worked = all_day) -> list[dict[str, Any]]:
    """Return the expected rows of the view `cases`."""
    found: dict[tuple[str, str, str], Case] = {}
    calls: dict[tuple[str, str], list[Touch]] = {}
    for history in world.people.values():
        for touch in history.touches:
            owner = world.owners[touch.stored_key, touch.at]
            record = touch.record
            if touch.kind == "case_event":
                solution = int(touch.action == "solution_offered")
                step = Step(touch.at, touch.event_id, touch.action, record["by"], touch, solutions=solution)
                found.setdefault(("case", touch.subject, owner), Case()).steps.append(step)
            elif touch.kind == "support_call":
                calls.setdefault((owner, touch.subject), []).append(touch)
            elif touch.kind == "tweet":
                _add_post(found, touch, owner)
    for (owner, _), touches in calls.items():
        _add_call(found, owner, touches)
    rows = (case.row(key, world.clock, worked) for key, case in found.items())
    return [row for row in rows if row is not None]


def _add_post(found: dict[tuple[str, str, str], Case], touch: Touch, owner: str) -> None:
    record = touch.record
    if touch.action == "customer":
        step = Step(touch.at, touch.event_id, "opened", "customer", touch)
        found.setdefault(("post", touch.subject, owner), Case()).steps.append(step)
    elif record.get("in_reply_to") is not None:
        step = Step(touch.at, touch.event_id, "updated", "agent", touch)
        found.setdefault(("post", record["in_reply_to"], owner), Case()).steps.append(step)


def _add_call(found: dict[tuple[str, str, str], Case], owner: str, touches: Sequence[Touch]) -> None:
    named = [touch.record["case_id"] for touch in touches if touch.record.get("case_id") is not None]
    if not named:
        return
    first = min(touches, key=lambda touch: touch.at)
    transfers = sum(touch.action == "transferred" for touch in touches)
    solutions = max((touch.record.get("solutions_offered") or 0 for touch in touches), default=0)
    steps = found.setdefault(("case", named[0], owner), Case()).steps
    steps.append(Step(first.at, first.event_id, "called", "customer", first, transfers, solutions))
    answers = [touch.at for touch in touches if touch.action == "answered"]
    if answers:
        steps.append(Step(min(answers), first.event_id, "answered", "agent", first))


def _promises(step: Step) -> bool:
    return step.what == "eta_given" and step.touch.record.get("eta_at") is not None


def _topic(step: Step) -> str | None:
    topic: str | None = step.touch.record.get("topic") if step.touch.kind == "case_event" else None
    return topic


def by_key(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return rows by what tells one from another."""
    return {(row["subject"], row["case_id"], row["customer_id"]): dict(row) for row in rows}


def case_observations(row: Mapping[str, Any]) -> Iterator[tuple[str, float | None, int, int]]:
    """Give what a row of the view adds to its metrics: the amount, of how many observations, how many are to come."""
    is_case = row["subject"] == "case"
    is_open, is_unsolved = is_case and row["status"] == "open", is_case and row["first_resolved_at"] is None
    in_a_day, first_contact = row["answered_in_24h"], row["first_contact_resolution"]
    yield "answered_in_24h", in_a_day, 1, in_a_day is None and row["waiting_seconds"] is not None
    yield (
        "first_response_business_time", row["first_response_business_seconds"], 1,
        row["waiting_business_seconds"] is not None,
    )  # fmt: skip
    yield "first_resolution_time", row["first_resolution_seconds"], 1, is_unsolved
    yield "resolution_time", row["resolution_seconds"], 1, is_open
    yield "resolution_business_time", row["resolution_business_seconds"], 1, is_open
    yield "longest_silence", row["longest_silence_seconds"] if is_case and not is_open else None, 1, is_open
    yield "solutions_until_resolved", row["solutions_until_resolved"], 1, is_open
    yield "contacts_until_resolved", row["contacts_until_resolved"], 1, is_open
    yield "first_contact_resolution", first_contact, 1, is_case and first_contact is None
    yield "reopened", None if row["first_resolved_at"] is None else row["reopened"] > 0, 1, is_unsolved
    decided = row["promises_kept"] + row["promises_broken"]
    yield "promises_kept", row["promises_kept"], decided, row["promised"] - decided
