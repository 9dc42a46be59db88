"""`touchline publish`: good lines are sent in order of event time, bad ones are named and put aside."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from schemas.topics import MAX_TOUCHPOINT_BYTES
from tests.unit.touchline.conftest import Outbox
from touchline.main import cli
from touchline.publish.convert import key_of
from touchline.publish.lines import MAX_LINE_BYTES, read_lines

PURCHASES = "touchpoints.purchases.v1"
TWEETS = "touchpoints.tweets.v1"


def purchase(event_id: str, occurred_at: str | int, **more: Any) -> str:
    return json.dumps(
        {
            "kind": "purchase",
            "event_id": event_id,
            "occurred_at": occurred_at,
            "source": "till",
            "customer_id": "C1",
            "order_id": f"o-{event_id}",
            "amount_minor": 1000,
            "currency": "EUR",
            **more,
        }
    )


def publish(*files: Path, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["publish", *map(str, files)], input=stdin)


def test_lines_are_sent_in_order_of_event_time_across_files(tmp_path: Path, outbox: Outbox) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_text("\n".join([purchase("third", "2026-03-03T00:00:00Z"), purchase("first", 1_735_689_600_000)]))
    two.write_text(purchase("second", "2026-02-02T00:00:00+01:00") + "\n")

    result = publish(one, two)

    assert result.exit_code == 0, result.output
    assert outbox.event_ids(PURCHASES) == ["first", "second", "third"]
    assert "3 touchpoints sent" in result.stdout


def test_bad_lines_are_named_put_aside_byte_for_byte_and_the_rest_is_sent(tmp_path: Path, outbox: Outbox) -> None:
    bad = [b'{"kind": "purchse"}', b"not json \xff\xfe", b'  {"kind": "tweet"}  ']
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"\r\n".join([purchase("a", 1).encode(), bad[0], b"", bad[1], bad[2], purchase("b", 2).encode()]))

    result = publish(file)

    assert result.exit_code == 2
    assert outbox.event_ids(PURCHASES) == ["a", "b"]
    assert (tmp_path / "in.jsonl.rejected").read_bytes() == b"".join(line + b"\r\n" for line in bad)
    assert f'{file}, line 2: kind is "purchse"' in result.stderr
    assert f"{file}, line 4: " in result.stderr
    assert f"{file}, line 5: event_id, occurred_at, source, post_id, text are missing" in result.stderr
    assert "3 bad lines written to" in result.stderr


def test_only_the_first_twenty_bad_lines_are_named(tmp_path: Path, outbox: Outbox) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text("x\n" * 50)

    result = publish(file)

    assert result.exit_code == 2
    assert "line 20: " in result.stderr
    assert "line 21: " not in result.stderr
    assert "and 30 more" in result.stderr
    assert (tmp_path / "in.jsonl.rejected").read_text() == "x\n" * 50
    assert outbox.sends == []


def test_one_customers_touchpoints_share_a_partition_and_its_key(tmp_path: Path, outbox: Outbox) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text("\n".join(purchase(str(n), n, customer_id=f"C{n % 5}") for n in range(50)))

    publish(file)

    (batches,) = outbox.sends
    assert len(outbox.on(PURCHASES)) == 50
    keys = [{message.key for message in messages} for messages in batches.values()]
    assert sum(map(len, keys)) == 5
    assert set.union(*keys) == {b"C0", b"C1", b"C2", b"C3", b"C4"}


def test_an_empty_file_is_no_error(tmp_path: Path, outbox: Outbox) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"\n\n")

    result = publish(file)

    assert result.exit_code == 0
    assert "0 touchpoints sent" in result.stdout
    assert outbox.sends == []
    assert not (tmp_path / "in.jsonl.rejected").exists()


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    result = publish(tmp_path / "none.jsonl")

    assert result.exit_code == 2
    assert "none.jsonl" in result.stderr
    assert "does not exist" in result.stderr


def test_a_line_of_two_megabytes_is_put_aside_whole(tmp_path: Path, outbox: Outbox) -> None:
    large = purchase("large", 1, attributes={"note": "x" * 2 * MAX_TOUCHPOINT_BYTES})
    file = tmp_path / "in.jsonl"
    file.write_text(f"{large}\n{purchase('small', 2)}\n")

    result = publish(file)

    assert result.exit_code == 2
    assert outbox.event_ids(PURCHASES) == ["small"]
    assert (tmp_path / "in.jsonl.rejected").read_text() == f"{large}\n"
    assert "at most 1,048,576 are taken" in result.stderr


def test_standard_input_is_read_and_its_bad_lines_put_into_the_working_folder(
    tmp_path: Path, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = publish(Path("-"), stdin=f"{purchase('a', 1)}\nbad\n")

    assert result.exit_code == 2
    assert outbox.event_ids(PURCHASES) == ["a"]
    assert (tmp_path / "stdin.rejected").read_text() == "bad\n"


def test_a_byte_order_mark_is_no_fault(tmp_path: Path, outbox: Outbox) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + purchase("a", 1).encode())

    assert publish(file).exit_code == 0
    assert outbox.event_ids(PURCHASES) == ["a"]


def test_a_line_beyond_all_bounds_is_not_held_in_memory_but_told_where_it_lies() -> None:
    endless = b"x" * (3 * MAX_LINE_BYTES + 5)

    lines = list(read_lines(io.BytesIO(b"a\n" + endless + b"\nb")))

    assert [(line.number, line.data) for line in lines] == [(1, b"a"), (2, None), (3, b"b")]
    assert (lines[1].start, lines[1].end) == (2, 2 + len(endless) + 1)


@pytest.mark.parametrize(
    ("record", "key"),
    [
        ({"customer_id": " C1 ", "identifiers": {"email": "a@b.c"}, "event_id": "e"}, "C1"),
        (
            {"customer_id": "null", "identifiers": {"cookie": "k", "email": "A@b.c"}, "event_id": "e"},
            "a@b.c",
        ),
        ({"customer_id": None, "identifiers": {"cookie": "guest"}, "event_id": "e"}, "e"),
        ({"event_id": "e", "change_id": "c"}, "e"),
    ],
)
def test_the_key_is_the_customer_else_the_strongest_identifier_else_the_event(record: dict[str, Any], key: str) -> None:
    assert key_of(record) == key
