"""The sections of the report on who comes back, what campaigns brought, and who is stuck where."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from touchline.report.charts import bar, sparkline
from touchline.report.formatting import duration, what_happened
from touchline.report.money import format_money, format_sums
from touchline.report.printing import Cell, Part, Rows, Said, print_section
from touchline.report.value import Campaign, Cohort, Returning, Stuck, Value

SHORT_BAR = 8
MOST_MONTHS = 12


def print_value(value: Value, console: Console) -> None:
    """Print the sections; those of campaigns and of who is stuck only where there are any."""
    print_section("Do customers come back?", _returning(value.returning), console)
    if value.campaigns:
        print_section("What campaigns brought", _campaigns(value.campaigns), console)
    if value.stuck:
        print_section("Who is stuck where", _stuck(value), console)


def _returning(returning: Returning) -> list[Part]:
    if not returning.cohorts:
        return [Said("Nobody has bought anything.")]
    several = len({cohort.currency for cohort in returning.cohorts}) > 1
    rows = [_cohort(cohort, several=several) for cohort in returning.cohorts]
    parts: list[Part] = [
        Rows(
            ("First bought in", "customers", "again a month later", "last month", "every month"),
            rows,
            "SELECT * FROM cohorts",
            of_rest=lambda shown: (
                f"{sum(one.customers for one in returning.cohorts[shown:]):,} customers of {len(rows) - shown:,} more"
            ),
        )
    ]
    existing, new = returning.existing, returning.new
    if existing.looked and new.looked:
        of_existing, of_new = (f"{one.bought:,} of {one.looked:,}" for one in (existing, new))
        bought = f"{of_existing} existing customers and {of_new} new ones bought"
        money = f"{format_sums(existing.revenue)} and {format_sums(new.revenue)}"
        parts.append(Said(f"Of those who looked in {returning.month}, {bought}: {money}."))
    return parts


def _cohort(cohort: Cohort, *, several: bool) -> list[Cell]:
    shares = cohort.retention
    first, last = (f"{shares[place]:.0%}" if shares else "-" for place in (0, -1))
    name = f"{cohort.month}, {cohort.currency}" if several else cohort.month
    return [name, f"{cohort.customers:,}", first, last, sparkline(shares[-MOST_MONTHS:], 1)]


def _campaigns(campaigns: Sequence[Campaign]) -> list[Part]:
    most = max(one.value_to_cost or 0 for one in campaigns)
    rows: list[list[Cell]] = [
        [
            one.name,
            format_money(one.spent_minor, one.currency),
            f"{one.new_customers:,}",
            format_money(round(one.brought_minor), one.currency),
            "-" if one.value_to_cost is None else f"{one.value_to_cost:.2f}",
            bar(one.value_to_cost or 0, most, SHORT_BAR),
        ]
        for one in campaigns
    ]

    def of_rest(shown: int) -> str:
        spent: dict[str, int] = {}
        for one in campaigns[shown:]:
            spent[one.currency] = spent.get(one.currency, 0) + one.spent_minor
        return f"{len(campaigns) - shown:,} more for {format_sums(spent)}"

    columns = ("", "cost", "customers", "who brought", "for each 1", "")
    return [
        Rows(columns, rows, "SELECT * FROM campaign_value", of_rest=of_rest),
        Said("Some would have come without it. What they will still buy is not in it.", "dim", 1),
    ]


def _stuck(value: Value) -> list[Part]:
    rows: list[list[Cell]] = [_stuck_row(one, max(other.stuck for other in value.stuck)) for one in value.stuck]
    columns = ("After", "stand there", "stuck", "usual is up to", "longest", "")
    parts: list[Part] = [Rows(columns, rows, "SELECT * FROM standing WHERE stuck")]
    if value.worth_most:
        named = ", ".join(
            f"{one.customer_id} ({format_money(one.value_minor, one.currency)})" for one in value.worth_most
        )
        parts.append(Said(f"Those who have bought most: {named}."))
    return parts


def _stuck_row(one: Stuck, most: int) -> list[Cell]:
    what, waits = what_happened(one.kind, one.action), (duration(one.usual), duration(one.longest))
    return [what, f"{one.standing:,}", f"{one.stuck:,}", *waits, bar(one.stuck, most)]
