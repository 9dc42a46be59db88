"""Fingerprints of writers' schemas, as other libraries compute them."""

from __future__ import annotations

import pytest

from schemas.avro.fingerprints import fingerprint_of, fingerprints_of, header_of
from schemas.avro.registry import FileRegistry, current_schemas

HAMBA = {
    "BusinessChange": "970651ecfb6286eb",
    "CartEvent": "ac37402be8be7162",
    "CaseEvent": "ccd20a416fee796b",
    "MarketingSpend": "60bce8fa75f287b5",
    "PageView": "89454ea7f134dcef",
    "Purchase": "9450e9a7726809d1",
    "SupportCall": "92257a6bcb3cb8ee",
    "SurveyAnswer": "c0b6b968a4ec95a5",
    "Tweet": "62433c2e3eaa134a",
}
"""By record: what `Schema.FingerprintUsing(CRC64AvroLE)` of hamba/avro 2.31.0 gives for the schema shipped here."""


@pytest.mark.parametrize("record", HAMBA)
def test_a_writer_in_go_is_known_by_the_fingerprint_of_its_library(record: str) -> None:
    assert FileRegistry().by_fingerprint(bytes.fromhex(HAMBA[record])) == current_schemas()[record]


@pytest.mark.parametrize("record", HAMBA)
def test_a_message_of_ours_begins_with_avros_own_fingerprint(record: str) -> None:
    schema = current_schemas()[record]

    assert header_of(schema) == b"\xc3\x01" + fingerprint_of(schema)
    assert fingerprint_of(schema).hex() != HAMBA[record]


def test_no_two_records_share_a_fingerprint() -> None:
    schemas = current_schemas().values()

    assert len({one for schema in schemas for one in fingerprints_of(schema)}) == 2 * len(schemas)


def test_a_schema_without_logical_types_has_one_fingerprint() -> None:
    schema = {"type": "record", "name": "Visit", "fields": [{"name": "shop", "type": "string"}]}

    assert fingerprints_of(schema) == {fingerprint_of(schema)}


def test_a_type_that_is_named_again_is_written_by_its_name() -> None:
    inner = {"type": "enum", "name": "Mood", "symbols": ["good", "bad"]}
    schema = {
        "type": "record",
        "name": "Visit",
        "namespace": "shop",
        "fields": [
            {"name": "before", "type": inner},
            {"name": "after", "type": ["null", "Mood"], "default": None},
            {"name": "moods", "type": {"type": "array", "items": "Mood"}},
        ],
    }

    assert fingerprints_of(schema) == {fingerprint_of(schema)}
