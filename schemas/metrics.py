"""The metrics: each declared once, for the machines that count, the views that show and the pages that explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.units import DAY_MS, MINUTE_MS

CUSTOMER_GROUPS = 256
"""A customer belongs to one of so many groups, by CRC-32. What each group adds to a metric's bucket tells how alike the
observations of one customer are, which an interval depends on; a group names nobody."""

ValueKind = Literal["nps", "share", "count", "sum", "mean", "duration"]
"""How a value is made of a metric's sums.

nps: 100 * numerator / n. share: numerator / n. count: n. sum: numerator, minor units. mean: numerator / n, a score.
duration: numerator / n, seconds, with quantiles of the samples.
"""


Better = Literal["higher", "lower"]
"""Which of two values of a metric is the better one."""

Section = Literal["ratings", "service"]
"""The tables of the report: how customers rate the business, and how they were served."""


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """A metric's declaration.

    Attributes:
        name: as the view `rolling_metrics` shows it.
        kind: how its value is made of its sums.
        observation: what one observation is, and which moment's bucket counts it.
        counted: what the numerator adds up.
        restated_ms: how long after the end of its minute a later event can still change a bucket. Late touchpoints come
            on top: the allowed lateness is the same for all metrics.
        title: what a person who reads the report calls it, "" where the report does not show it.
        section: where the report shows it.
        better: which of two values is the better one.
    """

    name: str
    kind: ValueKind
    observation: str
    counted: str
    restated_ms: int = 0
    title: str = ""
    section: Section | None = None
    better: Better = "higher"


CORRECTED_MS = 3 * DAY_MS
"""How long after it was first stated another statement of a fact can still change the metric."""

NPS = Metric(
    "nps",
    "nps",
    "an nps answer, when first answered",
    "promoters (9 and more) less detractors (6 and less)",
    CORRECTED_MS,
    title="NPS (would they recommend you, -100 to 100)",
    section="ratings",
)
CSAT = Metric(
    "csat",
    "share",
    "a csat answer, when first answered",
    "normalised score ≥ 0.75 (the top two boxes of five)",
    CORRECTED_MS,
    title="CSAT (share satisfied)",
    section="ratings",
)
CES = Metric(
    "ces",
    "share",
    "a ces answer, when first answered",
    "normalised score ≥ 4/6 (5 and more of 7)",
    CORRECTED_MS,
    title="CES (share who found it easy)",
    section="ratings",
)
ORDERS = Metric("orders", "count", "an order placed, when first stated", "1", CORRECTED_MS)
REVENUE = Metric("revenue", "sum", "an order placed, when first stated", "its amount, minor units", CORRECTED_MS)
REFUNDS = Metric("refunds", "sum", "a refund", "its amount, minor units", better="lower")
CART_ABANDONMENT_RATE = Metric(
    "cart_abandonment_rate",
    "share",
    "a cart with an item, at its first event",
    "abandoned and not recovered, as cart or checkout",
    30 * DAY_MS + 30 * MINUTE_MS,
    title="Carts abandoned",
    section="service",
    better="lower",
)
CALL_ABANDONMENT_RATE = Metric(
    "call_abandonment_rate",
    "share",
    "a call offered, when queued",
    "abandoned in the queue",
    DAY_MS,
    title="Calls given up in the queue",
    section="service",
    better="lower",
)
SPEED_OF_ANSWER = Metric(
    "speed_of_answer",
    "duration",
    "a call answered, when queued",
    "seconds from queued to answered",
    DAY_MS,
    title="Time until a call is answered",
    section="service",
    better="lower",
)
HOLD_TIME = Metric(
    "hold_time",
    "duration",
    "a call answered, when queued",
    "seconds on hold, summed over the call",
    DAY_MS,
    title="Time on hold in a call",
    section="service",
    better="lower",
)
SERVICE_LEVEL = Metric(
    "service_level",
    "share",
    "a call answered, or abandoned after 20 s, when queued",
    "answered within 20 s",
    DAY_MS,
    title="Calls answered within 20 s",
    section="service",
)
SURVEY_ABANDONMENT_RATE = Metric(
    "survey_abandonment_rate",
    "share",
    "a response started, when started",
    "abandoned, also where it was completed after all",
    37 * DAY_MS,
    title="Surveys left unfinished",
    section="service",
    better="lower",
)
FIRST_RESPONSE_TIME = Metric(
    "first_response_time",
    "duration",
    "a case opened or a customer's post, answered by a person; when opened or posted",
    "seconds to the first answer",
    30 * DAY_MS,
    title="Time until a person first replies",
    section="service",
    better="lower",
)
SENTIMENT = Metric("sentiment", "mean", "a scored text", "the score", CORRECTED_MS)
EXPERIENCE = Metric("experience", "mean", "a touchpoint with an experience", "the experience", CORRECTED_MS)
# A shift may be found long after its onset: as long as the observations behind it are remembered.
SENTIMENT_SHIFTS = Metric(
    "sentiment_shifts", "share", "a shift, at its onset", "those for the worse", 365 * DAY_MS, better="lower"
)

METRICS: tuple[Metric, ...] = (
    NPS,
    CSAT,
    CES,
    ORDERS,
    REVENUE,
    REFUNDS,
    CART_ABANDONMENT_RATE,
    CALL_ABANDONMENT_RATE,
    SPEED_OF_ANSWER,
    HOLD_TIME,
    SERVICE_LEVEL,
    SURVEY_ABANDONMENT_RATE,
    FIRST_RESPONSE_TIME,
    SENTIMENT,
    EXPERIENCE,
    SENTIMENT_SHIFTS,
)
"""Every metric, in the order in which documents list them."""

METRICS_BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}
