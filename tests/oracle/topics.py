"""What customers speak about and how often, worked out mention by mention from the touchpoints."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from math import sqrt
from zoneinfo import ZoneInfo

from tests.oracle.touchpoints import Touch

Z = 1.959963984540054
DAYS = 14


@dataclass(frozen=True)
class Mention:
    """A topic in what one customer says in one place; its time in epoch milliseconds, its experience exact.

    The channel is that in which they said so first.
    """

    topic: str
    kind: str
    customer: str
    subject: str
    at: int
    experience: Fraction | None
    channel: str

    @property
    def polarity(self) -> str:
        """How it sounds: five hundredths about zero are neither."""
        if self.experience is None:
            return "unscored"
        if abs(self.experience) <= Fraction(5, 100):
            return "neutral"
        return "negative" if self.experience < 0 else "positive"


@dataclass(frozen=True)
class Trend:
    """A topic in 14 days, and in the 14 before."""

    mentions: int
    before: int
    share: float | None
    share_before: float | None
    ratio: float | None
    low: float
    high: float | None
    negative: int
    negative_before: int
    verdict: str


def mentions(
    touches: Iterable[Touch], about: Callable[[str], Sequence[str]], experiences: Mapping[str, float | None]
) -> Iterator[Mention]:
    """Yield the mentions of one customer.

    Args:
        about: the topics of a text.
        experiences: of each touchpoint, by its event.
    """
    said: defaultdict[tuple[str, str, str, str], list[Touch]] = defaultdict(list)
    for touch in touches:
        for topic in _topics(touch, about):
            said[topic, touch.kind, touch.source, touch.subject or touch.event_id].append(touch)
    for (topic, kind, _, subject), of_one in said.items():
        felt = [experiences.get(touch.event_id) for touch in of_one if kind != "support_call"]
        known = [round(value * 10_000) for value in felt if value is not None]
        experience = Fraction(sum(known), 10_000 * len(known)) if known else None
        first = min(of_one, key=lambda touch: (touch.at, touch.event_id))
        yield Mention(topic, kind, first.customer, subject, first.at, experience, first.channel)


def _topics(touch: Touch, about: Callable[[str], Sequence[str]]) -> Sequence[str]:
    if is_stated(touch):
        return (touch.record["topic"],)
    return about(touch.text) if touch.own_words else ()


def is_stated(touch: Touch) -> bool:
    """Return whether a touchpoint says itself what it is about."""
    return bool(touch.record.get("topic")) and (touch.kind == "support_call" or touch.record.get("by") == "customer")


def day_of(at: int, zone: str) -> datetime:
    """Return the beginning of a moment's day in a time zone."""
    return datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)


def trends(found: Iterable[Mention], clock: int, zone: str) -> dict[str, Trend]:
    """Return how each topic goes, as of a time in epoch milliseconds."""
    today = day_of(clock, zone)
    since, first = (today - timedelta(days=days) for days in (DAYS, 2 * DAYS))
    days = [(day_of(one.at, zone), one) for one in found]
    now = [one for day, one in days if since <= day < today]
    before = [one for day, one in days if first <= day < since]
    result = {}
    for topic in {one.topic for one in (*now, *before)}:
        of_now, of_before = ([one for one in part if one.topic == topic] for part in (now, before))
        result[topic] = trend(of_now, of_before, len(now), len(before))
    return result


def trend(now: Sequence[Mention], before: Sequence[Mention], all_now: int, all_before: int) -> Trend:
    """Return how a topic goes, of its mentions and of those of all topics, now and before."""
    n, n_before = len(now), len(before)
    per_customer = Counter(one.customer for one in (*now, *before))
    effect = sum(count**2 for count in per_customer.values()) / (n + n_before)
    total, share = (n + n_before) / effect, n / (n + n_before)
    centre = (share + Z * Z / (2 * total)) / (1 + Z * Z / total)
    half = Z / (1 + Z * Z / total) * sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    if n_before == 0:
        high = 1.0
    if n == 0:
        low = 0.0
    ratios = low / (1 - low), None if high == 1 else high / (1 - high)
    verdict = "no difference seen"
    if n + n_before < 30:
        verdict = "too few to tell"
    elif ratios[0] > 1:
        verdict = "grows"
    elif ratios[1] is not None and ratios[1] < 1:
        verdict = "falls"
    return Trend(
        n,
        n_before,
        n / all_now if all_now else None,
        n_before / all_before if all_before else None,
        n / n_before if n_before else None,
        *ratios,
        sum(one.polarity == "negative" for one in now),
        sum(one.polarity == "negative" for one in before),
        verdict,
    )


def by_words(terms: Mapping[str, Iterable[str]]) -> Callable[[str], tuple[str, ...]]:
    """Return what tells the topics of a text by the terms of each, in no order."""
    topics = {term: topic for topic, of_one in terms.items() for term in of_one}
    longest = sorted(topics, key=len, reverse=True)
    pattern = re.compile(f"(?<= )(?:{'|'.join(map(re.escape, longest))})(?= )")

    def about(text: str) -> tuple[str, ...]:
        tokens = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split()
        plain = " ".join(token for token in tokens if not re.search(r"@|://|www\.", token))
        spaced = " " + re.sub(r"[^a-z0-9']+", " ", plain) + " "
        return tuple({topics[term] for term in pattern.findall(spaced)})

    return about
