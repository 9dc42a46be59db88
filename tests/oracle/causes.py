"""What leads customers to ask, or turns them, worked out from the days of their journeys."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import sqrt
from operator import itemgetter
from typing import Any, NamedTuple

from tests.oracle.compare import World
from tests.oracle.shares import wilson
from tests.oracle.staff import Line, lines
from tests.oracle.touchpoints import DAY, Touch, moment

WEEK = 7 * DAY
ASKED = ("call", "case", "post")
SORTS = (*ASKED, "turn", "any")
FEWEST = 5
Z = 1.959963984540054

Step = tuple[str, bool, str, str]
"""Kind and action, whether it was an experience below zero, and a detail of it: its name and value, or none."""


@dataclass
class Next:
    """What comes within a week after a moment: by sort, whether, and how many seconds agents had the next call."""

    leads: dict[str, bool]
    handled: float


@dataclass
class Day:
    """A day of a journey; `alike` is what days have in common that are compared."""

    journey: str
    alike: tuple[int, int, bool]
    after: Next
    steps: dict[Step, Next] = field(default_factory=dict)
    last_at: int = 0


class Pair(NamedTuple):
    """Days that are alike: what followed those with a step, and of how many others how many were followed, by sort."""

    having: list[Next]
    others: int
    led: dict[str, int]


def contact_causes(
    world: World, day_of: Callable[[int], int], month_of: Callable[[int], int]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the view; `day_of` and `month_of` return the day and the month of a time, ms."""
    days = [day for day in _days(world, day_of, month_of) if day.last_at + WEEK <= world.clock]
    by_likeness: dict[tuple[int, int, bool], list[Day]] = defaultdict(list)
    for day in days:
        by_likeness[day.alike].append(day)
    led = {
        (alike, sort): sum(day.after.leads[sort] for day in days)
        for alike, days in by_likeness.items()
        for sort in SORTS
    }
    of_all = {
        (month, sort): _spread([(day.journey, day.after.leads[sort]) for day in days if day.alike[0] == month])
        for month in {day.alike[0] for day in days}
        for sort in SORTS
    }
    by_step: dict[tuple[int, Step], list[Day]] = defaultdict(list)
    for day in days:
        for step in day.steps:
            by_step[day.alike[0], step].append(day)
    for (month, step), having in by_step.items():
        taken: dict[tuple[int, int, bool], list[Day]] = defaultdict(list)
        for day in having:
            taken[day.alike].append(day)
        pairs = [
            Pair(
                [day.steps[step] for day in those],
                others,
                {sort: led[alike, sort] - sum(day.after.leads[sort] for day in those) for sort in SORTS},
            )
            for alike, those in taken.items()
            if (others := len(by_likeness[alike]) - len(those))
        ]
        if sum(len(pair.having) for pair in pairs) >= FEWEST:
            spreads = {
                sort: (_spread([(day.journey, day.steps[step].leads[sort]) for day in having]), of_all[month, sort])
                for sort in SORTS
            }
            yield from _rows(month, step, pairs, spreads)


def _spread(days: list[tuple[str, bool]]) -> float:
    """Return how much more the sums of journeys vary than if each day, with its journey, were an observation."""
    sums: dict[str, list[bool]] = defaultdict(list)
    for journey, led in days:
        sums[journey].append(led)
    mean = sum(led for _, led in days) / len(days)
    if mean in (0, 1):
        return sum(len(of_one) ** 2 for of_one in sums.values()) / len(days)
    found = sum((sum(of_one) - mean * len(of_one)) ** 2 for of_one in sums.values())
    return max(1.0, found / (len(days) * mean * (1 - mean)))


def _rows(
    month: int, step: Step, pairs: list[Pair], spreads: dict[str, tuple[float, float]]
) -> Iterator[dict[str, Any]]:
    n = sum(len(pair.having) for pair in pairs)
    for sort in SORTS:
        counted = sum(one.leads[sort] for pair in pairs for one in pair.having)
        expected = sum(len(pair.having) * pair.led[sort] / pair.others for pair in pairs)
        spread, spread_of_all = spreads[sort]
        weight = n * n / sum(len(pair.having) ** 2 / pair.others for pair in pairs) / spread_of_all
        share, base = counted / n, expected / n
        (low, high), (low_base, high_base) = wilson(share, n / spread), wilson(base, weight)
        seconds = sum(one.handled for pair in pairs for one in pair.having if one.leads["call"])
        is_timed = sort in ("call", "any") and seconds > 0
        yield {
            **dict(zip(("step", "failed", "detail", "detail_value"), step, strict=True)), "month": month,
            "leads_to": sort, "n": n, "counted": counted, "share": share, "share_without": base,
            "ci_low": low, "ci_high": high, "lift": share / base if base else None, "enough": n >= 30,
            "n_without": sum(pair.others for pair in pairs), "difference": share - base,
            "difference_low": share - base - sqrt((share - low) ** 2 + (high_base - base) ** 2),
            "difference_high": share - base + sqrt((high - share) ** 2 + (base - low_base) ** 2),
            "extra": counted - expected, "handling_seconds": seconds / counted if is_timed else None,
            "extra_seconds": (counted - expected) * seconds / counted if is_timed else None,
        }  # fmt: skip


