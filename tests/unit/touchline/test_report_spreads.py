"""The report's intervals of NPS and shares are those of the view: they know that one customer may answer often."""

from __future__ import annotations

import random

import pytest

from schemas.metrics import METRICS_BY_NAME
from sinks.database import select
from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.oracle.groups import Observed, group_of, nps_interval, share_interval
from tests.unit.sinks.views import MINUTE, write
from touchline.report.estimates import nps_estimate, share_estimate
from touchline.report.queries import SPREADS

pytestmark = pytest.mark.embedded


def answers(least: int) -> Observed:
    """Return 200 answers of 40 customers, each at least so much."""
    rng = random.Random(3)
    return [(f"c{rng.randrange(40)}", float(rng.randint(least, 1))) for _ in range(200)]


def spread_of(chdb: Engine, metric: str, observed: Observed) -> float:
    """Store observations, each a minute after the other; return what the report asks for."""
    for minute, (customer, value) in enumerate(observed):
        group, amount = group_of(customer), int(value)
        write(
            chdb, "metric_buckets", metric=metric, bucket=MAY_1 + minute * MINUTE, n=1, numerator=amount,
            squares=abs(amount), groups=[group], group_counts=[1], group_sums=[amount],
        )  # fmt: skip
    sql = SPREADS.replace("{metrics:Array(String)}", str([metric]))
    ((found, n, total, squares, _, spread),) = select(chdb, sql)
    assert (found, n, total) == (metric, len(observed), sum(value for _, value in observed))
    assert squares == sum(value * value for _, value in observed)
    return float(str(spread))


def test_an_nps(chdb: Engine) -> None:
    observed = answers(-1)
    spread = spread_of(chdb, "nps", observed)

    total, squares = sum(value for _, value in observed), sum(value * value for _, value in observed)
    found = nps_estimate(200, int(total), int(squares), spread)
    assert (found.low, found.high) == pytest.approx(nps_interval(observed), abs=1e-9)
    assert spread > 1


@pytest.mark.parametrize("metric", ["csat", "service_level"])
def test_a_share(chdb: Engine, metric: str) -> None:
    assert METRICS_BY_NAME[metric].kind == "share"
    observed = answers(0)
    spread = spread_of(chdb, metric, observed)

    found = share_estimate(int(sum(value for _, value in observed)), 200, spread)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(share_interval(observed), abs=1e-9)
    assert spread > 1
