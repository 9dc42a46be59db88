"""The sections of the report on why customers call, which of the loyal are at risk, and why people left."""

from __future__ import annotations

from collections.abc import Sequence

from rich.bar import Bar
from rich.console import Console

from touchline.report.formatting import counted, day, duration, what_happened
from touchline.report.money import format_money, format_sums
from touchline.report.printing import heading, new_table, say, say_indented
from touchline.report.reasons import AtRisk, Cause, Left, Loyalty, Reasons
from touchline.terminal import styled

BAR_WIDTH = 12
REASONS = {
    "at_risk": "silent for long",
    "open_case": "a case is open",
    "turned": "turned sour",
    "detractor": "a detractor",
}


def print_reasons(reasons: Reasons, console: Console) -> None:
    """Print the three sections."""
    _causes(reasons.causes, console)
    _loyalty(reasons.loyalty, console)
    _left(reasons.left, console)


def _causes(causes: Sequence[Cause], console: Console) -> None:
    heading("What leads people to call", console)
    if not causes:
        say("No step is followed by more calls than other days are, as far as so few days tell.", console)
        return
    table = new_table("Within 7 days after", "days", "called", "more", "agents' time", "")
    most = max(cause.more for cause in causes)
    for cause in causes:
        bar = Bar(size=most, begin=0, end=cause.more, width=BAR_WIDTH)
        spent = "-" if cause.seconds is None else duration(cause.seconds)
        table.add_row(styled(_step(cause)), f"{cause.days:,}", f"{cause.called:,}", f"{cause.more:.0f}", spent, bar)
    console.print(table)
    say("“More” is than without the step. It comes before; it need not be the reason.", console, "dim")


def _step(cause: Cause) -> str:
    what = what_happened(cause.kind, cause.action)
    failed = ", which failed" if cause.failed else ""
    return f"{what}{failed} ({cause.detail}: {cause.value})" if cause.detail else f"{what}{failed}"


def _loyalty(loyalty: Loyalty, console: Console) -> None:
    heading("Whose loyalty is at risk", console)
    if not loyalty.loyal:
        say("Nobody has bought on so many days that they are loyal.", console)
        return
    say(f"{counted(loyalty.loyal, 'customer')} loyal, {loyalty.at_risk:,} of them at risk.", console)
    if loyalty.first:
        say_indented([_at_risk(one) for one in loyalty.first], console)
        say(
            "The most reasons come first. Unmended: since then too little was good to make up for the bad.",
            console,
            "dim",
        )


def _at_risk(one: AtRisk) -> str:
    why = ", ".join(REASONS.get(reason, reason) for reason in one.reasons)
    since = "" if one.since is None else f"; unmended since {day(one.since)}"
    return f"{one.customer_id} ({format_money(one.value_minor, one.currency)}): {why}{since}"


def _left(left: Left, console: Console) -> None:
    heading("Why people left", console)
    if not left.customers:
        say("Nobody has been silent for so long that they seem to have left.", console)
        return
    brought = format_sums(left.value_minor)
    say(
        f"{counted(left.customers, 'customer')} left, {left.loyal:,} of them loyal. They had brought {brought}.",
        console,
    )
    if not left.bad:
        say("Nothing bad is known of their last 30 days.", console)
        return
    table = new_table("Bad in their last 30 days", "customers", "")
    for kind, action, customers in left.bad:
        bar = Bar(size=left.customers, begin=0, end=customers, width=BAR_WIDTH)
        table.add_row(styled(what_happened(kind, action)), f"{customers:,}", bar)
    console.print(table)
    say("Others had bad days, too, and stayed.", console, "dim")
