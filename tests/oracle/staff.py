"""How members of staff serve customers, worked out call by call and case by case from the touchpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from tests.oracle.cases import ENDS, cases
from tests.oracle.compare import World
from tests.oracle.touchpoints import DAY, PHASES, Touch

AFTER = 7 * DAY
"""How long what a customer does next says something about who served them last."""

Observation = tuple[str, str, int, float]
"""A metric, whose it is, when, ms, and how much."""


@dataclass
class Turn:
    """The time for which one agent has a call; times in epoch milliseconds."""

    began: int
    agent: str | None
    ended: int | None = None
    passed_on: bool = False
    last: bool = False
    holds: int = 0
    hold_ms: int = 0
    held_since: int | None = None

    def stop_hold(self, at: int) -> None:
        """End a hold that goes on."""
        if self.held_since is not None:
            self.hold_ms += at - self.held_since
            self.held_since = None


@dataclass
class Line:
    """A call, told phase by phase."""

    call_id: str = ""
    turns: list[Turn] = field(default_factory=list)
    current: Turn | None = None
    hung_up: Touch | None = None

    def apply(self, touch: Touch) -> None:
        """Take the next phase."""
        if self.hung_up is not None:
            return
        if touch.action in {"queued", "answered", "transferred", "ended"}:
            self._stop(touch)
        if touch.action == "answered":
            self.current = Turn(touch.at, None)
            self.turns.append(self.current)
        if self.current is None:
            return
        self.current.agent = self.current.agent or touch.record.get("agent_id")
        if touch.action == "held" and self.current.held_since is None:
            self.current.holds += 1
            self.current.held_since = touch.at
        elif touch.action == "resumed":
            self.current.stop_hold(touch.at)

    def _stop(self, touch: Touch) -> None:
        if self.current is not None:
            self.current.stop_hold(touch.at)
            self.current.ended = touch.at
            self.current.passed_on = touch.action == "transferred"
            if touch.action == "ended":
                self.current.last = True
                self.current.agent = self.current.agent or touch.record.get("agent_id")
            self.current = None
        if touch.action == "ended":
            self.hung_up = touch


def observations(world: World) -> Iterator[Observation]:
    """Yield what there is to be said of members of staff."""
    of_owner: dict[str, list[Touch]] = {}
    felt: dict[str, dict[int, list[float]]] = {}
    for history in world.people.values():
        for touch in history.touches:
            owner = world.owners[touch.stored_key, touch.at]
            of_owner.setdefault(owner, []).append(touch)
            experience = history.experiences.get(touch.event_id)
            own_word = touch.kind == "case_event" and touch.action == "resolved"
            if experience is not None and touch.event_id not in history.superseded and not own_word:
                felt.setdefault(owner, {}).setdefault(touch.at, []).append(experience)
    for owner, touches in of_owner.items():
        for line in lines(touches):
            yield from _of_line(line, felt.get(owner, {}))
    yield from _cases(world, of_owner, felt)


def lines(touches: Iterable[Touch]) -> Iterator[Line]:
    """Yield the calls among one owner's touchpoints."""
    calls: dict[str, list[Touch]] = {}
    for touch in touches:
        if touch.kind == "support_call":
            calls.setdefault(touch.subject, []).append(touch)
    for call_id, phases in calls.items():
        line = Line(call_id)
        for touch in _in_order(phases):
            line.apply(touch)
        yield line


def _of_line(line: Line, felt: dict[int, list[float]]) -> Iterator[Observation]:
    by_agent: dict[str, list[Turn]] = {}
    for turn in line.turns:
        if turn.agent:
            by_agent.setdefault(turn.agent, []).append(turn)
    for agent, turns in by_agent.items():
        at = turns[0].began
        for metric, amount in _of_turns(turns, line):
            yield metric, agent, at, amount
        if line.hung_up is not None:
            yield from _after(agent, at, line.hung_up.at, felt)


def _of_turns(turns: Sequence[Turn], line: Line) -> Iterator[tuple[str, float]]:
    yield "calls_handled", 1
    yield "holds", sum(turn.holds for turn in turns)
    yield "transferred", any(turn.passed_on for turn in turns)
    if all(turn.ended is not None for turn in turns):
        yield "handling_time", sum((turn.ended or 0) - turn.began for turn in turns) / 1000
        yield "hold_time", sum(turn.hold_ms for turn in turns) / 1000
    resolved = line.hung_up.record.get("resolved") if line.hung_up is not None else None
    if turns[-1].last and resolved is not None:
        yield "resolved", resolved


def _in_order(phases: Sequence[Touch]) -> Iterator[Touch]:
    """Yield phases by their times; of one moment transfers come first, once the call was answered before."""
    answered = False
    for _, at_once in groupby(sorted(phases, key=lambda touch: touch.at), key=lambda touch: touch.at):
        moment = sorted(at_once, key=lambda touch: (PHASES["support_call"].index(touch.action), touch.event_id))
        if answered:
            moment.sort(key=lambda touch: touch.action != "transferred")
        answered = answered or any(touch.action == "answered" for touch in moment)
        yield from moment


def _after(agent: str, at: int, over: int, felt: dict[int, list[float]]) -> Iterator[Observation]:
    later = [time for time in felt if time > over]
    if later and min(later) <= over + AFTER:
        scores = felt[min(later)]
        yield "experience_after", agent, at, sum(scores) / len(scores)


def _cases(
    world: World, of_owner: dict[str, list[Touch]], felt: dict[str, dict[int, list[float]]]
) -> Iterator[Observation]:
    for row in cases(world):
        customer = row["customer_id"]
        steps = [
            touch
            for touch in of_owner.get(customer, [])
            if touch.kind == "case_event" and touch.subject == row["case_id"] and row["subject"] == "case"
        ]
        for solution in ("first_resolved_at", "resolved_at"):
            agent = _solver(steps, row[solution])
            if agent is None:
                continue
            at = row[solution]
            if solution == "resolved_at":
                yield "cases_solved", agent, at, 1
                yield from _after(agent, at, at, felt.get(customer, {}))
            elif row["first_contact_resolution"] is not None:
                yield "first_contact_resolution", agent, at, row["first_contact_resolution"]


def _solver(steps: Iterable[Touch], at: int | None) -> str | None:
    """Return the owner of a case when it was solved; None without one, and where bots alone solved it."""
    if at is None:
        return None
    by_then = sorted((touch for touch in steps if touch.at <= at), key=lambda touch: (touch.at, touch.event_id))
    if not any(t.at == at and t.action in ENDS and t.record["by"] != "bot" for t in by_then):
        return None
    owners: list[str] = [owner for touch in by_then if (owner := touch.record.get("owner"))]
    return owners[-1] if owners else None
