"""Which target is told of what."""

from __future__ import annotations

import pytest

from tests.unit.touchline.notify.made_up import abandonment, follow_up, shift, target
from touchline.notify.choice import wants
from touchline.notify.notices import Notice

EVERYTHING = 'signals = ["follow_ups", "abandonments", "sentiment_shifts"]'


@pytest.mark.parametrize(
    ("notice", "told"),
    [
        (follow_up(status="open"), True),
        (follow_up(status="warning"), True),
        (follow_up(status="missed"), True),
        (follow_up(status="contacted"), False),
        (follow_up(status="settled"), False),
        (follow_up(status="expired"), False),
        (follow_up(status="a status of a later release"), False),
        (follow_up(retracted=True), False),
        (follow_up(status="withdrawn"), False),
        (abandonment(), False),
        (shift(), False),
    ],
)
def test_by_default_a_target_is_told_of_follow_ups_that_are_to_be_done(notice: Notice, told: bool) -> None:
    assert wants(target(), notice) is told


@pytest.mark.parametrize(
    ("notice", "told"),
    [
        (abandonment(), True),
        (abandonment(status="recovered"), False),
        (abandonment(retracted=True), False),
        (shift(), True),
        (shift(direction="better"), False),
    ],
)
def test_of_the_others_it_is_told_what_went_wrong(notice: Notice, told: bool) -> None:
    assert wants(target(EVERYTHING), notice) is told


def test_reasons_owners_and_statuses_are_of_follow_ups() -> None:
    chosen = target(f'{EVERYTHING}\nreasons = ["complaint", "worse"]\nowners = ["care-de", ""]\nstatuses = ["missed"]')

    assert wants(chosen, follow_up(status="missed"))
    assert wants(chosen, follow_up(status="missed", reason="worse", owner=""))
    assert not wants(chosen, follow_up(status="missed", reason="thank_you"))
    assert not wants(chosen, follow_up(status="missed", owner="care-en"))
    assert not wants(chosen, follow_up(status="open"))
    assert wants(chosen, shift())


def test_subjects_are_of_abandonments_and_directions_of_shifts() -> None:
    chosen = target(
        f'{EVERYTHING}\nsubjects = ["call", "hold"]\ndirections = ["better"]\nstatuses = ["abandoned", "recovered"]'
    )

    assert wants(chosen, abandonment(subject="hold", status="recovered"))
    assert not wants(chosen, abandonment())
    assert wants(chosen, shift(direction="better"))
    assert not wants(chosen, shift())


def test_of_withdrawals_is_told_who_asks_for_them_whatever_the_status_was() -> None:
    chosen = target(f'{EVERYTHING}\nwithdrawals = true\nreasons = ["complaint"]')

    assert wants(chosen, follow_up(retracted=True, status="settled"))
    assert wants(chosen, follow_up(status="withdrawn"))
    assert wants(chosen, abandonment(retracted=True, status="recovered"))
    assert wants(chosen, shift(retracted=True))
    assert not wants(chosen, follow_up(retracted=True, reason="worse"))
