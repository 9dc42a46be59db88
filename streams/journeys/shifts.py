"""Sentiment shifts: where the level of one customer's experience changed, and lasted.

A Bayesian test for one change in the mean (A. F. M. Smith, "A Bayesian approach to inference about a change-point in a
sequence of random variables", Biometrika 62, 1975): after each observation, every split of the window into a before and
an after is weighed by its Bayes factor, that of two levels against one. Levels and variance are not known, so their
prior is normal and inverse gamma: `PRIOR_LEVEL` observations of a level in the middle of the scale, and `PRIOR_N` of a
standard deviation of `PRIOR_DEVIATION`, for a handful of values says little of its own spread. Where the split that
explains most has a log of `THRESHOLD` or more, and its means differ by `MIN_EFFECT`, the shift is reported, once: the
window goes on with what came after the onset. The more splits there are, the greater one of them is by chance: half the
log of their number is taken off, between one prior for all of them and one for each.

Splits with `LEAST_WEIGHED` on a side are weighed, and those with `MIN_SIDE` are reported: where the last two alone
explain most, the next observation tells where the shift began. What fails within an hour, a page and then a payment, is
one observation, the worst of it.

The constants were chosen on simulated customers, with the scores of the simulator's texts and with those that real
texts of the same polarity got (ADR 7): `python -m bench.shifts` tells how well turns are found.
"""

from __future__ import annotations

from hashlib import blake2b
from math import log

import msgspec

from schemas.metrics import SENTIMENT_SHIFTS
from schemas.rows import ShiftRow
from schemas.units import DAY_MS, HOUR_MS, SCALE
from streams.journeys import causes, follow_ups
from streams.journeys.effects import Effects
from streams.journeys.state import CustomerState, Observation

TABLE = "sentiment_shifts"
DETECTOR = "bayes-1"
"""Name and version, stored with each shift."""
WINDOW = 24
MIN_SIDE = 3
LEAST_WEIGHED = 2
THRESHOLD = 2.4
MIN_EFFECT = 0.4 * SCALE
PRIOR_LEVEL = 3
PRIOR_N = 12
PRIOR_DEVIATION = 0.4 * SCALE
PRIOR_SQUARES = PRIOR_N * PRIOR_DEVIATION**2
_OF_LEVEL = [-log(1 + n / PRIOR_LEVEL) / 2 for n in range(WINDOW + 1)]
"""What a level costs, by the number of its observations: half the log of how much they narrow it."""
_OF_SPLITS = [log(max(1, n - 2 * MIN_SIDE + 1)) / 2 for n in range(WINDOW + 1)]
"""What the number of splits costs, by that of observations."""
FAILURE_MS = HOUR_MS
MEMORY_MS = 365 * DAY_MS
"""An observation older than this says nothing of how the customer is served now."""


def observe(customer: CustomerState, observation: Observation, effects: Effects) -> None:
    """Add an observation to the customer's series; report the shift that it reveals, if any."""
    series = customer.observations
    if observation.has_failed and series and _is_of_one_failure(series[-1], observation):
        series[-1] = msgspec.structs.replace(series[-1], value=min(series[-1].value or 0, observation.value or 0))
    else:
        series.append(observation)
    oldest = observation.attribution.at - MEMORY_MS
    if len(series) > WINDOW or series[0].attribution.at < oldest:
        series = [o for o in series[-WINDOW:] if o.attribution.at >= oldest]
        customer.observations = series
    _detect(customer, effects)


def _is_of_one_failure(last: Observation, observation: Observation) -> bool:
    return last.has_failed and observation.attribution.at - last.attribution.at < FAILURE_MS


def restate(customer: CustomerState, event_id: str, value: int | None, effects: Effects) -> None:
    """Give the observation of a touchpoint another value, or none; nothing where the detector no longer weighs it."""
    for place, observation in enumerate(customer.observations):
        if observation.event_id == event_id:
            if observation.value != value:
                customer.observations[place] = msgspec.structs.replace(observation, value=value)
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
    """Return how many of the values came before the shift, or 0 where there is none.

    Args:
        values: at most `WINDOW`, in units of 1 / SCALE.
    """
    n = len(values)
    total = sum(values)
    squares = PRIOR_SQUARES + sum(value * value for value in values)
    power = (PRIOR_N + n) / 2
    one_level = _OF_LEVEL[n] - power * log(squares - total * total / (n + PRIOR_LEVEL))
    before = sum(values[: LEAST_WEIGHED - 1])
    best, at = one_level + THRESHOLD + _OF_SPLITS[n], 0
    for k in range(LEAST_WEIGHED, n - LEAST_WEIGHED + 1):
        before += values[k - 1]
        after = total - before
        if -MIN_EFFECT < after / (n - k) - before / k < MIN_EFFECT:
            continue
        within = squares - before * before / (k + PRIOR_LEVEL) - after * after / (n - k + PRIOR_LEVEL)
        two_levels = _OF_LEVEL[k] + _OF_LEVEL[n - k] - power * log(within)
        if two_levels >= best:
            best, at = two_levels, k
    return at if MIN_SIDE <= at <= n - MIN_SIDE else 0


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
