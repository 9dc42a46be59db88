"""The least release of ClickHouse: older ones refuse the tables, or give other figures."""

from __future__ import annotations

from sinks.errors import MigrationError

LEAST_CLICKHOUSE = "24.5"
"""The oldest release whose views gave, on the rows of the sample, what those of today's give.

The views need the analyzer, which is on by itself since 24.3. 23.10 refuses some of them, and gave numerators of
metrics that were 10,000 times too large.
"""


def check_release(version: str) -> None:
    """Raise a MigrationError if a ClickHouse is too old for the tables and views.

    Args:
        version: as the function `version()` of ClickHouse says it, such as `24.8.4.1`.
    """
    if _numbers(version) < _numbers(LEAST_CLICKHOUSE):
        raise MigrationError(
            f"ClickHouse {version} is too old: touchline needs {LEAST_CLICKHOUSE} or later; upgrade it"
        )


def _numbers(version: str) -> tuple[int, int]:
    year, release, *_ = version.split(".")
    return int(year), int(release)
