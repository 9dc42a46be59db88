"""Touchpoints that are causes of follow-ups, or about them, and what the rows of follow-ups then say."""

from __future__ import annotations

from typing import Any

from schemas.follow_ups import FollowUpRules
from schemas.journey_log import Touchpoint
from streams.journeys.rules import Rules
from tests.unit.journeys.play import HOUR, MINUTE, T0, Play, call, case, said, survey

UNHAPPY, HAPPY = -5_000, 5_000
MOMENTS = ("opened_at", "warned_at", "missed_at", "contacted_at", "closed_at")


def nps(at: int, score: int, **more: Any) -> Touchpoint:
    fields = {"question_kind": "nps", "score": float(score), "normalised": score * 1_000, **more}
    return survey(at, "answered", **fields)


def csat(at: int, normalised: int, **more: Any) -> Touchpoint:
    """Give an answer to CSAT, from 0 to 10,000."""
    return survey(at, "answered", question_kind="csat", score=1 + normalised / 2_500, normalised=normalised, **more)


def complaint(at: int, case_id: str = "d", **more: Any) -> Touchpoint:
    return case(at, "opened", case_id, complaint=True, **more)


def by_agent(at: int, phase: str = "updated", **more: Any) -> Touchpoint:
    return case(at, phase, by="agent", **more)


def replied(at: int, **more: Any) -> Touchpoint:
    return said(at, None, **{"author": "brand", "post_id": "b", "in_reply_to": "t", **more})


def given_up(at: int) -> list[Touchpoint]:
    """Give a call that is given up in its queue after a minute, at that time."""
    return [call(at - MINUTE, "queued", f"c{at}"), call(at, "ended", f"c{at}")]


def turn(at: int) -> list[Touchpoint]:
    """Give experiences, by hours, of which the fourth and later are bad; the third of these makes sure of it."""
    felt = [HAPPY] * 3 + [-9_000] * 3
    return [seen_by(at - (5 - place) * HOUR, value) for place, value in enumerate(felt)]


def seen_by(at: int, value: int) -> Touchpoint:
    """Give an answer that is neither praise nor poor, or a failed page: an experience without another reason."""
    return survey(at, "answered", f"r{at}", question_kind="choice", text="words", sentiment=value)


def play(*made: Touchpoint, until: int = 0, rules: FollowUpRules | None = None) -> Play:
    played = Play(Rules(follow_ups=rules or FollowUpRules())).send(*made)
    return played.at(until) if until else played


def of(played: Play, reason: str) -> dict[str, Any]:
    """Return the one follow-up of a reason."""
    (found,) = (row for row in played.rows("follow_ups") if row["reason"] == reason)
    return found


def reasons(played: Play) -> list[str]:
    return sorted(row["reason"] for row in played.rows("follow_ups"))


def moments(row: dict[str, Any]) -> dict[str, float]:
    """Return the moments that have come, in hours after `T0`."""
    return {name: (row[name] - T0) / HOUR for name in MOMENTS if row[name] is not None}


def by_time(row: dict[str, Any]) -> int:
    at: int = row["happened_at"]
    return at
