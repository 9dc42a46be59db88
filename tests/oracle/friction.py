"""Payments that fail, and invoices that are seen and not paid, worked out from each customer's touchpoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tests.oracle.touchpoints import DAY, Touch


@dataclass(frozen=True)
class Payment:
    """A checkout, or the invoices that a customer looked at on one day; `went_wrong` is None while it is not known."""

    kind: str
    at: int
    went_wrong: bool | None
    overcome: bool = False


def payments(touches: Iterable[Touch], clock: int, day_of: Callable[[int], int]) -> Iterator[Payment]:
    """Give a customer's payments.

    Args:
        clock: the time that the pipeline has reached, ms.
        day_of: returns the day of a time, ms.
    """
    carts: dict[str, list[Touch]] = defaultdict(list)
    seen: dict[int, int] = {}
    paid: list[int] = []
    for touch in touches:
        if touch.kind == "cart_event":
            carts[touch.record["cart_id"]].append(touch)
        elif touch.kind == "page_view" and touch.action == "invoice_viewed":
            seen.setdefault(day_of(touch.at), touch.at)
        elif touch.kind == "page_view" and touch.action == "invoice_paid":
            paid.append(touch.at)
    for events in carts.values():
        checkouts = [one.at for one in events if one.action == "checkout_started"]
        failures = [one.at for one in events if one.action == "payment_failed"]
        orders = [one.at for one in events if one.action == "ordered"]
        if checkouts:
            overcome = bool(failures and orders) and max(orders) >= max(failures)
            yield Payment("payment_failed", min(checkouts), bool(failures), overcome)
    for at in seen.values():
        if any(at <= moment <= at + 30 * DAY for moment in paid):
            yield Payment("invoice_unpaid", at, went_wrong=False)
        else:
            yield Payment("invoice_unpaid", at, went_wrong=True if at + 30 * DAY < clock else None)
