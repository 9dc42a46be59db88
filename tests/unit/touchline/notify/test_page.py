"""What docs/notify.md shows holds: its targets, its table, and the program that verifies a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.test_docs import ROOT, code, fenced, section, table
from touchline.notify.signing import secret_of, signed_headers
from touchline.notify.targets import KINDS, read_targets

PAGE = (ROOT / "docs" / "notify.md").read_text("utf-8")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  # made up
BODY = b'{"id": "f-1:open"}'


@pytest.fixture(scope="module")
def is_ours() -> Callable[[str, dict[str, str], bytes], bool]:
    """The page's program."""
    (program,) = fenced(PAGE, "python")
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102  # the page's own
    found: Callable[[str, dict[str, str], bytes], bool] = names["is_ours"]
    return found


def signed(age_s: int = 0) -> dict[str, str]:
    key = secret_of(SECRET)
    assert key is not None
    return signed_headers(key, "f-1:open", int(time.time()) - age_s, BODY)


def test_the_program_knows_what_is_ours(is_ours: Callable[[str, dict[str, str], bytes], bool]) -> None:
    other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

    assert is_ours(SECRET, signed(), BODY)
    assert is_ours(SECRET, {**signed(), "webhook-signature": "v1,old " + signed()["webhook-signature"]}, BODY)
    assert not is_ours(SECRET, signed(), BODY + b" ")
    assert not is_ours(SECRET, {**signed(), "webhook-id": "f-2:open"}, BODY)
    assert not is_ours(SECRET, signed(age_s=3600), BODY)
    assert not is_ours(SECRET, {**signed(age_s=3600), "webhook-timestamp": str(int(time.time()))}, BODY)
    assert not is_ours(other, signed(), BODY)


@pytest.mark.parametrize("block", fenced(PAGE, "toml"))
def test_every_target_that_it_shows_holds(block: str) -> None:
    assert len(read_targets(block)) == 1


def test_the_table_has_every_key_and_its_default() -> None:
    told: dict[str, str] = {}
    for keys, _, _, default in table(section(PAGE, "## The file of targets")):
        names = [part.strip("` ") for part in keys.replace(" or ", ", ").split(", ")]
        told |= dict.fromkeys(names, default)
    fields = {field.encode_name: field for kind in KINDS for field in msgspec.structs.fields(kind)}

    assert told.keys() == fields.keys() | {"kind"}
    for name in ("signals", "statuses", "directions"):
        assert msgspec.json.decode(code(told[name])) == list(fields[name].default)
    assert float(code(told["per_minute"])) == fields["per_minute"].default
    assert code(told["tls"]) == fields["tls"].default


def test_the_file_that_it_names_is_there() -> None:
    assert Path(ROOT / "deploy" / "notify" / "targets.toml").is_file()
