"""Compares the rows of the views with the expected ones, and lists the differences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Any

from tests.oracle import adopted_things, histories, hours, kind_views, metrics, shifts
from tests.oracle.histories import CustomerHistory
from tests.oracle.touchpoints import ACTIONS, DAY, SECOND, Parting, Touch, moment, partings_of, read, shown_owners

Row = Mapping[str, Any]
Views = Mapping[str, list[dict[str, Any]]]
"""The rows of each view, as JSON with numbers unquoted; times as ClickHouse writes them, in UTC."""

FINAL_DAYS = {
    "cart_abandonment_rate": (33, 37),
    "survey_abandonment_rate": (10, 44),
    "first_response_time": (6, 37),
    "sentiment_shifts": (6, 372),
}
"""Days after its end during which a bucket is surely not final, and after which it surely is.

For three days a touchpoint may come late; for three more, a link of what is on time may move it.
"""
for corrected in ("nps", "csat", "ces", "orders", "revenue", "sentiment", "experience"):
    FINAL_DAYS[corrected] = (6, 10)
USUAL_FINAL_DAYS = (6, 8)


def _name(touch: Touch) -> tuple[str, str, str]:
    """Return what tells a touchpoint from all others."""
    return touch.stored_key, touch.kind, touch.event_id


@dataclass(frozen=True)
class World:
    """The histories of all customers, and the views to compare with them."""

    people: dict[str, CustomerHistory]
    views: Views
    clock: int
    owners: dict[tuple[str, int], str]
    """As whose a view shows what is stored under a name, by that and the time, ms."""
    partings: list[Parting]
    """When things of profiles become their owners'."""

    @classmethod
    def of(cls, told: Mapping[str, list[Touch]], views: Views, clock: int) -> World:
        """Work out the histories of each owner's touchpoints, up to `clock`, ms."""
        people = {name: histories.history_of(name, touches, clock) for name, touches in told.items()}
        parted = partings_of(told)
        adopted_things.adopt(people, parted, clock)
        return cls(people, views, clock, shown_owners(told, parted), parted)

    @cached_property
    def observations(self) -> list[metrics.Observation]:
        """All that metrics count, the shifts as their view has them."""
        holder = {_name(touch): who for who, history in self.people.items() for touch in history.touches}
        seen = [
            replace(one, customer=holder[_name(one.touch)])
            for history in self.people.values()
            for one in metrics.observe(history)
        ]
        for shift in self.views["sentiment_shifts"]:
            touches = self.history_of(shift).touches
            onset = next(touch for touch in touches if touch.event_id == shift["onset_event_id"])
            who = self.history_of(shift).customer
            seen.append(metrics.Observation("sentiment_shifts", onset, shift["direction"] == "worse", customer=who))
        return seen

    def touches_by_owner(self) -> dict[str, list[Touch]]:
        """Return all touchpoints by the customer that the views show."""
        found: dict[str, list[Touch]] = defaultdict(list)
        for history in self.people.values():
            for touch in history.touches:
                found[self.owners[touch.stored_key, touch.at]].append(touch)
        return found

    def history_of(self, row: Row) -> CustomerHistory:
        """Return the history of which a row is."""
        return self.people[row["journey_id"].rpartition("#")[0]]

    def owner(self, history: CustomerHistory, at: int) -> str:
        """Return as whose a view shows what a customer did at a time, ms."""
        return self.owners[history.customer, at]


def differences(lines: Iterable[Row], views: Views, clock: int) -> list[str]:
    """Return how the views differ from what the lines hold; `clock`, ms: every deadline up to then has passed.

    The view `reconciliation` is compared where it is among them.
    """
    lines = list(lines)
    sentiments = {row["event_id"]: row["sentiment"] for row in views["touchpoints"]}
    world = World.of(read(lines, sentiments), views, clock)
    items = kind_views.items(world.people, world.owners)
    return [
        *_scored(world),
        *unequal("touchpoints", ("event_id",), views["touchpoints"], touchpoints(world)),
        *(line for view in kind_views.KINDS for line in _of_kind(world, view)),
        *unequal("purchase_items", ("event_id", "place"), views["purchase_items"], items),
        *unequal("journeys", ("journey_id",), views["journeys"], journeys(world)),
        *unequal("abandonments", ABANDONMENT_KEY, views["abandonments"], abandonments(world)),
        *_customers(world),
        *metric_differences(world, world.observations),
        *_hours(world, lines),
        *shift_differences(world),
    ]


