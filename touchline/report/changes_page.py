"""The section of the report on changes in the business: whether each helped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.text import Text

from schemas.limits import CHANGES_JUDGED
from touchline.report.changes import WINDOW_DAYS, Change, doubts
from touchline.report.formatting import day, level
from touchline.report.printing import Cell, Rows, Said, print_section
from touchline.report.timeline import experience_bar
from touchline.terminal import styled

QUERY = "SELECT * FROM change_effects"
ON_TWO_LINES = {"no difference seen": ("no difference", "seen"), "too few to tell": ("too few", "to tell")}
STYLES = {"better": "green", "worse": "red"}


def print_changes(changes: Sequence[Change], left_out: int, console: Console) -> None:
    """Print the section.

    Args:
        changes: those with a verdict.
        left_out: how many have none, as there are newer ones.
        console: prints it.
    """
    title = "Did your changes help?"
    if not changes:
        print_section(title, [Said("No change in the business was reported, so there is nothing to compare.")], console)
        return
    doubtful = Counter(doubt for change in changes for doubt in doubts(change))
    said = ", ".join(f"{doubt} ({number:,})" for doubt, number in doubtful.most_common())
    rows = Rows(("", ""), [_row(change) for change in changes], QUERY, of_rest=_rest_of(changes), height=2, texts=2)
    note = f"From {WINDOW_DAYS} days before to {WINDOW_DAYS} days after. What came after need not have come of it."
    doubted = [Said(f"* {said}.", "yellow")] if said else []
    if left_out:
        doubted.append(
            Said(f"Changes without a verdict: {left_out:,}. The newest {CHANGES_JUDGED} have one.", "yellow")
        )
    print_section(title, [rows, *doubted, Said(note, "dim", 1)], console)


def _row(change: Change) -> list[Cell]:
    """Return the verdict, and beside it what was changed and, below that, how customers fared."""
    style = STYLES.get(change.verdict, "")
    verdict = Text("\n").join(styled(part, style) for part in ON_TWO_LINES.get(change.verdict, (change.verdict,)))
    if doubts(change):
        verdict.append(" *")
    until = f" to {day(change.reverted_at)}" if change.reverted_at else ""
    what = styled(f"{day(change.effective_at)}{until}: {change.name}")
    return [verdict, Text("\n").join([what, _fared(change)])]


def _fared(change: Change) -> Text:
    """Return experience before and after, and who turned sour."""
    line = Text()
    for value in (change.before, change.after):
        line.append(f"{'-' if value is None else level(value):>5} ").append_text(experience_bar(value)).append("  ")
    return line.append(f"turned sour: {change.soured_before:,}, then {change.soured_after:,}")


def _rest_of(changes: Sequence[Change]) -> Callable[[int], str]:
    def told(shown: int) -> str:
        # In the order of the changes: those that made a difference come first.
        verdicts = Counter(change.verdict for change in changes[shown:])
        named = ", ".join(f"{number:,} {verdict}" for verdict, number in verdicts.items())
        return f"{len(changes) - shown:,} more ({named})"

    return told
