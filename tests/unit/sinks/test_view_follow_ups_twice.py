"""Follow-ups and what they add up to, on random stories, against a second account of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sinks.migrate import migrate
from tests.contract.engine import Engine
from tests.oracle.compare import World, unequal
from tests.oracle.follow_up_metrics import follow_up_metrics
from tests.oracle.follow_ups import follow_ups
from tests.oracle.service import METRIC_KEY
from tests.oracle.touchpoints import DAY, HOUR, MINUTE, moment, read
from tests.unit.played_lines import store
from tests.unit.sinks.made_up import MadeUp, Row, rows_of

pytestmark = pytest.mark.embedded

FIRST, DAYS, CUSTOMERS = 20_000 * DAY, 60, 40
CLOCKS = (20, 45, 58, 62, 70, 100)
"""Days after the first at which it is looked: at some much is open, at the last nothing is."""
NOT_COMPARED = "follow_up_id, changed_at, age_seconds, left_seconds, as_of"
WORDS = ("Great service, I love it!", "This is awful, I hate it.", "It came on Monday.", "Fine, thanks.")
TIMES = [
    "happened_at", "opened_at", "due_at", "settle_due_at", "warned_at", "missed_at", "contacted_at", "closed_at",
]  # fmt: skip


class Shop(MadeUp):
    """Customers who answer, complain, call, post and order, and staff who now and then get back to them."""

    def somebody(self) -> str:
        return f"c{self.random.randrange(CUSTOMERS)}"

    def make(self, count: int) -> Shop:
        for number in range(count):
            making = self.random.choice((self.answered, self.complained, self.called, self.posted, self.ordered))
            making(self.start(), self.somebody(), number)
        return self

    def answered(self, at: int, who: str, number: int) -> None:
        about = self.random.choice((None, "staff"))
        common: dict[str, Any] = {"response_id": f"r{number}", "survey_id": "v", "about": about}
        if self.random.random() < 0.5:
            self.add("survey_answer", self.later(at, DAY) - DAY, who, phase="invited", **common)
        kind, top = self.random.choice((("nps", 10), ("csat", 5), ("ces", 7)))
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            score = self.random.randint(1, top)
            self.add("survey_answer", at, who, phase="answered", question_kind=kind, score=score, **common)
            at = self.later(at, 2 * DAY)
        if self.random.random() < 0.3:
            common |= {"question_id": "words", "question_kind": "text", "text": self.random.choice(WORDS)}
            self.add("survey_answer", at, who, phase="answered", **common)

    def complained(self, at: int, who: str, number: int) -> None:
        common: dict[str, Any] = {"case_id": f"d{number}", "topic": self.random.choice((None, "delivery"))}
        text, complaint = self.random.choice((None, *WORDS)), self.random.random() < 0.7
        self.add("case_event", at, who, phase="opened", by="customer", complaint=complaint, text=text, **common)
        for _ in range(self.random.randrange(4)):
            at = self.later(at, 3 * DAY)
            phase = self.random.choice(("acknowledged", "updated", "resolved", "reopened", "closed"))
            by = self.random.choice(("customer", "agent", "bot"))
            said = self.random.choice(WORDS) if by == "customer" else None
            self.add("case_event", at, who, phase=phase, by=by, text=said, **common)

    def called(self, at: int, who: str, number: int) -> None:
        common = {"call_id": f"t{number}"}
        self.add("support_call", at, who, phase="queued", **common)
        if self.random.random() < 0.5:
            at += self.random.choice((2_000, MINUTE))
            self.add("support_call", at, who, phase="answered", **common)
            if self.random.random() < 0.3:
                at += MINUTE
                self.add("support_call", at, who, phase="held", **common)
        at += self.random.choice((2_000, MINUTE))
        resolved, topic = self.random.choice((None, True, False)), self.random.choice((None, "billing"))
        self.add("support_call", at, who, phase="ended", resolved=resolved, topic=topic, **common)

    def posted(self, at: int, who: str, number: int) -> None:
        post, text = f"p{number}", self.random.choice(WORDS)
        rating, lang = self.random.choice((None, None, None, 1, 3, 5)), self.random.choice((None, "en"))
        self.add("tweet", at, who, post_id=post, author="customer", text=text, rating=rating, lang=lang)
        if self.random.random() < 0.5:
            at = at + self.random.choice((HOUR, 4 * HOUR, self.random.randrange(3 * DAY)))
            self.add("tweet", at, who, post_id=f"b{number}", author="brand", text="We are sorry.", in_reply_to=post)

    def ordered(self, at: int, who: str, number: int) -> None:
        for _ in range(self.random.choice((1, 1, 2))):
            amount, currency = self.random.choice((0, 500, 900)), self.random.choice(("EUR", "USD"))
            paid: dict[str, Any] = {"amount_minor": amount, "currency": currency}
            self.add("purchase", at, who, order_id=f"o{number}", action="placed", **paid)
            at = self.later(at, DAY)

    def as_guests(self) -> Shop:
        """Let every third customer have been a guest until they log in."""
        for number in range(0, CUSTOMERS, 3):
            who, identifiers, login = f"c{number}", {"cookie": f"k{number}"}, self.start()
            for line in self.lines:
                if line["customer_id"] == who and line["occurred_at"] < login:
                    line.update(customer_id=None, identifiers=identifiers)
            self.add("page_view", login, who, page="/", area="site", action="view", identifiers=identifiers)
        return self


def played(chdb: Engine, folder: Path, shop: Shop, clock: int) -> tuple[list[Row], list[Row]]:
    """Return the rows of the view by a time, ms, and those of the second account."""
    made = [line for line in shop.lines if line["occurred_at"] <= clock]
    lines = sorted(made, key=lambda line: (line["occurred_at"], line["event_id"]))
    file = folder / "lines.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    migrate(chdb)
    store(chdb, file, clock, ())
    told = read(lines, {row["event_id"]: row["sentiment"] for row in rows_of(chdb, "SELECT * FROM touchpoints")})
    world = World.of(told, {"sentiment_shifts": rows_of(chdb, "SELECT * FROM sentiment_shifts")}, clock)
    found = rows_of(chdb, f"SELECT * EXCEPT ({NOT_COMPARED}) FROM follow_ups")
    for row in found:
        row.update({name: moment(row[name]) for name in TIMES})
    return found, list(follow_ups(told, world))


def keyed(rows: list[Row]) -> dict[tuple[str, str, str], Row]:
    return {(row["customer_id"], row["reason"], row["event_id"]): row for row in rows}


def rounded(row: Row) -> Row:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}


@pytest.mark.parametrize("guests", [False, True])
@pytest.mark.parametrize("days", CLOCKS)
def test_the_rows_are_those_of_a_second_account(chdb: Engine, tmp_path: Path, days: int, guests: bool) -> None:
    shop = Shop(days, FIRST, DAYS).make(600)
    found, expected = played(chdb, tmp_path, shop.as_guests() if guests else shop, FIRST + days * DAY)

    wanted = keyed(expected)
    assert keyed(found).keys() == wanted.keys()
    assert len(found) == len(expected) == len(wanted)
    for key, row in keyed(found).items():
        assert rounded(row) == rounded(wanted[key])
    assert {row["reason"] for row in found} >= {
        "poor_answer", "complaint", "abandoned_call", "unanswered_post", "thank_you",
    }  # fmt: skip
    moved = [row for row in found if row["previous_customer_id"]]
    assert bool(moved) is guests


@pytest.mark.parametrize("days", CLOCKS)
def test_what_they_add_up_to_is_that_of_a_second_account(chdb: Engine, tmp_path: Path, days: int) -> None:
    now = FIRST + days * DAY
    _, rows = played(chdb, tmp_path, Shop(days, FIRST, DAYS).make(600), now)
    expected = list(follow_up_metrics(rows, now))

    found = rows_of(chdb, "SELECT * EXCEPT (ci_low, ci_high, target) FROM follow_up_metrics")
    assert list(unequal("follow_up_metrics", METRIC_KEY, found, expected)) == []
    assert {row["metric"] for row in expected} == {"follow_ups_in_time", "follow_ups_settled", "recovered_share"}
