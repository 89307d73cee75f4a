"""The parts of an SQL condition over a column's TFMD statistics: each knows its type before any column is seen.

So a mistake in an expression is found whatever the data, as GoogleSQL finds it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.data_validation.schemas import sql_values
from components.data_validation.schemas.sql_tokens import SqlError, Token

TermType = Literal["number", "text", "truth value", "NULL", "list", "message"]
_FIELD_TYPES: Mapping[int, TermType] = {
    FieldDescriptor.TYPE_MESSAGE: "message",
    FieldDescriptor.TYPE_STRING: "text",
    FieldDescriptor.TYPE_ENUM: "text",
    FieldDescriptor.TYPE_BOOL: "truth value",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """A part of an expression.

    Attributes
    ----------
    type
        What it gives.
    value
        Computes it from a column; None is NULL.
    position
        Its first character, counted from 1.
    message
        The fields that it has, where it is a message.
    """

    type: TermType
    value: Callable[[statistics_pb2.FeatureNameStatistics], Any]
    position: int
    message: Descriptor | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SqlFunction:
    """A function of the language.

    Attributes
    ----------
    compute
        Of the arguments' values.
    counts
        How many arguments it takes.
    takes, gives
        The arguments' type and the result's; None says one type for all, which is the result's too.
    """

    compute: Callable[..., Any]
    counts: range
    takes: TermType | None = "number"
    gives: TermType | None = "number"


_ONE, _TWO, _MANY = range(1, 2), range(2, 3), range(1, 100)
FUNCTIONS: Mapping[str, SqlFunction] = {
    "ABS": SqlFunction(compute=sql_values.strict(abs), counts=_ONE),
    "ARRAY_LENGTH": SqlFunction(compute=sql_values.strict(len), counts=_ONE, takes="list"),
    "COALESCE": SqlFunction(compute=sql_values.first_held, counts=_MANY, takes=None, gives=None),
    "GREATEST": SqlFunction(compute=sql_values.strict(sql_values.greatest), counts=_MANY),
    "IFNULL": SqlFunction(compute=sql_values.first_held, counts=_TWO, takes=None, gives=None),
    "LEAST": SqlFunction(compute=sql_values.strict(sql_values.least), counts=_MANY),
    "ROUND": SqlFunction(compute=sql_values.strict(sql_values.rounded), counts=_ONE),
    "SAFE_DIVIDE": SqlFunction(compute=sql_values.strict(sql_values.safe_quotient), counts=_TWO),
}
CASTS: Mapping[str, Callable[[Any], Any]] = {
    "INT64": sql_values.strict(sql_values.as_integer),
    "FLOAT64": sql_values.strict(float),
    "DOUBLE": sql_values.strict(float),
}


def constant(kind: TermType, value: Any, position: int) -> Term:
    """A value that is the same for every column."""
    return Term(type=kind, value=lambda _: value, position=position)


def column_root(position: int) -> Term:
    """The column's `FeatureNameStatistics`."""
    descriptor = statistics_pb2.FeatureNameStatistics.DESCRIPTOR
    return Term(type="message", value=lambda feature: feature, position=position, message=descriptor)


def field(parent: Term, name: Token) -> Term:
    """A field of a message: NULL where the message is, or is an unset message itself; a scalar has its default.

    Raises
    ------
    SqlError
        If the parent has no such field.
    """
    if parent.message is None:
        raise SqlError(f"a {parent.type} has no fields, got {name}", name.position)
    found = parent.message.fields_by_name.get(name.text.lower())
    if found is None:
        known = ", ".join(item.name for item in parent.message.fields)
        raise SqlError(f"{name} is no field of {parent.message.name}, which has {known}", name.position)
    kind: TermType = "list" if found.default_value == [] else _FIELD_TYPES.get(found.type, "number")
    message = found.message_type if kind == "message" else None

    def value(feature: statistics_pb2.FeatureNameStatistics) -> Any:
        held = parent.value(feature)
        return None if held is None else _held(held, found, kind)

    return Term(type=kind, value=value, position=parent.position, message=message)


