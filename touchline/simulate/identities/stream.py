"""The touchpoints of people who come as several identities as one stream in order of event time, and their truth.

Units of people are simulated one after the other, and forgotten; the touchpoints are sorted on disk. So memory does not
grow with the number of people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from touchline.simulate.counts import Counts
from touchline.simulate.identities.individual import CUSTOMER, Individual
from touchline.simulate.identities.population import units_of
from touchline.simulate.identities.scenarios import SCENARIOS, people_of
from touchline.simulate.identities.unit import MIN_DAYS, Unit
from touchline.simulate.ordered import OrderedLines
from touchline.simulate.person import Event, stamped, timestamp
from touchline.simulate.shop import DAY_MS, Period

_encode = msgspec.json.Encoder().encode
_BETWEEN = b"\t"


def write_identities(people: int, seed: int, period: Period, out: Path, *, subject_only: bool = False) -> None:
    """Write the touchpoints of some people to `out`, one JSON object a line, and who they are beside it.

    Beside `FILE.jsonl` are written:

    - `FILE.owners.jsonl`: for each line of `out`, in the same order, `event_id` and `person`.
    - `FILE.people.jsonl`: one line a person: `person`, `scenario`, `shares` (whether something of the scenario may be
      somebody else's, too), `touchpoints` (their number), `customer_id` where there is one, and `identities`: `kind`,
      `value`, and `since`, `until` where it was another's or nobody's before or after, `mistyped` where it is an error.
    - `FILE.truth.json`: what the stream holds: counts by kind and scenario, and the truth about carts, calls, surveys,
      NPS and money, as it is when each touchpoint is its person's.

    Args:
        people: how many, at least 1; from about 40 on each scenario has some.
        seed: the same seed gives the same bytes.
        period: the time, at least `MIN_DAYS` days.
        subject_only: whether refunds state their order alone, and the brand's answers their post alone. By the default
            settings touchline refuses such refunds as `no_identity`. Without it they state the customer's address and
            the brand's account. The desk's steps and the ends of calls never state anybody.

    Raises:
        ValueError: nobody, or too few days.
    """
    if people < 1 or period.end - period.start < MIN_DAYS * DAY_MS:
        days = (period.end - period.start) // DAY_MS
        raise ValueError(f"cannot simulate identities of {people} people in {days} days: 1 and {MIN_DAYS} at least")
    lines, counts = OrderedLines(), _ScenarioCounts()
    with out.with_suffix(".people.jsonl").open("wb") as file:
        for who in _individuals(people, seed, period, subject_only):
            _add(who, lines, counts, file)
    with out.open("wb") as events, out.with_suffix(".owners.jsonl").open("wb") as owners:
        for line in lines.in_order():
            owner, _, event = line.partition(_BETWEEN)
            events.write(event)
            owners.write(owner)
    head = {"seed": seed, "start": timestamp(period.start), "end": timestamp(period.end), "people": people}
    text = msgspec.json.format(_encode({**head, **counts.summary()}), indent=2)
    out.with_suffix(".truth.json").write_bytes(text + b"\n")


def _individuals(people: int, seed: int, period: Period, subject_only: bool) -> Iterator[Individual]:
    first = 1
    for scenario, size in units_of(people):
        yield from people_of(Unit.new(scenario, first, size, seed, period, subject_only))
        first += size


class _ScenarioCounts:
    """Counts of people and touchpoints, by scenario, and of what they did."""

    def __init__(self) -> None:
        self._counts = Counts()
        self._people: Counter[str] = Counter()
        self._touchpoints: Counter[str] = Counter()

    def add(self, who: Individual, events: list[tuple[int, Event]]) -> None:
        self._counts.add(events)
        self._people[who.scenario] += 1
        self._touchpoints[who.scenario] += len(events)

    def summary(self) -> dict[str, Any]:
        scenarios = {
            name: {"people": self._people[name], "touchpoints": self._touchpoints[name], "shares": scenario.shares}
            for name, scenario in SCENARIOS.items()
        }
        return {"scenarios": scenarios, **self._counts.summary()}


def _add(who: Individual, lines: OrderedLines, counts: _ScenarioCounts, file: IO[bytes]) -> None:
    events = sorted(who.person.events_at.items())
    counts.add(who, events)
    file.write(_encode(_described(who)) + b"\n")
    for at, event in events:
        owner = _encode({"event_id": event["event_id"], "person": who.person.name}) + b"\n"
        lines.add(at, owner + _BETWEEN + _encode(stamped(event)) + b"\n")


def _described(who: Individual) -> dict[str, Any]:
    customers = [held.value for held in who.holdings if held.kind == CUSTOMER]
    return {
        "person": who.person.name,
        "scenario": who.scenario,
        "shares": SCENARIOS[who.scenario].shares,
        "touchpoints": len(who.person.events_at),
        **({"customer_id": customers[0]} if customers else {}),
        "identities": [held.as_json() for held in who.holdings if held.kind != CUSTOMER],
    }
