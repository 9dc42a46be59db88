"""The SQL by which views show whose a row is now: said once, for all views that show `customer_id`."""

from __future__ import annotations

import re
from typing import get_args

from schemas.kinds.kind import SubjectKind
from sinks.tables import DATABASE, OWNERS

FEW = 8
"""Of identities with so many ownerships at most each is a row of its own, by which ClickHouse finds what one customer
owns. Only a robot's identities have more: a row for each ownership would multiply the robot's touchpoints."""

_PLACE = re.compile(r"\{owner of (\w+)\.(\w+) by (\w+)\}")
_FIRST, _LAST = "toInt64(-9223372036854775808)", "toInt64(9223372036854775807)"

OWNERSHIPS = f"""SELECT name, owner, begins, ends
FROM
(
    SELECT
        name,
        arrayMap(at -> toUnixTimestamp64Milli(at), since) AS times,
        arrayConcat([name], customer_ids) AS owners,
        arrayConcat([{_FIRST}], times) AS begin,
        arrayConcat(times, [{_LAST}]) AS end
    FROM {OWNERS} FINAL
    WHERE length(since) <= {FEW}
)
ARRAY JOIN owners AS owner, begin AS begins, end AS ends"""  # noqa: S608  # of this module's own texts
"""The query of a view: who owned an identity from when on and until when (excluded), ms; itself before all others."""


def owner(table: str, time: str, name: str) -> str:
    """Return the expression for the owner of a row at the time of one of its columns; `o` is joined by its name.

    Args:
        table: the alias of the row's table.
        time: the column with the time that decides.
        name: by whom it is found: an expression.
    """
    return (
        f"if(empty(o.name), {table}.customer_id, "
        f"ifNull(nullIf(o.owned_by[arrayLastIndex(at -> at <= {table}.{time}, o.since)], ''), {name}))"
    )


def filled(sql: str) -> str:
    """Return a statement with owners in place of `{owner of TABLE.COLUMN by COLUMN}`."""
    return _PLACE.sub(lambda found: owner(found[1], found[3], f"{found[1]}.{found[2]}"), sql)


def owned_touchpoints(columns: list[str], *, in_branches: bool) -> str:
    """Return the query of the view with the owner of each touchpoint, in the column `owner`.

    In branches each stored row is in one of them, by its stated key, and a condition on the owner reaches a plain
    column: that of the table, or of the identities that a customer owns, by which ClickHouse then reads touchpoints.
    All branches have to see the same owners: else an identity that is linked meanwhile is in two of them, or in none.

    Args:
        columns: the stored columns that it shows.
        in_branches: whether all parts of a query see each table as of one moment.
    """
    shown = ",\n    ".join(f"t.`{column}` AS `{column}`" for column in columns)
    table = f"FROM {DATABASE}.touchpoints_rows AS t FINAL"
    # One that states nobody is by now whose its subject was found to be.
    of_subject = " OR ".join(f"startsWith(t.stated_key, 'anon:{kind}:')" for kind in get_args(SubjectKind))
    by_name = f"if({of_subject}, t.customer_id, t.stated_key)"
    joined = f"""SELECT
    {shown},
    {owner("t", "occurred_at", by_name)} AS owner
{table}
LEFT ANY JOIN {DATABASE}.owners AS o ON {by_name} = o.name"""
    if not in_branches:
        return joined
    return f"""SELECT
    {shown},
    t.customer_id AS owner
{table}
WHERE NOT ({of_subject}) AND t.stated_key NOT IN (SELECT name FROM {OWNERS})
UNION ALL
SELECT
    {shown},
    o.owner AS owner
{table}
INNER JOIN {DATABASE}.ownerships AS o ON t.stated_key = o.name
WHERE NOT ({of_subject})
    -- By this ClickHouse reads the keys of these alone.
    AND t.stated_key IN (SELECT name FROM {OWNERS})
    AND toUnixTimestamp64Milli(t.occurred_at) >= o.begins AND toUnixTimestamp64Milli(t.occurred_at) < o.ends
UNION ALL
{joined}
WHERE {of_subject} OR t.stated_key IN (SELECT name FROM {DATABASE}.owners WHERE length(since) > {FEW})"""  # noqa: S608  # of this module's own texts
