"""The collector refuses what the workers refuse, for the same reason, and nothing else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro.jsonl import BadLineError, parse_line
from schemas.kinds import KINDS
from schemas.topics import TOPIC_KINDS
from streams.identity.identities import Identities
from streams.identity.patterns import Patterns
from tests.unit.touchline.collect.door import NOW, purchase
from tests.unit.touchline.collect.worker import verdict_of_workers
from touchline.collect import intake
from touchline.collect.intake import Intake, Outgoing, Refused
from touchline.publish.convert import Converter
from touchline.publish.lines import Line
from touchline.records.examples import example_json

INTAKE, PUBLISH = Intake(), Converter()
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=300),
    st.sampled_from(
        ["", " ", "null", "NaN", "x" * 8193, "2026-06-09T10:13:20Z", "1989-01-01T00:00:00Z", 10**12 + 1, 11]
    ),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_a_touchpoint_with_anything_in_any_field_has_the_workers_verdict(kind: str, data: st.DataObject) -> None:
    touchpoint: dict[str, Any] = json.loads(example_json(kind))
    for name in data.draw(st.lists(st.sampled_from(sorted(touchpoint)), max_size=2)):
        touchpoint[name] = data.draw(VALUES)
    text = json.dumps(touchpoint).encode()

    told = INTAKE.read(text, NOW)

    if isinstance(told, Outgoing):
        assert verdict_of_workers(told.message.value or b"", TOPIC_KINDS[told.topic], NOW) is None
    else:
        with suppress(BadLineError):  # a line that can be read has a message, which `publish` may refuse to send
            value = PUBLISH.value(*parse_line(text))
            assert verdict_of_workers(value, kind, NOW) == told.reason


@given(st.binary(max_size=200))
def test_no_bytes_are_an_error(text: bytes) -> None:
    assert isinstance(INTAKE.read(text, NOW), Refused)


@pytest.mark.parametrize("kind", KINDS)
def test_key_topic_and_value_are_those_of_publish(kind: str) -> None:
    text = example_json(kind).encode()
    _, published = PUBLISH.message(Line(1, 0, 0, text))

    told = INTAKE.read(text, NOW)

    assert isinstance(told, Outgoing)
    assert (told.topic, told.message.key, told.message.value) == published


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (purchase("e-7", amount_minor="1000"), "undecodable"),
        (purchase("e-7", amount=1000), "undecodable"),
        (purchase("e-7", kind="order"), "undecodable"),
        (purchase("e-7", items=[{"sku": "s"}]), "missing_field"),
        ({"kind": "purchase", "event_id": "e-7"}, "missing_field"),
        ({"event_id": "e-7"}, "undecodable"),
    ],
)
def test_what_does_not_fit_its_record_is_told_by_its_event_id(wrong: dict[str, Any], reason: str) -> None:
    assert INTAKE.read(json.dumps(wrong).encode(), NOW)[:2] == ("e-7", reason)


@pytest.mark.parametrize(
    "text", [b'{"event_id": 7}', b'{"event_id": "e-7"', b'["event_id"]', b'{"event_id": "\xff"}', b"7"]
)
def test_what_states_no_event_id_has_none(text: bytes) -> None:
    told = INTAKE.read(text, NOW)

    assert isinstance(told, Refused)
    assert told.event_id is None


def test_a_touchpoint_over_a_mebibyte_is_too_large() -> None:
    post = {"kind": "tweet", "event_id": "e", "occurred_at": NOW, "source": "s", "customer_id": "c", "post_id": "p"}

    told = INTAKE.read(json.dumps({**post, "text": "x" * (1 << 20)}).encode(), NOW)

    assert isinstance(told, Refused)
    assert (told.event_id, told.reason) == ("e", "too_large")


def test_what_is_refused_is_told_short_and_printable() -> None:
    told = INTAKE.read(json.dumps(purchase(currency="\u202e\n" * 5000)).encode(), NOW)

    assert isinstance(told, Refused)
    assert len(told.detail) <= 500
    assert told.detail.isprintable()


def test_an_identifier_of_a_megabyte_is_refused_before_it_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[dict[str, Any]] = []
    monkeypatch.setattr(intake, "key_of", compared.append)

    told = INTAKE.read(json.dumps(purchase(customer_id="e\u0301" * 50_000)).encode(), NOW)

    assert isinstance(told, Refused)
    assert (told.reason, compared) == ("too_large", [])


def test_whom_the_settings_take_for_nobody_has_no_identity() -> None:
    told = Intake(identities=Identities(placeholders=Patterns("kiosk-.*"))).read(
        json.dumps(purchase(customer_id="kiosk-7")).encode(), NOW
    )

    assert isinstance(told, Refused)
    assert told.reason == "no_identity"
