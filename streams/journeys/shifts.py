"""Sentiment shifts: where the level of one customer's experience changed, and lasted.

A sequential likelihood-ratio test for one change in the mean (Siegmund 1985; with the split that explains most taken as
the onset): after each observation, every split of the window into a before and an after of at least `MIN_SIDE` is
weighed by k (n - k) / n * (difference of means)^2 / variance, the variance pooled within the sides and steadied by a
prior worth `PRIOR_N` observations, for a handful of values says little of its own spread. Beyond `THRESHOLD`, and where
the means differ by `MIN_EFFECT`, the shift is reported, once: the window goes on with what came after the onset.

The constants were set by simulation: in 30 observations without a change, 2 % of customers with a spread of 0.35 and
5 % with 0.5 are reported; with 8 observations a side and a spread of 0.3 a drop of 0.8 is found in 87 %, on average 4
observations after the turn, and one of 1.0 in 99 %. `tests/unit/journeys/test_shifts.py` holds them to it.
"""

from __future__ import annotations

from hashlib import blake2b

from schemas.metrics import SENTIMENT_SHIFTS
from schemas.rows import ShiftRow
from schemas.units import DAY_MS, SCALE
from streams.journeys import causes, follow_ups
from streams.journeys.effects import Effects
from streams.journeys.state import CustomerState, Observation

TABLE = "sentiment_shifts"
DETECTOR = "glr-1"
"""Name and version, stored with each shift."""
WINDOW = 24
MIN_SIDE = 3
THRESHOLD = 18.0
MIN_EFFECT = 0.4 * SCALE
PRIOR_N = 4
PRIOR_SQUARES = PRIOR_N * (0.35 * SCALE) ** 2
MEMORY_MS = 365 * DAY_MS
"""An observation older than this says nothing of how the customer is served now."""


def observe(customer: CustomerState, observation: Observation, effects: Effects) -> None:
    """Add an observation to the customer's series; report the shift that it reveals, if any."""
    series = customer.observations
    series.append(observation)
    oldest = observation.attribution.at - MEMORY_MS
    if len(series) > WINDOW or series[0].attribution.at < oldest:
        series = [o for o in series[-WINDOW:] if o.attribution.at >= oldest]
        customer.observations = series
    _detect(customer, effects)


def restate(customer: CustomerState, event_id: str, value: int | None, effects: Effects) -> None:
    """Give the observation of a touchpoint another value, or none; nothing where the detector no longer weighs it."""
    for place, observation in enumerate(customer.observations):
        if observation.event_id == event_id:
            if observation.value != value:
                customer.observations[place] = Observation(observation.attribution, event_id, value, observation.cause)
                _detect(customer, effects)
            return


def _detect(customer: CustomerState, effects: Effects) -> None:
    series = [o for o in customer.observations if o.value is not None]
    if len(series) < 2 * MIN_SIDE:
        return
    values = [o.value or 0 for o in series]
    split = find_split(values)
    if split:
        _report(customer, series, values, split, effects)
        customer.observations = customer.observations[customer.observations.index(series[split]) :]


def find_split(values: list[int]) -> int:
    """Return how many of `values` (units of 1 / SCALE) came before the shift, or 0 where there is none."""
    n = len(values)
    total = sum(values)
    squares = sum(value * value for value in values)
    before = sum(values[: MIN_SIDE - 1])
    best, at = THRESHOLD, 0
    for k in range(MIN_SIDE, n - MIN_SIDE + 1):
        before += values[k - 1]
        after = total - before
        difference = after / (n - k) - before / k
        if -MIN_EFFECT < difference < MIN_EFFECT:
            continue
        within = squares - before * before / k - after * after / (n - k)
        variance = (within + PRIOR_SQUARES) / (n - 2 + PRIOR_N)
        weight = k * (n - k) / n * difference * difference / variance
        if weight >= best:
            best, at = weight, k
    return at


def _report(
    customer: CustomerState, series: list[Observation], values: list[int], split: int, effects: Effects
) -> None:
    onset, before, after = series[split], values[:split], values[split:]
    cause = causes.act_of(customer, onset.cause)
    before_mean = round(sum(before) / len(before))
    after_mean = round(sum(after) / len(after))
    worse = after_mean < before_mean
    customer.last_shift = -1 if worse else 1
    stated_key = onset.attribution.stated_key
    direction = "worse" if worse else "better"
    shift_id = _shift_id(stated_key or effects.customer_id, onset.event_id, direction)
    row = ShiftRow(
        shift_id=shift_id,
        customer_id=effects.customer_id,
        journey_id=effects.journey_id(onset.attribution.journey),
        direction=direction,
        detected_at=effects.now,
        onset_at=onset.attribution.at,
        onset_event_id=onset.event_id,
        before_mean=before_mean,
        after_mean=after_mean,
        n_before=len(before),
        n_after=len(after),
        cause_event_id=None if cause is None else cause.event_id,
        cause_kind=None if cause is None else cause.kind,
        detector=DETECTOR,
        previous_customer_id=stated_key,
        deleted=False,
        version=0,
    )
    effects.put(TABLE, (shift_id,), row)
    if worse:
        follow_ups.worse(customer, onset.attribution, onset.event_id, after_mean, effects)
    effects.change(SENTIMENT_SHIFTS, onset.attribution, n=1, numerator=int(worse))


def _shift_id(stated_key: str, onset_event_id: str, direction: str) -> str:
    """Return a shift's id: by what its onset states, so that it is the same whose touchpoint that becomes."""
    name = f"{direction} {len(stated_key)} {stated_key} {onset_event_id}"
    return blake2b(name.encode(), digest_size=16).hexdigest()
