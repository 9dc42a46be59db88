"""What makes simulations cheap: nothing is logged that nobody reads, and garbage waits until a story has ended."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _in_silence() -> Iterator[None]:
    """Log errors alone: workers start, and lose partitions, all the time."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _garbage_waits() -> Iterator[None]:
    """Look for no cycles amid a story: that is a tenth of its time, and all goes at its end."""
    gc.disable()
    yield
    gc.enable()
