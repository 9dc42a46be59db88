"""A browser for tests: Debian's Chromium, driven by Playwright, and the rules of axe-core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from servers.programs import ServerMissingError, find_program
from tests.servers.process import skip_without_server

AXE = Path(__file__).parents[1] / "axe"
"""Where npm puts axe-core, in the release that the lockfile there names."""
HOW_TO_INSTALL = "install Debian's package of that name (make servers)"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a window.

    It ends with its module: while it runs, Playwright has an event loop in the tests' thread, and others can have none.
    """
    with skip_without_server():
        program = find_program("chromium", HOW_TO_INSTALL)
    with sync_playwright() as playwright:
        # In a container root has no sandbox to run it in; it sees the pages of the tests alone.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core."""
    script = AXE / "node_modules" / "axe-core" / "axe.min.js"
    with skip_without_server():
        if not script.is_file():
            raise ServerMissingError(f"axe-core is not installed: make axe, or npm ci in {AXE}")
    return script.read_text("utf-8")
