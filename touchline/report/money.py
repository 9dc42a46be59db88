"""Money for people: integers in minor units, written with as many decimals as the currency has."""

from __future__ import annotations

DEFAULT_EXPONENT = 2
# ISO 4217, list one: the currencies whose minor unit is not a hundredth.
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"], 0),
    **dict.fromkeys(["RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"], 0),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}


def format_money(amount_minor: int, currency: str) -> str:
    """Return an amount in minor units as text: 123450 and `EUR` give `EUR 1,234.50`."""
    exponent = EXPONENTS.get(currency.upper(), DEFAULT_EXPONENT)
    units, rest = divmod(abs(amount_minor), 10**exponent)
    sign = "-" if amount_minor < 0 else ""
    decimals = f".{rest:0{exponent}d}" if exponent else ""
    return f"{currency.upper()} {sign}{units:,}{decimals}".strip()


def format_sums(sums: dict[str, int]) -> str:
    """Return sums of several currencies (code to minor units), the largest first, or a dash."""
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(format_money(amount, currency) for currency, amount in ordered) or "-"
