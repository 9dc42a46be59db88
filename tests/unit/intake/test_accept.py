"""INGEST accepts records as touchpoints and rows, and refuses them for every reason of the contract."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import journey_log
from schemas.avro.codec import KIND_RECORDS
from schemas.kinds import TOUCHPOINT_KINDS
from schemas.kinds.purchase import Purchase, PurchaseItem
from schemas.kinds.survey_answer import SurveyAnswer
from schemas.kinds.touchpoint import Touchpoint
from schemas.rows import BusinessChangeRow, MarketingSpendRow
from streams.intake.accept import Accepted, InvalidRecordError, Source, accept
from tests.unit.intake.acceptance import EVERY_KIND, HOUR, NOW, TOUCHPOINTS, LengthScorer, refused, taken
from tests.unit.schemas.records import FILLED, SCHEMAS, T0, minimal, records

# --- what a touchpoint says ---


@pytest.mark.parametrize("kind", TOUCHPOINTS)
def test_every_kind_carries_where_and_when_and_whose_it_is(kind: str) -> None:
    touchpoint = taken(kind, attributes={"region": "north"})
    assert not isinstance(touchpoint, (BusinessChangeRow, MarketingSpendRow))
    assert touchpoint.kind == kind
    source = touchpoint.source_topic, touchpoint.source_partition, touchpoint.source_offset
    assert (touchpoint.task, *source) == (3, "touchpoints.test", 4, 77)
    assert touchpoint.watermark == 0
    assert (touchpoint.received_at, touchpoint.occurred_at) == (T0 + 9, T0)
    assert (touchpoint.event_id, touchpoint.source) == ("e-1", "shop")
    assert touchpoint.customer_key == "c-1"
    assert touchpoint.attributes == {"region": "north"}
    assert journey_log.decode(journey_log.encode(touchpoint)) == touchpoint


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            "purchase",
            {
                "order_id": "o",
                "action": "refunded",
                "amount_minor": 5,
                "currency": "USD",
                "cart_id": "k",
                "discount_minor": 3,
            },
        ),
        ("tweet", {"post_id": "p", "author": "brand", "in_reply_to": "q", "rating": 5, "platform": "x", "lang": "en"}),
        (
            "support_call",
            {"call_id": "l", "phase": "ended", "topic": "t", "case_id": "a", "resolved": False},
        ),
        (
            "survey_answer",
            {
                "response_id": "r",
                "survey_id": "s",
                "phase": "answered",
                "question_kind": "nps",
                "score": 9.0,
                "question_id": "q",
                "about": "staff",
                "higher_is_better": False,
            },
        ),
        (
            "cart_event",
            {
                "cart_id": "k",
                "action": "cleared",
                "quantity": 0,
                "value_minor": 8,
                "currency": "EUR",
            },
        ),
        (
            "case_event",
            {"case_id": "a", "phase": "eta_given", "by": "bot", "topic": "t", "complaint": True},
        ),
        ("page_view", {"page": "/x", "area": "help", "action": "search", "ok": False}),
    ],
)
def test_each_kinds_own_fields_are_kept(kind: str, said: dict[str, Any]) -> None:
    touchpoint = msgspec.structs.asdict(taken(kind, **said))
    assert {name: touchpoint[name] for name in said} == said


@pytest.mark.parametrize(
    ("kind", "said", "channel"),
    [
        ("purchase", {}, "store"),
        ("purchase", {"cart_id": "k"}, "web"),
        ("tweet", {}, "social"),
        ("support_call", {}, "phone"),
        ("survey_answer", {}, "survey"),
        ("cart_event", {}, "web"),
        ("case_event", {}, "email"),
        ("page_view", {}, "web"),
        ("page_view", {"area": "portal"}, "portal"),
        ("page_view", {"area": "portal", "channel": "app"}, "app"),
        ("tweet", {"channel": ""}, "social"),
    ],
)
def test_the_channel_follows_from_the_kind_unless_named(kind: str, said: dict[str, Any], channel: str) -> None:
    assert getattr(taken(kind, **said), "channel", None) == channel


@pytest.mark.parametrize("kind", TOUCHPOINTS)
def test_every_action_of_a_schema_is_declared(kind: str) -> None:
    declared = {action.name for action in TOUCHPOINT_KINDS[kind].actions}
    possible = set()
    for field in SCHEMAS[KIND_RECORDS[kind]]["fields"]:
        enum = field["type"] if isinstance(field["type"], dict) else {}
        for said in [{field["name"]: symbol} for symbol in enum.get("symbols", ())] or [{}]:
            touchpoint = taken(kind, **said)
            assert isinstance(touchpoint, Touchpoint)
            possible.add(touchpoint.action)

    assert possible - declared == set(), f"declare these actions in schemas/kinds/{kind}.py"
    if len(possible) > 1:
        assert declared - possible == set(), f"these actions of {kind} are not in its schema"


@pytest.mark.parametrize("kind", TOUCHPOINTS)
def test_a_touchpoint_names_its_subject_and_keeps_the_identity_as_sent(kind: str) -> None:
    touchpoint = taken(kind, identifiers={"email": "Ann@Example.com"})
    assert isinstance(touchpoint, Touchpoint)
    assert touchpoint.subject_id == ("" if kind == "page_view" else minimal(kind)[FILLED[kind][0]])
    assert (touchpoint.customer_id, touchpoint.identifiers) == ("c-1", {"email": "Ann@Example.com"})


def test_an_orders_items_come_through_the_log() -> None:
    touchpoint = taken("purchase", items=[{"sku": "x", "quantity": 2, "price_minor": 5}])
    read = journey_log.decode(journey_log.encode(touchpoint))
    assert isinstance(read, Purchase)
    assert read.items == [PurchaseItem(sku="x", quantity=2, price_minor=5)]


# --- what was said, and how it feels ---


@pytest.mark.parametrize(
    ("kind", "said", "heard"),
    [
        ("tweet", {"text": "good", "lang": "en"}, ("good", "en")),
        ("survey_answer", {"text": "good"}, ("good", None)),
        ("case_event", {"text": "good", "by": "customer"}, ("good", None)),
    ],
)
def test_the_customers_own_words_are_scored(kind: str, said: dict[str, Any], heard: tuple[str, str | None]) -> None:
    scorer = LengthScorer()
    touchpoint = msgspec.structs.asdict(taken(kind, scorer, **said))
    assert scorer.heard == [heard]
    assert touchpoint["text"] == "good"
    assert touchpoint["sentiment"] == 4
    assert touchpoint["scorer"] == "length-1"


@pytest.mark.parametrize(
    ("kind", "said", "text"),
    [
        ("tweet", {"text": "sorry", "author": "brand"}, "sorry"),
        ("case_event", {"text": "sorry", "by": "agent"}, "sorry"),
        ("case_event", {"text": "sorry", "by": "bot"}, "sorry"),
        ("support_call", {"notes": "angry"}, "angry"),
        ("support_call", {}, ""),
        ("case_event", {"by": "customer"}, ""),
        ("survey_answer", {"text": ""}, ""),
        ("tweet", {"text": ""}, ""),
    ],
)
def test_others_words_and_silence_are_not_scored(kind: str, said: dict[str, Any], text: str) -> None:
    scorer = LengthScorer()
    touchpoint = msgspec.structs.asdict(taken(kind, scorer, **said))
    assert scorer.heard == []
    assert (touchpoint["text"], touchpoint["sentiment"], touchpoint["scorer"]) == (text, None, "")


def test_a_scorer_may_abstain() -> None:
    touchpoint = msgspec.structs.asdict(taken("tweet", text="gut", lang="de"))
    assert (touchpoint["text"], touchpoint["sentiment"], touchpoint["scorer"]) == ("gut", None, "")


# --- topics ---


@pytest.mark.parametrize(
    ("kind", "said", "topics"),
    [
        ("tweet", {"text": "my refund, and a refund for the parcel from the courier"}, ["delivery", "returns"]),
        ("survey_answer", {"text": "too expensive"}, ["price"]),
        ("case_event", {"text": "too expensive", "by": "customer"}, ["price"]),
    ],
)
def test_the_customers_own_words_have_topics(kind: str, said: dict[str, Any], topics: list[str]) -> None:
    touchpoint = msgspec.structs.asdict(taken(kind, **said))
    assert (touchpoint["topics"], touchpoint["topics_by"]) == (topics, "words-1")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("case_event", {"text": "too expensive", "by": "customer", "topic": "parking"}),
        ("case_event", {"by": "customer", "topic": "parking"}),
        ("support_call", {"notes": "too expensive", "topic": "parking"}),
    ],
)
def test_what_a_message_states_is_its_topic(kind: str, said: dict[str, Any]) -> None:
    touchpoint = msgspec.structs.asdict(taken(kind, **said))
    assert (touchpoint["topics"], touchpoint["topics_by"]) == (["parking"], "stated")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("tweet", {"text": "too expensive", "author": "brand"}),
        ("case_event", {"text": "too expensive", "by": "agent", "topic": "parking"}),
        ("case_event", {"text": "hello", "by": "customer", "topic": ""}),
        ("support_call", {"notes": "too expensive"}),
        ("tweet", {"text": "zu teuer, die fees", "lang": "de"}),
        ("purchase", {}),
    ],
)
def test_others_words_and_what_nobody_knows_have_no_topic(kind: str, said: dict[str, Any]) -> None:
    touchpoint = msgspec.structs.asdict(taken(kind, **said))
    assert (touchpoint["topics"], touchpoint["topics_by"]) == ([], "")


# --- scores ---


@pytest.mark.parametrize(
    ("said", "normalised"),
    [
        ({"question_kind": "nps", "score": 9.0}, 9_000),
        ({"question_kind": "nps", "score": 0.0}, 0),
        # NPS is 0 to 10 and higher is better, whatever the answer says.
        ({"question_kind": "nps", "score": 9.0, "scale_min": 1.0, "scale_max": 5.0}, 9_000),
        ({"question_kind": "nps", "score": 9.0, "higher_is_better": False}, 9_000),
        ({"question_kind": "csat", "score": 4.0}, 7_500),
        ({"question_kind": "ces", "score": 5.0}, 6_667),
        ({"question_kind": "rating", "score": 5.0}, 10_000),
        ({"question_kind": "csat", "score": 7.0, "scale_max": 9.0}, 7_500),
        ({"question_kind": "csat", "score": 1.0, "scale_min": 0.0}, 2_000),
        ({"question_kind": "ces", "score": 2.0, "higher_is_better": False}, 8_333),
        ({"question_kind": "csat", "score": -1.0, "scale_min": -2.0, "scale_max": 2.0}, 2_500),
        ({"question_kind": "choice", "score": 1.0, "scale_min": 0.0, "scale_max": 4.0}, 2_500),
        ({"question_kind": "choice", "score": 1.0}, None),
        ({"question_kind": "choice", "score": 1.0, "scale_max": 4.0}, None),
        ({"score": 3.0, "scale_min": 1.0, "scale_max": 5.0}, 5_000),
        ({"score": 1e9, "scale_min": -1e9, "scale_max": 1e9}, 10_000),
        ({"score": 0.0, "scale_min": -1e9, "scale_max": 1e9}, 5_000),
        ({"score": 3.0}, None),
        ({"question_kind": "csat"}, None),
    ],
)
def test_a_score_is_mapped_from_its_scale(said: dict[str, Any], normalised: int | None) -> None:
    touchpoint = taken("survey_answer", **said)
    assert isinstance(touchpoint, SurveyAnswer)
    assert touchpoint.normalised == normalised
    assert touchpoint.score == said.get("score")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"question_kind": "nps", "score": 11.0}, "11; its scale is 0 to 10"),
        ({"question_kind": "nps", "score": 11.0, "scale_max": 20.0}, "0 to 10"),
        ({"question_kind": "nps", "score": -1.0}, "0 to 10"),
        ({"question_kind": "csat", "score": 0.0}, "1 to 5"),
        ({"question_kind": "ces", "score": 8.0}, "1 to 7"),
        ({"question_kind": "rating", "score": 5.5}, "1 to 5"),
        ({"question_kind": "csat", "score": 10.0, "scale_min": 1.0, "scale_max": 9.0}, "1 to 9"),
        ({"question_kind": "csat", "score": float("nan")}, "nan"),
        ({"question_kind": "text", "score": float("inf")}, "inf"),
        ({"question_kind": "csat", "score": 3.0, "scale_max": float("inf")}, "inf"),
        ({"question_kind": "csat", "score": 3.0, "scale_min": float("nan")}, "nan"),
        ({"question_kind": "csat", "score": 3.0, "scale_min": 3.0, "scale_max": 3.0}, "3 to 3"),
        ({"score": 3.0, "scale_min": 5.0, "scale_max": 1.0}, "5 to 1"),
        # What no questionnaire has, and no float can reckon with.
        ({"score": 1e308, "scale_min": 0.0, "scale_max": 1e308}, "1e+308"),
        ({"score": 1e305, "scale_min": 0.0, "scale_max": 1e305}, "1e+305"),
        ({"score": 1e308, "scale_min": -1e308, "scale_max": 1e308}, "1e+308"),
        ({"score": 0.0, "scale_min": -1e308, "scale_max": 1e308}, "1e+308"),
        ({"score": 5.0, "scale_min": -1.1e9, "scale_max": 10.0}, "-1.1e+09"),
        ({"question_kind": "text", "score": -1.1e9}, "-1.1e+09"),
        # Whether there is a score or not, and whether its scale counts or not.
        ({"question_kind": "text", "scale_min": float("nan")}, "scale_min is nan"),
        ({"scale_max": float("inf")}, "scale_max is inf"),
        ({"question_kind": "nps", "score": 9.0, "scale_max": 1.1e9}, "scale_max is 1.1e+09"),
    ],
)
def test_a_score_outside_its_scale_is_refused(said: dict[str, Any], shown: str) -> None:
    refusal = refused("survey_answer", **said)
    assert refusal.reason == "invalid_score"
    assert shown in refusal.detail


@pytest.mark.parametrize("rating", [0, 6, -1])
def test_a_review_has_one_to_five_stars(rating: int) -> None:
    assert refused("tweet", rating=rating).reason == "invalid_score"
    taken("tweet", rating=1)
    taken("tweet", rating=5)


# --- the business's own kinds ---


def test_a_business_change_is_a_row() -> None:
    said = {"topic": "price", "reverted_at": T0 + 1, "attributes": {"region": "north"}}
    row = taken("business_change", **said)
    assert isinstance(row, BusinessChangeRow)
    expected = {**minimal("business_change"), **said}
    assert {name: getattr(row, name) for name in expected} == expected


def test_marketing_spend_is_a_row() -> None:
    row = taken("marketing_spend", campaign="spring")
    assert isinstance(row, MarketingSpendRow)
    expected = {**minimal("marketing_spend"), "campaign": "spring", "attributes": {}}
    assert {name: getattr(row, name) for name in expected} == expected


@pytest.mark.parametrize("kind", ["business_change", "marketing_spend"])
def test_the_latest_statement_wins_in_whatever_order_it_comes(kind: str) -> None:
    versions = []
    for name, time in [("a", T0), ("b", T0 + 1), ("c", NOW + 24 * HOUR)]:
        row = taken(kind, occurred_at=time, event_id=name)
        assert isinstance(row, (BusinessChangeRow, MarketingSpendRow))
        versions.append(row.version)
    assert versions == sorted(set(versions))
    assert 0 < versions[0] < versions[-1] < 1 << 48


# --- all of it ---


@given(data=st.data())
@settings(deadline=None, max_examples=40)  # for each of nine kinds
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_any_record_is_taken_or_refused_with_a_reason(kind: str, data: st.DataObject) -> None:
    record = data.draw(records(KIND_RECORDS[kind]))
    if data.draw(st.booleans()):
        record |= {"occurred_at": T0, "currency": "EUR"} if "currency" in record else {"occurred_at": T0}
    accepted, refusal = outcome(kind, record)
    if refusal is None:
        assert accepted is not None
        assert accepted.event_id == record["event_id"]
        if isinstance(accepted, Touchpoint):
            assert journey_log.decode(journey_log.encode(accepted)) == accepted
    else:
        assert refusal.reason in REASONS
        assert len(refusal.detail) < 400


REASONS = {"missing_field", "no_identity", "invalid_time", "invalid_score", "invalid_amount"}


def outcome(kind: str, record: dict[str, Any]) -> tuple[Accepted | None, InvalidRecordError | None]:
    source = Source(task=0, topic="touchpoints.test", partition=0, offset=0, received_at=0)
    try:
        return accept(kind, record, source, now=NOW, scorer=LengthScorer()), None
    except InvalidRecordError as refusal:
        return None, refusal
