"""What tests of screens share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from sinks.migrate import migrate
from tests.contract.engine import Engine
from tests.unit.touchline.page.door import page_over


@pytest.fixture
def browser(chdb: Engine) -> Iterator[TestClient]:
    """Give a browser of the page over an empty database."""
    migrate(chdb)
    with page_over(chdb) as found:
        yield found
