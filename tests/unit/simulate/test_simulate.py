"""The simulation: the same bytes by seed, valid touchpoints, and a truth that can be recounted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.registry import current_schemas
from streams.sentiment import VaderScorer
from touchline.simulate import simulate, texts, write_simulation
from touchline.simulate.person import Person
from touchline.simulate.stream import DEFAULT_END

Event = dict[str, Any]
TIMES = {"occurred_at", "effective_at", "reverted_at", "period_start", "period_end", "eta_at"}


@pytest.fixture(scope="module")
def stream() -> tuple[list[Event], Event]:
    events, truth = simulate(120, 45, seed=7)
    return list(events), truth


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def of_kind(events: list[Event], kind: str, **fields: object) -> list[Event]:
    return [event for event in events if event["kind"] == kind and all(event.get(k) == v for k, v in fields.items())]


def test_same_seed_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    written = []
    for hash_seed in ("1", "2"):
        out = tmp_path / f"{hash_seed}.jsonl"
        code = f"import pathlib, touchline.simulate as s; s.write_simulation(15, 20, 3, pathlib.Path({str(out)!r}))"
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        written.append((out.read_bytes(), out.with_suffix(".truth.json").read_bytes()))
    assert written[0] == written[1]
    assert len(written[0][0]) > 10_000


def test_another_seed_gives_another_stream(stream: tuple[list[Event], Event]) -> None:
    events, _ = simulate(120, 45, seed=8)
    assert list(events) != stream[0]


def test_written_stream_is_the_simulated_one(tmp_path: Path) -> None:
    out = tmp_path / "shop.jsonl"
    write_simulation(10, 15, 5, out)
    events, truth = simulate(10, 15, 5)
    assert [json.loads(line) for line in out.read_text("utf-8").splitlines()] == list(events)
    assert json.loads((tmp_path / "shop.truth.json").read_text("utf-8")) == truth


def test_every_event_fits_its_schema(stream: tuple[list[Event], Event]) -> None:
    class NoRegistry:
        def schema(self, *_: object) -> None:
            raise AssertionError("no schema needs to be fetched")

    codec = Codec(NoRegistry())  # type: ignore[arg-type]  # never asked
    fields = {
        kind: {field["name"] for field in current_schemas()[name]["fields"]} for kind, name in KIND_RECORDS.items()
    }
    for event in stream[0]:
        record = {key: moment(value) if key in TIMES else value for key, value in event.items() if key != "kind"}
        assert record.keys() <= fields[event["kind"]]
        codec.encode(KIND_RECORDS[event["kind"]], record)


def test_every_kind_is_there_in_order_and_unique(stream: tuple[list[Event], Event]) -> None:
    events, truth = stream
    assert {event["kind"] for event in events} == KIND_RECORDS.keys()
    assert truth["kinds"] == Counter(event["kind"] for event in events)
    assert truth["touchpoints"] == len(events)
    times = [moment(event["occurred_at"]) for event in events]
    assert times == sorted(times)
    assert DEFAULT_END - timedelta(days=45) <= times[0]
    assert times[-1] < DEFAULT_END
    assert len({event["event_id"] for event in events}) == len(events)
    assert max(len(event["event_id"]) for event in events) <= 128


def test_nobody_does_two_things_at_once(stream: tuple[list[Event], Event]) -> None:
    owners = [
        (event.get("customer_id") or str(event["identifiers"]), event["occurred_at"])
        for event in stream[0]
        if event["kind"] not in {"business_change", "marketing_spend"}
    ]
    assert len(set(owners)) == len(owners)


def test_a_taken_millisecond_gives_way_to_the_next() -> None:
    person = Person("H1", Random(1), "H1", "coast", "new")
    for _ in range(3):
        person.add("page_view", 1_000, "web")
    assert [(at, e["occurred_at"], e["event_id"]) for at, e in person.events_at.items()] == [
        (1_000, 1_000, "eH1-1"),
        (1_001, 1_001, "eH1-2"),
        (1_002, 1_002, "eH1-3"),
    ]


def test_ends_when_told(tmp_path: Path) -> None:
    end = datetime(2024, 3, 10, 12, 30, tzinfo=UTC)
    out = tmp_path / "shop.jsonl"
    write_simulation(20, 10, 1, out, end)
    times = [moment(json.loads(line)["occurred_at"]) for line in out.read_text("utf-8").splitlines()]
    assert end - timedelta(days=10) <= min(times)
    assert end - timedelta(days=1) < max(times) < end


def test_needs_no_fewer_than_no_mishaps() -> None:
    with pytest.raises(ValueError, match="-1 mishaps: at least 0"):
        simulate(1, 1, 1, mishaps=-1)


@pytest.mark.parametrize(("customers", "days"), [(0, 10), (10, 0), (-1, 5)])
def test_needs_a_customer_and_a_day(customers: int, days: int) -> None:
    with pytest.raises(ValueError, match="at least 1 each"):
        simulate(customers, days, seed=1)


def test_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        simulate(1, 1, 1, datetime(2025, 1, 1))  # noqa: DTZ001  # the mistake under test


def test_truth_of_money_and_nps_recounted(stream: tuple[list[Event], Event]) -> None:
    events, truth = stream
    placed = of_kind(events, "purchase", action="placed")
    refunded = of_kind(events, "purchase", action="refunded")
    assert truth["revenue"] == {
        "orders": len(placed),
        "placed_minor": sum(event["amount_minor"] for event in placed),
        "refunds": len(refunded),
        "refunded_minor": sum(event["amount_minor"] for event in refunded),
    }
    scores = [event["score"] for event in of_kind(events, "survey_answer", question_kind="nps")]
    promoters, detractors = (
        sum(score in {9, 10} for score in scores),
        sum(score <= 6 for score in scores),
    )
    assert truth["nps"]["promoters"] == promoters
    assert truth["nps"]["detractors"] == detractors
    assert truth["nps"]["value"] == pytest.approx(100 * (promoters - detractors) / len(scores))
    spent = sum(customer["spend_minor"] for customer in truth["customers"].values())
    assert spent == truth["revenue"]["placed_minor"]


def test_truth_of_carts_recounted(stream: tuple[list[Event], Event]) -> None:
    events, truth = stream
    times: dict[str, list[tuple[datetime, str, int]]] = {}
    for event in of_kind(events, "cart_event"):
        at = moment(event["occurred_at"])
        times.setdefault(event["cart_id"], []).append((at, event["action"], event["value_minor"]))
    filled = {cart: steps for cart, steps in times.items() if any(value for *_, value in steps)}
    abandoned = {
        cart
        for cart, steps in filled.items()
        if (steps[-1][1] != "ordered" and steps[-1][2])
        or any(b[0] - a[0] > timedelta(minutes=30) for a, b in pairwise(steps))
    }
    ordered = {cart for cart, steps in filled.items() if steps[-1][1] == "ordered"}
    assert truth["carts"]["created"] == len(filled)
    assert truth["carts"]["abandoned"] == len(abandoned)
    assert truth["carts"]["recovered"] == len(abandoned & ordered)
    assert 0.6 < len(abandoned) / len(filled) < 0.8


def test_truth_of_calls_recounted(stream: tuple[list[Event], Event]) -> None:
    events, truth = stream
    calls: dict[str, list[tuple[datetime, str]]] = {}
    for event in of_kind(events, "support_call"):
        at = moment(event["occurred_at"])
        calls.setdefault(event["call_id"], []).append((at, event["phase"]))
    waits = [
        (steps[-1][0] - steps[0][0]).total_seconds()
        for steps in calls.values()
        if [phase for _, phase in steps] == ["queued", "ended"]
    ]
    short = sum(wait < 5 for wait in waits)
    assert truth["calls"]["short"] == short
    assert truth["calls"]["abandoned_in_queue"] == len(waits) - short
    waited = sum("queued" in {phase for _, phase in steps} for steps in calls.values())
    assert truth["calls"]["offered"] == waited - short
    # The shop has called somebody, and that waits in no queue.
    assert waited < len(calls)
    on_hold = sum([p for _, p in steps][-2:] == ["held", "ended"] for steps in calls.values())
    assert truth["calls"]["abandoned_on_hold"] == on_hold
    assert min(short, len(waits) - short, on_hold) > 0


def test_truth_of_surveys_recounted(stream: tuple[list[Event], Event]) -> None:
    events, truth = stream
    by_phase = {
        phase: {e["response_id"] for e in of_kind(events, "survey_answer", phase=phase)}
        for phase in ("invited", "started", "completed")
    }
    assert truth["surveys"]["started"] == len(by_phase["started"])
    assert truth["surveys"]["completed"] == len(by_phase["completed"])
    assert truth["surveys"]["abandoned"] == len(by_phase["started"] - by_phase["completed"])
    assert by_phase["completed"] < by_phase["started"] < by_phase["invited"]


def test_turned_customers_write_as_they_feel(stream: tuple[list[Event], Event]) -> None:
    events, truth = stream
    scorer = VaderScorer(["Harbour Coffee"])
    by_id = {event["event_id"]: event for event in events}
    turns = truth["mood_turns"]
    assert {turn["direction"] for turn in turns} == {"worse", "better"}
    for turn in turns:
        onset, cause = by_id[turn["onset_event_id"]], by_id[turn["cause_event_id"]]
        assert onset["customer_id"] == cause["customer_id"] == turn["customer_id"]
        assert cause["occurred_at"] == turn["cause_at"] < turn["onset_at"] == onset["occurred_at"]
        assert cause["kind"] == turn["cause_kind"]
    once = Counter(turn["customer_id"] for turn in turns)
    sides: dict[str, list[int]] = {"worse": [], "better": [], "before worse": []}
    for turn in turns:
        if once[turn["customer_id"]] > 1:
            continue
        for event in of_kind(events, "tweet", customer_id=turn["customer_id"]):
            score = scorer.score(event["text"], "en")
            if event.get("author") == "brand" or score is None:
                continue
            if event["occurred_at"] >= turn["onset_at"]:
                sides[turn["direction"]].append(score)
            elif turn["direction"] == "worse":
                sides["before worse"].append(score)
    means = {side: sum(scores) / len(scores) for side, scores in sides.items()}
    assert means["worse"] < -4_000
    assert means["better"] > 4_000
    assert means["before worse"] > 4_000


def test_whose_step_was_botched_asks_soon_after(stream: tuple[list[Event], Event]) -> None:
    events, truth = stream
    by_id = {event["event_id"]: event for event in events}
    botched = truth["botched_steps"]
    asked = 0
    for one in botched:
        step = by_id[one["event_id"]]
        assert (step["kind"], step["phase"], step["by"]) == ("case_event", "updated", "bot")
        assert (step["customer_id"], step["occurred_at"]) == (one["customer_id"], one["at"])
        phase = {"call": "queued", "case": "opened"}[one["led_to"]]
        asked += any(
            one["at"] < event["occurred_at"] < later(one["at"], hours=3)
            for event in events
            if event.get("customer_id") == one["customer_id"] and event.get("phase") == phase
        )
    assert {one["led_to"] for one in botched} == {"call", "case"}
    # What is amid a turn's cause and its onset is taken out, and the period ends.
    assert asked >= 0.9 * len(botched)


def test_mishaps_are_added_to_the_same_stream_and_most_of_their_customers_ask(
    stream: tuple[list[Event], Event],
) -> None:
    lines, truth = simulate(120, 45, seed=7, mishaps=50)
    by_id = {event["event_id"]: event for event in lines}

    assert [event for event in stream[0] if by_id[event["event_id"]] != event] == []
    assert "mishaps" not in stream[1]
    mishaps = truth["mishaps"]
    assert len(mishaps) >= 48
    for one in mishaps:
        step = by_id[one["event_id"]]
        assert (step["customer_id"], step["occurred_at"]) == (one["customer_id"], one["at"])
        assert {**step, **step["attributes"]}[one["detail"]] == one["detail_value"]
        assert one["failed"] == (step.get("ok") is False)
        if one["led_to"]:
            asked = by_id[one["asked_event_id"]]
            assert asked["phase"] == {"call": "queued", "case": "opened"}[one["led_to"]]
            assert one["at"] < asked["occurred_at"] < later(one["at"], hours=49)
    assert {one["led_to"] for one in mishaps} == {"call", "case", None}
    assert sum(one["led_to"] is not None for one in mishaps) > len(mishaps) / 2


def later(at: str, hours: int) -> str:
    moved = datetime.fromisoformat(at) + timedelta(hours=hours)
    return moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_texts_follow_the_feeling() -> None:
    scorer, random = VaderScorer(), Random(1)
    means = []
    for feeling in (-0.8, -0.3, 0.0, 0.3, 0.8):
        scores = [scorer.score(texts.say(random, feeling, "espresso")) for _ in range(200)]
        means.append(sum(score or 0 for score in scores) / len(scores))
    assert means == sorted(means)
    assert means[1] < -2_000 < means[2] < 2_000 < means[3]


def test_strangers_never_say_who_they_are(stream: tuple[list[Event], Event]) -> None:
    events, truth = stream
    strangers = [name for name in truth["customers"] if name.startswith("anon:")]
    assert strangers
    for event in events:
        if any("V0" in value for value in event.get("identifiers", {}).values()):
            assert "customer_id" not in event
