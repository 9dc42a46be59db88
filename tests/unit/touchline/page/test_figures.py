"""Figures of Service, Voice and Changes: those of the views, asked for by other queries and added up here."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from statistics import median

import pytest
from starlette.testclient import TestClient

from tests.contract.engine import Engine
from tests.oracle.touchpoints import DAY, HOUR, MINUTE
from tests.unit.sinks.made_up import MadeUp, play, rows_of
from tests.unit.touchline.page.door import page_over
from touchline.page.language import NOTHING

pytestmark = pytest.mark.embedded

FIRST = int(datetime(2026, 1, 20, tzinfo=UTC).timestamp() * 1000)
DAYS = 45
PERIOD = "since=2026-02-01&until=2026-02-28"
SINCE, UNTIL = "2026-02-01 00:00:00.000", "2026-03-01 00:00:00.000"


class Shop(MadeUp):
    """Makes up calls, cases, answers, posts, and two changes."""

    def call(self, customer: str) -> None:
        at, agent = self.start(), self.random.choice(("eli", "eli", "mia"))
        for phase, minutes in (("queued", 0), ("answered", 3), ("held", 5), ("resumed", 6), ("ended", 9)):
            said = {"agent_id": agent} if phase != "queued" else {}
            solved = self.random.random() < 0.7 if phase == "ended" else None
            later = at + self.random.randrange(1, 1 + minutes * MINUTE) if minutes else at
            self.add("support_call", later, customer, call_id=f"l{at}", phase=phase, resolved=solved, **said)

    def case(self, customer: str) -> None:
        at, number = self.start(), f"t{len(self.lines)}"
        channel = self.random.choice(("email", "portal"))
        steps = [("opened", "customer", 0)]
        steps += [("updated", "agent", self.random.randrange(3 * DAY))] * self.random.randint(0, 1)
        steps += [("resolved", "agent", self.random.randrange(3 * DAY, 5 * DAY))] * self.random.randint(0, 1)
        for phase, by, wait in steps:
            self.add("case_event", at + wait, customer, case_id=number, phase=phase, by=by, channel=channel)

    def speak(self, customer: str) -> None:
        at, rnd = self.start(), self.random
        text = rnd.choice(("The parcel never arrived, I hate it", "So expensive, awful", "Great staff, thank you"))
        lang = rnd.choice(("en", "de"))
        self.add("tweet", at, customer, post_id=f"p{len(self.lines)}", text=text, lang=lang, channel="social")
        self.add(
            "survey_answer", at + HOUR, customer, response_id=f"r{len(self.lines)}", survey_id="s", phase="answered",
            question_kind=rnd.choice(("nps", "csat")), score=rnd.randint(1, 5),
        )  # fmt: skip

    def change(self, name: str, at: int) -> None:
        self.lines.append(
            {"kind": "business_change", "event_id": f"b-{name}", "occurred_at": at, "source": "s"}
            | {"change_id": name, "name": name, "effective_at": at}
        )


@pytest.fixture
def story(chdb: Engine, tmp_path: Path) -> Engine:
    shop = Shop(seed=11, first=FIRST, days=DAYS)
    for number in range(150):
        shop.call(f"c{number % 20}")
        shop.speak(f"c{number % 25}")
        shop.case(f"c{number % 30}")
    shop.change("new carrier", FIRST + 20 * DAY)
    shop.change("no more calls", FIRST + 30 * DAY)
    play(chdb, tmp_path, shop.lines)
    return chdb


def table(browser: TestClient, path: str, section: str) -> list[list[str]]:
    """Return the cells of a section's table, by row, without its head."""
    html = browser.get(path).text
    of_section = html[html.index(f'<section aria-labelledby="{section}">') :]
    body = of_section[: of_section.index("</section>")].partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in body.split("</tr>")[:-1]]
    return [[" ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in row] for row in rows]


def percent(share: float) -> str:
    return f"{round(100 * share, 1):g}%"


def signed(value: float) -> str:
    """Return two places with their sign, as bookkeepers write them: nothing has none."""
    return f"{value:+.2f}" if round(value, 2) else "0.00"


def length(seconds: float) -> str:
    """Write a length of time as people say it in English."""
    for unit, size in (("day", DAY), ("hr", HOUR), ("min", MINUTE)):
        if seconds * 1000 >= 1.5 * size:
            n = round(seconds * 1000 / size, 1)
            return f"{n:g} {unit}s" if unit == "day" else f"{n:g} {unit}"
    return f"{round(seconds, 1):g} sec"


def test_service_counts_the_cases_that_were_opened_and_lists_those_that_are_open(story: Engine) -> None:
    opened = defaultdict(list)
    for row in rows_of(story, "SELECT * FROM cases"):
        if SINCE <= row["opened_at"] < UNTIL:
            opened[row["subject"], row["channel"]].append(row)
    with page_over(story) as browser:
        shown = {(row[0], row[1]): row for row in table(browser, f"/service?{PERIOD}", "cases")}
        oldest = table(browser, f"/service?{PERIOD}", "open")

    assert shown.keys() == opened.keys()
    for key, rows in opened.items():
        judged = [row["answered_in_24h"] for row in rows if row["answered_in_24h"] is not None]
        firsts = [row["first_response_seconds"] for row in rows if row["first_response_seconds"] is not None]
        cells = shown[key]
        assert cells[2] == str(len(rows))
        assert cells[3].split(" (")[0] == percent(sum(judged) / len(judged))
        assert cells[4] == (length(median(firsts)) if firsts else NOTHING)
        assert cells[7] == str(sum(one["status"] == "open" for one in rows))
    ages = rows_of(
        story, "SELECT case_id, age_seconds FROM cases WHERE subject = 'case' AND status = 'open' ORDER BY 2 DESC, 1"
    )
    assert [(row[1], row[7]) for row in oldest] == [(one["case_id"], length(one["age_seconds"])) for one in ages[:20]]


def test_service_shows_the_staff_of_whom_there_is_enough(story: Engine) -> None:
    enough = rows_of(story, "SELECT * FROM staff WHERE enough AND month = '2026-02-01 00:00:00.000'")
    of_agent: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for row in enough:
        of_agent[row["agent"]][row["metric"]] = row
    with page_over(story) as browser:
        shown = {row[0]: row for row in table(browser, f"/service?{PERIOD}", "staff") if row[1] == "Feb 2026"}

    assert shown.keys() == of_agent.keys() != set()
    for agent, metrics in of_agent.items():
        assert shown[agent][2] == str(metrics["calls_handled"]["n"])
        assert shown[agent][3].split(" (")[0] == percent(metrics["resolved"]["value"])
        assert shown[agent][5] == length(metrics["handling_time"]["p50"])


def test_voice_shows_topics_and_languages(story: Engine) -> None:
    trends = rows_of(story, "SELECT * FROM topic_trends ORDER BY mentions DESC, topic")
    langs = rows_of(
        story,
        "SELECT lang, count() AS posts, uniqExact(customer_id) AS customers, countIf(sentiment IS NOT NULL) AS scored "
        "FROM tweets WHERE NOT superseded "
        f"AND occurred_at >= '{SINCE}' AND occurred_at < '{UNTIL}' GROUP BY lang ORDER BY posts DESC, lang",
    )
    with page_over(story) as browser:
        topics = table(browser, f"/voice?{PERIOD}", "topics")
        spoken = table(browser, f"/voice?{PERIOD}", "languages")

    assert [row[:4] for row in topics] == [
        [row["topic"], row["verdict"], str(row["mentions"]), str(row["mentions_before"])] for row in trends
    ]
    assert [row[5] for row in topics] == [percent(row["share"]) for row in trends]
    assert len(topics) >= 3
    assert [row[:4] for row in spoken] == [
        [row["lang"], str(row["posts"]), str(row["customers"]), str(row["scored"])] for row in langs
    ]


def test_changes_show_each_verdict_with_what_it_rests_on(story: Engine) -> None:
    effects = rows_of(
        story, "SELECT * FROM change_effects WHERE dimension = 'all' ORDER BY effective_at DESC, change_id, metric"
    )
    with page_over(story) as browser:
        shown = table(browser, f"/changes?{PERIOD}", "effects")

    assert [(row[0], row[2]) for row in shown] == [(row["name"], row["verdict"] or NOTHING) for row in effects]
    assert {row[2] for row in shown} > {NOTHING}
    for row, effect in zip(shown, effects, strict=True):
        values = [effect["before"], effect["after"]]
        assert row[3:5] == [NOTHING if value is None else signed(value) for value in values]
        assert [int(cell) for cell in row[6:10]] == [
            int(effect[name]) for name in ("days_before", "days_after", "customers_before", "customers_after")
        ]
