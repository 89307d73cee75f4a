"""GoogleSQL's arithmetic and its logic of three values, over plain Python values: None is its NULL.

A number that cannot be computed (a division by zero, a cast of infinity) raises `ArithmeticError`.
"""

from collections.abc import Callable, Mapping
import math
import operator
from typing import Any

_INT64 = range(-(2**63), 2**63)

ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with NULL wherever an argument is NULL."""
    return lambda *values: None if any(value is None for value in values) else function(*values)


def both(left: bool | None, right: bool | None) -> bool | None:
    """`AND`: NULL where the side that is not NULL does not decide."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def either(left: bool | None, right: bool | None) -> bool | None:
    """`OR`: NULL where the side that is not NULL does not decide."""
    return negated(both(negated(left), negated(right)))


def negated(value: bool | None) -> bool | None:
    """`NOT`."""
    return None if value is None else not value


def is_among(value: Any, *others: Any) -> bool | None:
    """`IN`: NULL where no other is equal and one of them, or the value, is NULL."""
    if value is None:
        return None
    if any(other is not None and value == other for other in others):
        return True
    return None if any(other is None for other in others) else False


def is_between(value: Any, low: Any, high: Any) -> bool | None:
    """`BETWEEN`, with both ends."""
    at_least, at_most = strict(operator.ge), strict(operator.le)
    return both(at_least(value, low), at_most(value, high))


def first_held(*values: Any) -> Any:
    """`COALESCE`: the first that is not NULL."""
    return next((value for value in values if value is not None), None)


def greatest(*values: float) -> float:
    """`GREATEST`: `nan` where one of them is."""
    return math.nan if any(map(math.isnan, values)) else max(values)


def least(*values: float) -> float:
    """`LEAST`: `nan` where one of them is."""
    return math.nan if any(map(math.isnan, values)) else min(values)


def safe_quotient(value: float, divisor: float) -> float | None:
    """`SAFE_DIVIDE`: NULL where the divisor is 0."""
    return value / divisor if divisor else None


def rounded(value: float) -> float:
    """`ROUND`: halves go away from zero."""
    return math.copysign(math.floor(abs(value) + 0.5), value) if math.isfinite(value) else value


def as_integer(value: float) -> int:
    """`CAST(value AS INT64)`: halves go away from zero.

    Raises
    ------
    ArithmeticError
        If the value is not finite or does not fit 64 bits.
    """
    if not math.isfinite(value) or int(value) not in _INT64:
        raise ArithmeticError(f"a number must fit 64 bits to be an INT64, got {value!r}")
    return int(value if isinstance(value, int) else rounded(value))
