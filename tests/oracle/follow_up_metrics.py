"""How well customers are got back to, added up from follow-ups by the contract's words; days are those of UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tests.oracle.compare import Row
from tests.oracle.touchpoints import DAY

DIMENSIONS = ("reason", "channel", "topic", "owner")


class Seen(NamedTuple):
    """What a follow-up says of a metric: whether it is observed, and good, and may still come."""

    metric: str
    observed: bool
    good: bool
    comes: bool


def follow_up_metrics(rows: Iterable[Row], now: int) -> Iterator[dict[str, Any]]:
    """Give the rows of the view, without intervals and targets.

    Args:
        rows: of `follow_ups`, times in ms.
        now: how far time has come, ms.
    """
    counts: dict[tuple[str, str, int, str, str], list[int]] = {}
    for row in rows:
        if row["reason"] == "thank_you" or row["status"] == "withdrawn":
            continue
        dimensions = [("all", ""), *((one, row[one]) for one in DIMENSIONS if row[one])]
        for seen in _seen(row, now):
            for grain, bucket in _buckets(row["happened_at"]):
                for name, value in dimensions:
                    place = counts.setdefault((seen.metric, grain, bucket, name, value), [0, 0, 0])
                    place[0] += seen.observed
                    place[1] += seen.observed and seen.good
                    place[2] += seen.comes and not seen.observed
    for (metric, grain, bucket, dimension, value), (n, good, undecided) in counts.items():
        if n or undecided:
            yield {
                "metric": metric,
                "grain": grain,
                "bucket": bucket,
                "dimension": dimension,
                "dimension_value": value,
                "n": n,
                "numerator": good,
                "value": good / n if n else None,
                "undecided": undecided,
            }


def _seen(row: Row, now: int) -> Iterator[Seen]:
    due, contacted, closed, settle = (row[f"{name}_at"] for name in ("due", "contacted", "closed", "settle_due"))
    is_late = due < now and (closed is None or closed > due)
    in_time = contacted is not None and contacted <= due
    yield Seen("follow_ups_in_time", contacted is not None or is_late, in_time, closed is None)
    is_settled = row["status"] == "settled"
    yield Seen("follow_ups_settled", is_settled or settle < now, is_settled and closed <= settle, comes=True)
    before, after = row["experience_before"], row["experience_after"]
    is_known = before is not None and after is not None
    comes = before is not None and row["status"] != "expired" and now < row["happened_at"] + 30 * DAY
    yield Seen("recovered_share", is_known, is_known and after > before, comes)


def _buckets(at: int) -> Iterator[tuple[str, int]]:
    day = datetime.fromtimestamp(at // 1000, UTC).replace(hour=0, minute=0, second=0)
    grains = {"1d": day, "1w": day - timedelta(days=day.weekday()), "1mo": day.replace(day=1)}
    return ((grain, int(begins.timestamp() * 1000)) for grain, begins in grains.items())
