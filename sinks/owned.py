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
_CHANGE = re.compile(r"\{owner of (\w+)\.(\w+) changes from (\w+) to (\w+)\}")
_TOUCHPOINT = re.compile(r"\{(owner|name|subject) of touchpoint (\w+)\}")
_CURRENT = f"(SELECT name, since, customer_ids AS owned_by FROM {OWNERS} FINAL)"  # noqa: S608  # of this module's own texts
_TABLE = f"FROM {DATABASE}.touchpoints_rows AS t FINAL"
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


def changes(table: str, begins: str, ends: str, name: str) -> str:
    """Return the expression for whether somebody owns a row at one time who did not own it at an earlier one.

    Args:
        table: the alias of the row's table.
        begins: the column with the earlier time.
        ends: the column with the time up to which it is looked.
        name: as of `owner`.
    """
    return (
        f"arrayExists((from, who) -> from > {table}.{begins} AND from <= {table}.{ends} "
        f"AND who != {owner(table, begins, name)}, o.since, o.owned_by)"
    )


def filled(sql: str) -> str:
    """Return a statement with expressions in place of what it says of owners in braces.

    `{owners}` is what is joined as `o`: whose identities are that were ever linked, by what they are called in other
    tables, as of each time at which that changed. It is no view, since a view costs 10 ms wherever a query names it.
    `{owner of TABLE.COLUMN by COLUMN}` is `owner`,
    `{owner of TABLE.COLUMN changes from COLUMN to COLUMN}` is `changes`.
    `{owner of touchpoint TABLE}` is whose a touchpoint is, `{name of touchpoint TABLE}` the name by which to find them,
    and `{subject of touchpoint TABLE}` whether it states nobody but its subject.
    """
    sql = sql.replace("{owners}", _CURRENT)
    sql = _PLACE.sub(lambda found: owner(found[1], found[3], f"{found[1]}.{found[2]}"), sql)
    sql = _CHANGE.sub(lambda found: changes(found[1], found[3], found[4], f"{found[1]}.{found[2]}"), sql)
    return _TOUCHPOINT.sub(lambda found: _of_touchpoint(found[2])[found[1]], sql)


def _of_touchpoint(table: str) -> dict[str, str]:
    subject = " OR ".join(f"startsWith({table}.stated_key, 'anon:{kind}:')" for kind in get_args(SubjectKind))
    # One that states nobody is by now whose its subject was found to be.
    name = f"if({subject}, {table}.customer_id, {table}.stated_key)"
    return {"subject": subject, "name": name, "owner": owner(table, "occurred_at", name)}


def owned_touchpoints(columns: list[str]) -> str:
    """Return the query of a view with the owner of each touchpoint, in the column `owner`: for questions of everybody.

    It reads owners once, and finds whose each row is.

    Args:
        columns: the stored columns that it shows.
    """
    of = _of_touchpoint("t")
    return f"""SELECT
    {_shown(columns)},
    {of["owner"]} AS owner
{_TABLE}
LEFT ANY JOIN {_CURRENT} AS o ON {of["name"]} = o.name"""


def touchpoints_by_owner(columns: list[str]) -> str:
    """Return the query of a view that shows the same: for questions of one customer. Others take it twice as long.

    Each stored row is in one of its branches, by its stated key, and a condition on the owner reaches a plain column:
    that of the table, or of the identities that a customer owns, by which ClickHouse then reads touchpoints. All
    branches have to see the same owners, each table as of one moment: else an identity that is linked meanwhile is in
    two of them, or in none.

    Args:
        columns: the stored columns that it shows.
    """
    of_subject = _of_touchpoint("t")["subject"]
    return f"""SELECT
    {_shown(columns)},
    t.customer_id AS owner
{_TABLE}
WHERE NOT ({of_subject}) AND t.stated_key NOT IN (SELECT name FROM {OWNERS})
UNION ALL
SELECT
    {_shown(columns)},
    o.owner AS owner
{_TABLE}
INNER JOIN {DATABASE}.ownerships AS o ON t.stated_key = o.name
WHERE NOT ({of_subject})
    -- By this ClickHouse reads the keys of these alone.
    AND t.stated_key IN (SELECT name FROM {OWNERS})
    AND toUnixTimestamp64Milli(t.occurred_at) >= o.begins AND toUnixTimestamp64Milli(t.occurred_at) < o.ends
UNION ALL
{owned_touchpoints(columns)}
WHERE {of_subject} OR t.stated_key IN (SELECT name FROM {OWNERS} FINAL WHERE length(since) > {FEW})"""  # noqa: S608  # of this module's own texts


def _shown(columns: list[str]) -> str:
    return ",\n    ".join(f"t.`{column}` AS `{column}`" for column in columns)
