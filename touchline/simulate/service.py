"""What customers say to the shop: calls, cases, posts, reviews and surveys."""

from __future__ import annotations

from typing import Literal

from touchline.simulate import texts
from touchline.simulate.person import Event, Person
from touchline.simulate.shop import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

Score = Literal["nps", "csat", "ces"]
"""The kind of score that a survey asks for."""

TOPICS = ["delivery", "product", "billing", "account"]
_AGENTS = ["mara", "jonas", "elif", "pieter", "aoife", "tomas"]
_SURVEYS: dict[Score, tuple[str, int, int]] = {
    "nps": ("SV-NPS", 0, 10),
    "csat": ("SV-SERVICE", 1, 5),
    "ces": ("SV-EFFORT", 1, 7),
}


def call(person: Person, at: int, topic: str, busy: float = 1.0, case_id: str | None = None) -> int:
    """Call the shop at `at`, about a case if any; return when the call ends. `busy` lengthens queue and hold."""
    random = person.random
    call_id = person.next_id("c")
    caller = _Caller(person, call_id, topic, case_id)
    caller.phase(at, "queued")
    if person.chance(0.04):
        at += random.randint(800, 4_500)
        caller.phase(at, "ended")
        return at
    wait = int(random.expovariate(1 / (18 * busy)) * SECOND_MS) + 1_500
    patience = int(random.expovariate(1 / 200) * SECOND_MS) + 15_000
    if wait > patience:
        caller.phase(at + patience, "ended")
        return at + patience
    at += wait
    agent = random.choice(_AGENTS)
    caller.phase(at, "answered", agent_id=agent)
    at += random.randint(30, 240) * SECOND_MS
    if person.chance(0.08):
        agent = random.choice(_AGENTS)
        caller.phase(at, "transferred", agent_id=agent)
        at += random.randint(20, 120) * SECOND_MS
    if person.chance(0.25):
        caller.phase(at, "held", agent_id=agent)
        hold = int(random.expovariate(1 / (60 * busy)) * SECOND_MS) + 5_000
        patience = int(random.expovariate(1 / 400) * SECOND_MS) + 30_000
        if hold > patience:
            caller.phase(at + patience, "ended", agent_id=agent)
            return at + patience
        at += hold
        caller.phase(at, "resumed", agent_id=agent)
        at += random.randint(20, 120) * SECOND_MS
    caller.close(at, agent, resolved=person.chance(0.55 + 0.4 * person.mood(at)))
    return at


class _Caller:
    """A call, phase by phase."""

    def __init__(self, person: Person, call_id: str, topic: str, case_id: str | None = None) -> None:
        self.person = person
        self.call_id = call_id
        self.topic = topic
        self.about = {"case_id": case_id} if case_id else {}

    def phase(self, at: int, phase: str, **fields: object) -> Event:
        person = self.person
        return person.add(
            "support_call",
            at,
            "phone",
            identifiers={"phone": f"+49 30 {person.name[1:]}"},
            call_id=self.call_id,
            phase=phase,
            topic=self.topic,
            **self.about,
            **fields,
        )

    def close(self, at: int, agent: str, *, resolved: bool) -> Event:
        return self.phase(
            at,
            "ended",
            agent_id=agent,
            resolved=resolved,
            solutions_offered=1 + resolved,
            notes=texts.note(self.person.random, resolved),
        )


def abandon_on_hold(person: Person, at: int, topic: str) -> tuple[Event, Event]:
    """Wait on hold until the customer hangs up; return the held and the ended event."""
    caller = _Caller(person, person.next_id("c"), topic)
    agent = person.random.choice(_AGENTS)
    caller.phase(at, "queued")
    caller.phase(at + 70 * SECOND_MS, "answered", agent_id=agent)
    held = caller.phase(at + 130 * SECOND_MS, "held", agent_id=agent)
    end = at + 130 * SECOND_MS + person.random.randint(15, 35) * MINUTE_MS
    return held, caller.phase(end, "ended", agent_id=agent)


def called_back(person: Person, at: int, topic: str) -> tuple[Event, Event]:
    """Let the shop call and settle the matter; return the answered and the ended event."""
    caller = _Caller(person, person.next_id("c"), topic)
    agent = person.random.choice(_AGENTS)
    caller.phase(at, "queued")
    answered = caller.phase(at + 4_000, "answered", agent_id=agent)
    return answered, caller.close(at + 6 * MINUTE_MS, agent, resolved=True)


def call_back(person: Person, at: int, topic: str) -> int:
    """Let the shop call at `at`, which settles the matter or does not; return when the call ends."""
    caller = _Caller(person, person.next_id("c"), topic)
    agent = person.random.choice(_AGENTS)
    caller.phase(at, "answered", agent_id=agent)
    ended = at + person.random.randint(2, 12) * MINUTE_MS
    caller.close(ended, agent, resolved=person.chance(0.7 + 0.3 * person.mood(at)))
    return ended


