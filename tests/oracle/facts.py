"""Facts that are stated more than once: answers to a survey's questions, and orders placed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.oracle.touchpoints import DAY, MINUTE, Touch

RESTATED_FOR = 3 * DAY
"""A correction that occurred later than this after the first statement's minute changes rows, not metrics."""


@dataclass
class Fact:
    """The statements of one answer or of one order, in the order in which they are applied; never empty."""

    statements: list[Touch] = field(default_factory=list)

    @property
    def first(self) -> Touch:
        """The statement whose bucket, channel and attributes the fact has."""
        return self.statements[0]

    @property
    def holding(self) -> Touch:
        """The statement that holds."""
        return _latest(self.statements)

    @property
    def counted(self) -> Touch:
        """The statement that metrics count: the latest while the bucket of the first could be restated."""
        minute_end = (self.first.at // MINUTE + 1) * MINUTE
        return _latest(touch for touch in self.statements if touch.at < minute_end + RESTATED_FOR)

    @property
    def superseded(self) -> Iterator[Touch]:
        """The statements that no longer hold."""
        return (touch for touch in self.statements if touch is not self.holding)


def _latest(statements: Iterable[Touch]) -> Touch:
    return max(statements, key=lambda touch: (touch.at, touch.event_id))


def is_order(touch: Touch) -> bool:
    """Return whether this is a statement of an order, not of a refund."""
    return touch.kind == "purchase" and touch.action == "placed"


def is_cancelled(statement: Touch) -> bool:
    """Return whether this statement of an order cancels it."""
    return not statement.value


def orders_of(touches: list[Touch]) -> list[Fact]:
    """Return one customer's orders, also the cancelled ones, by their first statements."""
    orders: dict[str, Fact] = {}
    for touch in touches:
        if is_order(touch):
            orders.setdefault(touch.subject, Fact()).statements.append(touch)
    return list(orders.values())


def is_answer(touch: Touch) -> bool:
    """Return whether this states an answer; a `completed` with neither score nor text only completes."""
    return (
        touch.kind == "survey_answer"
        and touch.action in {"answered", "completed"}
        and (touch.record.get("score") is not None or bool(touch.text))
    )


def answers_of(touches: list[Touch]) -> list[Fact]:
    """Return one customer's answers, by their first statements."""
    answers: dict[tuple[str, str], Fact] = {}
    of_kind: dict[tuple[str, str], Fact] = {}
    for touch in touches:
        if not is_answer(touch):
            continue
        kind = touch.record.get("question_kind") or ""
        question = touch.record.get("question_id") or ""
        if touch.action == "completed" and not question and kind and (touch.subject, kind) in of_kind:
            fact = of_kind[touch.subject, kind]
        else:
            # Nothing says that two answers without id and kind are of one question.
            name = question or kind or f"event {touch.event_id}"
            fact = answers.setdefault((touch.subject, name), Fact())
        fact.statements.append(touch)
        of_kind[touch.subject, kind] = fact
    return list(answers.values())
