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

APACHE = {
    "BusinessChange": "310e121141c39320",
    "CartEvent": "e27c5546cc08a484",
    "CaseEvent": "6ee1635553447780",
    "MarketingSpend": "b8df5606a6f4c1ed",
    "PageView": "54ebe6cb6504437f",
    "Purchase": "6babd5f6925b5917",
    "SupportCall": "baab1403f3873973",
    "SurveyAnswer": "b6572f3de52a8cbd",
    "Tweet": "7967526644f35250",
}
"""The same as Apache Avro for Python (avro 1.12.2) and Rust (apache-avro 0.21) and goavro 2.15 give it."""


@pytest.mark.parametrize("record", HAMBA)
@pytest.mark.parametrize("given", [HAMBA, APACHE], ids=["hamba", "apache"])
def test_a_writer_is_known_by_the_fingerprint_of_its_library(record: str, given: dict[str, str]) -> None:
    assert FileRegistry().by_fingerprint(bytes.fromhex(given[record])) == current_schemas()[record]


@pytest.mark.parametrize("record", HAMBA)
def test_a_message_of_ours_begins_with_avros_own_fingerprint(record: str) -> None:
    schema = current_schemas()[record]

    assert header_of(schema) == b"\xc3\x01" + fingerprint_of(schema)
    assert fingerprint_of(schema).hex() not in {HAMBA[record], APACHE[record]}


def test_no_two_records_share_a_fingerprint() -> None:
    schemas = current_schemas().values()

    assert len({one for schema in schemas for one in fingerprints_of(schema)}) == 3 * len(schemas)


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