def case(person: Person, at: int, topic: str, product: str) -> int:
    """Open a case at `at`, which is answered; return when it is resolved or left open."""
    random = person.random
    feeling = person.sample_mood(at) - 0.2
    case_id = person.next_id("t")
    complaint = feeling < -0.5
    text = texts.say(random, feeling, product)
    step(person, at, case_id, "opened", "customer", topic, text=text, complaint=complaint)
    step(person, at + random.randint(2, 20) * SECOND_MS, case_id, "acknowledged", "bot", topic)
    at += int(random.expovariate(1 / 9) * HOUR_MS) + 10 * MINUTE_MS
    if person.chance(0.3):
        eta = at + random.randint(1, 4) * DAY_MS
        step(person, at, case_id, "eta_given", "agent", topic, eta_at=eta)
        at += int(random.uniform(2, 40) * HOUR_MS)
    owner = random.choice(_AGENTS)
    step(person, at, case_id, "solution_offered", "agent", topic, owner=owner)
    at += int(random.uniform(0.2, 30) * HOUR_MS)
    if not person.chance(0.6 + 0.35 * person.mood(at)):
        step(person, at, case_id, "escalated", "customer", topic, owner=owner)
        at += int(random.uniform(4, 60) * HOUR_MS)
    if person.chance(0.9):
        step(person, at, case_id, "resolved", "agent", topic, owner=owner)
        if person.chance(0.06):
            at += int(random.uniform(5, 50) * HOUR_MS)
            step(person, at, case_id, "reopened", "customer", topic)
            at += int(random.uniform(5, 50) * HOUR_MS)
            step(person, at, case_id, "closed", "agent", topic, owner=owner)
    return at


def step(person: Person, at: int, case_id: str, phase: str, by: str, topic: str, **fields: object) -> Event:
    """Add one event of a case."""
    return person.add(
        "case_event",
        at,
        "desk",
        identifiers={"email": f"{person.name.lower()}@example.com"},
        channel="email",
        case_id=case_id,
        phase=phase,
        by=by,
        topic=topic,
        **fields,
    )


def post(person: Person, at: int, product: str) -> Event:
    """Post to the shop in public; the shop answers more often than not."""
    random = person.random
    event = person.add(
        "tweet",
        at,
        "social",
        identifiers={"twitter": f"@{person.name.lower()}"},
        attributes=person.attributes(product=product),
        post_id=person.next_id("p"),
        text=texts.post(random, person.sample_mood(at), product),
        lang="en",
    )
    if person.chance(0.6):
        answered = at + int(random.expovariate(1 / 90) * MINUTE_MS) + MINUTE_MS
        person.add(
            "tweet",
            answered,
            "social",
            identifiers={"twitter": f"@{person.name.lower()}"},
            post_id=person.next_id("p"),
            text=texts.reply(random),
            lang="en",
            author="brand",
            in_reply_to=event["post_id"],
        )
    return event


def mention(person: Person, at: int, product: str) -> Event:
    """Speak of the shop in a forum, to others; the shop does not answer there."""
    random = person.random
    return person.add(
        "tweet",
        at,
        "forum",
        attributes=person.attributes(product=product, reach=str(random.choice((20, 150, 900, 4_000)))),
        post_id=person.next_id("p"),
        platform="forum",
        text=texts.say(random, person.sample_mood(at), product),
        lang="en",
    )


def review(person: Person, at: int, product: str) -> Event:
    """Review a product with stars."""
    feeling = person.sample_mood(at)
    return person.add(
        "tweet",
        at,
        "reviews",
        attributes=person.attributes(product=product),
        post_id=person.next_id("p"),
        platform="reviews",
        text=texts.say(person.random, feeling, product),
        lang="en",
        rating=score_of(feeling, 1, 5),
    )


def survey(person: Person, at: int, kind: Score, about: str) -> None:
    """Invite the person to a survey at `at`; the person may start it, and may complete it."""
    random = person.random
    survey_id, low, high = _SURVEYS[kind]
    response_id = person.next_id("r")

    def phase(moment: int, name: str, **fields: object) -> None:
        person.add(
            "survey_answer",
            moment,
            "surveys",
            response_id=response_id,
            survey_id=survey_id,
            phase=name,
            **fields,
        )

    phase(at, "invited", about=about)
    if not person.chance(min(0.9, 0.35 * person.vocal)):
        return
    at += int(random.uniform(1, 20) * HOUR_MS)
    phase(at, "started")
    if person.chance(0.15):
        return
    at += random.randint(5, 60) * SECOND_MS
    feeling = person.sample_mood(at)
    # People rate a shop better than what it last did.
    kindness = 0.25 if kind == "nps" else 0.0
    score = float(score_of(feeling + kindness, low, high))
    scale = {"scale_min": float(low), "scale_max": float(high)}
    phase(at, "answered", question_id="q1", question_kind=kind, score=score, about=about, **scale)
    if person.chance(0.15):
        return
    if person.chance(0.4):
        at += random.randint(10, 90) * SECOND_MS
        said = texts.say(random, feeling, about)
        phase(at, "answered", question_id="q2", question_kind="text", text=said)
    phase(at + random.randint(2, 15) * SECOND_MS, "completed")


def score_of(feeling: float, low: int, high: int) -> int:
    """Return the score, from `low` to `high`, that somebody gives who feels so (-1 to 1)."""
    return max(low, min(high, round((low + high) / 2 + feeling * (high - low) / 2)))
