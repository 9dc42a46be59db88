"""The shift detector: known turns are found where they are, and noise is not taken for one."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest

from schemas.journey_log import Touchpoint
from streams.journeys.shifts import MIN_SIDE, find_split
from tests.unit.journeys.play import DAY, HOUR, MINUTE, Play, cart, played, said, seen_page, survey
from tests.unit.journeys.two_partitions import GUEST, Two, owners

GOOD, BAD = 6_000, -6_000


def test_a_clear_turn_is_reported_with_the_touchpoint_where_it_began() -> None:
    made = [said(i * HOUR, GOOD) for i in range(5)] + [said((5 + i) * HOUR, BAD) for i in range(3)]

    play = played(made, until=DAY)

    row = play.row("sentiment_shifts")
    assert (row["direction"], row["onset_event_id"]) == ("worse", made[5].event_id)
    assert (row["onset_at"], row["detected_at"]) == (made[5].occurred_at, made[7].occurred_at)
    assert (row["n_before"], row["n_after"], row["before_mean"], row["after_mean"]) == (5, 3, GOOD, BAD)
    assert play.metric("sentiment_shifts") == {"n": 1, "numerator": 1, "samples": []}
    assert play.row("customers")["status"] == "unhappy"


def test_it_is_reported_once_however_long_it_lasts() -> None:
    made = [said(i * HOUR, GOOD if i < 5 else BAD) for i in range(30)]

    assert len(played(made, until=3 * DAY).rows("sentiment_shifts")) == 1


def test_the_way_back_is_a_shift_of_its_own() -> None:
    made = [said(i * HOUR, BAD if 5 <= i < 10 else GOOD) for i in range(16)]

    rows = played(made, until=3 * DAY).rows("sentiment_shifts")

    assert sorted(row["direction"] for row in rows) == ["better", "worse"]


@pytest.mark.parametrize("n", range(2 * MIN_SIDE))
def test_too_few_observations_are_no_shift(n: int) -> None:
    assert find_split([GOOD] * (n - n // 2) + [BAD] * (n // 2)) == 0 or n == 2 * MIN_SIDE


def test_where_the_last_two_explain_most_the_next_one_tells_where_it_began() -> None:
    made = [said(i * HOUR, value) for i, value in enumerate([8_000] * 5 + [2_000, -8_000, -8_000])]

    assert played(made, until=DAY).rows("sentiment_shifts") == []
    row = played([*made, said(8 * HOUR, -8_000)], until=DAY).row("sentiment_shifts")

    assert (row["onset_event_id"], row["n_before"], row["n_after"]) == (made[6].event_id, 6, 3)


def failing(at: int) -> list[Touchpoint]:
    """Return a page that fails, and a payment a minute later."""
    return [seen_page(at, ok=False), cart(at + MINUTE, "payment_failed")]


def test_a_page_and_a_payment_that_fail_together_are_one_observation_the_worse() -> None:
    good = [said(i * HOUR, 9_000) for i in range(5)]
    apart = [*good, *failing(6 * HOUR), *failing(8 * HOUR), *failing(10 * HOUR)]

    assert played(apart[:-2], until=DAY).rows("sentiment_shifts") == []
    row = played(apart, until=DAY).row("sentiment_shifts")

    # The third page reveals it, before its payment has failed, too.
    assert (row["onset_event_id"], row["detected_at"]) == (apart[5].event_id, apart[-2].occurred_at)
    assert (row["n_after"], row["after_mean"]) == (3, round((-4_000 - 4_000 - 3_000) / 3))


def test_what_fails_an_hour_later_or_after_other_words_is_an_observation_of_its_own() -> None:
    good = [said(i * HOUR, 9_000) for i in range(5)]
    hourly = [seen_page((6 + i) * HOUR, ok=False) for i in range(4)]
    between = [seen_page(6 * HOUR, ok=False), said(6 * HOUR + 1, -3_000), seen_page(6 * HOUR + 2, ok=False)]

    assert played([*good, *hourly], until=DAY).row("sentiment_shifts")["onset_event_id"] == hourly[0].event_id
    assert played([*good, *between], until=DAY).row("sentiment_shifts")["n_after"] == 3


def test_one_bad_day_is_no_shift() -> None:
    made = [said(i * HOUR, BAD if i == 6 else GOOD) for i in range(15)]

    assert played(made, until=3 * DAY).rows("sentiment_shifts") == []


def test_a_late_touchpoint_moves_the_onset_and_takes_the_old_row_away() -> None:
    made = [said(i * HOUR, GOOD) for i in range(5)] + [said((6 + i) * HOUR, BAD) for i in range(3)]
    play = Play().send(*made)
    earlier = said(5 * HOUR, BAD)

    play.send(earlier)

    assert play.row("sentiment_shifts")["onset_event_id"] == earlier.event_id


def test_a_turn_that_a_corrected_answer_reveals_is_detected_at_the_correction() -> None:
    def answer(at: int, response: str, sentiment: int) -> Touchpoint:
        words: dict[str, Any] = {"question_kind": "text", "text": "words", "sentiment": sentiment}
        return survey(at, "answered", response, question_id="q", **words)

    made = [answer(i * HOUR, f"r{i}", GOOD if i < 6 else BAD) for i in range(8)]
    correction = answer(20 * HOUR, "r5", BAD)
    play = Play().send(*made).at(19 * HOUR)
    assert play.row("customers")["status"] == "active"

    row = play.send(correction).row("sentiment_shifts")

    assert (row["onset_event_id"], row["detected_at"]) == (made[5].event_id, correction.occurred_at)


def test_an_answer_that_no_longer_has_an_experience_is_no_observation() -> None:
    def answer(at: int, response: str, sentiment: int | None) -> Touchpoint:
        words: dict[str, Any] = {"question_kind": "text", "text": "words", "sentiment": sentiment}
        return survey(at, "answered", response, question_id="q", **words)

    made = [answer(i * HOUR, f"r{i}", GOOD) for i in range(4)]
    made += [answer(4 * HOUR, "r0", None), *(said(i * HOUR, BAD) for i in range(5, 8)), answer(8 * HOUR, "r0", GOOD)]
    play = played(made[:-1], until=9 * HOUR)
    assert play.row("sentiment_shifts")["n_before"] == 3

    later = played([*made, said(9 * HOUR, BAD)], until=DAY)
    assert later.row("sentiment_shifts")["n_before"] == 3


def turned(key: str, better: bool = False) -> list[Touchpoint]:
    """Return 16 posts of a profile in the three days before `T0`: it turns with `p8`."""
    first, second = (BAD, GOOD) if better else (GOOD, BAD)
    values = enumerate([first] * 8 + [second] * 8)
    return [said((i - 60) * HOUR, value, event_id=f"p{i}", customer_key=key) for i, value in values]


def test_a_shift_that_moves_to_an_owner_and_back_is_the_same() -> None:
    two = Two().send(*turned(GUEST)).at(-MINUTE)
    (guests,) = two.seen("sentiment_shifts")

    two.send(owners(7, (0, "ann"))).at(HOUR)
    (hers,) = two.seen("sentiment_shifts")
    two.send(owners(8)).at(2 * HOUR)
    again = two.seen("sentiment_shifts")

    assert (guests["customer_id"], guests["onset_event_id"], guests["previous_customer_id"]) == (GUEST, "p8", None)
    assert hers == {**guests, "customer_id": "ann", "journey_id": "ann#1", "previous_customer_id": GUEST}
    assert again == [guests]


def test_what_is_signalled_of_a_shift_that_moves_names_the_former_profile() -> None:
    two = Two().send(*turned(GUEST)).at(-MINUTE).send(owners(7, (0, "ann"))).at(HOUR)

    told = [signal.record for signal in two.signals if signal.name == "SentimentShift"]

    assert len({one["shift_id"] for one in told}) == 1
    assert [(one["customer_id"], one["retracted"], one["previous_customer_id"]) for one in told] == [
        (GUEST, False, None),
        (GUEST, True, None),
        ("ann", False, GUEST),
    ]


def test_shifts_of_two_who_use_the_same_event_ids_are_two_and_so_is_one_the_other_way() -> None:
    found = [played(turned(*who), until=HOUR).row("sentiment_shifts") for who in (("a",), ("b",), ("a", True))]

    assert [row["onset_event_id"] for row in found] == ["p8", "p8", "p8"]
    assert len({row["shift_id"] for row in found}) == 3


def reported(rng: random.Random, levels: list[float], spread: float) -> list[int]:
    """Return the positions at which shifts begin in a series of noisy levels, as a stream would find them."""
    values = [round(10_000 * max(-1.0, min(1.0, rng.gauss(level, spread)))) for level in levels]
    found, start = [], 0
    for end in range(1, len(values) + 1):
        split = find_split(values[start:end][-24:])
        if split:
            start = max(start, end - 24) + split
            found.append(start)
    return found


def test_noise_is_seldom_taken_for_a_shift() -> None:
    rng = random.Random(7)
    runs = 400

    false_alarms = sum(bool(reported(rng, [0.1] * 30, 0.35)) for _ in range(runs))

    assert false_alarms / runs <= 0.025


def test_a_drop_is_found_and_placed() -> None:
    rng = random.Random(7)
    runs = 300
    onsets = [reported(rng, [0.4] * 8 + [-0.6] * 8, 0.3) for _ in range(runs)]

    found = [places for places in onsets if places]
    near = [places for places in found if abs(places[0] - 8) <= 1]

    assert len(found) / runs >= 0.95
    assert len(near) / runs >= 0.9


def test_a_series_without_change_has_no_split() -> None:
    assert find_split([3_000] * 20) == 0
    assert all(earlier == later for earlier, later in pairwise([find_split([0] * n) for n in range(6, 24)]))
