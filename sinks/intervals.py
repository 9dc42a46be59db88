"""The SQL of intervals of shares and means, and of how many observations count for one: said once, for all views."""

from __future__ import annotations

import re
from collections.abc import Callable

from schemas.metrics import CUSTOMER_GROUPS

Z = 1.959963984540054
"""The 97.5th percentile of the standard normal: both ends of a 95 % interval."""

ALIKE = 0.7
"""How alike the observations of one customer are taken to be, from 0 to 1 (the intraclass correlation), where customers
are few: of more than `FEW`, counted as if they had equally many observations, it is so much less."""
FEW = 20


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


def student_margin(varied: str, of: str, worth: str) -> str:
    """Return the expression for how far the ends of Student's interval of a mean are from it.

    The quantile is that of Abramowitz and Stegun 26.7.5. The variance is that of the sample and two more observations,
    half a point above and below the mean, so that equal observations give no interval of width zero.

    Args:
        varied: the sum of the squared differences of the observations from their mean: an expression.
        of: how many observations there are: an expression.
        worth: how many independent ones they are worth: an expression.
    """
    freedom = f"greatest(1, {worth} - 1)"
    terms = enumerate((2.3722712, 2.8224986, 2.5558497, 1.5895334), 1)
    quantile = " + ".join([str(Z), *(f"{term} / pow({freedom}, {power})" for power, term in terms)])
    return f"({quantile}) * sqrt({varied} / greatest(1, {of} - 1) / {worth} + 0.5 / ({worth} * {worth}))"


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
    n, varied, residuals, c, squares = _sums(counted, of, customers)
    return f"if({squares} = {n}, 1, {_design_effect(n, varied, residuals, c, squares)})"


def group(customer: str) -> str:
    """Return the expression for the group that a customer belongs to, as in `streams.journeys.metrics`."""
    return f"CRC32({customer}) % {CUSTOMER_GROUPS}"


def groups(counted: str, of: str, customer: str) -> str:
    """Return the aggregate of the groups of customers, where a row is no customer's all.

    It is a tuple of arrays: the groups, how many observations each has, and what of it is counted.

    Args:
        counted: what of a row's observations is counted, or their sum: an expression.
        of: how many observations a row is: an expression.
        customer: whose they are: an expression.
    """
    # Without the condition a row of no observations took memory all the same.
    return f"sumMapIf([{group(customer)}], [toFloat64({of})], [toFloat64({counted})], {of} > 0)"


def spread_over_groups(total: str, of: str, varied: str, groups: str) -> str:
    """Return the expression for how many observations count for one, as `spread`, where groups of customers are known.

    What groups have differs as much as what customers have, who are in groups by chance (K. Wolter, Introduction to
    Variance Estimation, 2007, 2.2). Of the squares of what groups have, as much is left out as by chance stems from
    different customers.

    Args:
        total: the sum of the observations: an expression.
        of: how many observations there are, at least 1: an expression.
        varied: the sum of the squared differences of the observations from their mean: an expression.
        groups: whose they are, as `groups` gives it: an expression.
    """
    n, mean = f"toFloat64({of})", f"toFloat64({total}) / {of}"
    counts, sums = f"arrayMap(x -> toFloat64(x), {groups}.2)", f"arrayMap(x -> toFloat64(x), {groups}.3)"
    residuals = f"arraySum((x, y) -> pow(y - {mean} * x, 2), {counts}, {sums})"
    c, squares = f"arrayCount(x -> x > 0, {counts})", f"arraySum(x -> x * x, {counts})"
    return _of_groups(n, varied, residuals, c, squares)


def share_spread_over_groups(counted: str, of: str, groups: str) -> str:
    """Return the expression of `spread_over_groups` for a share."""
    return spread_over_groups(counted, of, f"({counted} * (1 - {counted} / toFloat64({of})))", groups)


def spread_by_groups(counted: str, of: str, groups: str) -> str:
    """Return the expression of `spread`, where `customers` has added up groups of customers instead of these."""
    return _of_groups(*_sums(counted, of, groups))


def _sums(counted: str, of: str, customers: str) -> tuple[str, str, str, str, str]:
    """Return observations, how they vary, the residuals, how many customers or groups there are, and their squares."""
    k, n = f"toFloat64({counted})", f"toFloat64({of})"
    c, squares, products, counted_squares = (f"toFloat64({customers}.{place})" for place in range(1, 5))
    residuals = f"({counted_squares} - 2 * {k} / {n} * {products} + pow({k} / {n}, 2) * {squares})"
    return n, f"({k} * ({n} - {k}) / {n})", residuals, c, squares


def _of_groups(n: str, varied: str, residuals: str, c: str, squares: str) -> str:
    of_customers = f"({CUSTOMER_GROUPS} * {squares} - {n} * {n}) / {CUSTOMER_GROUPS - 1}"
    bounded = f"least({n} * {n}, greatest({n}, {of_customers}))"
    return f"if({squares} <= {n}, 1, {_design_effect(n, varied, residuals, c, bounded)})"


def _design_effect(n: str, varied: str, residuals: str, c: str, squares: str) -> str:
    """Return it for n observations of c customers or groups, from the squares of what each customer has of them.

    Observations that are all the same vary by a rounding error.
    """
    equal = f"{squares} / {n}"
    seen = f"if({varied} < 1e-7 * {n} OR {c} = 1, {equal}, {residuals} / {varied} * {c} / ({c} - 1))"
    alike = f"{ALIKE} * least(1, {FEW} * {squares} / pow({n}, 2))"
    return f"greatest(1 + {alike} * ({equal} - 1), {seen})"


_MARKS: tuple[tuple[str, Callable[..., str]], ...] = (
    ("{customers of COLUMN in COLUMN}", customers),
    ("{spread of COLUMN in COLUMN by COLUMN}", spread),
    ("{group of COLUMN}", group),
    ("{groups of COLUMN in COLUMN by COLUMN}", groups),
    ("{spread of COLUMN in COLUMN by groups COLUMN}", spread_by_groups),
    ("{spread of COLUMN in COLUMN over COLUMN}", share_spread_over_groups),
    ("{spread of COLUMN in COLUMN varying by COLUMN over COLUMN}", spread_over_groups),
    ("{wilson END of COLUMN in COLUMN}", wilson),
    ("{student margin of COLUMN in COLUMN worth COLUMN}", student_margin),
)
"""What stands for an expression, and what makes it of the columns, in their order."""
_PATTERNS = [
    (re.compile(re.escape(mark).replace("COLUMN", r"([\w.]+)").replace("END", "(low|high)")), expression)
    for mark, expression in _MARKS
]


def filled(sql: str) -> str:
    """Return a statement with the expressions in the places of their marks."""
    for pattern, expression in _PATTERNS:
        sql = _replaced(pattern, expression, sql)
    return sql


def _replaced(pattern: re.Pattern[str], expression: Callable[..., str], sql: str) -> str:
    return pattern.sub(lambda found: expression(*found.groups()), sql)