def _held(message: Any, found: FieldDescriptor, kind: TermType) -> Any:
    if kind == "message" and not message.HasField(found.name):
        return None
    value = getattr(message, found.name)
    return found.enum_type.values_by_number[value].name if found.enum_type and kind == "text" else value


def applied(
    token: Token,
    compute: Callable[..., Any],
    terms: tuple[Term, ...],
    *,
    takes: TermType | None = None,
    gives: TermType | None = None,
) -> Term:
    """What an operator or a function gives of its operands.

    Parameters
    ----------
    token
        The operator or the function's name.
    compute
        Of the operands' values.
    terms
        The operands.
    takes, gives
        As those of `SqlFunction`.

    Raises
    ------
    SqlError
        If an operand is of another type.
    """
    common = _common_type(token, terms, takes)
    position = min(token.position, *(term.position for term in terms))
    return Term(
        type=gives or common, value=lambda feature: compute(*(term.value(feature) for term in terms)), position=position
    )


def calculated(token: Token, left: Term, right: Term) -> Term:
    """`+ - * /` of two numbers."""
    compute = sql_values.strict(sql_values.ARITHMETIC[token.text])
    return applied(token, compute, (left, right), takes="number", gives="number")


def compared(token: Token, left: Term, right: Term) -> Term:
    """A comparison of two values of one type."""
    if "NULL" in (left.type, right.type):
        raise SqlError(f"nothing is comparable to NULL by {token}: write IS NULL or IS NOT NULL", token.position)
    return applied(token, sql_values.strict(sql_values.COMPARISONS[token.text]), (left, right), gives="truth value")


def joined(token: Token, left: Term, right: Term) -> Term:
    """`AND` or `OR` of two truth values."""
    compute = sql_values.both if token.keyword == "AND" else sql_values.either
    return applied(token, compute, (left, right), takes="truth value", gives="truth value")


def negated(token: Token, term: Term) -> Term:
    """`NOT` of a truth value."""
    return applied(token, sql_values.negated, (term,), takes="truth value", gives="truth value")


def tested(token: Token, term: Term, sought: bool | None, *, is_negated: bool) -> Term:
    """`IS NULL`, `IS TRUE`, `IS FALSE` and their opposites: never NULL."""
    if sought is not None:
        _common_type(token, (term,), "truth value")
    return Term(
        type="truth value",
        value=lambda feature: (term.value(feature) is sought) is not is_negated,
        position=term.position,
    )


def called(token: Token, terms: tuple[Term, ...]) -> Term:
    """A function of `FUNCTIONS`, or `IF`.

    Raises
    ------
    SqlError
        If it is not known, or takes other arguments.
    """
    name = token.keyword
    if name == "IF" and len(terms) == 3:
        return _chosen(token, *terms)
    function = FUNCTIONS.get(name)
    if function is None or len(terms) not in function.counts:
        raise SqlError(f"{name} does not take {len(terms)} arguments", token.position)
    return applied(token, function.compute, terms, takes=function.takes, gives=function.gives)


def _chosen(token: Token, condition: Term, then: Term, other: Term) -> Term:
    """`IF`: the value that is not wanted is not computed."""
    _common_type(token, (condition,), "truth value")
    return Term(
        type=_common_type(token, (then, other), None),
        value=lambda feature: (then if condition.value(feature) else other).value(feature),
        position=token.position,
    )


def _common_type(token: Token, terms: tuple[Term, ...], takes: TermType | None) -> TermType:
    """The operands' one type; a literal NULL is of every type."""
    common: TermType = takes or "NULL"
    for term in terms:
        if term.type in ("NULL", common):
            continue
        if common != "NULL":
            raise SqlError(f"{token} needs a {common}, got a {term.type}", term.position)
        if term.type in ("list", "message"):
            raise SqlError(f"{token} needs a single value, got a {term.type}", term.position)
        common = term.type
    return common
