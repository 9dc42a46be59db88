"""What one robot states breaks no view for all others: what a view takes grows with its touchpoints, not their square.

Each robot here made a view take more than the 4 GB, or the minute, that a reader has.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sinks.migrate import Declared, migrate
from tests.contract.engine import Engine
from tests.unit.sinks.made_up import rows_of

pytestmark = pytest.mark.embedded

MEMORY = 1_000_000_000
START = "toDateTime64('2026-02-01 00:00:00', 3, 'UTC')"
STATED = {
    "event_id": "concat(kind, toString(number))",
    "occurred_at": f"{START} + number / 1000",
    "received_at": START,
    "customer_id": "'robot'",
    "stated_key": "'robot'",
    "fields": "'[]'",
    "version": "1",
}
ANSWER = {
    "kind": "'survey_answer'",
    "action": "'answered'",
    "survey_answer_survey_id": "'s'",
    "survey_answer_question_kind": "'csat'",
    "survey_answer_score": "3",
}


@pytest.fixture
def bounded(chdb: Engine) -> Iterator[Engine]:
    """An embedded database whose statements may take little memory; a few touchpoints take a tenth of it."""
    chdb.execute(f"SET max_memory_usage = {MEMORY}")
    yield chdb
    chdb.execute("SET max_memory_usage = 0")


def state(database: Engine, count: int, **columns: str) -> None:
    """Store so many touchpoints of a robot, each column an expression of `number`."""
    of_all = {**STATED, **columns}
    of_all["event_id"] = of_all["event_id"].replace("kind", of_all["kind"])
    database.execute(
        f"INSERT INTO touchline.touchpoints_rows ({', '.join(of_all)}) "
        f"SELECT {', '.join(of_all.values())} FROM numbers({count})"
    )


def state_spend(database: Engine, campaign: str, count: int) -> None:
    """Store what a campaign cost, each in a currency of its own, as three letters are."""
    currency = "arrayStringConcat(arrayMap(place -> char(65 + intDiv(number, pow(26, place)) % 26), range(3)))"
    database.execute(
        "INSERT INTO touchline.marketing_spend_rows "
        "(spend_id, campaign, period_start, period_end, amount_minor, currency) "
        f"SELECT toString(number), '{campaign}', {START}, {START}, 500, {currency} FROM numbers({count})"
    )


def read(database: Engine, *views: str) -> None:
    """Read views, where their memory is bounded."""
    for view in views:
        database.execute(f"SELECT * FROM touchline.{view} FORMAT Null")


def test_a_robot_that_looks_at_invoices_and_pays_without_an_end(bounded: Engine) -> None:
    """Every 20 minutes one of both: on each of 556 days it looks first, and pays 20 minutes later."""
    action = "if(number % 2 = 0, 'invoice_viewed', 'invoice_paid')"
    state(bounded, 40_000, kind="'page_view'", action=action, occurred_at=f"{START} + number * 1200")
    read(bounded, "payments", "friction")
    (row,) = rows_of(bounded, "SELECT sum(n) AS days, sum(counted) AS unpaid FROM friction")

    assert (int(row["days"]), int(row["unpaid"])) == (556, 0)


def test_a_response_that_answers_ten_thousand_questions(bounded: Engine) -> None:
    question = "concat('a question of some length, number ', toString(number))"
    state(bounded, 10_000, **ANSWER, subject_id="'r'", survey_answer_question_id=question)
    read(bounded, "survey_question_rates", "survey_rates", "survey_results")
    query = "SELECT count() AS steps, sum(answered) AS answered, max(started) AS started FROM survey_question_rates"
    (row,) = rows_of(bounded, f"{query} WHERE survey_id = 's'")

    assert (int(row["steps"]), int(row["answered"]), int(row["started"])) == (10_001, 10_001, 1)


def test_a_hundred_thousand_products_bought_at_once_and_ten_thousand_responses_after_it(bounded: Engine) -> None:
    """The first hundred of them count for each response."""
    items = (
        "arrayMap(place -> (concat('sku-', leftPad(toString(number * 100 + place), 6, '0')), 1, 1)"
        "::Tuple(sku String, quantity Int32, price_minor Int64), range(100))"
    )
    order = {"subject_id": "toString(number)", "value_minor": "100", "occurred_at": START, "purchase_items": items}
    state(bounded, 1_000, kind="'purchase'", action="'placed'", **order)
    after = f"{START} + 1 + number"
    state(bounded, 10_000, **ANSWER, subject_id="toString(number)", survey_answer_question_id="'q'", occurred_at=after)
    read(bounded, "survey_followed", "survey_results", "survey_rates")
    of_products = (
        "SELECT dimension_value AS sku, sum(answers) AS answers FROM survey_results WHERE dimension = 'product'"
    )
    found = {row["sku"]: int(row["answers"]) for row in rows_of(bounded, f"{of_products} GROUP BY sku")}

    assert found == {f"sku-{number:06}": 10_000 for number in range(100)}


def test_of_a_robots_solved_cases_the_newest_hundred_are_looked_at_with_its_visits(bounded: Engine) -> None:
    """One visit, 120 cases in the two minutes after it, each solved an hour later."""
    state(bounded, 1, kind="'page_view'", page_view_page="'/p'", page_view_area="'a'")
    steps = {
        "subject_id": "toString(intDiv(number, 2))",
        "action": "if(number % 2 = 0, 'opened', 'resolved')",
        "case_event_by": "if(number % 2 = 0, 'customer', 'agent')",
        "occurred_at": f"{START} + 1 + intDiv(number, 2) + if(number % 2 = 0, 0, 3600)",
    }
    state(bounded, 240, kind="'case_event'", **steps)
    (row,) = rows_of(bounded, "SELECT * FROM paths WHERE page = '/p'")
    assert (int(row["sessions"]), int(row["solved"]), row["attempts_mean"]) == (1, 100, 1)
    # The newest were asked 21 to 120 seconds after the visit, and solved an hour after that.
    assert row["solution_seconds_p50"] == 3600 + 70.5


def test_a_robot_with_attributes_of_its_own_for_each_of_fifty_thousand_bad_experiences(bounded: Engine) -> None:
    """Half of them before a change, half after it, and no other customer: too few to tell, of whatever attribute."""
    migrate(bounded, declared=Declared(dimensions="*"))
    attributes = "map('a', toString(number), 'b', toString(number), 'c', 'x')"
    felt = {"experience": "-3000", "occurred_at": f"{START} + number * 48", "attributes": attributes}
    state(bounded, 50_000, kind="'case_event'", **felt)
    bounded.execute(
        "INSERT INTO touchline.business_changes_rows (change_id, name, effective_at, version) "
        f"SELECT 'b', 'b', {START} + 1200000, 1"
    )
    rows = rows_of(bounded, "SELECT * FROM change_effects")

    assert {row["dimension"] for row in rows} == {"all"}
    assert [int(row["customers_after"]) for row in rows] == [1, 0, 1]
    assert rows[0]["verdict"] == "too few to tell"


def test_thousands_of_changes_of_the_same_days_with_long_names(bounded: Engine) -> None:
    """Each was beside all others, with their names; and each touchpoint beside each change."""
    number = "leftPad(toString(number), 4, '0')"
    bounded.execute(
        "INSERT INTO touchline.business_changes_rows (change_id, name, effective_at, version) "
        f"SELECT {number}, concat({number}, repeat('x', 996)), {START} + number, 1 FROM numbers(2500)"
    )
    state(bounded, 2_000, kind="'case_event'", experience="-3000", occurred_at=f"{START} + number * 10")
    rows = rows_of(bounded, "SELECT * FROM change_effects WHERE metric = 'experience'")

    assert {row["change_id"] for row in rows} == {f"{number:04}" for number in range(2_400, 2_500)}
    (newest,) = (row["overlaps"] for row in rows if row["change_id"] == "2499")
    assert newest == [f"{number:04}{'x' * 96}" for number in range(2_479, 2_499)]


def test_a_campaign_whose_cost_is_stated_in_thousands_of_currencies(bounded: Engine) -> None:
    """Each of its customers was joined to a list of all of them: of 4,000 customers that took more than a GB."""
    named = "concat('c', toString(number))"
    state_spend(bounded, "spring", 17_576)
    order = {"action": "'placed'", "subject_id": named, "value_minor": "100", "currency": "'EUR'"}
    of_each = {"customer_id": named, "stated_key": named, "attributes": "map('campaign', 'spring')"}
    state(bounded, 4_000, kind="'purchase'", **order, **of_each)
    bounded.execute(
        "INSERT INTO touchline.customers_rows (customer_id, first_seen_at, last_seen_at, currency, version) "
        f"SELECT {named}, {START}, {START}, 'EUR', 1 FROM numbers(4000)"
    )
    read(bounded, "customers", "campaign_value")
    query = "SELECT count() AS customers, countIf(acquisition_cost_minor IS NULL) AS untold FROM customers"
    (row,) = rows_of(bounded, f"{query} WHERE acquired_by = 'spring'")

    # Of a cost in several currencies no customer has a share.
    assert (int(row["customers"]), int(row["untold"])) == (4_000, 4_000)


def count_orders(database: Engine, at: str, values: int) -> None:
    """Store an order at a time in each of so many channels, and among all."""
    database.execute(
        "INSERT INTO touchline.metric_buckets_rows (metric, bucket, dimension, dimension_value, n, numerator, version) "
        f"SELECT 'orders', {at}, if(number = 0, 'all', 'channel'), if(number = 0, '', toString(number)), 1, 1, 1 "
        f"FROM numbers({values + 1})"
    )


def reach(database: Engine, at: str) -> None:
    """Let the pipeline have come to a time."""
    database.execute(f"INSERT INTO touchline.clocks_rows (partition, time, settled, version) SELECT 0, {at}, {at}, 1")


def test_what_is_dated_1971_gives_no_series_half_a_million_hours(bounded: Engine) -> None:
    """A touchpoint of a new installation may be, in thirty values of a dimension; each hour since was a row."""
    reach(bounded, START)
    for at in ("toDateTime64('1971-02-01 00:00:00', 3, 'UTC')", f"{START} - 86400 * 2"):
        count_orders(bounded, at, 29)
    read(bounded, "metric_health", "metric_anomalies")
    (row,) = rows_of(bounded, "SELECT count() AS days, sum(day_n) AS orders FROM metric_days")

    assert (int(row["days"]), int(row["orders"])) == (30 * 2, 30)


def test_two_thousand_values_of_a_dimension_do_not_slow_down_who_asks_for_another(bounded: Engine) -> None:
    """They have 34 million hours; a question that names dimension and value reads its own alone."""
    reach(bounded, START)
    count_orders(bounded, f"{START} - 86400 * 700", 2_000)
    query = "SELECT count() AS days, sum(n) AS orders FROM metric_health WHERE grain = '1d'"
    (row,) = rows_of(bounded, f"{query} AND metric = 'orders' AND dimension = 'all' AND dimension_value = ''")

    assert (int(row["days"]), int(row["orders"])) == (700, 1)
