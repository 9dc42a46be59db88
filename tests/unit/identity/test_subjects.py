"""What touchpoints are about, whom they belong to that state nobody, and what they say of whose their subjects are."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.avro.codec import KIND_RECORDS
from schemas.errors import RefusalError
from schemas.kinds.touchpoint import Touchpoint
from schemas.subjects import SUBJECT_KINDS, Statement, SubjectStated, is_subject
from streams.identity import subjects as module
from streams.identity.identities import Identities
from streams.identity.patterns import Patterns
from streams.identity.subjects import SubjectStatements
from streams.intake.accept import Source, accept
from tests.unit.intake.acceptance import CODEC, NOW, LengthScorer
from tests.unit.schemas.records import T0, minimal

NOBODY: dict[str, Any] = {"customer_id": None, "identifiers": {}}
ANN: dict[str, Any] = {"customer_id": "ann", "identifiers": {}}
IDENTITIES = Identities(placeholders=Patterns("offline"), subjects=SUBJECT_KINDS)


def taken(kind: str, identities: Identities = IDENTITIES, **said: Any) -> Touchpoint:
    sent = minimal(kind) | {"event_id": "e", "occurred_at": T0} | said
    record = CODEC.decode(kind, CODEC.encode(KIND_RECORDS[kind], sent))
    found = accept(kind, record, Source(0, "t", 0, 0, T0), now=NOW, scorer=LengthScorer(), identities=identities)
    assert isinstance(found, Touchpoint)
    return found


@pytest.mark.parametrize(
    ("kind", "said", "profile"),
    [
        ("case_event", {"case_id": "17"}, "anon:case:17"),
        ("support_call", {"call_id": "c", "case_id": "17"}, "anon:call:c"),
        ("purchase", {"order_id": "o", "cart_id": "k"}, "anon:order:o"),
        ("cart_event", {"cart_id": "k"}, "anon:cart:k"),
        ("tweet", {"post_id": "2", "in_reply_to": "1", "author": "brand"}, "anon:post:twitter:1"),
        ("tweet", {"post_id": "2", "in_reply_to": "1", "platform": " Mastodon"}, "anon:post:mastodon:1"),
        ("case_event", {"case_id": " 1\u200b7 "}, "anon:case:17"),
        ("support_call", {"call_id": "n/a", "case_id": "17"}, "anon:case:17"),
    ],
)
def test_a_touchpoint_that_states_nobody_has_the_profile_of_its_subject(
    kind: str, said: dict[str, Any], profile: str
) -> None:
    assert taken(kind, **NOBODY, **said).customer_key == profile


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("page_view", {}),
        ("survey_answer", {"response_id": "r"}),
        ("case_event", {"case_id": "null"}),
        ("tweet", {"post_id": "2"}),
        ("tweet", {"post_id": "2", "in_reply_to": "null"}),
        ("purchase", {"order_id": "offline"}),
        ("purchase", {"order_id": "0000"}),
    ],
)
def test_whoever_states_nobody_and_no_subject_is_refused(kind: str, said: dict[str, Any]) -> None:
    with pytest.raises(RefusalError) as refusal:
        taken(kind, **NOBODY, **said)
    assert refusal.value.reason == "no_identity"


def test_subjects_that_are_not_looked_for_are_none() -> None:
    with pytest.raises(RefusalError):
        taken("purchase", Identities(subjects=("case",)), **NOBODY, order_id="o")


def test_the_brands_account_in_its_answer_is_not_the_customers() -> None:
    brand: dict[str, Any] = {"customer_id": None, "identifiers": {"twitter": "@shop"}, "author": "brand"}

    assert taken("tweet", **brand, in_reply_to="1").customer_key == "anon:post:twitter:1"
    assert taken("tweet", **brand).customer_key == "anon:twitter:shop"
    assert taken("tweet", **brand | {"customer_id": "ann"}, in_reply_to="1").customer_key == "ann"
    assert taken("tweet", Identities(), **brand, in_reply_to="1").customer_key == "anon:twitter:shop"


@pytest.mark.parametrize("kind", ["case", "Order", "~post", "cart"])
def test_an_identifier_whose_kind_is_called_as_a_subject_names_another_profile(kind: str) -> None:
    stated = taken("page_view", customer_id=None, identifiers={kind: "17"})

    assert stated.customer_key == f"anon:~{kind.lower()}:17"
    assert not is_subject(stated.customer_key)


def test_no_customers_id_is_taken_for_a_subject() -> None:
    assert not is_subject(taken("page_view", customer_id="anon:case:17").customer_key)


def said(*touchpoints: Touchpoint) -> list[list[SubjectStated]]:
    statements = SubjectStatements(IDENTITIES.subjects)
    return [list(statements.stated_by(one, T0 - 5)) for one in touchpoints]


def by(key: str, at: int = T0, event_id: str = "e", *, late: bool = False, nameless: bool = False) -> Statement:
    return Statement(key, "shop", at, event_id, late, nameless)


def test_whoever_states_somebody_says_whose_its_subjects_are() -> None:
    call = taken("support_call", **ANN, call_id="c", case_id="17")

    assert said(call) == [[SubjectStated("anon:call:c", by("ann")), SubjectStated("anon:case:17", by("ann"))]]


def test_a_customers_reply_does_not_say_whose_the_post_is() -> None:
    reply = taken("tweet", **ANN, post_id="2", in_reply_to="1")

    assert said(reply) == [[SubjectStated("anon:post:twitter:2", by("ann"))]]


def test_whoever_states_nobody_asks_and_says_that_its_subjects_have_one_owner() -> None:
    webhook = taken("purchase", **NOBODY, order_id="o", cart_id="k")
    order, cart = "anon:order:o", "anon:cart:k"

    [found] = said(webhook)

    assert found[:2] == [SubjectStated(order), SubjectStated(cart)]
    assert sorted(found[2:], key=str) == [
        SubjectStated(cart, by(order, nameless=True)),
        SubjectStated(order, by(cart, nameless=True)),
    ]


def test_an_answer_of_nobody_is_the_posts_owners_and_says_nothing_of_the_post() -> None:
    answer = taken("tweet", **NOBODY, post_id="2", in_reply_to="1")

    assert said(answer) == [
        [
            SubjectStated("anon:post:twitter:1"),
            SubjectStated("anon:post:twitter:2", by("anon:post:twitter:1", nameless=True)),
        ]
    ]


def test_what_has_been_said_is_said_again_by_an_earlier_touchpoint_and_once_by_what_is_late() -> None:
    first, later, earlier, late = (
        taken("case_event", **ANN, case_id="17", occurred_at=at) for at in (T0, T0 + 1, T0 - 1, T0 - 9)
    )

    found = said(first, later, earlier, late, late)

    assert [len(one) for one in found] == [1, 0, 1, 1, 0]
    assert said(late)[0][0].statement == replace(by("ann", T0 - 9, late=True), late_before=T0 - 5)


def test_another_source_says_it_too() -> None:
    desk, phone = (taken("case_event", **ANN, case_id="17", source=source) for source in ("desk", "phone"))

    assert [len(one) for one in said(desk, phone)] == [1, 1]


def test_what_may_not_have_been_written_is_said_again() -> None:
    statements = SubjectStatements(IDENTITIES.subjects)
    case = taken("case_event", **ANN, case_id="17")
    before = list(statements.stated_by(case, 0))

    statements.forget(case)

    assert list(statements.stated_by(case, 0)) == before != []


def test_of_long_names_little_is_remembered() -> None:
    statements = SubjectStatements(IDENTITIES.subjects)
    calls = [taken("support_call", **ANN, call_id=f"c{number:0250}", case_id=f"c{number:0250}") for number in range(9)]

    assert all(statements.stated_by(call, 0) for call in calls)

    assert max(len(repr(one)) for one in statements._said) < 100
    assert not any(statements.stated_by(call, 0) for call in calls)
    statements.forget(calls[3])
    assert [bool(statements.stated_by(call, 0)) for call in calls] == [number == 3 for number in range(9)]


def test_only_so_much_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 10)
    statements = SubjectStatements(IDENTITIES.subjects)
    for number in range(30):
        statements.stated_by(taken("case_event", **ANN, case_id=f"n{number}"), 0)

    assert len(statements._said) == 10


def test_of_long_ids_and_stated_keys_digests_are_remembered() -> None:
    """A case of 200 characters and a key of 1,024, of four bytes each, take 4.9 KB; 100,000 of such are remembered."""
    said = SubjectStatements(IDENTITIES.subjects)
    one = taken("case_event", **ANN, case_id="17")
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(100):
        case_id, key = str(number).ljust(200, "\U0001f600"), str(number).ljust(1_024, "\U0001f600")
        assert said.stated_by(replace(one, case_id=case_id, customer_key=key), T0)
        assert not said.stated_by(replace(one, case_id=case_id, customer_key=key), T0)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert after - before < 100 * 1_000


def test_of_two_of_one_time_and_event_id_both_are_said() -> None:
    said = SubjectStatements(IDENTITIES.subjects)
    one = taken("case_event", **ANN, case_id="17")

    assert said.stated_by(one, T0)
    assert said.stated_by(replace(one, customer_key="bob"), T0)
