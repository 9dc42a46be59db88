"""Follow-ups, worked out a second time: from all customers' touchpoints in one order, by what the contract says.

Nothing is timed here: a task keeps when somebody was in contact and when it was over, and its other moments follow from
these at the end.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.compare import Row, World
from tests.oracle.facts import is_answer, orders_of
from tests.oracle.histories import CustomerHistory, money
from tests.oracle.scores import is_scored, normalised
from tests.oracle.touchpoints import DAY, HOUR, MINUTE, Parting, Touch, moment

EXPIRES = 30 * DAY
YEAR_QUARTER = 90 * DAY
OPENS = {"abandoned_call": 30 * MINUTE, "unanswered_post": 4 * HOUR}
DONE_BY_CONTACT = {"abandoned_call", "unanswered_post", "thank_you"}


@dataclass
class Task:
    """Somebody should get back to a customer; times in epoch milliseconds, of what has not happened None."""

    reason: str
    cause: Touch
    happened: int
    journey: str
    before: float | None
    topic: str = ""
    may_ask: bool = False
    causes: int = 1
    contacted: int | None = None
    ended: int | None = None
    end: str = ""
    felt: float | None = None
    """The first experience since it was opened, or since the contact."""
    money: tuple[int, str] = (0, "")
    former: str | None = None
    """The profile from which it came."""

    @property
    def opens(self) -> int:
        """When it opens, if nothing ends it before."""
        return self.happened + OPENS.get(self.reason, 0)

    @property
    def due(self) -> int:
        """By when somebody has to be in contact."""
        return self.happened + (7 * DAY if self.reason == "thank_you" else DAY)

    def runs(self, at: int) -> bool:
        """Return whether it waits or is under way when something happens."""
        return self.ended is None and at < self.happened + EXPIRES

    def meet(self, touch: Touch, felt: float | None, settles: bool) -> None:
        """Take in what happens to its customer."""
        if not self.happened < touch.at < self.happened + EXPIRES:
            return
        if self.ended is None:
            if felt is not None and self.felt is None and touch.at >= self.opens:
                self.felt = felt
            if _is_contact(touch) and self.contacted is None:
                self.contacted, self.felt = touch.at, None
                if self.reason in DONE_BY_CONTACT or touch.at < self.opens:
                    self.over(touch.at, "settled")
            if settles and self.reason != "thank_you":
                self.over(touch.at, "settled")
        elif self.end == "settled" and self.felt is None:
            self.felt = felt

    def over(self, at: int, end: str) -> None:
        """End it, unless it has ended."""
        if self.ended is None:
            self.ended, self.end = at, end

    def row(self, now: int) -> dict[str, Any] | None:
        """Return what the view shows of it at a time, None where it was never opened."""
        if self.opens > now or (self.ended is not None and self.ended < self.opens):
            return None
        ended, end = self.ended, self.end
        if ended is None and self.happened + EXPIRES <= now:
            ended, end = self.happened + EXPIRES, "expired"
        done = min(now + 1, *(at for at in (self.contacted, ended) if at is not None), now + 1)
        warns = None if self.reason == "thank_you" else max(self.due - 4 * HOUR, self.opens)
        warned = warns if warns is not None and warns <= done and warns <= now else None
        missed = self.due if self.due < done and self.due < now else None
        status = end or ("contacted" if self.contacted else "missed" if missed else "warning" if warned else "open")
        shows = self.contacted is not None or end == "settled"
        return {
            "reason": self.reason,
            "status": status,
            "happened_at": self.happened,
            "opened_at": self.opens,
            "due_at": self.due,
            "settle_due_at": None if self.reason == "thank_you" else self.happened + 4 * DAY,
            "warned_at": warned,
            "missed_at": missed,
            "contacted_at": self.contacted,
            "closed_at": ended,
            "causes": self.causes,
            "event_id": self.cause.event_id,
            "subject_id": "" if self.reason == "worse" else self.cause.subject,
            "topic": self.topic,
            "lang": "" if self.reason == "worse" else self.cause.record.get("lang") or "",
            "owner": "",
            "value_minor": self.money[0],
            "currency": self.money[1],
            "experience_before": self.before,
            "experience_after": self.felt if shows else None,
            "may_ask": self.may_ask,
            "channel": self.cause.channel,
            "attributes": self.cause.attributes,
            "journey_id": self.journey,
        }


@dataclass
class Person:
    """One customer, or profile, as touchpoints come."""

    history: CustomerHistory
    shifts: list[Row]
    seen: set[str] = field(default_factory=set)
    """The event_ids of what came so far."""
    ordered: set[str] = field(default_factory=set)
    """The orders that were placed so far."""
    tasks: list[Task] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    moods: dict[int, str] = field(default_factory=dict)
    """What each answer, by its place in the history, is a reason for as it was last stated."""
    counted: dict[int, Task] = field(default_factory=dict)
    """In which task each of these counts."""

    def __post_init__(self) -> None:
        """Note where each touchpoint stands, as a long history is not searched for each."""
        self.at_once: dict[int, list[Touch]] = defaultdict(list)
        for one in self.history.touches:
            self.at_once[one.at].append(one)
        self.answer_of = {
            one.event_id: place for place, fact in enumerate(self.history.answers) for one in fact.statements
        }
        self.gave_up = {call.ended.event_id for call in self.history.calls if call.ended and call.gave_up}

    def take(self, touch: Touch) -> None:
        """Take in the customer's next touchpoint."""
        self.seen.add(touch.event_id)
        felt = self.history.experiences.get(touch.event_id)
        place = self._restated(touch) if is_answer(touch) else None
        settles = self._is_new_order(touch) or _settles(touch, felt)
        for task in self.tasks:
            task.meet(touch, None if _is_the_business(touch) else felt, settles)
        if touch.kind == "survey_answer":
            self.asked.setdefault(touch.subject, touch.at)
        if place is not None and (mood := self.moods[place]):
            begun = self._begin(mood, touch, touch.at, felt, touch.record.get("about") or "")
            if begun is not None:
                self.counted[place] = begun
        if touch.event_id in self.gave_up:
            self._begin("abandoned_call", touch, touch.at, felt, touch.record.get("topic") or "")
        self._turn(touch)
        self._case_or_post(touch, felt)

    def _restated(self, touch: Touch) -> int | None:
        """Withdraw what an answer is a reason for no more; return its place, None where it says what it said before."""
        place = self.answer_of[touch.event_id]
        came = [one for one in self.history.answers[place].statements if one.event_id in self.seen]
        if any((one.at, one.event_id) > (touch.at, touch.event_id) for one in came):
            return None
        mood, was = _mood(touch), self.moods.get(place, "")
        self.moods[place] = mood
        if mood == was:
            return None
        task = self.counted.pop(place, None)
        if task is not None and task.runs(touch.at):
            task.causes -= 1
            if not task.causes:
                task.over(touch.at, "withdrawn")
        return place

    def _turn(self, touch: Touch) -> None:
        """Begin what a shift for the worse is a reason for, at the last touchpoint of the moment of its detection."""
        later = [one for one in self.at_once[touch.at] if one.event_id not in self.seen]
        for shift in () if later else self.shifts:
            if moment(shift["detected_at"]) == touch.at:
                onset = next(one for one in self.history.touches if one.event_id == shift["onset_event_id"])
                self._begin("worse", onset, touch.at, shift["after_mean"], "")

    def _case_or_post(self, touch: Touch, felt: float | None) -> None:
        if _is_the_business(touch) or touch.kind not in {"case_event", "tweet"}:
            return
        topic = touch.record.get("topic") or ""
        if touch.kind == "case_event" and touch.record.get("complaint"):
            self._begin("complaint", touch, touch.at, felt, topic)
        elif _is_praise(touch):
            self._begin("thank_you", touch, touch.at, felt, topic)
        elif touch.kind == "tweet":
            self._begin("unanswered_post", touch, touch.at, felt, "")

    def _begin(self, reason: str, cause: Touch, at: int, before: float | None, topic: str) -> Task | None:
        of_it = [task for task in self.tasks if task.reason == reason]
        if of_it and of_it[-1].runs(at):
            of_it[-1].causes += 1
            return of_it[-1]
        thanked = [task for task in of_it if task.end != "withdrawn" and at < task.happened + YEAR_QUARTER]
        if reason == "thank_you" and thanked:
            return None
        asks = sum(at - YEAR_QUARTER < asked for asked in self.asked.values())
        task = Task(
            reason, cause, at, self.history.journey_of(cause), before, topic, reason == "thank_you" and asks < 2
        )
        if cause.stored_key != self.history.customer:
            task.former = cause.stored_key
        # What the customer has spent by the moment at which it opens.
        known = [one for one in self.history.touches if one.event_id in self.seen or one.at < task.opens]
        spent = money(orders_of(known), known)
        task.money = (spent.spend, spent.currency)
        self.tasks.append(task)
        return task

    def _is_new_order(self, touch: Touch) -> bool:
        """Return whether a touchpoint is the first of an order, and does not cancel it."""
        if touch.kind != "purchase" or touch.action != "placed" or touch.subject in self.ordered:
            return False
        self.ordered.add(touch.subject)
        return bool(touch.value)

    def leave(self, parting: Parting, owner: Person) -> None:
        """Let what is under way go on as the owner's."""
        for task in [one for one in self.tasks if one.runs(parting.at) and one.happened >= parting.began]:
            self.tasks.remove(task)
            of_it = [one for one in owner.tasks if one.reason == task.reason and one.runs(parting.at)]
            if of_it:
                of_it[-1].causes += task.causes
            else:
                task.former = task.former or self.history.customer
                owner.tasks.append(task)
        self.counted.clear()


