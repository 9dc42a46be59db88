"""What a guest left before the login meets what the customer does after it: on two partitions, by hand."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from schemas.erasures import digest_of
from schemas.journey_log import Erased, LogRecord, Moved, Owners, Touchpoint, Withdrawn
from streams.journeys import step_limits, things
from streams.journeys.customer_timeline import CustomerTimeline
from tests.unit.journeys.play import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    T0,
    call,
    cart,
    case,
    order,
    seen_page,
    survey,
    times,
)
from tests.unit.journeys.two_partitions import GUEST, Two, owners

FAMILY = "anon:email:family@example.com"
LOGS_IN = owners(7, (0, "ann"))
NOBODY = owners(8)


def guests_cart(at: int, action: str = "item_added", cart_id: str = "k1") -> Touchpoint:
    return cart(at, action, cart_id, 4_200, sku="tea", customer_key=GUEST)


def left_a_cart(days_before: int, until: int = -MINUTE) -> Two:
    """Return a guest's cart, left some days before `T0`, and abandoned half an hour later; then time goes on."""
    two = Two()
    at = -days_before * DAY
    two.send(guests_cart(at)).at(at + HOUR)
    assert two.last_signals() == {(GUEST, "k1"): ("abandoned", False, None)}
    assert two.rate() == (1, 1)
    return two.at(until)


def found(two: Two) -> dict[object, tuple[object, object, object]]:
    """Return of each abandoned thing its owner, what became of it, and by what."""
    return {
        row["subject_id"]: (row["customer_id"], row["status"], row["recovered_by"]) for row in two.seen("abandonments")
    }


def state(two: Two, number: int, customer_key: str) -> CustomerTimeline:
    return two.partitions[number].customers.timeline(customer_key)


@pytest.mark.parametrize("days", [5, 20])
def test_a_guests_cart_that_the_customer_orders_is_no_abandoned_cart(days: int) -> None:
    two = left_a_cart(days).send(seen_page(0), LOGS_IN)
    assert two.last_signals() == {
        (GUEST, "k1"): ("abandoned", True, None),
        ("ann", "k1"): ("abandoned", False, GUEST),
    }

    two.send(order(10 * MINUTE, 4_200, cart_id="k1")).at(HOUR)

    (row,) = two.seen("abandonments")
    assert (row["customer_id"], row["status"], row["recovered_by"]) == ("ann", "recovered", "cart_id")
    assert times(row, "started_at", "recovered_at") == [-days * DAY, 10 * MINUTE]
    assert two.rate() == (0, 1)
    assert two.last_signals()["ann", "k1"] == ("recovered", False, GUEST)


def test_a_thing_that_comes_to_its_owner_is_counted_and_what_is_no_owners_is_not() -> None:
    assert left_a_cart(5).send(seen_page(0)).adopted == 0
    assert left_a_cart(5).send(seen_page(0), LOGS_IN).adopted == 1


def test_its_row_names_the_profiles_journey_which_stays() -> None:
    two = left_a_cart(5).send(seen_page(0), LOGS_IN).at(HOUR)

    (row,) = two.seen("abandonments")
    journeys = {one["customer_id"]: one for one in two.seen("journeys")}
    assert row["journey_id"] == journeys[GUEST]["journey_id"]
    assert journeys[GUEST]["touchpoints"] == journeys["ann"]["touchpoints"] == 1


@pytest.mark.parametrize(
    ("ordered", "became", "rate"),
    [
        ({"cart_id": "k1"}, "cart_id", (0, 1)),
        ({"cart_id": "another"}, "order", (1, 1)),
    ],
)
def test_an_order_that_the_customer_has_placed_before_the_login_counts(
    ordered: dict[str, str], became: str, rate: tuple[int, int]
) -> None:
    two = left_a_cart(6, -5 * DAY).send(order(-4 * DAY, 4_200, **ordered)).at(-MINUTE).send(LOGS_IN).at(HOUR)

    assert found(two)["k1"] == ("ann", "recovered", became)
    assert two.rate() == rate


def test_an_order_from_before_the_cart_was_left_recovers_nothing() -> None:
    two = Two().send(order(-9 * DAY)).send(guests_cart(-8 * DAY)).at(-MINUTE).send(LOGS_IN).at(HOUR)

    assert found(two) == {"k1": ("ann", "abandoned", None)}
    assert two.rate() == (1, 1)


def test_nothing_older_than_the_window_is_the_customers() -> None:
    two = left_a_cart(31).send(LOGS_IN, order(10 * MINUTE, cart_id="k1")).at(HOUR)

    assert found(two) == {"k1": (GUEST, "abandoned", None)}
    assert two.rate() == (1, 1)
    assert [one for one in two.sent if isinstance(one[1], Moved)] == []


