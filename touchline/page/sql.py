"""What statements of several screens have in common: the period and part that are asked for, and the words shown."""

from __future__ import annotations

import re

from sinks import intervals, owned

_PERIOD = re.compile(r"\{period of ([\w.]+)\}")
_PART = re.compile(r"\{part of (\w+)\}")
_OF_CUSTOMER = re.compile(r"\{touchpoint (\w+) of the customer\}")
_NAMES = "(SELECT {customer:String} UNION ALL SELECT name FROM owner_names WHERE has(customer_ids, {customer:String}))"
_BEGINNING = "{beginning of text}"
_SHOWN = 2000
"""Characters of customers' words that a screen shows: a text may have a million, and a screen hundreds of texts."""


def filled(sql: str) -> str:
    """Return a statement with conditions in place of its marks.

    Args:
        sql: with `{period of COLUMN}` for a time in the period, `{part of TABLE}` for a row in the part, whose table
            has the columns channel, currency and attributes, `{touchpoint TABLE of the customer}` for a row of
            `owned_touchpoints`, `{beginning of text}` for as much of that column as is shown, and the marks of
            `sinks.intervals`.
    """
    sql = sql.replace(_BEGINNING, f"substringUTF8(text, 1, {_SHOWN}) AS text")
    sql = _OF_CUSTOMER.sub(lambda found: _of_customer(found[1]), sql)
    periods = _PERIOD.sub(lambda found: _period(found[1]), sql)
    return intervals.filled(_PART.sub(lambda found: _part(found[1]), periods)).strip()


def _period(column: str) -> str:
    return (
        f"{column} >= fromUnixTimestamp64Milli({{since:Int64}}, 'UTC')\n"
        f"  AND {column} < fromUnixTimestamp64Milli({{until:Int64}}, 'UTC')"
    )


def _of_customer(table: str) -> str:
    """Return a condition by which ClickHouse reads the keys alone that were ever theirs, and those of subjects."""
    return owned.filled(
        f"{table}.owner = {{customer:String}}\n"
        f"  AND ({table}.stated_key IN {_NAMES}\n"
        f"    OR ({{subject of touchpoint {table}}}) AND {table}.customer_id IN {_NAMES})"
    )


def _part(table: str) -> str:
    return (
        "({dimension:String} = 'all' OR multiIf(\n"
        f"      {{dimension:String}} = 'channel', ifNull({table}.channel, ''),\n"
        f"      {{dimension:String}} = 'currency', ifNull({table}.currency, ''),\n"
        f"      {table}.attributes[{{dimension:String}}]\n"
        "  ) = {value:String})"
    )
