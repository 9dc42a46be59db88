"""Views show as whose what is stored is now: also rows of before it was known, which nothing writes again."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from schemas.kinds.kind import SubjectKind
from sinks.database import select
from sinks.kind_views import views
from tests.contract.engine import Engine
from tests.unit.sinks.views import DAY, only, write

pytestmark = pytest.mark.embedded

T0 = 1_700_000_000_000
PROFILE = "anon:cookie:k-1"


def own(chdb: Engine, version: int, *owned: tuple[int, str], kind: str = "cookie", value: str = "k-1") -> None:
    """Tell whose an identity is: from when on (ms), and whose, in order."""
    since, owners = [at for at, _ in owned], [owner for _, owner in owned]
    events = ["e"] * len(owned)
    write(
        chdb,
        "identities",
        kind=kind,
        value=value,
        since=since,
        customer_ids=owners,
        event_ids=events,
        changed_at=T0,
        version=version,
    )


def touched(chdb: Engine, day: int, key: str = PROFILE, customer: str | None = None) -> None:
    write(
        chdb,
        "touchpoints",
        event_id=f"e{day}",
        kind="page_view",
        occurred_at=T0 + day * DAY,
        stated_key=key,
        customer_id=customer or key,
    )


def shown(chdb: Engine, view: str = "touchpoints") -> list[object]:
    return [row[0] for row in select(chdb, f"SELECT customer_id FROM {view} ORDER BY occurred_at")]


def test_a_touchpoint_is_that_of_whoever_owned_its_key_when_it_happened(chdb: Engine) -> None:
    for day in (0, 5, 9):
        touched(chdb, day)
    own(chdb, 1, (T0 + 5 * DAY, "42"), (T0 + 8 * DAY, "57"))

    assert shown(chdb) == [PROFILE, "42", "57"]
    assert shown(chdb, "page_views") == [PROFILE, "42", "57"]
    assert select(chdb, "SELECT event_id FROM touchpoints WHERE customer_id = '42'") == [["e5"]]


@pytest.mark.parametrize("kind", get_args(SubjectKind))
def test_what_states_nobody_is_that_of_whoever_its_subject_was_found_to_be(chdb: Engine, kind: str) -> None:
    touched(chdb, 0, f"anon:{kind}:17", PROFILE)
    touched(chdb, 5, f"anon:{kind}:17", PROFILE)
    touched(chdb, 6, f"anon:{kind}:17", "ann")
    touched(chdb, 7, f"anon:{kind}:17")
    own(chdb, 1, (T0 + 5 * DAY, "42"))

    assert shown(chdb) == shown(chdb, "page_views") == [PROFILE, "42", "ann", f"anon:{kind}:17"]


@pytest.mark.parametrize("by_owner", [True, False])
def test_each_touchpoint_is_shown_once_with_its_owner_whatever_its_key(chdb: Engine, by_owner: bool) -> None:
    """Keys with no, one, two, eight and nine ownerships; a customer's, a subject's, and one that nobody knows."""
    for view in views(by_owner=by_owner):
        chdb.execute(view.statement)
    nine = [(T0 + day * DAY, f"c-{day}") for day in range(9)]
    own(chdb, 1, *nine, value="nine")
    own(chdb, 1, *nine[:8], value="eight")
    own(chdb, 1, (T0 + DAY, "42"), (T0 + DAY, "43"), value="at once")
    own(chdb, 1, value="none")
    own(chdb, 1, (-2_208_988_800_000, "57"), kind="customer", value="56")
    for place, (key, customer) in enumerate(
        [
            ("anon:cookie:nine", "c-0"),
            ("anon:cookie:eight", "c-0"),
            ("anon:cookie:at once", "anon:cookie:at once"),
            ("anon:cookie:none", "42"),
            ("56", "56"),
            ("7", "c-7"),
            ("anon:case:9", "anon:cookie:nine"),
            ("anon:order:9", "8"),
        ]
    ):
        for day in (-1, 1, 30):
            write(
                chdb, "touchpoints", event_id=f"{place}/{day}", kind="page_view", occurred_at=T0 + day * DAY,
                stated_key=key, customer_id=customer,
            )  # fmt: skip

    shown = [
        [
            str(owner)
            for (owner,) in select(
                chdb, f"SELECT customer_id FROM {view} ORDER BY splitByChar('/', event_id)[1], occurred_at"
            )
        ]
        for view in ("touchpoints", "all_touchpoints", "page_views")
    ]

    expected = [
        *("anon:cookie:nine", "c-1", "c-8"),
        *("anon:cookie:eight", "c-1", "c-7"),
        *("anon:cookie:at once", "43", "43"),
        *("anon:cookie:none", "anon:cookie:none", "anon:cookie:none"),
        *("57", "57", "57"),
        *("c-7", "c-7", "c-7"),
        *("anon:cookie:nine", "c-1", "c-8"),
        *("8", "8", "8"),
    ]
    assert shown == [expected, expected, expected]
    for owner in set(expected):
        found = f"SELECT toInt32(count()) FROM touchpoints WHERE customer_id = '{owner}'"
        assert select(chdb, found) == [[expected.count(owner)]], owner


def test_of_one_customer_s_touchpoints_few_are_read(chdb: Engine) -> None:
    """Of 200,000 of others' keys; 1,000 cookies are owned by 1,000 customers."""
    chdb.execute(
        "INSERT INTO touchline.touchpoints_rows "
        "(event_id, kind, occurred_at, stated_key, customer_id, version, fields) "
        f"SELECT toString(number), 'page_view', fromUnixTimestamp64Milli({T0}), "
        "if(number < 1000, concat('anon:cookie:', toString(number)), concat('c', leftPad(toString(number), 6, '0'))) "
        "AS key, "
        "key, 1, '[{}]' FROM numbers(200000)"
    )
    chdb.execute(
        "INSERT INTO touchline.identities_rows (kind, value, since, customer_ids, event_ids, changed_at, version) "
        f"SELECT 'cookie', toString(number), [fromUnixTimestamp64Milli({T0})], "
        "[concat('c1', toString(10000 + number))], "
        f"['e'], fromUnixTimestamp64Milli({T0}), 1 FROM numbers(1000)"
    )

    answered = msgspec.json.decode(chdb.query("SELECT event_id FROM touchpoints WHERE customer_id = 'c110042'"))

    assert sorted(row["event_id"] for row in answered["data"]) == ["110042", "42"]
    assert answered["statistics"]["rows_read"] < 100_000


