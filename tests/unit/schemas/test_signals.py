"""Reading signals: of every version of their schemas, and nothing that is none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro.codec import Codec
from schemas.avro.registry import FileRegistry, fingerprint_of, schema_history
from schemas.errors import UndecodableError, UnknownSchemaError
from schemas.topics import SIGNAL_TOPICS
from tests.unit.schemas.records import SCHEMAS, values_of
from tests.unit.schemas.test_codec import written

CODEC = Codec(FileRegistry())
FIRST_FOLLOW_UP = schema_history("FollowUp")[0]
OLD = {"customer_id": "c-1", "journey_id": "c-1#1", "reason": "r", "due_at": 5, "event_id": None}


@given(data=st.data())
@settings(deadline=None, max_examples=10)
@pytest.mark.parametrize("name", sorted(SIGNAL_TOPICS))
def test_signals_of_every_version_are_read_with_times_in_milliseconds(name: str, data: st.DataObject) -> None:
    for version in schema_history(name):
        record = data.draw(values_of(version))
        message = b"\xc3\x01" + fingerprint_of(version) + written(version, record)
        decoded = CODEC.decode_signal(name, message)

        assert {field: decoded[field] for field in record} == record
        assert decoded.keys() == {field["name"] for field in SCHEMAS[name]["fields"]}


def test_an_earlier_follow_up_has_the_defaults_of_what_it_lacks() -> None:
    message = b"\xc3\x01" + fingerprint_of(FIRST_FOLLOW_UP) + written(FIRST_FOLLOW_UP, OLD)
    decoded = CODEC.decode_signal("FollowUp", message)

    assert (decoded["follow_up_id"], decoded["status"], decoded["causes"]) == ("", "open", 1)
    assert (decoded["contacted_at"], decoded["retracted"]) == (None, False)


@pytest.mark.parametrize("message", [b"", b"{}", b"\xc3\x01", b"\x00\x00\x00\x00\x01abc"])
def test_what_is_not_in_single_object_encoding_is_no_signal(message: bytes) -> None:
    with pytest.raises(UndecodableError, match="single-object encoding"):
        CODEC.decode_signal("FollowUp", message)


def test_a_signal_of_another_topic_or_of_no_known_schema_or_cut_short_is_none() -> None:
    message = b"\xc3\x01" + fingerprint_of(FIRST_FOLLOW_UP) + written(FIRST_FOLLOW_UP, OLD)
    with pytest.raises(UndecodableError, match="holds a FollowUp; this topic carries Abandonment"):
        CODEC.decode_signal("Abandonment", message)
    with pytest.raises(UnknownSchemaError):
        CODEC.decode_signal("FollowUp", b"\xc3\x01" + bytes(8))
    for end in range(10, len(message)):
        with pytest.raises(UndecodableError, match="not a FollowUp"):
            CODEC.decode_signal("FollowUp", message[:end])
