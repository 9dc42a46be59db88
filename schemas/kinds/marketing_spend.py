"""The kind `marketing_spend`: what a campaign cost in a period."""

from __future__ import annotations

from schemas.kinds.checks import amounts, currency, filled, period, planned
from schemas.kinds.kind import BusinessKind
from schemas.rows import MarketingSpendRow

KIND = BusinessKind(
    name="marketing_spend",
    record="MarketingSpend",
    topic="business.marketing_spend.v1",
    checks=(
        filled("spend_id"),
        planned("period_start", "period_end"),
        period("period_start", "period_end"),
        amounts("amount_minor"),
        currency("currency"),
    ),
    row=MarketingSpendRow,
)
