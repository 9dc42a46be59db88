"""What surveys' rates, changes and words are, worked out of the responses that tests.oracle.surveys tells."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.oracle.surveys import Declared, Response, question_of, score_of

MonthOf = Callable[[int], object]
"""The month in which a moment (ms) falls, in any form."""
Key = tuple[Any, ...]


@dataclass
class Rates:
    """What became of responses."""

    invited: int = 0
    responded: int = 0
    started: int = 0
    completed: int = 0
    abandoned: int = 0


@dataclass
class QuestionRates:
    """What became of those who had come to a survey, at one of its questions."""

    answered: int = 0
    gave_up: int = 0


@dataclass
class Words:
    """What was said to a question in a month: how often, and in which spelling, by what counts as the same."""

    counts: Counter[str] = field(default_factory=Counter)
    spellings: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def has_started(response: Response) -> bool:
    """Return whether anything but the invitation has come."""
    return response.first("started") is not None or response.first("completed") is not None or bool(response.answers)


def rates(told: Iterable[Response], month_of: MonthOf) -> dict[Key, Rates]:
    """Return the rates by survey, month, dimension and its value."""
    found: dict[Key, Rates] = defaultdict(Rates)
    for response in told:
        channel = response.phases[0].channel
        for dimension in [("all", ""), *response.dimensions, *([("channel", channel)] if channel else [])]:
            row = found[(response.survey, month_of(response.began_at), *dimension)]
            invited, started = response.first("invited") is not None, has_started(response)
            row.invited += invited
            row.responded += invited and started
            row.started += started
            row.completed += response.first("completed") is not None
            row.abandoned += response.abandoned_at is not None
    return found


def lengths(told: Sequence[Response], declared: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return how many questions each survey asks."""
    seen: dict[str, set[str]] = defaultdict(set)
    for response in told:
        seen[response.survey] |= {question_of(touch) for touch in response.answers}
    return {survey: len(declared.get(survey, questions)) for survey, questions in seen.items()}


def question_rates(
    told: Iterable[Response], declared: Mapping[str, Sequence[str]], month_of: MonthOf
) -> dict[Key, QuestionRates]:
    """Return the rates by survey, month and question."""
    found: dict[Key, QuestionRates] = defaultdict(QuestionRates)
    for response in filter(has_started, told):
        answered = [question_of(touch) for touch in response.answers]
        last = answered[-1] if answered else ""
        for question in {"", *answered, *declared.get(response.survey, ())}:
            row = found[response.survey, month_of(response.began_at), question]
            row.answered += question in {"", *answered}
            row.gave_up += response.abandoned_at is not None and question == last
    return found


def changes(told: Iterable[Response], declared: Declared, month_of: MonthOf) -> dict[Key, list[float]]:
    """Return by survey, question and month of how much each score differs from the same customer's last one."""
    scores: dict[tuple[str, str, str], list[tuple[int, str, float]]] = defaultdict(list)
    for response in told:
        of_question: dict[str, tuple[int, str, float]] = {}
        for touch in response.answers:
            score = score_of(touch, declared)
            if score is not None:
                of_question[question_of(touch)] = (touch.at, touch.subject, score)
        for question, last in of_question.items():
            scores[response.customer, response.survey, question].append(last)
    found: dict[Key, list[float]] = defaultdict(list)
    for (_, survey, question), given in scores.items():
        given.sort()
        for (_, _, before), (at, _, after) in pairwise(given):
            found[survey, question, month_of(at)].append(after - before)
    return found


def words(told: Iterable[Response], month_of: MonthOf) -> dict[Key, Words]:
    """Return what is said by survey, question and month."""
    found: dict[Key, Words] = defaultdict(Words)
    for survey, question, at, text in _texts(told):
        spoken = " ".join(text.split())
        key = re.sub(r"[.!]+\Z", "", spoken.lower()).strip()
        one = found[survey, question, month_of(at)]
        one.counts[key] += 1
        one.spellings[key].add(spoken)
    return found


def _texts(told: Iterable[Response]) -> Iterator[tuple[str, str, int, str]]:
    for response in told:
        for touch in response.answers:
            if touch.text:
                yield response.survey, question_of(touch), touch.at, touch.text
