"""How often the causes that docs/metrics.md asks for are none: the figures that it gives.

    python -m tests.oracle.false_causes

In a made-up shop nothing leads to calls but what is planted. Of each cause that the documented query names it is said
whether it was planted, is the same step without its detail, is a call itself, or leads nowhere. The rows are those of
the oracle, which tests hold equal to the view's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import click

from tests.oracle.causes import Step, contact_causes
from tests.oracle.compare import World
from tests.oracle.service import month_of
from tests.oracle.touchpoints import DAY, HOUR, MINUTE, milliseconds, read

FIRST = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1000)
FEWEST_DAYS, NAMED = 10, 10
"""As the documented query has them."""
WITHIN = 2 * DAY
"""How soon those call whom a planted step makes call."""
Line = dict[str, Any]

PLANTED: tuple[tuple[Step, Line], ...] = (
    (("case_event:updated", False, "visit", "failed"),
     {"kind": "case_event", "phase": "updated", "by": "agent", "attributes": {"visit": "failed"}}),
    (("case_event:eta_given", False, "topic", "repair"),
     {"kind": "case_event", "phase": "eta_given", "by": "agent", "topic": "repair"}),
    (("page_view:pay", True, "page", "/invoice"),
     {"kind": "page_view", "page": "/invoice", "action": "pay", "ok": False}),
    (("page_view:view", False, "page", "/descaling"), {"kind": "page_view", "page": "/descaling"}),
    (("tweet:brand", False, "notice", "outage"),
     {"kind": "tweet", "author": "brand", "text": "News.", "attributes": {"notice": "outage"}}),
)  # fmt: skip
"""What goes wrong: what the view calls it, and its line."""
WELL: tuple[Line, ...] = (
    {"kind": "case_event", "phase": "updated", "by": "agent", "attributes": {"visit": "done"}},
    {"kind": "case_event", "phase": "eta_given", "by": "agent", "topic": "upgrade"},
    {"kind": "page_view", "page": "/invoice", "action": "pay"},
    {"kind": "tweet", "author": "brand", "text": "News.", "attributes": {"notice": "opening"}},
    {"kind": "purchase", "amount_minor": 5, "currency": "EUR"},
    {"kind": "survey_answer", "survey_id": "q", "phase": "invited"},
)
"""Steps that lead nowhere, besides page views."""


@dataclass(frozen=True)
class Shop:
    """What a made-up shop is like.

    Attributes:
        customers: how many it has.
        days: for how long it is seen.
        visits: of a common customer.
        calls: of a common customer, whatever is done.
        uneven: whether some customers do much more than others, of all.
        again: the chance that a call is followed by another within a week.
        planted: steps that go wrong.
        led: the chance that one of them leads to a call.
    """

    customers: int = 250
    days: int = 30
    visits: float = 8
    calls: float = 0.4
    uneven: bool = False
    again: float = 0.0
    planted: int = 0
    led: float = 0.6


SHAPES: dict[str, Shop] = {
    "250 customers, 30 days": (plain := Shop()),
    "… some do much more than others": replace(plain, uneven=True),
    "… and three in ten call again": replace(plain, uneven=True, again=0.3),
    "250 customers, 200 planted": replace(plain, uneven=True, again=0.3, planted=200),
}
"""The shapes that docs/metrics.md lists."""


class Maker:
    """Makes the lines of a shop."""

    def __init__(self, shop: Shop, seed: str) -> None:
        """Make all of them, in no order."""
        self.lines: list[Line] = []
        self._shop, self._random = shop, Random(seed)
        names = [f"c{number}" for number in range(shop.customers)]
        for name in names:
            self._live(name)
        for number in range(shop.planted):
            self._botch(self._random.choice(names), PLANTED[number % len(PLANTED)][1])

    def _live(self, name: str) -> None:
        rnd, shop = self._random, self._shop
        weight = rnd.gammavariate(1, 1) if shop.uneven else 1.0
        attributes = {"region": rnd.choice(("coast", "islands", "hills")), "segment": rnd.choice(("old", "new"))}
        for _ in range(self._number(shop.visits * weight)):
            at = self._moment()
            for page in range(rnd.randint(1, 4)):
                ok = rnd.random() > 0.1
                told = {"kind": "page_view", "page": f"/{rnd.randrange(8)}", "ok": ok, "attributes": attributes}
                self._add(name, at + page * MINUTE, told)
            if rnd.random() < 0.4:
                well = rnd.choice(WELL)
                self._add(
                    name, at + rnd.randrange(HOUR), {**well, "attributes": {**well.get("attributes", {}), **attributes}}
                )
        for _ in range(self._number(shop.calls * weight)):
            self._call(name, self._moment())

    def _botch(self, name: str, step: Line) -> None:
        at = self._moment()
        self._add(name, at, step)
        if self._random.random() < self._shop.led:
            self._call(name, at + self._random.randint(HOUR, WITHIN))

    def _call(self, name: str, at: int) -> None:
        call = {"kind": "support_call", "call_id": f"k{len(self.lines)}"}
        for phase, later in (("queued", 0), ("answered", MINUTE), ("ended", 9 * MINUTE)):
            self._add(name, at + later, {**call, "phase": phase, **({"agent_id": "mara"} if later else {})})
        if self._random.random() < self._shop.again:
            self._call(name, at + self._random.randint(HOUR, 7 * DAY))

    def _number(self, mean: float) -> int:
        """Return a number of things that happen independently, so many on average."""
        number, at = 0, self._random.expovariate(1)
        while at < mean:
            number, at = number + 1, at + self._random.expovariate(1)
        return number

    def _moment(self) -> int:
        return FIRST + self._random.randrange(self._shop.days * DAY)

    def _add(self, name: str, at: int, told: Line) -> None:
        own = {"case_event": "case_id", "purchase": "order_id", "survey_answer": "response_id", "tweet": "post_id"}
        thing = {own[told["kind"]]: f"x{len(self.lines)}"} if told["kind"] in own else {}
        line = {"event_id": f"e{len(self.lines)}", "occurred_at": at, "source": "s", "customer_id": name}
        self.lines.append({**line, **thing, **told})


def named(rows: Iterable[dict[str, Any]]) -> list[Step]:
    """Return the steps that the documented query names, the surest first."""
    calls = [
        row for row in rows
        if row["leads_to"] == "call" and row["n"] >= FEWEST_DAYS and row["difference_low"] > 0
    ]  # fmt: skip
    # Of equals the one with the detail whose name comes last.
    in_order = sorted(
        sorted(calls, key=lambda row: row["detail"], reverse=True), key=lambda row: -row["difference_low"]
    )
    once = {(row["step"], row["failed"], row["n"], row["counted"]): _step(row) for row in reversed(in_order)}
    return [step for row in in_order if (step := _step(row)) in once.values()][:NAMED]


def _step(row: dict[str, Any]) -> Step:
    return row["step"], row["failed"], row["detail"], row["detail_value"]


def causes_of(shop: Shop, seed: str) -> list[dict[str, Any]]:
    """Return the rows of the view for a shop, seen until all of its days count."""
    lines = sorted(Maker(shop, seed).lines, key=lambda line: milliseconds(line["occurred_at"]))
    world = World.of(read(lines, {}), {}, FIRST + (shop.days + 30) * DAY)
    return list(contact_causes(world, lambda at: at // DAY, month_of))


def kind_of(step: Step, shop: Shop) -> str:
    """Return what a named cause is: `planted`, the same `seen at large`, a `call`, or `false`."""
    sorts = {planted for planted, _ in PLANTED} if shop.planted else set()
    if step in sorts:
        return "planted"
    if step[:2] in {planted[:2] for planted in sorts} and step[2] == "":
        return "seen at large"
    return "call" if step[0].startswith("support_call") and shop.again else "false"


def measured(shop: Shop, seeds: Iterable[str]) -> Iterator[tuple[Counter[str], int, int]]:
    """Give for each shop what is named, by what it is, how many rows were judged, and how many of those are false."""
    for seed in seeds:
        rows = causes_of(shop, seed)
        judged = [row for row in rows if row["leads_to"] == "call" and row["n"] >= FEWEST_DAYS]
        null = [row for row in judged if kind_of(_step(row), shop) == "false"]
        wrong = sum(row["difference_low"] > 0 for row in null)
        yield Counter(kind_of(step, shop) for step in named(rows)), len(null), wrong


@click.command()
@click.option("--shops", default=40, show_default=True, help="How many of each shape.")
@click.option("--only", default="", help="Shapes whose name holds this.")
def main(shops: int, only: str) -> None:
    """Print what is named, a shop on average."""
    click.echo(f"{shops} shops a line; causes named a shop, and of what leads nowhere the share of rows above 0\n")
    click.echo(f"{'':<34} {'planted':>8} {'at large':>9} {'calls':>6} {'false':>6} {'shops with one':>15} {'rows':>6}")
    for name, shop in SHAPES.items():
        if only not in name:
            continue
        found = list(measured(shop, (f"{name}/{number}" for number in range(shops))))
        kinds = sum((counts for counts, _, _ in found), Counter[str]())
        means = [kinds[kind] / shops for kind in ("planted", "seen at large", "call", "false")]
        any_false = sum(counts["false"] > 0 for counts, _, _ in found) / shops
        rows = sum(wrong for _, _, wrong in found) / sum(judged for _, judged, _ in found)
        shown = " ".join(f"{mean:{width}.2f}" for mean, width in zip(means, (8, 9, 6, 6), strict=True))
        click.echo(f"{name:<34} {shown} {any_false:15.0%} {rows:6.1%}")


if __name__ == "__main__":
    main()
