"""The sections of the report on why customers call, which of the loyal are at risk, and why people left."""

from __future__ import annotations

from rich.console import Console

from touchline.report.charts import bar
from touchline.report.formatting import counted, day, duration, what_happened
from touchline.report.money import format_money, format_sums
from touchline.report.printing import Cell, Part, Rows, Said, print_section
from touchline.report.reasons import AtRisk, Cause, Causes, Left, Loyalty, Reasons

REASONS = {
    "at_risk": "silent for long",
    "open_case": "a case is open",
    "turned": "turned sour",
    "detractor": "a detractor",
}


def print_reasons(reasons: Reasons, console: Console) -> None:
    """Print the three sections."""
    print_section("What leads people to call", _causes(reasons.causes), console)
    print_section("Whose loyalty is at risk", _loyalty(reasons.loyalty), console)
    print_section("Why people left", _left(reasons.left), console)


def _causes(causes: Causes) -> list[Part]:
    if not causes.first:
        return [Said("No step is followed by more calls than other days are, as far as so few days tell.")]
    most = max(cause.more for cause in causes.first)
    columns = ("Within 7 days after", "days", "called", "more", "agents' time", "")
    rows = [_cause(cause, most) for cause in causes.first]
    return [
        Rows(columns, rows, "SELECT * FROM contact_causes", causes.others),
        Said("“More” is than without the step. It comes before; it need not be the reason.", "dim", 1),
    ]


def _cause(cause: Cause, most: float) -> list[Cell]:
    spent = "-" if cause.seconds is None else duration(cause.seconds)
    return [_step(cause), f"{cause.days:,}", f"{cause.called:,}", f"{cause.more:.0f}", spent, bar(cause.more, most)]


def _step(cause: Cause) -> str:
    what = what_happened(cause.kind, cause.action)
    failed = ", which failed" if cause.failed else ""
    return f"{what}{failed} ({cause.detail}: {cause.value})" if cause.detail else f"{what}{failed}"


def _loyalty(loyalty: Loyalty) -> list[Part]:
    if not loyalty.loyal:
        return [Said("Nobody has bought on so many days that they are loyal.")]
    parts: list[Part] = [Said(f"{counted(loyalty.loyal, 'customer')} loyal, {loyalty.at_risk:,} of them at risk.")]
    if loyalty.first:
        rows: list[list[Cell]] = [[f"  {_at_risk(one)}"] for one in loyalty.first]
        query = "SELECT * FROM customers WHERE extra_care" if loyalty.is_of_today else ""
        parts.append(Rows(("",), rows, query, loyalty.at_risk - len(loyalty.first)))
        parts.append(Said("Unmended: since then too little was good to make up for the bad.", "dim", 1))
    return parts


def _at_risk(one: AtRisk) -> str:
    why = ", ".join(REASONS.get(reason, reason) for reason in one.reasons)
    since = "" if one.since is None else f"; unmended since {day(one.since)}"
    return f"{one.customer_id} ({format_money(one.value_minor, one.currency)}): {why}{since}"


def _left(left: Left) -> list[Part]:
    if not left.customers:
        return [Said("Nobody has been silent for so long that they seem to have left.")]
    brought = format_sums(left.value_minor)
    gone = f"{counted(left.customers, 'customer')} left, {left.loyal:,} of them loyal. They had brought {brought}."
    if not left.bad:
        return [Said(gone), Said("Nothing bad is known of their last 30 days.")]
    rows: list[list[Cell]] = [
        [what_happened(kind, action), f"{customers:,}", bar(customers, left.customers)]
        for kind, action, customers in left.bad
    ]
    columns = ("Bad in their last 30 days", "customers", "")
    return [
        Said(gone),
        Rows(columns, rows, "SELECT * FROM departures" if left.is_of_today else "", left.other_steps),
        Said("Others had bad days, too, and stayed.", "dim", 1),
    ]
