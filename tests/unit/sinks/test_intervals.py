"""Wilson's interval holds each share that its figures do not speak against, and is written in one place."""

from __future__ import annotations

import pytest

from sinks.database import select
from sinks.intervals import wilson
from sinks.migrate import shipped
from tests.contract.engine import Engine

Z = 1.959963984540054


@pytest.mark.embedded
@pytest.mark.parametrize(("counted", "of"), [(0, 1), (0, 10), (1, 3), (30, 60), (97, 100), (10, 10), (1, 1_000_000)])
def test_an_end_is_the_share_from_which_the_figures_are_as_far_as_they_may_be(
    chdb: Engine, counted: int, of: int
) -> None:
    ends = ", ".join(wilson(end, str(counted), str(of)) for end in ("low", "high"))
    ((low, high),) = select(chdb, f"SELECT {ends}")
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    seen = counted / of

    # By its definition: as many standard errors, each of them that of the true share, away from what is seen.
    for end in (low, high):
        assert abs(seen - end) == pytest.approx(Z * (end * (1 - end) / of) ** 0.5, abs=1e-9)
    assert low <= seen <= high


def test_every_place_of_an_interval_is_filled() -> None:
    assert not [migration.name for migration in shipped() if "wilson" in migration.sql]