def _days(world: World, day_of: Callable[[int], int], month_of: Callable[[int], int]) -> Iterator[Day]:
    starts = _starts(world)
    for history in world.people.values():
        of_journey: dict[str, dict[int, list[Touch]]] = defaultdict(lambda: defaultdict(list))
        for touch in history.touches:
            of_journey[history.journey_of(touch)][day_of(touch.at)].append(touch)
        for journey, of_day in of_journey.items():
            contacts = sorted(starts[journey])
            for place, (_, touches) in enumerate(sorted(of_day.items()), 1):
                first = min(touches, key=lambda touch: touch.at)
                had_asked = any(sort in ASKED and first.at - WEEK <= at < first.at for at, sort, _ in contacts)
                alike = (month_of(first.at), min(place.bit_length(), 6), had_asked)
                day = Day(journey, alike, _after(first.at, contacts), last_at=max(touch.at for touch in touches))
                for touch in sorted(touches, key=lambda touch: touch.at):
                    failed = history.experiences.get(touch.event_id, 0) < 0
                    for step in _steps(touch, failed=failed):
                        if step not in day.steps:
                            day.steps[step] = _after(touch.at, contacts)
                yield day


def _after(at: int, contacts: list[tuple[int, str, float]]) -> Next:
    # Of those that are sorted by their time.
    later = contacts[
        bisect_right(contacts, at, key=itemgetter(0)) : bisect_right(contacts, at + WEEK, key=itemgetter(0))
    ]
    leads = {sort: any(sort in (one[1], "any") and one[1] in (*ASKED, sort) for one in later) for sort in SORTS}
    calls = [handled for _, sort, handled in later if sort == "call"]
    return Next(leads, calls[0] if calls else 0)


def _starts(world: World) -> dict[str, list[tuple[int, str, float]]]:
    """Return when customers asked and turned, in which way, and how many seconds agents had a call; by journey."""
    starts: dict[str, list[tuple[int, str, float]]] = defaultdict(list)
    first: dict[tuple[str, str, str], tuple[int, str]] = {}
    for history in world.people.values():
        for touch in history.touches:
            owner, journey = world.owners[touch.stored_key, touch.at], history.journey_of(touch)
            is_opening = touch.action == "opened" and touch.record.get("by") == "customer"
            if (touch.kind, touch.action) == ("support_call", "queued") or (touch.kind == "case_event" and is_opening):
                key = (owner, touch.kind, touch.subject)
                first[key] = min(first.get(key, (touch.at, journey)), (touch.at, journey))
            is_post = touch.kind == "tweet" and touch.action == "customer"
            if is_post and history.experiences.get(touch.event_id, 0) < -0.05:
                starts[journey].append((touch.at, "post", 0))
    by_owner = world.touches_by_owner()
    handled = {(owner, line.call_id): _handled(line) for owner, touches in by_owner.items() for line in lines(touches)}
    for (owner, kind, subject), (at, journey) in first.items():
        sort = "call" if kind == "support_call" else "case"
        starts[journey].append((at, sort, handled.get((owner, subject), 0) if sort == "call" else 0))
    for shift in world.views.get("sentiment_shifts", ()):
        if shift["direction"] == "worse":
            onset = shift["onset_at"] if isinstance(shift["onset_at"], int) else moment(shift["onset_at"])
            starts[shift["journey_id"]].append((onset or 0, "turn", 0))
    return starts


def _handled(line: Line) -> float:
    return sum(turn.ended - turn.began for turn in line.turns if turn.ended is not None) / 1000.0


def _steps(touch: Touch, *, failed: bool) -> Iterator[Step]:
    name = f"{touch.kind}:{touch.action}" if touch.action else touch.kind
    yield name, failed, "", ""
    if touch.kind == "page_view":
        yield name, failed, "page", touch.record["page"]
    if touch.record.get("topic") and touch.kind in ("support_call", "case_event"):
        yield name, failed, "topic", touch.record["topic"]
    for detail, value in touch.attributes.items():
        yield name, failed, detail, value
