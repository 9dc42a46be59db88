"""The ASGI application: who is let in, which screen an address asks for, and what is shown where that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from schemas.errors import TouchlineError
from sinks.errors import SinkError, TransientWriteError
from streams.identity.identities import Identities
from streams.runtime.clock import Clock, wall_clock
from touchline.page.access import COOKIE, Access, is_from_elsewhere, pass_in
from touchline.page.all_screens import SCREENS
from touchline.page.asked import LONGEST, Asked, AskedError, Basis, read_asked
from touchline.page.basis import BASIS, MARK, PARTS, read_basis
from touchline.page.headers import SafeHeaders
from touchline.page.language import Formats, Language, preferred, read_languages
from touchline.page.live import CrowdedError, Live
from touchline.page.marks import N_
from touchline.page.query import Rows
from touchline.page.reader import PATIENCE_S, Reader
from touchline.page.screen import Screen
from touchline.page.screens.customers import FIND
from touchline.page.searches import Searches, looked_for
from touchline.page.templating import address, environment_for

STATIC = Path(__file__).with_name("static")
FIRST = "today"
"""The screen that is shown to whoever names none."""
FORM_BYTES = 16_384
"""Most bytes of a form."""
FORM_WITHIN_S = 10.0
"""Seconds that a form has, from its head to its end."""
LOGIN = "/login"
CARRIED = ("lang", "theme", "since", "until", "part")
"""The words that a link to another screen keeps."""
THEMES = ("light", "dark")
"""The colours that an address can ask for; else they are those of the reader's system."""

log = structlog.get_logger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


class FormError(TouchlineError):
    """A form that no page of ours sends."""


