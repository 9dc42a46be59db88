"""What the partition of a stated key sends to its owners, record by record, and what the owners make of it."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from schemas import journey_log
from schemas.journey_log import Moved, Owners, Touchpoint, Withdrawn
from schemas.topics import MAX_MESSAGE_BYTES
from streams.journeys import ownership, step_limits
from streams.journeys.customer_timeline import CustomerTimeline
from streams.journeys.signals import Signal
from tests.simulation.journeys_log import removal
from tests.unit.journeys.play import DAY, HOUR, MINUTE, SECOND, T0, Play, cart, changed, said, seen_page

KEY = "anon:cookie:k"
LONG_TEXT = "bad " * 2_000


def page(at: int, event_id: str) -> Touchpoint:
    return seen_page(at, event_id=event_id, customer_key=KEY)


def owners(links_offset: int, *owned: tuple[int, str]) -> Owners:
    """Return who owns the key's touchpoints, each from a time (ms after `T0`) on."""
    return Owners(KEY, [T0 + since for since, _ in owned], [owner for _, owner in owned], links_offset)


def sent(play: Play) -> list[tuple[str, ...]]:
    """Return what was sent: whom it is for, whether it came or went, and the touchpoints' event ids."""
    found = []
    for _, record in forwarded(play):
        if isinstance(record, Withdrawn):
            found.append((record.customer_key, "-", *(one.partition("\0")[0] for one in record.timeline_ids)))
        else:
            found.append((record.customer_key, "+", moved_in(record).event_id))
    return found


def forwarded(play: Play) -> list[tuple[str, Moved | Withdrawn]]:
    found = []
    for output in play.outputs:
        for key, data in output.forwarded:
            record = journey_log.decode(data)
            assert isinstance(record, Moved | Withdrawn)
            found.append((key, record))
    return found


def moved_in(record: Moved | Withdrawn) -> Touchpoint:
    assert isinstance(record, Moved)
    touchpoint = journey_log.decode(record.record)
    assert isinstance(touchpoint, Touchpoint)
    return touchpoint


def kept(play: Play) -> CustomerTimeline:
    return play.partition.customers.timeline(KEY)


def in_journeys(play: Play) -> list[str]:
    """Return the event ids of the touchpoints that are in a journey of the key's own."""
    return [row["event_id"] for row in play.rows("touchpoints") if row["journey_id"].startswith(KEY)]


def test_a_touchpoint_whose_owner_is_known_is_sent_to_it() -> None:
    one = page(HOUR, "e1")
    play = Play().send(owners(7, (0, "ann")), changed(one, watermark=T0))

    ((key, record),) = forwarded(play)
    assert isinstance(record, Moved)
    # Sent by the record at offset 1 of partition 0, as its first.
    assert (key, record.customer_key, record.sender, record.number) == ("ann", "ann", 0, (1 << 20) + 1)
    assert moved_in(record) == changed(one, moves=1)
    row = play.row("touchpoints")
    assert (row["customer_id"], row["journey_id"], row["stated_key"]) == ("ann", "", KEY)
    assert play.counted("touchpoints") == 1
    assert play.tables.seen().get("journeys", []) == []


def test_what_happened_since_it_has_an_owner_leaves_and_the_rest_stays() -> None:
    play = Play().send(page(0, "e0"), page(HOUR, "e1"), page(2 * HOUR, "e2"), page(3 * HOUR, "e3"))

    play.send(owners(7, (HOUR, "ann"), (3 * HOUR, "bob")))

    assert sent(play) == [("ann", "+", "e1"), ("ann", "+", "e2"), ("bob", "+", "e3")]
    assert [record.number - (4 << 20) for _, record in forwarded(play)] == [1, 2, 3]
    assert [one.event_id for one in kept(play).pending] == ["e0"]
    assert play.row("journeys")["touchpoints"] == 1


def test_nothing_is_left_of_a_key_whose_touchpoints_all_have_an_owner() -> None:
    play = Play().send(cart(0, "item_added", event_id="e0", customer_key=KEY), page(HOUR, "e1"))

    play.send(owners(7, (0, "ann"))).at(DAY)

    assert sent(play) == [("ann", "+", "e0"), ("ann", "+", "e1")]
    assert kept(play).is_empty
    seen = play.tables.seen()
    assert {table: seen[table] for table in ("journeys", "customers")} == {"journeys": [], "customers": []}
    assert seen.get("abandonments", []) == []


