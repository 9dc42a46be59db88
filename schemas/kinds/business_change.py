"""The kind `business_change`: a change in the business that may explain what customers do."""

from __future__ import annotations

from schemas.kinds.checks import filled, planned
from schemas.kinds.kind import BusinessKind
from schemas.rows import BusinessChangeRow

KIND = BusinessKind(
    name="business_change",
    record="BusinessChange",
    topic="business.changes.v1",
    checks=(filled("change_id", "name"), planned("effective_at", "reverted_at")),
    row=BusinessChangeRow,
)
