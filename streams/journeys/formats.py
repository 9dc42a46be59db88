"""The format of what is kept in the changelog: each entry carries its version."""

from __future__ import annotations

from schemas.errors import TouchlineError

FORMAT = 1
"""To be raised where stored entries cannot be read any more. A new field at the end, with a default, needs no raise."""


class StateFormatError(TouchlineError):
    """An entry of the changelog is in a format that this release does not read."""


def check_format(found: int, what: str) -> None:
    """Raise StateFormatError where an entry is in another format than this release's."""
    if found != FORMAT:
        raise StateFormatError(
            f"{what} in journeys.state.v1 is in format {found}, and this release reads format {FORMAT}: another "
            "release has written it. Run that release, or build the state anew: docs/operating.md#rebuilding"
        )
