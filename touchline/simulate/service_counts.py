"""How customers were truly served, counted from all touchpoints of each person by the published definitions.

As `touchline.simulate.counts`, it is independent of the pipeline, and takes all deadlines as passed.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from touchline.simulate.care import QUESTIONNAIRE, RATED, unhappy
from touchline.simulate.person import Event, timestamp
from touchline.simulate.shop import DAY_MS

_ENDS = ("resolved", "closed")


class ServiceCounts:
    """Counts cases, posts, answers of the service questionnaire, and whom the shop had to get back to."""

    def __init__(self) -> None:
        self._cases: Counter[str] = Counter()
        self._posts: Counter[str] = Counter()
        self._pages: Counter[str] = Counter()
        self._responses: Counter[str] = Counter()
        self._praised: Counter[str] = Counter()
        self._questions: dict[str, Counter[int]] = {question: Counter() for question in RATED}
        self._unhappy: list[dict[str, Any]] = []

    def add(self, customer_id: str | None, events: list[tuple[int, Event]]) -> None:
        """Count a person's events, all of them and in order of time, each with its moment in ms."""
        asked: dict[str, list[tuple[int, Event]]] = {}
        for at, event in events:
            if event["kind"] in ("case_event", "support_call") and event.get("case_id"):
                asked.setdefault(event["case_id"], []).append((at, event))
            elif event["kind"] == "tweet":
                self._add_post(event)
            elif event["kind"] == "page_view":
                self._pages.update(failed=not event["ok"], searches=event["action"] == "search")
            elif event["kind"] == "survey_answer" and event["survey_id"] == QUESTIONNAIRE:
                self._add_answer(event)
        for steps in asked.values():
            self._add_case(steps)
        if customer_id is not None:
            self._add_unhappy(customer_id, events)

    def summary(self) -> dict[str, Any]:
        """Return all counts as one JSON object."""
        return {
            "cases": {
                name: self._cases[name]
                for name in ("opened", "answered_in_24h", "solved", "reopened", "promises", "promises_kept")
            },
            "posts": {name: self._posts[name] for name in ("by_customers", "answered", "reviews", "stars")},
            "pages": {name: self._pages[name] for name in ("failed", "searches")},
            "service_survey": {
                **{name: self._responses[name] for name in ("invited", "started", "completed")},
                "answers": {
                    question: {str(score): counts[score] for score in range(1, 6)}
                    for question, counts in self._questions.items()
                },
                "praised": dict(sorted(self._praised.items())),
            },
            "unhappy": self._unhappy,
        }

    def _add_case(self, steps: list[tuple[int, Event]]) -> None:
        if not any(step.get("phase") == "opened" for _, step in steps):
            return
        opened_at = next(at for at, step in steps if step["phase"] == "opened")
        answered_at = next((at for at, step in steps if at > opened_at and _answers(step)), None)
        solved = [at for at, step in steps if step["phase"] in _ENDS and step["kind"] == "case_event"]
        reopened = [at for at, step in steps if step["phase"] == "reopened"]
        promises = [(at, step["eta_at"]) for at, step in steps if step["phase"] == "eta_given"]
        self._cases.update(
            opened=1,
            answered_in_24h=answered_at is not None and answered_at - opened_at <= DAY_MS,
            solved=bool(solved) and (not reopened or solved[-1] > reopened[-1]),
            reopened=bool(reopened),
            promises=len(promises),
            promises_kept=sum(any(given <= at <= eta for at in solved) for given, eta in promises),
        )

    def _add_post(self, event: Event) -> None:
        by_brand = event.get("author") == "brand"
        stars = event.get("rating")
        self._posts.update(by_customers=not by_brand, answered=by_brand, reviews=stars is not None, stars=stars or 0)

    def _add_answer(self, event: Event) -> None:
        self._responses[event["phase"]] += 1
        if event.get("question_kind") == "rating":
            self._questions[event["question_id"]][int(event["score"])] += 1
        elif event.get("question_id") == "praise":
            self._praised[event["text"]] += 1

    def _add_unhappy(self, customer_id: str, events: list[tuple[int, Event]]) -> None:
        for at, event in events:
            reason = unhappy(at, event, events)
            if reason is not None:
                contacted_at = next((t for t, e in events if t > at and _answers(e)), None)
                self._unhappy.append(
                    {
                        "customer_id": customer_id,
                        "reason": reason,
                        "event_id": event["event_id"],
                        "at": timestamp(at),
                        "contacted_at": None if contacted_at is None else timestamp(contacted_at),
                    }
                )


def _answers(event: Event) -> bool:
    """Return whether a person of the shop gets to the customer: by a call, in a case or in public."""
    if event["kind"] == "support_call":
        return bool(event["phase"] == "answered")
    if event["kind"] == "case_event":
        return bool(event["by"] == "agent" and event["phase"] != "opened")
    return event["kind"] == "tweet" and event.get("author") == "brand"
