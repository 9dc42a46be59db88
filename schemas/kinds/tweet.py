"""The kind `tweet`: a social post or a public review."""

from __future__ import annotations

from typing import ClassVar

from schemas.kinds.checks import filled, stars
from schemas.kinds.kind import Action, Subject, Text, TouchpointKind, customer_is
from schemas.kinds.names import KindName
from schemas.kinds.touchpoint import Touchpoint, tag_of
from schemas.units import SCALE


class Tweet(Touchpoint, tag=tag_of("tweet"), kw_only=True, frozen=True):
    """A social post or a public review."""

    kind: ClassVar[KindName] = "tweet"

    post_id: str
    author: str
    platform: str = "twitter"
    lang: str | None = None
    in_reply_to: str | None = None
    rating: int | None = None

    @property
    def action(self) -> str:
        """Who wrote it: customer or brand."""
        return self.author

    @property
    def subject_id(self) -> str:
        """The post's id."""
        return self.post_id

    @property
    def is_answer(self) -> bool:
        """Whether the brand answers a post."""
        return _is_answer(self.author, self.in_reply_to)

    @property
    def may_turn(self) -> bool:
        """What the business posts."""
        return self.author == "brand"

    @property
    def stated_experience(self) -> int | None:
        """A review's stars, 1 to 5, mapped to -1 .. 1."""
        return None if self.rating is None else (self.rating - 3) * (SCALE // 2)


def _is_answer(author: str, in_reply_to: str | None) -> bool:
    return author == "brand" and bool(in_reply_to)


KIND = TouchpointKind(
    name="tweet",
    record="Tweet",
    topic="touchpoints.tweets.v1",
    checks=(filled("post_id"), stars("rating")),
    struct=Tweet,
    code="t",
    channel="social",
    # A reply comes after the post and after an order, also where a source's clock knows only seconds.
    actions=(Action("customer", "c"), Action("brand", "b", rank=12)),
    subjects=(
        Subject("post", "in_reply_to", "platform", answered=True),
        Subject("post", "post_id", "platform", itself=True),
    ),
    answers=lambda record: _is_answer(record["author"], record["in_reply_to"]),
    columns={"post_id": "subject_id", "author": "action"},
    text=Text("text", by_customer=customer_is("author"), language="lang"),
)
