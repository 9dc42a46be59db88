"""Random customers' touchpoints for the property tests: few ids, so that carts, calls and surveys do meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from schemas.journey_log import Touchpoint
from schemas.kinds.cart_event import CartEvent
from schemas.kinds.case_event import CaseEvent
from schemas.kinds.page_view import PageView
from schemas.kinds.purchase import Purchase, PurchaseItem
from schemas.kinds.support_call import SupportCall
from schemas.kinds.survey_answer import SurveyAnswer
from schemas.kinds.tweet import Tweet
from tests.simulation.arrivals import START

_common = {
    "task": st.just(0),
    "source_topic": st.just("test"),
    "source_partition": st.just(0),
    "source_offset": st.just(0),
    "watermark": st.just(0),
    # Some are received as they happen or later; those received at the start claim to come from the future.
    "received_at": st.sampled_from([START, 2 * START, 2 * START]),
    "fingerprint": st.just(1),
    "source": st.just("test"),
    "customer_key": st.sampled_from(["ann", "bob", "anon:cookie:c"]),
    "channel": st.sampled_from(["web", "phone"]),
    "attributes": st.sampled_from([{}, {"region": "eu"}, {"region": "us", "product": "tea"}]),
}
_score = st.integers(-10_000, 10_000)


def _kind(struct: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Touchpoint]:
    return st.builds(struct, **_common, **fields, event_id=st.just(""), occurred_at=st.just(0))


TOUCHPOINTS: dict[str, st.SearchStrategy[Touchpoint]] = {
    "purchase": _kind(
        Purchase,
        order_id=st.sampled_from(["o1", "o2", "o3"]),
        action=st.sampled_from(["placed", "placed", "refunded"]),
        amount_minor=st.sampled_from([0, 100, 250, 4_000]),
        currency=st.sampled_from(["EUR", "USD"]),
        cart_id=st.sampled_from([None, None, "k1", "k2"]),
        items=st.sampled_from([[], [PurchaseItem("a", 1, 100)], [PurchaseItem("a", 1, 50), PurchaseItem("b", 2, 25)]]),
    ),
    "tweet": st.one_of(
        _kind(Tweet, post_id=st.just("t"), author=st.just("customer"), text=st.just("x"), sentiment=_score),
        _kind(Tweet, post_id=st.just("u"), author=st.just("brand"), text=st.just("x"), in_reply_to=st.just("t")),
    ),
    "support_call": _kind(
        SupportCall,
        call_id=st.sampled_from(["c1", "c2"]),
        phase=st.sampled_from(["queued", "answered", "held", "resumed", "transferred", "ended"]),
        resolved=st.sampled_from([None, True, False]),
    ),
    "survey_answer": _kind(
        SurveyAnswer,
        response_id=st.sampled_from(["r1", "r2"]),
        survey_id=st.just("s"),
        phase=st.sampled_from(["invited", "started", "answered", "completed"]),
        question_id=st.sampled_from([None, None, "q1", "q2"]),
        question_kind=st.sampled_from(["nps", "csat", "ces", None]),
        text=st.sampled_from(["", "well"]),
        sentiment=st.sampled_from([None, 4_000]),
        score=st.sampled_from([0.0, 5.0, 9.0]),
        normalised=st.sampled_from([0, 5_000, 9_000]),
    ),
    "cart_event": _kind(
        CartEvent,
        cart_id=st.sampled_from(["k1", "k2"]),
        action=st.sampled_from(
            ["created", "item_added", "item_added", "item_removed", "checkout_started", "cleared", "ordered"]
        ),
        sku=st.sampled_from([None, "a", "a", "b"]),
        quantity=st.integers(1, 2),
        value_minor=st.sampled_from([0, 0, 900]),
        currency=st.just("EUR"),
    ),
    "case_event": _kind(
        CaseEvent,
        case_id=st.sampled_from(["e1", "e2"]),
        phase=st.sampled_from(["opened", "escalated", "resolved", "reopened", "closed"]),
        by=st.sampled_from(["customer", "agent"]),
        complaint=st.booleans(),
    ),
    "page_view": _kind(PageView, page=st.just("/"), area=st.just("site"), action=st.just("view"), ok=st.booleans()),
}
"""By kind."""

touchpoint: st.SearchStrategy[Touchpoint] = st.one_of(*TOUCHPOINTS.values())
