"""Prints the report: tables and sentences, for a terminal of any width, or a pipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.metrics import METRICS
from touchline.report.changes import WINDOW_DAYS, Change, Period, reasons, warnings
from touchline.report.estimates import Estimate
from touchline.report.findings import (
    Abandoned,
    Findings,
    Intake,
    Journey,
    Shift,
)
from touchline.report.formatting import (
    OUTCOMES,
    SUBJECTS,
    counted,
    day,
    duration,
    level,
    moment,
    plural,
    quote,
    what_happened,
)
from touchline.report.money import format_money, format_sums
from touchline.report.people_page import print_people
from touchline.report.printing import heading, new_table, say, say_indented
from touchline.report.reasons_page import print_reasons
from touchline.report.service_page import print_service
from touchline.report.timeline import draw
from touchline.report.topics_page import print_topics
from touchline.terminal import styled

MAX_CAUSES = 3
MAX_SHIFTS = 5
"""Shifts listed for each direction; the others are only counted."""


def print_report(findings: Findings, console: Console, examples: Sequence[str], bad_lines: int = 0) -> None:
    """Print the whole report.

    Args:
        findings: of the tables.
        console: prints it.
        examples: the commands it ends with.
        bad_lines: lines of the input that could not be published, and so are in no table.
    """
    _intake(findings.intake, bad_lines, console)
    print_people(findings.people, console)
    _ratings(findings, console)
    print_service(findings.care, console)
    _abandoned(findings.abandoned, console)
    _shifts(findings, console)
    _worst_journey(findings.worst_journey, console)
    print_topics(findings.topics, console)
    print_reasons(findings.reasons, console)
    _changes(findings.changes, console)
    _ask_more(examples, console)


def _intake(intake: Intake, bad_lines: int, console: Console) -> None:
    heading("What came in", console)
    if intake.first_at is None or intake.last_at is None:
        say("Nothing: no touchpoint is in the tables.", console)
    else:
        unknown = f", {intake.anonymous:,} of them not known by name" if intake.anonymous else ""
        say(
            f"{counted(intake.touchpoints, 'touchpoint')} of "
            f"{counted(intake.customers, 'customer')}{unknown}, "
            f"from {day(intake.first_at)} to {day(intake.last_at)}.",
            console,
        )
        if intake.identifiers:
            say(
                f"Known of {counted(intake.identified, 'customer')}: {counted(intake.identifiers, 'identifier')} "
                "(cookies, addresses and others). What states only these counts for them, too.",
                console,
            )
        table = new_table("", "touchpoints", "share")
        for kind, number in intake.kinds.items():
            name = plural(kind)
            table.add_row(styled(name[:1].upper() + name[1:]), f"{number:,}", f"{number / intake.touchpoints:.0%}")
        console.print(table)
        if intake.revenue:
            say(f"Sold: {format_sums(intake.revenue)}.", console)
    if intake.refused:
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in intake.refused.items())
        refused = sum(intake.refused.values())
        say(f"{counted(refused, 'message')} refused: {reasons}.", console, "yellow")
    if bad_lines:
        was = "was" if bad_lines == 1 else "were"
        say(f"{counted(bad_lines, 'line')} of the input {was} bad, and not published.", console, "yellow")
    if not (intake.refused or bad_lines):
        say("Nothing was refused.", console)


def _ratings(findings: Findings, console: Console) -> None:
    heading("How they rate you", console)
    if not findings.ratings:
        say("No survey was answered, so there is no NPS and no CSAT.", console)
    else:
        table = new_table("", "result", "95 % sure between", "answers")
        for metric in METRICS:
            if metric.section == "ratings":
                _rating_row(table, metric.title, metric.name, findings)
        console.print(table)
    if findings.service:
        console.print()
        table = new_table("How they were served", "result", "of")
        # Shares first, then durations.
        for metric in sorted(METRICS, key=lambda metric: metric.kind == "duration"):
            estimate = findings.service.get(metric.name)
            if estimate is not None:
                shown = duration(estimate.value) if metric.kind == "duration" else f"{estimate.value:.0%}"
                table.add_row(metric.title, shown, f"{estimate.n:,}")
        console.print(table)


def _rating_row(table: Table, label: str, name: str, findings: Findings) -> None:
    estimate = findings.ratings.get(name)
    if estimate is None:
        table.add_row(label, "-", "no answers", "0")
        return
    shown, low, high = (_rating(name, value) for value in (estimate.value, estimate.low, estimate.high))
    between = "too few to say" if estimate.low is None else f"{low} and {high}"
    table.add_row(label, shown, between, f"{estimate.n:,}")


def _rating(name: str, value: float | None) -> str:
    if value is None:
        return ""
    if name == "nps":
        return f"{max(min(value, 100), -100):+.0f}"
    return f"{value:.0%}"


def _abandoned(rows: Sequence[Abandoned], console: Console) -> None:
    heading("What was abandoned, and what it was worth", console)
    if not rows:
        say("Nothing was abandoned: no cart, no call, no survey.", console)
        return
    table = new_table("", "abandoned", "came back", "lost", "won back")
    for row in rows:
        name = SUBJECTS.get(row.subject, row.subject)
        table.add_row(
            styled(name[:1].upper() + name[1:]),
            f"{row.abandoned:,}",
            f"{row.came_back:,}",
            _lines(row.lost),
            _lines(row.recovered),
        )
    console.print(table)


def _lines(sums: dict[str, int]) -> Text:
    """Return sums of several currencies, a line each."""
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    return Text("\n").join(styled(format_money(amount, currency)) for currency, amount in ordered) or Text("-")


def _shifts(findings: Findings, console: Console) -> None:
    heading("Who turned sour, who turned sweet", console)
    say("Experience goes from -1 (served badly) to +1 (served well).", console, "dim")
    if not findings.worse and not findings.better:
        say("Nobody: no customer's experience changed lastingly.", console)
        return
    _shift_list("turned sour", findings.worse, console)
    _shift_list("turned sweet", findings.better, console)


def _shift_list(what: str, shifts: Sequence[Shift], console: Console) -> None:
    if not shifts:
        say(f"Nobody {what}.", console)
        return
    style = "red" if shifts[0].direction == "worse" else "green"
    say(f"{len(shifts):,} {what}, the furthest first:", console, style)
    say(f"  {_mostly(shifts)}", console)
    for shift in shifts[:MAX_SHIFTS]:
        _shift_lines(shift, console)
    if len(shifts) > MAX_SHIFTS:
        say(f"  … and {len(shifts) - MAX_SHIFTS:,} more.", console, "dim")


def _mostly(shifts: Sequence[Shift]) -> str:
    """Return what turned customers most often: the causes, where any is known."""
    causes = [(shift.cause_kind, shift.cause_action) for shift in shifts if shift.cause_kind]
    begun = [(shift.onset_kind, shift.onset_action) for shift in shifts]
    common = Counter(what_happened(*one) for one in causes or begun).most_common(MAX_CAUSES)
    named = ", ".join(f"{what} ({number:,})" for what, number in common)
    return f"Most often {'after' if causes else 'from'}: {named}."


def _shift_lines(shift: Shift, console: Console) -> None:
    who = shift.customer_id
    say(
        f"  {who}: {level(shift.before)} to {level(shift.after)}, since {moment(shift.onset_at)}",
        console,
    )
    _said("    began with", shift.onset_kind, shift.onset_action, shift.onset_text, console)
    if shift.cause_kind is not None:
        at = "" if shift.cause_at is None else f" of {moment(shift.cause_at)}"
        _said("    after", shift.cause_kind, shift.cause_action + at, shift.cause_text, console)


def _said(intro: str, kind: str, action: str, text: str, console: Console) -> None:
    """Print a touchpoint and, as far as the line goes, its words."""
    what = f"{intro} {what_happened(kind, action)}"
    say(f"{what} {quote(text, console.width - len(what) - 2)}".rstrip(), console, "dim")


def _worst_journey(journey: Journey | None, console: Console) -> None:
    if journey is None:
        heading("The customer who was hurt most", console)
        say("Nobody turned sour, so there is no such journey to show.", console)
        return
    shift = journey.shift
    heading(f"The customer who was hurt most: {shift.customer_id}", console)
    say(
        f"Fell from {level(shift.before)} to {level(shift.after)} on {moment(shift.onset_at)}. "
        f"The journey: {counted(len(journey.steps), 'touchpoint')}, "
        f"{OUTCOMES.get(journey.outcome, journey.outcome)}.",
        console,
    )
    say(
        "Left of the line: served badly. Right: served well. ▶ marks the likely cause.",
        console,
        "dim",
    )
    for line in draw(journey, console.width):
        console.print(line, no_wrap=True, crop=True)
    say(_afterwards(journey), console)


def _afterwards(journey: Journey) -> str:
    """Return whether it got better, in a sentence."""
    later = [turn for turn in journey.turns if turn.direction == "better" and turn.onset_at > journey.shift.onset_at]
    if later:
        return f"It got better: turned sweet again on {moment(later[0].onset_at)}."
    return "Until the end of the data it did not get better."


def _changes(changes: Sequence[Change], console: Console) -> None:
    heading("Did your changes help?", console)
    if not changes:
        say("No change in the business was reported, so there is nothing to compare.", console)
        return
    say(f"{WINDOW_DAYS} days before each change beside {WINDOW_DAYS} days after it:", console, "dim")
    for change in changes:
        judged = change.judged
        reverted = f", taken back {day(judged.reverted_at)}" if judged.reverted_at else ""
        topic = f" ({judged.topic})" if judged.topic else ""
        say(
            f"{judged.name}{topic}, {day(judged.effective_at)}{reverted}: {judged.verdict}",
            console,
            {"better": "green", "worse": "red"}.get(judged.verdict, ""),
        )
        table = new_table("", "before", "after")
        before, after = change.before, change.after
        table.add_row("  experience", _experience(before), _experience(after))
        table.add_row("  NPS", _nps(before), _nps(after))
        table.add_row("  turned sour", f"{before.got_worse:,}", f"{after.got_worse:,}")
        console.print(table)
        say_indented(reasons(judged), console, "dim")
        say_indented(warnings(judged), console, "yellow")
    say("What came after a change need not have come because of it.", console, "dim")


def _experience(period: Period) -> str:
    return _with_interval(period.experience, level)


def _nps(period: Period) -> str:
    return _with_interval(period.nps, lambda value: _rating("nps", value))


def _with_interval(estimate: Estimate | None, shown: Callable[[float], str]) -> str:
    if estimate is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return shown(estimate.value)
    return f"{shown(estimate.value)} ({shown(estimate.low)} to {shown(estimate.high)})"


def _ask_more(examples: Sequence[str], console: Console) -> None:
    if not examples:
        return
    heading("Ask more", console)
    for example in examples:
        # Unwrapped, however narrow the terminal: a command is there to be copied.
        console.print(styled("  " + example), soft_wrap=True)
