"""`touchline query` reads, in any format, and changes nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servers.clickhouse import ClickHouseServer
from sinks.clickhouse.address import parse_server
from sinks.clickhouse.database import ClickHouseDatabase
from sinks.database import select
from sinks.errors import QueryError, TransientWriteError
from sinks.functions import may_be_called
from sinks.open import open_database
from sinks.query import run_query
from sinks.statement import reading_statement
from tests.contract.engine import Engine
from tests.contract.facts_rows import PLAIN
from tests.unit.sinks.statements import REACHING, READING

ROOT = Path(__file__).parents[3]


@pytest.mark.embedded
def test_a_table_for_people(chdb: Engine, chdb_folder: Path) -> None:
    chdb.write("touchpoints", [msgspec.structs.astuple(PLAIN["touchpoints"])])

    shown = run_query(
        f"chdb://{chdb_folder}",
        "SELECT event_id, experience, sentiment, value_minor, '日本' AS wide FROM touchpoints;",
    )

    assert shown.decode() == (
        "event_id  experience  sentiment  value_minor  wide\n"
        "────────  ──────────  ─────────  ───────────  ────\n"
        "e1              0.25          ·         1299  日本\n"
        "\n"
        "1 row\n"
    )


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("sql", "cell"),
    [
        ("'{}'", "a\\u001bb\\u009bc\\u202ed\\ne\\u007f"),
        ("['{}', 'x']", '["a\\u001Bb\\u009bc\\u202ed\\ne\\u007f","x"]'),
        ("map('k', ['{}'])", '{"k":["a\\u001Bb\\u009bc\\u202ed\\ne\\u007f"]}'),
        ("map('{}', 1)", '{"a\\u001Bb\\u009bc\\u202ed\\ne\\u007f":1}'),
        ("tuple('{}', 1)", '["a\\u001Bb\\u009bc\\u202ed\\ne\\u007f",1]'),
        ("unhex('FF41')", "\ufffdA"),
    ],
)
def test_a_table_for_people_holds_no_character_that_steers_a_terminal(
    chdb: Engine,  # noqa: ARG001  # makes the tables
    chdb_folder: Path,
    sql: str,
    cell: str,
) -> None:
    sql = sql.format("a\x1bb\x9bc\u202ed\\ne\x7f")

    shown = run_query(f"chdb://{chdb_folder}", f'SELECT {sql} AS "n\x1b[2J"').decode()

    name, line, value, *_ = shown.splitlines()
    assert name == "n\\u001b[2J"
    assert value == cell
    assert len(line) == max(len(cell), len(name))


@pytest.mark.embedded
def test_a_table_for_people_cuts_long_cells_and_says_so_and_other_formats_are_whole(
    chdb: Engine,  # noqa: ARG001  # makes the tables
    chdb_folder: Path,
) -> None:
    """Each row was as wide as the widest cell: of 1 MB a hundred rows were 100 MB."""
    url, sql = (
        f"chdb://{chdb_folder}",
        "SELECT if(number = 1, repeat('x', 1000000), 'y') AS a, 1 AS b FROM numbers(100)",
    )

    name, line, first, second, *rest = run_query(url, sql).decode().splitlines()
    assert (name, line) == ("a" + " " * 199 + "  b", "─" * 200 + "  ─")
    assert (first, second) == ("y" + " " * 199 + "  1", "x" * 199 + "…  1")
    assert rest[-1] == "100 rows; what is longer than 200 characters is cut: --format JSONEachRow shows all of it"
    assert len(run_query(url, sql, "CSV")) == 1_000_000 + 99 + 100 * len('"",1\n')

    escapes, whole = "SELECT repeat('\n', 101) AS a", "SELECT repeat('\n', 100) AS a"
    assert run_query(url, escapes).decode().splitlines()[2] == "\\n" * 99 + "\\…"
    assert "is cut" in run_query(url, escapes).decode()
    assert run_query(url, whole).decode().splitlines()[2:] == ["\\n" * 100, "", "1 row"]


@pytest.mark.clickhouse
def test_a_table_of_a_server_neither(clickhouse_server: ClickHouseServer) -> None:
    open_database(clickhouse_server.url()).execute("CREATE DATABASE IF NOT EXISTS touchline")

    shown = run_query(clickhouse_server.url(), "SELECT 'a\x1b\x9b' AS a, ['b\u202e\x7f'] AS b").decode()

    assert shown.splitlines()[2].split() == ["a\\u001b\\u009b", '["b\\u202e\\u007f"]']


@pytest.mark.embedded
def test_a_format_of_clickhouse(chdb: Engine, chdb_folder: Path) -> None:
    chdb.write("clocks", [[3, 0, 0, 17, 1]])

    out = run_query(f"chdb://{chdb_folder}", "SELECT partition, offset FROM clocks", "JSONEachRow")

    assert out == b'{"partition":3,"offset":17}\n'


@pytest.mark.embedded
@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO clocks_rows SELECT 1, 1, 1, 1, 1",
        "TRUNCATE TABLE clocks_rows",
        "DROP DATABASE touchline",
        "CREATE TABLE x (a UInt8) ENGINE = Memory",
        "SET readonly = 0",
    ],
)
def test_nothing_can_be_changed(chdb: Engine, chdb_folder: Path, sql: str) -> None:
    chdb.write("clocks", [[3, 0, 0, 17, 1]])

    with pytest.raises(QueryError, match="a query only reads: it begins with SELECT"):
        run_query(f"chdb://{chdb_folder}", sql)
    with pytest.raises(QueryError, match="only reads"):
        chdb.query(sql)
    # Nor does the engine itself take it.
    reader = vars(chdb)["_free"].get()
    with pytest.raises(Exception, match="readonly"):
        reader.query(sql)
    vars(chdb)["_free"].put(reader)

    assert chdb.query("SELECT count() FROM clocks", output_format="TSV") == b"1\n"


@pytest.mark.embedded
@pytest.mark.parametrize("sql", READING)
def test_what_only_reads_is_answered(chdb: Engine, sql: str) -> None:
    assert isinstance(chdb.query(sql, output_format="TSV"), bytes)


def reaching(sql: str, folder: Path) -> str:
    """Return a statement with a file that is there and one that is not."""
    (folder / "there.csv").write_text("secret\n")
    return sql.format(file=folder / "made", there=folder / "there.csv")


@pytest.mark.embedded
@pytest.mark.parametrize("sql", REACHING)
def test_nothing_outside_of_the_database_is_read_or_written(
    chdb: Engine,  # noqa: ARG001  # makes the tables
    chdb_folder: Path,
    tmp_path: Path,
    sql: str,
) -> None:
    with pytest.raises(QueryError):
        run_query(f"chdb://{chdb_folder}", reaching(sql, tmp_path), "TSV")

    assert not (tmp_path / "made").exists()


@pytest.mark.clickhouse
@pytest.mark.parametrize("sql", REACHING)
def test_nothing_outside_of_a_server_is_read_or_written(
    clickhouse_server: ClickHouseServer, tmp_path: Path, sql: str
) -> None:
    open_database(clickhouse_server.url()).execute("CREATE DATABASE IF NOT EXISTS touchline")

    with pytest.raises(QueryError):
        run_query(clickhouse_server.url(), reaching(sql, tmp_path), "TSV")

    assert not (tmp_path / "made").exists()


@pytest.mark.clickhouse
@pytest.mark.parametrize("sql", ["SELECT * FROM url('http://127.0.0.1:9/', CSV, 'a Int8')", "SYSTEM RELOAD CONFIG"])
def test_a_server_itself_refuses_to_reach_outside(clickhouse_server: ClickHouseServer, sql: str) -> None:
    database = open_database(clickhouse_server.url())
    database.execute("CREATE DATABASE IF NOT EXISTS touchline")
    for _ in range(2):
        with pytest.raises(QueryError, match="readonly"):
            database.query(sql)


@pytest.mark.clickhouse
@pytest.mark.parametrize("level", [1, 2])
def test_a_user_who_may_only_read_may_query(clickhouse_server: ClickHouseServer, level: int) -> None:
    open_database(clickhouse_server.url()).execute("CREATE DATABASE IF NOT EXISTS touchline")
    database = ClickHouseDatabase(parse_server(clickhouse_server.url()))
    # As the profile of a user would.
    database._client.settings = {"readonly": level}

    assert database.query("SELECT 1 AS a", output_format="TSV") == b"1\n"


FRAGMENTS = st.sampled_from(
    [
        *("'", '"', "`", "\\", "--", "//", "#", "#!", "/*", "*/", "$$", "$a$", "$", "\n", "\r", "\0", "\u00a0"),
        *("\u2018", "\u2019", "\u201c", "\u201d", " ", "(", ")", ",", ";", "1", "x", "b'", "x'", "e'", "AS", "a"),
        *("SELECT 1", "FORMAT CSV", "INTO OUTFILE '{file}' ", "INTO/**/OUTFILE'{file}'", " INTO OUTFILE $${file}$$"),
        *("file('{there}')", "arrayMap(", "file, ", "['{there}']", " APPLY file ", " FROM (SELECT '{there}' AS a)"),
    ]
)


@pytest.mark.embedded
@given(fragments=st.lists(FRAGMENTS, max_size=12))
@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_hides_in_texts_and_comments(chdb: Engine, tmp_path: Path, fragments: list[str]) -> None:
    (tmp_path / "made").unlink(missing_ok=True)
    try:
        sql, output_format = reading_statement(reaching("SELECT 1 " + "".join(fragments), tmp_path))
        answer = chdb.query(sql, output_format=output_format or "TSV")
    except QueryError:
        answer = b""

    assert b"secret" not in answer
    assert not (tmp_path / "made").exists()


@pytest.mark.embedded
def test_every_function_of_the_engine_that_reaches_outside_is_known(chdb: Engine) -> None:
    functions = [str(row[0]) for row in select(chdb, "SELECT name FROM system.table_functions")]
    safe = [str(row[0]) for row in select(chdb, "SELECT name FROM system.table_functions WHERE allow_readonly")]
    assert len(functions) > len(safe) > 10

    # One also computes a text of values.
    for name in {*functions, "cluster", "clusterAllReplicas", "eval", "input"}.difference(safe, {"format"}):
        with pytest.raises(QueryError, match=f"{name} reaches outside"):
            reading_statement(f"SELECT * FROM {name}('x')")


@pytest.mark.embedded
def test_of_the_engines_functions_those_that_are_not_known_to_compute_are_few(chdb: Engine) -> None:
    names = [str(row[0]) for row in select(chdb, "SELECT name FROM system.functions")]
    refused = {name for name in names if not may_be_called(name)}

    # By their names: files, services, dictionaries, name servers, Keeper, models, and the inside of the server.
    reaching = r"(?i:file|ai|dict(Get|Has|Is)|region|FQDN|fullHost|sleep)|hasColumnInTable|reverseDNS|generateSerial"
    inside = r"transaction|naiveBayesClassifier|catboost|showCertificate|zoo|addressTo|demangle|logTrace|tid|flame"
    expected = {name for name in names if re.match(rf"{reaching}|{inside}", name)}
    assert len(names) > 1500
    assert expected - refused == set()
    assert len(refused) < 0.1 * len(names)


@pytest.mark.parametrize(
    "sql",
    [
        'EXISTS default."/etc/passwd"',
        'SELECT * FROM "default".`/etc/*.csv`',
        "SELECT * FROM `DEFAULT` . x",
        "DESCRIBE default.x",
    ],
)
def test_the_database_whose_tables_may_be_files_is_not_read(sql: str) -> None:
    with pytest.raises(QueryError, match="default reaches outside"):
        reading_statement(sql)


def test_a_column_may_be_called_as_the_database_of_files() -> None:
    assert reading_statement("SELECT t.default.x, default FROM t").sql


@pytest.mark.parametrize(
    ("sql", "output_format"),
    [
        ("SELECT 1 AS a FORMAT CSV", "CSV"),
        ("SELECT * FROM (SELECT 1 AS a) format CSV -- for a sheet\n;", "CSV"),
        ('(SELECT 1 AS a) FORMAT "CSV"', "CSV"),
        ("SELECT count() AS a FROM t WHERE x = 'FORMAT CSV'", None),
        ("SELECT format FROM t ORDER BY format DESC", None),
        ("SELECT f.format x", None),
        ("SELECT 1 AS format", None),
        ("SELECT a FROM format f", None),
        ("SELECT format('{}', a) FROM t", None),
    ],
)
def test_format_at_the_end_is_the_output_format(sql: str, output_format: str | None) -> None:
    assert reading_statement(sql).output_format == output_format
    assert (output_format is None) or "format" not in reading_statement(sql).sql.lower()


@pytest.mark.embedded
def test_format_in_the_query_does_what_the_option_does(
    chdb: Engine,  # noqa: ARG001  # makes the tables
    chdb_folder: Path,
) -> None:
    url = f"chdb://{chdb_folder}"
    assert run_query(url, "SELECT 1 AS a FORMAT CSVWithNames") == run_query(url, "SELECT 1 AS a", "CSVWithNames")
    assert run_query(url, "SELECT 1 AS a FORMAT CSV", "CSV") == b"1\n"
    with pytest.raises(QueryError, match="FORMAT CSV, and --format says TSV"):
        run_query(url, "SELECT 1 FORMAT CSV", "TSV")
    with pytest.raises(QueryError, match="leave SETTINGS out"):
        run_query(url, "SELECT 1 FORMAT CSV SETTINGS readonly = 1")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1; DROP TABLE t", "one statement"),
        ("SELECT 1;;", None),
        ("SELECT 'it''s; INTO OUTFILE', `a;b`, \"c;\" -- ; INSERT\n /* OUTFILE ' */", None),
        ("SELECT $$ ' ; OUTFILE $$, x'41', toDate'2020-01-01'", None),
        ("SELECT $a$ $$ ; $a$", None),
        ("(SELECT url FROM t WHERE url IN ('a')) UNION ALL (SELECT 2)", None),
        ("SELECT 'a", "a text has no end"),
        ("SELECT x'a\\' OUTFILE '", "a letter before it and an escape in it"),
        ("SELECT /* a /* b */ */ 1", "holds another"),
        ("SELECT 1 // a", "begins with //"),
        ("SELECT 1 # a", "as --"),
        ("SELECT a$b$ FROM t", "in double quotes"),
        ("SELECT \u2018a\u2019", "write quotes as"),
        ("SELECT `a", "a name in quotes has no end"),
        ("SELECT t.file, t.`sleep` FROM t", None),
        ("SELECT file FROM t", "as in t.file"),
        ("SELECT `a\\x62`", "without a backslash"),
        ("SELECT settings FROM t", "leave SETTINGS out"),
        ("SELECT '\udcff'", "not UTF-8"),
    ],
)
def test_what_a_statement_may_look_like(sql: str, message: str | None) -> None:
    if message is None:
        assert reading_statement(sql).sql == sql.rstrip(";")
        return
    with pytest.raises(QueryError, match=message):
        reading_statement(sql)


@pytest.mark.embedded
@pytest.mark.parametrize("name", ["DataFrame", "ArrowTable", "Debug", "CSV;", "../x"])
def test_only_formats_of_clickhouse_are_taken(
    chdb: Engine,  # noqa: ARG001  # makes the tables
    chdb_folder: Path,
    name: str,
) -> None:
    with pytest.raises(QueryError, match="format"):
        run_query(f"chdb://{chdb_folder}", "SELECT 1", name)


@pytest.mark.embedded
def test_the_command_itself_refuses_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "database"

    def touchline(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "touchline", *arguments, "--data", str(folder)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    made = "from sinks.open import open_database; open_database('chdb://{}').execute('CREATE DATABASE touchline')"
    subprocess.run([sys.executable, "-c", made.format(folder)], check=True, cwd=ROOT)

    written = touchline("query", f"SELECT 1 INTO OUTFILE '{tmp_path / 'made'}'")
    assert (written.returncode, written.stdout) == (1, "")
    assert (
        written.stderr == "Error: a query writes no file: leave INTO OUTFILE out, and redirect the output with > FILE\n"
    )
    assert touchline("query", "SELECT 1 AS a FORMAT JSONEachRow").stdout == '{"a":1}\n'
    system = touchline("query", "SYSTEM STOP MERGES")
    assert system.returncode == 1
    assert len(system.stderr.splitlines()) == 1
    assert not (tmp_path / "made").exists()


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "not with SELEC"),
        ("SELECT 1 FROM", "Syntax error"),
        ("SELECT nope FROM touchpoints", "nope"),
        ("SELECT * FROM nowhere", "nowhere"),
        (" ; ", "empty"),
    ],
)
def test_a_wrong_query_is_explained(
    chdb: Engine,  # noqa: ARG001  # makes the tables
    chdb_folder: Path,
    sql: str,
    message: str,
) -> None:
    with pytest.raises(QueryError, match=message):
        run_query(f"chdb://{chdb_folder}", sql)


@pytest.mark.embedded
def test_an_unknown_format_is_named(chdb_folder: Path, chdb: Engine) -> None:  # noqa: ARG001  # tables
    with pytest.raises(QueryError, match="Nonsense"):
        run_query(f"chdb://{chdb_folder}", "SELECT 1", "Nonsense")


@pytest.mark.embedded
def test_values_are_given_apart_from_the_text(chdb: Engine) -> None:
    found = chdb.query(
        "SELECT {word:String} AS word, {number:Int64} AS number",
        {"word": "it's; DROP", "number": -5},
        "JSONEachRow",
    )

    assert found == b'{"word":"it\'s; DROP","number":-5}\n'


@pytest.mark.clickhouse
@pytest.mark.parametrize("sql", ["DROP DATABASE touchline", "CREATE TABLE touchline.x (a UInt8) ENGINE = Memory"])
def test_a_server_is_not_changed_either(clickhouse_server: ClickHouseServer, sql: str) -> None:
    open_database(clickhouse_server.url()).execute("CREATE DATABASE IF NOT EXISTS touchline")

    with pytest.raises(QueryError, match="a query only reads"):
        run_query(clickhouse_server.url(), sql)
    with pytest.raises(QueryError, match="readonly"):
        open_database(clickhouse_server.url()).query(sql)


def test_a_server_that_is_not_there_is_named(free_port: int) -> None:
    with pytest.raises(TransientWriteError, match=f"127.0.0.1:{free_port}"):
        run_query(f"clickhouse://127.0.0.1:{free_port}", "SELECT 1")


@pytest.fixture
def free_port() -> int:
    """A port that nothing listens on."""
    from touchline.stack.ports import free_port as find  # noqa: PLC0415  # shadowed by the fixture

    return find()
