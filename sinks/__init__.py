"""Sinks: where rows are stored, and the tables and views over them.

A sink is a `sinks.writer.Writer`, which stores rows. One that speaks SQL is a `sinks.database.Database` as well: it
runs the migrations and answers queries.

How to add a sink, such as Parquet files:

1. Make a folder, `sinks/parquet/`, with a class that has the methods of `Writer`, and of `Database` if it speaks SQL.
   `sinks.tables.table_of` gives the columns and the key of a table; `check_width` refuses rows of another release.
   `sinks.errors` has the errors to raise: whether to send the same rows again depends on the class.
2. Add a line to `SCHEMES` in `sinks/open.py`: the scheme of its addresses, an example, and the function that opens one.
3. Add it to the fixture `store` in `tests/contract/test_writers.py`, which holds all writers to the same promises.
"""