def test_what_has_another_owner_now_is_withdrawn_before_it_is_sent_on() -> None:
    play = Play().send(page(0, "e0"), page(HOUR, "e1"), owners(7, (0, "ann")), page(2 * HOUR, "e2"))

    play.send(owners(8, (0, "ann"), (HOUR, "bob")))

    assert sent(play)[3:] == [("ann", "-", "e1", "e2"), ("bob", "+", "e1"), ("bob", "+", "e2")]
    assert [moved_in(record).moves for _, record in forwarded(play)[4:]] == [2, 2]
    numbers = [record.number for _, record in forwarded(play)]
    assert numbers == sorted(set(numbers))


def test_what_comes_back_is_in_its_own_journey_and_may_leave_again() -> None:
    one = page(0, "e0")
    play = Play().send(one, owners(7, (0, "ann")), owners(8))
    assert sent(play)[1:] == [("ann", "-", "e0")]
    assert in_journeys(play) == ["e0"]

    play.send(changed(one, source_offset=99))
    assert (play.counted("duplicates"), play.row("journeys")["touchpoints"]) == (1, 1)

    play.send(owners(9, (0, "bob")), changed(one, source_offset=100))
    assert sent(play)[2:] == [("bob", "+", "e0")]
    assert moved_in(forwarded(play)[-1][1]).moves == 3
    assert (play.counted("duplicates"), play.counted("touchpoints")) == (2, 1)


def test_owners_of_an_earlier_link_change_nothing() -> None:
    play = Play().send(page(0, "e0"), owners(8, (0, "ann")))

    play.send(owners(7, (0, "bob")), owners(8, (0, "cat")), page(HOUR, "e1"))

    assert sent(play) == [("ann", "+", "e0"), ("ann", "+", "e1")]


def test_a_repeat_of_what_was_sent_is_counted_and_not_sent_again() -> None:
    one = page(HOUR, "e1")
    play = Play().send(owners(7, (0, "ann")), one, changed(one, source_offset=99))

    assert sent(play) == [("ann", "+", "e1")]
    assert (play.counted("touchpoints"), play.counted("duplicates")) == (1, 1)

    play.send(changed(one, fingerprint=-1))
    assert play.counted("refused") == 1


def test_a_touchpoint_that_was_moved_fifteen_times_stays_where_it_is() -> None:
    play = Play().send(page(0, "e0"))

    for number in range(20):
        play.send(owners(number, (0, ("ann", "bob")[number % 2])))

    # The sixteenth owner would have been bob.
    assert len([one for one in sent(play) if one[1] == "+"]) == 15
    assert sent(play)[-2:] == [("bob", "-", "e0"), ("ann", "+", "e0")]


def test_to_come_back_is_to_move_too() -> None:
    play = Play().send(page(0, "e0"))

    for number in range(30):
        play.send(owners(number, *([(0, "ann")] if number % 2 == 0 else [])))

    # Of fifteen moves, the first is to ann, and so is the last.
    assert sent(play) == [("ann", "+", "e0"), ("ann", "-", "e0")] * 7 + [("ann", "+", "e0")]


def test_one_that_has_come_back_by_its_fifteenth_move_stays() -> None:
    play = Play().send(page(0, "e0"), owners(0, (0, "ann")), owners(1, (0, "bob")))

    for number in range(2, 20):
        play.send(owners(number, *([(0, "ann")] if number % 2 else [])))

    # To bob by the second move, and back by the third, the fifth and so on.
    assert sent(play)[:3] == [("ann", "+", "e0"), ("ann", "-", "e0"), ("bob", "+", "e0")]
    assert sent(play)[3:] == [("bob", "-", "e0"), *[("ann", "+", "e0"), ("ann", "-", "e0")] * 6]
    assert in_journeys(play) == ["e0"]


def test_of_a_robots_touchpoints_the_oldest_stay_with_the_owner_that_they_have() -> None:
    pages = [page(number * MINUTE, f"e{number}") for number in range(5)]
    with patch.object(ownership, "FORWARDED_MAX", 3):
        play = Play().send(owners(7, (0, "ann")), *pages, owners(8, (0, "bob")))

    assert sent(play)[5:] == [("ann", "-", "e2", "e3", "e4"), *(("bob", "+", f"e{number}") for number in (2, 3, 4))]