def test_the_newest_of_what_was_known_holds(chdb: Engine) -> None:
    touched(chdb, 1)
    own(chdb, 8, (T0, "42"), (T0 + DAY, "43"))
    own(chdb, 9, (T0, "42"))
    own(chdb, 2, (T0, "7"))

    assert shown(chdb) == ["42"]


def test_of_an_identity_that_is_renamed_again_and_again_the_views_keep_one_row(chdb: Engine) -> None:
    touched(chdb, 1)
    for version in (*range(60, 120), *range(1, 60)):
        own(chdb, version, (T0, f"c-{version}"))
    chdb.execute("OPTIMIZE TABLE touchline.owners_rows FINAL")

    counted = "SELECT toInt32(count()) FROM {}"
    assert [select(chdb, counted.format(name)) for name in ("identities_rows", "owners_rows")] == [[[119]], [[1]]]
    assert shown(chdb) == shown(chdb, "page_views") == ["c-119"]


def test_a_row_that_is_sent_again_changes_no_owner(chdb: Engine) -> None:
    touched(chdb, 1)
    for version in (1, 2, 1):
        own(chdb, version, (T0, f"c-{version}"))

    assert shown(chdb) == ["c-2"]


def test_what_had_moved_is_its_own_again_where_the_link_was_taken_back(chdb: Engine) -> None:
    touched(chdb, 1, customer="42")
    assert shown(chdb) == ["42"]
    own(chdb, 1, (T0, "42"))
    assert shown(chdb) == ["42"]

    own(chdb, 2)

    assert shown(chdb) == [PROFILE]


