"""One message is checked as the workers would check it."""

from __future__ import annotations

import io
import json

import fastavro
import pytest
from click.testing import CliRunner, Result

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry, kind_schemas
from schemas.errors import RefusalError
from schemas.kinds import KINDS
from streams.identity.identities import Identities
from streams.sentiment import VaderScorer
from tests.servers.schema_registry import running_registry
from tests.unit.touchline.collect.worker import verdict_of_workers
from tests.unit.touchline.records.probe import NOW
from touchline.main import cli
from touchline.records.check import Checker
from touchline.records.examples import example_json, example_message, example_record


def check(message: bytes, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["schemas", "check", *arguments], input=message)


@pytest.mark.parametrize("kind", KINDS)
def test_every_example_is_a_valid_message_in_all_its_forms(kind: str) -> None:
    record = KINDS[kind].record
    message = example_message(kind)

    for result in (check(message), check(message.hex().encode(), "--hex"), check(example_json(kind).encode())):
        assert result.exit_code == 0, result.stderr
        assert result.stdout.startswith(f"a valid {record} for {KINDS[kind].topic}: ")


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_is_what_another_library_reads_from_it(kind: str) -> None:
    message = example_message(kind)

    read = fastavro.schemaless_reader(io.BytesIO(message[10:]), kind_schemas()[kind], None)

    assert isinstance(read, dict)
    assert read.keys() == example_record(kind).keys()
    assert read["event_id"] == example_record(kind)["event_id"]


def test_framing_fingerprint_version_and_owner_are_told() -> None:
    assert check(example_message("purchase")).stdout == (
        "a valid Purchase for touchpoints.purchases.v1: Avro single-object encoding, fingerprint 0682552575ccec44 is "
        "known (version 1, the one in force); it belongs to c-1001\n"
    )


def test_a_refusal_has_the_reason_of_the_dead_letters() -> None:
    record = example_record("purchase") | {"currency": "Euro"}
    result = check(Codec(FileRegistry()).encode("Purchase", record))

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: the message would be refused: invalid_amount: ")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"", "begins with nothing"),
        (b'{"event_id": "e"}', "--kind"),
        (b'{"kind": "tweets"}', "the kinds are purchase, tweet"),
        (b"hello", "begins with 6865"),
        (b"\xc3\x01", "its header alone takes 10"),
        (b"\x00\x00", "its header alone takes 5"),
        (b"\xc3\x01" + bytes(8), "no schema shipped with touchline has the fingerprint 0000000000000000"),
        (b"\x00\x00\x00\x00\x07rest", "TOUCHLINE_SCHEMA_REGISTRY"),
        (b"{", "JSON"),
        (b'{"kind": "tweet"}', "event_id"),
    ],
)
def test_what_is_no_message_is_told_on_one_line(message: bytes, said: str) -> None:
    result = check(message)

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr


@pytest.mark.parametrize("kind", ["purchase", "survey_answer"])
def test_a_message_cut_short_anywhere_has_the_workers_verdict(kind: str) -> None:
    checker, reasons = Checker(FileRegistry(), VaderScorer(), Identities()), set()
    for message in (example_message(kind), example_json(kind).encode()):
        for size in range(len(message)):
            with pytest.raises(RefusalError) as told:
                checker.check(message[:size], kind, NOW)
            assert told.value.reason == verdict_of_workers(message[:size], kind, NOW), size
            reasons.add(told.value.reason)
    assert reasons == {"undecodable"}


def test_a_record_that_bears_ours_as_an_alias_is_read_as_ours() -> None:
    schema = {**kind_schemas()["tweet"], "name": "Post", "aliases": ["Tweet"]}
    with running_registry() as registry:
        registry.say(7, 200, {"schema": json.dumps(schema)})
        runner = CliRunner(env={"TOUCHLINE_SCHEMA_REGISTRY": f"http://{registry.place}"})
        framed = b"\0\0\0\0\x07" + example_message("tweet")[10:]
        result = runner.invoke(cli, ["schemas", "check"], input=framed)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("a valid Tweet for touchpoints.tweets.v1: Confluent framing, schema id 7 is known")


def test_a_message_for_another_topic_is_refused() -> None:
    assert "this topic carries Purchase" in check(example_message("tweet"), "--kind", "purchase").stderr
    assert "this topic carries purchase" in check(example_json("tweet").encode(), "--kind", "purchase").stderr


def test_a_byte_order_mark_before_json_does_no_harm() -> None:
    assert check(b"\xef\xbb\xbf " + example_json("tweet").encode()).exit_code == 0


def test_json_is_read_as_the_workers_read_it() -> None:
    said = json.loads(example_json("tweet"))
    event = {"specversion": "1.0", "id": "7", "source": "/s", "type": "t", "data": said | {"colour": "red"}}
    result = check(json.dumps(event).encode())
    assert result.exit_code == 0, result.stderr
    assert "a valid Tweet for touchpoints.tweets.v1: JSON" in result.stdout
    assert result.stdout.endswith("; these fields are unknown, and not read: colour\n")

    del said["kind"], said["post_id"]
    refused = check(json.dumps(said).encode(), "--kind", "Tweet")
    assert refused.exit_code == 1
    assert refused.stderr == "Error: the message would be refused: missing_field: post_id is missing\n"


def test_json_in_confluent_framing_is_read() -> None:
    with running_registry() as registry:
        registry.say(7, 200, {"schemaType": "JSON", "schema": "{}"})
        runner = CliRunner(env={"TOUCHLINE_SCHEMA_REGISTRY": f"http://{registry.place}"})
        framed = b"\0\0\0\0\x07" + example_json("tweet").encode()
        result = runner.invoke(cli, ["schemas", "check"], input=framed)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("a valid Tweet for touchpoints.tweets.v1: Confluent framing, schema id 7 is known")


def test_what_is_not_hexadecimal_is_told() -> None:
    assert "not hexadecimal" in check(b"xyz", "--hex").stderr


def test_the_schema_that_is_shown_is_the_one_that_writes() -> None:
    shown = CliRunner().invoke(cli, ["schemas", "show", "Tweet"]).stdout

    assert json.loads(shown) == kind_schemas()["tweet"]
