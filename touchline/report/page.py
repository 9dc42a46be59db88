"""Prints the report: tables and sentences, for a terminal of any width, or a pipe; a section has ten lines at most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from schemas.metrics import METRICS
from touchline.report.changes_page import print_changes
from touchline.report.findings import Abandoned, Findings, Intake, Journey, Shift
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
    short_day,
    what_happened,
)
from touchline.report.levels_page import print_levels
from touchline.report.money import format_money, format_sums
from touchline.report.people_page import print_people
from touchline.report.printing import Cell, Part, Rows, Said, heading, print_section
from touchline.report.reasons_page import print_reasons
from touchline.report.service_page import print_service
from touchline.report.timeline import draw
from touchline.report.topics_page import print_topics
from touchline.report.value_page import print_value
from touchline.terminal import styled

MAX_CAUSES = 2
SHIFT_QUERIES = {
    "worse": "SELECT * FROM sentiment_shifts WHERE direction = 'worse'",
    "better": "SELECT * FROM sentiment_shifts WHERE direction = 'better'",
}
METRIC_QUERY = "SELECT * FROM rolling_metrics WHERE grain = '1mo'"


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
    _service(findings, console)
    print_levels(findings.levels, console)
    print_service(findings.care, console)
    _abandoned(findings.abandoned, console)
    _shifts(findings, console)
    _worst_journey(findings.worst_journey, console)
    print_topics(findings.topics, console)
    print_reasons(findings.reasons, console)
    print_value(findings.value, console)
    print_changes(findings.changes, findings.changes_left_out, console)
    _ask_more(examples, console)


def _intake(intake: Intake, bad_lines: int, console: Console) -> None:
    parts: list[Part] = []
    if intake.first_at is None or intake.last_at is None:
        parts.append(Said("Nothing: no touchpoint is in the tables."))
    else:
        unknown = f", {intake.anonymous:,} of them not known by name" if intake.anonymous else ""
        touchpoints, customers = counted(intake.touchpoints, "touchpoint"), counted(intake.customers, "customer")
        since = f"from {day(intake.first_at)} to {day(intake.last_at)}"
        parts.append(Said(f"{touchpoints} of {customers}{unknown}, {since}."))
        kinds = ", ".join(f"{number:,} {plural(kind)}" for kind, number in intake.kinds.items())
        parts.append(Said(f"They are {kinds}."))
        if intake.identifiers:
            known = f"{counted(intake.identifiers, 'identifier')} of {counted(intake.identified, 'customer')}"
            parts.append(Said(f"Known are {known}: cookies, addresses and others.", most=1))
        if intake.revenue:
            parts.append(Said(f"Sold: {format_sums(intake.revenue)}.", most=1))
    if intake.refused:
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in intake.refused.items())
        parts.append(Said(f"{counted(sum(intake.refused.values()), 'message')} refused: {reasons}.", "yellow", 1))
    if bad_lines:
        was = "was" if bad_lines == 1 else "were"
        parts.append(Said(f"{counted(bad_lines, 'line')} of the input {was} bad, and not published.", "yellow", 1))
    if not (intake.refused or bad_lines):
        parts.append(Said("Nothing was refused."))
    print_section("What came in", parts, console)


def _ratings(findings: Findings, console: Console) -> None:
    title = "How they rate you"
    if not findings.ratings:
        print_section(title, [Said("No survey was answered, so there is no NPS and no CSAT.")], console)
        return
    rows = [_rating_row(metric.title, metric.name, findings) for metric in METRICS if metric.section == "ratings"]
    print_section(title, [Rows(("", "result", "95 % sure between", "answers"), rows, METRIC_QUERY)], console)


def _rating_row(label: str, name: str, findings: Findings) -> list[Cell]:
    estimate = findings.ratings.get(name)
    if estimate is None:
        return [label, "-", "no answers", "0"]
    shown, low, high = (_rating(name, value) for value in (estimate.value, estimate.low, estimate.high))
    between = "too few to say" if estimate.low is None else f"{low} and {high}"
    return [label, shown, between, f"{estimate.n:,}"]


def _rating(name: str, value: float | None) -> str:
    if value is None:
        return ""
    if name == "nps":
        return f"{max(min(value, 100), -100):+.0f}"
    return f"{value:.0%}"


def _service(findings: Findings, console: Console) -> None:
    if not findings.service:
        return
    rows: list[list[Cell]] = []
    # Shares first, then durations.
    for metric in sorted(METRICS, key=lambda metric: metric.kind == "duration"):
        estimate = findings.service.get(metric.name)
        if estimate is not None:
            shown = duration(estimate.value) if metric.kind == "duration" else f"{estimate.value:.0%}"
            rows.append([metric.title, shown, f"{estimate.n:,}"])
    print_section("How they were served", [Rows(("", "result", "of"), rows, METRIC_QUERY)], console)


def _abandoned(found: Sequence[Abandoned], console: Console) -> None:
    parts: list[Part] = [Said("Nothing was abandoned: no cart, no call, no survey.")]
    if found:
        rows = [row for one in found for row in _abandoned_rows(one)]
        columns = ("", "abandoned", "came back", "lost", "won back")
        parts = [Rows(columns, rows, "SELECT * FROM abandonments")]
    print_section("What was abandoned, and what it was worth", parts, console)


def _abandoned_rows(one: Abandoned) -> list[list[Cell]]:
    """Return a row for each currency, the one with the largest loss first; how many there are stands in the first."""
    name = SUBJECTS.get(one.subject, one.subject)
    told = [name[:1].upper() + name[1:], f"{one.abandoned:,}", f"{one.came_back:,}"]
    currencies = sorted({*one.lost, *one.recovered}, key=lambda currency: (-one.lost.get(currency, 0), currency))
    money = [
        [format_money(sums[currency], currency) if currency in sums else "-" for sums in (one.lost, one.recovered)]
        for currency in currencies
    ] or [["-", "-"]]
    return [[*(told if place == 0 else ("", "", "")), *amounts] for place, amounts in enumerate(money)]


def _shifts(findings: Findings, console: Console) -> None:
    parts: list[Part] = [
        Said("Experience goes from -1 (served badly) to +1 (served well).", "dim", 1),
        *_shift_parts("sour", findings.worse),
        *_shift_parts("sweet", findings.better),
    ]
    if not findings.worse and not findings.better:
        parts = [Said("Nobody: no customer's experience changed lastingly.")]
    print_section("Who turned sour, who turned sweet", parts, console)


def _shift_parts(what: str, shifts: Sequence[Shift]) -> list[Part]:
    if not shifts:
        return [Said(f"Nobody turned {what}.")]
    style = "red" if shifts[0].direction == "worse" else "green"
    return [
        Said(f"{len(shifts):,} turned {what}, {_mostly(shifts)}:", style, 1),
        Rows(("", "", ""), [_shift_row(shift) for shift in shifts], SHIFT_QUERIES[shifts[0].direction], texts=3),
    ]


def _mostly(shifts: Sequence[Shift]) -> str:
    """Return what turned customers most often: the causes, where any is known."""
    causes = [(shift.cause_kind, shift.cause_action) for shift in shifts if shift.cause_kind]
    begun = [(shift.onset_kind, shift.onset_action) for shift in shifts]
    common = Counter(what_happened(*one) for one in causes or begun).most_common(MAX_CAUSES)
    named = ", ".join(f"{what} ({number:,})" for what, number in common)
    return f"most often {'after' if causes else 'from'} {named}"


def _shift_row(shift: Shift) -> list[Cell]:
    """Return who turned, how far and when, and after what or with what words."""
    fell = f"{short_day(shift.onset_at)}: {level(shift.before)} to {level(shift.after)}"
    if shift.cause_kind is not None:
        return [shift.customer_id, fell, _said("after ", shift.cause_kind, shift.cause_action, shift.cause_text)]
    return [shift.customer_id, fell, _said("", shift.onset_kind, shift.onset_action, shift.onset_text)]


def _said(intro: str, kind: str, action: str, text: str) -> str:
    """Return a touchpoint and its words."""
    return f"{intro}{what_happened(kind, action)} {quote(text, 80)}".rstrip()


def _worst_journey(journey: Journey | None, console: Console) -> None:
    if journey is None:
        nobody = Said("Nobody turned sour, so there is no such journey to show.")
        print_section("The customer who was hurt most", [nobody], console)
        return
    shift = journey.shift
    outcome = OUTCOMES.get(journey.outcome, journey.outcome)
    fell = f"From {level(shift.before)} to {level(shift.after)} in {counted(len(journey.steps), 'touchpoint')}"
    lines: list[list[Cell]] = [[line] for line in draw(journey, console.width)]
    parts: list[Part] = [
        Said(f"{fell}, {outcome}. {_afterwards(journey)}"),
        Said("Left of the line: served badly. Right: served well. ▶ marks the likely cause.", "dim", 1),
        Rows(("",), lines, "SELECT * FROM touchpoints"),
    ]
    print_section(f"The customer who was hurt most: {shift.customer_id}", parts, console)


def _afterwards(journey: Journey) -> str:
    """Return whether it got better, in a sentence."""
    later = [turn for turn in journey.turns if turn.direction == "better" and turn.onset_at > journey.shift.onset_at]
    if later:
        return f"It got better: turned sweet on {moment(later[0].onset_at)}."
    return "It did not get better."


def _ask_more(examples: Sequence[str], console: Console) -> None:
    if not examples:
        return
    heading("Ask more", console)
    for example in examples:
        # Unwrapped, however narrow the terminal: a command is there to be copied.
        console.print(styled("  " + example), soft_wrap=True)
