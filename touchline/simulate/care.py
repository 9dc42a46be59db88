"""How the shop looks after its customers: news of their cases, a call to the unhappy, a question how it served them."""

from __future__ import annotations

from typing import Literal

from touchline.simulate import service, texts, visits
from touchline.simulate.person import Event, Person
from touchline.simulate.shop import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Period

Reason = Literal["poor_answer", "complaint", "abandoned_call"]
"""What makes the shop get back to somebody."""

QUESTIONNAIRE = "service"
RATED = ("staff_available", "greeting", "friendliness", "answers", "knowledge", "advice", "courtesy", "overall")
"""The questions of the service questionnaire that are answered on a scale, in order."""
_IN_TIME, _LATE = 0.75, 0.15
_GIVES_UP = 0.04
"""The share of those who answer that stop at each question."""
_SKILL = {"mara": 0.3, "jonas": 0.1, "elif": 0.2, "pieter": -0.3, "aoife": 0.15, "tomas": -0.1}
"""How much better, or worse, than their mood people rate an agent, on a scale of -1 to 1."""


def look_after(person: Person, period: Period) -> None:
    """Add what the shop does about what a customer has done, and what they do about that."""
    events = sorted(person.events_at.items())
    _look_after_cases(person, events)
    _look_after_visits(person, events)
    called_until = period.start
    for at, event in events:
        reason = unhappy(at, event, events)
        if reason is not None and at >= called_until:
            called_until = _get_back(person, at, event)
        agent = event.get("agent_id")
        if agent and event.get("phase") == "ended" and person.chance(0.3):
            ask_how_served(person, at + HOUR_MS, agent)


def unhappy(at: int, event: Event, events: list[tuple[int, Event]]) -> Reason | None:
    """Return why the shop has to get back to a customer who has done this, None where it has not to.

    Args:
        events: all that the customer has done, in order of time.
    """
    if event["kind"] == "survey_answer" and event.get("score") is not None:
        low, high = event["scale_min"], event["scale_max"]
        worst = 6.5 if event["question_kind"] == "nps" else (low + high) / 2
        return "poor_answer" if event["score"] < worst else None
    if event["kind"] == "case_event":
        return "complaint" if event.get("complaint") else None
    if event["kind"] == "support_call" and event["phase"] == "ended":
        phases = [(t, e["phase"]) for t, e in events if e.get("call_id") == event["call_id"] and t <= at]
        if len(phases) < 2:  # It began before the stream does.
            return None
        began, before = phases[-2]
        gave_up = before == "held" or (before == "queued" and at - began >= 5 * SECOND_MS)
        return "abandoned_call" if gave_up else None
    return None


def ask_how_served(person: Person, at: int, agent: str) -> None:
    """Invite the person to the service questionnaire at `at`, about an agent; they may answer some of it, or all."""
    random = person.random
    response_id = person.next_id("r")

    def phase(moment: int, name: str, **fields: object) -> None:
        person.add(
            "survey_answer",
            moment,
            "surveys",
            response_id=response_id,
            survey_id=QUESTIONNAIRE,
            phase=name,
            **fields,
        )

    def say(moment: int, question: str, text: str) -> None:
        phase(moment, "answered", question_id=question, question_kind="text", text=text)

    phase(at, "invited", about="the call")
    if not person.chance(min(0.8, 0.4 * person.vocal)):
        return
    at += int(random.uniform(0.2, 20) * HOUR_MS)
    phase(at, "started")
    for question in RATED:
        if person.chance(_GIVES_UP):
            return
        at += random.randint(4, 30) * SECOND_MS
        score = service.score_of(person.sample_mood(at) + _SKILL[agent], 1, 5)
        scale = {"scale_min": 1.0, "scale_max": 5.0}
        phase(
            at, "answered", question_id=question, question_kind="rating", score=float(score), about="the call", **scale
        )
    feeling = person.sample_mood(at) + _SKILL[agent]
    if person.chance(0.3):
        at += random.randint(10, 60) * SECOND_MS
        say(at, "did_well" if feeling > 0 else "do_better", texts.say(random, feeling, "the call"))
    if feeling > 0.5 and person.chance(0.5):
        at += random.randint(10, 60) * SECOND_MS
        say(at, "praise", agent.capitalize())
        at += random.randint(10, 60) * SECOND_MS
        say(at, "praise_why", texts.praise(random))
    phase(at + random.randint(2, 15) * SECOND_MS, "completed")


def _get_back(person: Person, at: int, event: Event) -> int:
    """Call an unhappy customer back, in time, late or never; return until when nobody else needs to."""
    random = person.random
    draw = random.random()
    if draw < _IN_TIME:
        later = at + int(min(23 * HOUR_MS, 10 * MINUTE_MS + random.expovariate(1 / 7) * HOUR_MS))
    elif draw < _IN_TIME + _LATE:
        later = at + int(random.uniform(26, 80) * HOUR_MS)
    else:
        return at + 4 * DAY_MS
    return service.call_back(person, later, event.get("topic", "account"))


def _look_after_cases(person: Person, events: list[tuple[int, Event]]) -> None:
    cases: dict[str, list[tuple[int, Event]]] = {}
    for at, event in events:
        if event["kind"] == "case_event":
            cases.setdefault(event["case_id"], []).append((at, event))
    for steps in cases.values():
        opened_at, opened = steps[0]
        if opened["phase"] != "opened":
            continue
        answered_at = next((at for at, step in steps if step["by"] == "agent"), None)
        if (answered_at is None or answered_at > opened_at + DAY_MS) and person.chance(0.5):
            asked_at = opened_at + int(person.random.uniform(20, 24) * HOUR_MS)
            service.call(person, asked_at, opened["topic"], case_id=opened["case_id"])
        _keep_posted(person, opened, answered_at, steps[-1][0])


def _keep_posted(person: Person, opened: Event, since: int | None, until: int) -> None:
    """Send news of a case, about once a day, from its first answer to its end; an agent may forget to."""
    at = since if since is not None else until
    while (at := at + int(person.random.uniform(18, 40) * HOUR_MS)) < until:
        if person.chance(0.7):
            service.step(person, at, opened["case_id"], "updated", "agent", opened["topic"])


def _look_after_visits(person: Person, events: list[tuple[int, Event]]) -> None:
    """Add where the site fails people, what they search in vain, and the help that they read before they ask."""
    random = person.random
    for at, event in events:
        if event.get("action") in {"payment_failed", "ordered"}:
            paying = visits.view(person, at - SECOND_MS, "shop", "/checkout/payment", action="pay")
            paying["ok"] = event["action"] == "ordered"
            if event["action"] == "ordered":
                visits.view(person, at + 2 * SECOND_MS, "shop", "/checkout/thanks")
        elif event.get("phase") == "queued" and person.chance(0.35):
            page = random.choice(visits.PAGES["help"])
            visits.view(person, at - random.randint(3, 90) * MINUTE_MS, "help", page, duration_ms=45_000)
        elif event.get("area") == "shop" and person.chance(0.04):
            visits.search_in_vain(person, at + SECOND_MS)
        elif event["kind"] == "tweet" and event.get("author") is None and person.chance(0.15):
            service.mention(person, at + 2 * HOUR_MS, event.get("attributes", {}).get("product", "shop"))
