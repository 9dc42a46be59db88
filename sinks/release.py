"""Releases: the least one of ClickHouse, since older ones refuse the tables or give other figures; and our own."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from sinks.errors import MigrationError

LEAST_CLICKHOUSE = "24.5"
"""The oldest release whose views gave, on the rows of the sample, what those of today's give.

The views need the analyzer, which is on by itself since 24.3. 23.10 refuses some of them, and gave numerators of
metrics that were 10,000 times too large.
"""


def check_release(clickhouse: str) -> None:
    """Raise a MigrationError if a ClickHouse is too old for the tables and views.

    Args:
        clickhouse: as the function `version()` of ClickHouse says it, such as `24.8.4.1`.
    """
    if _numbers(clickhouse) < _numbers(LEAST_CLICKHOUSE):
        raise MigrationError(
            f"ClickHouse {clickhouse} is too old: touchline needs {LEAST_CLICKHOUSE} or later; upgrade it"
        )


def this_release() -> str:
    """Return the release of touchline that runs, `unknown` where it is not installed."""
    try:
        return version("touchline")
    except PackageNotFoundError:
        return "unknown"


def _numbers(release_of_clickhouse: str) -> tuple[int, int]:
    year, release, *_ = release_of_clickhouse.split(".")
    return int(year), int(release)
