"""Observations, and the rows of `rolling_metrics` that they add up to."""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.oracle.carts import counted_carts
from tests.oracle.facts import Fact, is_answer, is_cancelled, is_order
from tests.oracle.groups import nps_interval, share_interval
from tests.oracle.histories import CustomerHistory
from tests.oracle.scores import counted, is_scored
from tests.oracle.touchpoints import DAY, HOUR, MINUTE, SECOND, Touch

GRAINS = {"1m": MINUTE, "1h": HOUR, "1d": DAY, "1w": 7 * DAY, "1mo": 0}
"""How long a bucket is; a month is as long as it is."""
MONDAY = 4 * DAY
"""1970-01-05, ms."""
ANSWERED_IN_TIME = 20 * SECOND
PATIENCE = 30 * DAY
"""A later answer does not count as a first response."""
DURATIONS = {"speed_of_answer", "hold_time", "first_response_time"}
MONEY = {"orders", "revenue", "refunds"}
SHARES = {
    "csat",
    "ces",
    "cart_abandonment_rate",
    "call_abandonment_rate",
    "service_level",
    "survey_abandonment_rate",
    "sentiment_shifts",
}
SUMS = {"revenue", "refunds"}
"""Never added across currencies."""

Key = tuple[str, str, int, str, str]
"""Metric, grain, bucket, dimension, its value."""


@dataclass(frozen=True)
class Observation:
    """One thing counted; its bucket and dimensions are those of `touch`."""

    metric: str
    touch: Touch
    amount: float
    """What it adds to the numerator: 0 or 1, a score, minor units, or seconds."""
    currency: str = ""
    """Of money alone."""
    customer: str = ""


@dataclass
class Bucket:
    """The observations of one row, and whose each is."""

    amounts: list[float] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.amounts)

    @property
    def total(self) -> float:
        """What they add up to."""
        return math.fsum(self.amounts)

    def value(self, metric: str) -> float:
        """Return the metric's value."""
        if metric == "orders":
            return self.n
        if metric in SUMS:
            return self.total
        if metric == "sentiment_shifts":
            return self.total / self.n
        return self.total / self.n * (100 if metric == "nps" else 1)

    def interval(self, metric: str) -> dict[str, float]:
        """Return the columns of the interval, none for metrics that are no share and no score of loyalty."""
        if metric not in {"nps", *SHARES}:
            return {}
        observed = list(zip(self.customers, self.amounts, strict=True))
        low, high = nps_interval(observed) if metric == "nps" else share_interval(observed)
        return {"ci_low": low, "ci_high": high}

    def quantile(self, share: float) -> float:
        """Return the quantile, between two observations in proportion."""
        return quantile(self.amounts, share)


