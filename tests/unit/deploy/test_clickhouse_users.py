"""The users of deploy/clickhouse have the rights they need and no others: tried out on an embedded ClickHouse.

An embedded ClickHouse knows one user who is logged in, `default`. So each role's definition is given that name
in turn, in a process of its own; nothing else of the file is changed.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import copyfile
from xml.etree import ElementTree as ET

import pytest

from schemas.metrics import METRICS
from schemas.rows import TABLES
from tests.unit.deploy.files import DEPLOY, ROOT

USERS = DEPLOY / "clickhouse" / "users.d" / "touchline.xml"
TIMEOUT = USERS.with_name("touchline_timeout.xml")
CONFIG = DEPLOY / "clickhouse" / "config.d" / "touchline.xml"
OWNER, WRITER, READER = "touchline_owner", "touchline_writer", "touchline_reader"
SCRIPT = Path(__file__).with_name("speak_as.py")

# The contract's views, section 3, and those the project adds.
VIEWS = (
    "touchpoints", "purchases", "purchase_items", "tweets", "support_calls", "survey_answers", "cart_events",
    "case_events", "page_views", "journeys", "sentiment_shifts", "abandonments", "rolling_metrics", "customers",
    "dead_letters", "business_changes", "marketing_spend", "clocks", "metric_definitions", "targets",
    "reconciliation", "cases", "case_metrics", "staff", "survey_questions", "survey_responses", "survey_results",
    "survey_rates", "survey_question_rates", "survey_changes", "survey_words", "mentions", "paths", "friction",
    "customer_totals", "cohorts", "departures", "campaign_value", "standing", "follow_ups", "follow_up_metrics",
    "contact_causes", "customer_contacts", "abandonment_causes", "exits", "metric_health", "metric_anomalies",
    "change_effects", "topic_mentions", "topics", "topic_trends",
)  # fmt: skip
CLOCK = "INSERT INTO touchline.clocks_rows (partition, time, offset, version) VALUES (0, '2026-01-01 00:00:00', 7, 1)"

# As the configuration that comes with ClickHouse has one: `cluster` then has somewhere to go. Nothing listens there.
CLUSTER = "<default><shard><replica><host>127.0.0.1</host><port>9</port></replica></shard></default>"

Answers = list[list[str]]
Speak = Callable[[str, Sequence[str]], Answers]


def configure(folder: Path, role: str) -> None:
    """Write the configuration of a ClickHouse whose only login has a role's rights."""
    users = ET.parse(USERS)  # noqa: S314  # the project's own file
    listed = users.find("users")
    assert listed is not None
    for removed in listed.findall("default"):
        listed.remove(removed)
    definition = listed.find(role)
    assert definition is not None
    login = copy.deepcopy(definition)
    login.tag = "default"
    login.find("password").attrib.clear()  # type: ignore[union-attr]  # every user has one
    listed.append(login)
    if role == OWNER:
        # Views are to be the owner's under its own name, as on a server.
        profile = users.find(f"profiles/{OWNER}")
        assert profile is not None
        ET.SubElement(profile, "default_view_definer").text = OWNER
        grants = login.find("grants")
        assert grants is not None
        ET.SubElement(grants, "query").text = f"GRANT SET DEFINER ON {OWNER}"
    for part in ("users.d", "config.d"):
        (folder / part).mkdir(exist_ok=True)
    users.write(folder / "users.d" / USERS.name)
    copyfile(CONFIG, folder / "config.d" / CONFIG.name)
    base = "<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users/></clickhouse>"
    (folder / "users.xml").write_text(base)
    (folder / "config.xml").write_text(
        f"<clickhouse><users_config>{folder / 'users.xml'}</users_config><remote_servers>{CLUSTER}</remote_servers>"
        "</clickhouse>"
    )


def run(folder: Path, role: str, arguments: Sequence[str] = (), stdin: str = "") -> str:
    """Run the script as a role; return what it prints."""
    configure(folder, role)
    passwords = {f"CLICKHOUSE_{who}_PASSWORD": who.lower() for who in ("OWNER", "WRITER", "READER")}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder / "data"), *arguments],
        cwd=folder,
        env={**os.environ, **passwords, "PYTHONPATH": str(ROOT)},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def speak(tmp_path_factory: pytest.TempPathFactory, chdb_folder: Path) -> Speak:
    """Run statements as a role, on tables that the owner has made."""
    folder = tmp_path_factory.mktemp("clickhouse-users")
    assert chdb_folder  # there is an embedded ClickHouse
    run(folder, OWNER, ["migrate"])
    run(folder, OWNER, stdin=json.dumps([CLOCK]))

    def answers(role: str, statements: Sequence[str]) -> Answers:
        told: Answers = json.loads(run(folder, role, stdin=json.dumps(list(statements))))
        return told

    return answers


