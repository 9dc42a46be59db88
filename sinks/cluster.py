"""Spreads the tables over the servers of a ClickHouse cluster: what the statements for one server become there.

A stored table becomes two. The rows lie in `…_local`, a replicated table on every server. The table with the usual name
is a Distributed one: it sends rows to their shards, and reads all shards. So nothing else need know of the cluster, but
what changes stored rows in place: that names the local tables (`in_place`).
"""

from __future__ import annotations

import re

from sinks.database import Database, select
from sinks.tables import DATABASE

LOCAL = "_local"
"""How the name of a table on one server ends."""

_IDENTITY = "if(kind = 'customer', value, concat('anon:', kind, ':', value))"
_SHARDED_BY = {
    "touchpoints_rows": "stated_key",
    "sentiment_shifts_rows": "customer_id",
    "abandonments_rows": "customer_id",
    "follow_ups_rows": "customer_id",
    "superseded_rows": "customer_id",
    # What fills the second from the first does so on each server by itself: both have to lie on one shard.
    "identities_rows": _IDENTITY,
    "owners_rows": "name",
}
"""By which columns of its sorting key, or an expression of them, a table is sharded; the others by all of them."""

_CREATE_DATABASE = re.compile(r"^CREATE DATABASE IF NOT EXISTS (\w+)$")
_CREATE_TABLE = re.compile(
    r"^CREATE TABLE IF NOT EXISTS (?P<name>[\w.]+)\n(?P<columns>\(.*\))\n"
    r"ENGINE = (?P<engine>\w*MergeTree)(?:\((?P<version>\w+)\))?(?P<rest>.*ORDER BY (?P<key>[^\n]+))$",
    re.MULTILINE | re.DOTALL,
)
_CREATE_VIEW = re.compile(r"^(CREATE OR REPLACE VIEW [\w.]+)", re.MULTILINE)
_FILL = re.compile(
    r"^(?P<head>CREATE MATERIALIZED VIEW IF NOT EXISTS [\w.]+) TO (?P<to>[\w.]+)(?P<query>.*)FROM (?P<source>[\w.]+)$",
    re.MULTILINE | re.DOTALL,
)
_DISTRIBUTED = re.compile(r"Distributed\('([\w-]+)'")
_ADD_COLUMN = re.compile(r"^ALTER TABLE ([\w.]+) (ADD COLUMN .*)$", re.DOTALL)


def spread(statement: str, cluster: str) -> list[str]:
    """Return what a statement that defines something becomes on a cluster; without one it stays as it is.

    Args:
        statement: of a migration, of the views of kinds, or of what prepares them.
        cluster: its name, "" for a single server.

    Raises:
        ValueError: nothing is known of such statements.
    """
    if not cluster:
        return [statement]
    everywhere = _on(cluster)
    if found := _CREATE_DATABASE.search(statement):
        return [f"CREATE DATABASE IF NOT EXISTS {found[1]} {everywhere}"]
    if found := _CREATE_TABLE.search(statement):
        return _tables(found, cluster)
    if found := _FILL.search(statement):
        to, source = found["to"] + LOCAL, found["source"] + LOCAL
        return [f"{found['head']} {everywhere} TO {to}{found['query']}FROM {source}"]
    if found := _ADD_COLUMN.search(statement):
        return [f"ALTER TABLE {name} {everywhere} {found[2]}" for name in (found[1] + LOCAL, found[1])]
    spread_view, views = _CREATE_VIEW.subn(rf"\1 {everywhere}", statement, count=1)
    if not views:
        raise ValueError(f"nothing says what this becomes on a cluster: {statement[:200]}")
    return [spread_view]


def in_place(table: str, cluster: str) -> str:
    """Return what a statement names that changes or deletes rows of a stored table where they are.

    Args:
        table: the table's qualified name.
        cluster: as of `spread`.
    """
    return f"{table}{LOCAL} {_on(cluster)}" if cluster else table


def cluster_of(database: Database) -> str:
    """Return the name of the cluster that the tables of a database are spread over, "" if they are on one server.

    Raises:
        TransientWriteError: the database is out of reach.
    """
    found = select(
        database, "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'migrations'"
    )
    over = _DISTRIBUTED.match(str(found[0][0])) if found else None
    return over[1] if over else ""


def _on(cluster: str) -> str:
    return f"ON CLUSTER '{cluster}'"  # in quotes a name may have a hyphen


def _tables(found: re.Match[str], cluster: str) -> list[str]:
    """Return the statements for a table on every server, and for the one over them."""
    name, version = found["name"], found["version"]
    local = name + LOCAL
    key = found["key"].strip("()")
    by = _SHARDED_BY.get(name.removeprefix(f"{DATABASE}."), key)
    # A path that is said finds its replicas also from a server that joins later.
    path = f"'/clickhouse/tables/{{shard}}/{local.replace('.', '/')}', '{{replica}}'"
    engine = f"Replicated{found['engine']}({path}{f', {version}' if version else ''})"
    shards = f"Distributed('{cluster}', '{DATABASE}', '{local.removeprefix(f'{DATABASE}.')}', cityHash64({by}))"
    return [
        f"CREATE TABLE IF NOT EXISTS {local} {_on(cluster)}\n{found['columns']}\nENGINE = {engine}{found['rest']}",
        f"CREATE TABLE IF NOT EXISTS {name} {_on(cluster)} AS {local}\nENGINE = {shards}",
    ]