def test_a_customer_whom_somebody_joined_to_another_is_the_other(chdb: Engine) -> None:
    touched(chdb, 1, key="57")
    own(chdb, 1, (-2_208_988_800_000, "42"), kind="customer", value="57")
    own(chdb, 1, (T0, "42"), kind="customer", value="42")

    assert shown(chdb) == ["42"]


def test_a_superseded_statement_of_a_former_profile_is_superseded_still(chdb: Engine) -> None:
    touched(chdb, 1)
    write(chdb, "superseded", customer_id=PROFILE, event_id="e1")
    own(chdb, 1, (T0, "42"))

    assert select(chdb, "SELECT customer_id FROM page_views WHERE superseded") == [["42"]]


@pytest.mark.parametrize(
    ("table", "time"),
    [
        ("journeys", "started_at"),
        ("sentiment_shifts", "onset_at"),
        ("abandonments", "started_at"),
        ("follow_ups", "happened_at"),
    ],
)
def test_what_a_profile_did_is_its_owners_from_then_on(chdb: Engine, table: str, time: str) -> None:
    for day, one in enumerate(("a", "b")):
        ids = {"journeys": "journey_id", "sentiment_shifts": "shift_id", "follow_ups": "follow_up_id"}
        of_its_own = {ids[table]: one} if table in ids else {}
        write(chdb, table, customer_id=PROFILE, **{time: T0 + day * DAY}, **of_its_own)
    own(chdb, 1, (T0 + DAY, "42"))

    assert select(chdb, f"SELECT customer_id FROM {table} ORDER BY {time}") == [[PROFILE], ["42"]]


def test_a_customer_with_former_profiles_is_one(chdb: Engine) -> None:
    common = {"experience_sum": 0, "experience_n": 0, "open_cases": 0}
    write(
        chdb, "customers", customer_id="42", first_seen_at=T0 + 3 * DAY, last_seen_at=T0 + 9 * DAY, touchpoints=4,
        purchases=2, spend_minor=300, refunded_minor=10, currency="EUR", last_nps=None, status="active",
        **common | {"experience_sum": 9_000, "experience_n": 3},
    )  # fmt: skip
    write(
        chdb, "customers", customer_id=PROFILE, first_seen_at=T0, last_seen_at=T0 + DAY, touchpoints=5,
        purchases=0, spend_minor=0, refunded_minor=0, currency="", last_nps=3.0, status="lost",
        **common | {"experience_sum": -5_000, "experience_n": 1, "open_cases": 1},
    )  # fmt: skip
    write(
        chdb, "customers", customer_id="anon:cookie:k-2", first_seen_at=T0 + 2 * DAY, last_seen_at=T0 + 2 * DAY,
        touchpoints=1, purchases=1, spend_minor=70, refunded_minor=0, currency="USD", last_nps=None, status="lost",
        **common,
    )  # fmt: skip
    # The third begins before the customer: its currency holds, as it would if one customer had done all of it.
    own(chdb, 1, (T0, "42"))
    own(chdb, 1, (T0, "42"), value="k-2")

    seen = only(chdb, "SELECT * FROM customers")

    assert seen == seen | {
        "customer_id": "42",
        "first_seen_at": "2023-11-14 22:13:20.000",
        "last_seen_at": "2023-11-23 22:13:20.000",
        "touchpoints": 10,
        "purchases": 3,
        "spend_minor": 70,
        "refunded_minor": 0,
        "currency": "USD",
        "experience_mean": 0.1,
        "last_nps": 3,
        "open_cases": 1,
        "status": "active",
    }