ABANDONMENT_KEY = ("journey_id", "subject", "subject_id", "started_at")
METRIC_KEY = ("metric", "grain", "bucket", "dimension", "dimension_value")
TIMES = {
    "occurred_at", "started_at", "last_touch_at", "ended_at", "abandoned_at", "recovered_at", "bucket",
    "first_seen_at", "last_seen_at", "eta_at", "hour", "month", "opened_at", "first_response_at",
    "first_resolved_at", "resolved_at", "as_of", "began_at", "invited_at", "completed_at", "happened_at", "due_at",
    "settle_due_at", "warned_at", "missed_at", "contacted_at", "closed_at", "first_order_at", "last_order_at",
    "left_at", "since", "cohort", "asked_at", "caused_at", "failed_at", "unmended_since", "found_at", "said_at",
}  # fmt: skip


def _hours(world: World, lines: Iterable[Row]) -> Iterator[str]:
    if "reconciliation" in world.views:
        counted = [row for row in world.views["reconciliation"] if row["kind"] in ACTIONS]
        yield from unequal("reconciliation", ("kind", "hour"), counted, hours.rows(lines, world.people.values()))


def _of_kind(world: World, view: str) -> Iterator[str]:
    yield from unequal(view, ("event_id",), world.views[view], kind_views.rows(view, world.people, world.owners))


def touchpoints(world: World) -> Iterator[dict[str, Any]]:
    """Give the expected rows of the view, without when they were received."""
    for history in world.people.values():
        superseded = history.superseded
        for touch in history.touches:
            yield {
                "event_id": touch.event_id,
                "kind": touch.kind,
                "occurred_at": touch.at,
                "customer_id": world.owners[touch.stored_key, touch.at],
                "journey_id": history.journey_of(touch),
                "channel": touch.channel,
                "source": touch.source,
                "action": touch.action,
                "text": touch.text,
                "experience": history.experiences.get(touch.event_id),
                "value_minor": touch.value,
                "currency": touch.currency,
                "subject_id": touch.subject,
                "attributes": touch.attributes,
                # The inputs were all published long after they happened.
                "ahead": False,
                "superseded": touch.event_id in superseded,
            }


def journeys(world: World) -> Iterator[dict[str, Any]]:
    """Give the expected rows of the view."""
    for history in world.people.values():
        once = history.felt()
        for journey in history.journeys:
            felt = [once[touch.event_id] for touch in journey if touch.event_id in once]
            money = histories.money(history.orders_in(journey), journey)
            yield {
                "journey_id": history.journey_of(journey[0]),
                "customer_id": world.owner(history, journey[0].at),
                "started_at": journey[0].at,
                "last_touch_at": journey[-1].at,
                "ended_at": histories.ended_at(journey, history.now),
                "touchpoints": len(journey),
                "channels": list(dict.fromkeys(touch.channel for touch in journey)),
                "path": [touch.kind for touch in journey],
                "steps": [kind_views.step(touch) for touch in journey],
                "purchases": money.purchases,
                "revenue_minor": money.spend,
                "currency": money.currency,
                "experience_first": felt[0] if felt else None,
                "experience_last": felt[-1] if felt else None,
                "experience_mean": fmean(felt) if felt else None,
                "outcome": histories.outcome(history, journey),
            }


def abandonments(world: World) -> Iterator[dict[str, Any]]:
    """Give the expected rows of the view."""
    for history in world.people.values():
        for row in history.abandonments:
            yield {
                "subject": row.subject,
                "subject_id": row.subject_id,
                "customer_id": world.owner(history, row.started_at),
                "journey_id": world.people[row.first.customer].journey_of(row.first),
                "started_at": row.started_at,
                "abandoned_at": row.abandoned_at,
                "waited_seconds": (row.abandoned_at - row.started_at) / SECOND,
                "value_minor": row.value,
                "currency": row.currency,
                "status": "abandoned" if row.recovered_at is None else "recovered",
                "recovered_at": row.recovered_at,
                "recovered_by": row.recovered_by,
                "channel": row.first.channel,
                "attributes": row.first.attributes,
            }