def quantile(values: Iterable[float], share: float) -> float:
    """Return a quantile of one value or more, between two of them in proportion."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def observe(history: CustomerHistory) -> Iterator[Observation]:
    """Return all that is counted of one customer, shifts apart."""
    for touch in history.touches:
        if not is_answer(touch) and not is_order(touch):
            yield from _of_touch(history, touch)
    for answer in history.answers:
        yield from _of_answer(history, answer)
    for order in history.orders:
        yield from _of_order(order)
    own = counted_carts(history.touches, history.orders, history.now)
    for cart in own if history.counted is None else history.counted:
        yield Observation("cart_abandonment_rate", cart.first, cart.lost)
    for survey in history.surveys:
        lost = survey.abandoned is not None
        yield Observation("survey_abandonment_rate", survey.started, lost)
    yield from _of_calls(history)
    yield from _of_first_answers(history)


def _of_touch(history: CustomerHistory, touch: Touch) -> Iterator[Observation]:
    if touch.kind == "purchase":
        yield Observation("refunds", touch, touch.value or 0, touch.currency or "")
    if touch.sentiment is not None:
        yield Observation("sentiment", touch, touch.sentiment)
    if touch.event_id in history.experiences:
        yield Observation("experience", touch, history.experiences[touch.event_id])


def _of_answer(history: CustomerHistory, answer: Fact) -> Iterator[Observation]:
    counts = answer.counted
    if is_scored(counts) and (question := counted(counts)):
        yield Observation(question[0], answer.first, question[1])
    if counts.sentiment is not None:
        yield Observation("sentiment", answer.first, counts.sentiment)
    if counts.event_id in history.experiences:
        yield Observation("experience", answer.first, history.experiences[counts.event_id])


def _of_order(order: Fact) -> Iterator[Observation]:
    counts = order.counted
    if not is_cancelled(counts):
        yield Observation("orders", order.first, 1, counts.currency or "")
        yield Observation("revenue", order.first, counts.value or 0, counts.currency or "")


def _of_calls(history: CustomerHistory) -> Iterator[Observation]:
    for call in history.calls:
        if call.queued is None:
            continue
        if not call.short:
            yield Observation("call_abandonment_rate", call.queued, call.gave_up == "call")
        if call.answered_at is not None:
            waited = call.answered_at - call.queued.at
            yield Observation("speed_of_answer", call.queued, waited / SECOND)
            yield Observation("hold_time", call.queued, call.hold_ms / SECOND)
            yield Observation("service_level", call.queued, waited <= ANSWERED_IN_TIME)
        elif call.gave_up == "call" and call.ended is not None and call.ended.at - call.queued.at > ANSWERED_IN_TIME:
            yield Observation("service_level", call.queued, 0)


def _of_first_answers(history: CustomerHistory) -> Iterator[Observation]:
    for asked, answer in history.answered or ():
        yield Observation("first_response_time", asked, (answer.at - asked.at) / SECOND)
    if history.answered is not None:
        return
    waiting: dict[tuple[str, str], Touch] = {}
    for touch in history.touches:
        answered: Touch | None = None
        if touch.kind == "case_event":
            if touch.action == "opened":
                waiting.setdefault((touch.kind, touch.subject), touch)
            elif touch.record["by"] == "agent":
                answered = waiting.pop((touch.kind, touch.subject), None)
        elif touch.kind == "tweet":
            if touch.action == "customer":
                waiting.setdefault((touch.kind, touch.subject), touch)
            else:
                answered = waiting.pop((touch.kind, touch.record.get("in_reply_to") or ""), None)
        if answered is not None and touch.at <= answered.at + PATIENCE:
            yield Observation("first_response_time", answered, (touch.at - answered.at) / SECOND)


def in_several_currencies(observations: Iterable[Observation]) -> set[str]:
    """Return the sums whose observations are in several currencies: only the dimension `currency` adds them up."""
    seen: dict[str, set[str]] = {metric: set() for metric in SUMS}
    for observation in observations:
        if observation.metric in SUMS:
            seen[observation.metric].add(observation.currency)
    return {metric for metric, currencies in seen.items() if len(currencies) > 1}


def bounds(grain: str, at: int) -> tuple[int, int]:
    """Return when the bucket of a moment starts and ends, ms; days are those of UTC."""
    if grain == "1mo":
        day = datetime.fromtimestamp(at / 1000, UTC)
        first = datetime(day.year, day.month, 1, tzinfo=UTC)
        following = first + timedelta(days=monthrange(day.year, day.month)[1])
        return int(first.timestamp() * 1000), int(following.timestamp() * 1000)
    length, offset = GRAINS[grain], MONDAY if grain == "1w" else 0
    start = (at - offset) // length * length + offset
    return start, start + length


def add_up(
    observations: Iterable[Observation], grains: Iterable[str], attributes: Container[str] | None
) -> dict[Key, Bucket]:
    """Sort observations into buckets, by grain and dimension; of None all attributes are dimensions."""
    buckets: dict[Key, Bucket] = {}
    for observation in observations:
        touch = observation.touch
        told = {name: value for name, value in touch.attributes.items() if attributes is None or name in attributes}
        dimensions = {**told, "all": "", "channel": touch.channel}
        # An attribute of that name is not the currency.
        dimensions.pop("currency", None)
        if observation.metric in MONEY:
            dimensions["currency"] = observation.currency
        for grain in grains:
            start, _ = bounds(grain, touch.at)
            for dimension, value in dimensions.items():
                key = (observation.metric, grain, start, dimension, value)
                bucket = buckets.setdefault(key, Bucket())
                bucket.amounts.append(float(observation.amount))
                bucket.customers.append(observation.customer)
    return buckets
