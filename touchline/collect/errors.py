"""Why a request is turned away as a whole: its status, and a sentence for whoever sent it."""

from __future__ import annotations

from http import HTTPStatus

from schemas.errors import TouchlineError
from schemas.text import shortened


class RequestError(TouchlineError):
    """A request of which nothing was accepted.

    Attributes:
        status: of HTTP.
        detail: what was wrong and what to do; printable, and cut at 500 characters.
        retry_after_s: whole seconds after which it may be sent again; 0 where that would not help.
    """

    def __init__(self, status: HTTPStatus, detail: str, retry_after_s: int = 0) -> None:
        self.status = status
        self.detail = shortened(detail)
        self.retry_after_s = retry_after_s
        super().__init__(self.detail)
