"""docs/metrics.md tells all of each view of insight: what it says, formula, bucket, settings, source, and a query."""

from __future__ import annotations

import re

import pytest

from sinks.database import Database
from sinks.migrate import shipped
from streams.settings import documented
from tests.unit.test_docs import METRICS, code, fenced, section, table

GLANCE = section(METRICS, "## Insight at a glance")
VIEWS = (
    "contact_causes", "customer_contacts", "abandonment_causes", "exits", "change_effects", "topics", "topic_mentions",
    "topic_trends", "metric_health", "metric_anomalies", "customers", "cohorts", "departures", "campaign_value",
    "standing",
)  # fmt: skip
"""Those that say why, how much, and whether it gets better: written out, since no list in the code is theirs."""
SETTINGS = {setting.variable for setting in documented()}
VIEW = re.compile(r"\[`(\w+)`\]\(#([\w-]+)\)")


def told() -> dict[str, tuple[str, list[str]]]:
    """Return by view the anchor of its section, and what the other cells of its row say."""
    found = {}
    for first, *others in table(GLANCE):
        link = VIEW.fullmatch(first)
        assert link, f"{first!r} is no link to the section of a view"
        found[link[1]] = link[2], others
    return found


def own_section(view: str) -> str:
    """Return the section of a view, without those below it."""
    anchor, _ = told()[view]
    (heading,) = [line for line in METRICS.splitlines() if re.fullmatch("## .+", line) and _anchor(line) == anchor]
    return section(METRICS, heading)


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.removeprefix("## ").lower()).replace(" ", "-")


def queries(view: str) -> list[str]:
    """Return the queries of a view's section that read it."""
    read = re.compile(rf"\b(?:FROM|JOIN) {view}\b")
    return [query for query in fenced(own_section(view), "sql") if read.search(query)]


def test_each_view_of_insight_has_its_row_and_no_other_view() -> None:
    assert tuple(told()) == VIEWS


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_told_in_one_sentence_with_formula_bucket_settings_and_source(view: str) -> None:
    _, (says, formula, bucket, settings, source) = told()[view]

    assert re.fullmatch(r"[A-Z][^.?!]+\.", says)
    assert formula
    assert "; " in bucket, "say what a row is; and which moment selects its bucket"
    assert settings == "none" or {code(each) for each in settings.split(", ")} <= SETTINGS
    migration = re.match(r"\[\d{4}\]\(\.\./sinks/migrations/([\w.]+)\), of `", source)
    assert migration, "name the migration, and what the view is made of"
    (sql,) = [each.sql for each in shipped() if each.name == migration[1].removesuffix(".sql")]
    assert re.search(rf"VIEW touchline\.{view} AS", sql)


@pytest.mark.embedded
@pytest.mark.parametrize("view", VIEWS)
def test_the_section_of_a_view_has_a_query_of_it_that_runs(view: str, chdb: Database) -> None:
    assert queries(view)
    for query in queries(view):
        chdb.query(query)
