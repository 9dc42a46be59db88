"""Why a target does not hold, or has not taken a delivery."""

from __future__ import annotations

from typing import Literal

from schemas.errors import TouchlineError

Cause = Literal["refused", "status", "timeout", "connection", "other"]
"""Why an attempt failed, as metrics count it."""


class TargetsError(TouchlineError):
    """The file of targets does not hold; the message says which target, what, and how to write it."""


class DeliveryError(TouchlineError):
    """A target has not taken a delivery; another attempt may help.

    Attributes:
        cause: what metrics count it as.
        brief: the text without what the target said, which may tell of customers: for logs.
        retry_after_s: seconds before which the target wants no other attempt; 0 where it has not said.
    """

    def __init__(self, text: str, cause: Cause, *, brief: str = "", retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.cause = cause
        self.brief = brief or text
        self.retry_after_s = retry_after_s


class RefusedDeliveryError(DeliveryError):
    """A target refuses this one delivery, now and later."""

    def __init__(self, text: str, *, brief: str = "") -> None:
        super().__init__(text, "refused", brief=brief)
