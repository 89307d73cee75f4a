"""The project's one expression language: conditions over names, parsed by Python's `ast`, never by `eval`.

It knows names (in backticks where a name is no plain word, dotted where the language has fields), numbers, texts,
`+ - * /`, comparisons, `in` and `not in` a list of constants, `and`, `or`, `not` and parentheses. A `Condition` is
parsed and checked here; `Operations` say what its names stand for and what its operators compute: Arrow columns for a
label, statistics of a column for a custom check.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
import re
from typing import Protocol, TypeAlias, TypeVar
import unicodedata
import warnings

MAX_CHARACTERS = 2000
# A sum of n terms is about n levels deep.
MAX_DEPTH = 150
MAX_DIGITS = 30
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.USub)
LOGIC = (ast.And, ast.Or, ast.Not)
_COMPARISONS = (ast.Gt, ast.GtE, ast.Lt, ast.LtE, ast.Eq, ast.NotEq)
_QUOTED = re.compile(r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|`(?P<name>[^`]+)`""", re.DOTALL)
_WORD = re.compile(r"[^\W\d]\w*")

Constant: TypeAlias = int | float | str
Operator: TypeAlias = type[ast.AST]
Value = TypeVar("Value")


class Operations(Protocol[Value]):
    """What the parts of a condition come to."""

    def operand(self, name: str) -> Value:
        """What a name stands for."""

    def constant(self, value: Constant) -> Value:
        """What a number or a quoted text stands for."""

    def apply(self, operator: Operator, operands: tuple[Value, ...], source: ast.AST) -> Value:
        """What an operator of `ast` computes: one of `ARITHMETIC`, of `LOGIC`, or a comparison.

        `Not` and `USub` have one operand, all others two. `source` is the part of the condition, for messages.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class Language:
    """Where the language is used.

    Attributes
    ----------
    subject
        What errors call the expression: `label.expression`.
    operand
        What a name stands for: `column`.
    example
        A condition, for errors.
    has_fields
        Whether names may be dotted.
    allows_numbers
        Whether an expression may also give a number.
    """

    subject: str
    operand: str
    example: str
    has_fields: bool = False
    allows_numbers: bool = False


class Condition:
    """A parsed expression that is true or false, or a number where the language allows that.

    Parameters
    ----------
    text
        The expression; it may run over several lines.
    language
        Where it is used.

    Attributes
    ----------
    text
        As given.
    names
        The names in it, each once, in their order; without their backticks.
    is_condition
        Whether it is true or false; else it gives a number, where the language allows that.

    Raises
    ------
    ValueError
        If the text is no expression of this language, or gives no truth value where the language wants one; or if it
        has more than 2,000 characters, 150 levels, or 30 digits in a whole number.
    """

    def __init__(self, text: str, language: Language) -> None:
        self.text = text
        self._language = language
        if len(text) > MAX_CHARACTERS:
            raise ValueError(f"{language.subject} must have at most {MAX_CHARACTERS} characters, got {len(text)}")
        self._quoted: dict[str, str] = {}
        self._prefix = "quoted_name_"
        while self._prefix in text:
            self._prefix += "_"
        self._root = self._parsed()
        self._check_bounds()
        self.names: tuple[str, ...] = tuple(dict.fromkeys(self._names()))
        if not self.names:
            raise self.error(f"it names no {language.operand}")
        self._check(self._root)
        self.is_condition = _is_condition(self._root)
        if not self.is_condition and not language.allows_numbers:
            raise self.error(f"it must be a condition, such as {language.example}")

    def fold(self, operations: Operations[Value]) -> Value:
        """What the condition comes to; every part of it is computed, the innermost first."""
        return self._folded(self._root, operations)

    def error(self, reason: str) -> ValueError:
        """An error about this expression."""
        return ValueError(
            f"{self._language.subject} {self.text!r} must be a condition over {self._language.operand}s, numbers and "
            f"quoted texts joined by and, or, not: {reason}"
        )

    def _parsed(self) -> ast.expr:
        if not self.text.strip():
            raise self.error("it cannot be read (it is empty)")
        for word in _WORD.findall(_QUOTED.sub(" ", self.text)):
            if unicodedata.normalize("NFKC", word) != word:
                raise self.error(f"{word!r} must stand in backticks, for Python would read it as another name")
        # In parentheses a line may end anywhere, and the next one still belongs to the expression.
        text = f"({_QUOTED.sub(self._placeholder, self.text)}\n)"
        try:
            with warnings.catch_warnings():
                # A backslash before a letter that needs none.
                warnings.simplefilter("error")
                root = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self.error(f"it cannot be read ({getattr(error, 'msg', error)})") from error
        if root.col_offset == 0 and root.lineno == 1 and not isinstance(root, ast.Tuple | ast.GeneratorExp):
            raise self.error("it cannot be read (unmatched ')')")
        return root

    def _placeholder(self, match: re.Match[str]) -> str:
        if match["name"] is None:
            return match[0]
        name = f"{self._prefix}{len(self._quoted)}"
        self._quoted[name] = match["name"]
        return name

    def _check_bounds(self) -> None:
        level: list[ast.AST] = [self._root]
        for _ in range(MAX_DEPTH):
            for node in level:
                value = getattr(node, "value", None)
                if isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
                    raise self.error(f"a whole number must have at most {MAX_DIGITS} digits, got {len(str(value))}")
                if isinstance(value, str) and _has_surrogates(value):
                    raise self.error("a quoted text must hold no half of a character (a surrogate)")
            level = [child for node in level for child in ast.iter_child_nodes(node)]
        if level:
            raise self.error(f"it must be nested at most {MAX_DEPTH} levels deep")

    def _names(self) -> Iterator[str]:
        nodes: list[ast.AST] = [self._root]
        for node in nodes:
            name = self._name(node)
            if name is None:
                nodes.extend(ast.iter_child_nodes(node))
            else:
                yield name

    def _name(self, node: ast.AST) -> str | None:
        """The name that a node is, dotted where the language has fields; None where it is none."""
        if isinstance(node, ast.Name):
            return self._quoted.get(node.id, node.id)
        if not isinstance(node, ast.Attribute) or not self._language.has_fields:
            return None
        parent = self._name(node.value)
        return None if parent is None else f"{parent}.{self._quoted.get(node.attr, node.attr)}"

    def _check(self, node: ast.expr) -> None:
        if isinstance(node, ast.BoolOp):
            conditions = node.values
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            conditions = [node.operand]
        else:
            self._check_value(node)
            return
        for condition in conditions:
            if not _is_condition(condition):
                raise self.error(f"{ast.unparse(condition)!r} is no condition")
            self._check(condition)

    def _check_value(self, node: ast.expr) -> None:
        if isinstance(node, ast.Compare):
            self._check_value(node.left)
            for operator, right in zip(node.ops, node.comparators, strict=True):
                self._check_comparison(operator, right)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC):
            self._check_value(node.left)
            self._check_value(node.right)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            self._check_value(node.operand)
        elif self._name(node) is None and _constant(node) is None:
            raise self.error(f"{ast.unparse(node)!r} is not understood")

    def _check_comparison(self, operator: ast.cmpop, right: ast.expr) -> None:
        if isinstance(operator, _COMPARISONS):
            self._check_value(right)
        elif not isinstance(operator, ast.In | ast.NotIn):
            raise self.error("'is' is not understood; compare with ==")
        elif not _listed(right) or any(_constant(item) is None for item in _listed(right)):
            raise self.error("'in' must be followed by a list of constants")

    def _folded(self, node: ast.expr, operations: Operations[Value]) -> Value:
        name, constant = self._name(node), _constant(node)
        if name is not None:
            return operations.operand(name)
        if constant is not None:
            return operations.constant(constant)
        if isinstance(node, ast.Compare):
            return self._comparison(node, operations)
        if isinstance(node, ast.UnaryOp):
            return operations.apply(type(node.op), (self._folded(node.operand, operations),), node)
        if isinstance(node, ast.BinOp):
            sides = self._folded(node.left, operations), self._folded(node.right, operations)
            return operations.apply(type(node.op), sides, node)
        assert isinstance(node, ast.BoolOp)
        return _joined(type(node.op), [self._folded(value, operations) for value in node.values], node, operations)

    def _comparison(self, node: ast.Compare, operations: Operations[Value]) -> Value:
        """All comparisons of a chain hold: `1 < a <= 3` is `1 < a and a <= 3`."""
        left = self._folded(node.left, operations)
        parts = []
        for operator, comparator in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                items = [self._folded(item, operations) for item in _listed(comparator)]
                equal = [operations.apply(ast.Eq, (left, item), node) for item in items]
                among = _joined(ast.Or, equal, node, operations)
                parts.append(operations.apply(ast.Not, (among,), node) if isinstance(operator, ast.NotIn) else among)
            else:
                right = self._folded(comparator, operations)
                parts.append(operations.apply(type(operator), (left, right), node))
                left = right
        return _joined(ast.And, parts, node, operations)


def _joined(operator: Operator, parts: list[Value], node: ast.AST, operations: Operations[Value]) -> Value:
    return reduce(lambda left, right: operations.apply(operator, (left, right), node), parts)


def _is_condition(node: ast.expr) -> bool:
    return isinstance(node, ast.BoolOp | ast.Compare) or (
        isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    )


def _constant(node: ast.expr) -> Constant | None:
    """The number, also a negative one, or the text that a node is; None where it is none."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = _constant(node.operand)
        return -number if isinstance(number, int | float) else None
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
        return None
    return node.value if isinstance(node.value, int | float | str) else None


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _listed(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else []
