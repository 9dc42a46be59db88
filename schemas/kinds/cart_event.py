"""The kind `cart_event`: a change to a cart."""

from __future__ import annotations

from typing import ClassVar

from schemas.kinds.checks import amounts, currency, filled
from schemas.kinds.kind import Subject, TouchpointKind, in_order
from schemas.kinds.names import KindName
from schemas.kinds.touchpoint import Touchpoint, tag_of


class CartEvent(Touchpoint, tag=tag_of("cart_event"), kw_only=True, frozen=True):
    """A change to a cart; `value_minor` is the cart's value after it, in minor units."""

    kind: ClassVar[KindName] = "cart_event"

    cart_id: str
    action: str
    quantity: int
    value_minor: int
    currency: str | None = None
    sku: str | None = None

    @property
    def subject_id(self) -> str:
        """The cart's id."""
        return self.cart_id

    @property
    def has_failed(self) -> bool:
        """A payment that failed."""
        return self.action == "payment_failed"

    @property
    def may_turn(self) -> bool:
        """What failed."""
        return self.has_failed

    @property
    def amount(self) -> tuple[int | None, str | None]:
        """The cart's value after the change, and its currency."""
        return self.value_minor, self.currency


KIND = TouchpointKind(
    name="cart_event",
    record="CartEvent",
    topic="touchpoints.cart_events.v1",
    checks=(filled("cart_id"), amounts("quantity", "value_minor"), currency("currency")),
    struct=CartEvent,
    code="k",
    channel="web",
    actions=in_order(
        {
            "created": "c",
            "item_added": "a",
            "item_removed": "r",
            "checkout_started": "k",
            "payment_failed": "f",
            "cleared": "l",
            "ordered": "o",
        }
    ),
    subjects=(Subject("cart", "cart_id"),),
    columns={"cart_id": "subject_id"},
    experience={"payment_failed": -4_000},
)
