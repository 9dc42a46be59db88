"""The documents agree with the code: what one says and the other does not is a failure here.

`docs/operating.md` has a test of its own (`test_operating_page.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from schemas.avro.codec import KIND_RECORDS
from schemas.avro.registry import current_schemas
from schemas.errors import REASONS
from schemas.metrics import METRICS_BY_NAME
from schemas.topics import KIND_TOPICS, SIGNAL_ABANDONMENTS, SIGNAL_FOLLOW_UPS, SIGNAL_SHIFTS
from schemas.units import SCALE
from sinks.database import Database, select
from sinks.release import LEAST_CLICKHOUSE
from streams.identity.placeholders import NO_IDENTITY
from streams.journeys.experience import HAPPENED
from streams.kafka.release import LEAST_KAFKA
from streams.settings import documented
from touchline.main import COMMANDS, cli

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")])
README = (ROOT / "README.md").read_text("utf-8")
CONTRACT = (ROOT / "docs" / "contract.md").read_text("utf-8")
OPERATING = (ROOT / "docs" / "operating.md").read_text("utf-8")
METRICS = (ROOT / "docs" / "metrics.md").read_text("utf-8")
CONTRACT_METRICS = [
    "nps",
    "csat",
    "ces",
    "orders",
    "revenue",
    "refunds",
    "cart_abandonment_rate",
    "call_abandonment_rate",
    "speed_of_answer",
    "hold_time",
    "service_level",
    "survey_abandonment_rate",
    "first_response_time",
    "sentiment",
    "experience",
    "sentiment_shifts",
]
"""As the contract lists them: written out, since no list in the code is theirs."""

UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "min": 60_000}
ADR_LINES = 60

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def section(page: str, heading: str) -> str:
    """Return what stands below a heading, to the next one of its level or above."""
    level = heading.partition(" ")[0]
    _, _, rest = page.partition(f"\n{heading}\n")
    assert rest, f"there is no heading {heading!r}"
    return re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def table(text: str) -> list[list[str]]:
    """Return the rows of the first table in a text, without its head."""
    lines = re.search(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE)
    assert lines, "there is no table"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[0].splitlines()]
    return rows[2:]


def fenced(text: str, language: str = r"\w*") -> list[str]:
    """Return the blocks of code in a text."""
    return re.findall(rf"^```{language}\n((?s:.*?))^```", text, re.MULTILINE)


def code(cell: str) -> str:
    """Return what a cell shows as code."""
    found = re.fullmatch(r"`([^`]+)`.*", cell)
    assert found, f"{cell!r} does not begin with code"
    return found[1]


def milliseconds(text: str) -> int:
    """Return the length of time that a cell says: `30 d 30 min`."""
    return sum(int(number) * UNITS_MS[unit] for number, unit in re.findall(r"(\d+) (d|h|min)\b", text))


# -- metrics.md --------------------------------------------------------------------------------------------------------


def test_the_table_of_experience_is_the_codes() -> None:
    said = {
        (code(kind), what): float(weight.replace("\N{MINUS SIGN}", "-")) * SCALE
        for kind, what, weight in table(section(METRICS, "## Experience"))
    }

    assert said == pytest.approx(HAPPENED)


def test_the_contracts_metrics_are_listed_and_no_others() -> None:
    said = [code(row[0]) for row in table(section(METRICS, "## The list"))]

    assert said == CONTRACT_METRICS, f"add to CONTRACT_METRICS in {__name__}: {set(said) - set(CONTRACT_METRICS)}"


def test_every_metric_says_how_long_it_can_be_restated() -> None:
    said = {code(row[0]): milliseconds(row[4]) for row in table(section(METRICS, "## The list"))}

    assert {metric: length for metric, length in said.items() if length} == {
        name: metric.restated_ms for name, metric in METRICS_BY_NAME.items() if metric.restated_ms
    }


# -- contract.md -------------------------------------------------------------------------------------------------------


def test_every_kind_stands_with_its_topic_and_record() -> None:
    said = {code(kind): (code(topic), record.split(":")[0]) for kind, topic, record in table(CONTRACT)}

    assert said == {kind: (topic, KIND_RECORDS[kind]) for kind, topic in KIND_TOPICS.items()}


@pytest.mark.parametrize("record", sorted(KIND_RECORDS.values()))
def test_every_field_of_a_kind_has_its_row(record: str) -> None:
    common = [code(row[0]) for row in table(section(CONTRACT, "### Fields of every touchpoint"))]
    own = [code(row[0]) for row in table(section(CONTRACT, f"#### {record}")) if "[]" not in row[0]]
    fields = [field["name"] for field in current_schemas()[record]["fields"]]

    assert own == (fields[len(common) :] if fields[: len(common)] == common else fields)


@pytest.mark.parametrize("record", ["SentimentShift", "Abandonment", "FollowUp"])
def test_every_field_of_a_signal_has_its_row(record: str) -> None:
    own = [code(row[0]) for row in table(section(CONTRACT, f"#### {record}"))]

    assert own == [field["name"] for field in current_schemas()[record]["fields"]]


BY_HAND = {
    "Purchase": "`items[].quantity` | int | pieces | 0 to 2,147,483,647 | required | `2` | How many, 0 or more.",
    "Tweet": "`rating` | int or null | stars | 1 to 5 | `null` | `2` | A review's stars, 1 to 5.",
    "CartEvent": '`currency` | string or null |  | three capital letters | `null` | `"EUR"` '
    "| ISO 4217 code: three capital letters.",
    "PageView": "`duration_ms` | long or null | ms | \N{MINUS SIGN}1,000,000,000,000 to 1,000,000,000,000 | `null` "
    "| `830` | How long it was looked at, in milliseconds.",
    "MarketingSpend": "`period_end` | timestamp-millis | ms since 1970 | 1990-01-01 to 2200-01-01; not before "
    '`period_start` | required | `"2026-06-16T00:00:00.000Z"` | End of the period, UTC; may lie ahead.',
    "SentimentShift": "`before_mean` | double | experience | \N{MINUS SIGN}1 to 1 | required | `0.62` "
    "| Mean experience before the onset, -1 to 1.",
}
"""A row of the table of fields by record: field, type, unit, range, default, example, meaning."""


@pytest.mark.parametrize("record", BY_HAND)
def test_a_field_is_told_with_all_that_a_producer_needs(record: str) -> None:
    assert f"| {BY_HAND[record]} |" in section(CONTRACT, f"#### {record}").splitlines()


def test_every_reason_for_a_refusal_is_explained() -> None:
    assert [code(row[0]) for row in table(section(CONTRACT, "## 2. What is refused"))] == list(REASONS)


def test_every_value_that_is_no_identity_is_named() -> None:
    ignored = section(CONTRACT, "## 3. The customer").split("These values are not identities")[1].split(".")[0]

    assert {value.lower() for value in re.findall(r"`([^`]+)`", ignored)} | {""} == NO_IDENTITY


def test_every_signal_is_described() -> None:
    said = {code(row[0]) for row in table(section(CONTRACT, "### Signals"))}

    assert said == {SIGNAL_SHIFTS, SIGNAL_ABANDONMENTS, SIGNAL_FOLLOW_UPS}


def test_the_least_releases_are_those_that_are_checked() -> None:
    rows = table(section(CONTRACT, "## 11. Releases of Kafka and ClickHouse"))

    assert {row[0]: row[1] for row in rows} == {"Kafka": LEAST_KAFKA, "ClickHouse": LEAST_CLICKHOUSE}


@pytest.mark.embedded
def test_the_views_have_the_columns_that_are_named(chdb: Database) -> None:
    for view, _, columns in table(section(CONTRACT, "### Views")):
        found = select(chdb, f"SELECT name FROM system.columns WHERE table = '{code(view)}' ORDER BY position")
        assert columns.split(", ") == [str(name) for (name,) in found], f"view {view}"


# -- every page --------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(target), f"{link}: there is no such heading"


@every_page
def test_every_command_exists(page: Path) -> None:
    for words in commands_in(page.read_text("utf-8")):
        command = cli.get_command(click.Context(cli), words[0])
        assert command is not None, f"there is no touchline {words[0]}"
        if isinstance(command, click.Group) and len(words) > 1:
            assert words[1] in command.commands, f"there is no touchline {' '.join(words[:2])}"
            command = command.commands[words[1]]
        options = {name for parameter in command.params for name in parameter.opts}
        for word in words:
            if word.startswith("--"):
                assert word in options, f"touchline {words[0]} has no {word}"


def commands_in(page: str) -> Iterator[list[str]]:
    """Yield the words behind `touchline` in every piece of code, up to its first quote or comment."""
    blocks = fenced(page) + re.findall(r"(?:^    .*\n)+", page, re.MULTILINE)
    spans: list[str] = re.findall(r"`([^`\n]+)`", re.sub(r"^```(?s:.*?)^```", "", page, flags=re.MULTILINE))
    for piece in [line for block in blocks for line in block.splitlines()] + spans:
        found = re.match(r"\s*(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?touchline +([a-z][^\"#]*)", piece)
        if found:
            yield found[1].split()


@pytest.mark.parametrize("page", [README, OPERATING], ids=["README", "operating"])
def test_the_least_releases_of_the_servers_are_stated(page: str) -> None:
    text = " ".join(page.split())

    assert f"Kafka {LEAST_KAFKA} or later" in text
    assert f"ClickHouse {LEAST_CLICKHOUSE} or later" in text


def test_every_command_is_in_the_contract() -> None:
    said = {code(row[0]).split(" ")[1] for row in table(section(CONTRACT, "## 9. Commands"))}

    assert said == set(COMMANDS)


@every_page
def test_every_setting_that_is_named_exists(page: Path) -> None:
    known = {setting.variable for setting in documented()}

    assert set(re.findall(r"\bTOUCHLINE_[A-Z_]*[A-Z]\b", page.read_text("utf-8"))) <= known


@pytest.mark.embedded
@pytest.mark.parametrize("query", re.findall(r"[^;]+(?=;)", "".join(fenced(README, "sql"))))
def test_the_readmes_queries_run(query: str, chdb: Database) -> None:
    chdb.query(query)


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=lambda page: page.stem)
def test_a_decision_takes_a_page(page: Path) -> None:
    text = page.read_text("utf-8")

    assert re.match(rf"# {int(page.name[:4])}\. ", text)
    assert len(text.splitlines()) <= ADR_LINES