def test_what_was_forgotten_of_a_robot_is_not_sent_again() -> None:
    pages = [page(number * MINUTE, f"e{number}") for number in range(5)]
    with patch.object(ownership, "FORWARDED_MAX", 3):
        play = Play().send(owners(7, (0, "ann")), *pages, owners(8, (0, "ann")))
        before = sent(play)
        play.send(changed(pages[1], source_offset=99)).restarted().send(changed(pages[0], source_offset=100))

    assert sent(play) == before
    assert (play.counted("touchpoints"), play.counted("late")) == (5, 2)
    assert [row["customer_id"] for row in play.rows("touchpoints") if not row["late"]] == ["ann"] * 5


def test_what_was_folded_early_of_a_robot_is_not_sent_when_it_is_repeated() -> None:
    pages = [page(number * MINUTE, f"e{number:02}") for number in range(40)]
    with patch.object(step_limits, "PENDING_MAX", 20):
        play = Play().send(*pages)
        left = [one.event_id for one in kept(play).pending]
        assert "e00" not in left, "it is to be folded"
        play.send(owners(7, (0, "ann")), changed(pages[0], source_offset=99))

    assert sent(play) == [("ann", "+", event_id) for event_id in left]
    assert (play.counted("touchpoints"), play.counted("late")) == (40, 1)


def test_a_robots_bytes_have_a_bound() -> None:
    pages = [changed(page(number * MINUTE, f"e{number}"), text="x" * 1_000) for number in range(9)]
    with patch.object(ownership, "FORWARDED_MAX_BYTES", 5_000):
        play = Play().send(owners(7, (0, "ann")), *pages)

    found = kept(play).ownership
    assert found is not None
    assert [one.event_id for one in found.forwarded] == ["e5", "e6", "e7", "e8"]
    assert found.forwarded_bytes == sum(one.size for one in found.forwarded) <= 5_000


def test_an_owner_with_a_long_name_makes_no_state_that_its_topic_refuses() -> None:
    owner = "anon:loyalty_card:" + "\U0001f600" * 1_024
    pages = [page(number * SECOND, f"e{number}") for number in range(1_500)]
    play = Play().send(owners(7, (0, owner)), *pages)

    entries = [value for output in play.outputs for _, value in output.customers if value is not None]
    assert max(map(len, entries)) < MAX_MESSAGE_BYTES // 4


def test_a_huge_touchpoint_makes_no_other_late() -> None:
    """What is kept of it is cut, so nothing is forgotten for it."""
    huge = changed(page(23 * HOUR, "e0"), text="x" * 600_000)
    play = Play().send(owners(7, (0, "ann")), huge, page(0, "e1"), page(MINUTE, "e2"))

    assert play.counted("late") == 0
    found = kept(play).ownership
    assert found is not None
    assert [one.event_id for one in found.forwarded] == ["e1", "e2", "e0"]
    moved = [record for _, record in forwarded(play) if isinstance(record, Moved)]
    assert len(moved[0].record) > 600_000, "it is sent whole"


def test_a_touchpoint_that_was_cut_moves_as_it_is_kept() -> None:
    """Its row has been sent, whole; a text that is no longer there may not take the place of it."""
    one = changed(page(0, "e0"), text=LONG_TEXT, sentiment=-9_000)
    whole_bytes = len(journey_log.encode(one))
    play = Play().send(one, owners(7, (0, "ann")), owners(8, (0, "bob")))

    first, _, second = (record for _, record in forwarded(play))
    for record, moves in ((first, 1), (second, 2)):
        assert isinstance(record, Moved)
        assert record.whole_bytes == whole_bytes
        assert len(record.record) < 1_000
        assert (moved_in(record).moves, moved_in(record).sentiment) == (moves, -9_000)

    owner = Play().send(first)
    assert owner.tables.seen().get("touchpoints", []) == []
    assert owner.row("journeys")["touchpoints"] == 1


def test_a_large_touchpoint_whose_owner_is_known_is_sent_whole() -> None:
    play = Play().send(owners(7, (0, "ann")), changed(page(HOUR, "e0"), text=LONG_TEXT))

    ((_, record),) = forwarded(play)
    assert isinstance(record, Moved)
    assert (record.whole_bytes, moved_in(record).text) == (0, LONG_TEXT)


def test_a_large_touchpoint_that_moves_in_the_chunk_in_which_it_came_keeps_its_row() -> None:
    """What moves on is cut, and makes no row at its owner: the row that was made when it was whole is all there is."""
    came, leaves = changed(page(0, "e0"), text=LONG_TEXT), owners(7, (0, "ann"))

    together, apart = Play().send(came, leaves), Play().send(came).send(leaves)

    assert together.row("touchpoints")["text"] == LONG_TEXT
    assert together.row("touchpoints") == apart.row("touchpoints")


