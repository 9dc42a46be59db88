"""Calls, responses, cases and questions of guests who log in: whose they are then, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

from tests.oracle.abandonments import Abandonment, Survey, abandoned_calls
from tests.oracle.adoptions import MONTH, accounts, told
from tests.oracle.calls import calls_of
from tests.oracle.carts import Cart, final_at_of
from tests.oracle.facts import Fact
from tests.oracle.histories import SILENCE, CustomerHistory
from tests.oracle.metrics import PATIENCE
from tests.oracle.touchpoints import Parting, Touch


@dataclass
class Response:
    """A response, begun or not; `last_at` is the time of whatever was last told of it."""

    name: str
    last_at: int
    survey: Survey | None = None

    def is_over(self, now: int) -> bool:
        """Whether it is forgotten."""
        was = None
        if self.survey is not None:
            self.survey.pass_time(now)
            was = self.survey.abandoned
        return max(self.last_at, was.abandoned_at if was is not None else 0) < now - MONTH


@dataclass
class Responses:
    """A customer's responses to surveys."""

    open: dict[str, Response] = field(default_factory=dict)
    beside: list[Response] = field(default_factory=list)
    """Those of whose name the customer had one already."""
    left: list[Survey] = field(default_factory=list)
    """Those that have left, as they were then."""

    def take(self, touch: Touch) -> None:
        """Take the customer's next touchpoint."""
        if touch.kind != "survey_answer" or touch.action == "invited":
            return
        known = self.open.setdefault(touch.subject, Response(touch.subject, touch.at))
        known.last_at = touch.at
        if touch.action == "started" and known.survey is None:
            known.survey = Survey(touch, touch)
        if known.survey is not None:
            known.survey.apply(touch)

    def all(self) -> list[Survey]:
        """Return the responses that were started."""
        return [one.survey for one in (*self.open.values(), *self.beside) if one.survey is not None]

    def leave(self, parting: Parting) -> list[Response]:
        """Let the responses go that are the owner's."""
        gone = []
        for one in [*self.open.values(), *self.beside]:
            if one.survey is not None and one.survey.started.at >= parting.began and not one.is_over(parting.at):
                gone.append(one)
                self.left.append(deepcopy(one.survey))
        self.open = {name: one for name, one in self.open.items() if one not in gone}
        self.beside = [one for one in self.beside if one not in gone]
        return gone

    def adopt(self, coming: list[Response], now: int) -> None:
        """Take a profile's responses; those of the customer's own that are over by then have lost their names."""
        self.beside += [one for one in self.open.values() if one.is_over(now)]
        self.open = {name: one for name, one in self.open.items() if not one.is_over(now)}
        for one in coming:
            own = self.open.get(one.name)
            if own is not None and own.survey is not None:
                self.beside.append(one)
            else:
                one.last_at = max(one.last_at, own.last_at if own is not None else 0)
                self.open[one.name] = one


@dataclass
class Calls:
    """A customer's abandoned calls, and what recovers them."""

    placed: Mapping[str, Fact]
    adopted: list[Abandonment] = field(default_factory=list)
    _touches: list[Touch] = field(default_factory=list)
    _orders: list[Fact] = field(default_factory=list)
    _gone: set[tuple[str, int]] = field(default_factory=set)

    def take(self, touch: Touch) -> None:
        """Take the customer's next touchpoint."""
        self._touches.append(touch)
        if touch.event_id in self.placed:
            self._orders.append(self.placed[touch.event_id])
            for row in self.adopted:
                row.recover(touch.at, "order")

    def rows(self) -> list[Abandonment]:
        """Return the abandoned calls."""
        own = abandoned_calls(calls_of(self._touches), self._orders)
        return [*self.adopted, *(row for row in own if (row.subject_id, row.started_at) not in self._gone)]

    def leave(self, parting: Parting) -> list[Abandonment]:
        """Let the calls go that are the owner's."""
        gone = [
            row
            for row in self.rows()
            if row.first.at >= parting.began and max(row.abandoned_at, row.recovered_at or 0) >= parting.at - MONTH
        ]
        self._gone |= {(row.subject_id, row.started_at) for row in gone}
        self.adopted = [row for row in self.adopted if row not in gone]
        return gone

    def adopt(self, coming: list[Abandonment], _now: int) -> None:
        """Take a profile's calls."""
        for row in coming:
            self.adopted.append(row)
            for order in self._orders:
                if order.first.at >= row.abandoned_at:
                    row.recover(order.first.at, "order")


@dataclass
class Cases:
    """A customer's open cases, with the times of their opening."""

    open: dict[str, int] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)
    """When open ones have left."""

    def take(self, touch: Touch) -> None:
        """Take the customer's next touchpoint."""
        if touch.kind == "case_event" and touch.action in {"opened", "reopened"}:
            self.open.setdefault(touch.subject, touch.at)
        elif touch.kind == "case_event" and touch.action in {"resolved", "closed"}:
            self.open.pop(touch.subject, None)

    def leave(self, parting: Parting) -> dict[str, int]:
        """Let the cases go that are the owner's."""
        gone = {name: at for name, at in self.open.items() if at >= parting.began}
        self.open = {name: at for name, at in self.open.items() if name not in gone}
        self.left += [parting.at] if gone else []
        return gone

    def adopt(self, coming: dict[str, int], _now: int) -> None:
        """Take a profile's cases."""
        for name, at in coming.items():
            self.open[name] = min(at, self.open.get(name, at))