class Page:
    """Answers requests.

    Args:
        reader: asks the views.
        access: who may read.
        languages: by code.
        identities: read what somebody looks for, each in its own way.
        clock: tells the wall-clock time, epoch ms.
        patience_s: seconds that a screen waits for its answers; parts of it that are late say so, and come after it.
    """

    def __init__(
        self,
        reader: Reader,
        access: Access,
        languages: Mapping[str, Language],
        identities: Sequence[Identities],
        clock: Clock = wall_clock,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._reader, self._access, self._clock, self._patience_s = reader, access, clock, patience_s
        self._identities, self._searches = identities, Searches(clock)
        self._live = Live(self._mark)
        self._languages = languages
        self._templates = {code: environment_for(language) for code, language in languages.items()}

    async def prepare(self) -> None:
        """Ask what each screen shows that nothing is chosen on, so that its first reader does not wait for it."""
        mark = await self._mark()
        asked = await self._asked({}, mark)
        for screen in SCREENS.values():
            if screen.in_navigation:
                await self._answers(screen, screen.parameters(asked), mark, None)

    async def show(self, request: Request) -> Response:
        """Answer with a screen."""
        screen = _screen_of(request)
        mark = await self._mark()
        asked = await self._asked(request.query_params, mark)
        values = screen.parameters(asked)
        answers, late = await self._answers(screen, values, mark, self._patience_s)
        shown: dict[str, Any] = {
            "screen": screen,
            "late": late,
            "is_behind": any(self._reader.is_behind(query, values, mark) for query in screen.queries),
            "shown": screen.build(asked, answers),
            "asked": asked,
            "mark": mark,
            "sql": {query.name: query.shown(values) for query in screen.queries},
        }
        return self._rendered(request, screen.template, asked.basis, **shown)

    async def give(self, request: Request) -> Response:
        """Answer with the rows of one query as CSV."""
        screen = _screen_of(request)
        query = screen.query(request.path_params["query"])
        if query is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        asked = await self._asked(request.query_params, await self._mark())
        body = await self._reader.csv(query, screen.parameters(asked))
        name = f"{screen.name}-{query.name}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(body, media_type="text/csv; charset=utf-8", headers=headers)

    async def tell(self, request: Request) -> Response:
        """Answer with events, one whenever there is more to show than a page shows."""
        try:
            events = self._live.stream(request.query_params.get("mark", ""))
        except CrowdedError:
            return self._problem(request, HTTPStatus.SERVICE_UNAVAILABLE)
        return StreamingResponse(events, media_type="text/event-stream")

    def end(self) -> None:
        """End the answers that have no end of their own."""
        self._live.end()

    async def search(self, request: Request) -> Response:
        """Look for a customer, and go to the journey of the only one, or to a list; no address says what was meant."""
        said = (await _form(request)).get("said", "")
        if len(said) > LONGEST:
            raise FormError("the name is too long")
        rows = await self._reader.rows(FIND, looked_for(said, self._identities))
        words = _carried(request)
        if len(rows) == 1:
            where = address(
                "journey",
                {"lang": words.get("lang", ""), "theme": words.get("theme", ""), "customer": rows[0]["customer_id"]},
            )
        else:
            where = address("customers", words, found=self._searches.keep([row["customer_id"] for row in rows]))
        return RedirectResponse(where, HTTPStatus.SEE_OTHER)

    async def log_in(self, request: Request) -> Response:
        """Show the form for the token, or take it and go on."""
        if request.method != "POST":
            return self._rendered(request, "login.html", was_wrong=False)
        form = await _form(request)
        if not self._access.is_token(form.get("token", "")):
            return self._rendered(request, "login.html", status=HTTPStatus.FORBIDDEN, was_wrong=True)
        answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        # A proxy with TLS says so; whoever says it themselves has a cookie that goes nowhere without TLS.
        secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
        answer.set_cookie(COOKIE, self._access.pass_word, httponly=True, samesite="strict", secure=secure)
        return answer

    def guarded(self, handler: Handler) -> Handler:
        """Return a handler that answers only those who may read, and explains what fails."""

        async def answer(request: Request) -> Response:
            if not self._access.lets_in(pass_in(request.headers.get("cookie")), request.headers.get("authorization")):
                return RedirectResponse(LOGIN, HTTPStatus.SEE_OTHER)
            return await handler(request)

        return self.open_to_all(answer)

    def open_to_all(self, handler: Handler) -> Handler:
        """Return a handler that needs no token, and explains what fails."""

        async def answer(request: Request) -> Response:
            if not self._access.host_fits(request.headers.get("host", "")):
                return self._problem(request, HTTPStatus.MISDIRECTED_REQUEST)
            if is_from_elsewhere(request.method, request.headers):
                return self._problem(request, HTTPStatus.FORBIDDEN)
            return await self._explained(request, handler)

        return answer

    async def explain(self, request: Request, error: Exception) -> Response:
        """Answer a request that no screen takes."""
        status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.BAD_REQUEST
        answer = self._problem(request, status)
        if isinstance(error, HTTPException):
            answer.headers.update(error.headers or {})  # what is allowed
        return answer

    async def _explained(self, request: Request, handler: Handler) -> Response:
        try:
            return await handler(request)
        except AskedError as error:
            return self._problem(request, HTTPStatus.BAD_REQUEST, error.text, error.values)
        except (FormError, ClientDisconnect):
            return self._problem(request, HTTPStatus.BAD_REQUEST)
        except SinkError as error:
            # What a database says may quote the query, and so whom it is about.
            log.warning("the database did not answer", error=type(error).__name__)
            lasting = not isinstance(error, TransientWriteError)
            return self._problem(
                request, HTTPStatus.BAD_GATEWAY if lasting else HTTPStatus.SERVICE_UNAVAILABLE, detail=str(error)
            )

    async def _mark(self) -> str:
        """Return what changes whenever more of the log is in the tables."""
        (told,) = await self._reader.rows(MARK, {})
        return str(told["mark"])

    async def _answers(
        self, screen: Screen, values: Mapping[str, object], mark: str, patience_s: float | None
    ) -> tuple[dict[str, Rows], frozenset[str]]:
        """Return the rows of each query of a screen, by the queries' names, and which are late: these have none yet."""
        asking = {query.name: asyncio.ensure_future(self._reader.rows(query, values, mark)) for query in screen.queries}
        await asyncio.wait(asking.values(), timeout=patience_s)
        late = frozenset(name for name, one in asking.items() if not one.done())
        for name in late:
            asking[name].cancel()  # nobody waits any more; the query goes on
        failures = [one.exception() for name, one in asking.items() if name not in late]
        for failure in failures:
            if failure is not None:
                raise failure
        return {name: [] if name in late else one.result() for name, one in asking.items()}, late

    async def _asked(self, words: Mapping[str, str], mark: str) -> Asked:
        basis, parts = await asyncio.gather(self._reader.rows(BASIS, {}, mark), self._reader.rows(PARTS, {}, mark))
        found = read_basis(basis, parts)
        today = datetime.fromtimestamp(self._clock() / 1000, UTC).astimezone(found.zone).date()
        asked = read_asked(dict(words), found, today)
        return replace(asked, found=self._searches.found(words["found"])) if words.get("found") else asked

    def _problem(
        self,
        request: Request,
        status: HTTPStatus,
        text: str = "",
        values: Mapping[str, str] | None = None,
        detail: str = "",
    ) -> Response:
        said = text or PROBLEMS.get(status, N_("This cannot be shown."))
        return self._rendered(request, "problem.html", status=status, text=said, values=values or {}, detail=detail)

    def _rendered(
        self,
        request: Request,
        template: str,
        basis: Basis | None = None,
        status: HTTPStatus = HTTPStatus.OK,
        **shown: Any,
    ) -> Response:
        code = request.query_params.get("lang", "")
        if code not in self._languages:
            code = preferred(request.headers.get("accept-language", ""), self._languages)
        language = self._languages[code]
        words = _carried(request)
        theme = words.get("theme", "")
        defaults: dict[str, Any] = {
            "screen": None,
            "asked": None,
            "mark": "",
            "late": frozenset(),
            "is_behind": False,
            "screens": SCREENS.values(),
            "languages": self._languages.values(),
            "words": words,
            "theme": theme if theme in THEMES else "",
            "address": address,
        }
        known = basis or Basis.unknown()
        formats = Formats(language, known.zone)
        body = (
            self._templates[code]
            .get_template(template)
            .render(
                **{
                    **defaults,
                    "language": language,
                    "f": formats,
                    "formats_of": formats.of_kind(known.currency),
                    "basis": basis,
                    **shown,
                }
            )
        )
        return HTMLResponse(body, status)


PROBLEMS: dict[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: N_("The request cannot be read."),
    HTTPStatus.FORBIDDEN: N_("Another site sent this request; open the page itself."),
    HTTPStatus.NOT_FOUND: N_("There is no such screen."),
    HTTPStatus.METHOD_NOT_ALLOWED: N_("There is no such screen."),
    HTTPStatus.MISDIRECTED_REQUEST: N_("This page answers by the names of this machine alone: localhost, 127.0.0.1."),
    HTTPStatus.SERVICE_UNAVAILABLE: N_("The database does not answer; look again in a moment."),
    HTTPStatus.BAD_GATEWAY: N_("The database refused what this screen asks."),
}
"""What is said of an answer without a screen."""


def page_of(
    reader: Reader,
    access: Access,
    identities: Sequence[Identities],
    clock: Clock = wall_clock,
    patience_s: float = PATIENCE_S,
) -> Page:
    """Return the page, in every language that has a catalogue."""
    return Page(reader, access, read_languages(), identities, clock, patience_s)


def build_app(page: Page) -> Starlette:
    """Return the application."""

    async def go_on(_: Request) -> Response:
        return RedirectResponse(f"/{FIRST}", HTTPStatus.SEE_OTHER)

    app = Starlette(
        routes=[
            Route("/", page.guarded(go_on), methods=["GET"]),
            Route(LOGIN, page.open_to_all(page.log_in), methods=["GET", "POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
            Route("/live", page.guarded(page.tell), methods=["GET"]),
            Route("/customers", page.guarded(page.search), methods=["POST"]),
            Route("/{screen}", page.guarded(page.show), methods=["GET"]),
            Route("/{screen}/{query}.csv", page.guarded(page.give), methods=["GET"]),
        ],
        middleware=[Middleware(SafeHeaders)],
        exception_handlers={HTTPException: page.explain},
    )
    app.router.redirect_slashes = False
    return app


def _carried(request: Request) -> dict[str, str]:
    said = {name: request.query_params.get(name, "") for name in CARRIED}
    return {name: word for name, word in said.items() if 0 < len(word) <= LONGEST}


def _screen_of(request: Request) -> Screen:
    screen = SCREENS.get(request.path_params["screen"])
    if screen is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return screen


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form, as browsers send short ones."""
    body = b""
    try:
        async with asyncio.timeout(FORM_WITHIN_S):
            async for piece in request.stream():
                body += piece
                if len(body) > FORM_BYTES:
                    raise FormError("the form is too long")
    except TimeoutError as error:
        raise FormError(f"the form was not here within {FORM_WITHIN_S:g} s") from error
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=20, keep_blank_values=True))
    except (UnicodeDecodeError, ValueError) as error:
        raise FormError("the form cannot be read") from error
