"""Prints what the report says of service: a table of figures beside their targets, and what to look after."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from touchline.report.formatting import counted, duration
from touchline.report.printing import between, heading, new_table, say, say_indented
from touchline.report.service import (
    Care,
    Mentions,
    OpenCase,
    OpenFollowUps,
    Page,
    QuestionResult,
    Share,
    Staff,
    Waiting,
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
    "first_response": "Answered, half of them within",
    "first_response_business": "  in business hours",
    "resolution": "Solved, half of them within",
    "resolution_business": "  in business hours",
    "longest_silence": "Longest silence, half of them within",
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
MAX_QUESTIONS = 8
MAX_NAMES = 3


def print_service(care: Care, console: Console) -> None:
    """Print the sections on service."""
    heading("How well you look after them", console)
    _figures(care, console)
    _waiting(care.waiting, console)
    _follow_ups(care.follow_ups, console)
    _mentions(care.mentions, console)
    _site(care.pages, console)
    heading("What they say of your service", console)
    _questions(care.questions, care.fewest, console)
    _staff(care.staff, care.fewest, console)
    if care.praised:
        names = ", ".join(f"{name} ({n:,})" for name, n in list(care.praised.items())[:MAX_NAMES])
        say(f"Praised by name, most often: {names}.", console)


def _figures(care: Care, console: Console) -> None:
    if not care.shares and not care.durations:
        say("No case, no post and no call that was answered: there is nothing to tell of service.", console)
        return
    table = new_table("", "result", "target", "95 % sure between", "of")
    for share in care.shares:
        target = "" if share.target is None else f"{share.target:.0%}"
        estimate = share.estimate
        table.add_row(TITLES[share.name], f"{estimate.value:.0%}", target, between(estimate), f"{estimate.n:,}")
    for one in care.durations:
        table.add_row(TITLES[one.name], duration(one.median), "", "", f"{one.n:,}")
    console.print(table)
    missed = [share for share in care.shares if share.is_missed]
    if missed:
        say(f"Below target, and not by chance: {_named(missed)}.", console, "red")
    if care.longest_silence is not None:
        say(f"The longest that a customer had no news of a case: {duration(care.longest_silence)}.", console)


def _named(shares: Sequence[Share]) -> str:
    return ", ".join(TITLES[share.name].strip().lower() for share in shares)


def _waiting(waiting: Waiting, console: Console) -> None:
    if not waiting.cases:
        say("Nothing waits: no case is open.", console)
        return
    unanswered = f", {waiting.unanswered:,} of them not answered by a person" if waiting.unanswered else ""
    say(f"{counted(waiting.cases, 'case')} not solved yet{unanswered}. The oldest:", console, "yellow")
    say_indented([_open_case(case) for case in waiting.oldest], console)


def _open_case(case: OpenCase) -> str:
    topic = f" ({case.topic})" if case.topic else ""
    return f"{case.customer_id}, {case.case_id}{topic}: {duration(case.age)}{'' if case.answered else ', not answered'}"


def _follow_ups(follow_ups: Sequence[OpenFollowUps], console: Console) -> None:
    if not follow_ups:
        say("Nobody waits for you to get back to them.", console)
        return
    say("Get back to them:", console, "yellow")
    say_indented([_open_follow_ups(one) for one in follow_ups], console)


def _open_follow_ups(one: OpenFollowUps) -> str:
    late = f"{one.late:,} of them too late" if one.late else "none of them too late"
    why = REASONS.get(one.reason, one.reason)
    return f"{counted(one.customers, 'customer')} who {why}: {late}, the first {duration(one.oldest)} ago"


def _mentions(mentions: Mentions | None, console: Console) -> None:
    if mentions is None:
        say("Nobody has posted or reviewed anything.", console)
        return
    estimate = mentions.answered
    unanswered = estimate.n - round(estimate.value * estimate.n)
    oldest = "" if mentions.oldest is None else f", the oldest for {duration(mentions.oldest)}"
    say(
        f"{counted(estimate.n, 'post or review', 'posts and reviews')}: {estimate.value:.0%} answered, "
        f"{unanswered:,} not{oldest}.",
        console,
    )


def _site(pages: Sequence[Page], console: Console) -> None:
    if not pages:
        say("Too few visits to say where the site fails.", console)
        return
    worst = max(pages, key=lambda page: (page.failed / page.sessions, page.name))
    if worst.failed:
        share = f"{worst.failed:,} of {worst.sessions:,} visits"
        say(f"Most often something fails on {worst.name}: in {share}.", console)
    else:
        say("No page that many visit has failed.", console)
    last = max(pages, key=lambda page: (page.lost / page.sessions, page.name))
    say(
        f"Most often visits end on {last.name}: {last.lost / last.sessions:.0%} of {last.sessions:,}, "
        "which is a loss only where something is left to do.",
        console,
    )


def _questions(questions: Sequence[QuestionResult], fewest: int, console: Console) -> None:
    if not questions:
        say("No question of a survey was answered with a score.", console)
        return
    table = new_table("Good answers, the fewest first", "good", "95 % sure between", "of")
    for one in questions[:MAX_QUESTIONS]:
        estimate = one.estimate
        label = one.text or f"{one.survey_id}, {one.question}"
        table.add_row(styled(label), f"{estimate.value:.0%}", between(estimate), f"{estimate.n:,}")
    console.print(table)
    if len(questions) > MAX_QUESTIONS:
        say(f"… and {counted(len(questions) - MAX_QUESTIONS, 'question')} with more good answers.", console, "dim")
    few = sum(one.estimate.n < fewest for one in questions)
    if few:
        say(f"{counted(few, 'question')} with fewer than {fewest} answers: they say little.", console, "dim")


def _staff(staff: Sequence[Staff], fewest: int, console: Console) -> None:
    if not staff:
        say("No survey followed a call or case whose staff is known.", console)
        return
    known = [one for one in staff if one.estimate.n >= fewest]
    if not known:
        most = max(staff, key=lambda one: (one.estimate.n, one.name))
        say(
            f"Too few answers after calls and cases to say whom customers like best: {most.name} has those of "
            f"{counted(most.estimate.n, 'customer')}, and {fewest} are needed.",
            console,
            "dim",
        )
        return
    best = known[0].estimate
    say(
        f"Best liked after calls and cases: {known[0].name}, by {best.value:.0%} of {best.n:,} customers "
        f"(95 % sure between {between(best)}), of {len(known):,} whom {fewest} or more have judged.",
        console,
    )
