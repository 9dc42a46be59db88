"""The functions that a query may call: those that only compute. The names are in functions.txt beside this module."""

from __future__ import annotations

from pathlib import Path

_SYNTAX = {
    # What stands before a parenthesis and is no function.
    *("all", "and", "any", "apply", "as", "asof", "between", "by", "case", "columns", "cross", "cube", "desc"),
    *("describe", "distinct", "div", "else", "escape", "estimate", "except", "exists", "explain", "fill"),
    *("filter", "final", "from", "full", "global", "group", "having", "ilike", "in", "inner", "intersect"),
    *("interpolate", "interval", "is", "join", "left", "like", "limit", "materialized", "mod", "not", "nulls"),
    *("offset", "on", "only", "or", "order", "outer", "over", "paste", "pipeline", "plan", "prewhere"),
    *("qualify", "regexp", "replace", "right", "rlike", "rollup", "sample", "select", "semi", "sets", "some"),
    *("step", "syntax", "then", "to", "top", "tree", "union", "using", "when", "where", "window", "with"),
    *("within", "xor"),
    # Operators that are written like functions.
    *("cast", "date_add", "date_sub", "dateadd", "datediff", "datesub", "extract", "grouping", "ltrim"),
    *("overlay", "position", "rtrim", "substring", "timestamp_add", "timestamp_sub", "timestampadd"),
    *("timestampsub", "trim", "try_cast"),
    # Tables of rows that are computed, or that stand in the query itself.
    *("generate_series", "generateseries", "generaterandom", "null", "numbers", "numbers_mt", "primes"),
    *("values", "view", "viewifpermitted"),
}


def _sections() -> dict[str, frozenset[str]]:
    """Return the names in the file by section."""
    sections = Path(__file__).with_name("functions.txt").read_text(encoding="utf-8").split("\n[")[1:]
    return {title: frozenset(names.split()) for title, _, names in (section.partition("]") for section in sections)}


_NAMES = _sections()
_CALLABLE = _SYNTAX | _NAMES["computing"] | _NAMES["types"]
_REACHING = _NAMES["reaching"]


def may_be_called(name: str) -> bool:
    """Return whether what stands before a parenthesis stays in the database: nothing that is not known does."""
    name = name.lower()
    return name in _CALLABLE or _is_aggregate(name)


def reaches_outside(name: str) -> bool:
    """Return whether a name is that of a function that reaches outside: ClickHouse takes it without parentheses too."""
    return name.lower() in _REACHING


def _is_aggregate(name: str) -> bool:
    """Return whether a name is that of an aggregate function with any combinators behind it: `sumIfOrNull`."""
    if name in _NAMES["aggregate"]:
        return True
    return any(name.endswith(one) and _is_aggregate(name.removesuffix(one)) for one in _NAMES["combinators"])
