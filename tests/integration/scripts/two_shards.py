"""Answers questions from tables on a cluster of two shards, in one embedded ClickHouse: `two_shards.py LINES`.

It runs in a folder of its own, and prints JSON. Both shards are this process, and a policy on each local table shows a
shard the rows that the sharding key gives it. There is no Keeper: tables are not replicated, and nothing is run
ON CLUSTER.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import astuple

from schemas.erasures import ErasedRows
from schemas.rows import IdentityRow
from sinks.chdb.database import _INSERT_SETTINGS, ChdbDatabase, _to_msgpack, insert
from sinks.cluster import spread
from sinks.database import select
from sinks.erasing import erase
from sinks.migrate import _RECORD, migrate, shipped
from sinks.tables import TABLES, Row, table_of
from tests.contract.engine import Engine
from tests.unit.played_lines import store

CLUSTER = "duo"
END = 1 << 41
"""When the story is over: in 2039, ms."""
VIEWS = (
    *("touchpoints", "purchases", "journeys", "abandonments", "customers", "customer_totals", "rolling_metrics"),
    *("cases", "survey_results", "mentions", "follow_ups", "reconciliation", "cohorts", "paths", "survey_questions"),
)

_PORT = 19_181  # nobody listens there: a shard at the port that a server has is itself
_SHARD = f"<shard><replica><host>127.0.0.1</host><port>{_PORT}</port></replica></shard>"
_CONFIG = f"""<clickhouse>
<tcp_port>{_PORT}</tcp_port>
<users_config>users.xml</users_config>
<remote_servers><{CLUSTER}>{_SHARD}{_SHARD}</{CLUSTER}></remote_servers>
</clickhouse>"""
_USERS = """<clickhouse>
<profiles><default>
<distributed_product_mode>global</distributed_product_mode>
<distributed_foreground_insert>1</distributed_foreground_insert>
<parallel_distributed_insert_select>0</parallel_distributed_insert_select>
<apply_row_policy_after_final>0</apply_row_policy_after_final>
</default></profiles>
<users><default>
<password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
<databases><touchline>{filters}</touchline></databases>
</default></users>
<quotas><default/></quotas>
</clickhouse>"""
_SHARDED = re.compile(r"Distributed\('duo', 'touchline', '(\w+)', (cityHash64\(.*\))\)$")


class TwoShards(ChdbDatabase):
    """The embedded ClickHouse as the two shards."""

    def write(self, table: str, rows: Sequence[Row]) -> None:
        """Store rows; the engine counts them where they come in and where they lie."""
        known = table_of(table)
        insert(self._session, f"{known.stored} ({known.column_list})", _INSERT_SETTINGS, "MsgPack", _to_msgpack(rows))

    def execute(self, sql: str) -> None:
        """Run a statement on this server, without replicas."""
        sql = sql.replace(f" ON CLUSTER '{CLUSTER}'", "")
        super().execute(re.sub(r"Replicated(\w*MergeTree)\('[^']*', '\{replica\}'(?:, )?", r"\1(", sql))


def answers(database: Engine, lines: Path) -> dict[str, object]:
    """Return what tables and views say of lines, each row of which is stored twice; and after an erasure."""
    for _ in range(2):
        store(database, lines, END, ["region"], with_identities=True, is_empty=True)
    # What a shard finds of owners by its own rows alone is not enough: a journey and its owner lie on two.
    named = select(database, "SELECT DISTINCT customer_id FROM customers_rows ORDER BY customer_id LIMIT 40")
    owned = [IdentityRow("customer", str(name), [0], ["the owner"], ["e"], 0, 1 << 40) for (name,) in named]
    database.write("identities", [astuple(row) for row in owned])
    counts = {table: _count(database, f"{table}_rows FINAL") for table in (*TABLES, "owners")}
    said = {view: _rows(database, view) for view in VIEWS}
    ((busiest,),) = select(
        database,
        "SELECT stated_key FROM touchpoints_rows GROUP BY stated_key ORDER BY count() DESC, stated_key LIMIT 1",
    )
    erased = ErasedRows("order", END, [str(busiest)], version=1 << 63)
    deleted = erase(database, "touchpoints", erased)
    after = [deleted, _count(database, "touchpoints_rows"), _count(database, "outcomes_rows FINAL")]
    return {"counts": counts, "views": said, "erased": after}


def _count(database: Engine, table: str) -> int:
    ((count,),) = select(database, f"SELECT count() FROM {table}")
    return int(str(count))


def _rows(database: Engine, view: str) -> list[str]:
    """Return the rows of a view in a fixed order; the last digits of sums depend on their order."""
    rows = database.query(f"SELECT * FROM {view}", output_format="JSONEachRow").splitlines()
    return sorted(
        json.dumps(json.loads(row, parse_float=lambda text: round(float(text), 9)), sort_keys=True) for row in rows
    )


def _denied(database: TwoShards) -> str:
    """Return what a reader is told whose joins ClickHouse leaves as they are, which is the default."""
    try:
        return str(
            database._session.query("SELECT * FROM touchline.journeys SETTINGS distributed_product_mode = 'deny'")
        )
    except RuntimeError as error:
        return str(error)


def _filters() -> str:
    """Return the policy of each local table: what its sharding key sends to a shard, and all for what fills others."""
    statements = [_RECORD.strip(), *(statement for migration in shipped() for statement in migration.statements)]
    found = (_SHARDED.search(one) for statement in statements for one in spread(statement, CLUSTER))
    return "".join(
        f"<{one[1]}><filter>{one[2]} % 2 + 1 = shardNum() OR shardNum() = 0</filter></{one[1]}>" for one in found if one
    )


def main(lines: Path) -> None:
    """Print the answers of the two shards."""
    Path("config.xml").write_text(_CONFIG)
    Path("users.xml").write_text(_USERS.format(filters=_filters()))
    database = TwoShards("database?config-file=config.xml")
    migrate(database, currency="EUR", cluster=CLUSTER)
    assert migrate(database, currency="EUR", cluster=CLUSTER) == []
    said = answers(database, lines)
    json.dump(said | {"denied": _denied(database)}, sys.stdout)
    database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
