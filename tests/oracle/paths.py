"""Where visits to the site end, worked out view by view from the touchpoints of each customer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.oracle.touchpoints import DAY, MINUTE, Touch

SILENCE = 30 * MINUTE
MOST_SOLVED = 100
"""Of a customer's solved cases the newest count."""
ENDS = ("resolved", "closed")

Step = tuple[str, str]
"""An area and a page; a whole area has no page."""


@dataclass(frozen=True)
class Visit:
    """A session that reached a step; times in epoch milliseconds."""

    step: Step
    at: int
    went_on: bool
    failed: bool
    searches: int
    contacted: bool


@dataclass(frozen=True)
class Solution:
    """A case that was solved after a step: when the customer was there first, and how often until then."""

    step: Step
    at: int
    attempts: int
    seconds: float


def sessions(touches: Iterable[Touch]) -> list[list[Touch]]:
    """Return one customer's views of pages by session."""
    views = sorted((t for t in touches if t.kind == "page_view"), key=lambda touch: (touch.at, touch.event_id))
    unbroken: list[list[Touch]] = []
    for view in views:
        if not unbroken or view.at - unbroken[-1][-1].at > SILENCE:
            unbroken.append([])
        unbroken[-1].append(view)
    found = []
    for run in unbroken:
        cut: list[list[Touch]] = [[]]
        ends = run[0].at + DAY
        for view in run:
            while view.at >= ends:
                ends += DAY
                cut.append([])
            cut[-1].append(view)
        found += [part for part in cut if part]
    return found


def paths(touches: Sequence[Touch]) -> Iterator[Visit | Solution]:
    """Yield what one customer's visits came to."""
    contacts = list(_contacts(touches))
    visits: list[Visit] = []
    for session in sessions(touches):
        for has_page in (True, False):
            steps = [_step(view, has_page) for view in session]
            visits += [_visit(session, steps, step, contacts) for step in set(steps)]
    yield from visits
    solved = sorted((asked_at, solved_at) for asked_at, solved_at in contacts if solved_at is not None)
    for asked_at, solved_at in solved[-MOST_SOLVED:]:
        for step in {visit.step for visit in visits}:
            times = sorted(visit.at for visit in visits if visit.step == step)
            there = [at for at in times if asked_at - 7 * DAY <= at <= solved_at]
            if any(asked_at - DAY <= at < asked_at for at in there):
                yield Solution(step, there[0], len(there), (solved_at - there[0]) / 1000)


def _step(view: Touch, has_page: bool) -> Step:
    area, page = view.record.get("area", "site"), view.record["page"]
    return (area, page if has_page else "")


def _visit(
    session: Sequence[Touch], steps: Sequence[Step], step: Step, contacts: Sequence[tuple[int, int | None]]
) -> Visit:
    first = steps.index(step)
    own = [view for view, its_step in zip(session, steps, strict=True) if its_step == step]
    at = session[first].at
    return Visit(
        step,
        at,
        went_on=any(later != step for later in steps[first:]),
        failed=any(not view.record.get("ok", True) for view in own),
        searches=sum(view.action == "search" for view in own),
        contacted=any(at < asked_at <= at + DAY for asked_at, _ in contacts),
    )


def _contacts(touches: Sequence[Touch]) -> Iterator[tuple[int, int | None]]:
    """Yield when a customer called, or asked in a case, and when the case was solved then."""
    by_subject: dict[tuple[str, str], list[Touch]] = {}
    for touch in touches:
        by_subject.setdefault((touch.kind, touch.subject), []).append(touch)
    for (kind, _), of_one in by_subject.items():
        if kind == "support_call":
            yield min(touch.at for touch in of_one), None
        elif kind == "case_event":
            asked = [touch.at for touch in of_one if touch.record["by"] == "customer"]
            if asked:
                solved = [touch.at for touch in of_one if touch.action in ENDS and touch.at >= min(asked)]
                yield min(asked), min(solved, default=None)
