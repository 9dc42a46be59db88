"""Statements that a query may be, and those that it may not be, of every kind that is known."""

from __future__ import annotations

REACHING = [
    "SELECT 1 INTO OUTFILE '{file}'",
    "SELECT 1 INTO/**/OUTFILE '{file}' TRUNCATE FORMAT CSV",
    "SELECT 1 INTO OUTFILE'{file}'",
    "SELECT 1 -- '\n INTO OUTFILE '{file}'",
    "EXPLAIN SELECT 1 INTO OUTFILE '{file}'",
    "SHOW TABLES INTO\u00a0OUTFILE '{file}'",
    "SELECT $a$ ' $a$ INTO OUTFILE $b${file}$b$",
    "SELECT 1; SELECT 1 INTO OUTFILE '{file}'",
    "INSERT INTO FUNCTION file('{file}', CSV, 'a Int8') SELECT 1",
    "WITH 1 AS x INSERT INTO FUNCTION file('{file}', CSV, 'a Int8') SELECT x",
    "EXPLAIN ANALYZE INSERT INTO FUNCTION file('{file}', CSV, 'a Int8') SELECT 1",
    "SELECT * FROM file('{there}', CSV, 'a String')",
    "SELECT * FROM File /* x */ ('{there}', CSV, 'a String')",
    "SELECT * FROM `file`('{there}', CSV, 'a String')",
    "SELECT * FROM default.`{there}`",
    "SELECT file('{there}')",
    "DESCRIBE TABLE file('{there}')",
    "DESCRIBE TABLE \"fi\\x6ce\"('{there}')",
    "SELECT * FROM eval('SELECT file(\\'{there}\\')')",
    "SELECT * FROM url('http://127.0.0.1:9/', CSV, 'a Int8')",
    "SELECT * FROM s3('http://127.0.0.1:9/bucket/x', CSV, 'a Int8')",
    "SELECT * FROM remote('127.0.0.1:9', touchline.clocks)",
    "SELECT * FROM executable('x.sh', CSV, 'a Int8')",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_threads = 1",
    "SYSTEM STOP MERGES",
    "ATTACH TABLE x",
    "KILL QUERY WHERE 1",
    "BACKUP DATABASE touchline TO File('{file}')",
    "USE system",
    # A function that is named and not called is called all the same.
    "SELECT arrayMap(file, ['{there}'])",
    "SELECT arrayMap((file), ['{there}'])",
    "SELECT arrayMap(file AS f, ['{there}'])",
    "SELECT arrayMap(`file`, ['{there}'])",
    "SELECT arrayMap(\"fi\\x6ce\", ['{there}'])",
    "SELECT * APPLY file FROM (SELECT '{there}' AS a)",
    "SELECT * APPLY(file) FROM (SELECT '{there}' AS a)",
    "SELECT COLUMNS('a') APPLY `file` FROM (SELECT '{there}' AS a)",
    "SELECT * APPLY(x -> file(x)) FROM (SELECT '{there}' AS a)",
    "WITH x -> file(x) AS f SELECT arrayMap(f, ['{there}'])",
    # Servers have these, and functions that their operators have added.
    "SELECT hasColumnInTable('127.0.0.1:9', 'u', 'p', 'touchline', 't', 'a')",
    "SELECT reverseDNSQuery('127.0.0.1')",
    "SELECT generateSerialID('a')",
    "SELECT dictGet('d', 'a', 1)",
    "SELECT * FROM dictionary('d')",
    "SELECT a_program('x')",
    "SELECT sleep(3)",
    "SELECT * FROM mysql('127.0.0.1:9', 'd', 't', 'u', 'p')",
    "SELECT * FROM a_new_source('127.0.0.1:9')",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "SELECT 1 settings/**/max_memory_usage = 0",
    "SELECT (SELECT 1 SETTINGS max_threads = 2)",
    "SELECT 1 FORMAT CSV SETTINGS max_execution_time = 0",
    'SELECT 1 SETTINGS "readonly" = 2',
    "EXPLAIN SELECT 1 SETTINGS max_threads = 2",
    "SELECT 1 PARALLEL WITH INSERT INTO FUNCTION file('{file}', CSV, 'a Int8') SELECT 1",
    "KILL QUERY WHERE user = 'default' SYNC",
    "ALTER TABLE clocks_rows DELETE WHERE 1",
    "OPTIMIZE TABLE clocks_rows",
    "EXECUTE AS default SELECT 1",
    "GRANT SELECT ON *.* TO default",
]
"""Statements that do more than read: `{file}` is not there and must not be made, `{there}` must not be read."""

READING = [
    (
        "SELECT customer_id, count() AS n, countIf(kind = 'tweet'), sumOrNullIf(value_minor, value_minor > 0)"
        " FROM touchpoints GROUP BY customer_id HAVING (n > 1) ORDER BY (n, customer_id) LIMIT (5)"
    ),
    (
        "SELECT quantilesExactWeightedIf(0.5, 0.9)(experience, 1, kind = 'tweet'), avgIf(experience, (1 = 1))"
        " FROM touchpoints"
    ),
    "WITH (SELECT max(occurred_at) FROM touchpoints) AS last, t AS (SELECT 1 AS a) SELECT last, a FROM t",
    "SELECT arrayMap(x -> (x + 1), [1, 2]), arrayFilter((x, y) -> (y), [1], [0]), arrayMap(toString, [1])",
    "SELECT CAST('1' AS Nullable(Decimal(9, 2))), '1'::LowCardinality(String), 'a'::FixedString(9)",
    "SELECT EXTRACT(DAY FROM now()), DATE_ADD(now(), INTERVAL (1) DAY), TRIM(BOTH ' ' FROM ' a '), substring('a', 1)",
    (
        "SELECT row_number() OVER (PARTITION BY kind ORDER BY occurred_at), sum(1) OVER w FROM touchpoints"
        " WINDOW w AS (PARTITION BY kind)"
    ),
    "SELECT * EXCEPT (text) REPLACE (1 AS experience) APPLY (toString) FROM touchpoints",
    "SELECT COLUMNS('_id') APPLY(length) FROM touchpoints",
    "SELECT number, CASE WHEN (number = 1) THEN ('a') ELSE ('b') END FROM numbers(3) WHERE number NOT IN (2)",
    "SELECT * FROM values('a Int8', 1, (2)) UNION ALL (SELECT 1) EXCEPT (SELECT 2)",
    "SELECT a, b FROM (SELECT 1 AS a) AS x LEFT JOIN (SELECT 1 AS a, 2 AS b) AS y USING (a)",
    "SELECT a FROM (SELECT 1 AS a) AS x INNER JOIN (SELECT 1 AS c) AS y ON (x.a = y.c) ARRAY JOIN ([1, 2]) AS d",
    "SELECT kind, sum(1) FROM touchpoints GROUP BY ROLLUP (kind)",
    "SELECT kind, sum(1) FROM touchpoints GROUP BY GROUPING SETS ((kind), ())",
    "SELECT JSONExtractString('{}', 'a'), mapKeys(attributes), attributes['a'] FROM touchpoints",
    "SELECT name, value FROM system.settings WHERE name = 'max_threads'",
    'SELECT "settings" FROM (SELECT 1 AS "settings")',
    "SHOW SETTINGS LIKE 'max_threads'",
    "SHOW TABLES",
    "DESCRIBE (SELECT 1)",
    "DESCRIBE TABLE touchpoints",
    "EXPLAIN SYNTAX SELECT count() FROM touchpoints",
    "EXISTS TABLE touchpoints",
]
"""Statements that only read, with all that stands before a parenthesis and is no function."""