def _is_contact(touch: Touch) -> bool:
    return (
        (touch.kind == "tweet" and touch.action == "brand" and bool(touch.record.get("in_reply_to")))
        or (touch.kind == "case_event" and touch.record["by"] == "agent" and touch.action != "opened")
        or (touch.kind == "support_call" and touch.action == "answered")
    )


def _is_the_business(touch: Touch) -> bool:
    return (touch.kind == "tweet" and touch.action == "brand") or (
        touch.kind == "case_event" and touch.record["by"] != "customer"
    )


def _is_praise(touch: Touch) -> bool:
    if touch.record.get("rating") is not None:
        return bool(touch.record["rating"] == 5)
    return touch.sentiment is not None and touch.sentiment >= 0.6


def _mood(touch: Touch) -> str:
    """Return what an answer is a reason for, "" for nothing."""
    if not is_scored(touch):
        return "thank_you" if touch.sentiment is not None and touch.sentiment >= 0.6 else ""
    if touch.record["question_kind"] == "nps":
        return "poor_answer" if touch.record["score"] <= 6 else "thank_you" if touch.record["score"] >= 9 else ""
    share = normalised(touch)
    return "poor_answer" if share < 0.5 else "thank_you" if share == 1 else ""


def _settles(touch: Touch, felt: float | None) -> bool:
    if touch.kind == "case_event" and touch.action == "resolved":
        return True
    if _is_the_business(touch) or felt is None or felt <= 0:
        return False
    return not (touch.record.get("complaint") or (is_answer(touch) and _mood(touch) == "poor_answer"))


