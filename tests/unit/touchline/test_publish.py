"""`touchline publish`: good lines are sent in order of event time, bad ones are named and put aside."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro.codec import Codec
from schemas.avro.envelopes import BYTE_ORDER_MARK
from schemas.avro.registry import FileRegistry
from schemas.topics import MAX_TOUCHPOINT_BYTES
from tests.unit.touchline.conftest import Outbox
from touchline.main import cli
from touchline.publish.convert import BadLineError, Converter, key_of
from touchline.publish.lines import MAX_LINE_BYTES, read_lines
from touchline.publish.send import send_in_batches
from touchline.publish.spool import Message

ROOT = Path(__file__).parents[3]
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


@pytest.mark.parametrize(
    ("field", "value", "most"),
    [
        ("event_id", "x" * 129, 128),
        ("customer_id", "x" * 200_000, 256),
        ("order_id", "x" * 257, 256),
        ("identifiers", {"email": "x" * 1_025}, 1_024),
        ("items", [{"sku": "x" * 257, "quantity": 1, "price_minor": 1}], 256),
    ],
)
def test_a_text_that_is_too_long_is_a_bad_line_that_names_its_field(
    tmp_path: Path, outbox: Outbox, field: str, value: object, most: int
) -> None:
    file = tmp_path / "in.jsonl"
    good, bad = purchase("good", 1), json.dumps(json.loads(purchase("bad", 1)) | {field: value})
    file.write_text(f"{good}\n{bad}\n")

    result = publish(file)

    assert (result.exit_code, outbox.event_ids(PURCHASES)) == (2, ["good"])
    assert re.search(rf"line 2: {field}.* at most {most:,} are taken", result.stderr)
    assert (tmp_path / "in.jsonl.rejected").read_text() == f"{bad}\n"


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


def test_a_line_nested_too_deep_and_one_of_half_a_character_stop_no_other(tmp_path: Path, outbox: Outbox) -> None:
    bad = ["[" * 10_000, purchase("half", 1, attributes={"note": "\ud800"})]
    file = tmp_path / "in.jsonl"
    file.write_text("\n".join([purchase("a", 1), bad[0], bad[1], purchase("b", 2), ""]))

    result = publish(file)

    assert result.exit_code == 2
    assert outbox.event_ids(PURCHASES) == ["a", "b"]
    assert (tmp_path / "in.jsonl.rejected").read_text() == "".join(f"{line}\n" for line in bad)
    assert f"{file}, line 2: the line holds lists or objects nested" in result.stderr
    assert f"{file}, line 3: the line holds \\ud800, half of a surrogate pair" in result.stderr


@given(
    content=st.binary() | st.lists(st.sampled_from([b"\n", b"{}", b"[", b'"', purchase("a", 1).encode()])).map(b"".join)
)
def test_any_bytes_are_messages_or_bad_lines(content: bytes) -> None:
    converter = Converter()
    for line in read_lines(io.BytesIO(content)):
        with contextlib.suppress(BadLineError):
            converter.message(line)


T0 = 1_717_200_000_000
KEYS = [b"C%d" % number for number in range(20)]
INPUTS = "purchase=shop.orders+shop.refunds,cart_event=web,page_view=web"


def test_a_touchpoint_goes_to_the_first_topic_of_its_kind_in_json_that_says_its_kind_where_others_come_there_too(
    tmp_path: Path, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHLINE_TOPICS", INPUTS)
    view = {"kind": "page_view", "event_id": "v", "occurred_at": T0, "source": "web", "customer_id": "c", "page": "/"}
    file = tmp_path / "in.jsonl"
    file.write_text(f"{purchase('a', 1)}\n{json.dumps(view)}\n")

    assert publish(file).exit_code == 0

    (bought,), (viewed,) = outbox.on("shop.orders"), outbox.on("web")
    codec = Codec(FileRegistry())
    assert (bought.value or b"").startswith(b"\xc3\x01")
    assert codec.decode("purchase", bought.value or b"")["event_id"] == "a"
    kinds = ("cart_event", "page_view")
    assert codec.kind_of(kinds, viewed.value or b"") == json.loads(viewed.value or b"")["kind"] == "page_view"
    assert codec.decode("page_view", viewed.value or b"")["occurred_at"] == T0


async def test_the_partition_of_a_key_is_counted_by_what_its_topic_has(outbox: Outbox) -> None:
    messages = [Message(topic, key, b"{}") for topic in ("three", "twelve") for key in KEYS]

    await send_in_batches(outbox, messages, {"three": 3, "twelve": 12}, lambda _sent: None)

    places = {(topic, message.key): n for (topic, n), sent in outbox.sends[0].items() for message in sent}
    for name, count in (("three", 3), ("twelve", 12)):
        kafkas_own = {key: DefaultPartitioner()(key, list(range(count)), list(range(count))) for key in KEYS}
        assert {key: places[name, key] for key in KEYS} == kafkas_own


GOOD = [purchase(str(number), number) for number in range(1, 3_001)]


@pytest.mark.parametrize("name", ["in.jsonl.gz", "in.jsonl"])
def test_gzip_is_read_whatever_its_name(tmp_path: Path, outbox: Outbox, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(gzip.compress(f"{GOOD[0]}\nbad\n".encode()) + gzip.compress(f"{GOOD[1]}\n".encode()))

    result = publish(file)

    assert result.exit_code == 2
    assert outbox.event_ids(PURCHASES) == ["1", "2"]
    assert f"{file}, line 2: the line is not JSON" in result.stderr
    assert (tmp_path / f"{name}.rejected").read_bytes() == b"bad\n"


def test_gzip_on_standard_input_is_read(outbox: Outbox) -> None:
    assert publish(Path("-"), stdin=gzip.compress(GOOD[0].encode())).exit_code == 0
    assert outbox.event_ids(PURCHASES) == ["1"]


def test_a_file_that_is_named_gz_and_is_none_is_read_as_it_is(tmp_path: Path, outbox: Outbox) -> None:
    file = tmp_path / "in.jsonl.gz"
    file.write_text(GOOD[0])

    assert publish(file).exit_code == 0
    assert outbox.event_ids(PURCHASES) == ["1"]


def test_of_gzip_that_is_cut_short_the_lines_before_are_sent(tmp_path: Path, outbox: Outbox) -> None:
    file = tmp_path / "in.jsonl.gz"
    packed = gzip.compress("\n".join(GOOD).encode())
    file.write_bytes(packed[: len(packed) // 2])

    result = publish(file)

    sent = len(outbox.event_ids(PURCHASES))
    assert result.exit_code == 2
    assert 1_000 < sent < 2_000
    assert outbox.event_ids(PURCHASES) == [str(number) for number in range(1, sent + 1)]
    assert (
        f"line {sent + 1}: the gzip data are cut short here; {sent:,} lines before this one were read" in result.stderr
    )
    assert GOOD[sent].startswith((tmp_path / "in.jsonl.gz.rejected").read_text())


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda packed: packed[:-8], "line 3001: the gzip data are cut short here; 3,000 lines"),
        (lambda packed: packed[:-8] + b"\1" * 8, "line 3001: the gzip data are damaged here (CRC check failed"),
        (lambda packed: packed + b"more", "line 3001: the gzip data are damaged here (Not a gzipped file"),
        (lambda packed: packed[:5], "line 1: the gzip data are cut short here; 0 lines"),
        (lambda packed: packed[:20] + b"\xff" * 100 + packed[120:], ": the gzip data are damaged here (Error -3"),
    ],
)
def test_damaged_gzip_is_told_at_the_line_where_it_ends(
    tmp_path: Path, outbox: Outbox, damage: Callable[[bytes], bytes], said: str
) -> None:
    file = tmp_path / "in.jsonl.gz"
    file.write_bytes(damage(gzip.compress("".join(f"{line}\n" for line in GOOD).encode(), mtime=0)))

    result = publish(file)

    assert result.exit_code == 2
    assert said in result.stderr
    assert f"{len(outbox.on(PURCHASES))} touchpoint" in result.stdout.replace(",", "")


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16LE"),
        ("utf-16-be", "UTF-16BE"),
        ("utf-32", "UTF-32"),
    ],
)
def test_a_file_in_utf_16_is_named_and_the_other_files_are_sent(
    tmp_path: Path, outbox: Outbox, encoding: str, named: str
) -> None:
    wide, good = tmp_path / "wide.jsonl", tmp_path / "good.jsonl"
    wide.write_bytes("\n".join(GOOD[:3]).encode(encoding))
    good.write_text(GOOD[3])

    result = publish(wide, good)

    assert result.exit_code == 2
    assert outbox.event_ids(PURCHASES) == ["4"]
    assert f"{wide}, line 1: the file is {named}; make it UTF-8: iconv -f {named} -t UTF-8" in result.stderr
    assert (tmp_path / "wide.jsonl.rejected").read_bytes() == wide.read_bytes()


def test_zeros_that_a_crash_left_are_a_bad_line(tmp_path: Path, outbox: Outbox) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"\0" * 4096 + b"\n" + GOOD[0].encode() + b"\n{\0" + b"\0" * 500)

    result = publish(file)

    assert result.exit_code == 2
    assert outbox.event_ids(PURCHASES) == ["1"]
    assert "line 1: the line holds NUL bytes" in result.stderr
    assert "line 3: the line holds NUL bytes" in result.stderr


def test_files_put_together_with_their_byte_order_marks_are_read(tmp_path: Path, outbox: Outbox) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"".join(BYTE_ORDER_MARK + line.encode() + b"\r\n" for line in GOOD[:2]) + BYTE_ORDER_MARK)

    assert publish(file).exit_code == 0
    assert outbox.event_ids(PURCHASES) == ["1", "2"]


def test_a_folder_is_a_usage_error(tmp_path: Path) -> None:
    result = publish(tmp_path)

    assert result.exit_code == 2
    assert "is a directory" in result.stderr


def test_the_command_itself_reads_gzip_and_names_what_is_bad(tmp_path: Path) -> None:
    deep = "[" * 10_000
    half = purchase("half", 1, source="\ud800")
    large = "x" * 100_000_000
    file = tmp_path / "in.jsonl.gz"
    file.write_bytes(gzip.compress(f"{deep}\n{half}\n{large}\n\n".encode(), compresslevel=1))

    done = subprocess.run(
        [sys.executable, "-m", "touchline", "publish", str(file)],
        cwd=tmp_path,
        env={**os.environ, "TOUCHLINE_KAFKA": "127.0.0.1:9", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert "Traceback" not in done.stderr
    assert f"{file}, line 1: the line holds lists or objects nested" in done.stderr
    assert f"{file}, line 2: the line holds \\ud800" in done.stderr
    assert f"{file}, line 3: the line is longer than 8,388,608 bytes" in done.stderr
    assert "3 bad lines written to" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: Kafka does not answer")
    assert file.with_name("in.jsonl.gz.rejected").read_text() == f"{deep}\n{half}\n{large}\n"


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