def _customers(world: World) -> Iterator[str]:
    """Return how the view differs, but for whom a login has cut a profile in two.

    `tests/unit/sinks/test_view_changing_owners.py` counts these by hand.
    """
    cut = cut_in_two(world)
    shown, expected = (
        [row for row in rows if row["customer_id"] not in cut] for rows in (world.views["customers"], customers(world))
    )
    return unequal("customers", ("customer_id",), shown, expected)


def cut_in_two(world: World) -> set[str]:
    """Return all owners of the profiles whose touchpoints are not all one owner's."""
    found: set[str] = set()
    for history in world.people.values():
        owners = {world.owner(history, touch.at) for touch in histories.lives(history)[-1].touches}
        found |= owners if len(owners) > 1 else set()
    return found


def customers(world: World) -> Iterator[dict[str, Any]]:
    """Give the expected rows of the view: whoever is shown as one customer is one, also by histories of before."""
    shown: dict[str, list[CustomerHistory]] = {}
    newest = {name: histories.lives(history)[-1] for name, history in world.people.items()}
    for name, history in newest.items():
        history.open_cases = world.people[name].open_cases
    for history in sorted(newest.values(), key=lambda history: history.touches[0].at):
        shown.setdefault(world.owner(history, history.touches[-1].at), []).append(history)
    last: dict[str, Row] = {}
    for shift in sorted(world.views["sentiment_shifts"], key=lambda shift: str(shift["onset_at"])):
        name = world.history_of(shift).customer
        if (moment(shift["onset_at"]) or 0) >= newest[name].touches[0].at:
            last[name] = shift
    for customer, of_one in shown.items():
        yield {"customer_id": customer, **_customer(of_one, last)}


def _customer(of_one: list[CustomerHistory], last_shifts: Mapping[str, Row]) -> dict[str, Any]:
    """Return what histories of one customer come to, in the order in which they began."""
    money = [histories.money(history.orders, history.touches) for history in of_one]
    currency = next((one.currency for one in money if one.currency), "")
    counted = [one for one in money if one.currency == currency]
    felt = [value for history in of_one for value in history.felt().values()]
    by_end = sorted(of_one, key=lambda history: history.touches[-1].at)
    scores = [history.last_nps() for history in by_end]
    newest = by_end[-1]
    runs = histories.ended_at(newest.journeys[-1], newest.now) is None
    if last_shifts.get(newest.customer, {}).get("direction") == "worse":
        status = "unhappy" if runs else "lost"
    else:
        status = "active" if runs else "inactive"
    return {
        "first_seen_at": of_one[0].touches[0].at,
        "last_seen_at": newest.touches[-1].at,
        "touchpoints": sum(len(history.touches) for history in of_one),
        "purchases": sum(one.purchases for one in money),
        "spend_minor": sum(one.spend for one in counted),
        "refunded_minor": sum(one.refunded for one in counted),
        "currency": currency,
        "experience_mean": fmean(felt) if felt else None,
        "last_nps": next((score for score in reversed(scores) if score is not None), None),
        "open_cases": sum(len(history.open_cases) for history in of_one),
        "status": status,
    }


def metric_differences(
    world: World,
    seen: Sequence[metrics.Observation],
    grains: Sequence[str] = tuple(metrics.GRAINS),
    attributes: Container[str] | None = None,
) -> list[str]:
    """Return how rolling_metrics, of which some grains are read, differ from what was seen.

    Args:
        attributes: those that are dimensions; None for all.
    """
    expected = rolling_metrics(seen, grains, attributes)
    return [
        *unequal("rolling_metrics", METRIC_KEY, world.views["rolling_metrics"], expected),
        *_intervals(world),
        *_finality(world),
    ]


