"""How much a text of JSON holds is told before it is read, whatever stands in its strings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro.json_bounds import MAX_DIGITS, UNCHECKED_BYTES, excess
from schemas.limits import ENTRIES, MAPS, MESSAGE_VALUES
from tests.unit.schemas.records import SCHEMAS

SIGNS = '[{,]}:"\\ e1E-09'
"""What has a meaning in JSON, and none in its strings."""
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(SIGNS, max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(SIGNS, max_size=8), inner, max_size=5),
)


def entries(tree: Any) -> int:
    """Return how many entries lists and objects have, an empty one counted as one."""
    inner = list(tree.values()) if isinstance(tree, dict) else tree if isinstance(tree, list) else None
    return 0 if inner is None else max(1, len(inner)) + sum(map(entries, inner))


@given(tree=TREES, spaces=st.sampled_from([None, 1]), is_ascii=st.booleans())
def test_values_are_counted_and_what_strings_hold_is_not(tree: Any, spaces: int | None, is_ascii: bool) -> None:
    # Some of the strings end in backslashes, or are made of quotation marks.
    whole = [tree, SIGNS * 40, "\\", '"', "\\" * 3]
    text = json.dumps(whole, indent=spaces, ensure_ascii=is_ascii).encode()

    assert excess(text, entries(whole)) is None
    assert "values" in (excess(text, entries(whole) - 1) or "")


def in_list(*values: str) -> bytes:
    """Return a list of values as JSON, with a string that looks like much more."""
    return f'["{"[" * MESSAGE_VALUES}1e308 1e308 {"9" * 2 * MAX_DIGITS}",{",".join(values)}]'.encode()


def test_as_many_numbers_with_exponents_of_three_digits_as_may_be_are_let_through() -> None:
    vast = ["1e308", "-1.5E+308", "2e-300", "10.25e+100"]
    assert excess(in_list(*(vast * 50))) is None
    assert excess(in_list(*(vast * 50), "1e100")) == "more than 200 numbers with exponents of three digits"
    assert excess(in_list(*(["1e30", '"1e308"', "1.25e-7"] * 300))) is None


def test_a_number_may_have_five_hundred_digits() -> None:
    assert excess(in_list("1" * 500, "-" + "7" * 500, "0." + "1" * 500)) is None
    for number in ("1" * 501, "-" + "7" * 501, "0." + "1" * 501):
        assert excess(in_list("1", number)) == "a number of more than 500 digits"


def test_a_thousand_numbers_may_have_more_digits_than_doubles() -> None:
    """A number that lies between two doubles takes a hundred times as long as another."""
    long = ["9" * 25, "-0." + "1" * 24, "123456789012.3456789012345e99"]
    usual = [str(1 / 3), "1e-7", str(2**63), "0.000123456789012345"]
    assert excess(in_list(*(long * 333), *(usual * 1_000))) is None
    assert excess(in_list(*(long * 334))) == "more than 1,000 numbers of 25 digits"


def test_a_text_that_is_full_of_strings_is_refused_without_a_look_at_each() -> None:
    assert "values" in (excess(b"[" + b'"",' * 170_000 + b'""]') or "")
    assert "values" in (excess(b'["' + b'\\\\","' * 170_000 + b'"]') or "")


@pytest.mark.parametrize("text", [b"", b'"', b"\\", b'"' * UNCHECKED_BYTES * 4, b"\\" * UNCHECKED_BYTES * 3])
def test_what_is_no_json_is_passed_on(text: bytes) -> None:
    assert excess(text) is None


def test_the_largest_record_of_each_kind_has_fewer_values() -> None:
    for schema in SCHEMAS.values():
        most = len(schema["fields"])
        for field in schema["fields"]:
            if (limit := MAPS.get(field["name"])) is not None:
                most += limit.entries
            elif (count := ENTRIES.get(field["name"])) is not None:
                most += count * (1 + len(field["type"]["items"]["fields"]))
        assert most < MESSAGE_VALUES * 0.6
