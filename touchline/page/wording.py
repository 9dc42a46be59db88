"""What the page calls what the views name: texts of the catalogues by the views' own words."""

from __future__ import annotations

from touchline.page.marks import N_

METRIC_TITLES: dict[str, str] = {
    "nps": N_("NPS"),
    "csat": N_("Satisfied (CSAT)"),
    "ces": N_("Found it easy (CES)"),
    "orders": N_("Orders"),
    "revenue": N_("Revenue"),
    "refunds": N_("Refunds"),
    "cart_abandonment_rate": N_("Carts abandoned"),
    "call_abandonment_rate": N_("Calls given up in the queue"),
    "speed_of_answer": N_("Time until a call is answered"),
    "hold_time": N_("Time on hold in a call"),
    "service_level": N_("Calls answered within 20 s"),
    "survey_abandonment_rate": N_("Surveys left unfinished"),
    "first_response_time": N_("Time until a person first replies"),
    "sentiment": N_("Sentiment of texts"),
    "experience": N_("Experience"),
    "sentiment_shifts": N_("Turns that are for the worse"),
}
"""Every metric."""

WORDS: dict[str, str] = {
    # Kinds of touchpoints.
    "purchase": N_("purchase"),
    "tweet": N_("post"),
    "support_call": N_("support call"),
    "survey_answer": N_("survey"),
    "cart_event": N_("cart"),
    "case_event": N_("case"),
    "page_view": N_("page view"),
    # Levels.
    "as usual": N_("as usual"),
    "worse": N_("worse"),
    "better": N_("better"),
    "too few to tell": N_("too few to tell"),
    # Reasons to get back to a customer, and how far that has come.
    "poor_answer": N_("poor answer"),
    "complaint": N_("complaint"),
    "abandoned_call": N_("abandoned call"),
    "unanswered_post": N_("unanswered post"),
    "thank_you": N_("thank you"),
    "open": N_("open"),
    "warning": N_("due soon"),
    "missed": N_("missed"),
    "contacted": N_("contacted"),
    "settled": N_("settled"),
    "expired": N_("expired"),
    "withdrawn": N_("withdrawn"),
    # How customers and their loyalty stand.
    "active": N_("active"),
    "inactive": N_("inactive"),
    "unhappy": N_("unhappy"),
    "lost": N_("lost"),
    "new": N_("new"),
    "returned": N_("returned"),
    "at_risk": N_("at risk"),
    "lapsed": N_("lapsed"),
    "promoter": N_("promoter"),
    "passive": N_("passive"),
    "detractor": N_("detractor"),
    # Why a customer needs care.
    "open_case": N_("open case"),
    "turned": N_("turn for the worse"),
    "unmended": N_("bad experiences not made good"),
    # What is abandoned, and what became of it.
    "cart": N_("cart"),
    "checkout": N_("checkout"),
    "call": N_("call"),
    "hold": N_("call on hold"),
    "survey": N_("survey"),
    "abandoned": N_("abandoned"),
    "recovered": N_("recovered"),
    # Trends and verdicts.
    "grows": N_("grows"),
    "falls": N_("falls"),
    "no difference seen": N_("no difference seen"),
    "trend": N_("trend"),
    "weekday": N_("weekdays"),
    "survey_scores": N_("survey scores"),
    "other_touchpoints": N_("other touchpoints"),
    "business_change": N_("business change"),
    "marketing_spend": N_("marketing spend"),
    # Cases.
    "case": N_("case"),
    "post": N_("post"),
    "answered": N_("answered"),
    "resolved": N_("resolved"),
    "closed": N_("closed"),
    # How journeys ended.
    "purchased": N_("ended with a purchase"),
    "unresolved": N_("ended unresolved"),
    "visited": N_("ended after visits only"),
}
"""Words of the views that a person would say in another way."""


def word_for(name: str) -> str | None:
    """Return the text of a word of the views; None for one that is not ours, such as a business's own reason."""
    return WORDS.get(name) or METRIC_TITLES.get(name)
