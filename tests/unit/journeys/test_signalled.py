"""What was signalled before the log was made anew is not signalled again; what comes to be known after that is.

The new epoch reads the same log. A cart at 10:00 is abandoned at 10:30; timers fire five minutes behind the log's time.
"""

from __future__ import annotations

from collections import Counter

import pytest

from schemas import journey_log
from schemas.journey_log import LogRecord, Tick, Touchpoint
from schemas.topics import SIGNAL_ABANDONMENTS, SIGNAL_FOLLOW_UPS, SIGNAL_SHIFTS
from streams.journeys.checkpoints import Checkpoints
from streams.journeys.customer_timeline import CustomerTimeline
from streams.journeys.effects import Effects
from streams.journeys.output import Output
from streams.journeys.partition import Partition
from streams.journeys.rules import Rules
from streams.journeys.step_context import StepContext
from streams.journeys.timeline import step_parting
from tests.unit.journeys.follow_up_play import complaint
from tests.unit.journeys.play import DAY, HOUR, MINUTE, T0, Play, cart, order, said
from tests.unit.journeys.two_partitions import GUEST, RULES, Two, owners


def epoch(signalled_until: int) -> Play:
    """Return a log made anew, when signals had been sent up to some time (ms after `T0`)."""
    return Play(Rules(signalled_until=T0 + signalled_until))


def told(outputs: list[Output]) -> list[object]:
    """Return what signals but those of follow-ups say, in their order: status or direction, and whether retracted."""
    records = [one.record for output in outputs for one in output.signals if one.name != "FollowUp"]
    return [(one.get("status") or one["direction"], one["retracted"]) for one in records]


def suppressed(play: Play) -> Counter[str]:
    return sum((output.suppressed for output in play.outputs), Counter())


@pytest.mark.parametrize(
    ("until", "signals", "left_out"), [(30 * MINUTE, [], 1), (30 * MINUTE - 1, [("abandoned", False)], 0)]
)
def test_a_timer_up_to_that_time_is_not_signalled_again_and_a_later_one_is(
    until: int, signals: list[object], left_out: int
) -> None:
    play = epoch(until).send(cart(0, "item_added")).at(30 * MINUTE)

    assert told(play.outputs) == signals
    assert suppressed(play)[SIGNAL_ABANDONMENTS] == left_out
    assert play.row("abandonments")["status"] == "abandoned"


def test_a_recovery_after_that_time_is_signalled_of_what_was_abandoned_before_it() -> None:
    play = epoch(HOUR).send(cart(0, "item_added")).at(50 * MINUTE).send(order(2 * HOUR)).at(3 * HOUR)

    assert told(play.outputs) == [("recovered", False)]


def test_shifts_are_signalled_from_that_time_on_too() -> None:
    series = [said(n * HOUR, 8_000 if n < 5 else -8_000) for n in range(12)]
    whole = Play().send(*series).at(13 * HOUR)
    detected_at = whole.row("sentiment_shifts")["detected_at"] - T0
    assert 5 * HOUR < detected_at < 12 * HOUR

    for until, signals in ((detected_at, []), (detected_at - 1, [("worse", False)])):
        play = epoch(until).send(*series).at(13 * HOUR)
        assert told(play.outputs) == signals
        assert suppressed(play)[SIGNAL_SHIFTS] == 1 - len(signals)


def test_follow_ups_are_signalled_from_that_time_on_too() -> None:
    play = epoch(20 * HOUR).send(complaint(0)).send(complaint(19 * HOUR, "again")).at(20 * HOUR).at(25 * HOUR)

    signals = [(one.record["status"], one.record["causes"]) for output in play.outputs for one in output.signals]
    assert signals == [("missed", 2)]
    assert suppressed(play) == {SIGNAL_FOLLOW_UPS: 3}


def test_time_that_leaps_over_it_signals_no_earlier_timer() -> None:
    play = epoch(HOUR).send(cart(0, "item_added"), cart(50 * MINUTE, "item_added", "k2")).at(5 * HOUR)

    assert told(play.outputs) == [("abandoned", False)]
    assert play.outputs[-1].signals[0].record["subject_id"] == "k2"


# -- what comes late ---------------------------------------------------------------------------------------------------


def test_what_comes_after_that_time_of_before_it_is_news() -> None:
    """The phone was offline: the cart's deadline is at once due, and nobody has been told of it."""
    play = epoch(HOUR).at(2 * HOUR).send(cart(0, "item_added"))

    assert told(play.outputs) == [("abandoned", False)]


def test_what_comes_late_while_that_time_is_not_reached_again_was_known_then() -> None:
    play = epoch(3 * HOUR).at(2 * HOUR).send(cart(0, "item_added"))

    assert told(play.outputs) == []


