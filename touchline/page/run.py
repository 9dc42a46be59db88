"""Running the page: it serves until it is told to end."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, suppress

from sinks.errors import SinkError
from streams.agents.identities import looked_up_by
from streams.settings import Settings
from touchline.collect.server import listening, serve_on
from touchline.page.access import access_of
from touchline.page.app import Page, build_app, page_of
from touchline.page.reader import open_for_page
from touchline.terminal import say

ADDRESS = "TOUCHLINE_PAGE_HOST, TOUCHLINE_PAGE_PORT"
GOODBYE_S = 5.0
"""Seconds that requests have when the page is to end."""


def run_page(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ListenError: the address cannot be listened on.
        SettingsError: the token does not hold, or is missing where others reach the address.
        SinkError: there is no database to read.
    """
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    access = access_of(settings)
    async with AsyncExitStack() as stack:
        bound = stack.enter_context(listening(settings.page_host, settings.page_port, ADDRESS))
        reader = open_for_page(settings.clickhouse)
        stack.callback(reader.close)
        page = page_of(reader, access, looked_up_by(settings))
        server = serve_on(build_app(page), ends_within_s=GOODBYE_S)

        def end() -> None:
            server.should_exit = True
            page.end()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, end)
        host, port = bound.getsockname()[:2]
        say(f"Page:     http://{f'[{host}]' if ':' in host else host}:{port}/")
        preparing = asyncio.create_task(_prepare(page))
        await server.serve([bound])
        preparing.cancel()


async def _prepare(page: Page) -> None:
    with suppress(SinkError):  # a screen tells whoever looks at it
        await page.prepare()
