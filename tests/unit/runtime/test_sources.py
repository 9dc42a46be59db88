"""The number of sources in metric labels is bounded, and no customer gets into one."""

from __future__ import annotations

import pytest

from streams.runtime.sources import SourceLabels


def test_the_first_sources_have_their_names_and_all_others_share_one() -> None:
    labels = SourceLabels(most=2)

    assert [labels.label(source) for source in ("shop", "till", "archive", "shop", "till")] == [
        "shop", "till", "other", "shop", "till",
    ]  # fmt: skip


def test_a_hundred_sources_are_told_apart_by_default() -> None:
    labels = SourceLabels()

    told = {labels.label(f"robot-{number}") for number in range(100_000)}

    assert told == {*(f"robot-{number}" for number in range(100)), "other"}


@pytest.mark.parametrize(
    "source", ["ann@example.com", "+44 20 7946 0000", "Ann Example", "", "x" * 65, "4", "a\nb", "é"]
)
def test_what_looks_like_no_services_name_is_no_label(source: str) -> None:
    assert SourceLabels().label(source) == "other"


def test_what_is_no_label_takes_no_place() -> None:
    labels = SourceLabels(most=1)
    labels.label("ann@example.com")

    assert labels.label("crm.prod/eu-1:tills_2") == "crm.prod/eu-1:tills_2"
