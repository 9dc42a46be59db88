"""Dead letters: what they say, whoever wrote them, and that they fit their topic."""

from __future__ import annotations

from schemas.topics import MAX_MESSAGE_BYTES
from touchline.notify.letters import Letter, decode, encode

LETTER = Letter("care", "no", "f-1:open", "signals.follow_ups.v1", 3, 9, "2026-06-10T12:00:00.000Z", b"c-1", b"signal")


def test_a_letter_is_the_signal_with_headers() -> None:
    written = encode(LETTER)

    assert (written.key, written.value) == (b"c-1", b"signal")
    assert list(written.headers) == [
        ("notify.target", b"care"),
        ("notify.reason", b"no"),
        ("notify.follow_up_id", b"f-1:open"),
        ("notify.topic", b"signals.follow_ups.v1"),
        ("notify.partition", b"3"),
        ("notify.offset", b"9"),
        ("notify.at", b"2026-06-10T12:00:00.000Z"),
    ]
    assert decode(*written[:3]) == LETTER


def test_one_that_would_outgrow_the_topic_says_where_its_signal_stands() -> None:
    large = encode(Letter("care", "no", "f-1:open", "t", 3, 9, "", b"c-1", bytes(MAX_MESSAGE_BYTES)))

    assert (large.key, large.value) == (None, None)
    assert dict(large.headers)["notify.offset"] == b"9"


def test_a_reason_is_printable_and_short() -> None:
    written = encode(Letter("care", "\x1b[1m" + "x" * 900, "", "t", 0, 0, "", None, None))
    reason = (dict(written.headers)["notify.reason"] or b"").decode()

    assert reason.startswith("\\u001b[1mxxx")
    assert len(reason) == 500


def test_headers_of_anybody_are_read() -> None:
    odd = decode(None, None, [("notify.target", b"\xff\n"), ("notify.offset", b"-1"), ("notify.partition", None)])

    assert (odd.target, odd.offset, odd.partition, odd.reason) == ("\N{REPLACEMENT CHARACTER}\\n", -1, -1, "")
