"""What customers post and review, and which of it is answered, worked out post by post."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.oracle.touchpoints import Touch


@dataclass(frozen=True)
class Post:
    """A post of a customer's; times in epoch milliseconds."""

    platform: str
    posted_at: int
    rating: int | None
    sentiment: float | None
    answered_at: int | None


def posts(touches: Iterable[Touch], sentiments: Mapping[str, float | None]) -> Iterator[Post]:
    """Yield one customer's posts."""
    own = sorted((touch for touch in touches if touch.kind == "tweet"), key=lambda touch: (touch.at, touch.event_id))
    written: dict[tuple[str, str], list[Touch]] = {}
    for touch in own:
        if touch.action == "customer":
            written.setdefault((_platform(touch), touch.subject), []).append(touch)
    for (platform, post_id), statements in written.items():
        posted_at = statements[0].at
        answers = (
            touch.at
            for touch in own
            if touch.action == "brand"
            and (_platform(touch), touch.record.get("in_reply_to")) == (platform, post_id)
            and touch.at >= posted_at
        )
        ratings = [touch.record["rating"] for touch in statements if touch.record.get("rating") is not None]
        scores = [score for touch in statements if (score := sentiments[touch.event_id]) is not None]
        yield Post(
            platform, posted_at, ratings[-1] if ratings else None, scores[-1] if scores else None, next(answers, None)
        )


def _platform(touch: Touch) -> str:
    platform: str = touch.record.get("platform", "twitter")
    return platform
