"""The SQL of Wilson's interval of a share, and of how many observations count for one: said once, for all views."""

from __future__ import annotations

import re

Z = 1.959963984540054
"""The 97.5th percentile of the standard normal: both ends of a 95 % interval."""

ALIKE = 0.7
"""How alike the observations of one customer are taken to be, from 0 to 1 (the intraclass correlation), where customers
are few: of more than `FEW`, counted as if they had equally many observations, it is so much less."""
FEW = 20
GROUPS = 256
"""How many groups of customers a metric's buckets tell apart."""

_INTERVAL = re.compile(r"\{wilson (low|high) of ([\w.]+) in ([\w.]+)\}")
_CUSTOMERS = re.compile(r"\{customers of ([\w.]+) in ([\w.]+)\}")
_GROUPS = re.compile(r"\{groups of ([\w.]+) in ([\w.]+) by ([\w.]+)\}")
_SHARE_OF_GROUPS = re.compile(r"\{spread of ([\w.]+) in ([\w.]+) over ([\w.]+)\}")
_SPREAD_OF_GROUPS = re.compile(r"\{spread of ([\w.]+) in ([\w.]+) varying by ([\w.]+) over ([\w.]+)\}")
_SPREAD = re.compile(r"\{spread of ([\w.]+) in ([\w.]+) by ([\w.]+)\}")


def wilson(end: str, counted: str, of: str) -> str:
    """Return the expression for one end of the interval, widened to hold the share where it would not.

    Args:
        end: `low` or `high`.
        counted: what of the observations is counted: an expression.
        of: how many observations there are: an expression.
    """
    k, n = f"toFloat64({counted})", f"toFloat64({of})"
    centre = f"({k} + {Z * Z / 2}) / ({n} + {Z * Z})"
    half = f"{Z} * sqrt(greatest(0, {k} * ({n} - {k}) / {n}) + {Z * Z / 4}) / ({n} + {Z * Z})"
    if end == "low":
        return f"greatest(0, least({k} / {n}, {centre} - {half}))"
    return f"least(1, greatest({k} / {n}, {centre} + {half}))"


def customers(counted: str, of: str) -> str:
    """Return the aggregate of what `spread` has to know of customers, one of which each row is.

    It is a tuple: how many have observations; the sum of the squares of what each has; of what of it is counted times
    what each has; and of the squares of what is counted.

    Args:
        counted: what of a customer's observations is counted: an expression.
        of: how many a customer has: an expression.
    """
    return f"(countIf({of} > 0), sum({of} * {of}), sum({of} * {counted}), sum({counted} * {counted}))"


def spread(counted: str, of: str, customers: str) -> str:
    """Return the expression for how many observations count for one, as a customer's are alike: at least 1.

    It is the design effect (L. Kish, Survey Sampling, 1965), by which the variance of the share is greater than that of
    as many independent observations: the variance of a ratio of sums over customers (W. Cochran, Sampling Techniques,
    1977, 6.3). Few customers tell little of it, so their observations are taken to be `ALIKE` at least. Where all are
    counted, or none, those of one customer are taken for one. It is 1 where nobody has more than one observation.

    Args:
        counted: what of the observations is counted: an expression.
        of: how many observations there are, at least 1: an expression.
        customers: whose they are, as `customers` gives it: an expression.
    """
    k, n = f"toFloat64({counted})", f"toFloat64({of})"
    c, squares, products, counted_squares = (f"toFloat64({customers}.{place})" for place in range(1, 5))
    residuals = f"({counted_squares} - 2 * {k} / {n} * {products} + pow({k} / {n}, 2) * {squares})"
    varied = f"({k} * ({n} - {k}) / {n})"
    return f"if({squares} = {n}, 1, {_design_effect(n, varied, residuals, c, squares)})"


def groups(counted: str, of: str, customer: str) -> str:
    """Return the aggregate of what `spread_of_groups` has to know, where no row is a customer's all.

    A customer's group is that of `streams.journeys.metrics`.

    Args:
        counted: what of a row's observations is counted, or their sum: an expression.
        of: how many observations a row is: an expression.
        customer: whose they are: an expression.
    """
    return f"sumMap([CRC32({customer}) % {GROUPS}], [toFloat64({of})], [toFloat64({counted})])"


def spread_of_groups(total: str, of: str, varied: str, groups: str) -> str:
    """Return the expression for how many observations count for one, as `spread`, where groups of customers are known.

    What groups have differs as much as what customers have, who are in groups by chance (K. Wolter, Introduction to
    Variance Estimation, 2007, 2.2). Of the squares of what groups have, as much is left out as by chance stems from
    different customers.

    Args:
        total: the sum of the observations: an expression.
        of: how many observations there are, at least 1: an expression.
        varied: the sum of the squared differences of the observations from their mean: an expression.
        groups: the groups, how many observations each has, and their sum, each an array of a tuple: an expression.
    """
    n, mean = f"toFloat64({of})", f"toFloat64({total}) / {of}"
    counts, sums = f"arrayMap(x -> toFloat64(x), {groups}.2)", f"arrayMap(x -> toFloat64(x), {groups}.3)"
    c = f"arrayCount(x -> x > 0, {counts})"
    of_groups = f"arraySum(x -> x * x, {counts})"
    residuals = f"arraySum((x, y) -> pow(y - {mean} * x, 2), {counts}, {sums})"
    squares = f"least({n} * {n}, greatest({n}, ({GROUPS} * {of_groups} - {n} * {n}) / {GROUPS - 1}))"
    return f"if({of_groups} <= {n}, 1, {_design_effect(n, varied, residuals, c, squares)})"


def _share_of_groups(counted: str, of: str, groups: str) -> str:
    return spread_of_groups(counted, of, f"({counted} * (1 - {counted} / toFloat64({of})))", groups)


def _design_effect(n: str, varied: str, residuals: str, c: str, squares: str) -> str:
    """Return it for n observations of c customers or groups, from the squares of what each customer has of them.

    Observations that are all the same vary by a rounding error.
    """
    equal = f"{squares} / {n}"
    seen = f"if({varied} < 1e-7 * {n} OR {c} = 1, {equal}, {residuals} / {varied} * {c} / ({c} - 1))"
    alike = f"{ALIKE} * least(1, {FEW} * {squares} / pow({n}, 2))"
    return f"greatest(1 + {alike} * ({equal} - 1), {seen})"


def filled(sql: str) -> str:
    """Return a statement with the expressions in their places.

    These are `{wilson low of COLUMN in COLUMN}`, and of `high`, `{customers of COLUMN in COLUMN}`, and
    `{spread of COLUMN in COLUMN by COLUMN}`, `{groups of COLUMN in COLUMN by COLUMN}`, and over what this gives
    `{spread of COLUMN in COLUMN over COLUMN}` of a share, and of others `{spread of COLUMN in COLUMN varying by COLUMN
    over COLUMN}`.
    """
    sql = _CUSTOMERS.sub(lambda found: customers(found[1], found[2]), sql)
    sql = _GROUPS.sub(lambda found: groups(found[1], found[2], found[3]), sql)
    sql = _SHARE_OF_GROUPS.sub(lambda found: _share_of_groups(found[1], found[2], found[3]), sql)
    sql = _SPREAD_OF_GROUPS.sub(lambda found: spread_of_groups(found[1], found[2], found[3], found[4]), sql)
    sql = _SPREAD.sub(lambda found: spread(found[1], found[2], found[3]), sql)
    return _INTERVAL.sub(lambda found: wilson(found[1], found[2], found[3]), sql)
