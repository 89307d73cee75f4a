"""A label computed from columns, `tips > 0.2 * fare` or `tips / fare`: the expression language over Arrow columns."""

import ast
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.tables.expression_language import ARITHMETIC, Condition, Constant, Language, Operator

_LANGUAGE = Language(subject="label.expression", operand="column", example="tips > 0.2 * fare", allows_numbers=True)
SLICE_LANGUAGE = Language(subject="slices.where", operand="column", example="brightness < 0.2")
_FUNCTIONS: Mapping[Operator, Callable[..., Any]] = {
    ast.Add: pc.add,
    ast.Sub: pc.subtract,
    ast.Mult: pc.multiply,
    ast.Div: pc.divide,
    ast.USub: pc.negate,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
    ast.And: pc.and_kleene,
    ast.Or: pc.or_kleene,
    ast.Not: pc.invert,
}


class LabelExpression:
    """A parsed expression that is true or false, or a number, for every row; `expression_language.py` has its parts.

    Parameters
    ----------
    text
        The expression.
    language
        Where it is used: for a label, or to pin a slice.

    Attributes
    ----------
    columns
        The columns that it names.
    is_number
        Whether its value is a number: a target of regression.

    Raises
    ------
    ValueError
        If the text is no expression of this language.
    """

    def __init__(self, text: str, language: Language = _LANGUAGE) -> None:
        self.text = text
        self._condition = Condition(text, language)
        self.columns: tuple[str, ...] = self._condition.names
        self.is_number = not self._condition.is_condition

    def evaluate(self, columns: Mapping[str, pa.Array]) -> pa.Array:
        """Value of the expression for every row.

        Parameters
        ----------
        columns
            Arrays of equal length N for every name in `self.columns`: numbers or texts.

        Returns
        -------
        pa.Array
            Shape (N,), bool or float64; null where a value that decides it is missing.

        Raises
        ------
        ValueError
            If texts and numbers are mixed in a comparison or in arithmetic, or its value is a text.
        """
        value = self._condition.fold(_ArrowOperations(columns, self._condition))
        if self.is_number and not pa.types.is_floating(value.type):
            raise self._condition.error("its value is a text: it must be a condition or a number")
        return value.combine_chunks() if isinstance(value, pa.ChunkedArray) else value


class _ArrowOperations:
    """Columns are arrays, constants scalars; numbers are float64, and nan is null."""

    def __init__(self, columns: Mapping[str, pa.Array], condition: Condition) -> None:
        self._columns = columns
        self._condition = condition

    def operand(self, name: str) -> Any:
        array = self._columns[name]
        return array if pa.types.is_string(array.type) else _nan_as_null(array.cast(pa.float64()))

    def constant(self, value: Constant) -> Any:
        return pa.scalar(value if isinstance(value, str) else float(value))

    def apply(self, operator: Operator, operands: tuple[Any, ...], source: ast.AST) -> Any:
        if len({pa.types.is_string(operand.type) for operand in operands}) > 1:
            raise self._condition.error(f"{ast.unparse(source)!r} mixes texts and numbers")
        try:
            value = _FUNCTIONS[operator](*operands)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise self._condition.error(f"{ast.unparse(source)!r} cannot be computed ({error})") from error
        return _nan_as_null(value) if operator in ARITHMETIC else value


def _nan_as_null(value: Any) -> Any:
    """Nothing divided by nothing is unknown, not false."""
    if not pa.types.is_floating(value.type):
        return value
    return pc.if_else(pc.is_nan(value), pa.scalar(None, pa.float64()), value)
