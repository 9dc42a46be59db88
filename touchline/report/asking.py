"""How the report asks the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Ask = Callable[[str, Mapping[str, Any]], list[dict[str, Any]]]
"""Runs a query with `{name:Type}` parameters and returns its rows, column to value."""
