"""A condition over the TFMD statistics of a column, `num_stats.max < 1000`: the expression language over their fields.

A name is a field of `FeatureNameStatistics`, dotted down to one number or text; an enum is its name, as in
`type == 'INT'`. Repeated fields, such as histograms, cannot be named.
"""

import ast
from collections.abc import Callable, Mapping
import operator
from typing import Any, Literal

from google.protobuf.descriptor import FieldDescriptor
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.shared.tables.expression_language import ARITHMETIC, Condition, Constant, Language, LOGIC, Operator

_LANGUAGE = Language(subject="expression", operand="statistic", example="num_stats.max < 1000", has_fields=True)
_Kind = Literal["number", "text", "condition"]
_TEXTS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_ENUM)
_NO_VALUES = (FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_BOOL)


class StatisticsExpression:
    """A parsed expression that is true or false of a column's statistics.

    A wrong one raises `ValueError` whatever the column (an unknown field, texts and numbers mixed), so that a mistake
    is found before any table is read.
    """

    def __init__(self, text: str) -> None:
        self._condition = Condition(text, _LANGUAGE)
        try:
            self._fields = {name: _fields(name) for name in self._condition.names}
            self._condition.fold(_Kinds(self._fields))
        except _ExpressionError as error:
            raise self._condition.error(str(error)) from error

    def evaluate(self, feature: statistics_pb2.FeatureNameStatistics) -> bool | None:
        """Whether it is true of a column; whole numbers are compared exactly, also those past 2 to the power of 53.

        None where a statistic that decides it is missing (a column of texts has no `num_stats`), or a divisor is 0.
        """
        try:
            return self._condition.fold(_Values(self._fields, feature))
        except ArithmeticError:
            return None


class _ExpressionError(ValueError):
    """What is wrong with an expression, to end a sentence."""


def _fields(name: str) -> tuple[FieldDescriptor, ...]:
    """The fields that a dotted name goes through, down to one number or text."""
    message = statistics_pb2.FeatureNameStatistics.DESCRIPTOR
    path: list[FieldDescriptor] = []
    for part in name.split("."):
        if message is None:
            raise _ExpressionError(f"{name!r} has no field {part!r}: {path[-1].name} is no group of statistics")
        found = message.fields_by_name.get(part)
        if found is None:
            known = ", ".join(field.name for field in message.fields)
            raise _ExpressionError(f"{part!r} is no field of {message.name}, which has {known}")
        path.append(found)
        message = found.message_type
    # Protobuf 3 and 6 have no other way in common to tell a repeated field.
    if path[-1].type in _NO_VALUES or any(field.default_value == [] for field in path):
        raise _ExpressionError(f"{name!r} must be one number or text")
    return tuple(path)


class _Kinds:
    """What kind of value each part of an expression has, whatever the column."""

    def __init__(self, fields: Mapping[str, tuple[FieldDescriptor, ...]]) -> None:
        self._fields = fields

    def operand(self, name: str) -> _Kind:
        return "text" if self._fields[name][-1].type in _TEXTS else "number"

    def constant(self, value: Constant) -> _Kind:
        return "text" if isinstance(value, str) else "number"

    def apply(self, operator: Operator, operands: tuple[_Kind, ...], source: ast.AST) -> _Kind:
        if len(set(operands)) > 1:
            raise _ExpressionError(f"{ast.unparse(source)!r} mixes a {operands[0]} and a {operands[1]}")
        if operator in ARITHMETIC and operands[0] != "number":
            raise _ExpressionError(f"{ast.unparse(source)!r} needs numbers")
        return "number" if operator in ARITHMETIC else "condition"


class _Values:
    """The values of one column; None where a statistic is missing."""

    def __init__(
        self, fields: Mapping[str, tuple[FieldDescriptor, ...]], feature: statistics_pb2.FeatureNameStatistics
    ) -> None:
        self._fields = fields
        self._feature = feature

    def operand(self, name: str) -> Any:
        held: Any = self._feature
        *messages, last = self._fields[name]
        for field in messages:
            if not held.HasField(field.name):
                return None
            held = getattr(held, field.name)
        value = getattr(held, last.name)
        return last.enum_type.values_by_number[value].name if last.enum_type else value

    def constant(self, value: Constant) -> Any:
        return value

    def apply(self, operator: Operator, operands: tuple[Any, ...], source: ast.AST) -> Any:
        if operator not in LOGIC and any(operand is None for operand in operands):
            return None
        return _FUNCTIONS[operator](*operands)


def _all(left: bool | None, right: bool | None) -> bool | None:
    """None where a truth value that would decide is missing."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _negated(value: bool | None) -> bool | None:
    return None if value is None else not value


_FUNCTIONS: Mapping[Operator, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.And: _all,
    ast.Or: lambda left, right: _negated(_all(_negated(left), _negated(right))),
    ast.Not: _negated,
}
