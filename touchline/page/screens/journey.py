"""Journey: one customer's touchpoints by channel, the line of experience, where it turned and why, and what is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from touchline.page.asked import Asked, AskedError, Basis
from touchline.page.charts import LEFT, RIGHT, TOP, Scale
from touchline.page.query import Query, Row, Rows
from touchline.page.screens.today import FollowUp, follow_up
from touchline.page.sql import filled

MOST_STEPS = 500
"""Touchpoints that are shown, the newest ones."""
WIDTH = 900.0
LANE, LINE = 22.0, 110.0
"""Heights of a channel's lane, and of the line of experience."""
NAMES = 90.0
"""Width of the channels' names."""

TOTALS = Query(
    "totals",
    """
SELECT customer_id, toUnixTimestamp64Milli(first_seen_at) AS first_at, toUnixTimestamp64Milli(last_seen_at) AS last_at,
       touchpoints, purchases, spend_minor, refunded_minor, ifNull(currency, '') AS currency, experience_mean, last_nps,
       open_cases, status
FROM customer_totals WHERE customer_id = {customer:String}
""",
)
STEPS = Query(
    "steps",
    filled("""
SELECT event_id, toUnixTimestamp64Milli(occurred_at) AS at, kind, action, channel, t.experience / 10000 AS experience,
       value_minor, {beginning of text}, ifNull(t.currency, '') AS currency
FROM owned_touchpoints AS t
WHERE {touchpoint t of the customer}
  AND (t.customer_id, t.event_id) NOT IN (SELECT customer_id, event_id FROM superseded_rows FINAL WHERE NOT deleted)
ORDER BY occurred_at DESC, event_id DESC LIMIT {most:UInt32}
"""),
)
TURNS = Query(
    "turns",
    """
SELECT direction, toUnixTimestamp64Milli(onset_at) AS at, onset_event_id, before_mean AS before, after_mean AS after,
       ifNull(cause_event_id, '') AS cause_event_id, ifNull(cause_kind, '') AS cause_kind
FROM sentiment_shifts WHERE customer_id = {customer:String} ORDER BY onset_at DESC, shift_id LIMIT 200
""",
)
CASES = Query(
    "cases",
    """
SELECT case_id, ifNull(topic, '') AS topic, status, toUnixTimestamp64Milli(opened_at) AS opened_at, age_seconds
FROM cases
WHERE customer_id = {customer:String} AND subject = 'case' AND status NOT IN ('resolved', 'closed')
ORDER BY opened_at, case_id LIMIT 100
""",
)
LEFT_BEHIND = Query(
    "left-behind",
    """
SELECT subject, toUnixTimestamp64Milli(abandoned_at) AS at, status, value_minor, ifNull(currency, '') AS currency
FROM abandonments WHERE customer_id = {customer:String} ORDER BY abandoned_at DESC, subject_id LIMIT 100
""",
)
FOLLOW_UPS = Query(
    "follow-ups",
    """
SELECT customer_id, reason, status, toUnixTimestamp64Milli(due_at) AS due_at, topic, owner, value_minor,
       ifNull(currency, '') AS currency
FROM follow_ups WHERE customer_id = {customer:String} ORDER BY due_at DESC, follow_up_id LIMIT 20
""",
)
QUERIES = (TOTALS, STEPS, TURNS, CASES, LEFT_BEHIND, FOLLOW_UPS)


@dataclass(frozen=True)
class Step:
    """A touchpoint; `turn` is where experience turned at it, and `is_cause` says whether it most likely was why."""

    at: int
    kind: str
    action: str
    channel: str
    text: str
    experience: float | None
    value_minor: int | None
    currency: str
    turn: Turn | None
    is_cause: bool

    @property
    def feeling(self) -> str:
        """`bad`, `good` or `plain`: how it is drawn."""
        if not self.experience:
            return "plain"
        return "bad" if self.experience < 0 else "good"


@dataclass(frozen=True)
class Turn:
    """A change of the level of experience for good."""

    direction: str
    at: int
    before: float
    after: float
    cause_kind: str


@dataclass(frozen=True)
class Mark:
    """A touchpoint in its channel's lane: a triangle down for a bad one, up for a good one, else a circle."""

    x: float
    y: float
    step: Step


@dataclass(frozen=True)
class TimeLine:
    """The chart: lanes of marks, the line of experience below them, and upright lines where it turned."""

    height: float
    lanes: tuple[tuple[str, float], ...]
    marks: tuple[Mark, ...]
    path: str
    levels: tuple[tuple[float, float], ...]
    turns: tuple[tuple[float, Turn], ...]
    first_at: int
    last_at: int
    width: float = WIDTH
    names: float = NAMES


@dataclass(frozen=True)
class Totals:
    """What a customer adds up to."""

    first_at: int
    last_at: int
    touchpoints: int
    purchases: int
    spend_minor: int
    refunded_minor: int
    currency: str
    experience_mean: float | None
    last_nps: int | None
    open_cases: int
    status: str


