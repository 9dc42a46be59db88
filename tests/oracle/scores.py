"""Scores of survey answers: on their scale, and as the questions of NPS, CSAT and CES count them."""

from __future__ import annotations

from tests.oracle.touchpoints import Touch

SCALES = {"nps": (0.0, 10.0), "ces": (1.0, 7.0), "csat": (1.0, 5.0), "rating": (1.0, 5.0)}
"""The scale of a question that does not say its own."""


def is_scored(touch: Touch) -> bool:
    """Return whether this is an answer with a score."""
    return (
        touch.kind == "survey_answer"
        and touch.action in {"answered", "completed"}
        and touch.record.get("score") is not None
    )


def normalised(touch: Touch) -> float:
    """Return an answer's score in 0 to 1, 1 the best, to the four decimals in which scores are kept."""
    record = touch.record
    low, high = SCALES[record["question_kind"]]
    if record["question_kind"] != "nps":
        given_low, given_high = record.get("scale_min"), record.get("scale_max")
        low = low if given_low is None else given_low
        high = high if given_high is None else given_high
    share = float((record["score"] - low) / (high - low))
    return round(share if record.get("higher_is_better", True) else 1.0 - share, 4)


def counted(touch: Touch) -> tuple[str, int] | None:
    """Return the metric of an answer and what it adds to its numerator; None for other questions."""
    question = touch.record.get("question_kind")
    if question == "nps":
        score = touch.record["score"]
        return "nps", (1 if score >= 9 else -1 if score <= 6 else 0)
    if question == "csat":
        return "csat", int(normalised(touch) >= 0.75)
    if question == "ces":
        return "ces", int(normalised(touch) >= round(4 / 6, 4))
    return None
