"""Makes up surveys, and what they come after, for the tests of their views."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.oracle.touchpoints import DAY, HOUR, PHASES
from tests.unit.sinks.made_up import MadeUp

FIRST = int(datetime(2026, 1, 20, tzinfo=UTC).timestamp() * 1000)
RATED = ("staff_available", "greeting", "friendliness", "answers", "knowledge", "advice", "courtesy", "overall")
DECLARED = {("service", question): (1.0, 5.0, True) for question in RATED}
"""The scales of the questions that ship."""


class Panel(MadeUp):
    """Makes up surveys, and what they come after."""

    def before(self, customer: str) -> None:
        at, number, rnd = self.start(), self.random.randrange(40), self.random
        kind = rnd.choice(("purchase", "support_call", "case_event", "page_view"))
        if kind == "purchase":
            self.add(
                kind,
                at,
                customer,
                order_id=f"o-{number}",
                amount_minor=rnd.randrange(9),
                currency="EUR",
                items=[
                    {"sku": sku, "quantity": 1, "price_minor": 1}
                    for sku in rnd.choices(("cup", "beans", "kettle"), k=rnd.randint(0, 2))
                ],
            )
        elif kind == "case_event":
            phase, by = rnd.choice(PHASES["case_event"]), rnd.choice(("customer", "agent", "bot"))
            self.add(kind, at, customer, case_id=f"t-{number}", phase=phase, by=by, owner=rnd.choice((None, "leo")))
        elif kind == "support_call":
            for phase in ("answered", "transferred", "answered", "ended")[: rnd.randint(1, 4)]:
                agent = rnd.choice((None, "eli", "mia"))
                self.add(kind, at, customer, call_id=f"c-{number}", phase=phase, agent_id=agent)
                at = self.later(at, HOUR)
        else:
            self.add(kind, at, customer, page="/")

    def response(self, customer: str) -> None:
        at, rnd, survey = self.start(), self.random, self.random.choice(("service", "service", "own"))
        response = f"r-{len(self.lines)}"
        phases = ["invited"] * rnd.randint(0, 1) + ["started"] * rnd.randint(0, 1)
        for phase in phases + ["answered"] * rnd.randint(0, 5) + ["completed"] * rnd.randint(0, 1):
            said = self._answer(survey) if phase == "answered" or rnd.random() < 0.2 else {}
            self.add(
                "survey_answer", at, customer, response_id=response, survey_id=survey, phase=phase,
                channel=rnd.choice((None, "web")), about=rnd.choice((None, "delivery", "coffee")), **said,
            )  # fmt: skip
            at = self.later(at, 3 * DAY)

    def _answer(self, survey: str) -> dict[str, Any]:
        rnd = self.random
        if rnd.random() < 0.2:
            return {
                "question_id": "did_well",
                "question_kind": "text",
                "text": rnd.choice(("All of it.", " all  of it", "Mia", "mia!", "", "…")),
            }
        if survey == "service":
            # Some send another scale, or its other end for the good one.
            low, high, up = rnd.choice(((None, None, None), (1, 5, True), (0, 5, None), (None, None, False)))
            kind, question = "rating", rnd.choice((*RATED[:3], None))
        else:
            kind = rnd.choice(("nps", "csat", "ces", "rating"))
            low, high, up = rnd.choice(((None, None, None), (1, 5, True), (-1, 5, False)))
            question = rnd.choice((f"q-{kind}", None))
        return {
            "question_id": question, "question_kind": kind, "score": rnd.randint(1, 5), "scale_min": low,
            "scale_max": high, "higher_is_better": up,
        }  # fmt: skip