def rolling_metrics(
    observations: Sequence[metrics.Observation],
    grains: Sequence[str] = tuple(metrics.GRAINS),
    attributes: Container[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Give the expected rows of the view, without intervals of means and without whether they are final."""
    several = metrics.in_several_currencies(observations)
    for key, bucket in metrics.add_up(observations, grains, attributes).items():
        metric, dimension = key[0], key[3]
        added = metric not in several or dimension == "currency"
        spread = metric in metrics.DURATIONS
        yield {
            **dict(zip(METRIC_KEY, key, strict=True)),
            "n": bucket.n,
            "numerator": bucket.total if added else None,
            "denominator": bucket.n,
            "value": bucket.value(metric) if added else None,
            "promoters": sum(amount > 0 for amount in bucket.amounts) if metric == "nps" else None,
            "detractors": sum(amount < 0 for amount in bucket.amounts) if metric == "nps" else None,
            **{f"p{share}": bucket.quantile(share / 100) if spread else None for share in (50, 90, 99)},
            **bucket.interval(metric),
        }


def unequal(view: str, key: tuple[str, ...], found: list[dict[str, Any]], expected: Iterable[Row]) -> Iterator[str]:
    """Give the differences between a view's rows and those expected, by a key; times are as ClickHouse writes them."""
    rows: dict[tuple[object, ...], Row] = {}
    for raw in found:
        row: Row = {name: moment(value) if name in TIMES else value for name, value in raw.items()}
        name = tuple(row[column] for column in key)
        if name in rows:
            yield f"{view} {name}: twice"
        rows[name] = row
    for wanted in expected:
        name = tuple(wanted[column] for column in key)
        if (stored := rows.pop(name, None)) is None:
            yield f"{view} {name}: missing {dict(wanted)}"
            continue
        for column, value in wanted.items():
            if not _same(stored[column], value):
                yield f"{view} {name}: {column} is {stored[column]!r}, not {value!r}"
    for name, row in rows.items():
        yield f"{view} {name}: should not be {dict(row)}"


def _same(found: object, wanted: object) -> bool:
    if isinstance(found, int | float) and isinstance(wanted, int | float):
        return abs(found - wanted) <= 1e-9 * max(1.0, abs(wanted))
    return found == wanted


def _scored(world: World) -> Iterator[str]:
    """Only the customer's own words are scored, within -1 to 1."""
    for history in world.people.values():
        for touch in history.touches:
            if touch.sentiment is None:
                continue
            if not touch.own_words:
                yield f"touchpoints {touch.event_id}: scored, though not the customer's words"
            if not -1 <= touch.sentiment <= 1:
                yield f"touchpoints {touch.event_id}: sentiment {touch.sentiment}"


def _intervals(world: World) -> Iterator[str]:
    for row in world.views["rolling_metrics"]:
        low, high = row["ci_low"], row["ci_high"]
        if row["metric"] == "nps" and (low is None or high is None):
            yield f"rolling_metrics {row}: no interval"
        if low is not None and high is not None and not low - 1e-9 <= row["value"] <= high + 1e-9:
            yield f"rolling_metrics {row}: the value lies outside its interval"
        if row["metric"] == "nps" and not -100 <= low <= high <= 100:
            yield f"rolling_metrics {row}: an interval beyond the scale"


def _finality(world: World) -> Iterator[str]:
    for row in world.views["rolling_metrics"]:
        _, end = metrics.bounds(row["grain"], moment(row["bucket"]) or 0)
        surely_not, surely = FINAL_DAYS.get(row["metric"], USUAL_FINAL_DAYS)
        if row["final"] and end + surely_not * DAY > world.clock:
            yield f"rolling_metrics {row}: final too early"
        if not row["final"] and end + surely * DAY <= world.clock:
            yield f"rolling_metrics {row}: not final yet"


def shift_differences(world: World) -> Iterator[str]:
    """Give what does not hold of the rows of `sentiment_shifts`."""
    seen = set[tuple[str, str]]()
    for row in world.views["sentiment_shifts"]:
        name = (row["customer_id"], row["onset_event_id"])
        if name in seen:
            yield f"sentiment_shifts {row['shift_id']}: reported twice"
        seen.add(name)
        lives = histories.lives(world.history_of(row))
        yield from shifts.differences(
            next(life for life in reversed(lives) if life.touches[0].at <= (moment(row["onset_at"]) or 0)), row
        )
