"""Makes up customers who buy, praise, refer each other and get angry, for the tests of loyalty."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.oracle.touchpoints import DAY, HOUR
from tests.unit.sinks.made_up import MadeUp

FIRST = int(datetime(2026, 1, 20, tzinfo=UTC).timestamp() * 1000)
CAMPAIGNS = ("spring", "radio", "free", None)


class Regulars(MadeUp):
    """Makes up orders with a rhythm, and what happens between them."""

    def buys(self, customer: str, times: int) -> None:
        """Add orders: some are stated again, cancelled, refunded, or in another currency."""
        rnd, at = self.random, self.start()
        currency, gap = rnd.choice(("EUR", "EUR", "USD")), rnd.randint(1, 9)
        for number in range(times):
            order_id = f"o-{customer}-{at}-{number}"
            attributes = {"campaign": one} if (one := rnd.choice(CAMPAIGNS)) else {}
            paid_in = currency if rnd.random() < 0.8 else "GBP"
            for statement in range(rnd.choice((1, 1, 1, 2))):
                amount = rnd.choice((0, 100, 250, 999)) if statement else rnd.randrange(1, 5000)
                self.add(
                    "purchase", at + statement * HOUR, customer, order_id=order_id, amount_minor=amount,
                    currency=paid_in, attributes=attributes,
                )  # fmt: skip
            if rnd.random() < 0.2:
                self.add(
                    "purchase", at + 2 * HOUR, customer, order_id=order_id, action="refunded",
                    amount_minor=rnd.randrange(500), currency=paid_in,
                )  # fmt: skip
            at += rnd.choice((HOUR, gap * DAY, gap * DAY, gap * DAY + HOUR, rnd.choice((3, 6)) * gap * DAY))

    def lives(self, customer: str, others: int) -> None:
        """Add what a customer goes through, and says."""
        rnd = self.random
        for _ in range(rnd.randint(0, 4)):
            at = self.start()
            attributes = {}
            if rnd.random() < 0.2:
                attributes["referred_by"] = f"c{rnd.randrange(others)}"
            if rnd.random() < 0.3:
                attributes["campaign"] = rnd.choice(("spring", "radio"))
            self.add("page_view", at, customer, page="/", ok=rnd.random() < 0.8, attributes=attributes)
            if rnd.random() < 0.5:
                self.add(
                    "tweet", at, customer, post_id=f"p-{len(self.lines)}", text="x", rating=rnd.choice((None, 4, 5))
                )
            if rnd.random() < 0.4:
                self.add(
                    "survey_answer", at, customer, response_id=f"r-{len(self.lines)}", survey_id="s", phase="answered",
                    question_kind="nps", score=rnd.randint(0, 10),
                )  # fmt: skip
            if rnd.random() < 0.3:
                phase = rnd.choice(("opened", "resolved"))
                self.add("case_event", at, customer, case_id=f"t-{customer}", phase=phase, by="customer")

    def spends(self) -> None:
        """Add what campaigns cost; one of them in two currencies."""
        for number, (campaign, currency) in enumerate(
            (("spring", "EUR"), ("spring", "EUR"), ("radio", "EUR"), ("radio", "USD"), ("unheard", "EUR"))
        ):
            self.lines.append(
                {
                    "kind": "marketing_spend", "event_id": f"m{number}", "occurred_at": FIRST + number, "source": "s",
                    "spend_id": f"m{number}", "campaign": campaign, "period_start": FIRST, "period_end": FIRST + DAY,
                    "amount_minor": 1000 + number, "currency": currency,
                }
            )  # fmt: skip
