"""Draws a journey as a timeline: one line for each touchpoint, the shift marked, the rest shortened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from rich.text import Text

from touchline.report.findings import Journey, Shift, Step
from touchline.report.formatting import counted, plural, quote, short_moment, singular, what_happened
from touchline.report.money import format_money
from touchline.terminal import styled

MAX_LINES = 6
"""Lines of a timeline: the section that it is in has ten."""
QUIET_RUN = 3
"""The least number of consecutive touchpoints without an experience that share a line."""

BAR_HALF = 4
WHAT_WIDTH = 22


@dataclass(frozen=True)
class Gap:
    """Touchpoints that share one line."""

    steps: tuple[Step, ...]


def shorten(journey: Journey) -> list[Step | Gap]:
    """Return what is drawn of a journey, in order; a gap stands for what is left out."""
    kept = _kept(journey)
    drawn: list[Step | Gap] = []
    run: list[Step] = []
    for position, step in enumerate(journey.steps):
        if position in kept:
            drawn.extend(_close(run))
            run = []
            drawn.append(step)
        else:
            run.append(step)
    return [*drawn, *_close(run)]


def _close(run: list[Step]) -> list[Step | Gap]:
    if len(run) <= 1:
        return list(run)
    return [Gap(tuple(run))]


def _kept(journey: Journey) -> set[int]:
    """Return the positions of the touchpoints that get a line of their own: the turn's, then those around it."""
    steps, shift = journey.steps, journey.shift
    kept = {
        position for position, step in enumerate(steps) if step.event_id in {shift.onset_event_id, shift.cause_event_id}
    }
    quiet = _in_quiet_runs(steps)
    turn = max(kept, default=len(steps) - 1)
    loud = sorted(set(range(len(steps))) - quiet - kept, key=lambda position: (abs(position - turn), -position))
    for position in loud[: 2 * MAX_LINES]:
        if _lines(journey, {*kept, position}) <= MAX_LINES:
            kept.add(position)
    return kept


def _lines(journey: Journey, kept: set[int]) -> int:
    """Return how many lines are drawn if these touchpoints have one of their own."""
    edges = [-1, *sorted(kept), len(journey.steps)]
    gaps = sum(later - earlier > 1 for earlier, later in pairwise(edges))
    onsets = _onsets(journey)
    return len(kept) + gaps + sum(journey.steps[position].event_id in onsets for position in kept)


def _onsets(journey: Journey) -> dict[str, Shift]:
    """Return the turns by the touchpoints with which they began."""
    return {turn.onset_event_id: turn for turn in [*journey.turns, journey.shift]}


def _in_quiet_runs(steps: list[Step]) -> set[int]:
    """Return the positions in runs of quiet touchpoints that are long enough to be one line."""
    found: set[int] = set()
    first = 0
    for position in range(len(steps) + 1):
        if position == len(steps) or not _quiet(steps[position]):
            if position - first >= QUIET_RUN:
                found.update(range(first, position))
            first = position + 1
    return found


def _quiet(step: Step) -> bool:
    return step.experience is None and not step.text and step.kind != "purchase"


def draw(journey: Journey, width: int) -> Iterator[Text]:
    """Yield the timeline's lines, none wider than `width` characters."""
    turns = _onsets(journey)
    for item in shorten(journey):
        if isinstance(item, Gap):
            yield _gap_line(item, width)
            continue
        if item.event_id in turns:
            yield _turn_line(turns[item.event_id], width)
        yield _step_line(item, item.event_id == journey.shift.cause_event_id, width)


def _turn_line(turn: Shift, width: int) -> Text:
    sour = turn.direction == "worse"
    label = f" HERE IT TURNED {'SOUR' if sour else 'SWEET'}: {turn.before:+.2f} to {turn.after:+.2f} "
    return Text(f"━━━━{label}".ljust(width, "━")[:width], style="bold red" if sour else "bold green")


def _gap_line(gap: Gap, width: int) -> Text:
    counts = Counter(step.kind for step in gap.steps)
    named = ", ".join(counted(number, singular(kind), plural(kind)) for kind, number in counts.most_common())
    line = f"{short_moment(gap.steps[0].at)}  ┆ {named}"
    return styled(line[:width], "dim")


def _step_line(step: Step, is_cause: bool, width: int) -> Text:
    what = what_happened(step.kind, step.action)
    line = Text(f"{short_moment(step.at)} ", style="bold" if is_cause else "")
    line.append("▶" if is_cause else " ", style="bold red")
    line.append("● ")
    line.append(what[:WHAT_WIDTH].ljust(WHAT_WIDTH) + " ")
    line.append_text(experience_bar(step.experience))
    said = quote(step.text, width - line.cell_len - 1)
    line.append_text(styled(" " + (said or _value(step))))
    if is_cause and not said:
        line.append(" most likely the cause", style="red")
    line.truncate(width)
    line.rstrip()
    return line


def _value(step: Step) -> str:
    if not step.value_minor or not step.currency:
        return ""
    return format_money(step.value_minor, step.currency)


def experience_bar(experience: float | None) -> Text:
    """Return experience as a bar to the left (bad) or the right (good) of a middle line."""
    if experience is None:
        return Text(" " * BAR_HALF + "│" + " " * BAR_HALF, style="dim")
    length = max(round(abs(experience) * BAR_HALF), 1 if abs(experience) >= 0.05 else 0)
    filled = "█" * length
    if experience < 0:
        return Text(filled.rjust(BAR_HALF) + "│" + " " * BAR_HALF, style="red")
    return Text(" " * BAR_HALF + "│" + filled.ljust(BAR_HALF), style="green")