def test_a_cart_of_which_the_last_events_move_is_one_cart() -> None:
    """The first event is five days old, the second one day: the cart is what both make of it."""
    two = left_a_cart(5).send(guests_cart(-DAY, "checkout_started")).at(-MINUTE)
    assert two.rate() == (1, 1)

    two.send(seen_page(0), LOGS_IN).at(HOUR)
    (row,) = two.seen("abandonments")
    assert (row["customer_id"], row["subject"]) == ("ann", "checkout")
    assert times(row, "started_at", "abandoned_at") == [-5 * DAY, 30 * MINUTE - DAY]
    assert two.rate() == (1, 1)

    two.send(order(2 * HOUR, cart_id="k1")).at(3 * HOUR)
    assert found(two) == {"k1": ("ann", "recovered", "cart_id")}
    assert two.rate() == (0, 1)


def test_a_cart_of_which_the_customer_had_a_part_is_one_cart() -> None:
    """The shop's server told of the second event, by the customer's id, before anybody knew that both are one."""
    two = left_a_cart(6, -5 * DAY).send(cart(-5 * DAY, "item_added", "k1", 9_900, sku="milk")).at(-4 * DAY)
    assert two.rate() == (2, 2)

    two.at(-MINUTE).send(LOGS_IN).at(HOUR)

    (row,) = two.seen("abandonments")
    assert (row["customer_id"], row["value_minor"]) == ("ann", 9_900)
    assert times(row, "started_at", "abandoned_at") == [-6 * DAY, 30 * MINUTE - 5 * DAY]
    assert two.rate() == (1, 1)


def test_a_cart_that_the_guest_ordered_stays_ordered() -> None:
    two = Two().send(guests_cart(-6 * DAY), order(-5 * DAY, cart_id="k1", customer_key=GUEST)).at(-MINUTE)
    two.send(LOGS_IN, cart(HOUR, "item_added", "k1", 100, sku="milk"), order(2 * HOUR)).at(3 * HOUR)

    assert found(two) == {"k1": ("ann", "recovered", "cart_id")}
    assert two.rate() == (0, 1)


def test_a_cart_that_is_open_is_abandoned_as_the_customers() -> None:
    """It is left ten minutes before the moment from which on touchpoints move."""
    two = Two().send(guests_cart(-3 * DAY - 10 * MINUTE), LOGS_IN).at(HOUR)

    (row,) = two.seen("abandonments")
    assert (row["customer_id"], row["previous_customer_id"], *times(row, "abandoned_at")) == (
        "ann",
        GUEST,
        20 * MINUTE - 3 * DAY,
    )
    assert two.rate() == (1, 1)
    assert (GUEST, "k1") not in two.last_signals()


def test_what_comes_late_of_the_guest_changes_what_the_customer_has() -> None:
    """The settled time has not come so far: another partition is behind."""
    two = Two().send(guests_cart(-4 * DAY), LOGS_IN)
    assert two.seen("abandonments") == []

    two.send(guests_cart(-4 * DAY + 10 * MINUTE, "checkout_started")).at(HOUR)

    (row,) = two.seen("abandonments")
    assert (row["customer_id"], row["subject"], *times(row, "abandoned_at")) == (
        "ann",
        "checkout",
        40 * MINUTE - 4 * DAY,
    )


def test_a_link_that_is_taken_back_gives_the_cart_back() -> None:
    two = left_a_cart(5).send(seen_page(0), LOGS_IN, order(10 * MINUTE, cart_id="k1"))
    assert two.rate() == (0, 1)

    two.send(NOBODY).at(HOUR)

    assert found(two) == {"k1": (GUEST, "abandoned", None)}
    assert two.rate() == (1, 1)
    assert two.last_signals()["ann", "k1"][1] is True
    assert two.last_signals()[GUEST, "k1"] == ("abandoned", False, None)


def test_a_link_that_is_taken_back_when_all_is_settled_changes_nothing() -> None:
    """As of touchpoints. The customer's partition has folded it; the guest's has not, as a journey ended since."""
    two = left_a_cart(29).send(LOGS_IN).at(2 * DAY).at(5 * DAY).send(seen_page(5 * DAY))
    pending = {key: state(two, number, key).pending for number, key in enumerate((GUEST, "ann"))}
    assert {key: [one.is_transfer for one in kept] for key, kept in pending.items()} == {GUEST: [True], "ann": [False]}

    two.send(NOBODY).at(6 * DAY)

    assert found(two) == {"k1": ("ann", "abandoned", None)}
    assert two.rate() == (1, 1)