def follow_ups(told: Mapping[str, list[Touch]], world: World) -> Iterator[dict[str, Any]]:
    """Give the expected rows, under the names under which they are stored; the world's views have the shifts."""
    worse: dict[int, list[Row]] = defaultdict(list)
    for shift in _worse(world):
        worse[id(world.history_of(shift))].append(shift)
    people = {name: Person(history, worse[id(history)]) for name, history in world.people.items()}
    partings = deque(sorted(world.partings, key=lambda one: one.at))
    touches = sorted((touch for of_one in told.values() for touch in of_one), key=lambda touch: touch.order)
    for touch in touches:
        while partings and partings[0].at <= touch.at:
            _part(people, partings.popleft())
        people[touch.customer].take(touch)
    for parting in partings:
        _part(people, parting)
    for name, person in people.items():
        for task in person.tasks:
            row = task.row(world.clock)
            if row is not None:
                yield {**row, "customer_id": name, "previous_customer_id": task.former}


def _part(people: Mapping[str, Person], parting: Parting) -> None:
    if parting.profile in people and parting.owner in people:
        people[parting.profile].leave(parting, people[parting.owner])


def _worse(world: World) -> list[Row]:
    return [shift for shift in world.views["sentiment_shifts"] if shift["direction"] == "worse"]
