"""What is between two identities: an unlink of two that nothing links parts nothing, and names what would."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest
from click.testing import CliRunner, Result

from schemas.identity_links import Command, Identity
from streams.identity.identities import Identities
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.sinks.views import write
from touchline.commands import identity as commands
from touchline.identity.between import Stated, between, way_between
from touchline.main import cli

PHONE, EMAIL, COOKIE = ("phone", "+442079460958"), ("email", "ann@example.com"), ("cookie", "k-1")
CUSTOMER = ("customer", "42")


def stated(chdb: Engine, event_id: str, key: str, hour: int = 0, **identifiers: str) -> None:
    """Store a touchpoint of customer 42's."""
    write(
        chdb, "touchpoints", event_id=event_id, occurred_at=MAY_1 + hour * 3_600_000, stated_key=key, customer_id="42",
        fields=msgspec.json.encode([identifiers]),
    )  # fmt: skip


def owned(chdb: Engine, identity: Identity, since: int = MAY_1 - 86_400_000, owner: str = "42") -> None:
    kind, value = identity
    write(chdb, "identities", kind=kind, value=value, since=[since], customer_ids=[owner], event_ids=["e"])


@pytest.fixture
def recycled(chdb: Engine) -> Engine:
    """A telephone that was stated with an address, which was stated with customer 42; customer 42 has a cookie."""
    stated(chdb, "call", "anon:email:ann@example.com", phone="+44 20 7946 0958", email="Ann@Example.com")
    stated(chdb, "again", "anon:email:ann@example.com", 1, phone="+442079460958", email="ann@example.com")
    stated(chdb, "order", "42", 2, email="ann@example.com")
    stated(chdb, "visit", "42", 3, cookie="k-1")
    for identity in (PHONE, EMAIL, COOKIE):
        owned(chdb, identity)
    write(chdb, "identity_conflicts")
    return chdb


def link(first: Identity, second: Identity, event_id: str = "e") -> Stated:
    return Stated(first, second, event_id, "")


def test_the_shortest_way_is_found_and_each_link_stands_in_its_direction() -> None:
    long = [link(PHONE, ("device", "d")), link(("device", "d"), COOKIE), link(CUSTOMER, COOKIE)]
    short = [link(EMAIL, PHONE, "a"), link(CUSTOMER, EMAIL, "b")]

    assert way_between(long, PHONE, CUSTOMER) == [*long[:2], link(COOKIE, CUSTOMER)]
    assert way_between([*long, *short], PHONE, CUSTOMER) == [link(PHONE, EMAIL, "a"), link(EMAIL, CUSTOMER, "b")]
    assert way_between(long[:2], PHONE, CUSTOMER) == []


@pytest.mark.embedded
def test_links_are_those_that_touchpoints_state_with_the_first_of_them(recycled: Engine) -> None:
    def way(first: Identity, second: Identity) -> list[tuple[Identity, Identity, str]]:
        found = between(recycled, first, second, Identities())
        assert not found.decided
        return [(one.first, one.second, one.event_id) for one in found.way]

    assert way(PHONE, CUSTOMER) == [(PHONE, EMAIL, "call"), (EMAIL, CUSTOMER, "order")]
    assert way(EMAIL, PHONE) == [(EMAIL, PHONE, "call")]
    # Each is stated with the customer, and they are not linked with each other.
    assert len(way(COOKIE, EMAIL)) == 2
    assert way(("phone", "+442079460959"), CUSTOMER) == []


@pytest.mark.embedded
def test_a_link_that_was_refused_and_what_a_subject_states_are_no_way(recycled: Engine) -> None:
    write(
        recycled, "identity_conflicts", kind="email", value="ann@example.com", other_kind="phone",
        other_value="+442079460958", reason="too_many",
    )  # fmt: skip
    stated(recycled, "reply", "anon:post:twitter:1", phone="+442079460958", cookie="k-1")

    assert between(recycled, PHONE, CUSTOMER, Identities()).way == []