def test_a_cart_goes_on_to_the_owner_of_its_owner() -> None:
    """A cookie is the e-mail address's of another profile, and that is somebody's five days later."""
    two = left_a_cart(5).send(owners(7, (0, FAMILY))).at(5 * DAY)
    assert found(two) == {"k1": (FAMILY, "abandoned", None)}

    two.send(seen_page(5 * DAY), owners(8, (5 * DAY, "ann"), key=FAMILY), owners(8, (0, FAMILY), (5 * DAY, "ann")))
    two.send(order(5 * DAY + HOUR, cart_id="k1")).at(6 * DAY)

    assert found(two) == {"k1": ("ann", "recovered", "cart_id")}
    assert two.rate() == (0, 1)


def test_another_owner_by_a_later_link_has_it_instead() -> None:
    two = left_a_cart(5).send(LOGS_IN, owners(8, (0, "bob"))).at(HOUR)

    assert found(two) == {"k1": ("bob", "abandoned", None)}
    assert two.rate() == (1, 1)


def test_a_decision_for_all_times_moves_things_of_any_age_that_are_kept() -> None:
    always = Owners(GUEST, [0], ["ann"], 7, adopted_since=[0])
    two = left_a_cart(29).send(seen_page(0), always, order(HOUR, cart_id="k1")).at(2 * HOUR)

    assert found(two) == {"k1": ("ann", "recovered", "cart_id")}
    assert two.rate() == (0, 1)


def test_what_was_sent_twice_is_there_once_and_a_restart_changes_nothing() -> None:
    two = left_a_cart(5).send(seen_page(0), LOGS_IN)
    [adopted] = [record for _, record in two.sent if isinstance(record, Moved)]
    before = two.tables.seen()

    two.restarted(0).restarted(1).send(adopted, LOGS_IN)

    assert {**two.tables.seen(), "clocks": []} == {**before, "clocks": []}
    two.send(order(HOUR, cart_id="k1")).at(2 * HOUR)
    assert (found(two)["k1"], two.rate()) == (("ann", "recovered", "cart_id"), (0, 1))


def test_of_what_is_sent_after_its_time_nothing_disappears() -> None:
    """The customer's partition has settled beyond it: the cart is put behind what is settled."""
    two = left_a_cart(5).send(seen_page(0), LOGS_IN)
    [adopted] = [record for _, record in two.sent if isinstance(record, Moved)]
    late = Two().send(seen_page(0)).at(8 * DAY)

    late.send(adopted)
    timeline = state(late, 1, "ann")
    assert min(one.occurred_at for one in timeline.pending) > timeline.folded_up_to[0]
    late.send(order(9 * DAY, cart_id="k1")).at(10 * DAY)

    assert found(late) == {"k1": ("ann", "recovered", "cart_id")}


def test_what_is_sent_again_when_it_is_settled_is_no_second_thing() -> None:
    left = (
        guests_cart(-5 * DAY),
        *(call(-5 * DAY, "queued", customer_key=GUEST), call(MINUTE - 5 * DAY, "ended", customer_key=GUEST)),
        survey(-5 * DAY, "started", customer_key=GUEST),
    )
    two = Two().send(*left).at(-MINUTE).send(seen_page(0), LOGS_IN)
    [adopted] = [record for _, record in two.sent if isinstance(record, Moved)]
    two.at(20 * DAY)
    before = two.tables.seen()
    assert set(found(two)) == {"k1", "c", "r"}

    two.send(replace(adopted, number=adopted.number + 1)).at(20 * DAY + HOUR)

    for table in ("abandonments", "metric_buckets", "customers"):
        assert two.tables.seen()[table] == before[table]
    kept = state(two, 1, "ann").current
    assert (len(kept.carts), len(kept.calls), len(kept.surveys)) == (1, 1, 1)


def test_what_leaves_is_sent_by_the_record_that_says_so_whatever_it_takes() -> None:
    """The settled time waits for what a record sends, and for nothing that a later step does."""
    pages = [seen_page(number * HOUR - 2 * DAY, customer_key=GUEST) for number in range(40)]
    with patch.object(step_limits, "STEP_WORK", 2):
        two = Two().send(guests_cart(-5 * DAY), *pages).at(-MINUTE).send(LOGS_IN)

    assert len([record for _, record in two.sent if isinstance(record, Moved)]) == len(pages) + 1


def test_an_owner_who_has_done_nothing_yet_is_no_customer() -> None:
    two = left_a_cart(5).send(owners(7, (0, FAMILY)))

    assert found(two) == {"k1": (FAMILY, "abandoned", None)}
    assert [row["customer_id"] for row in two.seen("customers")] == [GUEST]