@pytest.mark.parametrize(("reached", "signals"), [(2 * HOUR, [("abandoned", True)]), (30 * MINUTE, [])])
def test_a_late_order_retracts_what_was_signalled_before_that_time_where_it_comes_after_it(
    reached: int, signals: list[object]
) -> None:
    play = epoch(HOUR).send(cart(0, "item_added")).at(reached).send(order(10 * MINUTE, cart_id="k"))

    assert told(play.outputs) == signals
    assert play.rows("abandonments") == []


def test_what_is_corrected_early_is_signalled_where_it_is_itself_of_after_that_time() -> None:
    """Of two tasks one is ahead: its order recovers a cart, of which a late event then says another worth."""
    partition = Partition(0, 2, Rules(signalled_until=T0 + 2 * HOUR))
    late = cart(5 * MINUTE, "item_added", value=70, task=0, watermark=0)
    records: list[LogRecord] = [
        cart(0, "item_added", value=50),
        Tick(T0 + HOUR, T0),
        order(3 * HOUR, task=1, watermark=T0 + 3 * HOUR),
        late,
    ]
    signals = []
    for offset, record in enumerate(records):
        partition.apply(offset, record, journey_log.encode(record))
        signals.append([(one.record["status"], one.record["value_minor"]) for one in partition.flush().signals])

    assert signals == [[], [], [("recovered", 50)], [("recovered", 70)]]


# -- moves -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("until", [5 * HOUR, HOUR])
def test_a_move_is_signalled_where_the_link_is_known_after_that_time(until: int) -> None:
    two = Two(Rules(moved_ms=RULES.moved_ms, signalled_until=T0 + until))
    two.send(cart(0, "item_added", customer_key=GUEST)).at(HOUR).at(2 * HOUR)
    two.send(owners(1, (2 * HOUR, "ann"))).at(3 * HOUR)

    moved = {(GUEST, "k"): ("abandoned", True, None), ("ann", "k"): ("abandoned", False, GUEST)}
    assert two.last_signals() == (moved if until == HOUR else {})


def test_a_profiles_things_are_signalled_as_their_owners_where_they_become_so_after_that_time() -> None:
    """The cart is older than touchpoints move, so it is adopted at the moment of the link."""
    two = Two(Rules(moved_ms=RULES.moved_ms, signalled_until=T0 + 4 * DAY))
    two.send(cart(0, "item_added", customer_key=GUEST)).at(8 * DAY)
    two.send(owners(1, (8 * DAY, "ann"))).at(9 * DAY)

    assert two.last_signals() == {
        (GUEST, "k"): ("abandoned", True, None),
        ("ann", "k"): ("abandoned", False, GUEST),
    }


def test_what_a_parting_has_left_is_known_when_its_record_comes_whatever_was_applied_before_it() -> None:
    timeline, effects = CustomerTimeline(is_behind=True), Effects("ann")
    context = StepContext(7, T0 + HOUR, T0 + 55 * MINUTE, T0 - DAY, T0 - DAY, Checkpoints(), {})

    step_parting(timeline, context, effects)

    assert effects.known_at == T0 + 55 * MINUTE


# -- chunks and crashes ------------------------------------------------------------------------------------------------


def story() -> list[LogRecord]:
    """Return carts of many, of which some are recovered and some corrected late, with ticks between."""
    records: list[LogRecord] = []
    for number in range(60):
        at, who = number * 7 * MINUTE, f"c{number % 9}"
        records.append(cart(at, "item_added", f"k{number}", value=number, customer_key=who))
        if number % 3 == 0:
            records.append(order(at - 20 * MINUTE, customer_key=who, cart_id=f"k{number - 4}"))
        if number % 4 == 0:
            records.append(order(at + MINUTE, customer_key=f"c{number % 5}"))
        records.append(Tick(T0 + at, T0 + at - HOUR))
    return [*records, Tick(T0 + 2 * DAY, T0 + 2 * DAY)]


def test_of_two_changes_in_one_chunk_the_later_moment_counts() -> None:
    effects = Effects("ann")
    for effects.now in (T0 + 2, T0 + 1):
        effects.supersede("e1", by="e2")

    assert effects.moments == {("superseded", ("e1",)): T0 + 2}


def test_however_the_log_is_cut_the_last_signal_of_each_thing_after_that_time_is_the_same() -> None:
    records = story()
    assert sum(isinstance(one, Touchpoint) for one in records) == 95
    by_size = []
    for size in (1, 7, len(records)):
        partition, last, seen = Partition(0, 1, Rules(signalled_until=T0 + 3 * HOUR)), {}, 0
        for offset, record in enumerate(records):
            partition.apply(offset, record, journey_log.encode(record))
            if (offset + 1) % size == 0 or offset + 1 == len(records):
                output = partition.flush()
                seen += output.suppressed.total()
                for one in (signal.record for signal in output.signals):
                    last[one["customer_id"], one["subject_id"]] = one["status"], one["retracted"]
        by_size.append(last)
        assert seen > 5
    assert by_size[0] == by_size[1] == by_size[2]
    assert len(by_size[0]) > 15
