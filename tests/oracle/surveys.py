"""What surveys brought, worked out response by response from the touchpoints of each customer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from tests.oracle.compare import World
from tests.oracle.touchpoints import DAY, Touch

FOLLOWS = 14 * DAY
"""How long after what happened a survey may follow it."""

_NAMING = {"support_call": "agent_id", "case_event": "owner"}
"""The field that names a member of staff, by kind."""

Declared = Mapping[tuple[str, str], tuple[float, float, bool]]
"""The scale and direction of the questions that are declared, by survey and question."""


@dataclass
class Response:
    """A response, as it stands."""

    customer: str
    phases: list[Touch]
    before: list[Touch]
    """What the customer did that a survey may follow."""
    superseded: set[str]
    abandoned_at: int | None = None
    answers: list[Touch] = field(init=False)

    def __post_init__(self) -> None:
        self.phases.sort(key=lambda touch: (touch.at, touch.event_id))
        self.answers = [touch for touch in self.phases if _answers(touch) and touch.event_id not in self.superseded]

    @property
    def survey(self) -> str:
        """The survey that it is a response to."""
        survey: str = self.phases[0].record["survey_id"]
        return survey

    @property
    def began_at(self) -> int:
        """When it began, ms."""
        return self.phases[0].at

    @property
    def followed(self) -> Touch | None:
        """What it followed."""
        near = [touch for touch in self.before if self.began_at - FOLLOWS <= touch.at < self.began_at]
        return max(near, key=lambda touch: (touch.at, touch.event_id), default=None)

    @property
    def staff(self) -> str | None:
        """Who is named last in the call or case that it followed."""
        followed = self.followed
        if followed is None or followed.kind not in _NAMING:
            return None
        field = _NAMING[followed.kind]
        steps = [touch for touch in self.before if (touch.kind, touch.subject) == (followed.kind, followed.subject)]
        named = [touch for touch in steps if touch.record.get(field)]
        last = max(named, key=lambda touch: (touch.at, touch.event_id), default=None)
        return last.record[field] if last else None

    @property
    def skus(self) -> set[str]:
        """What was in the customer's last order before it."""
        orders = [touch for touch in self.before if touch.kind == "purchase" and touch.action == "placed"]
        near = [touch for touch in orders if touch.record["amount_minor"] > 0 and touch.at < self.began_at]
        last = max((touch.at for touch in near), default=0)
        if last < self.began_at - FOLLOWS:
            return set()
        return {item["sku"] for touch in near if touch.at == last for item in touch.record.get("items", [])}

    @property
    def dimensions(self) -> list[tuple[str, str]]:
        """What it is told apart by, beside where it was answered."""
        found = [("staff", self.staff), ("followed", self.followed.kind if self.followed else None)]
        return [(name, value) for name, value in found if value] + [("product", sku) for sku in self.skus]

    def first(self, phase: str) -> int | None:
        """Return when it first came to a phase."""
        return min((touch.at for touch in self.phases if touch.action == phase), default=None)

    def score(self, declared: Declared) -> float | None:
        """Return the mean of its scores."""
        scores = [score for touch in self.answers if (score := score_of(touch, declared)) is not None]
        return fmean(scores) if scores else None


def question_of(touch: Touch) -> str:
    """Return what an answer answers."""
    return touch.record.get("question_id") or touch.record.get("question_kind") or ""


def contradicts(touch: Touch, declared: Declared) -> bool:
    """Return whether an answer states another scale than that of its question."""
    question = declared.get((touch.record["survey_id"], touch.record.get("question_id", "")))
    scale = scale_of(touch)
    return None not in (question, scale, touch.record.get("score")) and scale != question


def scale_of(touch: Touch) -> tuple[float, float, bool] | None:
    """Return from where to where an answer is, and whether higher is better."""
    record, kind = touch.record, touch.record.get("question_kind")
    if kind == "nps":
        return 0, 10, True
    usual = {"csat": (1, 5), "ces": (1, 7), "rating": (1, 5)}.get(kind or "", (None, None))
    low, high = record.get("scale_min", usual[0]), record.get("scale_max", usual[1])
    if low is None or high is None:
        return None
    return low, high, record.get("higher_is_better", True)


def score_of(touch: Touch, declared: Declared) -> float | None:
    """Return an answer's score from 0 to 1, None where it has none."""
    score, scale = touch.record.get("score"), scale_of(touch)
    if score is None or scale is None or contradicts(touch, declared):
        return None
    low, high, is_upward = scale
    share = float((score - low if is_upward else high - score) / (high - low))
    return round(share, 4)


def is_favourable(touch: Touch, score: float) -> bool:
    """Return whether a score speaks well of the business."""
    kind = touch.record.get("question_kind")
    if kind == "nps":
        return bool(touch.record["score"] >= 9)
    return score >= (round(4 / 6, 4) if kind == "ces" else 0.75)


def responses(world: World) -> list[Response]:
    """Return all responses, each customer's in the order in which they began."""
    found = []
    for history in world.people.values():
        phases: dict[str, list[Touch]] = {}
        for touch in history.touches:
            if touch.kind == "survey_answer":
                phases.setdefault(touch.subject, []).append(touch)
        superseded = history.superseded
        before = [
            touch
            for touch in history.touches
            if touch.kind in {"purchase", "support_call", "case_event"} and touch.event_id not in superseded
        ]
        given_up = {row.subject_id: row.abandoned_at for row in history.abandonments if row.subject == "survey"}
        own = [
            Response(history.customer, of_one, before, superseded, given_up.get(name))
            for name, of_one in phases.items()
        ]
        found += sorted(own, key=lambda response: (response.began_at, response.phases[0].subject))
    return found


def response_rows(told: Iterable[Response], declared: Declared) -> Iterator[dict[str, Any]]:
    """Yield the expected rows of `survey_responses`."""
    last_scores: dict[tuple[str, str], float] = {}
    for response in told:
        score, key = response.score(declared), (response.customer, response.survey)
        before = last_scores.get(key)
        if score is not None:
            last_scores[key] = score
        completed_at, started_at = response.first("completed"), response.first("started")
        done = "completed" if completed_at is not None else "abandoned" if response.abandoned_at is not None else ""
        followed, answers = response.followed, response.answers
        yield {
            "response_id": response.phases[0].subject,
            "survey_id": response.survey,
            "customer_id": response.customer,
            "channel": response.phases[0].channel,
            "followed": followed.kind if followed else None,
            "followed_id": followed.subject if followed else None,
            "staff": response.staff,
            "began_at": response.began_at,
            "invited_at": response.first("invited"),
            "started_at": started_at,
            "completed_at": completed_at,
            "abandoned_at": response.abandoned_at,
            "status": done or ("started" if started_at is not None or answers else "invited"),
            "questions_answered": len({question_of(touch) for touch in answers}),
            "last_question": question_of(answers[-1]) if answers else None,
            "score": score,
            "score_before": before,
            "score_change": None if score is None or before is None else score - before,
        }


def _answers(touch: Touch) -> bool:
    stated = touch.record.get("score") is not None or bool(touch.text)
    return touch.action in {"answered", "completed"} and stated
