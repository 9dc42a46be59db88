"""Requests: of each touchpoint is told what became of it, and nothing is told as accepted that Kafka has not."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import tracemalloc
from http import HTTPStatus
from typing import Any

import fastavro
import httpx
import pytest
from structlog.testing import capture_logs

from schemas.avro.registry import kind_schemas
from schemas.inputs import CONTRACT_INPUTS
from schemas.kinds import KINDS
from streams.kafka.producer import ProduceError
from tests.unit.touchline.collect.door import BEARER, KEY, LINES, Door, purchase
from touchline.collect.rate import RateLimit
from touchline.records.examples import example_json

ACCEPTED = "touchline_collect_touchpoints_total"


def statuses(answer: httpx.Response) -> list[str]:
    return [one["status"] for one in answer.json()["touchpoints"]]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_example_of_every_kind_is_accepted_and_written_as_avro(kind: str) -> None:
    door = Door()

    answer = await door.post(example_json(kind).encode())

    assert (answer.status_code, statuses(answer)) == (200, ["accepted"])
    ((topic, _),) = door.kafka.written
    assert topic == KINDS[kind].topic
    (message,) = door.kafka.messages
    assert message.value is not None
    read = fastavro.schemaless_reader(io.BytesIO(message.value[10:]), kind_schemas()[kind], None)
    assert isinstance(read, dict)
    assert read["event_id"] == json.loads(example_json(kind))["event_id"]


async def test_kinds_go_to_the_topics_that_the_settings_name_and_say_their_kind_where_they_share_one() -> None:
    door = Door(topics="purchase=shop.orders+more,*=events")

    await door.post([purchase(), json.loads(example_json("tweet"))])

    written = {topic: message.value or b"" for (topic, _), (message,) in door.kafka.written.items()}
    assert written.keys() == {"shop.orders", "events"}
    assert written["shop.orders"][:2] == b"\xc3\x01"
    assert json.loads(written["events"])["kind"] == "tweet"


async def test_a_key_chooses_the_partition_among_those_of_its_topic() -> None:
    door = Door()
    door.publisher.open(door.kafka, {topic: 1 + number for number, topic in enumerate(CONTRACT_INPUTS)})
    views = [json.loads(example_json("page_view")) | {"customer_id": f"c{number}"} for number in range(100)]

    await door.post([*views, *(purchase(customer_id=f"c{number}") for number in range(100))])

    there = {
        kind: {partition for topic, partition in door.kafka.written if topic == KINDS[kind].topic} for kind in KINDS
    }
    assert there["purchase"] == {0}
    assert there["page_view"] == set(range(1 + list(KINDS).index("page_view")))


async def test_of_a_batch_each_touchpoint_is_accepted_or_refused_with_the_contracts_reason() -> None:
    door = Door()

    answer = await door.post(
        [
            purchase("a"),
            purchase("b", customer_id="null"),
            purchase("c", currency="Euro"),
            {"kind": "purchase", "event_id": "d"},
            purchase("e", occurred_at="2026-06-13T00:00:00Z"),
            purchase("f", ordr_id="o"),
            5,
            purchase("g", order_id="x" * 257),
            {"kind": "survey_answer", **SURVEY, "score": 11},
            purchase(""),
            purchase("i"),
        ]
    )

    told = answer.json()
    assert answer.status_code == 207
    assert (told["accepted"], told["refused"], told["unacknowledged"]) == (2, 9, 0)
    assert [(one["status"], one.get("event_id"), one.get("reason")) for one in told["touchpoints"]] == [
        ("accepted", "a", None),
        ("refused", "b", "no_identity"),
        ("refused", "c", "invalid_amount"),
        ("refused", "d", "missing_field"),
        ("refused", "e", "invalid_time"),
        ("refused", "f", "undecodable"),
        ("refused", None, "undecodable"),
        ("refused", "g", "too_large"),
        ("refused", "s", "invalid_score"),
        ("refused", "", "missing_field"),
        ("accepted", "i", None),
    ]
    assert "did you mean order_id?" in told["touchpoints"][5]["detail"]
    assert "the touchpoint is 5; it must be a JSON object" in told["touchpoints"][6]["detail"]
    assert len(door.kafka.messages) == 2
    assert door.counted("touchline_collect_refusals_total", key="-", reason="missing_field") == 2


SURVEY = {
    "event_id": "s",
    "occurred_at": 1_781_000_000_000,
    "source": "survey",
    "customer_id": "c-1",
    "response_id": "r",
    "survey_id": "v",
    "phase": "answered",
    "question_kind": "nps",
}


async def test_a_request_of_which_all_is_refused_is_unprocessable() -> None:
    answer = await Door().post(purchase(currency="Euro"))

    assert (answer.status_code, statuses(answer)) == (422, ["refused"])


async def test_touchpoints_may_come_a_line_each_and_packed() -> None:
    door = Door()
    body = b"\xef\xbb\xbf" + b"\r\n".join([json.dumps(purchase("a")).encode(), b"", b"{", b"  "])

    answer = await door.post(body, LINES, packed=True)

    assert (answer.status_code, statuses(answer)) == (207, ["accepted", "refused"])


async def test_half_a_character_refuses_its_own_touchpoint_alone() -> None:
    door = Door()
    body = b"[%s, %s]" % (json.dumps(purchase("a", source="\ud83d")).encode(), json.dumps(purchase("b")).encode())

    answer = await door.post(body)

    assert statuses(answer) == ["refused", "accepted"]
    assert "half of a surrogate pair" in answer.json()["touchpoints"][0]["detail"]


async def test_an_empty_batch_is_accepted() -> None:
    answer = await Door().post([])

    assert (answer.status_code, answer.json()["touchpoints"]) == (200, [])


@pytest.mark.parametrize(
    ("body", "media", "status", "says"),
    [
        (b"", "application/json", 400, "the body is empty"),
        (b"5", "application/json", 400, "neither a JSON object nor an array"),
        (b'[{"kind": "purchase"}', "application/json", 400, "the body is not JSON"),
        (b'{"a": 1} {"a": 2}', "application/json", 400, "trailing characters"),
        (b"[" * 100_000, "application/json", 400, "not JSON"),
        (b"[" + b"1e308," * 300 + b"1]", "application/json", 400, "exponents of three digits"),
        (b"{}", "text/plain", 415, "Content-Type is text/plain; send application/json"),
        (b"{}", "", 415, "there is no Content-Type"),
        (b"[" + b"{}," * 1000 + b"{}]", "application/json", 413, "more than 1,000 touchpoints"),
        (b"{}\n" * 1001, LINES, 413, "more than 1,000 touchpoints"),
        (b"[" + b"NaN," * 1000 + b"1]", "application/json", 413, "more than 1,000 touchpoints"),
        (b"x" * ((8 << 20) + 1), "application/json", 413, "more than 8,388,608 bytes"),
    ],
)
async def test_a_body_that_cannot_be_taken_is_a_problem_that_says_why(
    body: bytes, media: str, status: int, says: str
) -> None:
    door = Door()

    answer = await door.post(body, media)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert says in answer.json()["detail"]
    assert (door.kafka.messages, door.capacity.size) == ([], 0)


async def test_the_size_is_bounded_whatever_the_head_says_and_as_unpacked() -> None:
    door = Door(max_body_bytes=2000)

    async def pieces() -> Any:
        for _ in range(30):
            yield b" " * 100

    streamed = await door.client.post("/v1/touchpoints", content=pieces(), headers={"content-type": LINES})
    packed = await door.post(b" " * 100_000, packed=True)

    assert (streamed.status_code, packed.status_code) == (413, 413)
    assert door.capacity.size == 0


@pytest.mark.parametrize(
    ("encoding", "body", "status"), [("br", b"", 415), ("gzip", b"{}", 400), ("gzip", b"\x1f\x8b\x08\x00", 400)]
)
async def test_another_encoding_or_a_damaged_one_is_told(encoding: str, body: bytes, status: int) -> None:
    answer = await Door().post(body, headers={"content-encoding": encoding})

    assert answer.status_code == status


async def test_gzip_may_have_parts_but_not_any_number() -> None:
    door = Door()
    line = json.dumps(purchase()).encode() + b"\n"
    head, empty = {"content-encoding": "gzip"}, gzip.compress(b"")

    parts = await door.post(gzip.compress(line) + empty * 63, LINES, head)
    assert parts.status_code == HTTPStatus.OK, parts.text
    many = await door.post(gzip.compress(line) + empty * 64, LINES, head)
    assert many.status_code == HTTPStatus.BAD_REQUEST
    assert "more than 64 parts" in many.text


async def test_of_gzip_that_is_cut_short_nothing_is_accepted() -> None:
    door = Door()
    packed = gzip.compress(json.dumps(purchase()).encode() + b"\n")

    answer = await door.post(packed[:-4], LINES, {"content-encoding": "gzip"})

    assert (answer.status_code, door.kafka.messages) == (400, [])
    assert "cut short" in answer.json()["detail"]


async def test_with_keys_only_who_has_one_is_heard() -> None:
    door = Door(keys={"shop": KEY, "till": "t" * 24})

    answers = [
        await door.post(purchase()),
        await door.post(purchase(), headers={"authorization": f"Bearer {KEY}x"}),
        await door.post(purchase(), headers={"authorization": f"Basic {KEY}"}),
        await door.post(purchase(), headers={"authorization": f"bearer {KEY}"}),
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 200]
    assert answers[0].headers["www-authenticate"] == "Bearer"
    assert door.counted(ACCEPTED, key="shop", outcome="accepted") == 1
    assert door.counted("touchline_collect_requests_total", key="", status="401") == 3


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("[::1]:8080", 200),
        ("127.0.0.1", 200),
        ("evil.example", 421),
        ("evil.example:8080", 421),
    ],
)
async def test_without_keys_a_request_has_to_name_this_machine(host: str, status: int) -> None:
    assert (await Door().post(purchase(), headers={"host": host})).status_code == status


async def test_browsers_are_told_nothing_unless_their_origin_is_named() -> None:
    ask = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    closed, opened = Door(), Door(origins="https://shop.example", keys={"web": KEY})

    refused = await closed.client.options("/v1/touchpoints", headers=ask)
    answer = await opened.client.options("/v1/touchpoints", headers=ask)
    other = await opened.client.options("/v1/touchpoints", headers={**ask, "origin": "https://evil.example"})

    assert "access-control-allow-origin" not in refused.headers
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in other.headers


async def test_a_name_that_sends_too_much_has_to_wait_and_the_others_do_not() -> None:
    door = Door(keys={"shop": KEY, "till": "t" * 24}, rate=2)

    first = await door.post([purchase(str(n)) for n in range(10)], headers=BEARER)
    second = await door.post(purchase("late"), headers=BEARER)
    other = await door.post(purchase("till"), headers={"authorization": "Bearer " + "t" * 24})

    unread = await door.post(b"", "text/plain", BEARER)

    assert (first.status_code, second.status_code, other.status_code) == (200, 429, 200)
    assert unread.status_code == 429, "it is told before anything of the request is looked at"
    assert second.headers["retry-after"] == "4", "it took 10 of the 2 that it had: 8 are missing, at 2 a second"
    assert len(door.kafka.messages) == 11


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"[" + b"{}," * 400_000 + b"{}]", "application/json", 413),
        (b"\n" * 1_000_000, LINES, 413),
        (b"[" * 1_000_000, "application/json", 400),
        (b" " * 1_000_000 + b"{}", "application/json", 422),
    ],
)
async def test_what_takes_long_to_read_takes_of_the_rate_whatever_becomes_of_it(
    body: bytes, media: str, status: int
) -> None:
    """A megabyte is 122 times 8 KiB, as little as it is packed."""
    door = Door(rate=10)

    first = await door.post(body, media, packed=True)
    second = await door.post(purchase())

    assert (first.status_code, second.status_code) == (status, 429)
    assert 11 <= int(second.headers["retry-after"]) <= 14


async def test_a_body_that_is_no_gzip_takes_of_the_rate() -> None:
    door = Door(rate=1)

    damaged = [(await door.post(b"x", headers={"content-encoding": "gzip"})).status_code for _ in range(3)]

    assert damaged == [400, 400, 429]


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"a" * ((1 << 20) + 1)),
        gzip.compress(b"a" * (1 << 14)) * 65,
        gzip.compress(b"a" * (1 << 20))[:-1],
        gzip.compress(b"a" * (1 << 20))[:-8] + b"damaged.",
    ],
)
async def test_gzip_that_is_turned_away_takes_of_the_rate_what_was_inflated(body: bytes) -> None:
    """A mebibyte is 128 times 8 KiB."""
    door = Door(rate=10, max_body_bytes=1 << 20)

    first = await door.post(body, headers={"content-encoding": "gzip"})
    second = await door.post(purchase())

    assert (first.status_code, second.status_code) in [(400, 429), (413, 429)]
    assert 11 <= int(second.headers["retry-after"]) <= 14


async def test_what_is_told_of_refusals_takes_room_of_the_queue_while_kafka_is_waited_for() -> None:
    door = Door(queue_bytes=200_000, max_body_bytes=100_000)
    door.kafka.open.clear()
    asked = asyncio.create_task(door.post([purchase(), *[{"text": "x" * 600}] * 100]))
    await door.kafka.asked.wait()

    held = door.capacity.size
    door.kafka.open.set()
    answer = await asked

    assert len(answer.content) < held < 100_000
    assert (door.capacity.touchpoints, door.capacity.size) == (0, 0)


async def test_blank_lines_have_a_bound_too() -> None:
    door = Door()

    assert (await door.post(b"\n" * 100_000 + json.dumps(purchase()).encode(), LINES)).status_code == 200
    answer = await door.post(b"\n" * 100_001 + json.dumps(purchase()).encode(), LINES)

    assert (answer.status_code, answer.json()["detail"][:32]) == (413, "the body has more than 100,000 l")


async def test_of_a_large_body_one_alone_is_refused_that_is_no_json_unless_the_body_has_no_end_of_values() -> None:
    """250,000 lists in lists would take 0.3 s, and 8 MiB of them 2.3."""
    half, door = b'"\\ud800"', Door()
    good = [json.dumps(purchase(str(n), attributes={"note": "x" * 3_000})).encode() for n in range(500)]

    large = await door.post(b"[%b]" % b",".join([half, *good]))
    endless = await door.post(b"[%b,%b{}]" % (half, b"[[]]," * 250_000))

    assert (large.status_code, large.json()["accepted"], large.json()["refused"]) == (207, 500, 1)
    assert (endless.status_code, "is not JSON" in endless.json()["detail"]) == (400, True)


async def test_a_touchpoint_of_more_bytes_than_any_can_take_is_not_read() -> None:
    door = Door()
    large = json.dumps({**json.loads(example_json("tweet")), "text": "\u0436" * 500_000})
    assert len(large) > 3_000_000

    assert (await door.post(large.encode())).status_code == 200
    answer = await door.post(b" " * (4 << 20) + large.encode())

    assert (answer.status_code, answer.json()["touchpoints"][0]["reason"]) == (422, "too_large")


async def test_a_client_is_led_to_no_other_host() -> None:
    answer = await Door().client.get("/openapi.json/", headers={"host": "evil.example"})

    assert (answer.status_code, answer.headers.get("location")) == (404, None)


async def test_a_length_may_have_any_number_of_zeros_before_it() -> None:
    body = json.dumps(purchase()).encode()

    answer = await Door().post(body, headers={"content-length": "0" * 5_000 + str(len(body))})

    assert answer.status_code == 200


async def test_touchpoints_that_are_answered_503_take_nothing_of_the_rate_but_their_request_does() -> None:
    """Of 10 touchpoints nine requests of three take nine: small ones were read for nothing while Kafka was away."""
    batch = [purchase(str(n)) for n in range(3)]
    door = Door(rate=10, queue_touchpoints=3, max_touchpoints=3, connected=False)
    door.collector.rate = RateLimit(10, door.collector.keys.names, lambda: 0.0)
    without_kafka = [(await door.post(batch)).status_code for _ in range(3)]
    door.publisher.open(door.kafka, dict.fromkeys(CONTRACT_INPUTS, 1))
    door.capacity.take(1, 0)
    full = [(await door.post(batch)).status_code for _ in range(3)]
    door.capacity.give_back(1, 0)
    door.kafka.refusal = ProduceError("not now")
    unacknowledged = [(await door.post(batch)).status_code for _ in range(3)]

    assert (without_kafka, full, unacknowledged) == ([503] * 3, [503] * 3, [503] * 3)
    assert (await door.post(batch)).status_code == 503
    assert (await door.post(batch)).status_code == 429


async def test_what_it_took_to_read_a_large_body_is_not_given_back_without_kafka() -> None:
    """It is 122 times 8 KiB."""
    door = Door(rate=10, connected=False)

    first = await door.post(json.dumps(purchase()).encode() + b" " * 1_000_000)
    second = await door.post(purchase())

    assert (first.status_code, second.status_code) == (503, 429)
    assert 11 <= int(second.headers["retry-after"]) <= 14


async def test_of_a_request_answered_503_what_was_accepted_or_refused_is_taken_of_the_rate() -> None:
    door = Door(rate=2)
    door.kafka.refusal = ProduceError("not now")

    answer = await door.post([purchase("a"), purchase("b", currency=""), purchase("c", currency=""), 5])

    assert (answer.status_code, statuses(answer)) == (503, ["unacknowledged", *["refused"] * 3])
    again = await door.post(purchase("a"))
    assert (again.status_code, again.headers["retry-after"]) == (429, "1"), "3 of the 2 are taken"


async def test_nothing_is_answered_before_kafka_has_acknowledged() -> None:
    door = Door()
    door.kafka.open.clear()

    asked = asyncio.create_task(door.post([purchase("a"), purchase("b")]))
    await door.kafka.asked.wait()
    assert not asked.done()
    door.kafka.open.set()

    assert statuses(await asked) == ["accepted", "accepted"]


async def test_while_kafka_is_waited_for_nothing_is_held_of_the_body() -> None:
    door = Door()
    door.kafka.open.clear()
    vast = b"[" + json.dumps(purchase()).encode() + b',{"text":"' + b"a" * (3 << 20) + b'"}]'
    tracemalloc.start()
    try:
        asked = asyncio.create_task(door.post(vast, packed=True))
        await door.kafka.asked.wait()
        held, highest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    door.kafka.open.set()

    assert statuses(await asked) == ["accepted", "refused"]
    assert held < 1 << 20 < len(vast) < highest


async def test_of_an_event_id_that_is_too_long_its_beginning_is_told() -> None:
    answer = await Door().post([purchase("x" * 100_000), {**purchase("y" * 100_000), "kind": "none"}])

    assert [one["reason"] for one in answer.json()["touchpoints"]] == ["missing_field", "undecodable"]
    assert len(answer.content) < 4_000


async def test_a_full_queue_answers_503_with_retry_after_and_takes_nothing_of_the_request() -> None:
    door = Door(queue_touchpoints=3, max_touchpoints=3)
    door.kafka.open.clear()
    waiting = asyncio.create_task(door.post([purchase("a"), purchase("b")]))
    await door.kafka.asked.wait()

    full = await door.post([purchase("c"), purchase("d")])
    door.kafka.open.set()

    assert full.status_code == 503
    assert int(full.headers["retry-after"]) >= 1
    assert "nothing of this request was accepted" in full.json()["detail"]
    assert (await waiting).status_code == 200
    assert len(door.kafka.messages) == 2
    assert (await door.post([purchase("c"), purchase("d")])).status_code == 200
    assert (door.capacity.touchpoints, door.capacity.size) == (0, 0)


async def test_bodies_take_room_of_the_queue_too() -> None:
    door = Door(queue_bytes=2000, max_body_bytes=2000)
    door.capacity.take(0, 1900)

    assert (await door.post(purchase())).status_code == 503
    door.capacity.give_back(0, 1900)
    assert (await door.post(purchase())).status_code == 200


async def test_bodies_of_one_name_that_do_not_end_leave_room_for_the_others() -> None:
    door = Door(keys={"shop": KEY, "till": "t" * 24}, queue_bytes=8_000, max_body_bytes=2_000)
    never = asyncio.Event()

    async def endless() -> Any:
        yield b" " * 1_900
        await never.wait()

    head = {"content-type": LINES, **BEARER}
    slow = [asyncio.create_task(door.client.post("/v1/touchpoints", content=endless(), headers=head)) for _ in range(4)]
    await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED)
    answers = [task.result().status_code for task in slow if task.done()]
    other = await door.post(purchase(), headers={"authorization": "Bearer " + "t" * 24})
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)

    assert (answers, other.status_code, door.capacity.size) == ([503, 503], 200, 0)
    assert (await door.post(purchase(), headers=BEARER)).status_code == 200


async def test_what_kafka_does_not_acknowledge_in_time_is_told_and_what_waits_is_withdrawn() -> None:
    door = Door(wait_s=0.05)
    door.kafka.open.clear()

    first = await door.post([purchase("a"), purchase("bad", currency="")])
    second = await door.post(purchase("b"))

    assert (first.status_code, statuses(first)) == (503, ["unacknowledged", "refused"])
    assert int(first.headers["retry-after"]) >= 1
    assert (second.status_code, statuses(second)) == (503, ["unacknowledged"])
    assert door.capacity.touchpoints == 1, "what is under way to Kafka still takes room"
    door.kafka.open.set()
    again = await door.post(purchase("c"))
    assert again.status_code == 200
    orders = [message.value or b"" for message in door.kafka.messages]
    assert [b"o-a" in value for value in orders] == [True, False]
    assert len(orders) == 2, "b was withdrawn"
    assert (door.capacity.touchpoints, door.capacity.size) == (0, 0)


async def test_before_kafka_has_answered_for_the_first_time_503_is_answered() -> None:
    answer = await Door(connected=False).post(purchase())

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


async def test_what_kafka_refuses_is_not_accepted() -> None:
    door = Door()
    door.kafka.refusal = ProduceError("no right to write")

    answer = await door.post(purchase())

    assert (answer.status_code, statuses(answer)) == (503, ["unacknowledged"])
    assert door.publisher.refusal == "no right to write"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/touchpoints", 405), ("POST", "/", 404)])
async def test_what_the_server_takes_is_told_to_who_asks_something_else(method: str, path: str, status: int) -> None:
    answer = await Door().client.request(method, path)

    assert answer.status_code == status
    assert "POST /v1/touchpoints" in answer.json()["detail"]
    assert answer.headers.get("allow") == ("POST" if status == 405 else None)


async def test_the_log_tells_of_requests_and_of_no_person() -> None:
    door = Door(keys={"shop": KEY}, access_log=True)
    with capture_logs() as logs:
        await door.post(purchase("secret-id", customer_id="ann@example.com"), headers=BEARER)
        await door.post(purchase("secret-id", customer_id="ann@example.com", currency="x"), headers=BEARER)

    told = [entry for entry in logs if entry["event"] == "request"]
    assert [(entry["key"], entry["status"], entry["accepted"]) for entry in told] == [
        ("shop", 200, 1),
        ("shop", 422, 0),
    ]
    for personal in ("ann", "secret-id", KEY, "127.0.0.1"):
        assert personal not in str(logs)


async def test_without_an_access_log_failures_are_told_once_a_minute() -> None:
    door = Door()
    with capture_logs() as logs:
        for _ in range(3):
            await door.post(purchase())
            await door.post(purchase(currency="x"))

    assert [(entry["status"], entry["times"]) for entry in logs] == [(422, 1)]