@pytest.mark.embedded
def test_whether_all_statements_were_looked_at_is_told(recycled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was given so many that the link is not among the first is not told that there is none."""
    assert between(recycled, PHONE, CUSTOMER, Identities()).is_whole
    monkeypatch.setattr("touchline.identity.between.STATEMENTS", 1)
    assert not between(recycled, PHONE, CUSTOMER, Identities()).is_whole


@pytest.fixture
def decisions(recycled: Engine, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Identity, Identity]]:
    """What is decided, instead of being written to Kafka; the command looks into the database of the test."""
    taken: list[tuple[str, Identity, Identity]] = []

    async def decide(
        _settings: object, action: Literal["link", "unlink"], first: Identity, second: Identity
    ) -> Command:
        taken.append((action, first, second))
        return Command(action, first, second, MAY_1, "d-1")

    class Kept:
        """The database of the test, which the command does not close."""

        def __getattr__(self, name: str) -> Any:
            return getattr(recycled, name)

        def close(self) -> None: ...

    monkeypatch.setattr(commands, "decide", decide)
    monkeypatch.setattr(commands, "open_database", lambda _url: Kept())
    return taken


@pytest.mark.embedded
def test_what_is_shown_in_a_pipe_is_not_cut(recycled: Engine, decisions: list[tuple[str, Identity, Identity]]) -> None:
    """Of two cookies that differ at their ends alone each is told in full, a row a line."""
    cookies = [("cookie", f"c-{'0' * 120}{end}") for end in "12"]
    for cookie in cookies:
        owned(recycled, cookie)

    shown = CliRunner().invoke(cli, ["identity", "show", "customer:42"]).stdout.splitlines()

    rows = [line.split() for line in shown[1:]]
    assert [row[0] for row in rows] == [":".join(one) for one in (*cookies, COOKIE, EMAIL, PHONE)]
    assert {len(row) for row in rows} == {7}
    assert decisions == []


def unlink(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["identity", "unlink", *arguments])


@pytest.mark.embedded
def test_an_unlink_that_would_part_nothing_names_the_links_and_what_to_unlink(
    decisions: list[tuple[str, Identity, Identity]],
) -> None:
    told = unlink("phone:+44 20 7946 0958", "42")

    assert told.exit_code == 1
    assert told.stdout.splitlines() == [
        "No touchpoint in the tables links phone:+442079460958 and customer:42 themselves: that parts nothing.",
        "They are one person's by these links:",
        "  phone:+442079460958 and email:ann@example.com, stated by call at 2024-05-01 00:00:00.000",
        "  email:ann@example.com and customer:42, stated by order at 2024-05-01 02:00:00.000",
        "Unlink one of these instead, the one that is wrong:",
        "  touchline identity unlink phone:+442079460958 email:ann@example.com",
        "  touchline identity unlink email:ann@example.com customer:42",
    ]
    assert "nothing was written; --anyway writes it all the same" in told.stderr
    assert decisions == []

    # What it says to unlink can be unlinked as it stands there.
    assert unlink("phone:+442079460958", "email:ann@example.com").exit_code == 0
    assert unlink("email:ann@example.com", "customer:42").exit_code == 0
    assert decisions == [("unlink", PHONE, EMAIL), ("unlink", EMAIL, CUSTOMER)]


@pytest.mark.embedded
def test_an_unlink_is_written_anyway_and_where_a_decision_may_stand_behind_it(
    recycled: Engine, decisions: list[tuple[str, Identity, Identity]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two customers are one by a decision alone, and so is an identity that is somebody's since 1900.

    Nor is what stands behind a hostile publisher's many statements known.
    """
    device = ("device", "d")
    owned(recycled, device, since=-2_208_988_800_000)

    assert unlink("phone:+442079460958", "42", "--anyway").exit_code == 0
    assert unlink("42", "57").exit_code == 0
    assert unlink("device:d", "42").exit_code == 0
    nowhere = unlink("device:other", "42")

    monkeypatch.setattr("touchline.identity.between.STATEMENTS", 1)
    assert unlink("device:other", "42").exit_code == 0

    assert decisions == [
        ("unlink", PHONE, CUSTOMER),
        ("unlink", CUSTOMER, ("customer", "57")),
        ("unlink", device, CUSTOMER),
        ("unlink", ("device", "other"), CUSTOMER),
    ]
    assert nowhere.exit_code == 1
    assert "No links that touchpoints in the tables state lead from one to the other." in nowhere.stdout
