"""The dashboards read metrics and columns that exist, from sources that exist."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sinks.database import Database
from tests.unit.deploy.files import DEPLOY, load
from tests.unit.deploy.promql import ours, series_of

FOLDER = DEPLOY / "grafana"
BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted((FOLDER / "dashboards").glob("*.json"))
}
SOURCES = {
    source["uid"]: source
    for path in (FOLDER / "provisioning" / "datasources").glob("*.yaml")
    for source in load(path)["datasources"]
}
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in board["panels"] if panel["type"] != "row"]
EVERY_PANEL = pytest.mark.parametrize(("board", "panel"), PANELS, ids=[f"{n}: {p['title']}" for n, p in PANELS])

EXPRESSIONS = [target["expr"] for _, panel in PANELS for target in panel["targets"] if "expr" in target]
QUERIES = {
    f"{name}: {panel['title']}": target["rawSql"]
    for name, panel in PANELS
    for target in panel["targets"]
    if "rawSql" in target
} | {
    f"{name}: {annotation['name']}": annotation["target"]["rawSql"]
    for name, board in BOARDS.items()
    for annotation in board["annotations"]["list"]
}


def filled(query: str) -> str:
    """Return a query as Grafana's plugin sends it: macros and variables replaced."""
    query = re.sub(
        r"\$__timeFilter\((\w+)\)",
        r"\1 >= toDateTime(1767225600) AND \1 <= toDateTime(1769904000)",
        query,
    )
    return query.replace("${grain}", "1h")


def test_the_two_dashboards_are_there() -> None:
    assert set(BOARDS) == {"touchline-operations", "touchline-customers"}


def test_dashboards_are_known_by_unique_uids_and_titles() -> None:
    assert {name: board["uid"] for name, board in BOARDS.items()} == {name: name for name in BOARDS}
    assert len({board["title"] for board in BOARDS.values()}) == len(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_unique_ids_and_do_not_overlap(name: str) -> None:
    panels = BOARDS[name]["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}

        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)


@EVERY_PANEL
def test_every_panel_names_a_source_that_exists(board: str, panel: dict[str, Any]) -> None:
    for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
        assert source["type"] == SOURCES[source["uid"]]["type"], board


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_exists(expression: str) -> None:
    assert ours(expression) <= series_of()


def test_every_metric_is_shown() -> None:
    shown = set[str]().union(*(ours(expression) for expression in EXPRESSIONS))
    whole = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    served = {re.sub(r"_(bucket|sum|count)$", "", name) for name in series_of()}

    assert whole == served


@pytest.mark.embedded
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_every_query_runs_on_the_projects_tables(chdb: Database, query: str) -> None:
    chdb.query(filled(query))

    assert "$" not in filled(query)
    assert "_rows" not in query


@pytest.mark.embedded
def test_series_over_time_come_in_order_of_a_column_named_time(chdb: Database) -> None:
    for board, panel in PANELS:
        if board != "touchline-customers" or panel["type"] != "timeseries":
            continue
        (target,) = panel["targets"]
        columns = json.loads(chdb.query(filled(target["rawSql"])))["meta"]

        assert columns[0]["name"] == "time", panel["title"]
        assert columns[0]["type"].startswith("DateTime")
        assert target["rawSql"].endswith("ORDER BY time")


def test_dashboards_are_where_the_provider_looks() -> None:
    (provider,) = load(FOLDER / "provisioning" / "dashboards" / "touchline.yaml")["providers"]
    (mount,) = [
        volume
        for volume in load(DEPLOY.parent / "docker-compose.yml")["services"]["grafana"]["volumes"]
        if volume.startswith("./deploy/grafana/dashboards:")
    ]

    assert mount.split(":")[1] == provider["options"]["path"]


def test_the_sources_hold_no_password() -> None:
    for source in SOURCES.values():
        for secret in source.get("secureJsonData", {}).values():
            assert re.fullmatch(r"\$[A-Z_]+", secret)
    assert SOURCES["touchline-clickhouse"]["jsonData"]["username"] == "touchline_reader"
