"""People who come as several identities: the same bytes by seed, and a truth that the touchpoints bear out."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from schemas.avro.codec import KIND_RECORDS, Codec
from schemas.avro.registry import FileRegistry, current_schemas
from streams.identity.identities import Identities
from touchline.main import cli
from touchline.simulate.identities import write_identities
from touchline.simulate.identities.population import units_of
from touchline.simulate.identities.scenarios import SCENARIOS
from touchline.simulate.identities.spellings import SPELLINGS, mistyped
from touchline.simulate.stream import period_of

SHARING = {"shared_computer", "shared_email", "recycled_phone", "shop_phone", "test_number"}
SHOPS_OWN = {"@harbourcoffee", "desk@harbour-coffee.example"}

Line = dict[str, Any]


class Written(NamedTuple):
    events: list[Line]
    owners: list[Line]
    people: dict[str, Line]
    truth: Line


def lines(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write(folder: Path, people: int, seed: int, *, subject_only: bool = False) -> Written:
    out = folder / "x.jsonl"
    write_identities(people, seed, period_of(365), out, subject_only=subject_only)
    people_of = {line["person"]: line for line in lines(folder / "x.people.jsonl")}
    truth = json.loads((folder / "x.truth.json").read_text("utf-8"))
    return Written(lines(out), lines(folder / "x.owners.jsonl"), people_of, truth)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tmp_path_factory.mktemp("identities"), 300, 7)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(tmp_path: Path) -> None:
    written = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        folder = tmp_path / name
        folder.mkdir()
        write(folder, 50, seed)
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert len(written[0]) == 4
    assert written[0] == written[1]
    assert written[0]["x.jsonl"] != written[2]["x.jsonl"]


def test_each_scenario_has_a_person_among_fifty_and_its_share_of_hundreds() -> None:
    for number in (50, 100, 1_000):
        people = Counter[str]()
        for scenario, size in units_of(number):
            people[scenario] += size
        assert people.total() == number
        assert people.keys() == SCENARIOS.keys()
        if number >= 100:
            assert people == {name: scenario.per_hundred * number // 100 for name, scenario in SCENARIOS.items()}
    assert all(sum(size for _, size in units_of(number)) == number for number in range(1, 120))


def test_owners_are_those_of_the_lines_and_people_have_what_the_truth_says(written: Written) -> None:
    assert [line["event_id"] for line in written.owners] == [event["event_id"] for event in written.events]
    times = [event["occurred_at"] for event in written.events]
    assert times == sorted(times)
    assert "2025-01-01" <= times[0] < times[-1] < "2026-01-01"
    assert len({event["event_id"] for event in written.events}) == len(written.events)
    touchpoints = Counter(line["person"] for line in written.owners)
    assert touchpoints == {name: line["touchpoints"] for name, line in written.people.items()}
    for name, counts in written.truth["scenarios"].items():
        people = [line for line in written.people.values() if line["scenario"] == name]
        assert (counts["people"], counts["touchpoints"]) == (len(people), sum(line["touchpoints"] for line in people))
        assert {line["shares"] for line in people} == {counts["shares"]} == {name in SHARING}


def test_a_touchpoint_states_what_is_its_persons_at_its_time(written: Written) -> None:
    identities = Identities()
    for owner, event in zip(written.owners, written.events, strict=True):
        person, at = written.people[owner["person"]], moment(event["occurred_at"])
        assert event.get("customer_id", person.get("customer_id")) == person.get("customer_id")
        held = {
            pair
            for line in person["identities"]
            if ("since" not in line or moment(line["since"]) <= at)
            and ("until" not in line or at < moment(line["until"]))
            for pair in identities.usable({line["kind"]: line["value"]})
        }
        sent = {kind: value for kind, value in event.get("identifiers", {}).items() if value not in SHOPS_OWN}
        assert len(identities.usable(sent)) == len(sent)
        assert held.issuperset(identities.usable(sent))


def test_only_what_shares_has_an_identity_of_two_people(written: Written) -> None:
    holders = defaultdict(set)
    for name, person in written.people.items():
        for line in person["identities"]:
            holders[line["kind"], line["value"]].add(name)
    shared = {name for names in holders.values() if len(names) > 1 for name in names}
    assert {written.people[name]["scenario"] for name in shared} == SHARING
    test_number = holders["phone", "+49 69 09876543"]
    assert len(test_number) == 15  # 5 of each hundred


def test_guests_log_in_after_minutes_days_or_months(written: Written) -> None:
    first: dict[str, datetime] = {}
    login: dict[str, datetime] = {}
    for owner, event in zip(written.owners, written.events, strict=True):
        at = moment(event["occurred_at"])
        first.setdefault(owner["person"], at)
        if event.get("action") == "login":
            login.setdefault(owner["person"], at)
    for scenario, low, high in (("guest_minutes", 0, 0.1), ("guest_days", 1, 21), ("guest_months", 60, 121)):
        people = [name for name, line in written.people.items() if line["scenario"] == scenario]
        waited = [(login[name] - first[name]).total_seconds() / 86_400 for name in people]
        assert waited
        assert low < min(waited)
        assert max(waited) < high


def test_a_guests_cart_that_is_ordered_minutes_later_is_not_abandoned(written: Written) -> None:
    carts = defaultdict(list)
    for owner, event in zip(written.owners, written.events, strict=True):
        if event["kind"] == "cart_event":
            carts[event["cart_id"]].append((written.people[owner["person"]]["scenario"], event))
    filled = [steps for steps in carts.values() if any(event["value_minor"] for _, event in steps)]
    ordered = [steps for steps in filled if steps[-1][1]["action"] == "ordered"]
    after_login = [steps for steps in ordered if "customer_id" in steps[-1][1] and "customer_id" not in steps[0][1]]
    # Of each guest the cart that is ordered was filled by the cookie alone.
    assert len(after_login) == 3 * (8 + 8 + 6)
    resumed = [steps for steps in ordered if steps[0][0] == "guest_days"]
    assert written.truth["carts"]["created"] == len(filled)
    assert written.truth["carts"]["recovered"] == len(resumed)
    assert written.truth["carts"]["abandoned"] == len(filled) - len(ordered) + len(resumed)


def test_the_desks_steps_state_nobody_and_under_the_flag_refunds_and_answers_neither(
    written: Written, tmp_path: Path
) -> None:
    def nameless(events: list[Line]) -> set[tuple[str, str]]:
        return {
            (event["kind"], event.get("author") or event.get("action") or event["phase"])
            for event in events
            if "customer_id" not in event and not event.get("identifiers")
        }

    always = {("support_call", "ended"), ("case_event", "solution_offered"), ("case_event", "resolved")}
    assert nameless(written.events) == always
    flagged = write(tmp_path, 50, 7, subject_only=True)
    assert nameless(flagged.events) == always | {("tweet", "brand"), ("purchase", "refunded")}


def test_every_touchpoint_fits_its_schema(written: Written) -> None:
    codec = Codec(FileRegistry())
    fields = {
        kind: {field["name"] for field in current_schemas()[name]["fields"]} for kind, name in KIND_RECORDS.items()
    }
    for event in written.events:
        record = {key: moment(value) if key == "occurred_at" else value for key, value in event.items()}
        del record["kind"]
        assert record.keys() <= fields[event["kind"]]
        codec.encode(KIND_RECORDS[event["kind"]], record)


def test_spellings_mean_the_same_and_typing_errors_do_not() -> None:
    identities = Identities()
    values = {"email": "ann.17@example.com", "phone": "+49 30 00000017", "twitter": "@ann_17"}
    assert values.keys() == SPELLINGS.keys()
    for kind, value in values.items():
        for spelling in SPELLINGS[kind]:
            assert spelling(value) != value
            assert identities.usable({kind: spelling(value)}) == identities.usable({kind: value})
    typed = {mistyped(Random(seed), values["email"]) for seed in range(50)}
    assert len(typed) >= 4
    assert values["email"] not in typed
    assert all("17@" in each for each in typed)


def test_nobody_and_too_few_days_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="identities of 0 people in 365 days"):
        write_identities(0, 1, period_of(365), tmp_path / "x.jsonl")
    with pytest.raises(ValueError, match="identities of 5 people in 239 days: 1 and 240 at least"):
        write_identities(5, 1, period_of(239), tmp_path / "x.jsonl")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_four_files_and_says_what_it_does_not_take(tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["simulate", "--out", str(out), *arguments])
        return done.exit_code, done.output

    assert run("--identities", "--days", "60")[0] == 2
    assert "at least 240 days, not 60" in run("--identities", "--days", "60")[1]
    assert run("--subject-only")[0] == 2
    assert not out.exists()
    assert run("--identities", "--customers", "20")[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {f"x{name}.jsonl" for name in ("", ".people", ".owners")} | {
        "x.truth.json"
    }
    assert {line["occurred_at"][:4] for line in lines(out)} == {"2025"}