def test_an_answer_that_the_customer_states_anew_is_theirs_and_the_guests_stays() -> None:
    scored: dict[str, Any] = {"question_kind": "nps", "score": 9.0, "normalised": 9_000}
    begun = [
        survey(-5 * DAY, "started", customer_key=GUEST),
        survey(-5 * DAY, "answered", customer_key=GUEST, **scored),
    ]
    two = Two().send(*begun).at(-MINUTE).send(LOGS_IN, survey(HOUR, "answered", **scored)).at(2 * HOUR)

    assert {row["customer_id"]: row["experience_n"] for row in two.seen("customers")} == {GUEST: 1, "ann": 1}


def test_a_customer_who_is_erased_keeps_nothing_of_the_guest() -> None:
    salt = b"s" * 16
    two = left_a_cart(5).send(seen_page(0), LOGS_IN).at(HOUR)
    erased: list[LogRecord] = [Erased(key, T0 + HOUR, "order", salt, 9) for key in ("ann", GUEST)]

    two.send(*erased).at(2 * HOUR)

    assert two.seen("abandonments") == []
    assert digest_of(salt, "ann") != digest_of(salt, GUEST)
    two.send(order(3 * HOUR, cart_id="k1")).at(4 * HOUR)
    assert two.seen("abandonments") == []


def test_a_response_that_the_customer_completes_is_not_left() -> None:
    begun = survey(-5 * DAY, "started", customer_key=GUEST)
    two = Two().send(begun).at(-MINUTE).send(LOGS_IN, survey(HOUR, "completed")).at(9 * DAY)

    assert found(two) == {}
    assert two.rate("survey_abandonment_rate") == (0, 1)


def test_a_response_that_nobody_completes_is_left_by_the_customer() -> None:
    begun = survey(-5 * DAY, "started", customer_key=GUEST)
    two = Two().send(begun).at(-MINUTE).send(seen_page(0), LOGS_IN).at(9 * DAY)

    assert found(two) == {"r": ("ann", "abandoned", None)}
    assert two.rate("survey_abandonment_rate") == (1, 1)


def test_two_responses_of_one_name_are_two() -> None:
    begun = [survey(-20 * DAY, "started", customer_key=GUEST), survey(-19 * DAY, "started")]
    two = Two().send(*begun).at(-MINUTE).send(LOGS_IN).at(HOUR)

    assert sorted(times(row, "started_at") for row in two.seen("abandonments")) == [[-20 * DAY], [-19 * DAY]]
    assert {row["subject_id"] for row in two.seen("abandonments")} == {"r"}


def test_an_open_case_is_the_customers_and_is_resolved_there() -> None:
    two = Two().send(case(-5 * DAY, "opened", customer_key=GUEST)).at(-MINUTE).send(seen_page(0), LOGS_IN)
    cases = {row["customer_id"]: row["open_cases"] for row in two.seen("customers")}
    assert cases == {GUEST: 0, "ann": 1}

    two.send(case(HOUR, "resolved", by="agent"))
    assert {row["customer_id"]: row["open_cases"] for row in two.seen("customers")} == {GUEST: 0, "ann": 0}


def test_a_robots_things_are_sent_in_parts() -> None:
    carts = [guests_cart(number * SECOND - 5 * DAY, cart_id=f"k{number:03}") for number in range(100)]
    with patch.object(things, "PART_MAX_BYTES", 4_000):
        two = Two().send(*carts).at(-MINUTE).send(seen_page(0), LOGS_IN)
        parts = [record for _, record in two.sent if isinstance(record, Moved)]
        assert len(parts) > 3
        assert max(len(part.record) for part in parts) < 4_000 + 300
        two.at(HOUR)
        assert len(found(two)) == 100
        assert {owner for owner, _, _ in found(two).values()} == {"ann"}

        two.send(NOBODY).at(2 * HOUR)
        assert len([record for _, record in two.sent if isinstance(record, Withdrawn)]) == len(parts)
    assert {owner for owner, _, _ in found(two).values()} == {GUEST}
    assert two.rate() == (100, 100)


def test_of_a_key_whose_touchpoints_all_move_nothing_is_kept() -> None:
    two = Two().send(guests_cart(-DAY), LOGS_IN).at(HOUR)

    assert state(two, 0, GUEST).is_empty
    assert [row["customer_id"] for row in two.seen("customers")] == ["ann"]


def test_a_subjects_own_profile_gives_nothing() -> None:
    subject = "anon:cart:k1"
    told = Owners(subject, [T0 - 3 * DAY], ["ann"], 7)
    two = Two().send(cart(-5 * DAY, "item_added", "k1", 100, customer_key=subject)).at(-MINUTE).send(told).at(HOUR)

    assert found(two) == {"k1": (subject, "abandoned", None)}
    assert two.sent == []
