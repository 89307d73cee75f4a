"""A label computed from columns, `tips > 0.2 * fare`: a small safe language over Arrow columns, never `eval`.

It knows columns (in backticks where the name is no plain word), numbers, texts, `+ - * /`, comparisons, `in` and
`not in` a list of constants, `and`, `or`, `not` and parentheses.
"""

import ast
from collections.abc import Callable, Mapping
import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_MAX_CHARACTERS = 2000
_BACKTICKED = re.compile(r"`([^`]+)`")
_ARITHMETIC: dict[type, Callable[..., Any]] = {
    ast.Add: pc.add,
    ast.Sub: pc.subtract,
    ast.Mult: pc.multiply,
    ast.Div: pc.divide,
}
_COMPARISONS: dict[type, Callable[..., Any]] = {
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
}


class LabelExpression:
    """A parsed expression that is true or false for every row.

    Parameters
    ----------
    text
        The expression.

    Raises
    ------
    ValueError
        If the text is no expression of this language, or its value is no truth value.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > _MAX_CHARACTERS:
            raise ValueError(f"label.expression must have at most {_MAX_CHARACTERS} characters, got {len(text)}")
        self._quoted: dict[str, str] = {}
        try:
            self._root = ast.parse(_BACKTICKED.sub(self._placeholder, text).strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._error(f"it cannot be read ({getattr(error, 'msg', error)})") from error
        self.columns: tuple[str, ...] = tuple(
            dict.fromkeys(self._column_name(node) for node in ast.walk(self._root) if isinstance(node, ast.Name))
        )
        if not self.columns:
            raise self._error("it names no column")
        self._check(self._root)
        if not _is_condition(self._root):
            raise self._error("it must be a condition, such as tips > 0.2 * fare")

    def evaluate(self, columns: Mapping[str, pa.Array]) -> pa.Array:
        """Value of the expression for every row.

        Parameters
        ----------
        columns
            Arrays of equal length N for every name in `self.columns`: numbers or texts.

        Returns
        -------
        pa.Array
            Shape (N,), bool; null where a value that decides it is missing.

        Raises
        ------
        ValueError
            If texts and numbers are mixed in a comparison or in arithmetic.
        """
        value = self._value(self._root, columns)
        return value.combine_chunks() if isinstance(value, pa.ChunkedArray) else value

    def _placeholder(self, match: re.Match[str]) -> str:
        name = f"quoted_column_{len(self._quoted)}"
        self._quoted[name] = match.group(1)
        return name

    def _column_name(self, node: ast.Name) -> str:
        return self._quoted.get(node.id, node.id)

    def _error(self, what: str) -> ValueError:
        return ValueError(
            f"label.expression {self.text!r} must be a condition over columns, numbers and quoted texts "
            f"joined by and, or, not: {what}"
        )

    def _check(self, node: ast.AST) -> None:
        if isinstance(node, ast.BoolOp):
            conditions = node.values
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            conditions = [node.operand]
        else:
            self._check_value(node)
            return
        for condition in conditions:
            if not _is_condition(condition):
                raise self._error(f"{ast.unparse(condition)!r} is no condition")
            self._check(condition)

    def _check_value(self, node: ast.AST) -> None:
        if isinstance(node, ast.Compare):
            self._check_value(node.left)
            for operator, right in zip(node.ops, node.comparators, strict=True):
                self._check_comparison(operator, right)
        elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            self._check_value(node.left)
            self._check_value(node.right)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            self._check_value(node.operand)
        elif not isinstance(node, ast.Name) and not _is_constant(node):
            raise self._error(f"{ast.unparse(node)!r} is not understood")

    def _check_comparison(self, operator: ast.cmpop, right: ast.expr) -> None:
        if type(operator) in _COMPARISONS:
            self._check_value(right)
        elif not isinstance(operator, ast.In | ast.NotIn):
            raise self._error("'is' is not understood; compare with ==")
        elif not isinstance(right, ast.List | ast.Tuple | ast.Set) or not all(map(_is_constant, right.elts)):
            raise self._error("'in' must be followed by a list of constants")

    def _value(self, node: ast.AST, columns: Mapping[str, pa.Array]) -> Any:
        if isinstance(node, ast.BoolOp):
            join = pc.and_kleene if isinstance(node.op, ast.And) else pc.or_kleene
            value = self._value(node.values[0], columns)
            for other in node.values[1:]:
                value = join(value, self._value(other, columns))
            return value
        if isinstance(node, ast.Compare):
            return self._comparison(node, columns)
        if isinstance(node, ast.UnaryOp):
            negated = pc.invert if isinstance(node.op, ast.Not) else pc.negate
            return self._applied(node, negated, self._value(node.operand, columns))
        if isinstance(node, ast.BinOp):
            sides = self._value(node.left, columns), self._value(node.right, columns)
            return _nan_as_null(self._applied(node, _ARITHMETIC[type(node.op)], *sides))
        if isinstance(node, ast.Name):
            return _widened(columns[self._column_name(node)])
        assert isinstance(node, ast.Constant)
        assert isinstance(node.value, int | float | str)
        return _scalar(node.value)

    def _comparison(self, node: ast.Compare, columns: Mapping[str, pa.Array]) -> Any:
        left, result = self._value(node.left, columns), None
        for operator, comparator in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                assert isinstance(comparator, ast.List | ast.Tuple | ast.Set)
                part = self._membership(node, left, comparator)
                part = pc.invert(part) if isinstance(operator, ast.NotIn) else part
            else:
                right = self._value(comparator, columns)
                part = self._applied(node, _COMPARISONS[type(operator)], left, right)
                left = right
            result = part if result is None else pc.and_kleene(result, part)
        return result

    def _membership(self, node: ast.Compare, left: Any, values: ast.List | ast.Tuple | ast.Set) -> Any:
        result: Any = pa.scalar(False)
        for item in values.elts:
            assert isinstance(item, ast.Constant)
            assert isinstance(item.value, int | float | str)
            result = pc.or_kleene(result, self._applied(node, pc.equal, left, _scalar(item.value)))
        return result

    def _applied(self, node: ast.AST, function: Callable[..., Any], *operands: Any) -> Any:
        if len({pa.types.is_string(operand.type) for operand in operands}) > 1:
            raise self._error(f"{ast.unparse(node)!r} mixes texts and numbers")
        try:
            return function(*operands)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise self._error(f"{ast.unparse(node)!r} cannot be computed ({error})") from error


def _is_condition(node: ast.AST) -> bool:
    return isinstance(node, ast.BoolOp | ast.Compare) or (
        isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    )


def _is_constant(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float | str)
        and not isinstance(node.value, bool)
    )


def _scalar(value: int | float | str) -> pa.Scalar:
    return pa.scalar(value) if isinstance(value, str) else pa.scalar(float(value), pa.float64())


def _widened(array: pa.Array) -> pa.Array:
    return array if pa.types.is_string(array.type) else _nan_as_null(array.cast(pa.float64()))


def _nan_as_null(value: Any) -> Any:
    """Nothing divided by nothing is unknown, not false."""
    if not pa.types.is_floating(value.type):
        return value
    return pc.if_else(pc.is_nan(value), pa.scalar(None, pa.float64()), value)
