"""The kind `purchase`: an order placed, or refunded."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from schemas.kinds.checks import AMOUNT, Record, Rule, amounts, check_amount, currency, filled
from schemas.kinds.kind import Subject, TouchpointKind, in_order
from schemas.kinds.names import KindName
from schemas.kinds.touchpoint import Touchpoint, tag_of


class PurchaseItem(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One line of an order; the price of one piece is in minor units of the order's currency."""

    sku: str
    quantity: int
    price_minor: int


class Purchase(Touchpoint, tag=tag_of("purchase"), kw_only=True, frozen=True):
    """An order placed, or refunded; amounts are in minor units, those of a refund positive too."""

    kind: ClassVar[KindName] = "purchase"

    order_id: str
    action: str
    amount_minor: int
    currency: str
    discount_minor: int = 0
    cart_id: str | None = None
    items: list[PurchaseItem] = msgspec.field(default_factory=list)

    @property
    def subject_id(self) -> str:
        """The order's id."""
        return self.order_id

    @property
    def may_turn(self) -> bool:
        """What was bought, or paid back."""
        return True

    @property
    def amount(self) -> tuple[int | None, str | None]:
        """The amount of the order or refund, and its currency."""
        return self.amount_minor, self.currency


def _channel(record: Record) -> str:
    return "store" if record["cart_id"] is None else "web"


def _check_items(record: Record) -> None:
    for item in record["items"]:
        check_amount("an item's quantity", item["quantity"])
        check_amount("an item's price_minor", item["price_minor"])


_PRICED = Rule(_check_items, {"items[].quantity": AMOUNT, "items[].price_minor": AMOUNT})


def _items(record: Record) -> list[PurchaseItem]:
    return [PurchaseItem(**item) for item in record["items"]]


KIND = TouchpointKind(
    name="purchase",
    record="Purchase",
    topic="touchpoints.purchases.v1",
    checks=(filled("order_id"), amounts("amount_minor", "discount_minor"), currency("currency"), _PRICED),
    struct=Purchase,
    code="p",
    channel=_channel,
    # An order comes after the events of its cart, also where a source's clock knows only seconds.
    actions=in_order({"placed": "p", "refunded": "r"}, first=10),
    subjects=(Subject("order", "order_id"), Subject("cart", "cart_id")),
    columns={"order_id": "subject_id", "amount_minor": "value_minor"},
    computed={"items": _items},
    experience={"refunded": -5_000},
)
