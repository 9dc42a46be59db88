"""Customers: the list by hand-made rows, and searches that no address tells of."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.contract.engine import Engine
from tests.contract.facts_rows import MAY_1
from tests.unit.sinks.views import write
from tests.unit.touchline.page.door import PERIOD, shown
from touchline.page.asked import AskedError
from touchline.page.searches import KEPT_MS, MOST, Searches


def search(browser: TestClient, said: str) -> str:
    """Search, and return the address that the form leads to."""
    answer = browser.post("/customers", data={"said": said})
    assert answer.status_code == 303
    return str(answer.headers["location"])


@pytest.mark.embedded
def test_the_only_one_of_an_identity_is_gone_to_however_it_is_written(chdb: Engine, browser: TestClient) -> None:
    write(chdb, "identities", kind="email", value="ann@example.com")
    write(chdb, "identities", kind="phone", value="+442079460958")
    write(chdb, "customers", customer_id="c7")

    assert search(browser, "Ann@Example.COM ") == "/journey?customer=c1"
    assert search(browser, "020 7946 0958") == "/journey?customer=c1"
    assert search(browser, "c7") == "/journey?customer=c7"


@pytest.mark.embedded
def test_several_and_nobody_are_lists_whose_address_does_not_say_what_was_looked_for(
    chdb: Engine, browser: TestClient
) -> None:
    for name in ("c1", "c2", "c3"):
        write(chdb, "customers", customer_id=name)
    write(chdb, "identities", kind="loyalty_card", value="AB-17")
    write(chdb, "identities", kind="cookie", value="AB-17", customer_ids=["c2"])
    several, nobody = search(browser, "AB-17"), search(browser, "bob@example.com")

    assert "17" not in several
    assert "bob" not in nobody
    text = shown(browser, several).text
    assert "2 customers." in text
    assert ("c1 active" in text, "c2 active" in text, "c3" in text) == (True, True, False)
    assert "0 customers." in shown(browser, nobody).text


@pytest.mark.embedded
def test_an_identity_that_was_somebodys_before_finds_them_no_more(chdb: Engine, browser: TestClient) -> None:
    write(chdb, "identities", kind="email", value="ann@example.com")
    write(
        chdb, "identities", kind="email", value="ann@example.com", customer_ids=["c2"], changed_at=MAY_1 + 9, version=2
    )

    assert search(browser, "ann@example.com") == "/journey?customer=c2"


@pytest.mark.embedded
def test_the_list_has_those_of_the_period_the_part_and_the_status(chdb: Engine, browser: TestClient) -> None:
    write(chdb, "touchpoints", event_id="e1")
    write(chdb, "touchpoints", event_id="e2", customer_id="c2", stated_key="c2", channel="phone")
    write(chdb, "touchpoints", event_id="e3", customer_id="c3", stated_key="c3", occurred_at=MAY_1 - 40 * 86_400_000)
    for name, status in (("c1", "active"), ("c2", "lost"), ("c3", "active")):
        write(chdb, "customers", customer_id=name, status=status)

    def listed(words: str) -> list[str]:
        text = shown(browser, f"/customers?{PERIOD}{words}").text.partition("Last seen")[2]
        return [name for name in ("c1", "c2", "c3") if f"{name} " in text.partition("SELECT")[0]]

    assert listed("") == ["c1", "c2"]
    assert listed("&part=channel:phone") == ["c2"]
    assert listed("&status=active") == ["c1"]
    assert listed("&reason=turned") == ["c2"]  # the last shift of who is lost was for the worse
    assert listed("&page=2") == []


@pytest.mark.embedded
@pytest.mark.parametrize("words", ["page=0", "page=-1", "page=x", "page=99999999999", "found=nothing"])
def test_an_address_of_no_list_is_told(words: str, browser: TestClient) -> None:
    assert browser.get(f"/customers?{words}").status_code == 400


def test_searches_are_kept_for_a_while_and_not_without_end() -> None:
    at = [0]
    searches = Searches(lambda: at[0])
    first = searches.keep(["c1"])
    at[0] = KEPT_MS

    assert searches.found(first) == ("c1",)
    for _ in range(MOST):
        last = searches.keep(["c2"])
    at[0] += 1
    with pytest.raises(AskedError):
        searches.found(first)
    assert searches.found(last) == ("c2",)