@dataclass(frozen=True)
class OpenCase:
    """A case that is not resolved."""

    case_id: str
    topic: str
    status: str
    opened_at: int
    age_seconds: float | None


@dataclass(frozen=True)
class Thing:
    """Something that the customer left behind."""

    subject: str
    at: int
    status: str
    value_minor: int | None
    currency: str


@dataclass(frozen=True)
class Journey:
    """The screen; `totals` is None where the views know nobody of that id."""

    customer_id: str
    totals: Totals | None
    steps: tuple[Step, ...]
    line: TimeLine | None
    turns: tuple[Turn, ...]
    cases: tuple[OpenCase, ...]
    left_behind: tuple[Thing, ...]
    follow_ups: tuple[FollowUp, ...]


def parameters(asked: Asked) -> dict[str, object]:
    """Return the values that the queries name.

    Raises:
        AskedError: the address names no customer.
    """
    customer = asked.words.get("customer", "")
    if not customer:
        raise AskedError("The address names no customer.")
    return {**asked.parameters, "customer": customer, "most": MOST_STEPS}


def build(asked: Asked, answers: Mapping[str, Rows]) -> Journey:
    """Return the screen of the rows of each query, by the queries' names."""
    turns = {row["onset_event_id"]: _turn(row) for row in reversed(answers[TURNS.name])}
    causes = {row["cause_event_id"] for row in answers[TURNS.name]} - {""}
    newest_last = reversed(answers[STEPS.name])
    steps = tuple(_step(row, turns.get(row["event_id"]), row["event_id"] in causes) for row in newest_last)
    totals = answers[TOTALS.name]
    return Journey(
        customer_id=asked.words["customer"],
        totals=_totals(totals[0]) if totals else None,
        steps=steps,
        line=time_line(steps, tuple(turns.values())) if steps else None,
        turns=tuple(turns.values()),
        cases=tuple(_case(row, asked.basis) for row in answers[CASES.name]),
        left_behind=tuple(map(_thing, answers[LEFT_BEHIND.name])),
        follow_ups=tuple(map(follow_up, answers[FOLLOW_UPS.name])),
    )


def time_line(steps: tuple[Step, ...], turns: tuple[Turn, ...]) -> TimeLine:
    """Return the chart of touchpoints in order of time; there is one at least."""
    first_at, last_at = steps[0].at, steps[-1].at
    along = Scale(first_at, last_at, NAMES + LEFT, WIDTH - RIGHT - 6)
    channels = list(dict.fromkeys(step.channel for step in steps))
    lanes = {channel: TOP + LANE * (number + 0.5) for number, channel in enumerate(channels)}
    top = TOP + LANE * len(channels) + 12
    up = Scale(-1, 1, top + LINE, top)
    felt = [(along.place(step.at), up.place(step.experience)) for step in steps if step.experience is not None]
    return TimeLine(
        height=top + LINE + 20,
        lanes=tuple(lanes.items()),
        marks=tuple(Mark(along.place(step.at), lanes[step.channel], step) for step in steps),
        path="M" + " L".join(f"{x:g},{y:g}" for x, y in felt) if felt else "",
        levels=tuple((up.place(level), level) for level in (-1.0, 0.0, 1.0)),
        turns=tuple((along.place(turn.at), turn) for turn in turns if first_at <= turn.at <= last_at),
        first_at=first_at,
        last_at=last_at,
    )


def _step(row: Row, turn: Turn | None, is_cause: bool) -> Step:
    return Step(
        at=int(row["at"]),
        kind=row["kind"],
        action=row["action"],
        channel=row["channel"],
        text=row["text"],
        experience=row["experience"],
        value_minor=_whole(row["value_minor"]),
        currency=row["currency"],
        turn=turn,
        is_cause=is_cause,
    )


def _turn(row: Row) -> Turn:
    return Turn(row["direction"], int(row["at"]), row["before"], row["after"], row["cause_kind"])


def _totals(row: Row) -> Totals:
    return Totals(
        first_at=int(row["first_at"]),
        last_at=int(row["last_at"]),
        touchpoints=int(row["touchpoints"]),
        purchases=int(row["purchases"]),
        spend_minor=int(row["spend_minor"]),
        refunded_minor=int(row["refunded_minor"]),
        currency=row["currency"],
        experience_mean=row["experience_mean"],
        last_nps=_whole(row["last_nps"]),
        open_cases=int(row["open_cases"]),
        status=row["status"],
    )


def _case(row: Row, basis: Basis) -> OpenCase:
    age_s = basis.age(row["age_seconds"])
    return OpenCase(row["case_id"], row["topic"], row["status"], int(row["opened_at"]), age_s)


def _thing(row: Row) -> Thing:
    return Thing(row["subject"], int(row["at"]), row["status"], _whole(row["value_minor"]), row["currency"])


def _whole(value: float | str | None) -> int | None:
    return None if value is None else int(value)
