"""The sections of the report on service: figures beside their targets, how long things take, and who waits."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from touchline.report.formatting import counted, duration
from touchline.report.printing import Cell, Part, Rows, Said, between, print_section
from touchline.report.service import (
    Care,
    Mentions,
    OpenCase,
    OpenFollowUps,
    Page,
    QuestionResult,
    Share,
    Staff,
)
from touchline.terminal import styled

TITLES = {
    "answered_in_24h": "Answered by a person within a day",
    "service_level": "Calls answered within 20 s",
    "promises_kept": "Promises kept",
    "first_contact_resolution": "Cases solved at the first contact",
    "follow_ups_in_time": "Unhappy customers: got back to in time",
    "follow_ups_settled": "  settled when they should be",
    "recovered_share": "  felt better afterwards",
    "first_response": "Until a person answers",
    "first_response_business": "  in business hours",
    "resolution": "Until a case is solved",
    "resolution_business": "  in business hours",
    "longest_silence": "Longest silence in a case",
}
"""What a person who reads the report calls a figure."""
REASONS = {
    "poor_answer": "gave a poor answer",
    "worse": "turned sour",
    "complaint": "complained",
    "abandoned_call": "gave up a call",
    "unanswered_post": "posted, and had no reply",
}
"""Why somebody should get back to a customer, in words."""
MAX_NAMES = 3
CASES = "SELECT * FROM cases WHERE status = 'open'"
FOLLOW_UPS = "SELECT * FROM follow_ups"
SHARES = "SELECT * FROM case_metrics"


def print_service(care: Care, console: Console) -> None:
    """Print the sections on service."""
    _shares(care.shares, console)
    _durations(care, console)
    print_section("Who waits for you", [*_waiting(care), *_mentions(care.mentions)], console)
    print_section("Where the site loses people", _site(care.pages), console)
    questions = _questions(care.questions, care.fewest)
    parts = [*questions, *_staff(care.staff, care.fewest)]
    if care.praised:
        names = ", ".join(f"{name} ({n:,})" for name, n in list(care.praised.items())[:MAX_NAMES])
        parts.append(Said(f"Praised by name, most often: {names}.", most=1))
    print_section("What they say of your service", parts, console)


def _shares(shares: Sequence[Share], console: Console) -> None:
    parts: list[Part] = [Said("No case, no post and no call that was answered: there is nothing to tell of service.")]
    if shares:
        columns = ("", "result", "target", "95 % sure between", "of")
        parts = [Rows(columns, [_share(share) for share in shares], SHARES)]
        if any(share.is_missed for share in shares):
            parts.append(Said("! is below its target, and not by chance.", "red", 1))
    print_section("How well you look after them", parts, console)


def _share(share: Share) -> list[Cell]:
    estimate = share.estimate
    target = "" if share.target is None else f"{share.target:.0%}"
    result = styled(f"{'! ' if share.is_missed else ''}{estimate.value:.0%}", "red" if share.is_missed else "")
    return [TITLES[share.name], result, target, between(estimate), f"{estimate.n:,}"]


def _durations(care: Care, console: Console) -> None:
    if not care.durations:
        return
    rows: list[list[Cell]] = [[TITLES[one.name], duration(one.median), f"{one.n:,}"] for one in care.durations]
    parts: list[Part] = [Rows(("", "half within", "of"), rows, "SELECT * FROM cases")]
    if care.longest_silence is not None:
        longest = duration(care.longest_silence)
        parts.append(Said(f"The longest that a customer had no news of a case: {longest}.", most=1))
    print_section("How long it takes you", parts, console)


def _waiting(care: Care) -> list[Part]:
    waiting, follow_ups = care.waiting, care.follow_ups
    parts: list[Part] = [Said("Nothing waits: no case is open.")]
    if waiting.cases:
        unanswered = f", {waiting.unanswered:,} of them not answered by a person" if waiting.unanswered else ""
        rows: list[list[Cell]] = [[f"  {_open_case(case)}"] for case in waiting.oldest]
        said = f"{counted(waiting.cases, 'case')} not solved yet{unanswered}. The oldest:"
        parts = [Said(said, "yellow", 1), Rows(("",), rows, CASES, waiting.cases - len(waiting.oldest))]
    if not follow_ups:
        return [*parts, Said("Nobody waits for you to get back to them.")]
    rows = [[f"  {_open_follow_ups(one)}"] for one in follow_ups]
    return [*parts, Said("Get back to them:", "yellow"), Rows(("",), rows, FOLLOW_UPS)]


def _open_case(case: OpenCase) -> str:
    topic = f" ({case.topic})" if case.topic else ""
    age = f"{duration(case.age)}{'' if case.answered else ', not answered'}"
    return f"{age}: {case.customer_id}, {case.case_id}{topic}"


def _open_follow_ups(one: OpenFollowUps) -> str:
    late = f"{one.late:,} too late" if one.late else "none too late"
    why = REASONS.get(one.reason, one.reason)
    return f"{counted(one.customers, 'customer')} who {why}: {late}, the first {duration(one.oldest)} ago"


def _mentions(mentions: Mentions | None) -> list[Part]:
    if mentions is None:
        return [Said("Nobody has posted or reviewed anything.")]
    estimate = mentions.answered
    unanswered = estimate.n - round(estimate.value * estimate.n)
    oldest = "" if mentions.oldest is None else f", the oldest for {duration(mentions.oldest)}"
    posts = counted(estimate.n, "post or review", "posts and reviews")
    return [Said(f"{posts}: {estimate.value:.0%} answered, {unanswered:,} not{oldest}.", most=1)]


def _site(pages: Sequence[Page]) -> list[Part]:
    if not pages:
        return [Said("Too few visits to say where the site fails.")]
    worst = max(pages, key=lambda page: (page.failed / page.sessions, page.name))
    last = max(pages, key=lambda page: (page.lost / page.sessions, page.name))
    failing = "No page that many visit has failed."
    if worst.failed:
        share = f"{worst.failed:,} of {worst.sessions:,} visits"
        failing = f"Most often something fails on {worst.name}: in {share}."
    ends = f"Most often visits end on {last.name}: {last.lost / last.sessions:.0%} of {last.sessions:,}"
    return [Said(failing), Said(f"{ends}, which is a loss only where something is left to do.")]


def _questions(questions: Sequence[QuestionResult], fewest: int) -> list[Part]:
    if not questions:
        return [Said("No question of a survey was answered with a score.")]
    rows: list[list[Cell]] = []
    for one in questions:
        estimate = one.estimate
        label = one.text or f"{one.survey_id}, {one.question}"
        rows.append([label, f"{estimate.value:.0%}", between(estimate), f"{estimate.n:,}"])
    columns = ("Good answers, the fewest first", "good", "95 % sure between", "of")
    parts: list[Part] = [
        Rows(columns, rows, "SELECT * FROM survey_results", of_rest=lambda shown: f"{len(rows) - shown:,} better ones")
    ]
    few = sum(one.estimate.n < fewest for one in questions)
    if few:
        said = f"{counted(few, 'question')} with fewer than {fewest} answers: they say little."
        parts.append(Said(said, "dim", 1))
    return parts


def _staff(staff: Sequence[Staff], fewest: int) -> list[Part]:
    if not staff:
        return [Said("No survey followed a call or case whose staff is known.")]
    known = [one for one in staff if one.estimate.n >= fewest]
    if not known:
        most = max(staff, key=lambda one: (one.estimate.n, one.name))
        said = (
            f"Too few answers after calls and cases to say whom customers like best: {most.name} has those of "
            f"{counted(most.estimate.n, 'customer')}, and {fewest} are needed."
        )
        return [Said(said, "dim")]
    best = known[0].estimate
    said = (
        f"Best liked after calls and cases: {known[0].name}, by {best.value:.0%} of {best.n:,} customers "
        f"(95 % sure between {between(best)}), of {len(known):,} whom {fewest} or more have judged."
    )
    return [Said(said)]
