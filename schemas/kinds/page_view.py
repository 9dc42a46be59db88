"""The kind `page_view`: a page seen on the site or in the client portal."""

from __future__ import annotations

from typing import ClassVar

from schemas.kinds.checks import Record, duration, filled
from schemas.kinds.kind import Action, TouchpointKind
from schemas.kinds.names import KindName
from schemas.kinds.touchpoint import Touchpoint, tag_of


class PageView(Touchpoint, tag=tag_of("page_view"), kw_only=True, frozen=True):
    """A page seen on the site or in the client portal; `duration_ms` is how long it was looked at."""

    kind: ClassVar[KindName] = "page_view"

    page: str
    area: str
    action: str
    duration_ms: int | None = None
    ok: bool = True

    @property
    def has_failed(self) -> bool:
        """A page that failed."""
        return not self.ok

    @property
    def may_turn(self) -> bool:
        """What failed."""
        return self.has_failed

    @property
    def experience_key(self) -> str:
        """`failed` where the page did not work; of one that did, nothing."""
        return "" if self.ok else "failed"


def _channel(record: Record) -> str:
    return "portal" if record["area"] == "portal" else "web"


KIND = TouchpointKind(
    name="page_view",
    record="PageView",
    topic="touchpoints.page_views.v1",
    checks=(filled("page"), duration("duration_ms")),
    struct=PageView,
    code="v",
    channel=_channel,
    # Sources may name other actions as well. Pages of one millisecond have no order of their own.
    actions=(
        Action("view", "v"),
        Action("search", "s"),
        Action("download", "d"),
        Action("invoice_viewed", "i"),
        Action("invoice_paid", "p"),
    ),
    experience={"failed": -3_000},
)