pytestmark = pytest.mark.embedded


def test_the_reader_reads_every_view(speak: Speak) -> None:
    answers = speak(READER, [f"SELECT count() FROM touchline.{view}" for view in VIEWS])

    # `migrate` fills the definitions: a row a metric, a target, and a question of the service questionnaire.
    held = {"clocks": "1\n", "metric_definitions": f"{len(METRICS)}\n", "survey_questions": "12\n", "targets": "3\n"}
    assert answers == [[held.get(view, "0\n"), ""] for view in VIEWS]


def test_the_reader_sees_nothing_under_the_views(speak: Speak) -> None:
    tables = [f"{table}_rows" for table in TABLES]

    answers = speak(READER, [f"SELECT count() FROM touchline.{table}" for table in tables])

    assert all("ACCESS_DENIED" in error for _, error in answers), answers


def test_the_reader_changes_nothing(speak: Speak) -> None:
    answers = speak(READER, [CLOCK, "CREATE TABLE touchline.x (a Int8) ENGINE = Memory", "DROP VIEW touchline.clocks"])

    assert all("ACCESS_DENIED" in error or "READONLY" in error for _, error in answers), answers


def test_the_reader_may_lower_the_time_of_a_query_alone() -> None:
    # An embedded ClickHouse takes no such constraint: it does not read what the constraint needs.
    (profile,) = ET.parse(TIMEOUT).getroot().iterfind("profiles/*")  # noqa: S314  # the project's own file
    config = ET.parse(CONFIG)  # noqa: S314  # the project's own file
    users = ET.parse(USERS)  # noqa: S314  # the project's own file

    assert profile.tag == READER
    assert {setting.tag: {one.tag: one.text for one in setting} for setting in profile.iterfind("constraints/*")} == {
        # Grafana's client sends its timeout and five seconds: 65 by default.
        "max_execution_time": {"min": "1", "max": "65", "changeable_in_readonly": None}
    }
    assert users.findtext(f"profiles/{READER}/max_execution_time") == "65"
    assert config.findtext("access_control_improvements/settings_constraints_replace_previous") == "true"


def test_the_reader_lifts_no_limit(speak: Speak) -> None:
    lifted = [
        "max_execution_time = 0",
        "max_execution_time = 66",
        "max_memory_usage = 0",
        "max_memory_usage_for_user = 0",
        "max_concurrent_queries_for_user = 0",
        "max_untracked_memory = 1",
    ]
    changed = ["max_threads = 64", "readonly = 0", "readonly = 2", "log_queries = 0", "timeout_overflow_mode = 'break'"]
    both = ["max_execution_time = DEFAULT, max_memory_usage = 0", "compatibility = '22.1'"]
    statements = [f"{how} {one}" for one in [*lifted, *changed, *both] for how in ("SELECT 1 SETTINGS", "SET")]
    limits = ("max_execution_time", "max_memory_usage", "max_memory_usage_for_user", "max_concurrent_queries_for_user")
    values = f"SELECT {', '.join(f'getSetting({name!r})' for name in ('readonly', *limits))}"

    *answers, _, after = speak(READER, [*statements, "SET profile = 'default'", values])

    assert [
        (statement, error)
        for statement, (_, error) in zip(statements, answers, strict=True)
        if not any(name in error for name in ("READONLY", "SETTING_CONSTRAINT_VIOLATION"))
    ] == []
    # Another profile than its own lifts nothing.
    assert after == ["1\t65\t4000000000\t8000000000\t20\n", ""]