@dataclass
class Questions:
    """What waits for a customer for a first answer, and what has had one: the question, and its answer."""

    waiting: dict[tuple[str, str], Touch] = field(default_factory=dict)
    answered: list[tuple[Touch, Touch]] = field(default_factory=list)

    def take(self, touch: Touch) -> None:
        """Take the customer's next touchpoint."""
        asked = None
        if touch.kind == "case_event":
            if touch.action == "opened":
                self.waiting.setdefault((touch.kind, touch.subject), touch)
            elif touch.record["by"] == "agent":
                asked = self.waiting.pop((touch.kind, touch.subject), None)
        elif touch.kind == "tweet":
            if touch.action == "customer":
                self.waiting.setdefault((touch.kind, touch.subject), touch)
            else:
                asked = self.waiting.pop((touch.kind, touch.record.get("in_reply_to") or ""), None)
        if asked is not None and touch.at <= asked.at + PATIENCE:
            self.answered.append((asked, touch))

    def leave(self, parting: Parting) -> dict[tuple[str, str], Touch]:
        """Let the questions go that are the owner's."""
        gone = {key: one for key, one in self.waiting.items() if parting.began <= one.at >= parting.at - PATIENCE}
        self.waiting = {key: one for key, one in self.waiting.items() if key not in gone}
        return gone

    def adopt(self, coming: dict[tuple[str, str], Touch], _now: int) -> None:
        """Take a profile's questions."""
        for key, one in coming.items():
            known = self.waiting.get(key, one)
            self.waiting[key] = one if one.at < known.at else known


def adopt(people: dict[str, CustomerHistory], partings: Iterable[Parting], now: int) -> None:
    """Let the things of profiles be their owners' in all histories that partings concern."""
    related = [one for one in partings if one.profile in people]
    for names in _connected(related):
        theirs = [one for one in related if one.profile in names]
        histories = {name: people[name] for name in names if name in people}
        _adopt(histories, theirs, now)


def _adopt(histories: dict[str, CustomerHistory], partings: list[Parting], now: int) -> None:
    touches = [touch for history in histories.values() for touch in history.touches]
    placed = {order.first.event_id: order for history in histories.values() for order in history.placed}
    carts = accounts(touches, partings, now)
    responses = told(Responses, touches, partings)
    calls = told(lambda: Calls(placed), touches, partings)
    cases, questions = told(Cases, touches, partings), told(Questions, touches, partings)
    counted = list(_counted(touches, partings, now))
    for number, (name, history) in enumerate(histories.items()):
        # Two of one name that began in the same millisecond have one row.
        by_last = sorted(carts[name].all(), key=lambda known: known.happened_at)
        history.carts = list({(known.name, known.cart.first.at): known.cart for known in by_last}.values())
        history.surveys = responses[name].all()
        for survey in history.surveys:
            survey.pass_time(now)
        # As the profile knew them: its journeys are not restated.
        rows = [one.abandoned for one in history.carts] + [one.abandoned for one in history.surveys]
        left = [one.cart.abandoned for one in carts[name].left] + [one.abandoned for one in responses[name].left]
        history.lost = [row for row in rows + left if row is not None] + history.abandoned_calls
        history.abandonments = [row for row in rows if row is not None] + calls[name].rows()
        history.open_cases = set(cases[name].open)
        history.answered = questions[name].answered
        history.unresolved = {
            journey[0].event_id
            for journey in history.journeys
            if any(journey[0].at <= at < journey[-1].at + SILENCE for at in cases[name].left)
            or _open_cases(name, touches, partings, journey[-1].at + SILENCE)
        }
        # Whose cart it was is no part of the rate.
        history.counted = counted if number == 0 else []


def _open_cases(name: str, touches: list[Touch], partings: list[Parting], until: int) -> set[str]:
    before = [touch for touch in touches if touch.at < until]
    return set(told(Cases, before, [one for one in partings if one.at < until])[name].open)


def _counted(touches: list[Touch], partings: list[Parting], now: int) -> Iterator[Cart]:
    """Yield carts as the rate counts them: as they were when it could be restated no more."""
    for first in touches:
        if first.kind in {"cart_event", "purchase"}:
            until = final_at_of(first)
            known = [touch for touch in touches if touch.at < until]
            found = accounts(known, [one for one in partings if one.at < until], min(now, until - 1))
            carts = [one.cart for account in found.values() for one in account.all()]
            yield from (cart for cart in carts if cart.first is first and cart.held_something)


def _connected(partings: list[Parting]) -> list[set[str]]:
    groups: list[set[str]] = []
    for one in partings:
        joined = {one.profile, one.owner}.union(*(group for group in groups if group & {one.profile, one.owner}))
        groups = [group for group in groups if not group & joined] + [joined]
    return groups
