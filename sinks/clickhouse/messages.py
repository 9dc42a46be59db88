"""ClickHouse's own messages, made fit to be quoted in ours: short, on one line, and printable."""

from __future__ import annotations

import re

from schemas.text import MAX_QUOTED, shortened

_EXPECTED_ONE_OF = re.compile(r"\. Expected one of: .*?(?= \([A-Z_]+\)|$)")
_STACK_TRACE = re.compile(r" ?Stack trace: .*")


def brief(message: str) -> str:
    """Return a message of an engine or its driver without stack trace and lists of tokens."""
    line = " ".join(message.split())
    return shortened(_EXPECTED_ONE_OF.sub("", _STACK_TRACE.sub("", line)), MAX_QUOTED)
