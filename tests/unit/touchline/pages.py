"""What is printed on a page of some width."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console


def page_of(printing: Callable[[Console], None], width: int) -> str:
    """Return what is printed on a console."""
    page = io.StringIO()
    printing(Console(file=page, width=width))
    return page.getvalue()