def test_the_reader_writes_no_file_and_opens_no_address(speak: Speak, tmp_path: Path) -> None:
    there, made, nobody = tmp_path / "there.csv", tmp_path / "made", "127.0.0.1:9"
    there.write_text("secret\n")
    sources = [
        f"file('{there}', CSV, 'a String')",
        f"`{there}`",
        f"url('http://{nobody}/', CSV, 'a Int8')",
        f"s3('http://{nobody}/bucket/x', 'k', 's', CSV, 'a Int8')",
        f"remote('{nobody}', touchline.clocks)",
        f"remoteSecure('{nobody}', touchline.clocks)",
        "cluster('default', touchline.clocks)",
        "clusterAllReplicas('default', system.one)",
        f"mysql('{nobody}', 'd', 't', 'u', 'p')",
        f"postgresql('{nobody}', 'd', 't', 'u', 'p')",
        f"mongodb('{nobody}', 'd', 't', 'u', 'p', 'a Int8')",
        f"sqlite('{there}', 't')",
        f"redis('{nobody}', 'a', 'a Int8')",
        "executable('x.sh', CSV, 'a Int8')",
        "loop(touchline.clocks)",
    ]
    statements = [
        *[f"SELECT * FROM {source} LIMIT 1" for source in sources],
        *[f"DESCRIBE TABLE {source}" for source in sources[:4]],
        f"INSERT INTO FUNCTION file('{made}', CSV, 'a Int8') SELECT 1",
        f"INSERT INTO FUNCTION url('http://{nobody}/', CSV, 'a Int8') SELECT 1",
        f"INSERT INTO FUNCTION s3('http://{nobody}/bucket/x', 'k', 's', CSV, 'a Int8') SELECT 1",
        f"CREATE TABLE touchline.x (a Int8) ENGINE = URL('http://{nobody}/', CSV)",
        "CREATE TEMPORARY TABLE x (a Int8)",
        f"CREATE TEMPORARY TABLE x (a Int8) ENGINE = File(CSV, '{made}')",
        f"CREATE DICTIONARY touchline.d (a Int8) PRIMARY KEY a SOURCE(FILE(path '{there}' format CSV)) LAYOUT(FLAT())",
        "CREATE FUNCTION f AS x -> x",
        f"BACKUP TABLE touchline.clocks TO File('{made}')",
        "ALTER TABLE touchline.clocks_rows DELETE WHERE 1",
        "SYSTEM FLUSH LOGS",
        "GRANT SELECT ON touchline.clocks_rows TO touchline_reader",
    ]

    answers = speak(READER, statements)

    refused = ("ACCESS_DENIED", "READONLY")
    assert [
        (statement, error)
        for statement, (_, error) in zip(statements, answers, strict=True)
        if not any(name in error for name in refused)
    ] == []
    assert not made.exists()


def test_the_writer_writes_and_reads_rows(speak: Speak) -> None:
    # ClickHouseDatabase asks for the server's settings and a table's columns before it inserts.
    asked = ["SELECT count() > 0 FROM system.settings", "DESCRIBE TABLE touchline.clocks_rows"]

    answers = speak(WRITER, [*asked, CLOCK, "SELECT max(offset) FROM touchline.clocks"])

    assert [error for _, error in answers] == ["", "", "", ""]
    assert answers[-1][0] == "7\n"


def test_the_writer_is_told_what_is_missing(speak: Speak) -> None:
    asked = [
        "SELECT count() FROM system.tables WHERE database = 'touchline' AND name = 'reconciliation'",
        "SELECT count() FROM touchline.reconciliation WHERE missing > 0",
    ]

    assert speak(WRITER, asked) == [["1\n", ""], ["0\n", ""]]


def test_the_writer_makes_and_drops_nothing(speak: Speak) -> None:
    statements = [
        "CREATE TABLE touchline.x (a Int8) ENGINE = Memory",
        "DROP TABLE touchline.clocks_rows",
        "TRUNCATE TABLE touchline.clocks_rows",
        "ALTER TABLE touchline.clocks_rows DELETE WHERE 1",
        "CREATE DATABASE other",
        "CREATE USER other",
    ]

    assert all("ACCESS_DENIED" in error for _, error in speak(WRITER, statements))


def test_the_owner_owns_touchline_and_nothing_else(speak: Speak) -> None:
    statements = ["CREATE DATABASE other", "CREATE USER other", "GRANT SELECT ON touchline.* TO touchline_reader"]

    answers = speak(OWNER, ["TRUNCATE TABLE touchline.customers_rows", *statements])

    assert answers[0] == ["", ""]
    assert all("ACCESS_DENIED" in error for _, error in answers[1:]), answers


def test_nobody_is_without_a_password() -> None:
    users = ET.parse(USERS).find("users")  # noqa: S314  # the project's own file
    assert users is not None
    removed = [user.tag for user in users if user.get("remove") == "remove"]
    named = {user.tag: user for user in users if user.get("remove") is None}

    assert removed == ["default"]
    assert set(named) == {OWNER, WRITER, READER}
    for name, user in named.items():
        password = user.find("password")
        assert password is not None
        assert password.get("from_env") == f"CLICKHOUSE_{name.removeprefix('touchline_').upper()}_PASSWORD"
        assert not (password.text or "").strip()
