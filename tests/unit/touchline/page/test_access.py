"""Who may read the page, and what every answer tells a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Never

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from streams.settings import SettingsError, load
from tests.unit.touchline.page.door import page_over
from touchline.page import app
from touchline.page.access import COOKIE, Access, access_of

TOKEN = "a-token-of-24-characters"  # noqa: S105  # of these tests alone


class Untouched:
    """A database that nobody may ask."""

    def query(self, *_: object) -> Never:
        raise AssertionError("somebody was let in")

    execute = ping = version = query

    def close(self) -> None: ...


@pytest.fixture
def closed() -> Iterator[TestClient]:
    with page_over(Untouched(), Access(TOKEN, "0.0.0.0")) as browser:  # noqa: S104  # nothing listens
        yield browser


@pytest.mark.parametrize("path", ["/", "/today", "/today/values.csv", "/live", "/nowhere"])
def test_without_the_token_everything_leads_to_the_form(path: str, closed: TestClient) -> None:
    for headers in ({}, {"authorization": "Bearer wrong-token-of-24-chars"}, {"cookie": f"{COOKIE}={TOKEN}"}):
        answer = closed.get(path, headers=headers)

        assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_the_token_in_the_form_gives_a_cookie_that_is_not_the_token(closed: TestClient) -> None:
    assert closed.post("/login", data={"token": "wrong"}).status_code == 403
    answer = closed.post("/login", data={"token": TOKEN})

    said = answer.headers["set-cookie"].lower()
    assert answer.status_code == 303
    assert TOKEN not in said
    assert "httponly" in said
    assert "samesite=strict" in said
    assert closed.get("/").headers["location"] == "/today"


def test_a_pass_is_found_among_other_cookies(closed: TestClient) -> None:
    pass_word = Access(TOKEN, "127.0.0.1").pass_word

    for cookies in (f"{COOKIE}={pass_word}", f"a=1; {COOKIE}={pass_word}; b", f";;= ;{COOKIE} = {pass_word} "):
        assert closed.get("/", headers={"cookie": cookies}).headers["location"] == "/today"
    for cookies in (f"x{COOKIE}={pass_word}", f"{COOKIE}={pass_word}x", f'{COOKIE}="{pass_word}"', COOKIE):
        assert closed.get("/", headers={"cookie": cookies}).headers["location"] == "/login"


def test_cookies_of_many_quotes_are_not_unquoted(closed: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("starlette.requests.cookie_parser", Untouched().query)

    answer = closed.get("/", headers={"cookie": f'{COOKIE}="' + '\\"' * 16_000 + '"'})

    assert answer.headers["location"] == "/login"


def test_the_form_for_the_token_repeats_no_long_word_of_its_address(closed: TestClient) -> None:
    answer = closed.get("/login", params={"part": "x" * 20_000, "theme": "dark"})

    assert 'data-theme="dark"' in answer.text
    assert "xxx" not in answer.text


def test_a_program_sends_the_token_in_a_header(closed: TestClient) -> None:
    assert closed.get("/", headers={"authorization": f"Bearer {TOKEN}"}).headers["location"] == "/today"


def test_a_form_without_end_is_turned_away(closed: TestClient) -> None:
    assert closed.post("/login", content=b"token=" + b"x" * 20_000).status_code == 400


def test_beyond_loopback_there_has_to_be_a_token_and_a_long_one() -> None:
    with pytest.raises(SettingsError, match="TOUCHLINE_PAGE_TOKEN"):
        access_of(load(page_host="0.0.0.0"))  # noqa: S104  # nothing listens
    with pytest.raises(SettingsError, match="16 characters"):
        access_of(load(page_token="short"))  # noqa: S106  # no secret
    assert access_of(load(page_host="::1")).is_open


def test_without_a_token_it_answers_by_the_names_of_this_machine_alone() -> None:
    with page_over(Untouched()) as browser:
        names = ("127.0.0.1:8090", "localhost", "[::1]:8090", "shop.example", "127.0.0.1.shop.example:8090", "")
        told = {name: browser.get("/", headers={"host": name}).status_code for name in names}

    assert told == dict(zip(names, (303, 303, 303, 421, 421, 421), strict=True))


def test_nothing_is_changed_by_other_methods(closed: TestClient) -> None:
    assert {closed.request(method, "/today").status_code for method in ("POST", "PUT", "DELETE")} == {405}


@pytest.mark.parametrize("path", ["/login", "/today", "/static/style.css", "/static/nothing.css", "/nowhere/x/y"])
def test_every_answer_has_the_safe_headers(path: str, closed: TestClient) -> None:
    headers = closed.get(path).headers

    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


ELSEWHERE = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}


def test_a_page_of_another_site_has_no_query_run_and_searches_nothing(browser: TestClient) -> None:
    for site in ("cross-site", "same-site"):
        headers = {**ELSEWHERE, "sec-fetch-site": site}
        assert browser.post("/customers", data={"said": "42"}, headers=headers).status_code == 403
        assert browser.get("/today/values.csv", headers=headers).status_code == 403
        navigates = {**headers, "sec-fetch-mode": "navigate"}
        assert browser.post("/customers", headers={**navigates, "sec-fetch-dest": "document"}).status_code == 403
        for path in ("/today", "/live"):
            assert browser.get(path, headers={**navigates, "sec-fetch-dest": "iframe"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin"},
        {**ELSEWHERE, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    ],
)
def test_links_and_programs_reach_a_screen(headers: dict[str, str], browser: TestClient) -> None:
    assert browser.get("/today", headers=headers).status_code == 200


@pytest.mark.parametrize(("proto", "is_secure"), [("https", True), ("http", False), (None, False)])
def test_behind_a_proxy_with_tls_the_cookie_goes_nowhere_without(
    proto: str | None, is_secure: bool, closed: TestClient
) -> None:
    headers = {} if proto is None else {"x-forwarded-proto": proto}

    said = closed.post("/login", data={"token": TOKEN}, headers=headers).headers["set-cookie"].lower()

    assert ("secure" in said) is is_secure


async def test_a_form_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "FORM_WITHIN_S", 0.01)
    with page_over(Untouched(), Access(TOKEN, "127.0.0.1")) as browser:
        served, said = browser.app, list[Message]()

        async def never() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        async def keep(message: Message) -> None:
            said.append(message)

        head = {"type": "http", "method": "POST", "path": "/login", "query_string": b"", "http_version": "1.1"}
        await served({**head, "headers": [(b"host", b"127.0.0.1")]}, never, keep)

    assert said[0]["status"] == 400
