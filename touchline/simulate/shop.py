"""The simulated shop, Harbour Coffee: its products, its busy hours, and its changes in the period."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Any

from touchline.simulate.person import Event, timestamp

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

CURRENCY = "EUR"
PRODUCTS: list[tuple[str, str, int]] = [
    ("HC-ESP-250", "espresso", 890),
    ("HC-ESP-1K", "espresso", 2_990),
    ("HC-FIL-250", "filter", 940),
    ("HC-FIL-1K", "filter", 3_150),
    ("HC-DEC-250", "decaf", 960),
    ("HC-SUB-M", "subscription", 1_990),
    ("HC-GRINDER", "grinder", 8_900),
    ("HC-KETTLE", "kettle", 5_450),
    ("HC-CUP", "cup", 1_450),
]
"""Stock keeping unit, product line, price in cents."""
REGIONS = ["coast", "city", "hills", "islands"]
SEGMENTS = ["new", "regular", "subscriber", "business"]
CAMPAIGNS = ["newsletter", "autumn-roast", "podcast"]

# Relative traffic of each hour on the web and on the phone, and of each weekday.
WEB_HOURS = [2, 1, 1, 1, 1, 2, 5, 8, 9, 9, 9, 9, 10, 9, 8, 8, 8, 9, 11, 14, 16, 14, 9, 5]
PHONE_HOURS = [0, 0, 0, 0, 0, 0, 0, 0, 9, 14, 15, 12, 9, 10, 11, 11, 10, 7, 2, 0, 0, 0, 0, 0]
WEEKDAYS = [1.1, 1.0, 1.0, 1.0, 1.1, 0.8, 0.9]
_WEB, _PHONE = list(accumulate(WEB_HOURS)), list(accumulate(PHONE_HOURS))
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday

CARRIER_REGIONS = {"coast", "islands"}


@dataclass(frozen=True)
class Period:
    """The simulated time, and the change of carrier in it; epoch ms, ends excluded."""

    start: int
    end: int

    @property
    def carrier_start(self) -> int:
        """Return when parcels begin to go by the new carrier: a third into the period."""
        return self.at(1 / 3)

    @property
    def carrier_end(self) -> int:
        """Return when the old carrier is back: two thirds into the period."""
        return self.at(2 / 3)

    def at(self, share: float) -> int:
        """Return the moment at a share (0 to 1) of the period."""
        return self.start + int((self.end - self.start) * share)

    def has_delivery_trouble(self, at: int, region: str) -> bool:
        """Tell whether deliveries to `region` go wrong at `at`."""
        return self.carrier_start <= at < self.carrier_end and region in CARRIER_REGIONS


def random_moment(random: Random, day: int, phone: bool = False) -> int:
    """Return a random moment of the day that begins at `day`, ms: more likely in the busy hours of web or phone."""
    hours = _PHONE if phone else _WEB
    hour = bisect(hours, random.random() * hours[-1])
    return day + hour * HOUR_MS + int(random.random() * HOUR_MS)


def weekday_factor(at: int) -> float:
    """Return the relative traffic on the weekday of `at`; 1 is average."""
    return WEEKDAYS[(at // DAY_MS + _EPOCH_WEEKDAY) % 7]


def shop_events(period: Period) -> list[tuple[int, Event]]:
    """Return the events of the shop itself, in order: business changes and marketing spend."""
    events = _changes(period) + _spend(period)
    return sorted((each for each in events if each[0] < period.end), key=lambda each: each[0])


def _changes(period: Period) -> list[tuple[int, Event]]:
    def change(at: int, number: int, name: str, topic: str, **more: Any) -> tuple[int, Event]:
        event: Event = {
            "kind": "business_change",
            "event_id": f"change-{number}",
            "occurred_at": timestamp(at),
            "source": "backoffice",
            "change_id": f"CHG-{number}",
            "name": name,
            "topic": topic,
            "effective_at": timestamp(at),
        }
        return at, {**event, **more}

    carrier = change(
        period.carrier_start,
        1,
        "Parcels to the coast and the islands go by Swift Parcel instead of Gull Post",
        "delivery",
        attributes={"team": "logistics"},
    )
    # The change is reported again once it is known when it ended.
    ended = dict(carrier[1])
    ended.update(
        event_id="change-1-reverted",
        occurred_at=timestamp(period.carrier_end),
        reverted_at=timestamp(period.carrier_end),
    )
    return [
        change(period.at(0.12), 2, "A new checkout page", "checkout"),
        carrier,
        (period.carrier_end, ended),
        change(period.at(0.7), 3, "A voucher and a call back for every late parcel", "delivery"),
    ]


def _spend(period: Period) -> list[tuple[int, Event]]:
    events: list[tuple[int, Event]] = []
    random = Random("marketing")  # noqa: S311  # the same for all seeds; a simulation needs no secret randomness
    for number, week in enumerate(range(period.start, period.end, 7 * DAY_MS), 1):
        for place, campaign in enumerate(CAMPAIGNS):
            at = week + 7 * DAY_MS + (place + 1) * MINUTE_MS
            event: Event = {
                "kind": "marketing_spend",
                "event_id": f"spend-{number}-{campaign}",
                "occurred_at": timestamp(at),
                "source": "backoffice",
                "spend_id": f"SP-{number}-{campaign}",
                "campaign": campaign,
                "period_start": timestamp(week),
                "period_end": timestamp(week + 7 * DAY_MS),
                "amount_minor": random.randrange(8_000, 40_000),
                "currency": CURRENCY,
            }
            events.append((at, event))
    return events
