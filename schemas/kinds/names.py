"""The closed vocabulary of kinds: every name here is a module of `schemas.kinds` that declares `KIND`."""

from __future__ import annotations

from typing import Literal, get_args

KindName = Literal[
    "purchase",
    "tweet",
    "support_call",
    "survey_answer",
    "cart_event",
    "case_event",
    "page_view",
    "business_change",
    "marketing_spend",
]
"""The kinds, in the order in which their topics are listed and merged where times are equal."""

KIND_NAMES: tuple[KindName, ...] = get_args(KindName)
