"""Schemas are registered under the subjects that producers' serializers ask for, and what is registered can be read."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from schemas.avro.codec import Codec
from schemas.avro.registry import ConfluentRegistry, FileRegistry
from schemas.inputs import input_topics
from tests.servers.schema_registry import SchemaRegistry, running_registry
from tests.unit.schemas.records import confluent_message, minimal
from touchline.main import cli
from touchline.records.registering import subjects_of

SUBJECTS = {
    "topic": "touchpoints.purchases.v1-value",
    "record": "touchline.Purchase",
    "topic-record": "touchpoints.purchases.v1-touchline.Purchase",
}


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with running_registry() as running:
        yield running


def register(registry: SchemaRegistry | None, *arguments: str, login: str = "") -> Result:
    place = None if registry is None else f"http://{login}{registry.place}"
    return CliRunner(env={"TOUCHLINE_SCHEMA_REGISTRY": place}).invoke(cli, ["schemas", "register", *arguments])


@pytest.mark.parametrize(("strategy", "subject"), SUBJECTS.items())
def test_a_schema_is_registered_once_and_read_by_its_id(registry: SchemaRegistry, strategy: str, subject: str) -> None:
    for _ in range(2):
        done = register(registry, "Purchase", "--subjects", strategy)
        assert done.exit_code == 0, done.output
        assert done.stdout.split() == ["id", "1", subject]
    path = f"/subjects/{subject}/versions"
    [(asked, body), again] = registry.posted
    assert (asked, body["schemaType"]) == (path, "AVRO")
    assert again == (asked, body)

    codec = Codec(ConfluentRegistry(f"http://{registry.place}", FileRegistry()))
    message = confluent_message(codec, "Purchase", minimal("purchase"), 1)
    assert codec.decode("purchase", message)["event_id"] == "e-1"


def test_all_inputs_are_registered_by_topic_without_further_words(registry: SchemaRegistry) -> None:
    done = register(registry, login="ann:s%3Acret@")
    assert done.exit_code == 0, done.output
    subjects = [line.split()[-1] for line in done.stdout.splitlines()]
    assert len(set(subjects)) == 9
    assert {"touchpoints.tweets.v1-value", "business.marketing_spend.v1-value"} < set(subjects)
    token = base64.b64encode(b"ann:s:cret").decode()
    assert {login for _, login in registry.asked} == {f"Basic {token}"}
    assert "cret" not in done.output


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (409, {"error_code": 409, "message": "Schema being registered is \u202e incompatible"}, "--subjects"),
        (422, {"error_code": 42201, "message": "Invalid schema"}, "422 Invalid schema"),
        (404, b"<html>", "404"),
        (200, b"[]", "holds no id"),
        (200, {"id": "1"}, "holds no id"),
        (503, b"", "503"),
        (401, b"", "refuses the user or the password"),
    ],
)
def test_what_the_registry_does_not_take_is_told(
    registry: SchemaRegistry, status: int, body: object, said: str
) -> None:
    registry.say_at(f"/subjects/{SUBJECTS['topic']}/versions", status, body)
    done = register(registry, "purchase")
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "\u202e" not in done.stderr


@pytest.mark.parametrize(("status", "followed"), [(307, True), (308, True), (302, False), (303, False)])
def test_a_registration_follows_only_redirects_that_keep_it_one(
    registry: SchemaRegistry, status: int, followed: bool
) -> None:
    path = f"/subjects/{SUBJECTS['topic']}/versions"
    registry.say_at(path, status, b"")
    registry.redirects[path] = "/other/versions"
    assert (register(registry, "purchase").exit_code == 0) is followed
    assert [asked for asked, _ in registry.posted] == ([path, "/other/versions"] if followed else [path])


def test_a_redirect_leads_no_registration_elsewhere(registry: SchemaRegistry) -> None:
    with running_registry() as other:
        path = f"/subjects/{SUBJECTS['topic']}/versions"
        registry.say_at(path, 307, b"")
        registry.redirects[path] = f"http://{other.place}{path}"
        assert register(registry, "purchase").exit_code == 1
        assert other.posted == []


def test_without_a_registry_it_says_what_to_set() -> None:
    done = register(None)
    assert done.exit_code == 1
    assert "TOUCHLINE_SCHEMA_REGISTRY" in done.stderr


SHARED = "purchase=shop.orders+shop.refunds,cart_event=web,page_view=web"


def test_a_schema_is_registered_for_each_topic_of_its_kind_but_for_none_that_carries_several() -> None:
    inputs = input_topics(SHARED)

    assert subjects_of("purchase", "topic", inputs) == ["shop.orders-value", "shop.refunds-value"]
    assert subjects_of("page_view", "topic", inputs) == []
    assert subjects_of("page_view", "topic-record", inputs) == ["web-touchline.PageView"]
    assert subjects_of("page_view", "record", inputs) == ["touchline.PageView"]


def test_topics_that_carry_several_kinds_are_named_with_what_to_do(
    registry: SchemaRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHLINE_TOPICS", SHARED)

    done = register(registry)

    assert done.exit_code == 0, done.output
    assert {"shop.orders-value", "shop.refunds-value"} <= {line.split()[-1] for line in done.stdout.splitlines()}
    assert "web" not in done.stdout
    assert done.stderr == "web: several kinds, so no subject; see --subjects record\n"