def test_a_late_touchpoint_stays_with_its_stated_key() -> None:
    play = Play().send(owners(7, (-99 * DAY, "ann"))).tick(10 * DAY, settled=0)

    play.send(page(7 * DAY - 1, "e0"), page(7 * DAY, "e1"))

    assert sent(play) == [("ann", "+", "e1")]
    rows = {row["event_id"]: (row["customer_id"], row["late"]) for row in play.rows("touchpoints")}
    assert rows == {"e0": (KEY, True), "e1": ("ann", False)}


@pytest.mark.parametrize("is_forwarded", [False, True])
def test_what_the_settled_time_has_passed_moves_no_more(is_forwarded: bool) -> None:
    before = [owners(7, (0, "ann"))] if is_forwarded else []
    play = Play().send(*before, page(0, "e0"), page(HOUR, "e1")).tick(10 * DAY, settled=3 * DAY + HOUR)

    play.send(owners(8, (0, "bob")))

    gone = [("ann", "-", "e1")] if is_forwarded else []
    assert sent(play)[2 * is_forwarded :] == [*gone, ("bob", "+", "e1")]


def test_what_is_leaving_already_is_not_sent_again() -> None:
    """The recomputation that leaves it out is dear, and waits: the touchpoint and its tombstone are both there."""
    with patch.multiple(step_limits, AT_ONCE=-1, PAID=0):
        play = Play().send(*(page(number * MINUTE, f"e{number}") for number in range(3)), owners(7, (MINUTE, "ann")))
        assert [one.event_id for one in kept(play).displaced] == ["e1", "e2"]

        play.send(owners(8, (0, "ann"), (2 * MINUTE, "bob")))

    assert sent(play) == [
        ("ann", "+", "e1"),
        ("ann", "+", "e2"),
        ("ann", "-", "e2"),
        ("bob", "+", "e2"),
        ("ann", "+", "e0"),
    ]
    play.at(DAY)
    assert kept(play).is_empty


def test_an_owners_touchpoints_of_other_keys_stay_when_its_own_key_has_an_owner() -> None:
    """A customer who turns out to be another: only what states that customer's id follows here."""
    guest = changed(page(0, "e0"), moves=1)
    own = changed(page(HOUR, "e1"), customer_key="ann")
    moved = Moved("ann", 1, 5, journey_log.encode(guest))

    play = Play().send(own, moved, Owners("ann", [0], ["bob"], 9))

    assert sent(play) == [("bob", "+", "e1")]
    assert [one.event_id for one in play.partition.customers.timeline("ann").pending] == [f"e0\0{KEY}"]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_record_that_is_sent_again_is_passed_over(restarts: bool) -> None:
    moved = Moved("ann", 1, 5, journey_log.encode(changed(page(0, "e0"), moves=1)))
    play = Play().send(changed(page(0, "e1"), customer_key="ann"), moved, removal(6, f"e0\0{KEY}"))
    if restarts:
        play.restarted()

    play.send(moved)

    assert (play.counted("moved"), play.row("journeys")["touchpoints"]) == (1, 1)


def test_a_signal_says_under_which_name_it_was_sent_before() -> None:
    guests = changed(cart(0, "item_added", "guest's"), customer_key=KEY, moves=1)
    own = changed(cart(0, "item_added", "own", event_id="own"), customer_key="ann")

    play = Play().send(own, Moved("ann", 1, 5, journey_log.encode(guests))).at(DAY)

    found = {one.record["subject_id"]: one.record["previous_customer_id"] for one in signals(play)}
    assert found == {"guest's": KEY, "own": None}
    assert {row["subject_id"]: row["previous_customer_id"] for row in play.rows("abandonments")} == found


def test_a_shift_that_began_with_a_moved_touchpoint_says_whose_that_was() -> None:
    tweets = [said(number * HOUR, 7_000 if number < 6 else -7_000, event_id=f"t{number}") for number in range(12)]
    own = [changed(one, customer_key="ann") for one in tweets[:6]]
    guests = [changed(one, customer_key=KEY, moves=1) for one in tweets[6:]]
    moved = [Moved("ann", 1, number, journey_log.encode(one)) for number, one in enumerate(guests)]

    play = Play().send(*own, *moved).at(DAY)

    assert play.row("sentiment_shifts")["previous_customer_id"] == KEY
    assert [one.record["previous_customer_id"] for one in signals(play)][-1] == KEY


def signals(play: Play) -> list[Signal]:
    return [one for output in play.outputs for one in output.signals]
