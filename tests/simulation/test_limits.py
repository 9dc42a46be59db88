"""What the stories do not compare is named exactly: those rows and columns, and no others."""

from __future__ import annotations

from typing import Any

from schemas import journey_log
from schemas.journey_log import LogRecord, Moved, Tick, Withdrawn
from schemas.transfers import Adopted, transfer
from streams.journeys import things
from streams.journeys.rules import Rules
from streams.journeys.state import Attribution
from streams.journeys.things import Things
from tests.simulation.limits import Excepted, ends_of_adopted_calls, heard_late
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, call

GUEST = "anon:cookie:k"
RULES = Rules(allowed_lateness_ms=3 * DAY, moved_ms=3 * DAY)
ASKED = T0 - 5 * DAY
EVENT_ID = f"\0adopted {T0} 0 {GUEST}"


def moved(number: int, *questions: str) -> Moved:
    """Return a profile's questions, as its owner is sent them as of `T0`."""
    asked = {question: Attribution(ASKED + MINUTE // 2, "web", {}, f"{GUEST}#1", GUEST) for question in questions}
    adopted = transfer(Adopted, GUEST, EVENT_ID, T0, things=things.encode(Things(unanswered=asked)))
    return Moved("ann", 0, number, journey_log.encode(adopted))


def late(*log: LogRecord) -> Excepted:
    return heard_late([log], RULES)


def test_what_is_heard_in_time_or_twice_is_compared() -> None:
    first, corrected = moved(1, "post p", "post q"), moved(2, "post q")
    settled = Tick(T0 + 9 * DAY, T0 + 6 * DAY + 1)

    assert late(first, Tick(T0 + 9 * DAY, T0 + 6 * DAY), corrected, settled, corrected, first) == Excepted()


def test_what_is_changed_when_the_log_has_settled_beyond_it_is_not() -> None:
    first, corrected = moved(1, "post p"), moved(2)
    settled = Tick(T0 + 9 * DAY, T0 + 6 * DAY + 1)
    minute = Excepted(minutes={str(ASKED)}, heard={"ann"})

    assert late(first, settled, corrected) == minute
    assert late(first, settled, Withdrawn("ann", 0, 2, [EVENT_ID])) == minute
    assert late(settled, first) == minute


def test_of_a_call_that_a_profile_began_the_end_is_named_and_of_no_other() -> None:
    phases = [
        *(call(0, "queued", "a", customer_key=GUEST), call(HOUR, "ended", "a", customer_key="ann", event_id="of both")),
        *(call(0, "queued", "b", customer_key="ann"), call(HOUR, "ended", "b", customer_key="ann", event_id="own")),
        *(call(0, "queued", "c", customer_key=GUEST), call(HOUR, "ended", "c", customer_key="bob", event_id="other")),
        *(
            call(0, "queued", "d", customer_key=GUEST),
            call(DAY, "ended", "d", customer_key="ann", event_id="long over"),
        ),
    ]

    assert ends_of_adopted_calls(phases, lambda _key, _at: "ann") == Excepted(ends={"of both"})


def row(**columns: str) -> list[tuple[str, str]]:
    return sorted(columns.items())


def test_of_the_end_of_a_call_what_the_customer_felt_is_left_out_and_all_else_is_compared() -> None:
    end = {"event_id": "e", "action": "ended", "customer_id": "ann", "subject_id": "c", "occurred_at": str(ASKED + 7)}
    rows: dict[str, list[Any]] = {
        "touchpoints": [
            row(**end, journey_id="ann#1", experience="-6000"),
            row(**(end | {"event_id": "f"}), journey_id="ann#2", experience="5000"),
        ],
        "journeys": [
            row(journey_id="ann#1", experience_n="1", purchases="0"),
            row(journey_id="ann#2", experience_n="1"),
        ],
        "customers": [row(customer_id="ann", experience_sum="-1000", open_cases="0"), row(customer_id="bob")],
        "abandonments": [row(customer_id="ann", subject_id="c")],
        "follow_ups": [row(customer_id="ann"), row(customer_id="bob")],
        "sentiment_shifts": [row(customer_id="ann", onset_at=str(ASKED + DAY)), row(customer_id="bob", onset_at="0")],
        "metrics": [
            ("experience", str(ASKED), "n", "1"),
            ("experience", str(ASKED + MINUTE), "n", "1"),
            ("sentiment_shifts", str(ASKED + DAY), "n", "1"),
            ("first_response_time", str(ASKED), "n", "1"),
        ],
    }

    assert Excepted(ends={"e"}).without(rows) == {
        "touchpoints": [row(**end, journey_id="ann#1"), rows["touchpoints"][1]],
        "journeys": [row(journey_id="ann#1", purchases="0"), rows["journeys"][1]],
        "customers": [row(customer_id="ann", open_cases="0"), rows["customers"][1]],
        "abandonments": rows["abandonments"],
        "follow_ups": rows["follow_ups"][1:],
        "sentiment_shifts": rows["sentiment_shifts"][1:],
        "metrics": [rows["metrics"][1], rows["metrics"][3]],
    }
    assert Excepted().without(rows) == rows
    without = Excepted(minutes={str(ASKED)}).without(rows)
    assert without == {**rows, "metrics": rows["metrics"][:3]}
