"""The pages on how it works, and how to change it, name files, functions and settings that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from schemas.rows import TABLES
from schemas.topics import all_topics
from sinks.tables import DATABASE
from streams.settings import documented
from tests.unit.code_names import CodeNames, collect

ROOT = Path(__file__).parents[2]
PACKAGES = ["bench", "docs", "examples", "schemas", "servers", "sinks", "streams", "tests", "touchline"]
PAGES = [
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs" / f"{page}.md" for page in ("adding-a-kind", "glossary", "how-it-works", "operating", "security")),
    *sorted((ROOT / "docs" / "adr").glob("*.md")),
]
FOREIGN = frozenset(
    {
        # Flink and Kafka Streams, in the glossary.
        *("keyBy", "withIdleness", "onTimer", "forBoundedOutOfOrderness", "allowedLateness", "KeyedProcessFunction"),
        *("STREAM_TIME", "UPDATE_BEFORE", "poll"),
        # Sources of Faust and aiokafka.
        *("tables/", "transport/producer.py", "tables/recovery.py", "coordinator/assignors/range.py"),
        # Made by `make fuzz`.
        "build/fuzz/",
        # msgspec, and the linter's mark.
        *("msgspec.json.decode", "noqa"),
    }
)
"""Names of others that the code does not use itself."""
EXAMPLE = re.compile(r"store_?visit|visit_?id", re.IGNORECASE)
"""The kind that adding-a-kind.md adds as an example."""
FILE_ENDINGS = r"\.(?:py|md|tsv|sql|avsc|yml|yaml|xml|jsonl|json|svg|sh|toml)"


@cache
def names() -> CodeNames:
    found = collect(ROOT, PACKAGES)
    found.said |= {topic.name for topic in all_topics()}
    found.said |= {f"{table}_rows" for table in TABLES} | {f"{DATABASE}.{table}_rows" for table in TABLES}
    found.said |= {setting.variable for setting in documented()}
    return found


def spans(text: str) -> Iterator[str]:
    """Yield what stands between backticks, outside of blocks of code."""
    prose = re.sub(r"^```(?s:.*?)^```", "", text, flags=re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", prose)


def unknown(text: str) -> list[str]:
    """Return the spans of a text that look like names of ours, and that the tree does not have."""
    return [span for span in spans(text) if not EXAMPLE.search(span) and not exists(span)]


def exists(span: str) -> bool:
    """Return whether all names in a span exist; what does not look like a name is taken as it is."""
    if span in FOREIGN or span in names().said:
        return True
    if re.fullmatch(r"[\w.*<>/-]+/[\w.*<>-]*", span) or re.fullmatch(rf"[\w.-]+{FILE_ENDINGS}", span):
        return is_path(span)
    if span.startswith("TOUCHLINE_"):
        return span == "TOUCHLINE_*" or span.partition("=")[0] in names().said
    return all(names().knows(name) or name in FOREIGN for name in identifiers(span))


def is_path(span: str) -> bool:
    """Return whether a file or folder exists: from the root, or anywhere by the end of its path."""
    if "<" in span or "NNNN" in span:
        return True
    pattern = span.strip("/")
    return any(ROOT.glob(pattern)) or any(True for package in PACKAGES for _ in (ROOT / package).rglob(pattern))


def identifiers(span: str) -> Iterator[str]:
    """Yield the names, dotted or not, in a span that is Python; nothing for other spans."""
    try:
        tree = ast.parse(span.replace("…", "...").removesuffix(","), mode="eval")
    except SyntaxError:
        return
    yield from names_in(tree.body)


def names_in(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute | ast.Name):
        yield ast.unparse(node)
        return
    if isinstance(node, ast.keyword) and node.arg:
        yield node.arg
    for child in ast.iter_child_nodes(node):
        yield from names_in(child)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_name_on_a_page_exists(page: Path) -> None:
    assert not unknown(page.read_text("utf-8")), "these names are not in the code"


@pytest.mark.parametrize(
    "span",
    [
        "streams/kafka/consumers.py",
        "streams/kafkas/",
        "timelines.py",
        "streams.kafka.changelogs",
        "schemas.units.SCALES",
        "CustomerTimelines",
        "apply_touchpoints",
        "fold.apply_touchpoints",
        "Chunk.acknowledge",
        "effects.changing(ORDERS, attribution, n=1)",
        "effects.change(ORDERS, attribution, numerators=1)",
        "PENDING_MAXIMUM",
        "TOUCHLINE_HORIZON_DAYS",
        "TOUCHLINE_EPOC=1",
    ],
)
def test_a_misspelt_name_is_found(span: str) -> None:
    assert unknown(f"As `{span}` does.") == [span]


@pytest.mark.parametrize(
    "span",
    [
        "streams/kafka/consumer.py",
        "streams/kafka/",
        "carts.py",
        "streams.kafka.changelog",
        "schemas.units.SCALE",
        "CustomerTimeline",
        "fold.apply_touchpoint",
        "Chunk.ack",
        "effects.change(ORDERS, attribution, n=1, numerator=1)",
        "PENDING_MAX",
        "TOUCHLINE_EPOCH",
        "journeys.state.v1",
        "cart_abandonment_rate",
        "epoch << 48 | offset << 8",
        "touchline migrate",
    ],
)
def test_a_name_that_exists_is_not(span: str) -> None:
    assert not unknown(f"As `{span}` does.")


def test_blocks_of_code_are_not_read() -> None:
    assert not unknown("```python\n`no_such_name`\n```\n")
